// Deployment: one ReplicaSet per template, and the way from one template to the next.
// Source: pkg/controller/deployment (Kubernetes v1.37): sync.go, rolling.go, recreate.go, progress.go,
// util/deployment_util.go. Writes carry the version that the sync began with, as upstream's do, so a sync that writes
// the Deployment twice meets its own first write, fails and is tried again 5 ms later: results are the same, and so
// are the times in the conditions.
// Not modelled: adoption of ReplicaSets, copied annotations, collisions of names, failures to create.
#pragma once

#include <vector>

#include "sim/controllers/controller.hpp"

namespace berth::controllers {

class DeploymentController final : public Controller {
 public:
  using Controller::Controller;
  // O(ReplicaSets of the Deployment, n log n).
  bool sync(KeyQueue::Key key) override;
  void pod_changed(const Pod& pod, const Pod& before, Change change) override;
  void object_changed(ObjectKind kind, ObjectId id, Change change) override;
};

// `kubectl rollout undo`: the template of the ReplicaSet with that revision (0: the one before the last) becomes the
// Deployment's again. False if there is none.
bool roll_back(Store& store, ObjectId deployment, std::int64_t revision);

// The arithmetic of a roll-out, for tests and for whoever wants to predict one.
namespace rollout {

// What RollingUpdate allows at `spec.replicas`; both 0 resolves to one unavailable. 0 for Recreate.
std::int32_t max_surge(const Deployment::Spec& spec);
std::int32_t max_unavailable(const Deployment::Spec& spec);
// spec.replicas of the new ReplicaSet after scaling up as far as the surge allows, with `total` pods in all sets.
std::int32_t new_replicas(const Deployment::Spec& spec, std::int32_t total, std::int32_t current);
// By how much a ReplicaSet of `replicas` changes when the Deployment is scaled in mid roll-out: its share of `to_add`,
// of which `added` are given out. `max_before`: the most replicas of the Deployment before the scaling (0: unknown).
std::int32_t proportion(const Deployment& deployment, std::int32_t replicas, std::int32_t max_before,
                        std::int32_t to_add, std::int32_t added);

}  // namespace rollout

}  // namespace berth::controllers
