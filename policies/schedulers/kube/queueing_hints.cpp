#include "policies/schedulers/kube/queueing_hints.hpp"

#include <algorithm>

namespace berth::kube {
namespace {

// The pod fits if nobody else is on the node.
bool fits_when_empty(const PodInfo& pod, const Node& node) {
  const Resource room = to_resource(node.allocatable);
  const Resource& ask = pod.requests;
  return room.allowed_pods >= 1 && ask.milli_cpu <= room.milli_cpu && ask.memory <= room.memory &&
         ask.ephemeral_storage <= room.ephemeral_storage &&
         std::all_of(ask.scalar.begin(), ask.scalar.end(),
                     [&room](const auto& item) { return item.second <= room.scalar_or_zero(item.first); });
}

bool takes_while_cordoned(const Pod& pod, const Node& node) {
  static const Taint kCordon{"node.kubernetes.io/unschedulable", "", TaintEffect::kNoSchedule};
  return !node.unschedulable || tolerated(pod.tolerations, kCordon);
}

// The pod passes now and did not before.
template <class Passes>
bool newly(const Node* before, const Node& after, Passes passes) {
  return passes(after) && (before == nullptr || !passes(*before));
}

bool affinity_may_help(const PodInfo& pod, const Node* before, const Node& after) {
  const auto value = [](const Node& node, const std::string& key) { return node.labels.find(key); };
  for (const AffinityTerm& term : pod.required_affinity) {
    const std::string* now = value(after, term.topology_key);
    if (now == nullptr) continue;
    const std::string* then = before == nullptr ? nullptr : value(*before, term.topology_key);
    if (then == nullptr || *then != *now) return true;
  }
  for (const AffinityTerm& term : pod.required_anti_affinity) {
    if (before == nullptr) return true;
    const std::string* then = value(*before, term.topology_key);
    const std::string* now = value(after, term.topology_key);
    if (then != nullptr && (now == nullptr || *then != *now)) return true;
  }
  return false;
}

bool spread_may_help(const std::vector<TopologySpreadConstraint>& constraints, const Node* before, const Node* after) {
  const auto has_all = [&constraints](const Node* node) {
    return node != nullptr && std::all_of(constraints.begin(), constraints.end(), [node](const auto& c) {
             return node->labels.find(c.topology_key) != nullptr;
           });
  };
  const bool then = has_all(before);
  const bool now = has_all(after);
  if (then != now) return true;
  return then && std::any_of(constraints.begin(), constraints.end(), [&](const TopologySpreadConstraint& c) {
           return *before->labels.find(c.topology_key) != *after->labels.find(c.topology_key);
         });
}

}  // namespace

bool QueueingHints::node_may_help(std::string_view filter, const Cycle& cycle, const Node* before,
                                  const Node* after) const {
  const Pod& pod = cycle.pod.pod;
  if (filter == "PodTopologySpread")
    return spread_may_help(spread_constraints_of(spread_, cycle, false), before, after);
  if (after == nullptr) return false;
  if (filter == "NodeResourcesFit") return before == nullptr && fits_when_empty(cycle.pod, *after);
  if (filter == "NodeName") return before == nullptr && pod.node_name == after->name;
  if (filter == "NodePorts" || filter == "VolumeRestrictions" || filter == "NodeVolumeLimits") return before == nullptr;
  if (filter == "VolumeBinding" || filter == "VolumeZone")
    return before == nullptr || !(before->labels == after->labels);
  if (filter == "InterPodAffinity") return affinity_may_help(cycle.pod, before, *after);
  if (filter == "NodeAffinity") {
    return newly(before, *after, [&pod](const Node& node) { return matches_required_node_affinity(pod, node); });
  }
  if (filter == "TaintToleration") {
    return newly(before, *after,
                 [&pod](const Node& node) { return tolerates_scheduling(pod.tolerations, node.taints); });
  }
  if (filter == "NodeUnschedulable") {
    return newly(before, *after, [&pod](const Node& node) { return takes_while_cordoned(pod, node); });
  }
  return true;
}

bool QueueingHints::claim_may_help(std::string_view filter, const Pod& pod, std::span<const std::string> claims) {
  if (!volume_may_help(filter) && filter != "VolumeRestrictions" && filter != "NodeVolumeLimits") return false;
  return std::any_of(pod.volumes.begin(), pod.volumes.end(), [&](const Volume& volume) {
    const std::string name = claim_name(pod, volume);
    return !name.empty() && std::find(claims.begin(), claims.end(), pod.namespace_name + "/" + name) != claims.end();
  });
}

bool QueueingHints::volume_may_help(std::string_view filter) {
  return filter == "VolumeBinding" || filter == "VolumeZone";
}

}  // namespace berth::kube
