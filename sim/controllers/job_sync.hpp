// One sync of one Job: its pods as they were when it began, what follows from them, and the writes. Private to the Job
// controller.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <vector>

#include "sim/controllers/job.hpp"

namespace berth::controllers {

class JobSync {
 public:
  JobSync(JobController& controller, Store& store, KeyQueue& queue, const Job& job);
  bool run();  // False: a conflict.

 private:
  // job_sync.cpp: what has happened, and whether it is over.
  void look_at_pods();
  void decide_failure();
  void decide_by_indexes();
  void delete_active();
  void finish_or_go_on();
  bool past_backoff_limit_on_failure() const;
  bool past_deadline() const;
  bool fails_job() const;

  // job_pods.cpp: pods to create and to delete.
  void manage();
  std::int32_t wanted_active() const;
  std::vector<PodId> for_removal(std::int32_t at_least);
  void remove(const std::vector<PodId>& pods);
  void create(std::int32_t count);
  std::vector<std::int32_t> pending_indexes(std::int32_t count) const;
  std::vector<std::int32_t> out_of_back_off(const std::vector<std::int32_t>& indexes, Duration& shortest) const;
  void requeue_after(Duration delay);

  // job_status.cpp: counting pods that ended, and the conditions.
  bool track();
  bool may_count(const Pod& pod, bool failed) const;
  bool ensure_condition(ConditionType type, ConditionStatus status, Reason reason);
  Condition condition(ConditionType type, Reason reason) const;

  bool per_index() const { return job_.spec.backoff_limit_per_index.has_value(); }
  bool valid_index(const Pod& p) const {
    return !job_.spec.indexed || (p.ordinal >= 0 && p.ordinal < *job_.spec.completions);
  }
  PolicyResult policy(const Pod& p) const {
    return apply_failure_policy(job_.spec, p, store_.pod_template(job_.spec.pod_template));
  }
  // Failures of the pod's index before it, counted and ignored.
  static std::int32_t failures_before(const Pod& p) { return p.index_failures + p.index_ignored; }

  JobController& controller_;
  Store& store_;
  KeyQueue& queue_;
  Job job_;
  std::vector<Pod> pods_;
  std::vector<const Pod*> active_pods_;
  std::int32_t active_ = 0;
  std::int32_t ready_ = 0;
  std::int32_t terminating_ = 0;
  std::int32_t succeeded_ = 0;
  std::int32_t failed_ = 0;
  bool started_now_ = false;
  BackOffRecord back_off_;
  IndexIntervals succeeded_before_;
  IndexIntervals succeeded_indexes_;
  std::optional<IndexIntervals> failed_indexes_;
  std::map<std::int32_t, const Pod*> delayed_;  // Index → its last failed pod, kept until its replacement is made.
  std::optional<Condition> finished_;           // The condition that ends the Job.
  bool suspension_changed_ = false;
};

}  // namespace berth::controllers
