#include "sim/node_scaling.hpp"

#include <algorithm>
#include <utility>

#include "sim/controllers/eviction.hpp"
#include "sim/engine/error.hpp"

namespace berth {

using controllers::ObjectId;
using controllers::ObjectKind;

namespace {

constexpr std::uint32_t kPolicyNumber = 2;  // Of Purpose::kPolicy; 0 is the scheduler's.

bool is_to_be_deleted(const kube::Taint& taint) {
  return taint.key == kToBeDeletedTaint;
}

}  // namespace

NodeScaling::NodeScaling(Cluster& cluster, Engine<Event>& engine, Journal& journal, Actions& actions, Nodes& nodes,
                         ControlPlane* control_plane, NodeAutoscaler& policy, std::span<const NodeGroupSpec> groups,
                         const NodeScalingOptions& options)
    : cluster_(cluster),
      engine_(engine),
      journal_(journal),
      actions_(actions),
      nodes_(nodes),
      control_plane_(control_plane),
      policy_(policy),
      groups_(groups),
      options_(options),
      rng_(options.seed, options.replication, kPolicyNumber, Purpose::kPolicy),
      machines_(static_cast<std::uint32_t>(cluster.nodes().size())) {
  for (const NodeGroupSpec& spec : groups) {
    group_of_.emplace(spec.name, static_cast<std::uint32_t>(seen_groups_.size()));
    NodeGroup& group = seen_groups_.emplace_back();
    group.name = spec.name;
    group.node_template = *spec.machine.node;
    group.capacity_cpu_milli = spec.capacity_cpu_milli;
    group.capacity_memory_bytes = spec.capacity_memory_bytes;
    group.min_size = spec.min_size;
    group.max_size = spec.max_size;
    group.usd_per_hour = spec.usd_per_hour;
    next_number_.push_back(static_cast<std::uint32_t>(spec.initial_size));
  }
  if (control_plane_ != nullptr) control_plane_->store().watch(this);
}

void NodeScaling::plan_loop(Time at) {
  if (at == kNever || at >= loop_at_) return;
  if (loop_event_) engine_.cancel(*loop_event_);
  loop_at_ = std::max(at, engine_.now());
  loop_event_ = engine_.schedule_cancellable(loop_at_, kPhaseChange, {0, 0, EventKind::kNodeScalingEvent, kLoop});
}

void NodeScaling::handle(const Event& event) {
  if (event.detail == kApplied) return;  // Only for what was done to be settled.
  if (event.detail == kLoop) {
    loop_event_.reset();
    loop_at_ = kNever;
    loop_due_ = true;
    return;
  }
  if (control_plane_ != nullptr) control_plane_->advance(engine_.now());
  if (event.detail == kBooted) return booted(event.subject);
  const auto node = static_cast<NodeId>(event.subject);
  if (event.detail == kCheckMachine) return check_machine(node);
  const Entry& e = entries_[event.subject];
  if (!e.there || !cluster_.node_exists(node) || e.generation != event.generation) return;
  if (event.detail == kPoll) return poll(node);
  if (e.removal == AutoscaledNode::Removal::kEmpty) return delete_machine(node);
  drain(node);
}

void NodeScaling::settle() {
  if (!started_) find_daemon_pods();
  const bool nodes_changed = take_in_changes();
  const bool others_wait = take_in_waiting();
  if (loop_due_) return loop();
  if (nodes_changed || others_wait) plan_loop(policy_.loop_after(engine_.now()));
}

void NodeScaling::loop() {
  loop_due_ = false;
  ++loops_;
  refresh();
  list_waiting();
  NodeAutoscalerObservation o;
  o.now = engine_.now();
  o.groups = seen_groups_;
  o.nodes = view_;
  o.instances = instances_;
  o.unschedulable = waiting_;
  o.disruptions_allowed = allowed_;
  o.objects = cluster_.objects().get();
  o.changes = changes_;
  policy_.observe(o, rng_, decision_);

  if (control_plane_ != nullptr) control_plane_->advance(engine_.now());
  for (const std::uint32_t lost : decision_.lost_instances) {
    const auto at = std::ranges::find(instances_, lost, &PendingInstance::id);
    if (at == instances_.end()) continue;
    --seen_groups_[at->group].target_size;
    ready_after_.erase(ready_after_.begin() + (at - instances_.begin()));
    instances_.erase(at);
  }
  for (const auto& up : decision_.scale_ups) {
    const NodeGroup& group = seen_groups_[up.group];
    // More than a group may have is what the cloud refuses.
    for (std::int32_t i = std::min(up.delta, group.max_size - group.target_size); i > 0; --i) launch(up.group);
  }
  for (const auto& removal : decision_.removals) begin_removal(removal);
  if (!decision_.lost_instances.empty() || !decision_.scale_ups.empty() || !decision_.removals.empty()) {
    ++changes_;
    schedule(engine_.now(), 0, 0, kApplied);
  }
  if (decision_.next_loop != kNever) plan_loop(std::max(decision_.next_loop, engine_.now()));
}

void NodeScaling::launch(std::uint32_t group) {
  const std::uint32_t machine = machines_++;
  // Block 0 of a node's stream is for the phases of its kubelet.
  Rng rng(options_.seed, options_.replication, machine, Purpose::kNodeBoot);
  rng.seek(1);
  const Duration boot = from_seconds(groups_[group].boot_time.sample(rng));
  ready_after_.push_back(from_seconds(groups_[group].ready_time.sample(rng)));
  instances_.push_back({machine, group, engine_.now()});
  ++seen_groups_[group].target_size;
  journal_.append({.at = engine_.now(), .value = machine, .kind = RecordKind::kNodeRequested});
  schedule(engine_.now() + boot, machine, 0, kBooted);
}

void NodeScaling::booted(std::uint32_t machine) {
  const auto at = std::ranges::find(instances_, machine, &PendingInstance::id);
  if (at == instances_.end()) return;  // Given up before.
  const PendingInstance instance = *at;
  const auto place = at - instances_.begin();
  const Duration ready_after = ready_after_[static_cast<std::size_t>(place)];
  ready_after_.erase(ready_after_.begin() + place);
  instances_.erase(at);
  const NodeId node = nodes_.add_node(node_of_group(groups_[instance.group], next_number_[instance.group]++),
                                      ready_after, engine_.now() - instance.requested);
  mark(node);
  Entry& e = entry(node);
  e.known = e.there = members_changed_ = true;
  e.registered = engine_.now();
  e.group = instance.group;
  ++changes_;
}

void NodeScaling::begin_removal(const NodeAutoscalerDecision::Removal& removal) {
  const auto node = static_cast<NodeId>(removal.node);
  BERTH_CHECK(removal.node < entries_.size());
  Entry& e = entries_[removal.node];
  if (!e.there || e.group == kNoNodeGroup || e.removal != AutoscaledNode::Removal::kStays) return;
  e.removal = removal.drain ? AutoscaledNode::Removal::kDrain : AutoscaledNode::Removal::kEmpty;
  ++e.generation;
  e.since = kNever;
  --seen_groups_[e.group].target_size;
  e.was_cordoned = cluster_.node_object(node)->unschedulable;
  set_taint(node, true);
  mark(node);
  schedule(std::max(removal.act_at, engine_.now()), removal.node, e.generation, kAct);
}

// The taint and the cordon, or none of the two.
void NodeScaling::set_taint(NodeId node, bool tainted) {
  const bool cordoned = tainted || entries_[index(node)].was_cordoned;
  const kube::Taint taint{kToBeDeletedTaint, "", kube::TaintEffect::kNoSchedule};
  if (control_plane_ != nullptr) {
    control_plane_->store().edit<controllers::Node>(static_cast<ObjectId>(node), [&](controllers::Node& n) {
      std::erase_if(n.spec.taints, [](const controllers::NodeTaint& t) { return is_to_be_deleted(t.taint); });
      if (tainted) n.spec.taints.push_back({taint, std::nullopt});
      n.spec.unschedulable = cordoned;
    });
  } else {
    auto object = std::make_shared<kube::Node>(*cluster_.node_object(node));
    std::erase_if(object->taints, is_to_be_deleted);
    if (tainted) object->taints.push_back(taint);
    object->unschedulable = cordoned;
    cluster_.set_node_object(node, std::move(object));
  }
  const RecordKind kind = tainted ? RecordKind::kNodeCordoned : RecordKind::kNodeUncordoned;
  journal_.append({.at = engine_.now(), .node = node, .kind = kind});
}

// One round of evictions. Source: drain.go, evictPod: while the time is not over, then it is a failure at once.
void NodeScaling::drain(NodeId node) {
  Entry& e = entries_[index(node)];
  const DrainTiming timing = policy_.drain_timing();
  if (e.since == kNever) {
    e.since = engine_.now();
    e.limit = {};
  } else if (engine_.now() - e.since >= timing.eviction_timeout) {
    return fail_removal(node);
  }
  bool refused = false;
  if (control_plane_ != nullptr) {
    controllers::Store& store = control_plane_->store();
    std::vector<PodId> pods;
    store.each_on(node, [&](const controllers::Pod& p) {
      const TemplateId t = nodes_.template_of_object(p.id);
      if (t == kNoTemplate || controllers::finished(p.status.phase) || p.owner.kind == ObjectKind::kDaemonSet) return;
      e.limit = std::max(e.limit, std::min(kind_of(t, p.owner).grace, timing.max_grace));
      if (!p.terminating) pods.push_back(p.id);
    });
    for (const PodId pod : pods) {
      if (controllers::evict(store, pod) != controllers::EvictionOutcome::kEvicted) refused = true;
    }
  } else {
    std::vector<PodId> pods;
    for (PodId p = cluster_.first_on_node(node); p != kNoPod; p = cluster_.pods().next_on_node[index(p)]) {
      e.limit =
          std::max(e.limit, std::min(kind_of(cluster_.pods().pod_template[index(p)], {}).grace, timing.max_grace));
      pods.push_back(p);
    }
    for (const PodId pod : pods) {
      if (actions_.evict(pod, EvictReason::kDrained) != Outcome::kDone) refused = true;
    }
  }
  if (refused)
    return schedule(engine_.now() + timing.eviction_retry, static_cast<std::uint32_t>(node), e.generation, kRetry);
  e.since = engine_.now();
  e.limit += timing.headroom;
  schedule(engine_.now(), static_cast<std::uint32_t>(node), e.generation, kPoll);
}

bool NodeScaling::holds_pods(NodeId node) const {
  if (control_plane_ == nullptr) return cluster_.first_on_node(node) != kNoPod;
  bool any = false;
  control_plane_->store().each_on(node, [&](const controllers::Pod& p) {
    any = any || (!controllers::finished(p.status.phase) && p.owner.kind != ObjectKind::kDaemonSet);
  });
  return any;
}

void NodeScaling::poll(NodeId node) {
  const Entry& e = entries_[index(node)];
  if (!holds_pods(node)) return delete_machine(node);
  if (engine_.now() - e.since >= e.limit) return fail_removal(node);
  schedule(engine_.now() + policy_.drain_timing().poll, static_cast<std::uint32_t>(node), e.generation, kPoll);
}

void NodeScaling::delete_machine(NodeId node) {
  nodes_.remove_node(node);
  mark(node);
}

void NodeScaling::fail_removal(NodeId node) {
  Entry& e = entries_[index(node)];
  e.removal = AutoscaledNode::Removal::kStays;
  ++e.generation;
  ++seen_groups_[e.group].target_size;
  set_taint(node, false);
  mark(node);
  policy_.scale_down_failed(static_cast<std::uint32_t>(node), engine_.now());
}

void NodeScaling::machine_lost(NodeId node) {
  if (nodes_.removed(node)) return;
  Entry& e = entry(node);
  if (!e.known) {  // The policy has not looked yet: sizes are still to be counted.
    (void)take_in_changes();
    refresh();
  }
  const std::uint32_t group = std::exchange(e.group, kNoNodeGroup);
  if (group == kNoNodeGroup) return;
  e.lost = true;
  mark(node);
  ++e.generation;  // Its drain has nothing left to wait for.
  if (std::exchange(e.removal, AutoscaledNode::Removal::kStays) == AutoscaledNode::Removal::kStays) {
    --seen_groups_[group].target_size;
    launch(group);
  }
  check_machine(node);
}

// The cloud-controller-manager asks about nodes that are not Ready alone. Without a control plane nobody waits for
// that.
void NodeScaling::check_machine(NodeId node) {
  if (nodes_.removed(node)) return;
  if (control_plane_ != nullptr) {
    const auto& object = control_plane_->store().get<controllers::Node>(static_cast<ObjectId>(node));
    if (object.condition(controllers::NodeConditionType::kReady).status == controllers::ConditionStatus::kTrue) return;
  }
  delete_machine(node);
}

std::vector<NodePrice> node_prices(std::span<const NodeGroupSpec> groups) {
  std::vector<NodePrice> out;
  for (const NodeGroupSpec& group : groups) out.push_back({kNodeGroupLabel, group.name, group.usd_per_hour});
  return out;
}

}  // namespace berth
