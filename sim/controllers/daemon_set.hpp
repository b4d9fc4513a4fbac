// DaemonSet: one pod on every node that fits.
// Source: pkg/controller/daemon (Kubernetes v1.37): daemon_controller.go, update.go. Pods ask for their node
// (Pod::wanted); who binds them is another's business. Not modelled: adoption, expectations, template generations.
#pragma once

#include <map>
#include <tuple>
#include <vector>

#include "sim/controllers/controller.hpp"

namespace berth::controllers {

class DaemonSetController final : public Controller {
 public:
  DaemonSetController(Store& store, WorkQueue& work);
  static constexpr std::size_t kBurstReplicas = 250;

  // O(nodes + pods of the set).
  bool sync(KeyQueue::Key key) override;
  void pod_changed(const Pod& pod, const Pod& before, Change change) override;
  void object_changed(ObjectKind kind, ObjectId id, Change change) override;

  // Failed pods of a node are replaced at once, then after 1, 2, 4 … seconds, at most 15 minutes.
  static constexpr Duration kFirstBackOff = seconds(1);
  static constexpr Duration kLongestBackOff = seconds(15 * 60);

 private:
  friend class DaemonSetSync;
  struct BackOff {
    Duration delay;
    Time updated;
  };
  using BackOffKey = std::tuple<ObjectId, std::int64_t, NodeId>;  // Set, its observed generation, node.

  void sync_node(KeyQueue::Key node);

  KeyQueue nodes_;
  std::vector<std::int64_t> node_generations_;  // As last seen: other changes of a node are of no concern.
  std::map<BackOffKey, BackOff> back_offs_;
};

// Whether a pod of the set ought to run on the node, and whether one that is there may stay.
struct DaemonFit {
  bool should_run = false;
  bool should_continue = false;
};
class DaemonPlacement {
 public:
  explicit DaemonPlacement(const PodTemplate& pod_template);
  // By node selector and taints; the template's tolerations and those of all daemon pods count.
  DaemonFit fit(const Node& node) const;

 private:
  const PodTemplate& template_;
  std::vector<kube::Toleration> tolerations_;
};

}  // namespace berth::controllers
