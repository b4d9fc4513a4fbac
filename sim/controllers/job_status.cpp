// Counting pods that ended, and the conditions that end a Job. Source: pkg/controller/job/job_controller.go,
// trackJobStatusAndRemoveFinalizers. Upstream writes the uncounted pods, takes their finalizers off and writes the
// counts; here all that is one write.
#include <algorithm>

#include "sim/controllers/job_sync.hpp"

namespace berth::controllers {

Condition JobSync::condition(ConditionType type, Reason reason) const {
  return {type, ConditionStatus::kTrue, reason, {}, api_time(store_.now())};
}

bool JobSync::ensure_condition(ConditionType type, ConditionStatus status, Reason reason) {
  const Condition wanted{type, status, reason, {}, api_time(store_.now())};
  for (Condition& c : job_.status.conditions) {
    if (c.type != type) continue;
    if (c.status == status && c.reason == reason) return false;
    c = wanted;
    return true;
  }
  if (status == ConditionStatus::kFalse) return false;
  job_.status.conditions.push_back(wanted);
  return true;
}

// A failed pod of an index that has a back-off of its own stays until its replacement is made: it carries the count.
bool JobSync::may_count(const Pod& pod, bool failed) const {
  if (finished_ || pod.status.phase == Phase::kSucceeded) return true;
  if (!failed) return false;
  const auto delayed = delayed_.find(pod.ordinal);
  return !per_index() || delayed == delayed_.end() || delayed->second->id != pod.id;
}

bool JobSync::track() {
  Job::Status& status = job_.status;
  bool flush = suspension_changed_ || started_now_ || active_ != status.active || ready_ != status.ready ||
               terminating_ != status.terminating;
  status.active = active_;
  status.ready = ready_;
  status.terminating = terminating_;

  std::vector<const Pod*> order;
  for (const Pod& p : pods_) order.push_back(&p);
  if (job_.spec.indexed) {
    std::stable_sort(order.begin(), order.end(), [](const Pod* a, const Pod* b) { return a->ordinal < b->ordinal; });
  }
  const bool fails = finished_ && finished_->type != ConditionType::kSuccessCriteriaMet;
  std::vector<PodId> release;
  std::size_t uncounted = 0;
  bool too_many = false;
  for (const Pod* p : order) {
    // A pod of which this sync took the finalizer was not there to be counted; upstream sees it with its next sync.
    if (!p->tracked || !store_.exists(p->id, p->uid) || !store_.pod(p->id).tracked) continue;
    const bool failed = counts_as_failed(*p, job_.spec);
    if (!may_count(*p, failed)) continue;
    release.push_back(p->id);
    if (p->status.phase == Phase::kSucceeded) {
      if (job_.spec.indexed) {
        if (valid_index(*p) && !succeeded_before_.has(p->ordinal)) {
          flush = true;
          ++uncounted;
        }
      } else {
        ++status.succeeded;
        flush = true;
        ++uncounted;
      }
    } else if ((failed || fails) && valid_index(*p) && policy(*p).counts) {
      ++status.failed;
      flush = true;
      ++uncounted;
    }
    if (uncounted >= JobController::kMaxUncountedPods) {
      too_many = true;
      break;
    }
  }
  if (job_.spec.indexed) {
    flush = flush || status.completed_indexes != succeeded_indexes_ || status.failed_indexes != failed_indexes_;
    status.succeeded = succeeded_indexes_.total();
    status.completed_indexes = succeeded_indexes_;
    status.failed_indexes = failed_indexes_;
  }
  if (finished_ && finished_->type == ConditionType::kFailureTarget) {
    status.conditions.push_back(*finished_);
    flush = true;
    finished_ = condition(ConditionType::kFailed, finished_->reason);
  }
  if (finished_ && finished_->type == ConditionType::kSuccessCriteriaMet) {
    if (find(status.conditions, ConditionType::kSuccessCriteriaMet) == nullptr) {
      status.conditions.push_back(*finished_);
      flush = true;
    }
    finished_ = condition(ConditionType::kComplete, finished_->reason);
  }
  if (flush) controller_.known(job_.meta.id).back_off = back_off_;
  for (const PodId id : release) store_.remove_finalizer(id);

  // Over only once nothing of it is left running.
  if (finished_ && !too_many && terminating_ == 0) {
    ensure_condition(finished_->type, ConditionStatus::kTrue, finished_->reason);
    if (finished_->type == ConditionType::kComplete) status.completion_time = finished_->last_transition;
    flush = true;
  }
  return !flush || store_.update(job_);
}

}  // namespace berth::controllers
