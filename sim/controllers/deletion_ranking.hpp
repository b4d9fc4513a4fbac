// Which of several pods a ReplicaSet or Job deletes first.
// Source: pkg/controller/controller_utils.go, ActivePodsWithRanks and ActivePods.
#pragma once

#include <cstdint>
#include <vector>

#include "sim/controllers/store.hpp"

namespace berth::controllers {

struct RankedPod {
  PodId pod = kNoPod;
  std::uint32_t on_node = 0;  // Active pods on its node, of any ReplicaSet with the same owner.
};

// First those that a scale-down deletes first, by ActivePodsWithRanks: unassigned; Pending < Unknown < Running; not
// Ready; lower deletion cost; more related pods on the node; ready for a shorter time; more restarts; younger. Times
// are compared by the logarithm of the age; where upstream goes by random uid the pod that was created first goes.
// Only the `first` of them are put in order, in front of all others. O(n log first).
void sort_for_deletion(const Store& store, std::vector<RankedPod>& pods, std::size_t first);

// The same without costs, related pods and logarithms (ActivePods): for Jobs.
void sort_active(const Store& store, std::vector<PodId>& pods);

}  // namespace berth::controllers
