#include "sim/controllers/daemon_set.hpp"

#include <algorithm>
#include <utility>

#include "sim/controllers/daemon_set_sync.hpp"
#include "sim/controllers/revisions.hpp"

namespace berth::controllers {

DaemonPlacement::DaemonPlacement(const PodTemplate& pod_template) : template_(pod_template) {
  for (const PodToleration& t : pod_template.tolerations) tolerations_.push_back(t.match);
  constexpr auto kNoExecute = kube::TaintEffect::kNoExecute;
  constexpr auto kNoSchedule = kube::TaintEffect::kNoSchedule;
  for (const auto& [key, effect] :
       {std::pair{taints::kNotReady, kNoExecute}, std::pair{taints::kUnreachable, kNoExecute},
        std::pair{taints::kDiskPressure, kNoSchedule}, std::pair{taints::kMemoryPressure, kNoSchedule},
        std::pair{taints::kPidPressure, kNoSchedule}, std::pair{taints::kUnschedulable, kNoSchedule}}) {
    kube::Toleration toleration;
    toleration.key = key;
    toleration.op = kube::Toleration::Operator::kExists;
    toleration.effect = effect;
    tolerations_.push_back(std::move(toleration));
  }
}

DaemonFit DaemonPlacement::fit(const Node& node) const {
  for (const auto& [key, value] : template_.node_selector) {
    const std::string* label = node.spec.labels.find(key);
    if (label == nullptr || *label != value) return {};
  }
  DaemonFit fit{true, true};
  for (const NodeTaint& t : node.spec.taints) {
    if (t.taint.effect == kube::TaintEffect::kPreferNoSchedule || kube::tolerated(tolerations_, t.taint)) continue;
    fit.should_run = false;
    if (t.taint.effect == kube::TaintEffect::kNoExecute) fit.should_continue = false;
  }
  return fit;
}

DaemonSetController::DaemonSetController(Store& store, WorkQueue& work)
    : Controller(store, work), nodes_(work, [this](KeyQueue::Key node) { sync_node(node); }) {}

void DaemonSetController::object_changed(ObjectKind kind, ObjectId id, Change change) {
  if (kind == ObjectKind::kDaemonSet) {
    queue_.add(id);
  } else if (kind == ObjectKind::kControllerRevision && change != Change::kAdded) {
    const Owner owner = store_.get<ControllerRevision>(id).meta.owner;
    if (owner.kind == ObjectKind::kDaemonSet && store_.find<DaemonSet>(owner.id) != nullptr) queue_.add(owner.id);
  } else if (kind == ObjectKind::kNode && change != Change::kDeleted) {
    if (id >= node_generations_.size()) node_generations_.resize(std::size_t{id} + 1, 0);
    const std::int64_t generation = store_.get<Node>(id).meta.generation;
    if (std::exchange(node_generations_[id], generation) != generation) nodes_.add(id);
  }
}

void DaemonSetController::pod_changed(const Pod& pod, const Pod& before, Change change) {
  if (pod.owner.kind != ObjectKind::kDaemonSet) return;
  const DaemonSet* set = store_.find<DaemonSet>(pod.owner.id);
  if (set == nullptr) return;
  queue_.add(pod.owner.id);
  if (change == Change::kUpdated && !pod.terminating && !before.status.ready && pod.status.ready &&
      set->spec.min_ready_seconds > 0) {
    queue_.add_after(pod.owner.id, seconds(set->spec.min_ready_seconds + 1));
  }
}

// Wakes only the sets for which the node's change makes a difference.
void DaemonSetController::sync_node(KeyQueue::Key id) {
  const Node* node = store_.find<Node>(id);
  if (node == nullptr) return;
  for (ObjectId set_id = 0; set_id < store_.end_id<DaemonSet>(); ++set_id) {
    const DaemonSet* set = store_.find<DaemonSet>(set_id);
    if (set == nullptr) continue;
    const DaemonFit fit = DaemonPlacement(store_.pod_template(set->spec.pod_template)).fit(*node);
    bool scheduled = false;
    store_.each_on(node->node_id(), [&](const Pod& p) {
      scheduled = scheduled || p.owner == Owner{ObjectKind::kDaemonSet, set_id};
    });
    if ((fit.should_run && !scheduled) || (!fit.should_continue && scheduled) ||
        (scheduled && set->status.misscheduled > 0)) {
      queue_.add(set_id);
    }
  }
}

bool DaemonSetController::sync(KeyQueue::Key key) {
  const DaemonSet* set = store_.find<DaemonSet>(key);
  return set == nullptr || DaemonSetSync(*this, store_, queue_, *set).run();
}

// --- one sync -------------------------------------------------------------------------------------------------------

DaemonSetSync::DaemonSetSync(DaemonSetController& controller, Store& store, KeyQueue& queue, const DaemonSet& set)
    : controller_(controller),
      store_(store),
      queue_(queue),
      set_(set),
      placement_(store.pod_template(set.spec.pod_template)) {}

bool DaemonSetSync::run() {
  const Owner owner{ObjectKind::kDaemonSet, set_.meta.id};
  std::vector<ControllerRevision> revisions = sorted_revisions(store_, owner);
  revision_ = current_revision(store_, owner, revisions, set_.spec.pod_template);
  std::erase_if(revisions, [this](const ControllerRevision& r) { return r.meta.id == revision_.meta.id; });
  manage();
  const bool done = set_.spec.on_delete || roll_out();
  if (done) clean_history(revisions);
  return update_status() && done;
}

std::vector<DaemonSetSync::OnNode> DaemonSetSync::pods_by_node() const {
  std::vector<std::pair<NodeId, PodId>> pods;
  store_.each_owned({ObjectKind::kDaemonSet, set_.meta.id}, [&pods](const Pod& p) {
    if (finished(p.status.phase) && p.terminating) return;
    pods.emplace_back(p.node != kNoNode ? p.node : p.wanted, p.id);
  });
  std::stable_sort(pods.begin(), pods.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
  std::vector<OnNode> out;
  for (const auto& [node, pod] : pods) {
    if (out.empty() || out.back().node != node) out.push_back({node, {}});
    out.back().pods.push_back(pod);
  }
  return out;
}

// Bound pods before others, older before younger.
void DaemonSetSync::sort_by_age(std::vector<PodId>& pods) const {
  std::sort(pods.begin(), pods.end(), [this](PodId x, PodId y) {
    const Pod& a = store_.pod(x);
    const Pod& b = store_.pod(y);
    if ((a.node == kNoNode) != (b.node == kNoNode)) return b.node == kNoNode;
    return a.created != b.created ? a.created < b.created : a.uid < b.uid;
  });
}

bool DaemonSetSync::in_back_off(const Node& node) {
  const DaemonSetController::BackOffKey key{set_.meta.id, set_.status.observed_generation, node.node_id()};
  const auto [it, added] = controller_.back_offs_.try_emplace(key);
  DaemonSetController::BackOff& b = it->second;
  const Time now = store_.now();
  const bool expired = !added && now - b.updated > DaemonSetController::kLongestBackOff * 2;
  if (!added && !expired && now - b.updated < b.delay) {
    queue_.add_after(set_.meta.id, b.delay);
    return true;
  }
  b.delay = added || expired ? DaemonSetController::kFirstBackOff
                             : std::min(b.delay * 2, DaemonSetController::kLongestBackOff);
  b.updated = now;
  return false;
}

void DaemonSetSync::manage() {
  const std::vector<OnNode> by_node = pods_by_node();
  std::vector<NodeId> to_create;
  std::vector<PodId> to_delete;
  auto next = by_node.begin();
  const auto unscheduled = [&](const OnNode& gone) {  // The node went before the pod came to it.
    for (const PodId p : gone.pods) {
      if (store_.pod(p).node == kNoNode) to_delete.push_back(p);
    }
  };
  for (ObjectId id = 0; id < store_.end_id<Node>(); ++id) {
    for (; next != by_node.end() && index(next->node) < id; ++next) unscheduled(*next);
    const Node* node = store_.find<Node>(id);
    if (node == nullptr) continue;
    const bool has = next != by_node.end() && index(next->node) == id;
    manage_node(*node, has ? &next->pods : nullptr, to_create, to_delete);
    if (has) ++next;
  }
  for (; next != by_node.end(); ++next) unscheduled(*next);
  apply(to_delete, to_create);
}

void DaemonSetSync::manage_node(const Node& node, const std::vector<PodId>* pods, std::vector<NodeId>& to_create,
                                std::vector<PodId>& to_delete) {
  const DaemonFit fit = placement_.fit(node);
  if (pods == nullptr) {
    if (fit.should_run) to_create.push_back(node.node_id());
    return;
  }
  if (!fit.should_continue) {
    for (const PodId p : *pods) {
      if (!store_.pod(p).terminating) to_delete.push_back(p);
    }
    return;
  }
  std::vector<PodId> running;
  for (const PodId id : *pods) {
    const Pod& p = store_.pod(id);
    if (p.terminating) continue;
    if (p.status.phase == Phase::kFailed) {
      if (!in_back_off(node)) to_delete.push_back(id);
    } else if (p.status.phase == Phase::kSucceeded) {
      to_delete.push_back(id);
    } else {
      running.push_back(id);
    }
  }
  if (!set_.spec.on_delete && set_.spec.max_surge.of(1, true) > 0) {
    return manage_surge(running, fit.should_run, node.node_id(), to_create, to_delete);
  }
  sort_by_age(running);
  for (std::size_t i = 1; i < running.size(); ++i) to_delete.push_back(running[i]);
}

// With a surge a node may have an old and a new pod; the old one goes when the new one is available.
void DaemonSetSync::manage_surge(std::vector<PodId>& running, bool should_run, NodeId node,
                                 std::vector<NodeId>& to_create, std::vector<PodId>& to_delete) const {
  if (running.size() <= 1) {
    if (running.empty() && should_run) to_create.push_back(node);
    return;
  }
  sort_by_age(running);
  const Pod* oldest_new = nullptr;
  const Pod* oldest_old = nullptr;
  for (const PodId id : running) {
    const Pod& p = store_.pod(id);
    const Pod*& oldest = p.revision == revision_.meta.id ? oldest_new : oldest_old;
    if (oldest == nullptr) {
      oldest = &p;
    } else {
      to_delete.push_back(id);
    }
  }
  if (oldest_new != nullptr && oldest_old != nullptr && (!oldest_old->status.ready || available_now(*oldest_new))) {
    to_delete.push_back(oldest_old->id);
  }
}

void DaemonSetSync::apply(const std::vector<PodId>& to_delete, const std::vector<NodeId>& to_create) {
  for (std::size_t i = 0; i < std::min(to_create.size(), DaemonSetController::kBurstReplicas); ++i) {
    Pod pod;
    pod.owner = {ObjectKind::kDaemonSet, set_.meta.id};
    pod.pod_template = set_.spec.pod_template;
    pod.revision = revision_.meta.id;
    pod.wanted = to_create[i];
    store_.create_pod(pod);
  }
  for (std::size_t i = 0; i < std::min(to_delete.size(), DaemonSetController::kBurstReplicas); ++i) {
    if (store_.exists(to_delete[i])) store_.delete_pod(to_delete[i]);
  }
}

void DaemonSetSync::clean_history(const std::vector<ControllerRevision>& old) {
  auto surplus = static_cast<std::int64_t>(old.size()) - set_.spec.revision_history_limit;
  if (surplus <= 0) return;
  std::vector<ObjectId> live;
  store_.each_owned({ObjectKind::kDaemonSet, set_.meta.id}, [&live](const Pod& p) { live.push_back(p.revision); });
  for (const ControllerRevision& r : old) {
    if (surplus <= 0) break;
    if (std::find(live.begin(), live.end(), r.meta.id) != live.end()) continue;
    store_.erase<ControllerRevision>(r.meta.id);
    --surplus;
  }
}

bool DaemonSetSync::update_status() {
  std::vector<OnNode> by_node = pods_by_node();
  DaemonSet::Status status;
  status.observed_generation = set_.meta.generation;
  auto next = by_node.begin();
  for (ObjectId id = 0; id < store_.end_id<Node>(); ++id) {
    while (next != by_node.end() && index(next->node) < id) ++next;
    const Node* node = store_.find<Node>(id);
    if (node == nullptr) continue;
    const bool scheduled = next != by_node.end() && index(next->node) == id;
    if (!placement_.fit(*node).should_run) {
      if (scheduled) ++status.misscheduled;
      continue;
    }
    ++status.desired;
    if (!scheduled) continue;
    ++status.current;
    sort_by_age(next->pods);
    const Pod& pod = store_.pod(next->pods.front());
    if (pod.status.ready) ++status.ready;
    if (available_now(pod)) ++status.available;
    if (pod.revision == revision_.meta.id) ++status.updated;
  }
  status.unavailable = status.desired - status.available;
  set_.status = status;
  if (!store_.update(set_)) return false;
  if (set_.spec.min_ready_seconds > 0 && status.ready != status.available) {
    queue_.add_after(set_.meta.id, seconds(set_.spec.min_ready_seconds));
  }
  return true;
}

}  // namespace berth::controllers
