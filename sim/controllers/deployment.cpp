#include "sim/controllers/deployment.hpp"

#include <algorithm>
#include <cmath>

#include "sim/controllers/deployment_sync.hpp"

namespace berth::controllers {

void DeploymentController::object_changed(ObjectKind kind, ObjectId id, Change) {
  if (kind == ObjectKind::kDeployment) {
    queue_.add(id);
  } else if (kind == ObjectKind::kReplicaSet) {
    const Owner owner = store_.get<ReplicaSet>(id).meta.owner;
    if (owner.kind == ObjectKind::kDeployment && store_.find<Deployment>(owner.id) != nullptr) queue_.add(owner.id);
  }
}

// Only Recreate waits for pods to be gone; otherwise the ReplicaSets' counts say all.
void DeploymentController::pod_changed(const Pod& pod, const Pod&, Change change) {
  if (change != Change::kDeleted || pod.owner.kind != ObjectKind::kReplicaSet) return;
  const ReplicaSet* set = store_.find<ReplicaSet>(pod.owner.id);
  if (set == nullptr || set->meta.owner.kind != ObjectKind::kDeployment) return;
  const Deployment* deployment = store_.find<Deployment>(set->meta.owner.id);
  if (deployment != nullptr && deployment->spec.recreate) queue_.add(deployment->meta.id);
}

bool DeploymentController::sync(KeyQueue::Key key) {
  const Deployment* deployment = store_.find<Deployment>(key);
  if (deployment == nullptr) return true;
  try {
    DeploymentSync(store_, queue_, *deployment).run();
  } catch (const Conflict&) {
    return false;
  }
  return true;
}

bool roll_back(Store& store, ObjectId deployment, std::int64_t revision) {
  const std::vector<ObjectId>& sets = store.owned<ReplicaSet>({ObjectKind::kDeployment, deployment});
  if (revision == 0) {
    std::int64_t last = 0;
    for (const ObjectId id : sets) {
      const std::int64_t r = store.get<ReplicaSet>(id).annotations.revision;
      if (r >= last) {
        revision = last;
        last = r;
      } else {
        revision = std::max(revision, r);
      }
    }
    if (revision == 0) return false;
  }
  for (const ObjectId id : sets) {
    const ReplicaSet& set = store.get<ReplicaSet>(id);
    if (set.annotations.revision != revision) continue;
    const TemplateId pod_template = set.spec.pod_template;
    store.edit<Deployment>(deployment, [pod_template](Deployment& d) { d.spec.pod_template = pod_template; });
    return true;
  }
  return false;
}

namespace rollout {
namespace {

struct Fenceposts {
  std::int32_t surge;
  std::int32_t unavailable;
};
Fenceposts resolve(const Deployment::Spec& spec) {
  Fenceposts f{spec.max_surge.of(spec.replicas, true), spec.max_unavailable.of(spec.replicas, false)};
  if (f.surge == 0 && f.unavailable == 0) f.unavailable = 1;  // Otherwise nothing would ever move.
  return f;
}

}  // namespace

std::int32_t max_surge(const Deployment::Spec& spec) {
  return spec.recreate ? 0 : resolve(spec).surge;
}

std::int32_t max_unavailable(const Deployment::Spec& spec) {
  if (spec.recreate || spec.replicas == 0) return 0;
  return std::min(resolve(spec).unavailable, spec.replicas);
}

std::int32_t new_replicas(const Deployment::Spec& spec, std::int32_t total, std::int32_t current) {
  if (spec.recreate) return spec.replicas;
  const std::int32_t most = spec.replicas + spec.max_surge.of(spec.replicas, true);
  if (total >= most) return current;
  return current + std::min(most - total, spec.replicas - current);
}

std::int32_t proportion(const Deployment& deployment, std::int32_t replicas, std::int32_t max_before,
                        std::int32_t to_add, std::int32_t added) {
  if (replicas == 0 || to_add == 0 || to_add == added) return 0;
  const std::int32_t allowed = to_add - added;
  std::int32_t fraction = 0;
  if (deployment.spec.replicas == 0) {
    fraction = -replicas;
  } else {
    const std::int32_t before = max_before != 0 ? max_before : deployment.status.replicas;
    if (before != 0) {
      const std::int64_t scaled = std::int64_t{replicas} * (deployment.spec.replicas + max_surge(deployment.spec));
      // Half away from zero, as integer.RoundToInt32.
      fraction = static_cast<std::int32_t>(std::lround(static_cast<double>(scaled) / before)) - replicas;
    }
  }
  return to_add > 0 ? std::min(fraction, allowed) : std::max(fraction, allowed);
}

}  // namespace rollout

}  // namespace berth::controllers
