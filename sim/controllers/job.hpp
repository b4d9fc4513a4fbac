// Job: pods until enough of them have succeeded, or too many have failed.
// Source: pkg/controller/job (Kubernetes v1.37). A pod keeps the finalizer job-tracking until the Job has counted it.
// Changes of pods are looked at at most once a second (SyncJobBatchPeriod).
// Not modelled: adoption, managedBy, gang scheduling, TTL after finish, failed creations. Pods have one container that
// counts.
#pragma once

#include <optional>
#include <vector>

#include "sim/controllers/controller.hpp"
#include "sim/controllers/job_rules.hpp"

namespace berth::controllers {

class JobController final : public Controller {
 public:
  JobController(Store& store, WorkQueue& work);
  static constexpr Duration kBatchPeriod = seconds(1);
  static constexpr std::size_t kMaxUncountedPods = 500;
  static constexpr std::size_t kMaxPodsPerSync = 500;  // Created or deleted.

  // O(pods of the Job that are not counted yet, n log n) + O(intervals).
  bool sync(KeyQueue::Key key) override;
  void pod_changed(const Pod& pod, const Pod& before, Change change) override;
  void object_changed(ObjectKind kind, ObjectId id, Change change) override;

 private:
  friend class JobSync;
  struct Known {
    std::int64_t generation = 0;
    std::optional<std::int64_t> active_deadline;
    BackOffRecord back_off;
  };
  Known& known(ObjectId id);
  void release_orphan(KeyQueue::Key pod);

  KeyQueue orphans_;  // Pods whose Job is finished or gone: their finalizer is taken off.
  std::vector<Known> known_;
};

}  // namespace berth::controllers
