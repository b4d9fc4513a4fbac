#include "sim/healing.hpp"

#include <algorithm>
#include <memory>

#include "policies/node_autoscaler.hpp"
#include "sim/controllers/eviction.hpp"
#include "sim/engine/rng.hpp"

namespace berth {

void apply_settings(const HealerSettings& settings, ControlPlaneOptions& options) {
  options.node_lifecycle = settings.node_lifecycle;
  options.taint_eviction = settings.taint_eviction;
  options.pod_gc = settings.pod_gc;
  options.toleration_seconds = settings.toleration_seconds;
  options.lifecycle.monitor_period = settings.monitor_period;
  options.lifecycle.monitor_grace_period = settings.monitor_grace;
  options.lifecycle.eviction_rate = settings.eviction_rate;
  options.lifecycle.secondary_eviction_rate = settings.secondary_eviction_rate;
  options.lifecycle.large_cluster_threshold = settings.large_cluster_threshold;
  options.lifecycle.unhealthy_zone_threshold = settings.unhealthy_zone_threshold;
}

Healing::Healing(Engine<Event>& engine, Journal& journal, const Cluster& cluster, Nodes& nodes,
                 ControlPlane& control_plane, Healer& healer, const HealingOptions& options)
    : engine_(engine),
      journal_(journal),
      cluster_(cluster),
      nodes_(nodes),
      control_plane_(control_plane),
      healer_(healer),
      options_(options),
      times_(healer.repair_times()) {
  if (healer.period() != kForever) {
    engine_.schedule(engine_.now() + healer.period(), kPhaseChange, {0, 0, EventKind::kHealingEvent, kHeal});
  }
}

void Healing::handle(const Event& event) {
  const auto node = static_cast<NodeId>(event.subject);
  switch (event.detail) {
    case kHeal:
      return heal();
    case kRebooted:
      return rebooted(node);
    case kReplaced:
      return join_instead_of(node);
    default:
      BERTH_CHECK(false);
  }
}

void Healing::heal() {
  engine_.schedule(engine_.now() + healer_.period(), kPhaseChange, {0, 0, EventKind::kHealingEvent, kHeal});
  control_plane_.advance(engine_.now());  // Writes to the store bear its clock.
  observe();
  healer_.heal({engine_.now(), cluster_, seen_nodes_, replacements_}, *this);
}

void Healing::observe() {
  const controllers::Store& store = control_plane_.store();
  seen_nodes_.clear();
  seen_pods_.clear();
  refs_.clear();
  std::vector<std::size_t> first;  // By node: where its pods begin; the vector still grows.
  for (controllers::ObjectId id = 0; id < store.end_id<controllers::Node>(); ++id) {
    const auto* object = store.find<controllers::Node>(id);
    const auto node = static_cast<NodeId>(id);
    if (object == nullptr || !cluster_.node_exists(node)) continue;
    const controllers::NodeCondition& ready = object->condition(controllers::NodeConditionType::kReady);
    const auto repair = repairs_.find(node);
    first.push_back(seen_pods_.size());
    observe_pods(node);
    seen_nodes_.push_back({node,
                           ready.posted && ready.status == controllers::ConditionStatus::kTrue,
                           ready.last_transition,
                           repair != repairs_.end() && repair->second.under_way,
                           {}});
  }
  first.push_back(seen_pods_.size());
  for (std::size_t i = 0; i < seen_nodes_.size(); ++i) {
    seen_nodes_[i].pods = std::span(seen_pods_).subspan(first[i], first[i + 1] - first[i]);
  }
}

// The store knows owners and status, the cluster the template; a pod's row in the source is its uid less one.
void Healing::observe_pods(NodeId node) {
  const PodColumns& pods = cluster_.pods();
  rows_here_.clear();
  for (PodId pod = cluster_.first_on_node(node); pod != kNoPod; pod = pods.next_on_node[index(pod)]) {
    rows_here_.emplace_back(std::uint64_t{pods.row[index(pod)]} + 1, pod);
  }
  std::ranges::sort(rows_here_);
  control_plane_.store().each_on(node, [&](const controllers::Pod& pod) {
    if (controllers::finished(pod.status.phase)) return;
    const auto at = std::ranges::lower_bound(rows_here_, pod.uid, {}, &std::pair<std::uint64_t, PodId>::first);
    if (at == rows_here_.end() || at->first != pod.uid) return;
    HealedPod seen;
    seen.handle = static_cast<std::uint32_t>(refs_.size());
    seen.pod_template = pods.pod_template[index(at->second)];
    if (pod.owner.kind != controllers::ObjectKind::kNone) {
      seen.owner = static_cast<std::uint64_t>(pod.owner.kind) << 32 | pod.owner.id;
    }
    seen.daemon = pod.owner.kind == controllers::ObjectKind::kDaemonSet;
    seen.terminating = pod.terminating;
    seen.ready = pod.status.ready;
    seen.created = pod.created;
    seen_pods_.push_back(seen);
    refs_.push_back({pod.id, pod.uid, at->second});
  });
}

// ---- what healers do -----------------------------------------------------------------------------------------------

bool Healing::reboot(NodeId node) {
  if (nodes_.removed(node)) return false;
  const Duration takes = order(node, false);
  if (takes == kForever) return false;
  nodes_.hang(node, false);  // A kubelet that hangs ends with the machine.
  nodes_.crash(node);
  engine_.schedule(engine_.now() + takes, kPhaseChange,
                   {static_cast<std::uint32_t>(node), 0, EventKind::kHealingEvent, kRebooted});
  return true;
}

bool Healing::replace(NodeId node) {
  if (nodes_.removed(node)) return false;
  const Duration takes = order(node, true);
  if (takes == kForever) return false;
  nodes_.remove_node(node);
  ++replacements_;
  engine_.schedule(engine_.now() + takes, kPhaseChange,
                   {static_cast<std::uint32_t>(node), 0, EventKind::kHealingEvent, kReplaced});
  return true;
}

Duration Healing::order(NodeId node, bool replace) {
  Repair& repair = repairs_[node];
  if (repair.under_way) return kForever;
  constexpr std::uint32_t kBlocksEach = 64;  // Far more than a sample takes.
  Rng rng(options_.seed, options_.replication, static_cast<std::uint32_t>(node), Purpose::kNodeRepair);
  rng.seek(kBlocksEach * repair.orders++);
  repair.ordered = engine_.now();
  repair.under_way = true;
  journal_.append({.at = engine_.now(), .node = node, .value = replace ? 1U : 0U, .kind = RecordKind::kNodeRepaired});
  return from_seconds((replace ? times_.boot : times_.reboot).sample(rng));
}

void Healing::rebooted(NodeId node) {
  Repair& repair = repairs_[node];
  repair.under_way = false;
  if (nodes_.removed(node) || kept_off(node, repair.ordered)) return;
  nodes_.restore(node, true);
}

void Healing::join_instead_of(NodeId node) {
  if (const Time back = zone_is_back(node); back > engine_.now()) {
    if (back != kNever) {
      engine_.schedule(back, kPhaseChange, {static_cast<std::uint32_t>(node), 0, EventKind::kHealingEvent, kReplaced});
    }
    return;
  }
  NodeSpec spec = cluster_.node_spec(node);
  const auto known = names_.find(node);
  Name name = known == names_.end() ? Name{spec.name, 0} : known->second;
  ++name.replacements;
  const std::string old = std::exchange(spec.name, name.base + "-r" + std::to_string(name.replacements));
  for (Label& label : spec.labels) {
    if (label.key == kHostnameLabel && label.value == old) label.value = spec.name;
  }
  if (spec.node != nullptr) {  // As the old one came: without what controllers have written on it since.
    auto object = std::make_shared<kube::Node>(*spec.node);
    object->name = spec.name;
    if (object->labels.find(kHostnameLabel) != nullptr) object->labels.set(kHostnameLabel, spec.name);
    std::erase_if(object->taints, [](const kube::Taint& taint) {
      return taint.key.starts_with("node.kubernetes.io/") || taint.key == kToBeDeletedTaint;
    });
    object->unschedulable = false;
    spec.node = std::move(object);
  }
  const Time ordered = repairs_[node].ordered;
  repairs_.erase(node);
  names_.erase(node);
  --replacements_;
  names_[nodes_.add_node(std::move(spec), {}, engine_.now() - ordered)] = std::move(name);
}

Time Healing::zone_is_back(NodeId node) const {
  Time back = engine_.now();
  for (const FaultEvent& strike : options_.strikes) {
    if (strike.kind == FaultKind::kZoneOutage && strike.at <= engine_.now() &&
        strike.target == label_of(cluster_.node_spec(node), kZoneLabel)) {
      back = std::max(back, strike.end);
    }
  }
  return back;
}

// By what ends by itself, or never does. What struck the node before the reboot is mended by it.
bool Healing::kept_off(NodeId node, Time ordered) const {
  const Time now = engine_.now();
  if (zone_is_back(node) > now) return true;
  return std::any_of(options_.strikes.begin(), options_.strikes.end(), [&](const FaultEvent& strike) {
    if (strike.node != static_cast<std::uint32_t>(node)) return false;
    if (strike.kind == FaultKind::kSpotReclaim) return strike.end <= now;
    return (strike.kind == FaultKind::kNodeCrash || strike.kind == FaultKind::kNodeReboot) && strike.at > ordered &&
           strike.at <= now && now < strike.end;
  });
}

void Healing::cordon(NodeId node, bool cordoned) {
  control_plane_.store().edit<controllers::Node>(static_cast<controllers::ObjectId>(node),
                                                 [cordoned](controllers::Node& n) { n.spec.unschedulable = cordoned; });
}

bool Healing::evict(std::uint32_t handle) {
  const PodRef& ref = refs_[handle];
  controllers::Store& store = control_plane_.store();
  if (!store.exists(ref.object, ref.uid) || store.pod(ref.object).terminating) return true;
  if (controllers::evict(store, ref.object) != controllers::EvictionOutcome::kEvicted) return false;
  const PodColumns& pods = cluster_.pods();
  journal_.append({.at = engine_.now(),
                   .pod = pods.ordinal[index(ref.pod)],
                   .node = pods.node[index(ref.pod)],
                   .pod_template = pods.pod_template[index(ref.pod)],
                   .kind = RecordKind::kPodDescheduled});
  return true;
}

}  // namespace berth
