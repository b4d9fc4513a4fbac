#include <algorithm>

#include "sim/controllers/deployment_sync.hpp"

namespace berth::controllers {

Condition DeploymentSync::condition(ConditionType type, ConditionStatus status, Reason reason) const {
  const Time now = api_time(store_.now());
  return {type, status, reason, now, now};
}

// The same status and reason: nothing. The same status: the transition time stays.
void DeploymentSync::set_condition(Conditions& conditions, Condition condition) {
  if (const Condition* current = find(conditions, condition.type)) {
    if (current->status == condition.status) {
      if (current->reason == condition.reason) return;
      condition.last_transition = current->last_transition;
    }
  }
  remove(conditions, condition.type);
  conditions.push_back(condition);
}

void DeploymentSync::write_deployment() {
  Deployment written = d_;  // Keeps the version that was read: see deployment.hpp on conflicts.
  if (!store_.update(written)) throw Conflict{};
}

Deployment::Status DeploymentSync::calculate_status() const {
  Deployment::Status status;
  status.observed_generation = d_.meta.generation;
  status.replicas = sum([](const ReplicaSet& s) { return s.status.replicas; });
  status.updated = new_ ? new_->status.replicas : 0;
  status.ready = sum([](const ReplicaSet& s) { return s.status.ready; });
  status.available = sum([](const ReplicaSet& s) { return s.status.available; });
  status.terminating = sum([](const ReplicaSet& s) { return s.status.terminating; });
  status.unavailable = std::max(0, sum([](const ReplicaSet& s) { return s.spec.replicas; }) - status.available);
  status.conditions = d_.status.conditions;
  const bool enough = status.available >= replicas() - rollout::max_unavailable(d_.spec);
  set_condition(
      status.conditions,
      enough ? condition(ConditionType::kAvailable, ConditionStatus::kTrue, Reason::kMinimumReplicasAvailable)
             : condition(ConditionType::kAvailable, ConditionStatus::kFalse, Reason::kMinimumReplicasUnavailable));
  return status;
}

void DeploymentSync::sync_status() {
  Deployment::Status status = calculate_status();
  if (status == d_.status) return;
  d_.status = std::move(status);
  write_deployment();
}

bool DeploymentSync::complete(const Deployment::Status& status) const {
  return status.updated == replicas() && status.replicas == replicas() && status.available == replicas() &&
         status.observed_generation >= d_.meta.generation;
}

bool DeploymentSync::progressing(const Deployment::Status& status) const {
  return status.updated > d_.status.updated ||
         status.replicas - status.updated < d_.status.replicas - d_.status.updated || status.ready > d_.status.ready ||
         status.available > d_.status.available;
}

bool DeploymentSync::timed_out(const Deployment::Status& status) const {
  const Condition* progress = find(status.conditions, ConditionType::kProgressing);
  if (progress == nullptr || progress->reason == Reason::kNewReplicaSetAvailable) return false;
  if (progress->reason == Reason::kProgressDeadlineExceeded) return true;
  return progress->last_update + seconds(*d_.spec.progress_deadline_seconds) < store_.now();
}

void DeploymentSync::sync_rollout_status() {
  Deployment::Status status = calculate_status();
  if (!has_deadline()) remove(status.conditions, ConditionType::kProgressing);
  const Condition* current = find(d_.status.conditions, ConditionType::kProgressing);
  const bool was_complete =
      status.replicas == status.updated && current != nullptr && current->reason == Reason::kNewReplicaSetAvailable;
  if (has_deadline() && !was_complete) {
    if (complete(status)) {
      set_condition(status.conditions,
                    condition(ConditionType::kProgressing, ConditionStatus::kTrue, Reason::kNewReplicaSetAvailable));
    } else if (progressing(status)) {
      Condition progress = condition(ConditionType::kProgressing, ConditionStatus::kTrue, Reason::kReplicaSetUpdated);
      if (current != nullptr && current->status == ConditionStatus::kTrue) {
        progress.last_transition = current->last_transition;
      }
      remove(status.conditions, ConditionType::kProgressing);  // So that its last update is now in any case.
      set_condition(status.conditions, progress);
    } else if (timed_out(status)) {
      set_condition(status.conditions,
                    condition(ConditionType::kProgressing, ConditionStatus::kFalse, Reason::kProgressDeadlineExceeded));
    }
  }
  if (status == d_.status) return requeue_stuck(status);
  d_.status = std::move(status);
  write_deployment();
}

// Nothing changed: nothing else may wake the controller when the deadline is over. A rollout that was complete once has
// no deadline any more, though upstream goes on looking at one that has lost pods, up to ten times a second: to no
// effect, so it is left out.
void DeploymentSync::requeue_stuck(const Deployment::Status& status) {
  const Condition* progress = find(d_.status.conditions, ConditionType::kProgressing);
  if (!has_deadline() || progress == nullptr || complete(status) ||
      progress->reason == Reason::kProgressDeadlineExceeded || progress->reason == Reason::kNewReplicaSetAvailable) {
    return;
  }
  const Duration left = progress->last_update + seconds(*d_.spec.progress_deadline_seconds) - store_.now();
  if (left < seconds(1)) {
    queue_.add_rate_limited(d_.meta.id);
  } else {
    queue_.add_after(d_.meta.id, left + seconds(1));
  }
}

}  // namespace berth::controllers
