#include "policies/node_autoscalers/scale_down_planner.hpp"

#include <algorithm>

#include "sim/engine/error.hpp"

namespace berth {
namespace {

constexpr const char* kGpu = "nvidia.com/gpu";

double share(std::int64_t requested, std::int64_t allocatable) {
  return allocatable > 0 ? static_cast<double>(requested) / static_cast<double>(allocatable) : 0.0;
}

// A candidate for removal.
struct Candidate {
  std::uint32_t row = 0;
  bool empty = false;
  bool unneeded_before = false;
};

}  // namespace

double utilization(const kube::Node& node, std::span<const AutoscaledPod* const> pods, Time now,
                   const ClusterAutoscalerFlags& flags) {
  kube::Resource allocatable = kube::to_resource(node.allocatable);
  const bool has_gpus = allocatable.scalar_or_zero(kGpu) > 0;
  std::int64_t gpus = allocatable.scalar_or_zero(kGpu);
  kube::Resource sum;
  for (const AutoscaledPod* pod : pods) {
    const kube::Resource& asks = pod->info->requests;
    if ((flags.ignore_daemonsets_utilization && is_daemon_pod(*pod)) ||
        (flags.ignore_mirror_pods_utilization && pod->mirror)) {
      allocatable.milli_cpu -= asks.milli_cpu;
      allocatable.memory -= asks.memory;
      gpus -= asks.scalar_or_zero(kGpu);
      continue;
    }
    if (is_long_terminating(*pod, now)) continue;
    sum.add(asks, +1);
  }
  if (has_gpus) return share(sum.scalar_or_zero(kGpu), gpus);
  return std::max(share(sum.milli_cpu, allocatable.milli_cpu), share(sum.memory, allocatable.memory));
}

bool ScaleDownPlanner::eligible(const AutoscaledNode& node, std::span<const AutoscaledPod* const> pods,
                                Time now) const {
  if (node.scale_down_disabled) return false;
  if (!node.ready && !flags_.scale_down_unready_enabled) return false;
  const kube::Quantity* gpus = node.node->allocatable.find(kGpu);
  const double threshold = gpus != nullptr && gpus->value() > 0 ? flags_.scale_down_gpu_utilization_threshold
                                                                : flags_.scale_down_utilization_threshold;
  return utilization(*node.node, pods, now, flags_) <= threshold;
}

// Beyond so many unneeded nodes it is of no use to look for more: they could not go any sooner.
std::size_t ScaleDownPlanner::limit(Time now) {
  if (last_update_ != kNever) shortest_interval_ = std::min(shortest_interval_, now - last_update_);
  last_update_ = now;
  const auto parallel = static_cast<std::size_t>(flags_.max_scale_down_parallelism);
  const Duration unneeded = std::max(flags_.scale_down_unneeded_time, nanoseconds(1));
  const Duration interval = std::max(std::min(shortest_interval_, unneeded), nanoseconds(1));
  const std::size_t loops = static_cast<std::size_t>(unneeded.ns / interval.ns);
  return std::min(unneeded_.size() + 2 * parallel, parallel * loops + parallel);
}

void ScaleDownPlanner::clear() {
  unneeded_.clear();
  since_.clear();
}

bool ScaleDownPlanner::unneeded_since(std::uint32_t node, Time& since) const {
  const auto found = since_.find(node);
  if (found == since_.end()) return false;
  since = found->second;
  return true;
}

void ScaleDownPlanner::update(const NodeAutoscalerObservation& o, const GroupRegistry& registry, FitSnapshot& snapshot,
                              const Guests& guests) {
  due_ = kNever;
  const std::size_t enough = limit(o.now);
  std::erase_if(recheck_, [&o](const auto& item) { return item.second <= o.now; });

  // Who may take pods, and who may go.
  std::vector<FitSnapshot::Row> destinations;
  std::vector<Candidate> candidates;
  std::vector<const AutoscaledPod*> pods;
  const auto pods_of = [&](std::uint32_t row) -> std::span<const AutoscaledPod* const> {
    pods.clear();
    for (const AutoscaledPod& pod : o.nodes[row].pods) {
      if (!pod.finished && pod.info->pod.priority >= flags_.expendable_pods_priority_cutoff) pods.push_back(&pod);
    }
    if (const auto found = guests.find(row); found != guests.end()) {
      pods.insert(pods.end(), found->second.begin(), found->second.end());
    }
    return pods;
  };
  for (std::uint32_t row = 0; row < o.nodes.size(); ++row) {
    const AutoscaledNode& node = o.nodes[row];
    if (node.removal != AutoscaledNode::Removal::kStays) continue;
    if (registry.starting(node, o.now)) continue;  // registry.due() says when that ends.
    if (node.ready && !node.node->unschedulable) destinations.push_back(row);
    if (node.group == kNoNodeGroup || o.groups[node.group].target_size <= o.groups[node.group].min_size) continue;
    if (const auto not_before = recheck_.find(node.id); not_before != recheck_.end()) {
      due_ = std::min(due_, not_before->second);
      continue;
    }
    const auto on_it = pods_of(row);
    for (const AutoscaledPod* pod : on_it) {  // Such a pod counts no more some time after it should have gone.
      if (pod->deletion_timestamp == kNever) continue;
      const Time given_up = pod->deletion_timestamp + kLongTerminating + nanoseconds(1);
      if (given_up > o.now) due_ = std::min(due_, given_up);
    }
    if (!eligible(node, on_it, o.now)) continue;
    bool empty = true;
    for (const AutoscaledPod* pod : on_it) {
      if (drain_status(*pod, o.now, o.disruptions_allowed, flags_).outcome != Drainability::kStays) empty = false;
    }
    candidates.push_back({row, empty, since_.contains(node.id)});
  }
  std::ranges::stable_sort(candidates, [](const Candidate& a, const Candidate& b) {
    return a.empty != b.empty ? a.empty : a.unneeded_before && !b.unneeded_before;
  });

  const FitSnapshot::Mark before = snapshot.mark();
  std::vector<std::int32_t> allowed(o.disruptions_allowed.begin(), o.disruptions_allowed.end());
  std::vector<Unneeded> found;
  for (const Candidate& candidate : candidates) {
    if (found.size() >= enough) {
      due_ = o.now;  // The limit moves with what was found: look on in the next loop.
      break;
    }
    const AutoscaledNode& node = o.nodes[candidate.row];
    bool movable = true;
    std::vector<const AutoscaledPod*> to_move;
    for (const AutoscaledPod* pod : pods_of(candidate.row)) {
      const DrainStatus status = drain_status(*pod, o.now, allowed, flags_);
      if (status.outcome == Drainability::kMoves) to_move.push_back(pod);
      if (status.outcome != Drainability::kBlocked) continue;
      movable = false;
      break;
    }
    const FitSnapshot::Mark mark = snapshot.mark();
    if (movable) {
      for (const AutoscaledPod* pod : to_move) snapshot.remove_pod(candidate.row, pod->handle);
      // The node stays as a topology domain while its pods look for another place.
      std::vector<FitSnapshot::Row>::iterator self = std::ranges::lower_bound(destinations, candidate.row);
      const bool is_destination = self != destinations.end() && *self == candidate.row;
      if (is_destination) destinations.erase(self);
      for (const AutoscaledPod* pod : to_move) {
        const kube::PodRef ref{pod->info, kube::kNotStarted, pod->handle};
        const auto row = snapshot.find(ref, destinations, cursor_);
        movable = row.has_value();
        if (!movable) break;
        snapshot.add_pod(*row, ref);
      }
      if (!movable && is_destination) {
        destinations.insert(std::ranges::lower_bound(destinations, candidate.row), candidate.row);
      }
    }
    if (!movable) {
      snapshot.revert(mark);
      const Time again = o.now + flags_.unremovable_node_recheck_timeout;
      recheck_[node.id] = again;
      due_ = std::min(due_, again);
      continue;
    }
    snapshot.remove_node(candidate.row);
    std::unordered_map<std::uint32_t, std::int32_t> uses;
    bool risky = false;
    for (const AutoscaledPod* pod : to_move) {
      for (const std::uint32_t budget : pod->budgets) {
        if (++uses[budget] > allowed[budget]) risky = true;
      }
    }
    for (const AutoscaledPod* pod : to_move) {
      for (const std::uint32_t budget : pod->budgets) --allowed[budget];
    }
    const auto since = since_.find(node.id);
    found.push_back({node.id, candidate.row, node.group, since == since_.end() ? o.now : since->second, node.ready,
                     !to_move.empty(), risky});
  }
  snapshot.revert(before);
  unneeded_ = std::move(found);
  since_.clear();
  for (const Unneeded& u : unneeded_) since_.emplace(u.node, u.since);
}

void ScaleDownPlanner::removals(const NodeAutoscalerObservation& o,
                                std::vector<NodeAutoscalerDecision::Removal>& out) const {
  std::int32_t parallel = flags_.max_scale_down_parallelism;
  std::int32_t drains = flags_.max_drain_parallelism;
  for (const AutoscaledNode& node : o.nodes) {
    if (node.removal == AutoscaledNode::Removal::kStays) continue;
    --parallel;
    if (node.removal == AutoscaledNode::Removal::kDrain) --drains;
  }
  if (parallel <= 0) return;
  std::vector<std::int32_t> sizes;
  for (const NodeGroup& group : o.groups) sizes.push_back(group.target_size);
  std::vector<const Unneeded*> empty;
  std::vector<const Unneeded*> drain;
  std::vector<const Unneeded*> risky;
  for (const bool draining : {false, true}) {  // The empty ones take their share of a group's size first.
    for (const Unneeded& u : unneeded_) {
      if (u.drain != draining || !(ripe(u) < o.now)) continue;
      if (sizes[u.group] <= o.groups[u.group].min_size) continue;
      --sizes[u.group];
      (u.drain ? (u.risky ? risky : drain) : empty).push_back(&u);
    }
  }
  drain.insert(drain.end(), risky.begin(), risky.end());
  const Time act_at = o.now + flags_.node_delete_delay_after_taint;
  // Within a budget, the groups come one after another, in order of their first nodes.
  const auto take = [&](const std::vector<const Unneeded*>& from, std::int32_t budget) {
    std::vector<std::uint32_t> order;
    for (const Unneeded* u : from) {
      if (std::ranges::find(order, u->group) == order.end()) order.push_back(u->group);
    }
    std::int32_t taken = 0;
    for (const std::uint32_t group : order) {
      for (const Unneeded* u : from) {
        if (u->group != group || taken >= budget) continue;
        out.push_back({u->node, u->drain, act_at});
        ++taken;
      }
    }
    return taken;
  };
  parallel -= take(empty, parallel);
  take(drain, std::min(parallel, drains));
}

Time ScaleDownPlanner::first_ripe(Time now) const {
  Time first = kNever;
  for (const Unneeded& u : unneeded_) {
    if (ripe(u) >= now) first = std::min(first, ripe(u) + nanoseconds(1));
  }
  return first;
}

}  // namespace berth
