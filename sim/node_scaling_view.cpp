// What a node autoscaler is shown of a run: nodes, their pods, waiting pods and budgets, kept up to date change by
// change.
#include <algorithm>
#include <utility>

#include "policies/schedulers/kube/cluster_objects.hpp"
#include "sim/controllers/daemon_set.hpp"
#include "sim/controllers/disruption.hpp"
#include "sim/engine/error.hpp"
#include "sim/node_scaling.hpp"

namespace berth {

using controllers::ObjectId;
using controllers::ObjectKind;

namespace {

constexpr Duration kCloudMonitorPeriod = seconds(5);  // cloud-controller-manager --node-monitor-period.
constexpr const char* kSafeToEvict = "cluster-autoscaler.kubernetes.io/safe-to-evict";

const char* kind_name(ObjectKind kind) {
  switch (kind) {
    case ObjectKind::kReplicaSet:
      return "ReplicaSet";
    case ObjectKind::kStatefulSet:
      return "StatefulSet";
    case ObjectKind::kDaemonSet:
      return "DaemonSet";
    case ObjectKind::kJob:
      return "Job";
    default:
      return nullptr;
  }
}

const char* api_version(ObjectKind kind) {
  return kind == ObjectKind::kJob ? "batch/v1" : "apps/v1";
}

SafeToEvict safe_to_evict(const kube::StringMap& annotations) {
  const std::string* said = annotations.find(kSafeToEvict);
  if (said == nullptr) return SafeToEvict::kNotSaid;
  return *said == "true" ? SafeToEvict::kYes : *said == "false" ? SafeToEvict::kNo : SafeToEvict::kNotSaid;
}

// Source: drain.HasBlockingLocalStorage.
bool has_local_storage(const kube::api::Pod& pod) {
  return std::ranges::any_of(pod.spec.volumes, [](const kube::api::VolumeSpec& v) {
    return v.type == "hostPath" || (v.type == "emptyDir" && !v.in_memory);
  });
}

bool is_not_ready(const kube::Taint& taint) {
  return taint.key == controllers::taints::kNotReady && taint.effect == kube::TaintEffect::kNoSchedule;
}

}  // namespace

void NodeScaling::pod_changed(const controllers::Pod& pod, const controllers::Pod& before, controllers::Change change) {
  const bool matters = change != controllers::Change::kUpdated || pod.node != before.node ||
                       pod.terminating != before.terminating ||
                       controllers::finished(pod.status.phase) != controllers::finished(before.status.phase);
  if (matters && pod.node != kNoNode) mark(pod.node);
}

void NodeScaling::object_changed(ObjectKind kind, ObjectId id, controllers::Change change) {
  if (kind == ObjectKind::kNode && change == controllers::Change::kUpdated) {
    mark(static_cast<NodeId>(id));
    if (id < entries_.size() && entries_[id].lost) {
      const std::int64_t looks = engine_.now().ns / kCloudMonitorPeriod.ns + 1;
      schedule(Time{} + kCloudMonitorPeriod * looks, id, 0, kCheckMachine);
    }
  }
  if (kind != ObjectKind::kPodDisruptionBudget) return;
  budgets_dirty_ = true;
  if (change == controllers::Change::kUpdated) return;
  budgets_of_.clear();
  for (const AutoscaledNode& node : view_) mark(static_cast<NodeId>(node.id));
}

NodeScaling::Entry& NodeScaling::entry(NodeId node) {
  while (entries_.size() <= index(node)) entries_.emplace_back();
  return entries_[index(node)];
}

void NodeScaling::mark(NodeId node) {
  if (index(node) >= cluster_.nodes().size()) return;  // Not a node of the cluster yet: it will be new.
  Entry& e = entry(node);
  if (std::exchange(e.dirty, true)) return;
  dirty_.push_back(node);
}

// What DaemonSets put on a group's nodes; they are all there when the control plane has started.
void NodeScaling::find_daemon_pods() {
  started_ = true;
  if (control_plane_ == nullptr) return;
  const controllers::Store& store = control_plane_->store();
  for (std::size_t g = 0; g < groups_.size(); ++g) {
    controllers::Node imagined;
    imagined.spec.labels = groups_[g].machine.node->labels;
    for (const kube::Taint& taint : groups_[g].machine.node->taints) imagined.spec.taints.push_back({taint, {}});
    for (ObjectId id = 0; id < store.end_id<controllers::DaemonSet>(); ++id) {
      const auto* set = store.find<controllers::DaemonSet>(id);
      if (set == nullptr) continue;
      const TemplateId t = set->spec.pod_template;
      if (!controllers::DaemonPlacement(store.pod_template(t)).fit(imagined).should_run) continue;
      kube::Pod pod = control_plane_->pod_of(t).scheduling;
      pod.controller = kube::OwnerReference{api_version(ObjectKind::kDaemonSet), kind_name(ObjectKind::kDaemonSet),
                                            control_plane_->name_of(ObjectKind::kDaemonSet, id)};
      seen_groups_[g].daemon_pods.push_back(&daemon_infos_.emplace_back(std::move(pod), classes_));
    }
  }
}

// True if nodes or budgets are others than when last asked.
bool NodeScaling::take_in_changes() {
  if (cluster_.changes().now() != cursor_) {
    cluster_.changes().changed_since(cursor_, [this](NodeId node) { mark(node); });
    cursor_ = cluster_.changes().now();
  }
  bool changed = !dirty_.empty();
  if (std::exchange(budgets_dirty_, false) && control_plane_ != nullptr) {
    std::vector<std::int32_t> now = allowed_now();
    changed = changed || now != allowed_;
    allowed_ = std::move(now);
  }
  if (changed) ++changes_;
  return changed;
}

std::vector<std::int32_t> NodeScaling::allowed_now() const {
  std::vector<std::int32_t> out;
  if (control_plane_ == nullptr) return out;
  const controllers::Store& store = control_plane_->store();
  for (ObjectId id = 0; id < store.end_id<controllers::PodDisruptionBudget>(); ++id) {
    const auto* budget = store.find<controllers::PodDisruptionBudget>(id);
    out.push_back(budget == nullptr ? 0 : budget->status.disruptions_allowed);
  }
  return out;
}

// True if other pods wait than at the scheduler's last turn; a loop follows at once if the policy wants that.
bool NodeScaling::take_in_waiting() {
  const Duration period = options_.scheduling_period;
  if (!actions_.may_decide() || (period.ns > 0 && engine_.now().ns % period.ns != 0)) return false;
  const std::size_t waiting = cluster_.pending().size();
  const std::size_t created = cluster_.pods_created();
  bool more = waiting > was_waiting_;
  if (created > created_) {
    if (control_plane_ == nullptr) born_.emplace_back(static_cast<std::uint32_t>(created_), engine_.now());
    if (!more && waiting > 0) {
      cluster_.pending().in_order(in_order_);
      more = std::ranges::any_of(in_order_, [&](PodId p) { return cluster_.pods().ordinal[index(p)] >= created_; });
    }
  }
  const bool others = more || waiting != was_waiting_;
  was_waiting_ = waiting;
  created_ = created;
  if (more && policy_.wakes_for_unschedulable_pods()) plan_loop(engine_.now());
  return others;
}

NodeScaling::PodKind& NodeScaling::kind_of(TemplateId t, controllers::Owner owner) const {
  PodKind& kind = kinds_[{t, owner.kind, owner.id}];
  if (kind.info != nullptr) return kind;
  kube::Pod pod = kube::pod_of(cluster_.catalog(), t);
  if (const char* name = kind_name(owner.kind); name != nullptr) {
    pod.controller = kube::OwnerReference{api_version(owner.kind), name, control_plane_->name_of(owner.kind, owner.id)};
  }
  kind.daemon = owner.kind == ObjectKind::kDaemonSet;
  kind.grace = seconds(30);
  if (const auto& source = cluster_.catalog()[t].pod; source != nullptr) {
    kind.grace = source->spec.termination_grace;
    kind.safe_to_evict = safe_to_evict(source->annotations);
    kind.local_storage = has_local_storage(*source);
  }
  kind.info = std::make_unique<kube::PodInfo>(std::move(pod), classes_);
  return kind;
}

const std::vector<std::uint32_t>& NodeScaling::budgets_of(TemplateId of_store) const {
  if (index(of_store) >= budgets_of_.size()) budgets_of_.resize(index(of_store) + 1);
  auto& found = budgets_of_[index(of_store)];
  if (found) return *found;
  const controllers::Store& store = control_plane_->store();
  found.emplace();
  for (ObjectId id = 0; id < store.end_id<controllers::PodDisruptionBudget>(); ++id) {
    const auto* budget = store.find<controllers::PodDisruptionBudget>(id);
    if (budget != nullptr && controllers::selects(*budget, store.pod_template(of_store))) found->push_back(id);
  }
  return *found;
}

std::optional<AutoscaledPod> NodeScaling::seen(const controllers::Pod& pod) const {
  const TemplateId t = nodes_.template_of_object(pod.id);
  if (t == kNoTemplate || controllers::finished(pod.status.phase)) return std::nullopt;
  const PodKind& kind = kind_of(t, pod.owner);
  AutoscaledPod out;
  out.info = kind.info.get();
  out.handle = static_cast<std::uint32_t>(pod.uid);
  out.created = pod.created;
  out.grace = kind.grace;
  if (pod.terminating) out.deletion_timestamp = pod.deleted_at + kind.grace;
  out.safe_to_evict = kind.safe_to_evict;
  out.local_storage = kind.local_storage;
  out.budgets = budgets_of(pod.pod_template);
  return out;
}

AutoscaledPod NodeScaling::seen_of_trace(PodId pod) const {
  const std::uint32_t ordinal = cluster_.pods().ordinal[index(pod)];
  const PodKind& kind = kind_of(cluster_.pods().pod_template[index(pod)], {});
  AutoscaledPod out;
  out.info = kind.info.get();
  out.handle = ordinal;
  const auto after = std::ranges::upper_bound(born_, ordinal, {}, &std::pair<std::uint32_t, Time>::first);
  out.created = after == born_.begin() ? Time{} : std::prev(after)->second;
  out.grace = kind.grace;
  out.safe_to_evict = kind.safe_to_evict;
  out.local_storage = kind.local_storage;
  return out;
}

// Node and pods as they are now.
void NodeScaling::look_at(NodeId node, Entry& out) const {
  out.node = std::make_unique<kube::Node>(kube::node_of(cluster_, node));
  out.pods.clear();
  if (control_plane_ != nullptr) {
    const controllers::Store& store = control_plane_->store();
    out.ready = store.get<controllers::Node>(static_cast<ObjectId>(node))
                    .condition(controllers::NodeConditionType::kReady)
                    .status == controllers::ConditionStatus::kTrue;
    store.each_on(node, [&](const controllers::Pod& p) {
      if (auto pod = seen(p)) out.pods.push_back(*pod);
    });
    return;
  }
  out.ready = !nodes_.is_down(node) && std::ranges::none_of(out.node->taints, is_not_ready);
  for (PodId p = cluster_.first_on_node(node); p != kNoPod; p = cluster_.pods().next_on_node[index(p)]) {
    if (cluster_.pods().phase[index(p)] != PodPhase::kBinding) out.pods.push_back(seen_of_trace(p));
  }
}

void NodeScaling::refresh(NodeId node) {
  Entry& e = entry(node);
  e.dirty = false;
  if (!cluster_.node_exists(node)) {
    if (!std::exchange(e.there, false)) return;
    members_changed_ = true;
    // Gone without having been told to: somebody else's doing, and nobody replaces it.
    if (e.group != kNoNodeGroup && e.removal == AutoscaledNode::Removal::kStays) --seen_groups_[e.group].target_size;
    e.pods.clear();
    return;
  }
  if (!std::exchange(e.known, true)) {
    e.there = members_changed_ = true;
    e.registered = engine_.now();
    const std::string* group = cluster_.node_object(node)->labels.find(kNodeGroupLabel);
    const auto found = group == nullptr ? group_of_.end() : group_of_.find(*group);
    if (found != group_of_.end()) {
      e.group = found->second;
      ++seen_groups_[e.group].target_size;
    }
  }
  look_at(node, e);
  ++e.version;
}

void NodeScaling::refresh() {
  const std::vector<NodeId> changed = std::exchange(dirty_, {});
  for (const NodeId node : changed) refresh(node);
  const auto show = [this](NodeId node) {
    const Entry& e = entries_[index(node)];
    return AutoscaledNode{.id = static_cast<std::uint32_t>(node),
                          .group = e.group,
                          .node = e.node.get(),
                          .registered = e.registered,
                          .ready = e.ready,
                          .scale_down_disabled = false,
                          .removal = e.removal,
                          .pods = e.pods,
                          .version = e.version};
  };
  if (!std::exchange(members_changed_, false)) {
    for (const NodeId node : changed) {
      if (entries_[index(node)].there) view_[row_of_[index(node)]] = show(node);
    }
    return;
  }
  view_.clear();
  row_of_.resize(entries_.size());
  for (std::size_t n = 0; n < entries_.size(); ++n) {
    if (!entries_[n].there) continue;
    row_of_[n] = static_cast<std::uint32_t>(view_.size());
    view_.push_back(show(static_cast<NodeId>(n)));
  }
}

void NodeScaling::list_waiting() {
  waiting_.clear();
  cluster_.pending().in_order(in_order_);
  for (const PodId pod : in_order_) {
    if (cluster_.pods().ordinal[index(pod)] >= created_) continue;  // The scheduler has not seen it yet.
    const PodTemplate& t = cluster_.pod_template(pod);
    if (t.pod != nullptr && !t.pod->scheduling.scheduling_gates.empty()) continue;
    if (control_plane_ == nullptr) {
      waiting_.push_back(seen_of_trace(pod));
      continue;
    }
    const PodId object = nodes_.object_of(pod);
    if (object == kNoPod || !control_plane_->store().exists(object)) continue;
    const controllers::Pod& p = control_plane_->store().pod(object);
    if (p.owner.kind == ObjectKind::kDaemonSet) continue;
    if (auto shown = seen(p)) waiting_.push_back(*shown);
  }
}

std::string NodeScaling::verify() const {
  std::vector<std::int32_t> sizes(groups_.size(), 0);
  for (const PendingInstance& instance : instances_) ++sizes[instance.group];
  for (std::size_t n = 0; n < entries_.size(); ++n) {
    const Entry& e = entries_[n];
    const auto node = static_cast<NodeId>(n);
    if (e.dirty) continue;
    if (e.there != cluster_.node_exists(node)) return "a node is there, or gone, unnoticed";
    if (!e.there) continue;
    if (e.group != kNoNodeGroup && e.removal == AutoscaledNode::Removal::kStays) ++sizes[e.group];
    Entry fresh;
    look_at(node, fresh);
    if (fresh.ready != e.ready || fresh.node->unschedulable != e.node->unschedulable ||
        fresh.node->taints.size() != e.node->taints.size()) {
      return "a node's object changed unnoticed";
    }
    const bool same = std::ranges::equal(fresh.pods, e.pods, [](const AutoscaledPod& a, const AutoscaledPod& b) {
      return a.handle == b.handle && a.info == b.info && a.deletion_timestamp == b.deletion_timestamp;
    });
    if (!same) return "a node's pods changed unnoticed";
  }
  for (std::size_t g = 0; g < sizes.size(); ++g) {
    if (sizes[g] != seen_groups_[g].target_size && dirty_.empty()) return "a group's target size is off";
  }
  return {};
}

}  // namespace berth
