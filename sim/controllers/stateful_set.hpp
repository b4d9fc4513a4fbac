// StatefulSet: pods with numbers, made and taken away in order.
// Source: pkg/controller/statefulset (Kubernetes v1.37). Not modelled: adoption, the alpha strategy Recreate.
#pragma once

#include "sim/controllers/controller.hpp"

namespace berth::controllers {

class StatefulSetController final : public Controller {
 public:
  // `max_unavailable`: the feature gate MaxUnavailableStatefulSet, on by default in v1.37; without it a roll-out takes
  // one pod at a time.
  StatefulSetController(Store& store, WorkQueue& work, bool max_unavailable = true)
      : Controller(store, work), max_unavailable_(max_unavailable) {}

  // O(pods and claims of the set).
  bool sync(KeyQueue::Key key) override;
  void pod_changed(const Pod& pod, const Pod& before, Change change) override;
  void object_changed(ObjectKind kind, ObjectId id, Change change) override;

 private:
  bool max_unavailable_;
};

}  // namespace berth::controllers
