// ReplicaSet: as many active pods as spec.replicas says.
// Source: pkg/controller/replicaset (Kubernetes v1.37). Creations and deletions are at most kBurstReplicas per sync.
// Not modelled: adoption and release of pods by label, failed creations (quota), expectations (the store shows every
// write at once).
#pragma once

#include "sim/controllers/controller.hpp"

namespace berth::controllers {

class ReplicaSetController final : public Controller {
 public:
  using Controller::Controller;
  static constexpr std::int32_t kBurstReplicas = 500;

  // O(1) when the counts are right and minReadySeconds is 0; otherwise O(pods of the set), for a deletion
  // O(pods of its siblings, n log n of its own).
  bool sync(KeyQueue::Key key) override;
  void pod_changed(const Pod& pod, const Pod& before, Change change) override;
  void object_changed(ObjectKind kind, ObjectId id, Change change) override;

 private:
  void create_pods(const ReplicaSet& set, std::int32_t count);
  void delete_pods(const ReplicaSet& set, std::int32_t count);
};

}  // namespace berth::controllers
