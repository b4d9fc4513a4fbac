// VolumeZone: a bound volume with zone or region labels runs only on nodes of that zone or region.
// Source: pkg/scheduler/framework/plugins/volumezone, v1.37.
#include <algorithm>

#include "policies/schedulers/kube/plugins.hpp"

namespace berth::kube {
namespace {

struct TopologyLabel {
  const char* key;
  const char* stable;  // The name that replaced it, or itself.
};
constexpr TopologyLabel kTopologyLabels[] = {
    {"failure-domain.beta.kubernetes.io/zone", "topology.kubernetes.io/zone"},
    {"failure-domain.beta.kubernetes.io/region", "topology.kubernetes.io/region"},
    {"topology.kubernetes.io/zone", "topology.kubernetes.io/zone"},
    {"topology.kubernetes.io/region", "topology.kubernetes.io/region"}};

struct FilterState : CopiedState<FilterState> {
  struct Wanted {
    const TopologyLabel* label;
    std::vector<std::string> values;
  };
  std::vector<Wanted> wanted;
};

// "a__b" names two zones.
std::vector<std::string> zones_of(const std::string& label) {
  std::vector<std::string> zones;
  std::size_t start = 0;
  for (std::size_t end = label.find("__"); end != std::string::npos; end = label.find("__", start)) {
    zones.push_back(label.substr(start, end - start));
    start = end + 2;
  }
  zones.push_back(label.substr(start));
  return zones;
}

class VolumeZone final : public Plugin {
 public:
  VolumeZone() : Plugin("VolumeZone") {}

  Scope scope() const override { return Scope::kVolumes; }

  Status pre_filter(const Cycle& cycle, CycleState& state, std::optional<NodeNames>&) const override {
    const Pod& pod = cycle.pod.pod;
    auto own = std::make_unique<FilterState>();
    for (const Volume& volume : pod.volumes) {
      const std::string name = claim_name(pod, volume);
      if (name.empty()) continue;
      const PersistentVolumeClaim* claim = cycle.cluster.find_claim(pod.namespace_name, name);
      if (claim == nullptr) return unresolvable("persistentvolumeclaim \"" + name + "\" not found");
      if (claim->volume_name.empty()) {
        if (claim->storage_class.empty())
          return unresolvable("PersistentVolumeClaim had no pv name and storageClass name");
        const StorageClass* storage_class = cycle.cluster.find_storage_class(claim->storage_class);
        if (storage_class == nullptr) {
          return unresolvable("storageclass.storage.k8s.io \"" + claim->storage_class + "\" not found");
        }
        if (storage_class->wait_for_first_consumer) continue;
        return unresolvable("PersistentVolume had no name");
      }
      const PersistentVolume* bound = cycle.cluster.find_volume(claim->volume_name);
      if (bound == nullptr) return unresolvable("persistentvolume \"" + claim->volume_name + "\" not found");
      for (const TopologyLabel& label : kTopologyLabels) {
        if (const std::string* value = bound->labels.find(label.key)) own->wanted.push_back({&label, zones_of(*value)});
      }
    }
    const bool nothing = own->wanted.empty();
    state.filter[slot()] = std::move(own);
    return nothing ? skip() : Status{};
  }

  Status filter(const Cycle&, CycleState& state, const NodeInfo& node) const override {
    const bool has_topology =
        std::any_of(std::begin(kTopologyLabels), std::end(kTopologyLabels),
                    [&node](const TopologyLabel& label) { return node.label(label.key) != nullptr; });
    if (!has_topology) return {};
    for (const auto& [label, values] : filter_state<FilterState>(state).wanted) {
      const std::string* own = node.label(label->key);
      if (own == nullptr) own = node.label(label->stable);
      if (own == nullptr || std::find(values.begin(), values.end(), *own) == values.end()) {
        return unresolvable("node(s) had no available volume zone");
      }
    }
    return {};
  }
};

}  // namespace

std::unique_ptr<Plugin> make_volume_zone() {
  return std::make_unique<VolumeZone>();
}

}  // namespace berth::kube
