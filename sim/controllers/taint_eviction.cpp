#include "sim/controllers/taint_eviction.hpp"

#include <algorithm>

namespace berth::controllers {

std::optional<Duration> toleration_time(const std::vector<PodToleration>& tolerations,
                                        const std::vector<kube::Taint>& taints) {
  std::optional<Duration> shortest;
  for (const kube::Taint& taint : taints) {
    const auto it = std::find_if(tolerations.begin(), tolerations.end(),
                                 [&taint](const PodToleration& t) { return kube::tolerates(t.match, taint); });
    if (it == tolerations.end()) return Duration{};
    if (!it->seconds) continue;
    const Duration time = seconds(std::max<std::int64_t>(0, *it->seconds));
    shortest = shortest ? std::min(*shortest, time) : time;
  }
  return shortest;
}

TaintEvictionController::TaintEvictionController(Store& store, WorkQueue& work)
    : Controller(store, work),
      pods_(work, [this](KeyQueue::Key pod) { sync_pod(pod); }),
      evictions_(work, [this](KeyQueue::Key pod) { evict(pod); }) {}

void TaintEvictionController::object_changed(ObjectKind kind, ObjectId id, Change change) {
  if (kind != ObjectKind::kNode) return;
  std::vector<NodeTaint> now_there;
  if (change != Change::kDeleted) {
    for (const NodeTaint& t : store_.get<Node>(id).spec.taints) {
      if (t.taint.effect == kube::TaintEffect::kNoExecute) now_there.push_back(t);
    }
  }
  if (id >= last_taints_.size()) last_taints_.resize(std::size_t{id} + 1);
  if (change == Change::kUpdated && last_taints_[id] == now_there) return;
  last_taints_[id] = std::move(now_there);
  queue_.add(id);
}

void TaintEvictionController::pod_changed(const Pod& pod, const Pod& before, Change change) {
  if (change == Change::kUpdated && pod.node == before.node) return;
  pods_.add(static_cast<KeyQueue::Key>(pod.id));
}

const TaintEvictionController::Planned* TaintEvictionController::planned(const Pod& pod) const {
  const std::size_t row = index(pod.id);
  return row < planned_.size() && planned_[row].uid == pod.uid ? &planned_[row] : nullptr;
}

void TaintEvictionController::cancel(PodId pod) {
  if (index(pod) >= planned_.size() || planned_[index(pod)].uid == 0) return;
  planned_[index(pod)] = {};
  evictions_.cancel(static_cast<KeyQueue::Key>(pod));
}

void TaintEvictionController::plan(const Pod& pod, Time since, Time at) {
  if (index(pod.id) >= planned_.size()) planned_.resize(index(pod.id) + 1);
  planned_[index(pod.id)] = {pod.uid, since, at};
  evictions_.add_after(static_cast<KeyQueue::Key>(pod.id), at - now());
}

bool TaintEvictionController::sync(KeyQueue::Key id) {
  if (id >= node_taints_.size()) node_taints_.resize(std::size_t{id} + 1);
  node_taints_[id].clear();
  const Node* node = store_.find<Node>(id);
  if (node == nullptr) return true;
  for (const NodeTaint& t : node->spec.taints) {
    if (t.taint.effect == kube::TaintEffect::kNoExecute) node_taints_[id].push_back(t.taint);
  }
  store_.each_on(NodeId{id}, [this, id](const Pod& p) {
    if (node_taints_[id].empty()) {
      cancel(p.id);
    } else {
      process(p, node_taints_[id]);
    }
  });
  return true;
}

void TaintEvictionController::sync_pod(KeyQueue::Key key) {
  const PodId id{key};
  if (!store_.exists(id)) return cancel(id);
  const Pod& pod = store_.pod(id);
  if (planned(pod) == nullptr) cancel(id);  // What was planned was for an earlier pod of this number.
  const std::size_t node = index(pod.node);
  if (pod.node == kNoNode || node >= node_taints_.size() || node_taints_[node].empty()) return;
  process(pod, node_taints_[node]);
}

void TaintEvictionController::process(const Pod& pod, const std::vector<kube::Taint>& taints) {
  const auto& tolerations = store_.pod_template(pod.pod_template).tolerations;
  const bool all_tolerated = std::all_of(taints.begin(), taints.end(), [&tolerations](const kube::Taint& taint) {
    return std::any_of(tolerations.begin(), tolerations.end(),
                       [&taint](const PodToleration& t) { return kube::tolerates(t.match, taint); });
  });
  const std::optional<Duration> time = toleration_time(tolerations, taints);
  if (!all_tolerated || !time) {
    cancel(pod.id);
    if (!all_tolerated) plan(pod, now(), now());
    return;
  }
  Time since = now();
  if (const Planned* before = planned(pod)) {
    since = before->since;
    if (since + *time < now() + *time) return;  // A changed taint does not start the clock again.
    cancel(pod.id);
  }
  plan(pod, since, now() + *time);
}

void TaintEvictionController::evict(KeyQueue::Key key) {
  const PodId id{key};
  if (!store_.exists(id) || planned(store_.pod(id)) == nullptr || planned(store_.pod(id))->at > now()) return;
  planned_[index(id)] = {};
  PodStatus status = store_.pod(id).status;
  if (status.disruption == Disruption::kNone) status.disrupted_since = api_time(now());
  status.disruption = Disruption::kDeletionByTaintManager;
  store_.set_status(id, status);
  store_.delete_pod(id);
}

}  // namespace berth::controllers
