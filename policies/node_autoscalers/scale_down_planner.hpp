// Which nodes are not needed: little is requested of them, and all their pods would fit elsewhere. How long each has
// been so, and which of them may go now. Source: cluster-autoscaler
// core/scaledown/{planner,eligibility,unneeded,unremovable,budgets} and simulator/cluster.go, release 1.37. Not
// modelled: soft taints of unneeded nodes, groups that only scale to zero or to the maximum.
#pragma once

#include <cstdint>
#include <unordered_map>
#include <vector>

#include "policies/node_autoscaler.hpp"
#include "policies/node_autoscalers/cluster_autoscaler_flags.hpp"
#include "policies/node_autoscalers/drainability.hpp"
#include "policies/node_autoscalers/fit_snapshot.hpp"
#include "policies/node_autoscalers/group_registry.hpp"

namespace berth {

// Share of allocatable that is requested: the larger of cpu and memory, on nodes with GPUs that of the GPUs alone (0
// while there are none). `pods`: the node's, and those that are thought to be on it. May be above 1.
double utilization(const kube::Node& node, std::span<const AutoscaledPod* const> pods, Time now,
                   const ClusterAutoscalerFlags& flags);

class ScaleDownPlanner {
 public:
  explicit ScaleDownPlanner(const ClusterAutoscalerFlags& flags) : flags_(flags) {}

  // Which waiting pods are thought to be on a row. Never iterated.
  using Guests = std::unordered_map<FitSnapshot::Row, std::vector<const AutoscaledPod*>>;

  // Finds the unneeded nodes of the present. Row i of the snapshot is o.nodes[i]; the snapshot is left as it was.
  // O(nodes + pods), and for each node that little is requested of O(its pods · nodes) at worst.
  void update(const NodeAutoscalerObservation& o, const GroupRegistry& registry, FitSnapshot& snapshot,
              const Guests& guests);
  // Nobody is unneeded any more: the timers start again.
  void clear();
  // When time alone changes what update() would find.
  Time due() const { return due_; }

  // Which of them go now, as many as may at a time: the empty ones first, then those whose budgets bear it.
  void removals(const NodeAutoscalerObservation& o, std::vector<NodeAutoscalerDecision::Removal>& out) const;
  // When the first of those that removals() would not take for want of time has waited long enough; kNever if none.
  Time first_ripe(Time now) const;

  std::size_t unneeded() const { return unneeded_.size(); }
  bool unneeded_since(std::uint32_t node, Time& since) const;  // False: the node is needed.
  // The node was tried and cannot go: it is not looked at for a while.
  void unremovable(std::uint32_t node, Time now) { recheck_[node] = now + flags_.unremovable_node_recheck_timeout; }

 private:
  struct Unneeded {
    std::uint32_t node = 0;
    std::uint32_t row = 0;
    std::uint32_t group = 0;
    Time since;
    bool ready = true;
    bool drain = false;
    bool risky = false;  // Its pods would use up a budget.
  };

  bool eligible(const AutoscaledNode& node, std::span<const AutoscaledPod* const> pods, Time now) const;
  std::size_t limit(Time now);
  Time ripe(const Unneeded& u) const {
    return u.since + (u.ready ? flags_.scale_down_unneeded_time : flags_.scale_down_unready_time);
  }

  const ClusterAutoscalerFlags& flags_;
  std::vector<Unneeded> unneeded_;                   // In the order in which they were looked at.
  std::unordered_map<std::uint32_t, Time> since_;    // By node id; never iterated.
  std::unordered_map<std::uint32_t, Time> recheck_;  // By node id: not before; erased by predicate alone.
  std::size_t cursor_ = 0;                           // Where the search for a node goes on.
  Time due_ = kNever;
  Time last_update_ = kNever;
  Duration shortest_interval_ = kForever;
};

}  // namespace berth
