#include "policies/node_autoscalers/cluster_autoscaler.hpp"

#include <algorithm>
#include <unordered_set>

#include "policies/registry.hpp"
#include "sim/engine/error.hpp"

namespace berth {
namespace {

constexpr Duration kPodsTooNew = seconds(2);      // More of them may be about to come.
constexpr Duration kGpuPodsTooNew = seconds(30);  // Machines with GPUs are dear: better wait for the whole crowd.
constexpr const char* kGpu = "nvidia.com/gpu";

const Register<NodeAutoscaler, ClusterAutoscaler> kRegistered{
    "cluster-autoscaler", "Kubernetes' Cluster Autoscaler: grows node groups for waiting pods, removes unneeded nodes"};

kube::PodRef ref(const AutoscaledPod& pod) {
  return {pod.info, kube::kNotStarted, pod.handle};
}

}  // namespace

ClusterAutoscaler::ClusterAutoscaler(const Params& params)
    : flags_(read_flags(params)), expanders_(read_expanders(params)), registry_(flags_), planner_(flags_) {}

void ClusterAutoscaler::observe(const NodeAutoscalerObservation& o, Rng& rng, NodeAutoscalerDecision& out) {
  out = {};
  const bool changed = last_loop_ == kNever || o.changes != seen_changes_;
  last_loop_ = o.now;
  seen_changes_ = o.changes;
  const bool waits = !o.unschedulable.empty();
  const bool registry_moved = changed || registry_.due() <= o.now;
  if (registry_moved) registry_.update(o);
  remove_lost(o, out);
  if (!registry_.cluster_healthy()) {
    planner_.clear();
    replan_ = true;
    out.next_loop = waits ? o.now + flags_.scan_interval : grid(registry_.due());
    return;
  }

  const bool plan = registry_moved || waits || replan_ || planner_.due() <= o.now;
  bool scaled_up = false;
  bool too_new = false;
  if (plan) {
    snapshot_.sync(o.nodes, flags_.expendable_pods_priority_cutoff, o.objects);
    guests_.clear();
    add_upcoming(o);
    switch (filter_waiting(o)) {
      case Waiting::kNone:
        break;
      case Waiting::kTooNew:
        too_new = true;
        break;
      case Waiting::kNeedNodes:
        scaled_up = scale_up(o, rng, out);
        break;
    }
    if (!scaled_up && flags_.scale_down_enabled) planner_.update(o, registry_, snapshot_, guests_);
    replan_ = waits || scaled_up || !waiting_.empty();
    snapshot_.revert(0);
  }
  if (scaled_up) {
    last_scale_up_ = o.now;
    out.next_loop = o.now;
    return;
  }
  if (flags_.scale_down_enabled && !too_new && cooled_down(o.now)) {
    planner_.removals(o, out.removals);
    if (!out.removals.empty()) {
      last_delete_ = o.now;
      out.next_loop = o.now;
      return;
    }
  }
  if (waits || replan_) {
    out.next_loop = o.now + flags_.scan_interval;
    return;
  }
  Time next = std::min(registry_.due(), planner_.due());
  if (flags_.scale_down_enabled && planner_.unneeded() > 0) {
    // Those that have waited long enough go when the pause is over, the others when they have.
    next = std::min(next, cooled_down(o.now) ? planner_.first_ripe(o.now) : cooled_down_at());
  }
  out.next_loop = grid(next);
}

Time ClusterAutoscaler::grid(Time at) const {
  if (at == kNever) return kNever;
  const Duration step = flags_.scan_interval;
  const std::int64_t ahead = std::max<std::int64_t>((at - last_loop_).ns, 1);
  return last_loop_ + step * ((ahead + step.ns - 1) / step.ns);
}

Time ClusterAutoscaler::loop_after(Time now) const {
  if (last_loop_ == kNever) return now;
  return grid(now);
}

void ClusterAutoscaler::remove_lost(const NodeAutoscalerObservation& o, NodeAutoscalerDecision& out) const {
  std::vector<std::int32_t> spare;
  for (const NodeGroup& group : o.groups) spare.push_back(group.target_size - group.min_size);
  for (const PendingInstance& instance : o.instances) {
    if (registry_.late(instance, o.now) && spare[instance.group]-- > 0) out.lost_instances.push_back(instance.id);
  }
}

// Machines that are on their way stand in for the nodes that they will be.
void ClusterAutoscaler::add_upcoming(const NodeAutoscalerObservation& o) {
  open_rows_.clear();
  for (FitSnapshot::Row row = 0; row < o.nodes.size(); ++row) {
    const AutoscaledNode& node = o.nodes[row];
    if (registry_.starting(node, o.now)) {
      snapshot_.remove_node(row);
    } else if (node.ready && node.removal == AutoscaledNode::Removal::kStays && !node.node->unschedulable) {
      open_rows_.push_back(row);
    }
  }
  for (std::uint32_t g = 0; g < o.groups.size(); ++g) {
    const std::int32_t upcoming = registry_.upcoming(g);
    for (std::int32_t i = 0; i < upcoming; ++i) {
      // Numbered from behind those that an estimate may open.
      const auto number = static_cast<std::size_t>(flags_.max_nodes_per_scaleup) + static_cast<std::size_t>(i);
      const FitSnapshot::Row row = snapshot_.add_node(imagined_node(o.groups[g], number));
      for (const kube::PodInfo* daemon : o.groups[g].daemon_pods) {
        snapshot_.add_pod(row, {daemon, kube::kNotStarted, snapshot_.own_handle()});
      }
      open_rows_.push_back(row);
    }
  }
}

// Leaves in waiting_ the pods that would find no place even on what is there or on its way.
ClusterAutoscaler::Waiting ClusterAutoscaler::filter_waiting(const NodeAutoscalerObservation& o) {
  waiting_.clear();
  std::vector<const AutoscaledPod*> pods;
  for (const AutoscaledPod& pod : o.unschedulable) {
    if (pod.info->pod.priority < flags_.expendable_pods_priority_cutoff || is_daemon_pod(pod)) continue;
    if (pod.nominated_node != kNotNominated) {  // Room is being made for it there.
      for (const FitSnapshot::Row row : open_rows_) {
        if (row >= o.nodes.size() || o.nodes[row].id != pod.nominated_node) continue;
        snapshot_.add_pod(row, ref(pod));
        guests_[row].push_back(&pod);
      }
      continue;
    }
    pods.push_back(&pod);
  }
  // What is being drained will need a place, too.
  for (FitSnapshot::Row row = 0; row < o.nodes.size(); ++row) {
    if (o.nodes[row].removal != AutoscaledNode::Removal::kDrain || !snapshot_.present(row)) continue;
    for (const AutoscaledPod& pod : o.nodes[row].pods) {
      if (pod.finished || pod.info->pod.priority < flags_.expendable_pods_priority_cutoff) continue;
      if (pod.mirror || is_daemon_pod(pod)) continue;
      snapshot_.remove_pod(row, pod.handle);
      pods.push_back(&pod);
    }
  }
  std::ranges::stable_sort(pods, std::ranges::greater(),
                           [](const AutoscaledPod* pod) { return pod->info->pod.priority; });
  std::unordered_set<std::uint32_t> nowhere;  // Classes; never iterated.
  std::size_t cursor = 0;
  for (const AutoscaledPod* pod : pods) {
    const auto of_class = static_cast<std::uint32_t>(pod->info->class_id);
    if (!nowhere.contains(of_class)) {
      if (const auto row = snapshot_.find(ref(*pod), open_rows_, cursor)) {
        snapshot_.add_pod(*row, ref(*pod));
        guests_[*row].push_back(pod);
        continue;
      }
      nowhere.insert(of_class);
    }
    if (pod->created + flags_.new_pod_scale_up_delay < o.now) waiting_.push_back(pod);
  }
  if (waiting_.empty()) return Waiting::kNone;
  const auto ready = static_cast<std::int64_t>(registry_.ready_nodes());
  if (flags_.max_nodes_total > 0 && ready >= flags_.max_nodes_total) return Waiting::kNone;
  Time oldest = kNever;
  Time oldest_gpu = kNever;
  for (const AutoscaledPod* pod : waiting_) {
    oldest = std::min(oldest, pod->created);
    if (pod->info->requests.scalar_or_zero(kGpu) > 0) oldest_gpu = std::min(oldest_gpu, pod->created);
  }
  if (oldest + kPodsTooNew > o.now || (oldest_gpu != kNever && oldest_gpu + kGpuPodsTooNew > o.now)) {
    return Waiting::kTooNew;
  }
  return Waiting::kNeedNodes;
}

bool ClusterAutoscaler::scale_up(const NodeAutoscalerObservation& o, Rng& rng, NodeAutoscalerDecision& out) {
  const std::vector<EquivalenceGroup> kinds = equivalence_groups(waiting_);
  std::int64_t room = flags_.max_nodes_per_scaleup;
  if (flags_.max_nodes_total > 0) {
    std::int64_t nodes = static_cast<std::int64_t>(registry_.ready_nodes());
    for (std::uint32_t g = 0; g < o.groups.size(); ++g) nodes += registry_.upcoming(g);
    room = std::min(room, flags_.max_nodes_total - nodes);
  }
  std::vector<ExpansionOption> options;
  for (std::uint32_t g = 0; g < o.groups.size() && room > 0; ++g) {
    const NodeGroup& group = o.groups[g];
    if (group.target_size >= group.max_size || !registry_.may_scale_up(g, o.now)) continue;
    const auto max_nodes = static_cast<std::int32_t>(std::min<std::int64_t>(room, group.max_size - group.target_size));
    // Which kinds an empty node of the group can take at all.
    const FitSnapshot::Mark mark = snapshot_.mark();
    const FitSnapshot::Row row = snapshot_.add_node(imagined_node(group, 0));
    for (const kube::PodInfo* daemon : group.daemon_pods) {
      snapshot_.add_pod(row, {daemon, kube::kNotStarted, snapshot_.own_handle()});
    }
    std::vector<const EquivalenceGroup*> fitting;
    for (const EquivalenceGroup& kind : kinds) {
      if (snapshot_.fits(kind.pods.front(), row)) fitting.push_back(&kind);
    }
    snapshot_.revert(mark);
    if (fitting.empty()) continue;
    Estimate estimated = estimate(snapshot_, group, fitting, max_nodes);
    if (estimated.nodes > 0) options.push_back({g, estimated.nodes, std::move(estimated.pods)});
  }
  const ExpansionOption* best = expanders_.best(options, o.groups, registry_.ready_nodes(), rng);
  if (best == nullptr) return false;
  out.scale_ups.push_back({best->group, best->nodes});
  registry_.scaled_up(best->group, best->nodes, o.now);
  return true;
}

Time ClusterAutoscaler::cooled_down_at() const {
  Time at{};
  const auto after = [&at](Time last, Duration pause) {
    if (last != kNever) at = std::max(at, last + pause);
  };
  after(last_scale_up_, flags_.scale_down_delay_after_add);
  after(last_delete_, flags_.scale_down_delay_after_delete);
  after(last_failure_, flags_.scale_down_delay_after_failure);
  return at;
}

bool ClusterAutoscaler::cooled_down(Time now) const {
  return cooled_down_at() <= now;
}

void ClusterAutoscaler::scale_up_failed(std::uint32_t group, Time now) {
  registry_.scale_up_failed(group, now);
}

void ClusterAutoscaler::scale_down_failed(std::uint32_t node, Time now) {
  last_failure_ = now;
  planner_.unremovable(node, now);
}

DrainTiming ClusterAutoscaler::drain_timing() const {
  DrainTiming timing;
  timing.eviction_timeout = flags_.max_pod_eviction_time;
  timing.max_grace = flags_.max_graceful_termination;
  return timing;
}

}  // namespace berth
