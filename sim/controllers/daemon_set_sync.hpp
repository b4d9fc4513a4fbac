// One sync of one DaemonSet. Private to the DaemonSet controller.
#pragma once

#include <vector>

#include "sim/controllers/daemon_set.hpp"

namespace berth::controllers {

class DaemonSetSync {
 public:
  DaemonSetSync(DaemonSetController& controller, Store& store, KeyQueue& queue, const DaemonSet& set);
  bool run();  // False: to be tried again.

 private:
  struct OnNode {
    NodeId node = kNoNode;
    std::vector<PodId> pods;  // By creation.
  };
  // The pods by node, in the order of nodes. Terminating pods that have finished are left out.
  std::vector<OnNode> pods_by_node() const;
  std::vector<OnNode> with_wanted_nodes(std::vector<OnNode> nodes, std::int32_t& desired) const;

  void manage();
  void manage_node(const Node& node, const std::vector<PodId>* pods, std::vector<NodeId>& to_create,
                   std::vector<PodId>& to_delete);
  bool in_back_off(const Node& node);
  void manage_surge(std::vector<PodId>& running, bool should_run, NodeId node, std::vector<NodeId>& to_create,
                    std::vector<PodId>& to_delete) const;

  // daemon_set_rollout.cpp.
  bool roll_out();
  void roll_out_unavailable(const std::vector<OnNode>& nodes, std::int32_t max_unavailable);
  bool roll_out_surge(const std::vector<OnNode>& nodes, std::int32_t max_surge, std::int32_t desired);
  struct Versions {  // Of the pods on a node that are not told to go.
    const Pod* updated = nullptr;
    const Pod* old = nullptr;
    bool clear = true;  // At most one of each.
  };
  Versions versions(const std::vector<PodId>& pods) const;

  void apply(const std::vector<PodId>& to_delete, const std::vector<NodeId>& to_create);
  void clean_history(const std::vector<ControllerRevision>& old);
  bool update_status();
  bool available_now(const Pod& p) const { return available(p, set_.spec.min_ready_seconds, store_.now()); }
  void sort_by_age(std::vector<PodId>& pods) const;

  DaemonSetController& controller_;
  Store& store_;
  KeyQueue& queue_;
  DaemonSet set_;
  DaemonPlacement placement_;
  ControllerRevision revision_;
};

}  // namespace berth::controllers
