#include "sim/controllers/job_sync.hpp"

#include <algorithm>

namespace berth::controllers {

JobSync::JobSync(JobController& controller, Store& store, KeyQueue& queue, const Job& job)
    : controller_(controller), store_(store), queue_(queue), job_(job) {}

bool JobSync::run() {
  look_at_pods();
  decide_failure();
  if (job_.spec.indexed) decide_by_indexes();
  if (finished_) {
    delete_active();
  } else {
    finish_or_go_on();
  }
  return track();
}

void JobSync::look_at_pods() {
  store_.each_owned({ObjectKind::kJob, job_.meta.id}, [this](const Pod& p) { pods_.push_back(p); });
  std::vector<const Pod*> new_succeeded;
  std::vector<const Pod*> new_failed;
  for (const Pod& p : pods_) {
    if (active(p)) {
      active_pods_.push_back(&p);
      if (p.status.ready) ++ready_;
    }
    if (going(p)) ++terminating_;
    if (!p.tracked || !valid_index(p)) continue;
    if (p.status.phase == Phase::kSucceeded) new_succeeded.push_back(&p);
    if (counts_as_failed(p, job_.spec)) new_failed.push_back(&p);
  }
  active_ = static_cast<std::int32_t>(active_pods_.size());
  succeeded_ = job_.status.succeeded + static_cast<std::int32_t>(new_succeeded.size());
  failed_ = job_.status.failed;
  for (const Pod* p : new_failed) failed_ += policy(*p).counts ? 1 : 0;
  if (!job_.status.start_time && !job_.spec.suspend) {
    job_.status.start_time = api_time(store_.now());
    started_now_ = true;
  }
  back_off_ = next_record(controller_.known(job_.meta.id).back_off, new_succeeded, new_failed);
}

bool JobSync::fails_job() const {
  if (!job_.spec.pod_failure_policy) return false;
  return std::any_of(pods_.begin(), pods_.end(),
                     [this](const Pod& p) { return counts_as_failed(p, job_.spec) && policy(p).fails_job; });
}

// With OnFailure containers start again in their pods; their restarts count.
bool JobSync::past_backoff_limit_on_failure() const {
  if (store_.pod_template(job_.spec.pod_template).restart_policy != RestartPolicy::kOnFailure) return false;
  std::int64_t restarts = 0;
  for (const Pod& p : pods_) {
    if (p.status.phase == Phase::kRunning || p.status.phase == Phase::kPending) restarts += p.status.restarts;
  }
  return job_.spec.backoff_limit == 0 ? restarts > 0 : restarts >= job_.spec.backoff_limit;
}

bool JobSync::past_deadline() const {
  if (!job_.spec.active_deadline_seconds || !job_.status.start_time || job_.spec.suspend) return false;
  return store_.now() - *job_.status.start_time >= seconds(*job_.spec.active_deadline_seconds);
}

void JobSync::decide_failure() {
  if (const Condition* met = find(job_.status.conditions, ConditionType::kSuccessCriteriaMet)) {
    finished_ = *met;
    return;
  }
  if (const Condition* target = find(job_.status.conditions, ConditionType::kFailureTarget)) {
    finished_ = condition(ConditionType::kFailed, target->reason);
  } else if (fails_job()) {
    finished_ = condition(ConditionType::kFailureTarget, Reason::kPodFailurePolicy);
  } else if (failed_ > job_.spec.backoff_limit || past_backoff_limit_on_failure()) {
    finished_ = condition(ConditionType::kFailureTarget, Reason::kBackoffLimitExceeded);
  } else if (past_deadline()) {
    finished_ = condition(ConditionType::kFailureTarget, Reason::kDeadlineExceeded);
  } else if (job_.spec.active_deadline_seconds && !job_.spec.suspend) {
    queue_.add_after(job_.meta.id,
                     *job_.status.start_time + seconds(*job_.spec.active_deadline_seconds) - store_.now());
  }
}

void JobSync::decide_by_indexes() {
  const std::int32_t completions = *job_.spec.completions;
  succeeded_before_ = job_.status.completed_indexes;
  succeeded_indexes_ = succeeded_before_;
  for (const Pod& p : pods_) {
    if (p.tracked && valid_index(p) && p.status.phase == Phase::kSucceeded) succeeded_indexes_.add(p.ordinal);
  }
  succeeded_ = succeeded_indexes_.total();
  if (per_index()) {
    failed_indexes_ = job_.status.failed_indexes.value_or(IndexIntervals{});
    for (const Pod& p : pods_) {
      if (!p.tracked || !valid_index(p) || !counts_as_failed(p, job_.spec)) continue;
      const PolicyResult result = policy(p);
      if (result.fails_index || (result.counts && p.index_failures >= *job_.spec.backoff_limit_per_index)) {
        failed_indexes_->add(p.ordinal);
      }
    }
    const std::int32_t failed = failed_indexes_->total();
    if (!finished_) {
      if (job_.spec.max_failed_indexes && failed > *job_.spec.max_failed_indexes) {
        finished_ = condition(ConditionType::kFailureTarget, Reason::kMaxFailedIndexesExceeded);
      } else if (failed > 0 && failed + succeeded_ >= completions) {
        finished_ = condition(ConditionType::kFailureTarget, Reason::kFailedIndexes);
      }
    }
    std::set<std::int32_t> active_indexes;
    for (const Pod* p : active_pods_) active_indexes.insert(p->ordinal);
    for (const Pod& p : pods_) {
      if (!p.tracked || !valid_index(p) || !counts_as_failed(p, job_.spec)) continue;
      if (succeeded_indexes_.has(p.ordinal) || failed_indexes_->has(p.ordinal) || active_indexes.contains(p.ordinal)) {
        continue;
      }
      const auto [it, added] = delayed_.try_emplace(p.ordinal, &p);
      if (!added && failures_before(*it->second) <= failures_before(p) && finish_time(p) >= finish_time(*it->second)) {
        it->second = &p;
      }
    }
  }
  if (!finished_ && success_policy_met(job_.spec, succeeded_indexes_)) {
    finished_ = condition(ConditionType::kSuccessCriteriaMet, Reason::kSuccessPolicy);
  }
}

void JobSync::delete_active() {
  for (const Pod* p : active_pods_) {
    store_.delete_pod(p->id);
    --active_;
    ++terminating_;
    if (p->status.ready) --ready_;
  }
}

void JobSync::finish_or_go_on() {
  manage();
  const bool complete =
      job_.spec.completions ? succeeded_ >= *job_.spec.completions && active_ == 0 : succeeded_ > 0 && active_ == 0;
  if (complete) {
    finished_ = condition(ConditionType::kSuccessCriteriaMet, Reason::kCompletionsReached);
  } else if (job_.spec.suspend) {
    suspension_changed_ = ensure_condition(ConditionType::kSuspended, ConditionStatus::kTrue, Reason::kJobSuspended);
    if (suspension_changed_) job_.status.start_time.reset();
  } else {
    suspension_changed_ = ensure_condition(ConditionType::kSuspended, ConditionStatus::kFalse, Reason::kJobResumed);
    if (suspension_changed_) job_.status.start_time = api_time(store_.now());
  }
}

}  // namespace berth::controllers
