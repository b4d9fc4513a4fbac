// batch/v1: Job and CronJob.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "sim/controllers/conditions.hpp"
#include "sim/controllers/cron_schedule.hpp"
#include "sim/controllers/index_intervals.hpp"
#include "sim/controllers/objects.hpp"

namespace berth::controllers {

struct PodFailureRule {
  enum class Action : std::uint8_t { kFailJob, kFailIndex, kIgnore, kCount };
  Action action = Action::kCount;
  bool on_conditions = false;  // onPodConditions, otherwise onExitCodes.
  // onExitCodes.
  std::optional<std::string> container;  // Absent: any.
  bool not_in = false;
  std::vector<std::int32_t> codes;
  // onPodConditions: the pod has DisruptionTarget with this status. (Other condition types never match here.)
  bool disruption_target = true;
  bool disruption_status = true;
  friend bool operator==(const PodFailureRule&, const PodFailureRule&) = default;
};

struct SuccessRule {
  std::optional<IndexIntervals> indexes;
  std::optional<std::int32_t> count;
  friend bool operator==(const SuccessRule&, const SuccessRule&) = default;
};

struct Job {
  static constexpr ObjectKind kKind = ObjectKind::kJob;
  struct Spec {
    std::int32_t parallelism = 1;
    std::optional<std::int32_t> completions = 1;  // Absent: a work queue.
    std::int32_t backoff_limit = 6;
    bool indexed = false;
    std::optional<std::int32_t> backoff_limit_per_index;
    std::optional<std::int32_t> max_failed_indexes;
    std::optional<std::int64_t> active_deadline_seconds;
    std::optional<std::vector<PodFailureRule>> pod_failure_policy;
    std::vector<SuccessRule> success_policy;  // Empty: none.
    bool suspend = false;
    bool replace_failed_only = false;  // podReplacementPolicy: Failed.
    TemplateId pod_template = kNoTemplate;
    friend bool operator==(const Spec&, const Spec&) = default;
  };
  struct Annotations {
    std::optional<Time> scheduled_at;  // cronjob-scheduled-timestamp.
    friend bool operator==(const Annotations&, const Annotations&) = default;
  };
  struct Status {
    std::int32_t active = 0;
    std::int32_t ready = 0;
    std::int32_t terminating = 0;
    std::int32_t succeeded = 0;
    std::int32_t failed = 0;
    std::optional<Time> start_time;
    std::optional<Time> completion_time;
    IndexIntervals completed_indexes;
    std::optional<IndexIntervals> failed_indexes;
    Conditions conditions;
    friend bool operator==(const Status&, const Status&) = default;
  };
  Meta meta;
  Spec spec;
  Annotations annotations;
  Status status;
};
// Complete or Failed.
bool finished(const Job& job);
bool succeeded(const Job& job);

struct CronJob {
  static constexpr ObjectKind kKind = ObjectKind::kCronJob;
  enum class Concurrency : std::uint8_t { kAllow, kForbid, kReplace };
  struct Spec {
    CronSchedule schedule;
    std::optional<std::int64_t> starting_deadline_seconds;
    Concurrency concurrency = Concurrency::kAllow;
    bool suspend = false;
    std::optional<std::int32_t> successful_jobs_history_limit = 3;
    std::optional<std::int32_t> failed_jobs_history_limit = 1;
    Job::Spec job;
    friend bool operator==(const Spec&, const Spec&) = default;
  };
  struct Annotations {
    friend bool operator==(const Annotations&, const Annotations&) = default;
  };
  struct Status {
    std::vector<ObjectId> active;
    std::optional<Time> last_schedule_time;
    std::optional<Time> last_successful_time;
    friend bool operator==(const Status&, const Status&) = default;
  };
  Meta meta;
  Spec spec;
  Annotations annotations;
  Status status;
};

}  // namespace berth::controllers
