#include "sim/controllers/pod_gc.hpp"

#include <algorithm>
#include <vector>

#include "sim/controllers/node_taints.hpp"

namespace berth::controllers {

PodGcController::PodGcController(Store& store, WorkQueue& work, std::size_t terminated_pod_threshold)
    : Controller(store, work), threshold_(terminated_pod_threshold) {
  queue_.add_after(0, kPeriod);
}

void PodGcController::note(const Pod& pod, bool there) {
  const std::tuple<Time, std::uint64_t, PodId> entry{pod.created, pod.uid, pod.id};
  const auto keep = [&entry](ByAge& set, bool in) {
    if (in) {
      set.insert(entry);
    } else {
      set.erase(entry);
    }
  };
  keep(finished_, there && finished(pod.status.phase));
  keep(unscheduled_, there && pod.terminating && pod.node == kNoNode);
}

void PodGcController::pod_changed(const Pod& pod, const Pod& before, Change change) {
  note(pod, change != Change::kDeleted);
  const bool came = change == Change::kAdded || pod.node != before.node;
  if (pod.node == kNoNode || change == Change::kDeleted || !came) return;
  const auto node = static_cast<ObjectId>(index(pod.node));
  if (store_.find<Node>(node) == nullptr) lost_nodes_.try_emplace(node, kNever);
}

void PodGcController::object_changed(ObjectKind kind, ObjectId id, Change change) {
  if (kind != ObjectKind::kNode) return;
  if (change == Change::kDeleted) {
    lost_nodes_.try_emplace(id, kNever);
  } else {
    lost_nodes_.erase(id);
  }
}

bool PodGcController::sync(KeyQueue::Key) {
  queue_.add_after(0, kPeriod);
  if (threshold_ > 0) collect_finished();
  collect_out_of_service();
  collect_orphans();
  collect_unscheduled();
  return true;
}

void PodGcController::force_delete(PodId id, Disruption why) {
  if (!store_.exists(id)) return;
  PodStatus status = store_.pod(id).status;
  if (!finished(status.phase)) {
    status.phase = Phase::kFailed;
    if (why != Disruption::kNone) {
      if (status.disruption == Disruption::kNone) status.disrupted_since = api_time(now());
      status.disruption = why;
    }
    store_.set_status(id, status);
  }
  store_.remove_pod(id);
}

void PodGcController::collect_finished() {
  if (finished_.size() <= threshold_) return;
  std::vector<PodId> surplus;
  for (const auto& [created, uid, pod] : finished_) {
    if (surplus.size() == finished_.size() - threshold_) break;
    surplus.push_back(pod);
  }
  for (const PodId p : surplus) force_delete(p, Disruption::kNone);
}

// Somebody has said that the node will not come back: its pods need not wait for it.
void PodGcController::collect_out_of_service() {
  for (ObjectId id = 0; id < store_.end_id<Node>(); ++id) {
    const Node* node = store_.find<Node>(id);
    if (node == nullptr) continue;
    const NodeCondition& ready = node->condition(NodeConditionType::kReady);
    const bool tainted = std::any_of(node->spec.taints.begin(), node->spec.taints.end(),
                                     [](const NodeTaint& t) { return t.taint.key == taints::kOutOfService; });
    if (!tainted || (ready.posted && ready.status == ConditionStatus::kTrue)) continue;
    store_.each_on(node->node_id(), [this](const Pod& p) {
      if (p.terminating) force_delete(p.id, Disruption::kNone);
    });
  }
}

void PodGcController::collect_orphans() {
  std::erase_if(lost_nodes_, [this](const auto& lost) { return store_.pods_on(NodeId{lost.first}).size == 0; });
  for (auto& [id, seen] : lost_nodes_) {
    if (seen == kNever) seen = now();
    if (now() - seen < kQuarantine) continue;
    store_.each_on(NodeId{id}, [this](const Pod& p) { force_delete(p.id, Disruption::kDeletionByPodGc); });
    seen = now();  // A tracked pod may stay: looked at again after another quarantine.
  }
}

void PodGcController::collect_unscheduled() {
  std::vector<PodId> pods;
  for (const auto& [created, uid, pod] : unscheduled_) pods.push_back(pod);
  for (const PodId p : pods) force_delete(p, Disruption::kNone);
}

}  // namespace berth::controllers
