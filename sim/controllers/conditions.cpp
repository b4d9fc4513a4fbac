#include "sim/controllers/conditions.hpp"

#include <algorithm>

#include "sim/controllers/objects.hpp"
#include "sim/engine/error.hpp"

namespace berth::controllers {

const char* to_string(ConditionType type) {
  switch (type) {
    case ConditionType::kAvailable:
      return "Available";
    case ConditionType::kProgressing:
      return "Progressing";
    case ConditionType::kComplete:
      return "Complete";
    case ConditionType::kFailed:
      return "Failed";
    case ConditionType::kSuspended:
      return "Suspended";
    case ConditionType::kFailureTarget:
      return "FailureTarget";
    case ConditionType::kSuccessCriteriaMet:
      return "SuccessCriteriaMet";
    case ConditionType::kDisruptionAllowed:
      return "DisruptionAllowed";
  }
  BERTH_CHECK(false);
  return "";
}

const char* to_string(ConditionStatus status) {
  switch (status) {
    case ConditionStatus::kFalse:
      return "False";
    case ConditionStatus::kTrue:
      return "True";
    case ConditionStatus::kUnknown:
      return "Unknown";
  }
  BERTH_CHECK(false);
  return "";
}

const char* to_string(Reason reason) {
  switch (reason) {
    case Reason::kNone:
      return "";
    case Reason::kMinimumReplicasAvailable:
      return "MinimumReplicasAvailable";
    case Reason::kMinimumReplicasUnavailable:
      return "MinimumReplicasUnavailable";
    case Reason::kReplicaSetUpdated:
      return "ReplicaSetUpdated";
    case Reason::kNewReplicaSetCreated:
      return "NewReplicaSetCreated";
    case Reason::kFoundNewReplicaSet:
      return "FoundNewReplicaSet";
    case Reason::kNewReplicaSetAvailable:
      return "NewReplicaSetAvailable";
    case Reason::kProgressDeadlineExceeded:
      return "ProgressDeadlineExceeded";
    case Reason::kDeploymentPaused:
      return "DeploymentPaused";
    case Reason::kDeploymentResumed:
      return "DeploymentResumed";
    case Reason::kJobSuspended:
      return "JobSuspended";
    case Reason::kJobResumed:
      return "JobResumed";
    case Reason::kBackoffLimitExceeded:
      return "BackoffLimitExceeded";
    case Reason::kDeadlineExceeded:
      return "DeadlineExceeded";
    case Reason::kPodFailurePolicy:
      return "PodFailurePolicy";
    case Reason::kFailedIndexes:
      return "FailedIndexes";
    case Reason::kMaxFailedIndexesExceeded:
      return "MaxFailedIndexesExceeded";
    case Reason::kCompletionsReached:
      return "CompletionsReached";
    case Reason::kSuccessPolicy:
      return "SuccessPolicy";
    case Reason::kSufficientPods:
      return "SufficientPods";
    case Reason::kInsufficientPods:
      return "InsufficientPods";
    case Reason::kSyncFailed:
      return "SyncFailed";
  }
  BERTH_CHECK(false);
  return "";
}

const char* to_string(Disruption reason) {
  switch (reason) {
    case Disruption::kNone:
      return "";
    case Disruption::kTerminationByKubelet:
      return "TerminationByKubelet";
    case Disruption::kEvictionByEvictionApi:
      return "EvictionByEvictionAPI";
    case Disruption::kDeletionByTaintManager:
      return "DeletionByTaintManager";
    case Disruption::kDeletionByPodGc:
      return "DeletionByPodGC";
  }
  BERTH_CHECK(false);
  return "";
}

const Condition* find(const Conditions& conditions, ConditionType type) {
  const auto it =
      std::find_if(conditions.begin(), conditions.end(), [type](const Condition& c) { return c.type == type; });
  return it == conditions.end() ? nullptr : &*it;
}

void remove(Conditions& conditions, ConditionType type) {
  std::erase_if(conditions, [type](const Condition& c) { return c.type == type; });
}

}  // namespace berth::controllers
