// What became of the machines that were asked for: which are up, late or lost, and which groups may grow.
// Source: cluster-autoscaler clusterstate/clusterstate.go, release 1.37.
#pragma once

#include <cstdint>
#include <vector>

#include "policies/node_autoscaler.hpp"
#include "policies/node_autoscalers/cluster_autoscaler_flags.hpp"
#include "policies/node_autoscalers/group_backoff.hpp"

namespace berth {

class GroupRegistry {
 public:
  explicit GroupRegistry(const ClusterAutoscalerFlags& flags) : flags_(flags) {}

  // Counts everything anew, ends scale-ups that are over (all nodes up: the back-off is forgotten; later than
  // max_node_provision_time: back-off). O(nodes + instances).
  void update(const NodeAutoscalerObservation& o);
  // Registered and not ready for less than max_node_startup_time: still coming up.
  bool starting(const AutoscaledNode& node, Time now) const {
    return !node.ready && node.removal == AutoscaledNode::Removal::kStays &&
           node.registered + flags_.max_node_startup_time > now;
  }
  bool late(const PendingInstance& instance, Time now) const {
    return instance.requested + flags_.max_node_provision_time < now;
  }

  bool cluster_healthy() const;
  bool may_scale_up(std::uint32_t group, Time now) const;
  std::int32_t upcoming(std::uint32_t group) const;  // Asked for and neither ready, unready nor late.
  std::size_t ready_nodes() const { return ready_; }
  // When time alone changes what update() would find.
  Time due() const { return due_; }

  void scaled_up(std::uint32_t group, std::int32_t delta, Time now);
  void scale_up_failed(std::uint32_t group, Time now);

 private:
  struct Group {
    std::int32_t target = 0;
    std::int32_t registered = 0;
    std::int32_t ready = 0;
    std::int32_t unready = 0;
    std::int32_t starting = 0;
    std::int32_t late = 0;       // Instances.
    std::int32_t requested = 0;  // By scale-ups under way; 0: none.
    Time expected;               // When those should be there.
    GroupBackoff backoff;
  };
  Group& at(std::uint32_t group);

  const ClusterAutoscalerFlags& flags_;
  std::vector<Group> groups_;
  std::size_t registered_ = 0;
  std::size_t ready_ = 0;
  std::size_t unready_ = 0;
  Time due_ = kNever;
};

}  // namespace berth
