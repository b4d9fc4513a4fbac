#include "policies/schedulers/kube/default_preemption.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <tuple>

#include "sim/engine/error.hpp"

namespace berth::kube {
namespace {

// Sets apart the pods whose going a disruption budget forbids, counting budgets down in the order given.
void split_by_budget(const std::vector<PodRef>& pods, const std::vector<PodDisruptionBudget>& budgets,
                     std::vector<PodRef>& violating, std::vector<PodRef>& others) {
  std::vector<std::int64_t> left;
  for (const PodDisruptionBudget& budget : budgets) left.push_back(budget.disruptions_allowed);
  for (const PodRef& info : pods) {
    const Pod& pod = info->pod;
    bool violates = false;
    for (std::size_t i = 0; i < budgets.size() && !pod.labels.empty(); ++i) {
      const PodDisruptionBudget& budget = budgets[i];
      // An empty selector matches nothing here, unlike in the budget's own controller.
      if (budget.namespace_name != pod.namespace_name || budget.selector.empty() ||
          !budget.selector.matches(pod.labels))
        continue;
      const auto& known = budget.disrupted_pods;
      if (std::find(known.begin(), known.end(), pod.name) != known.end()) continue;
      if (--left[i] < 0) violates = true;
    }
    (violates ? violating : others).push_back(info);
  }
}

// The victims on one node; empty if preemption does not help there, which is counted under its reasons.
PreemptionCandidate victims_on(const Runtime& runtime, const Cycle& cycle, const CycleState& base,
                               const NodeInfo& original, std::map<std::string, std::size_t>& refusals) {
  PreemptionCandidate out{.node = &original, .victims = {}, .pdb_violations = 0};
  std::vector<PodRef> potential;
  for (const PodRef& pod : original.pods) {
    if (pod->pod.priority < cycle.pod.pod.priority) potential.push_back(pod);
  }
  if (potential.empty()) {
    static const std::string kNobody = "No preemption victims found for incoming pod";
    ++refusals[kNobody];
    return out;
  }

  NodeInfo node = original;
  CycleState state = base.clone_for_filter();
  const auto remove = [&](const PodRef& pod) {
    node.remove(pod.handle);
    runtime.update(cycle, state, *pod.info, node, -1);
  };
  for (const PodRef& pod : potential) remove(pod);
  if (const Status status = runtime.filter(cycle, state, node); !status.success()) {
    for (const std::string& reason : status.reasons) ++refusals[reason];
    return out;
  }

  std::sort(potential.begin(), potential.end(), more_important);
  std::vector<PodRef> violating;
  std::vector<PodRef> others;
  split_by_budget(potential, cycle.cluster.objects().budgets, violating, others);
  for (const auto* group : {&violating, &others}) {
    for (const PodRef& pod : *group) {
      node.add(pod);
      runtime.update(cycle, state, *pod.info, node, +1);
      if (runtime.filter(cycle, state, node).success()) continue;  // Reprieved.
      remove(pod);
      out.victims.push_back(pod);
      if (group == &violating) ++out.pdb_violations;
    }
  }
  std::sort(out.victims.begin(), out.victims.end(), more_important);
  return out;
}

// Smaller is better: violations, highest priority, sum of priorities, number of victims, minus the earliest start among
// the victims of the highest priority.
auto rank(const PreemptionCandidate& candidate) {
  const std::int32_t highest = candidate.victims.front()->pod.priority;
  std::int64_t sum = 0;
  std::int64_t earliest = std::numeric_limits<std::int64_t>::max();
  for (const PodRef& pod : candidate.victims) {
    sum += std::int64_t{pod->pod.priority} + (std::int64_t{1} << 31);
    if (pod->pod.priority == highest) earliest = std::min(earliest, pod.start_s);
  }
  return std::tuple(candidate.pdb_violations, highest, sum, candidate.victims.size(), -earliest);
}

}  // namespace

std::string none_available(std::size_t nodes, const std::map<std::string, std::size_t>& reasons) {
  std::vector<std::string> parts;
  for (const auto& [reason, count] : reasons) parts.push_back(fmt::format("{} {}", count, reason));
  std::sort(parts.begin(), parts.end());
  std::string text = fmt::format("0/{} nodes are available:", nodes);
  if (!parts.empty()) text += fmt::format(" {}.", fmt::join(parts, ", "));
  return text;
}

std::string Preemption::text(std::size_t nodes) const {
  if (!eligible) return "preemption: " + message;
  return candidates.empty() ? "preemption: " + none_available(nodes, refusals) : std::string();
}

bool more_important(const PodRef& a, const PodRef& b) {
  if (a->pod.priority != b->pod.priority) return a->pod.priority > b->pod.priority;
  if (a.start_s != b.start_s) return a.start_s < b.start_s;
  return std::tie(a->pod.namespace_name, a->pod.name, a.handle) <
         std::tie(b->pod.namespace_name, b->pod.name, b.handle);
}

Preemption preempt(const Runtime& runtime, const PluginArgs& args, const Cycle& cycle, const CycleState& state,
                   std::span<const Code> codes, std::string_view nominated_node, std::uint64_t offset) {
  Preemption out;
  const Pod& pod = cycle.pod.pod;
  if (pod.never_preempts) return {false, "not eligible due to preemptionPolicy=Never.", {}, {}, {}};
  if (const NodeInfo* node = cycle.cluster.find_node(nominated_node);
      node != nullptr && codes[node->index] != Code::kUnschedulableAndUnresolvable) {
    for (const PodRef& other : node->pods) {
      if (other->pod.priority < pod.priority && other->pod.deleting && other->pod.disrupted_by_preemption) {
        return {false, "not eligible due to a terminating pod on the nominated node.", {}, {}, {}};
      }
    }
  }

  std::vector<const NodeInfo*> hopeful;
  for (const NodeInfo& node : cycle.cluster.nodes()) {
    if (codes[node.index] == Code::kUnschedulable) hopeful.push_back(&node);
  }
  const auto n = static_cast<std::int64_t>(hopeful.size());
  const std::int64_t wanted =
      std::min(n, std::max(n * args.min_candidate_nodes_percentage / 100, args.min_candidate_nodes_absolute));
  bool harmless = false;
  for (std::size_t i = 0; i < hopeful.size(); ++i) {
    const NodeInfo& node = *hopeful[(static_cast<std::size_t>(offset) + i) % hopeful.size()];
    PreemptionCandidate candidate = victims_on(runtime, cycle, state, node, out.refusals);
    if (candidate.victims.empty()) continue;
    harmless = harmless || candidate.pdb_violations == 0;
    out.candidates.push_back(std::move(candidate));
    if (harmless && static_cast<std::int64_t>(out.candidates.size()) >= wanted) break;
  }
  if (out.candidates.empty()) {
    const auto others = cycle.cluster.nodes().size() - hopeful.size();
    if (others > 0) out.refusals["Preemption is not helpful for scheduling"] += others;
    return out;
  }
  out.refusals.clear();
  auto best = rank(out.candidates[0]);
  for (const PreemptionCandidate& candidate : out.candidates) best = std::min(best, rank(candidate));
  for (std::size_t i = 0; i < out.candidates.size(); ++i) {
    if (rank(out.candidates[i]) == best) out.ties.push_back(i);
  }
  return out;
}

}  // namespace berth::kube
