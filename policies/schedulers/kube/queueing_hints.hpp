// Which events may let a pod pass a filter that refused it: only these take it out of the unschedulable pods. Of nodes,
// claims and volumes; what pods coming and going mean is known to the fast pass (FastScheduler::concerns).
// Source: EventsToRegister and the isSchedulableAfter… functions of the plugins (pkg/scheduler/framework/plugins),
// v1.37.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "policies/schedulers/kube/pod_topology_spread.hpp"

namespace berth::kube {

class QueueingHints {
 public:
  explicit QueueingHints(const PluginArgs& args) : spread_(args) {}

  // A node joined (`before` is null), left (`after` is null) or changed its labels, taints or cordon. `filter`: the
  // plugin's name; of one that is not Kubernetes' own nothing is known, and whatever does not leave may help.
  // O(constraints and terms of the pod).
  bool node_may_help(std::string_view filter, const Cycle& cycle, const Node* before, const Node* after) const;
  // One of these claims ("namespace/name") was added or bound.
  static bool claim_may_help(std::string_view filter, const Pod& pod, std::span<const std::string> claims);
  // A volume, or a storage class and its like, was added or changed.
  static bool volume_may_help(std::string_view filter);

 private:
  SpreadDefaults spread_;
};

}  // namespace berth::kube
