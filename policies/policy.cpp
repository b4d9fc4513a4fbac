#include "policies/policy.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "policies/schedulers/kube/default_preemption.hpp"
#include "policies/schedulers/kube/volume_binding.hpp"
#include "sim/cluster/pod_spec.hpp"

namespace berth {

void Policy::prepare(const Cluster&, std::span<const TemplateCount>) {}

std::string Scheduler::why_pending(const Context& ctx, PodId pod) {
  const Cluster& cluster = ctx.cluster;
  if (cluster.pods().phase[index(pod)] != PodPhase::kPending) return {};
  const PodTemplate& t = cluster.pod_template(pod);
  if (t.pod != nullptr && !t.pod->scheduling.scheduling_gates.empty())
    return "Scheduling is blocked due to non-empty scheduling gates";
  if (cluster.nodes_existing() == 0) return "no nodes available to schedule pods";
  std::map<std::string, std::size_t> reasons;
  for (std::size_t n = 0; n < cluster.nodes().size(); ++n) {
    const auto node = static_cast<NodeId>(n);
    if (!cluster.node_exists(node)) continue;
    if (cluster.fits(t, node)) return {};
    for (std::string& reason : cluster.refusals(t, node)) ++reasons[std::move(reason)];
  }
  return kube::none_available(cluster.nodes_existing(), reasons);
}

std::span<const kube::ClaimBinding> Scheduler::claims_of(PodId) const {
  return {};
}

NodeId ScoringScheduler::pick(const Context&, PodId, const ScoreIndex& scores) {
  return scores.best();
}

std::optional<GpuMask> ScoringScheduler::pick_gpus(const Context&, PodId, NodeId) {
  return std::nullopt;
}

void ScoringScheduler::schedule(const Context& ctx, Actions& act) {
  const PendingQueue& pending = ctx.cluster.pending();
  // Templates by their first pod's place in line. A template that fits nowhere leaves the heap with all its pods:
  // binding others only takes room away.
  barren_.look(ctx.cluster);
  heads_.clear();
  for (const TemplateId t : pending.templates()) {
    if (!barren_.still(ctx.cluster, t)) heads_.emplace_back(pending.place(pending.front(t)), t);
  }
  const auto later = [](const auto& a, const auto& b) { return a.first > b.first; };
  std::make_heap(heads_.begin(), heads_.end(), later);
  while (!heads_.empty() && act.may_decide()) {
    std::pop_heap(heads_.begin(), heads_.end(), later);
    const TemplateId t = heads_.back().second;
    heads_.pop_back();
    if (!bind_front(ctx, t, act)) continue;
    if (const PodId next = pending.front(t); next != kNoPod) {
      heads_.emplace_back(pending.place(next), t);
      std::push_heap(heads_.begin(), heads_.end(), later);
    }
  }
}

bool ScoringScheduler::bind_front(const Context& ctx, TemplateId t, Actions& act) {
  const PodId pod = ctx.cluster.pending().front(t);
  BERTH_CHECK(pod != kNoPod);
  View& view = view_of(ctx, t);
  catch_up(ctx, pod, view);
  if (!view.scores.any()) {
    barren_.mark(t);
    return false;
  }
  const NodeId node = pick(ctx, pod, view.scores);
  if (node == kNoNode) return false;
  return act.bind(pod, node, pick_gpus(ctx, pod, node)) == Outcome::kDone;
}

ScoringScheduler::View& ScoringScheduler::view_of(const Context& ctx, TemplateId t) {
  const std::size_t nodes = ctx.cluster.nodes().size();
  if (index(t) >= views_.size()) views_.resize(index(t) + 1);
  std::unique_ptr<View>& slot = views_[index(t)];
  if (!slot) {
    // Bounds what 10^5 templates on 10^5 nodes may hold; below it every template keeps its view.
    constexpr std::size_t kMostBytes = std::size_t{256} << 20;
    const std::size_t most = std::max<std::size_t>(16, kMostBytes / (5 * nodes + 1));
    while (kept_ >= most) {
      std::size_t oldest = views_.size();
      for (std::size_t i = 0; i < views_.size(); ++i) {
        if (!views_[i] || views_[i]->pinned) continue;
        if (oldest == views_.size() || views_[i]->used < views_[oldest]->used) oldest = i;
      }
      if (oldest == views_.size()) break;  // All in use.
      views_[oldest].reset();
      --kept_;
    }
    slot = std::make_unique<View>(nodes);
    ++kept_;
  }
  slot->used = ++clock_;
  slot->scores.resize(nodes);
  return *slot;
}

void ScoringScheduler::catch_up(const Context& ctx, PodId pod, View& view) {
  const Cluster& cluster = ctx.cluster;
  const PodTemplate& t = cluster.pod_template(pod);
  nodes_.clear();
  const auto look_at = [&](NodeId node) {
    if (cluster.fits(t, node)) {
      nodes_.push_back(node);
    } else {
      view.scores.set(node, ScoreIndex::kInfeasible);
    }
  };
  if (local()) {
    cluster.changes().changed_since(view.seen, look_at);
  } else {
    for (std::size_t n = 0; n < cluster.nodes().size(); ++n) look_at(static_cast<NodeId>(n));
  }
  view.seen = cluster.changes().now();
  if (nodes_.empty()) return;
  scores_.resize(nodes_.size());
  score(ctx, pod, nodes_, scores_);
  for (std::size_t i = 0; i < nodes_.size(); ++i) view.scores.set(nodes_[i], scores_[i]);
}

}  // namespace berth
