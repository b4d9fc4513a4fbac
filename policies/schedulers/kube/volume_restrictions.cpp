// VolumeRestrictions: disks that only one pod (or one writer) may have on a node, and claims for one pod alone.
// Source: pkg/scheduler/framework/plugins/volumerestrictions, v1.37.
#include <algorithm>
#include <set>

#include "policies/schedulers/kube/plugins.hpp"

namespace berth::kube {
namespace {

struct FilterState : CopiedState<FilterState> {
  std::set<std::string> single_pod_claims;  // The pod's ReadWriteOncePod claims, without namespace (as upstream).
  std::int64_t conflicts = 0;               // How often pods on nodes refer to them.
};

bool restricted(const Volume& v) {
  return v.kind == Volume::Kind::kGcePersistentDisk || v.kind == Volume::Kind::kAwsElasticBlockStore ||
         v.kind == Volume::Kind::kIscsi || v.kind == Volume::Kind::kRbd;
}

bool conflict(const Volume& a, const Volume& b) {
  if (a.kind != b.kind || !restricted(a) || a.source != b.source) return false;
  if (a.kind == Volume::Kind::kAwsElasticBlockStore) return true;
  if (a.read_only && b.read_only) return false;
  if (a.kind != Volume::Kind::kRbd) return true;
  return std::any_of(a.monitors.begin(), a.monitors.end(), [&b](const std::string& monitor) {
    return std::find(b.monitors.begin(), b.monitors.end(), monitor) != b.monitors.end();
  });
}

class VolumeRestrictions final : public Plugin {
 public:
  VolumeRestrictions() : Plugin("VolumeRestrictions") {}

  Scope scope() const override { return Scope::kVolumes; }

  Status pre_filter(const Cycle& cycle, CycleState& state, std::optional<NodeNames>&) const override {
    const Pod& pod = cycle.pod.pod;
    auto own = std::make_unique<FilterState>();
    bool needed = std::any_of(pod.volumes.begin(), pod.volumes.end(), restricted);
    for (const Volume& volume : pod.volumes) {
      if (volume.kind != Volume::Kind::kClaim) continue;
      const PersistentVolumeClaim* claim = cycle.cluster.find_claim(pod.namespace_name, volume.source);
      if (claim == nullptr) return unresolvable("persistentvolumeclaim \"" + volume.source + "\" not found");
      if (std::find(claim->access_modes.begin(), claim->access_modes.end(), "ReadWriteOncePod") ==
          claim->access_modes.end())
        continue;
      if (own->single_pod_claims.insert(claim->name).second && cycle.cluster.claim_in_use(claim->key()))
        ++own->conflicts;
    }
    needed = needed || own->conflicts > 0;
    state.filter[slot()] = std::move(own);
    return needed ? Status{} : skip();
  }

  Status filter(const Cycle& cycle, CycleState& state, const NodeInfo& node) const override {
    for (const Volume& volume : cycle.pod.pod.volumes) {
      if (!restricted(volume)) continue;
      for (const PodRef& other : node.pods) {
        for (const Volume& taken : other->pod.volumes) {
          if (conflict(volume, taken)) return unschedulable("node(s) had no available disk");
        }
      }
    }
    if (filter_state<FilterState>(state).conflicts > 0) {
      return unschedulable(
          "node(s) unavailable due to PersistentVolumeClaim with ReadWriteOncePod access mode already in-use by "
          "another pod");
    }
    return {};
  }

  void update(const Cycle&, CycleState& state, const PodInfo& other, const NodeInfo&, int sign) const override {
    auto& own = filter_state<FilterState>(state);
    for (const Volume& volume : other.pod.volumes) {
      if (volume.kind == Volume::Kind::kClaim && own.single_pod_claims.contains(volume.source)) own.conflicts += sign;
    }
  }
};

}  // namespace

std::unique_ptr<Plugin> make_volume_restrictions() {
  return std::make_unique<VolumeRestrictions>();
}

}  // namespace berth::kube
