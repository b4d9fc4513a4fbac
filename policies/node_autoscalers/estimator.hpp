// How many new nodes of a group the waiting pods need, by trying: first fit of groups of equal pods, largest first.
// Source: cluster-autoscaler estimator/binpacking_estimator.go, estimator/decreasing_pod_orderer.go and
// core/scaleup/equivalence/groups.go, release 1.37.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "policies/node_autoscaler.hpp"
#include "policies/node_autoscalers/fit_snapshot.hpp"

namespace berth {

// Pods that are equal to the scheduler and have one controller.
struct EquivalenceGroup {
  std::vector<kube::PodRef> pods;  // At least one.
};

// Groups in order of their first pods. A pod without a controller is a group of its own, and so is a pod of the
// eleventh and any further kind of one controller.
std::vector<EquivalenceGroup> equivalence_groups(std::span<const AutoscaledPod* const> pods);

// The `number`-th machine of this group that does not exist yet, as a node of its own: name "GROUP-new-NUMBER" and the
// hostname label are its own. What the DaemonSets put on it is the caller's to add.
std::shared_ptr<const kube::Node> imagined_node(const NodeGroup& group, std::size_t number);

struct Estimate {
  std::int32_t nodes = 0;                  // New nodes that got pods.
  std::vector<const kube::PodInfo*> pods;  // Those pods.
};

// `groups`: those whose pods fit an empty node of `group`. Opens at most `max_nodes`. What it tried is reverted.
// Groups go by the sum of a pod's shares of allocatable cpu and memory, largest first (equal ones in the order given).
// Pods of a group go to any node opened here, round and round, until one fits none; from then on only to the last
// opened one, else to a new node, which its DaemonSets' pods are on already. The group ends where an empty new node
// cannot take a pod either, or at max_nodes.
Estimate estimate(FitSnapshot& snapshot, const NodeGroup& group, std::span<const EquivalenceGroup* const> groups,
                  std::int32_t max_nodes);

}  // namespace berth
