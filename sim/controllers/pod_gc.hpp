// Pod garbage collection: every 20 s, pods that nobody else will remove.
// Source: pkg/controller/podgc/gc_controller.go (Kubernetes v1.37). What it needs is kept by each change, so a pass
// costs O(nodes + pods it deletes). Not modelled: that pods evicted under node pressure go first.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <tuple>

#include "sim/controllers/controller.hpp"

namespace berth::controllers {

class PodGcController final : public Controller {
 public:
  static constexpr Duration kPeriod = seconds(20);
  static constexpr Duration kQuarantine = seconds(40);  // How long a node must be gone before its pods go.

  // `terminated_pod_threshold`: how many finished pods may stay (--terminated-pod-gc-threshold); 0: all.
  PodGcController(Store& store, WorkQueue& work, std::size_t terminated_pod_threshold = 12'500);

  bool sync(KeyQueue::Key key) override;  // A pass; the key plays no part.
  void pod_changed(const Pod& pod, const Pod& before, Change change) override;
  void object_changed(ObjectKind kind, ObjectId id, Change change) override;

 private:
  using ByAge = std::set<std::tuple<Time, std::uint64_t, PodId>>;  // Creation, uid, pod.

  void note(const Pod& pod, bool there);
  void collect_finished();
  void collect_out_of_service();
  void collect_orphans();
  void collect_unscheduled();
  void force_delete(PodId pod, Disruption why);

  std::size_t threshold_;
  ByAge finished_;
  ByAge unscheduled_;                    // Told to go, without a node.
  std::map<ObjectId, Time> lost_nodes_;  // Named by pods, and not there; when a pass first saw it (kNever: not yet).
};

}  // namespace berth::controllers
