#include "sim/controllers/job_rules.hpp"

#include <algorithm>

namespace berth::controllers {

bool finished(const Job& job) {
  const auto set = [&job](ConditionType type) {
    const Condition* c = find(job.status.conditions, type);
    return c != nullptr && c->status == ConditionStatus::kTrue;
  };
  return set(ConditionType::kComplete) || set(ConditionType::kFailed);
}

bool succeeded(const Job& job) {
  const Condition* c = find(job.status.conditions, ConditionType::kComplete);
  return c != nullptr && c->status == ConditionStatus::kTrue;
}

bool counts_as_failed(const Pod& pod, const Job::Spec& job) {
  if (pod.status.phase == Phase::kFailed) return true;
  if (job.replace_failed_only) return false;
  return pod.terminating && pod.status.phase != Phase::kSucceeded;
}

namespace {

bool matches(const PodFailureRule& rule, const Pod& pod, const PodTemplate& pod_template) {
  if (rule.on_conditions) {
    return rule.disruption_target && rule.disruption_status && pod.status.disruption != Disruption::kNone;
  }
  if (!pod.status.container_ended || pod.status.exit_code == 0) return false;
  if (rule.container) {
    const std::size_t ended = pod.status.exit_container;
    if (ended >= pod_template.containers.size() || pod_template.containers[ended] != *rule.container) return false;
  }
  const bool listed = std::find(rule.codes.begin(), rule.codes.end(), pod.status.exit_code) != rule.codes.end();
  return listed != rule.not_in;
}

}  // namespace

PolicyResult apply_failure_policy(const Job::Spec& job, const Pod& pod, const PodTemplate& pod_template) {
  if (!job.pod_failure_policy) return {};
  for (const PodFailureRule& rule : *job.pod_failure_policy) {
    if (!matches(rule, pod, pod_template)) continue;
    switch (rule.action) {
      case PodFailureRule::Action::kIgnore:
        return {.counts = false};
      case PodFailureRule::Action::kFailIndex:
        return {.fails_index = true};
      case PodFailureRule::Action::kFailJob:
        return {.fails_job = true};
      case PodFailureRule::Action::kCount:
        return {};
    }
  }
  return {};
}

bool success_policy_met(const Job::Spec& job, const IndexIntervals& succeeded) {
  for (const SuccessRule& rule : job.success_policy) {
    if (!rule.indexes) {
      if (rule.count && succeeded.total() >= *rule.count) return true;
      continue;
    }
    if (rule.indexes->empty()) continue;
    const std::int32_t common = rule.indexes->common(succeeded);
    if (common == rule.indexes->total() || (rule.count && common >= *rule.count)) return true;
  }
  return false;
}

Time finish_time(const Pod& pod) {
  if (pod.status.container_ended) return pod.status.finished_at;
  if (!pod.status.ready && pod.status.ready_since != kNever) return pod.status.ready_since;
  return pod.terminating ? pod.deleted_at : pod.created;
}

BackOffRecord next_record(BackOffRecord record, const std::vector<const Pod*>& succeeded,
                          const std::vector<const Pod*>& failed) {
  if (succeeded.empty()) {
    if (failed.empty()) return record;
    // The last of the new ones, even if one that was seen before ended later.
    record.last_failure = finish_time(*failed.front());
    for (const Pod* p : failed) record.last_failure = std::max(record.last_failure, finish_time(*p));
    record.failures += static_cast<std::int32_t>(failed.size());
    return record;
  }
  Time last_success = finish_time(*succeeded.front());
  for (const Pod* p : succeeded) last_success = std::max(last_success, finish_time(*p));
  record = {};
  for (const Pod* p : failed) {
    const Time t = finish_time(*p);
    if (t <= last_success) continue;
    record.last_failure = record.failures == 0 ? t : std::max(record.last_failure, t);
    ++record.failures;
  }
  return record;
}

Duration back_off_left(std::int32_t failures, Time last_failure, Time now) {
  if (failures == 0) return {};
  Duration delay = kPodFailureBackOff;
  for (std::int32_t i = 1; i < failures && delay < kMaxPodFailureBackOff; ++i) delay = delay * 2;
  delay = std::min(delay, kMaxPodFailureBackOff);
  return std::max(Duration{}, delay - (now - last_failure));
}

}  // namespace berth::controllers
