// May a pod be moved off its node? Source: cluster-autoscaler simulator/drainability/rules and utils/drain,
// release 1.37, in the order of the rules there.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "policies/node_autoscaler.hpp"
#include "policies/node_autoscalers/cluster_autoscaler_flags.hpp"

namespace berth {

enum class Drainability : std::uint8_t {
  kMoves,  // It is evicted and needs another place.
  kStays,  // It is no reason against deleting the node, and nobody evicts it: DaemonSets', static and finished pods.
  kBlocked,
};
enum class DrainBlock : std::uint8_t {
  kNone,
  kNotReplicated,       // No controller that would bring it back, or one of an unknown kind.
  kUnmovableSystemPod,  // In kube-system, without a budget, and young.
  kNotSafeToEvict,      // Its annotation says so.
  kLocalStorage,
  kNotEnoughBudget,  // A budget that selects it allows no disruption.
};
struct DrainStatus {
  Drainability outcome = Drainability::kMoves;
  DrainBlock block = DrainBlock::kNone;
};

// `allowed`: disruptions that each budget allows, less those already planned.
DrainStatus drain_status(const AutoscaledPod& pod, Time now, std::span<const std::int32_t> allowed,
                         const ClusterAutoscalerFlags& flags);

bool is_daemon_pod(const AutoscaledPod& pod);
// It should have gone this long ago: it counts no more.
inline constexpr Duration kLongTerminating = seconds(30);
bool is_long_terminating(const AutoscaledPod& pod, Time now);

}  // namespace berth
