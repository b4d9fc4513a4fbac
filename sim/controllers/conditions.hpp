// Conditions of objects: type, status, reason and two times, as numbers that print as the API's words.
#pragma once

#include <cstdint>
#include <vector>

#include "sim/engine/time.hpp"

namespace berth::controllers {

enum class ConditionType : std::uint8_t {
  kAvailable,  // Deployment.
  kProgressing,
  kComplete,  // Job.
  kFailed,
  kSuspended,
  kFailureTarget,
  kSuccessCriteriaMet,
  kDisruptionAllowed,  // PodDisruptionBudget.
};
enum class ConditionStatus : std::uint8_t { kFalse, kTrue, kUnknown };
enum class Reason : std::uint8_t {
  kNone,
  // Deployment.
  kMinimumReplicasAvailable,
  kMinimumReplicasUnavailable,
  kReplicaSetUpdated,
  kNewReplicaSetCreated,
  kFoundNewReplicaSet,
  kNewReplicaSetAvailable,
  kProgressDeadlineExceeded,
  kDeploymentPaused,
  kDeploymentResumed,
  // Job.
  kJobSuspended,
  kJobResumed,
  kBackoffLimitExceeded,
  kDeadlineExceeded,
  kPodFailurePolicy,
  kFailedIndexes,
  kMaxFailedIndexesExceeded,
  kCompletionsReached,
  kSuccessPolicy,
  // PodDisruptionBudget.
  kSufficientPods,
  kInsufficientPods,
  kSyncFailed,
};
const char* to_string(ConditionType type);
const char* to_string(ConditionStatus status);
const char* to_string(Reason reason);

struct Condition {
  ConditionType type{};
  ConditionStatus status{};
  Reason reason = Reason::kNone;
  Time last_update;      // Deployments alone. Whole seconds.
  Time last_transition;  // Whole seconds.
  friend bool operator==(const Condition&, const Condition&) = default;
};
using Conditions = std::vector<Condition>;  // In the order in which they were set; a type at most once.

const Condition* find(const Conditions& conditions, ConditionType type);  // Null if absent.
void remove(Conditions& conditions, ConditionType type);

}  // namespace berth::controllers
