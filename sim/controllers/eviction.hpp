// The Eviction API: a delete that asks the pod's PodDisruptionBudget first.
// Source: pkg/registry/core/pod/storage/eviction.go (Kubernetes v1.37).
#pragma once

#include "sim/controllers/store.hpp"

namespace berth::controllers {

enum class EvictionOutcome : std::uint8_t {
  kEvicted,
  kTooManyRequests,  // 429: the budget allows none now, or has not been worked out yet.
  kForbidden,        // 403: too many evictions are under way.
  kSeveralBudgets,   // 500: more than one budget selects the pod.
};

// Evicts the pod, which must exist, and gives it the condition DisruptionTarget. Pending, finished and terminating pods
// go without asking, and pods that are not Ready if the budget says AlwaysAllow or is met without them. O(budgets).
EvictionOutcome evict(Store& store, PodId pod);

}  // namespace berth::controllers
