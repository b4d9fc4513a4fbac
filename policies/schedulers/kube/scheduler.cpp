#include "policies/schedulers/kube/scheduler.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "sim/engine/error.hpp"

namespace berth::kube {
namespace {

constexpr std::size_t kMinFeasible = 100;

}  // namespace

std::size_t heap_root(const std::vector<std::int64_t>& totals) {
  std::vector<std::size_t> heap(totals.size());
  for (std::size_t i = 0; i < heap.size(); ++i) heap[i] = i;
  const auto above = [&](std::size_t a, std::size_t b) { return totals[heap[a]] > totals[heap[b]]; };
  for (std::size_t start = heap.size() / 2; start-- > 0;) {
    for (std::size_t i = start;;) {
      std::size_t child = 2 * i + 1;
      if (child >= heap.size()) break;
      if (child + 1 < heap.size() && above(child + 1, child)) ++child;
      if (!above(child, i)) break;
      std::swap(heap[i], heap[child]);
      i = child;
    }
  }
  return heap[0];
}

std::string Decision::fit_error() const {
  if (nodes.empty()) return "no nodes available to schedule pods";
  if (!pre_filter_message.empty()) {
    return fmt::format("0/{} nodes are available: {}.", nodes.size(), pre_filter_message);
  }
  std::map<std::string, std::size_t> counts;
  for (const Status& status : statuses) {
    for (const std::string& reason : status.reasons) ++counts[reason];
  }
  return none_available(nodes.size(), counts);
}

std::string Decision::message() const {
  if (result == Result::kBound) return {};
  if (result == Result::kGated) return "Scheduling is blocked due to non-empty scheduling gates";
  std::string text = fit_error();
  if (!preemption || nodes.empty()) return text;
  if (const std::string more = preemption->text(nodes.size()); !more.empty()) text += " " + more;
  return text;
}

Scheduler::Scheduler(const SchedulerConfig& config, const Profile& profile, TieRule ties, std::uint64_t seed)
    : runtime_(profile),
      args_(profile.args),
      percentage_(config.percentage_of_nodes_to_score),
      tie_rule_(ties),
      rng_(seed, 0, 0, Purpose::kPolicy) {}

std::size_t Scheduler::pick(std::size_t n) {
  return tie_rule_ == TieRule::kFirst ? 0 : rng_.below(static_cast<std::uint32_t>(n));
}

std::size_t Scheduler::feasible_wanted(std::size_t nodes) const {
  if (!runtime_.has_scores()) return 1;
  if (nodes < kMinFeasible) return nodes;
  const std::size_t percentage =
      percentage_ > 0 ? static_cast<std::size_t>(percentage_) : (nodes >= 45 * 125 ? 5 : 50 - nodes / 125);
  return std::max(kMinFeasible, nodes * std::min<std::size_t>(100, percentage) / 100);
}

void Scheduler::find_feasible(const Cycle& cycle, CycleState& state, const std::optional<NodeNames>& narrowed,
                              Decision& out) {
  const std::span<const NodeInfo> all = cycle.cluster.nodes();
  std::vector<const NodeInfo*> nodes;
  for (const NodeInfo& node : all) {
    if (!narrowed || narrowed->contains(node.name())) nodes.push_back(&node);
  }
  const std::size_t wanted = feasible_wanted(nodes.size());
  std::size_t refused = 0;
  for (std::size_t i = 0; i < nodes.size(); ++i) {
    const NodeInfo* node = nodes[(next_start_ + i) % nodes.size()];
    Status status = runtime_.filter(cycle, state, *node);
    if (status.success()) {
      if (out.feasible.size() == wanted) break;  // One more than needed ends the search and is not counted.
      out.feasible.push_back(node);
    } else {
      ++refused;
      out.statuses[node->index] = std::move(status);
    }
  }
  looked_at(out.feasible.size() + refused, all.size());
}

Decision Scheduler::decide(const ClusterState& cluster, const PodRef& pod, std::string_view nominated_node) {
  BERTH_CHECK(cluster.settled());
  Decision out;
  const Cycle cycle{cluster, *pod.info, pod.handle};
  CycleState state;
  out.nodes = cluster.nodes();
  out.statuses.resize(out.nodes.size());
  if (!pod->pod.scheduling_gates.empty()) {
    out.result = Decision::Result::kGated;
    return out;
  }

  std::optional<NodeNames> narrowed;
  std::vector<std::string>& narrowers = out.narrowers;
  const Status refused = runtime_.pre_filter(cycle, state, narrowed, narrowers);
  if (refused.rejected()) {
    out.pre_filter_message = fmt::format("{}", fmt::join(refused.reasons, ", "));
    std::fill(out.statuses.begin(), out.statuses.end(), refused);
  } else {
    const NodeInfo* nominated = cluster.find_node(nominated_node);
    if (nominated != nullptr && runtime_.filter(cycle, state, *nominated).success()) {
      out.via = Decision::Via::kNominated;
      out.feasible.push_back(nominated);
    } else {
      if (narrowed) {
        Status absent = unresolvable(fmt::format("node(s) didn't satisfy plugin(s) [{}]", fmt::join(narrowers, " ")));
        absent.plugin = "PreFilterResult";
        for (const NodeInfo& node : cluster.nodes()) {
          if (!narrowed->contains(node.name())) out.statuses[node.index] = absent;
        }
      }
      find_feasible(cycle, state, narrowed, out);
    }
  }

  if (out.feasible.empty()) {
    if (!runtime_.preempts()) return out;
    std::vector<Code> codes;
    for (const Status& status : out.statuses) codes.push_back(status.code);
    const auto hopeful = static_cast<std::size_t>(std::count(codes.begin(), codes.end(), Code::kUnschedulable));
    out.preemption = preempt(runtime_, args_, cycle, state, codes, nominated_node, hopeful == 0 ? 0 : pick(hopeful));
    const auto& ties = out.preemption->ties;
    if (!ties.empty()) out.preempted = &out.preemption->candidates[ties[pick(ties.size())]];
    return out;
  }

  out.result = Decision::Result::kBound;
  if (out.feasible.size() == 1) {
    if (out.via == Decision::Via::kNone) out.via = Decision::Via::kOnly;
    out.ties = out.feasible;
    out.node = out.feasible[0];
  } else {
    out.via = Decision::Via::kScore;
    out.scores = runtime_.score(cycle, state, out.feasible);
    out.totals.resize(out.feasible.size());
    for (const PluginScores& scores : out.scores) {
      for (std::size_t i = 0; i < out.totals.size(); ++i) out.totals[i] += scores.weighted[i];
    }
    const std::int64_t best = *std::max_element(out.totals.begin(), out.totals.end());
    for (std::size_t i = 0; i < out.totals.size(); ++i) {
      if (out.totals[i] == best) out.ties.push_back(out.feasible[i]);
    }
    out.node = tie_rule_ == TieRule::kFirst ? out.feasible[heap_root(out.totals)] : out.ties[pick(out.ties.size())];
  }
  if (const Plugin* volumes = runtime_.find("VolumeBinding")) {
    for (const NodeInfo* node : out.feasible) {
      out.volumes.push_back(claim_bindings(state.filter[volumes->slot()].get(), *node));
    }
  }
  return out;
}

}  // namespace berth::kube
