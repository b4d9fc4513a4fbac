#include "sim/controllers/job.hpp"

#include <algorithm>

#include "sim/controllers/job_sync.hpp"

namespace berth::controllers {

JobController::JobController(Store& store, WorkQueue& work)
    : Controller(store, work), orphans_(work, [this](KeyQueue::Key pod) { release_orphan(pod); }) {
  queue_.set_back_off(seconds(1), seconds(60));
}

JobController::Known& JobController::known(ObjectId id) {
  if (id >= known_.size()) known_.resize(std::size_t{id} + 1);
  return known_[id];
}

void JobController::object_changed(ObjectKind kind, ObjectId id, Change change) {
  if (kind != ObjectKind::kJob) return;
  const Job& job = store_.get<Job>(id);
  Known& k = known(id);
  const bool was_changed = std::exchange(k.generation, job.meta.generation) != job.meta.generation;
  const bool new_deadline =
      std::exchange(k.active_deadline, job.spec.active_deadline_seconds) != job.spec.active_deadline_seconds;
  if (change != Change::kUpdated) return queue_.add(id);
  if (finished(job)) {
    store_.each_owned({ObjectKind::kJob, id}, [this](const Pod& p) { orphans_.add(static_cast<KeyQueue::Key>(p.id)); });
    return;
  }
  if (was_changed) {
    queue_.add(id);
  } else {
    queue_.add_after(id, kBatchPeriod);
  }
  if (new_deadline && job.status.start_time && job.spec.active_deadline_seconds) {
    queue_.add_after(id, *job.status.start_time + seconds(*job.spec.active_deadline_seconds) - now());
  }
}

void JobController::pod_changed(const Pod& pod, const Pod&, Change) {
  if (pod.owner.kind != ObjectKind::kJob) return;
  const Job* job = store_.find<Job>(pod.owner.id);
  if (job == nullptr || (pod.terminating && finished(*job))) {
    if (pod.tracked) orphans_.add(static_cast<KeyQueue::Key>(pod.id));
    return;
  }
  queue_.add_after(pod.owner.id, kBatchPeriod);
}

void JobController::release_orphan(KeyQueue::Key key) {
  const PodId id{key};
  if (!store_.exists(id)) return;
  const Pod& pod = store_.pod(id);
  if (pod.owner.kind != ObjectKind::kJob) return;
  const Job* job = store_.find<Job>(pod.owner.id);
  if (job == nullptr || finished(*job)) store_.remove_finalizer(id);
}

bool JobController::sync(KeyQueue::Key key) {
  const Job* job = store_.find<Job>(key);
  if (job == nullptr || finished(*job)) {
    known(key).back_off = {};
    return true;
  }
  return JobSync(*this, store_, queue_, *job).run();
}

}  // namespace berth::controllers
