// Taint eviction: deletes pods from nodes with NoExecute taints, at once or when their tolerations run out.
// Source: pkg/controller/tainteviction (Kubernetes v1.37).
#pragma once

#include <optional>
#include <vector>

#include "sim/controllers/controller.hpp"

namespace berth::controllers {

class TaintEvictionController final : public Controller {
 public:
  TaintEvictionController(Store& store, WorkQueue& work);

  // One node whose NoExecute taints changed. O(pods on it).
  bool sync(KeyQueue::Key key) override;
  void pod_changed(const Pod& pod, const Pod& before, Change change) override;
  void object_changed(ObjectKind kind, ObjectId id, Change change) override;

 private:
  struct Planned {
    std::uint64_t uid = 0;  // Of the pod; 0: nothing is planned.
    Time since;             // From when its tolerations count.
    Time at;
  };
  void sync_pod(KeyQueue::Key pod);
  void process(const Pod& pod, const std::vector<kube::Taint>& taints);
  void plan(const Pod& pod, Time since, Time at);
  void cancel(PodId pod);
  void evict(KeyQueue::Key pod);
  const Planned* planned(const Pod& pod) const;

  KeyQueue pods_;
  KeyQueue evictions_;
  std::vector<std::vector<NodeTaint>> last_taints_;    // By node: NoExecute taints as last seen.
  std::vector<std::vector<kube::Taint>> node_taints_;  // By node: as last acted upon.
  std::vector<Planned> planned_;                       // By pod.
};

// How long a pod with these tolerations stays on a node with these NoExecute taints (at least one): the shortest
// tolerationSeconds of the first toleration that matches each taint; 0 if one is not tolerated; none: for ever.
std::optional<Duration> toleration_time(const std::vector<PodToleration>& tolerations,
                                        const std::vector<kube::Taint>& taints);

}  // namespace berth::controllers
