// Machines as they come and go.
#include <algorithm>
#include <utility>

#include "sim/engine/error.hpp"
#include "sim/nodes.hpp"

namespace berth {

// What a node needs besides its row of the cluster and its object.
void Nodes::equip(NodeId node, Time kubelet_started) {
  const auto n = static_cast<std::uint32_t>(node);
  for (std::vector<std::uint8_t>* column : {&removed_, &starting_, &down_, &hung_, &cut_, &not_ready_, &status_due_}) {
    column->push_back(0);
  }
  const NodeSpec& spec = cluster_.node_spec(node);
  NodeImageSpec disk = disk_;
  disk.zone = zones_.intern(label_of(spec, kZoneLabel));
  // Kubelets do not start in step: each has its own place in the second, and in the ten seconds of the status.
  const Duration phase =
      nanoseconds(static_cast<std::int64_t>(Rng(0, 0, n, Purpose::kNodeBoot).below64(10'000'000'000ULL)));
  status_phase_.push_back(phase);
  images_.add_node(node, disk);
  storage_.add_node(node, *cluster_.node_object(node), phase);
  if (control_plane_ != nullptr && options_.leases) {
    engine_.schedule(engine_.now() + phase, kPhaseChange, {n, 0, EventKind::kControllersDue, kLease});
    control_plane_->store().renew_lease(node);
  }
  kubelet_.add_node(node, {spec.allocatable, spec.pods, spec.allocatable.memory_bytes},
                    std::min(engine_.now(), kubelet_started + phase));
}

// Source: the admission plug-in TaintNodesByCondition taints a new node; kubelet_node_status.go, Ready is False until
// the network is there.
NodeId Nodes::add_node(NodeSpec spec, Duration ready_after, Duration booted) {
  const bool starts = ready_after.ns > 0;
  if (starts) {
    auto object = spec.node != nullptr ? std::make_shared<kube::Node>(*spec.node) : std::make_shared<kube::Node>();
    object->name = spec.name;
    for (const Label& label : spec.labels) object->labels.set(label.key, label.value);
    object->taints.push_back({controllers::taints::kNotReady, "", kube::TaintEffect::kNoSchedule});
    spec.node = std::move(object);
  }
  const NodeId node = cluster_.add_node(spec);
  if (control_plane_ != nullptr) {
    BERTH_CHECK(control_plane_->store().end_id<controllers::Node>() == index(node));
    touch_control_plane();
    control_plane_->add_node(spec, !starts);
  }
  equip(node, engine_.now());
  if (traffic_ != nullptr) traffic_->node_on(node);
  const auto milliseconds_since =
      static_cast<std::uint32_t>(std::min<std::int64_t>(booted.ns / 1'000'000, 0xFFFF'FFFF));
  journal_.append({.at = engine_.now(), .node = node, .value = milliseconds_since, .kind = RecordKind::kNodeJoined});
  changed_ = true;
  if (starts) {
    starting_[index(node)] = 1;
    storage_.node_ready(node, false);
    engine_.schedule(engine_.now() + ready_after, kPhaseChange,
                     {static_cast<std::uint32_t>(node), 0, EventKind::kControllersDue, kReady});
  } else {
    journal_.append({.at = engine_.now(), .node = node, .kind = RecordKind::kNodeReady});
  }
  if (on_join_) on_join_(node);
  return node;
}

void Nodes::become_ready(NodeId node) {
  const std::size_t n = index(node);
  if (removed_[n] != 0) return;
  starting_[n] = 0;
  if (down_[n] != 0 || hung_[n] != 0 || cut_[n] != 0) return;  // With a later lease.
  const auto is_taint = [](const kube::Taint& taint) {
    return taint.key == controllers::taints::kNotReady && taint.effect == kube::TaintEffect::kNoSchedule;
  };
  if (control_plane_ != nullptr) {
    touch_control_plane();
    post_ready(node);
    control_plane_->store().edit<controllers::Node>(static_cast<controllers::ObjectId>(n), [&](controllers::Node& o) {
      std::erase_if(o.spec.taints, [&](const controllers::NodeTaint& t) { return is_taint(t.taint); });
    });
  } else {
    auto seen = std::make_shared<kube::Node>(*cluster_.node_object(node));
    std::erase_if(seen->taints, is_taint);
    cluster_.set_node_object(node, std::move(seen));
    storage_.node_ready(node, true);
  }
  journal_.append({.at = engine_.now(), .node = node, .kind = RecordKind::kNodeReady});
  changed_ = true;
}

void Nodes::remove_node(NodeId node) {
  const std::size_t n = index(node);
  BERTH_CHECK(removed_[n] == 0 && cluster_.node_exists(node));
  touch_control_plane();
  removed_[n] = 1;
  std::vector<PodId> pods;
  for (PodId p = cluster_.first_on_node(node); p != kNoPod; p = cluster_.pods().next_on_node[index(p)]) {
    pods.push_back(p);
  }
  std::vector<PodSlot> of_trace;
  for (const PodId pod : pods) {
    if (cluster_.pods().phase[index(pod)] == PodPhase::kBinding) {
      const std::uint32_t ordinal = cluster_.pods().ordinal[index(pod)];
      if (prebinding_.erase(ordinal) > 0) storage_.pod_unassumed(ordinal);
      actions_.unassume(pod);
      continue;
    }
    Placed& placed = placed_[row(pod).placed];
    if (placed.object == kNoPod) {
      if (!placed.evicting) placed.evicting = EvictReason::kDrained;
      of_trace.push_back(placed.slot);
      continue;
    }
    placed.pod = kNoPod;
    objects_[index(placed.object)].pod = kNoPod;
    row(pod) = {};
    actions_.pod_deleted(pod);
  }
  if (hung_[n] != 0 && down_[n] == 0) kubelet_.resume(node);
  kubelet_.remove_node(node);
  if (traffic_ != nullptr) traffic_->node_off(node);
  down_[n] = 1;
  for (const PodSlot slot : of_trace) kubelet_.force_remove(slot);
  images_.remove_node(node);
  storage_.node_removed(node);
  if (control_plane_ != nullptr)
    control_plane_->store().erase<controllers::Node>(static_cast<controllers::ObjectId>(n));
  journal_.append({.at = engine_.now(), .node = node, .kind = RecordKind::kNodeLeft});
  cluster_.remove_node(node);
  changed_ = true;
}

}  // namespace berth
