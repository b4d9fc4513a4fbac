#include "sim/controllers/replica_set.hpp"

#include <algorithm>
#include <unordered_map>
#include <vector>

#include "sim/controllers/deletion_ranking.hpp"

namespace berth::controllers {
namespace {

Owner owner_of(const ReplicaSet& set) {
  return {ObjectKind::kReplicaSet, set.meta.id};
}

}  // namespace

void ReplicaSetController::object_changed(ObjectKind kind, ObjectId id, Change) {
  if (kind == ObjectKind::kReplicaSet) queue_.add(id);
}

void ReplicaSetController::pod_changed(const Pod& pod, const Pod& before, Change change) {
  if (pod.owner.kind != ObjectKind::kReplicaSet) return;
  const ReplicaSet* set = store_.find<ReplicaSet>(pod.owner.id);
  if (set == nullptr) return;
  queue_.add(pod.owner.id);
  if (change == Change::kUpdated && !pod.terminating && !before.status.ready && pod.status.ready &&
      set->spec.min_ready_seconds > 0) {
    queue_.add_after(pod.owner.id, seconds(set->spec.min_ready_seconds));
  }
}

void ReplicaSetController::create_pods(const ReplicaSet& set, std::int32_t count) {
  for (std::int32_t i = 0; i < std::min(count, kBurstReplicas); ++i) {
    Pod pod;
    pod.owner = owner_of(set);
    pod.pod_template = set.spec.pod_template;
    store_.create_pod(pod);
  }
}

void ReplicaSetController::delete_pods(const ReplicaSet& set, std::int32_t count) {
  std::vector<RankedPod> pods;
  store_.each_owned(owner_of(set), [&pods](const Pod& p) {
    if (active(p)) pods.push_back({p.id, 0});
  });
  count = std::min(count, kBurstReplicas);
  if (count < static_cast<std::int32_t>(pods.size())) {
    // Pods of all ReplicaSets of the same Deployment count as related: spread is kept across a roll-out.
    std::unordered_map<std::uint32_t, std::uint32_t> on_node;  // Looked up, never walked.
    const auto count_related = [&](Owner owner) {
      store_.each_owned(owner, [&on_node](const Pod& p) {
        if (active(p)) ++on_node[static_cast<std::uint32_t>(p.node)];
      });
    };
    if (set.meta.owner.kind == ObjectKind::kNone) {
      count_related(owner_of(set));
    } else {
      for (const ObjectId sibling : store_.owned<ReplicaSet>(set.meta.owner)) {
        count_related({ObjectKind::kReplicaSet, sibling});
      }
    }
    for (RankedPod& p : pods) p.on_node = on_node[static_cast<std::uint32_t>(store_.pod(p.pod).node)];
    sort_for_deletion(store_, pods, static_cast<std::size_t>(count));
  }
  for (std::int32_t i = 0; i < count; ++i) store_.delete_pod(pods[static_cast<std::size_t>(i)].pod);
}

bool ReplicaSetController::sync(KeyQueue::Key key) {
  const ReplicaSet* found = store_.find<ReplicaSet>(key);
  if (found == nullptr) return true;
  ReplicaSet set = *found;
  const Owner owner = owner_of(set);

  // The status counts the pods as they were before this sync creates or deletes any: it tells of them in the next.
  const PodList before = store_.pods_of(owner);
  ReplicaSet::Status status = set.status;
  status.replicas = static_cast<std::int32_t>(before.active);
  status.ready = static_cast<std::int32_t>(before.active_ready);
  status.terminating = static_cast<std::int32_t>(before.going);
  status.available = status.ready;
  Time next_available = kNever;
  if (set.spec.min_ready_seconds > 0) {
    status.available = 0;
    store_.each_owned(owner, [&](const Pod& p) {
      if (!active(p) || !p.status.ready) return;
      if (available(p, set.spec.min_ready_seconds, now())) {
        ++status.available;
      } else {
        next_available = std::min(next_available, p.status.ready_since + seconds(set.spec.min_ready_seconds));
      }
    });
  }

  const std::int32_t missing = set.spec.replicas - status.replicas;
  if (missing > 0) create_pods(set, missing);
  if (missing < 0) delete_pods(set, -missing);

  if (!(status == set.status) || set.meta.generation != set.status.observed_generation) {
    status.observed_generation = set.meta.generation;
    set.status = status;
    if (!store_.update(set)) return false;
  }
  if (next_available != kNever) queue_.add_after(key, next_available - now());
  return true;
}

}  // namespace berth::controllers
