// VolumeBinding: bound volumes reach the node; claims that wait for their first consumer find a volume there or can
// have one made. Better the node whose volumes fit the claims tightest, or whose storage would be emptiest. Source:
// pkg/scheduler/framework/plugins/volumebinding and pkg/volume/util (FindMatchingVolume), v1.37.
#include "policies/schedulers/kube/volume_binding.hpp"

#include <algorithm>
#include <cmath>
#include <map>

#include "policies/schedulers/kube/plugins.hpp"
#include "sim/engine/error.hpp"

namespace berth::kube {
namespace {

struct StaticBinding {
  const PersistentVolumeClaim* claim;
  const PersistentVolume* volume;
};
struct Provision {
  const PersistentVolumeClaim* claim;
  const CsiStorageCapacity* capacity;  // Null: not published.
};
struct NodeVolumes {
  std::vector<StaticBinding> bindings;
  std::vector<Provision> provisions;
};

struct FilterState : CopiedState<FilterState> {
  std::vector<const PersistentVolumeClaim*> bound;
  std::vector<const PersistentVolumeClaim*> delayed;
  // What the filter found per node: shared by all copies, as upstream.
  std::shared_ptr<std::map<std::uint32_t, NodeVolumes>> by_node =
      std::make_shared<std::map<std::uint32_t, NodeVolumes>>();
};

bool reaches(const PersistentVolume& volume, const NodeInfo& node) {
  return !volume.has_node_affinity || matches(volume.node_affinity, node.node->labels, "");
}

bool is_for(const PersistentVolume& volume, const PersistentVolumeClaim& claim) {
  const auto& ref = volume.claim_ref;
  return ref && ref->namespace_name == claim.namespace_name && ref->name == claim.name &&
         (ref->uid.empty() || ref->uid == claim.uid);
}

bool offers_modes(const PersistentVolume& volume, const PersistentVolumeClaim& claim) {
  return std::all_of(claim.access_modes.begin(), claim.access_modes.end(), [&volume](const std::string& mode) {
    return std::find(volume.access_modes.begin(), volume.access_modes.end(), mode) != volume.access_modes.end();
  });
}

// The smallest volume on the node that will do, or the one that was reserved for the claim.
const PersistentVolume* find_matching_volume(const ClusterState& cluster, const PersistentVolumeClaim& claim,
                                             const NodeInfo& node, const std::vector<StaticBinding>& taken) {
  const PersistentVolume* best = nullptr;
  const Quantity wanted = claim.request.value_or(Quantity{});
  for (const PersistentVolume* volume : cluster.volumes_of_class(claim.storage_class)) {
    if (std::any_of(taken.begin(), taken.end(), [volume](const StaticBinding& b) { return b.volume == volume; }))
      continue;
    if (volume->claim_ref && !is_for(*volume, claim)) continue;
    if (volume->capacity < wanted || volume->volume_mode != claim.volume_mode || volume->deleting) continue;
    const bool here = reaches(*volume, node);
    if (is_for(*volume, claim)) return here ? volume : nullptr;
    if (!volume->available || (claim.selector && !claim.selector->matches(volume->labels))) continue;
    if (!here || !offers_modes(*volume, claim)) continue;
    if (best == nullptr || volume->capacity < best->capacity) best = volume;
  }
  return best;
}

// No terms: everywhere.
bool in_allowed_topology(const StorageClass& storage_class, const NodeInfo& node) {
  if (storage_class.allowed_topologies.empty()) return true;
  for (const TopologySelectorTerm& term : storage_class.allowed_topologies) {
    const auto& all = term.match_label_expressions;
    if (all.empty()) continue;
    if (std::all_of(all.begin(), all.end(), [&node](const Requirement& r) { return matches(r, node.node->labels); }))
      return true;
  }
  return false;
}

class VolumeBinding final : public Plugin {
 public:
  explicit VolumeBinding(const PluginArgs& args) : Plugin("VolumeBinding"), shape_(args.volume_shape) {}

  Scope scope() const override { return Scope::kVolumes; }

  Status pre_filter(const Cycle& cycle, CycleState& state, std::optional<NodeNames>&) const override {
    const Pod& pod = cycle.pod.pod;
    auto own = std::make_unique<FilterState>();
    std::vector<const PersistentVolumeClaim*> claims;
    for (const Volume& volume : pod.volumes) {
      const std::string name = claim_name(pod, volume);
      if (name.empty()) continue;
      const PersistentVolumeClaim* claim = cycle.cluster.find_claim(pod.namespace_name, name);
      if (claim == nullptr) {
        return unresolvable(volume.kind == Volume::Kind::kEphemeral
                                ? "waiting for ephemeral volume controller to create the persistentvolumeclaim \"" +
                                      name + "\""
                                : "persistentvolumeclaim \"" + name + "\" not found");
      }
      if (claim->lost) {
        return unresolvable("persistentvolumeclaim \"" + name + "\" bound to non-existent persistentvolume \"" +
                            claim->volume_name + "\"");
      }
      if (claim->deleting) return unresolvable("persistentvolumeclaim \"" + name + "\" is being deleted");
      claims.push_back(claim);
    }
    if (claims.empty()) {
      state.filter[slot()] = std::move(own);
      return skip();
    }
    bool immediate = false;
    for (const PersistentVolumeClaim* claim : claims) {
      if (!claim->volume_name.empty() && claim->bind_completed) {
        own->bound.push_back(claim);
        continue;
      }
      const StorageClass* storage_class = cycle.cluster.find_storage_class(claim->storage_class);
      if (!claim->storage_class.empty() && storage_class == nullptr) {
        // Upstream this is an error of the cycle rather than a refusal; either way the pod waits.
        return unresolvable("storageclass.storage.k8s.io \"" + claim->storage_class + "\" not found");
      }
      const bool delayed =
          storage_class != nullptr && storage_class->wait_for_first_consumer && claim->volume_name.empty();
      if (delayed) {
        own->delayed.push_back(claim);
      } else {
        immediate = true;
      }
    }
    if (immediate) return unresolvable("pod has unbound immediate PersistentVolumeClaims");
    std::stable_sort(own->delayed.begin(), own->delayed.end(), [](const auto* a, const auto* b) {
      return a->request.value_or(Quantity{}) < b->request.value_or(Quantity{});
    });
    state.filter[slot()] = std::move(own);
    return {};
  }

  Status filter(const Cycle& cycle, CycleState& state, const NodeInfo& node) const override {
    auto& own = filter_state<FilterState>(state);
    NodeVolumes found;
    std::vector<std::string> reasons;
    if (const char* reason = bound_problem(cycle.cluster, own, node)) reasons.emplace_back(reason);
    if (const char* reason = delayed_problem(cycle.cluster, own, node, found)) reasons.emplace_back(reason);
    if (!reasons.empty()) return {Code::kUnschedulableAndUnresolvable, std::move(reasons), ""};
    (*own.by_node)[node.index] = std::move(found);
    return {};
  }

  Status pre_score(const Cycle&, CycleState& state, std::span<const NodeInfo* const>) const override {
    // Scores read what the filter found, which is shared.
    if (state.filter[slot()]) state.score[slot()] = state.filter[slot()]->clone();
    return {};
  }

  std::int64_t score(const Cycle&, const CycleState& state, const NodeInfo& node) const override {
    if (!state.score[slot()]) return 0;
    const auto& by_node = *score_state<FilterState>(state).by_node;
    const auto it = by_node.find(node.index);
    if (it == by_node.end()) return 0;
    struct Use {
      std::int64_t requested = 0;
      std::int64_t capacity = 0;
    };
    std::map<std::string, Use> by_class;
    if (!it->second.bindings.empty()) {
      for (const StaticBinding& b : it->second.bindings) {
        Use& use = by_class[b.volume->storage_class];
        use.requested = wrapping_add(use.requested, b.claim->request.value_or(Quantity{}).value());
        use.capacity = wrapping_add(use.capacity, b.volume->capacity.value());
      }
    } else {
      for (const Provision& p : it->second.provisions) {
        if (p.capacity == nullptr) continue;
        Use& use = by_class[p.claim->storage_class];
        use.requested = wrapping_add(use.requested, p.claim->request.value_or(Quantity{}).value());
        use.capacity = p.capacity->capacity.value_or(Quantity{}).value();  // One pool for all: not a sum.
      }
    }
    if (by_class.empty()) return 0;
    std::int64_t sum = 0;
    for (const auto& [name, use] : by_class) {
      const bool over = use.capacity == 0 || use.requested > use.capacity;
      sum += evaluate_shape(shape_, over ? 100 : wrapping_mul(use.requested, 100) / use.capacity);
    }
    return static_cast<std::int64_t>(std::round(static_cast<double>(sum) / static_cast<double>(by_class.size())));
  }

 private:
  static const char* bound_problem(const ClusterState& cluster, const FilterState& own, const NodeInfo& node) {
    for (const PersistentVolumeClaim* claim : own.bound) {
      const PersistentVolume* volume = cluster.find_volume(claim->volume_name);
      if (volume == nullptr) return "node(s) unavailable due to one or more pvc(s) bound to non-existent pv(s)";
      if (!reaches(*volume, node)) return "node(s) didn't match PersistentVolume's node affinity";
    }
    return nullptr;
  }

  static const char* delayed_problem(const ClusterState& cluster, const FilterState& own, const NodeInfo& node,
                                     NodeVolumes& found) {
    static constexpr const char* kNoVolume = "node(s) didn't find available persistent volumes to bind";
    std::vector<const PersistentVolumeClaim*> to_provision;
    for (const PersistentVolumeClaim* claim : own.delayed) {
      if (claim->selected_node.empty()) continue;
      if (claim->selected_node != node.name()) return kNoVolume;
      to_provision.push_back(claim);
    }
    for (const PersistentVolumeClaim* claim : own.delayed) {
      if (!claim->selected_node.empty()) continue;
      if (const PersistentVolume* volume = find_matching_volume(cluster, *claim, node, found.bindings)) {
        found.bindings.push_back({claim, volume});
      } else {
        to_provision.push_back(claim);
      }
    }
    for (const PersistentVolumeClaim* claim : to_provision) {
      const StorageClass* storage_class = cluster.find_storage_class(claim->storage_class);
      BERTH_CHECK(storage_class != nullptr);  // Delayed claims have one.
      const std::string& provisioner = storage_class->provisioner;
      if (provisioner.empty() || provisioner == "kubernetes.io/no-provisioner") return kNoVolume;
      if (!in_allowed_topology(*storage_class, node)) return kNoVolume;
      const CsiStorageCapacity* capacity = nullptr;
      if (!enough_storage(cluster, *claim, *storage_class, node, capacity))
        return "node(s) did not have enough free storage";
      found.provisions.push_back({claim, capacity});
    }
    return nullptr;
  }

  static bool enough_storage(const ClusterState& cluster, const PersistentVolumeClaim& claim,
                             const StorageClass& storage_class, const NodeInfo& node,
                             const CsiStorageCapacity*& found) {
    const CsiDriver* driver = cluster.find_csi_driver(storage_class.provisioner);
    if (!claim.request || driver == nullptr || !driver->storage_capacity) return true;
    const std::int64_t bytes = claim.request->value();
    for (const CsiStorageCapacity& capacity : cluster.objects().csi_capacities) {
      const auto& limit = capacity.maximum_volume_size ? capacity.maximum_volume_size : capacity.capacity;
      if (capacity.storage_class != storage_class.name || !limit || limit->value() < bytes) continue;
      if (!capacity.node_topology.matches(node.node->labels)) continue;
      found = &capacity;
      return true;
    }
    return false;
  }

  std::vector<ShapePoint> shape_;
};

std::string provisioned_name(const PersistentVolumeClaim& claim) {
  return "pvc-" + claim.namespace_name + "-" + claim.name;
}

}  // namespace

std::vector<ClaimBinding> claim_bindings(const PluginState* state, const NodeInfo& node) {
  std::vector<ClaimBinding> out;
  const auto* own = dynamic_cast<const FilterState*>(state);
  if (own == nullptr) return out;
  const auto it = own->by_node->find(node.index);
  if (it == own->by_node->end()) return out;
  for (const StaticBinding& b : it->second.bindings) out.push_back({b.claim->key(), b.volume->name, false});
  for (const Provision& p : it->second.provisions) out.push_back({p.claim->key(), provisioned_name(*p.claim), true});
  return out;
}

PersistentVolume provisioned_volume(const ClusterState& cluster, const std::string& claim_key, const NodeInfo& node) {
  const std::size_t slash = claim_key.find('/');
  const PersistentVolumeClaim* claim = cluster.find_claim(claim_key.substr(0, slash), claim_key.substr(slash + 1));
  BERTH_CHECK(claim != nullptr);
  const StorageClass* storage_class = cluster.find_storage_class(claim->storage_class);
  PersistentVolume volume;
  volume.name = provisioned_name(*claim);
  volume.capacity = claim->request.value_or(Quantity{});
  volume.access_modes = claim->access_modes;
  volume.storage_class = claim->storage_class;
  volume.volume_mode = claim->volume_mode;
  volume.csi_driver = storage_class == nullptr ? std::string() : storage_class->provisioner;
  volume.csi_handle = volume.name;
  const char* key = node.label(kZoneLabel) != nullptr ? kZoneLabel : kHostnameLabel;
  if (const std::string* value = node.label(key)) {
    volume.has_node_affinity = true;
    volume.node_affinity.push_back({{{key, SelectorOperator::kIn, {*value}}}, {}});
  }
  return volume;
}

std::unique_ptr<Plugin> make_volume_binding(const PluginArgs& args) {
  return std::make_unique<VolumeBinding>(args);
}

}  // namespace berth::kube
