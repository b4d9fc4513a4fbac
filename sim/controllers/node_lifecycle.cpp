#include "sim/controllers/node_lifecycle.hpp"

#include <algorithm>

#include "sim/controllers/node_taints.hpp"

namespace berth::controllers {
namespace {

constexpr auto kNoExecute = kube::TaintEffect::kNoExecute;
constexpr auto kNoSchedule = kube::TaintEffect::kNoSchedule;
constexpr KeyQueue::Key kPass = 0;  // The only key of the queues of passes.

}  // namespace

NodeLifecycleController::NodeLifecycleController(Store& store, WorkQueue& work, const Options& options)
    : Controller(store, work),
      options_(options),
      monitor_(work, [this](KeyQueue::Key) { monitor(); }),
      tainting_(work, [this](KeyQueue::Key) { taint_pass(); }),
      pods_(work, [this](KeyQueue::Key pod) { mark_new_pod(pod); }) {
  monitor_.add_after(kPass, options.first_monitor);
}

NodeLifecycleController::Zone& NodeLifecycleController::zone(std::uint32_t id) {
  if (id >= zones_.size()) zones_.resize(std::size_t{id} + 1);
  return zones_[id];
}
NodeLifecycleController::Health& NodeLifecycleController::health(ObjectId id) {
  if (id >= health_.size()) health_.resize(std::size_t{id} + 1);
  return health_[id];
}

void NodeLifecycleController::object_changed(ObjectKind kind, ObjectId id, Change change) {
  if (kind != ObjectKind::kNode) return;
  if (change == Change::kDeleted) {
    if (id < known_.size()) known_[id] = false;
    if (id < health_.size()) health_[id] = {};
  } else {
    queue_.add(id);
  }
}

void NodeLifecycleController::pod_changed(const Pod& pod, const Pod& before, Change change) {
  if (change == Change::kDeleted || pod.node == kNoNode) return;
  if (change == Change::kAdded || before.node != pod.node) pods_.add(static_cast<KeyQueue::Key>(pod.id));
}

// --- NoSchedule taints ----------------------------------------------------------------------------------------------

bool NodeLifecycleController::sync(KeyQueue::Key key) {
  const Node* found = store_.find<Node>(key);
  if (found == nullptr) return true;
  std::vector<const char*> wanted;
  const auto status = [found](NodeConditionType type) -> std::optional<ConditionStatus> {
    const NodeCondition& c = found->condition(type);
    return c.posted ? std::optional(c.status) : std::nullopt;
  };
  if (status(NodeConditionType::kReady) == ConditionStatus::kFalse) wanted.push_back(taints::kNotReady);
  if (status(NodeConditionType::kReady) == ConditionStatus::kUnknown) wanted.push_back(taints::kUnreachable);
  for (const auto& [type, taint] : {std::pair{NodeConditionType::kMemoryPressure, taints::kMemoryPressure},
                                    std::pair{NodeConditionType::kDiskPressure, taints::kDiskPressure},
                                    std::pair{NodeConditionType::kPidPressure, taints::kPidPressure},
                                    std::pair{NodeConditionType::kNetworkUnavailable, taints::kNetworkUnavailable}}) {
    if (status(type) == ConditionStatus::kTrue) wanted.push_back(taint);
  }
  if (found->spec.unschedulable) wanted.push_back(taints::kUnschedulable);

  Node node = *found;
  for (const char* key_of : {taints::kNotReady, taints::kUnreachable, taints::kMemoryPressure, taints::kDiskPressure,
                             taints::kPidPressure, taints::kNetworkUnavailable, taints::kUnschedulable}) {
    const bool want = std::find(wanted.begin(), wanted.end(), key_of) != wanted.end();
    if (want == has_taint(node, key_of, kNoSchedule)) continue;
    if (want) {
      node.spec.taints.push_back({{key_of, "", kNoSchedule}, api_time(now())});
    } else {
      std::erase_if(node.spec.taints,
                    [key_of](const NodeTaint& t) { return t.taint.effect == kNoSchedule && t.taint.key == key_of; });
    }
  }
  return store_.update(node);
}

// --- the monitor ----------------------------------------------------------------------------------------------------

void NodeLifecycleController::monitor() {
  monitor_.add_after(kPass, options_.monitor_period);
  known_.resize(store_.end_id<Node>());
  for (ObjectId id = 0; id < store_.end_id<Node>(); ++id) {
    const Node* node = store_.find<Node>(id);
    if (node == nullptr) continue;
    Zone& z = zone(node->zone);
    if (z.state == ZoneState::kAbsent) {
      z.state = ZoneState::kInitial;
      z.tainter.emplace(options_.eviction_rate);
    }
    if (!known_[id]) {
      known_[id] = true;
      mark_reachable(*node);
    }
  }
  for (Zone& z : zones_) z.ready = z.not_ready = 0;
  for (ObjectId id = 0; id < store_.end_id<Node>(); ++id) {
    if (store_.find<Node>(id) != nullptr) look_at(id);
  }
  handle_disruption();
  plan_taint_pass();
}

void NodeLifecycleController::look_at(ObjectId id) {
  Node node = store_.get<Node>(id);
  const NodeCondition& observed = node.condition(NodeConditionType::kReady);
  const bool was_ready = observed.posted && observed.status == ConditionStatus::kTrue;
  const NodeCondition current = update_health(node, health(id));
  if (node.spec.labels.find("node.kubernetes.io/exclude-disruption") == nullptr) {
    Zone& z = zone(node.zone);
    ++(current.posted && current.status == ConditionStatus::kTrue ? z.ready : z.not_ready);
  }
  if (!current.posted) return;
  process_taints(store_.get<Node>(id), current.status);
  if (current.status != ConditionStatus::kTrue && was_ready) mark_pods_not_ready(NodeId{id});
}

// A sign of life is a newer heartbeat of the Ready condition or a newer lease; what counts is when this pass saw it. A
// new heartbeat starts a new record, without the lease: the next pass takes the lease for new, as upstream's does.
NodeCondition NodeLifecycleController::update_health(Node& node, Health& h) {
  const NodeCondition observed = node.condition(NodeConditionType::kReady);
  const Duration grace = observed.posted ? options_.monitor_grace_period : options_.startup_grace_period;
  const Time saved_lease = h.known ? h.lease : kNever;
  if (!observed.posted) {
    if (!h.known) h.probed = node.meta.created;
    h.known = true;
    h.has_ready = false;
  } else if (!h.known || !h.has_ready || h.ready.last_heartbeat != observed.last_heartbeat) {
    h = {true, true, observed, now(), kNever};
  }
  const Time lease = store_.lease_renewed(node.node_id());
  if (lease != kNever && (saved_lease == kNever || saved_lease < lease)) {
    h.lease = lease;
    h.probed = now();
  }
  if (now() > h.probed + grace) mark_unknown(node, h, observed);
  return node.condition(NodeConditionType::kReady);
}

void NodeLifecycleController::mark_unknown(Node& node, Health& h, const NodeCondition& observed) {
  for (const NodeConditionType type : {NodeConditionType::kReady, NodeConditionType::kMemoryPressure,
                                       NodeConditionType::kDiskPressure, NodeConditionType::kPidPressure}) {
    NodeCondition& c = node.condition(type);
    if (!c.posted) {
      c = {true, ConditionStatus::kUnknown, NodeReason::kNodeStatusNeverUpdated, node.meta.created, api_time(now())};
    } else if (c.status != ConditionStatus::kUnknown) {
      c.status = ConditionStatus::kUnknown;
      c.reason = NodeReason::kNodeStatusUnknown;
      c.last_transition = api_time(now());
    }
  }
  if (node.condition(NodeConditionType::kReady) == observed) return;
  BERTH_CHECK(store_.update(node));
  h.has_ready = true;
  h.ready = node.condition(NodeConditionType::kReady);
  h.lease = store_.lease_renewed(node.node_id());
}

void NodeLifecycleController::process_taints(const Node& node, ConditionStatus ready) {
  if (ready == ConditionStatus::kTrue) return mark_reachable(node);
  const bool unknown = ready == ConditionStatus::kUnknown;
  const char* wanted = unknown ? taints::kUnreachable : taints::kNotReady;
  const char* opposite = unknown ? taints::kNotReady : taints::kUnreachable;
  if (has_taint(node, opposite, kNoExecute)) {
    swap_taint(store_, node.meta.id, wanted, opposite, kNoExecute);
    return;
  }
  ZoneTainter& tainter = *zone(node.zone).tainter;
  if (!has_taint(node, wanted, kNoExecute)) tainter.remove(node.node_id());  // Back to the end of the line.
  tainter.add(node.node_id(), now());
}

void NodeLifecycleController::mark_reachable(const Node& node) {
  const ObjectId id = node.meta.id;
  const std::uint32_t z = node.zone;
  if (has_taint(node, taints::kUnreachable, kNoExecute) || has_taint(node, taints::kNotReady, kNoExecute)) {
    swap_taint(store_, id, nullptr, taints::kUnreachable, kNoExecute);
    swap_taint(store_, id, nullptr, taints::kNotReady, kNoExecute);
  }
  zone(z).tainter->remove(NodeId{id});
}

void NodeLifecycleController::mark_pods_not_ready(NodeId node) {
  store_.each_on(node, [this](const Pod& p) {
    if (!p.status.ready) return;
    PodStatus status = p.status;
    status.ready = false;
    status.ready_since = api_time(now());
    store_.set_status(p.id, status);
  });
}

// A pod that comes to a node which is not ready.
void NodeLifecycleController::mark_new_pod(KeyQueue::Key key) {
  const PodId id{key};
  if (!store_.exists(id)) return;
  const Pod& pod = store_.pod(id);
  const std::size_t node = index(pod.node);
  if (pod.node == kNoNode || node >= health_.size() || !health_[node].known || !health_[node].has_ready) return;
  if (health_[node].ready.status == ConditionStatus::kTrue || !pod.status.ready) return;
  PodStatus status = pod.status;
  status.ready = false;
  status.ready_since = api_time(now());
  store_.set_status(id, status);
}

// --- zones ----------------------------------------------------------------------------------------------------------

NodeLifecycleController::ZoneState NodeLifecycleController::state_of(const Zone& z) const {
  if (z.ready == 0 && z.not_ready > 0) return ZoneState::kFullDisruption;
  const float down = static_cast<float>(z.not_ready) / static_cast<float>(z.not_ready + z.ready);
  return z.not_ready > 2 && down >= options_.unhealthy_zone_threshold ? ZoneState::kPartialDisruption
                                                                      : ZoneState::kNormal;
}

void NodeLifecycleController::set_rate(Zone& z, ZoneState state) {
  float rate = options_.eviction_rate;
  if (state == ZoneState::kPartialDisruption) {
    rate = z.ready + z.not_ready > options_.large_cluster_threshold ? options_.secondary_eviction_rate : 0;
  }
  z.tainter->set_rate(rate, now());
}

void NodeLifecycleController::handle_disruption() {
  bool all_full = true;
  bool all_were_full = true;
  for (Zone& z : zones_) {
    if (z.state == ZoneState::kAbsent) continue;
    if (z.ready + z.not_ready == 0) {
      z.state = ZoneState::kAbsent;
      continue;
    }
    all_full = all_full && state_of(z) == ZoneState::kFullDisruption;
    all_were_full = all_were_full && z.state == ZoneState::kFullDisruption;
  }
  if (all_full && all_were_full) return;
  if (all_full) {  // Most likely it is the master that is cut off: nobody is tainted, and nothing happens any more.
    for (ObjectId id = 0; id < store_.end_id<Node>(); ++id) {
      if (const Node* node = store_.find<Node>(id)) mark_reachable(*node);
    }
    for (Zone& z : zones_) {
      if (z.state == ZoneState::kAbsent) continue;
      z.tainter->set_rate(0, now());
      z.state = ZoneState::kFullDisruption;
    }
    return;
  }
  if (all_were_full) {  // Back again: everybody gets the whole grace period.
    for (ObjectId id = 0; id < store_.end_id<Node>(); ++id) {
      if (store_.find<Node>(id) != nullptr) health(id).probed = now();
    }
  }
  for (Zone& z : zones_) {
    if (z.state == ZoneState::kAbsent) continue;
    const ZoneState next = state_of(z);
    if (z.state == next && !all_were_full) continue;
    set_rate(z, next);
    z.state = next;
  }
}

// --- NoExecute taints -----------------------------------------------------------------------------------------------

void NodeLifecycleController::plan_taint_pass() {
  const bool idle =
      std::all_of(zones_.begin(), zones_.end(), [](const Zone& z) { return !z.tainter || z.tainter->idle(); });
  if (idle) return;
  const std::int64_t period = options_.tainting_period.ns;
  tainting_.add_after(kPass, Duration{period - now().ns % period});
}

void NodeLifecycleController::taint_pass() {
  for (Zone& z : zones_) {
    if (z.tainter) z.tainter->run(now(), [this](NodeId node) { return taint_no_execute(node); });
  }
  plan_taint_pass();
}

bool NodeLifecycleController::taint_no_execute(NodeId id) {
  const Node* node = store_.find<Node>(static_cast<ObjectId>(index(id)));
  if (node == nullptr) return true;
  const NodeCondition& ready = node->condition(NodeConditionType::kReady);
  if (!ready.posted) return false;
  if (ready.status == ConditionStatus::kFalse) {
    swap_taint(store_, node->meta.id, taints::kNotReady, taints::kUnreachable, kNoExecute);
  } else if (ready.status == ConditionStatus::kUnknown) {
    swap_taint(store_, node->meta.id, taints::kUnreachable, taints::kNotReady, kNoExecute);
  }
  return true;
}

}  // namespace berth::controllers
