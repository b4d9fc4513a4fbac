#include <algorithm>

#include "sim/controllers/deployment_sync.hpp"

namespace berth::controllers {

void DeploymentSync::rollout_rolling() {
  find_replica_sets(true);
  if (!reconcile_new() && !reconcile_old() && complete(d_.status)) clean_up();
  sync_rollout_status();
}

// Up as far as the surge allows.
bool DeploymentSync::reconcile_new() {
  if (new_->spec.replicas == replicas()) return false;
  ReplicaSet set = *new_;
  if (set.spec.replicas > replicas()) return scale_replica_set(set, replicas(), false);
  const std::int32_t total = sum([](const ReplicaSet& s) { return s.spec.replicas; });
  return scale_replica_set(set, rollout::new_replicas(d_.spec, total, set.spec.replicas), false);
}

// Down as far as maxUnavailable allows, with the pods of the new one that are not available yet taken off.
bool DeploymentSync::reconcile_old() {
  std::vector<ReplicaSet> old = active_old();
  if (old.empty()) return false;
  const std::int32_t total = sum([](const ReplicaSet& s) { return s.spec.replicas; });
  const std::int32_t min_available = replicas() - rollout::max_unavailable(d_.spec);
  const std::int32_t most = total - min_available - (new_->spec.replicas - new_->status.available);
  if (most <= 0) return false;
  try {
    const std::int32_t unhealthy = clean_up_unhealthy(old, most);
    return unhealthy + scale_down_old(old) > 0;
  } catch (const Conflict&) {
    return false;  // As upstream: the sync goes on.
  }
}

// Old replicas that are not available go first: losing them costs nothing.
std::int32_t DeploymentSync::clean_up_unhealthy(std::vector<ReplicaSet>& old, std::int32_t most) {
  std::int32_t down = 0;
  for (ReplicaSet& set : old) {
    if (down >= most) break;
    if (set.spec.replicas == 0 || set.spec.replicas == set.status.available) continue;
    const std::int32_t count = std::min(most - down, set.spec.replicas - set.status.available);
    if (count < 0) throw Conflict{};  // More are available than wanted: the status is behind the spec.
    scale_replica_set(set, set.spec.replicas - count, false);
    down += count;
  }
  return down;
}

std::int32_t DeploymentSync::scale_down_old(std::vector<ReplicaSet>& old) {
  std::int32_t spare = new_->status.available - (replicas() - rollout::max_unavailable(d_.spec));
  for (const ReplicaSet& set : old) spare += set.status.available;
  if (spare <= 0) return 0;
  std::int32_t down = 0;
  for (ReplicaSet& set : old) {
    if (down >= spare) break;
    if (set.spec.replicas == 0) continue;
    const std::int32_t count = std::min(set.spec.replicas, spare - down);
    scale_replica_set(set, set.spec.replicas - count, false);
    down += count;
  }
  return down;
}

void DeploymentSync::rollout_recreate() {
  find_replica_sets(false);
  bool scaled = false;
  for (ReplicaSet& set : active_old()) scaled = scale_replica_set(set, 0, false) || scaled;
  if (scaled || old_pods_running()) return sync_rollout_status();
  if (!new_) find_replica_sets(true);
  ReplicaSet set = *new_;
  scale_replica_set(set, replicas(), false);
  if (complete(d_.status)) clean_up();
  sync_rollout_status();
}

// Also pods that are on their way out count: nothing of the old template may run beside the new one.
bool DeploymentSync::old_pods_running() const {
  for (const ReplicaSet& set : old_) {
    if (set.status.replicas > 0) return true;
  }
  for (const ReplicaSet& set : sets_) {
    if (new_ && set.meta.id == new_->meta.id) continue;
    const PodList& pods = store_.pods_of({ObjectKind::kReplicaSet, set.meta.id});
    if (pods.active + pods.going > 0) return true;
  }
  return false;
}

}  // namespace berth::controllers
