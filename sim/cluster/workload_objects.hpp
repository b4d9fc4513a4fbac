// The objects that make pods, and those that say how many: specs as submitted, after the API server's defaults. What
// controllers do with them is not here.
// Source: apps/v1, batch/v1, policy/v1 and autoscaling/v2 of Kubernetes v1.37.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "sim/cluster/api_meta.hpp"
#include "sim/cluster/pod_spec.hpp"

namespace berth::kube::api {

struct Deployment {
  ObjectMeta meta;
  std::int32_t replicas = 1;
  LabelSelector selector;
  PodTemplate pod;
  bool recreate = false;                   // Else RollingUpdate, by the next two.
  IntOrPercent max_unavailable{25, true};  // Rounds down.
  IntOrPercent max_surge{25, true};        // Rounds up.
  Duration min_ready;                      // minReadySeconds.
  Duration progress_deadline = seconds(600);
  std::int32_t revision_history_limit = 10;
  bool paused = false;
};

struct ReplicaSet {
  ObjectMeta meta;
  std::int32_t replicas = 1;
  LabelSelector selector;
  PodTemplate pod;
  Duration min_ready;
  bool replication_controller = false;  // The older kind, with the same behaviour.
};

struct StatefulSet {
  ObjectMeta meta;
  std::int32_t replicas = 1;
  LabelSelector selector;
  PodTemplate pod;
  std::string service_name;
  bool parallel = false;   // podManagementPolicy.
  bool on_delete = false;  // updateStrategy; else RollingUpdate, by the next two.
  std::int32_t partition = 0;
  IntOrPercent max_unavailable{1, false};
  std::int32_t first_ordinal = 0;
  std::vector<ClaimTemplate> claims;
  bool delete_claims_when_deleted = false;  // persistentVolumeClaimRetentionPolicy; else Retain.
  bool delete_claims_when_scaled = false;
  Duration min_ready;
  std::int32_t revision_history_limit = 10;
};

struct DaemonSet {
  ObjectMeta meta;
  LabelSelector selector;
  PodTemplate pod;
  bool on_delete = false;
  IntOrPercent max_unavailable{1, false};
  IntOrPercent max_surge{0, false};
  Duration min_ready;
  std::int32_t revision_history_limit = 10;
};

struct PodFailureRule {
  enum class Action : std::uint8_t { kFailJob, kFailIndex, kIgnore, kCount };
  struct Condition {
    std::string type;
    std::string status;  // True, False, Unknown.
  };
  Action action = Action::kCount;
  std::string container;                 // Empty: any.
  bool in = true;                        // onExitCodes In, else NotIn.
  std::vector<std::int32_t> exit_codes;  // Empty: the rule is about conditions.
  std::vector<Condition> conditions;
};
struct SuccessRule {
  std::string succeeded_indexes;  // "0-5,7"; empty: any.
  std::optional<std::int32_t> succeeded_count;
};

struct JobSpec {
  PodTemplate pod;
  std::optional<LabelSelector> selector;  // Given by hand (manualSelector).
  std::int32_t parallelism = 1;
  std::optional<std::int32_t> completions;  // Absent: until the first success.
  bool indexed = false;
  std::int32_t backoff_limit = 6;
  std::optional<std::int32_t> backoff_limit_per_index;
  std::optional<std::int32_t> max_failed_indexes;
  std::vector<PodFailureRule> pod_failure_rules;
  std::vector<SuccessRule> success_rules;
  bool replace_only_failed = false;  // podReplacementPolicy Failed, else TerminatingOrFailed.
  std::optional<Duration> active_deadline;
  std::optional<Duration> ttl_after_finished;
  bool suspend = false;
};
struct Job {
  ObjectMeta meta;
  JobSpec spec;
};

struct CronJob {
  enum class Concurrency : std::uint8_t { kAllow, kForbid, kReplace };
  ObjectMeta meta;
  std::string schedule;
  std::string time_zone;  // Empty: that of the controller.
  std::optional<Duration> starting_deadline;
  Concurrency concurrency = Concurrency::kAllow;
  bool suspend = false;
  std::int32_t successful_history = 3;
  std::int32_t failed_history = 1;
  ObjectMeta job_meta;
  JobSpec job;
};

struct PodDisruptionBudget {
  ObjectMeta meta;
  LabelSelector selector;
  std::optional<IntOrPercent> min_available;  // One of the two, or neither.
  std::optional<IntOrPercent> max_unavailable;
  bool always_evict_unhealthy = false;   // unhealthyPodEvictionPolicy AlwaysAllow.
  std::int32_t disruptions_allowed = 0;  // Of the status, where it is there.
  std::vector<std::string> disrupted_pods;
};

// --- Autoscaling ----------------------------------------------------------------------------------------------------

struct MetricSpec {
  enum class Type : std::uint8_t { kResource, kContainerResource, kPods, kObject, kExternal };
  enum class Target : std::uint8_t { kUtilization, kValue, kAverageValue };
  Type type = Type::kResource;
  std::string name;                                          // Of the resource or metric.
  std::string container;                                     // kContainerResource.
  std::string object_api_version, object_kind, object_name;  // kObject.
  LabelSelector selector;                                    // Of the metric's series; nothing if absent.
  Target target = Target::kUtilization;
  std::int32_t utilization = 0;  // Percent of the request.
  Quantity value;                // kValue, kAverageValue.
};
struct ScalingRules {
  enum class Select : std::uint8_t { kMax, kMin, kDisabled };
  struct Policy {
    bool percent = false;  // Else pods.
    std::int32_t value = 0;
    Duration period;
  };
  std::optional<Duration> stabilization_window;  // Absent: the controller's (scale down).
  Select select = Select::kMax;
  std::vector<Policy> policies;
  std::optional<Quantity> tolerance;
};
struct HorizontalPodAutoscaler {
  ObjectMeta meta;
  std::string target_api_version, target_kind, target_name;
  std::int32_t min_replicas = 1;
  std::int32_t max_replicas = 0;
  std::vector<MetricSpec> metrics;
  bool has_behavior = false;  // Without, the older rate limits count.
  ScalingRules scale_up, scale_down;
};

}  // namespace berth::kube::api
