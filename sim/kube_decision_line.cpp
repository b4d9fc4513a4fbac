// Decisions as lines of the conformance format.
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>

#include "sim/kube_scenario.hpp"

namespace berth::kube {
namespace {

std::vector<std::string> sorted_names(const std::vector<const NodeInfo*>& nodes) {
  std::vector<std::string> names;
  for (const NodeInfo* node : nodes) names.push_back(node->name());
  std::sort(names.begin(), names.end());
  return names;
}

}  // namespace

std::string decision_line(const Step& step) {
  using Ordered = nlohmann::ordered_json;
  const Decision& d = step.decision;
  Ordered line;
  line["kind"] = "Decision";
  line["step"] = step.step;
  line["pod"] = step.pod->pod.key();
  line["attempt"] = step.attempt;
  const char* const results[] = {"bound", "unschedulable", "gated"};
  line["result"] = results[static_cast<std::size_t>(d.result)];
  line["node"] = d.node == nullptr ? Ordered() : Ordered(d.node->name());
  if (d.via != Decision::Via::kNone) {
    const char* const vias[] = {"", "score", "only", "nominated"};
    line["via"] = vias[static_cast<std::size_t>(d.via)];
    line["ties"] = sorted_names(d.ties);
  }
  if (d.via == Decision::Via::kScore) {
    Ordered plugins = Ordered::array();
    for (const PluginScores& scores : d.scores) plugins.push_back(scores.plugin->name());
    line["plugins"] = std::move(plugins);
    std::vector<std::size_t> order(d.feasible.size());
    for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
    std::sort(order.begin(), order.end(),
              [&](std::size_t a, std::size_t b) { return d.feasible[a]->name() < d.feasible[b]->name(); });
    Ordered all = Ordered::object();
    Ordered raw = Ordered::object();
    for (const std::size_t i : order) {
      Ordered weighted_row = Ordered::array({d.totals[i]});
      Ordered raw_row = Ordered::array();
      for (const PluginScores& scores : d.scores) {
        weighted_row.push_back(scores.weighted[i]);
        raw_row.push_back(scores.raw[i]);
      }
      all[d.feasible[i]->name()] = std::move(weighted_row);
      raw[d.feasible[i]->name()] = std::move(raw_row);
    }
    line["scores"] = std::move(all);
    line["raw"] = std::move(raw);
  }
  line["feasible"] = sorted_names(d.feasible);

  Ordered rejected = Ordered::array();
  const auto code_name = [](Code code) {
    return code == Code::kUnschedulable ? "Unschedulable" : "UnschedulableAndUnresolvable";
  };
  if (d.result == Decision::Result::kGated) {
    rejected.push_back(
        {{"plugin", "SchedulingGates"},
         {"code", code_name(Code::kUnschedulableAndUnresolvable)},
         {"reasons",
          {fmt::format("waiting for scheduling gates: [{}]", fmt::join(step.pod->pod.scheduling_gates, " "))}},
         {"nodes", nullptr}});
  }
  // Groups by plugin, code and reasons, in the order of these.
  std::map<std::string, std::pair<const Status*, std::vector<std::string>>> groups;
  for (std::size_t i = 0; i < d.statuses.size(); ++i) {
    const Status& status = d.statuses[i];
    if (!status.rejected()) continue;
    std::vector<std::string> sorted = status.reasons;
    std::sort(sorted.begin(), sorted.end());
    auto& group = groups[fmt::format("{}|{}|{}|", status.plugin, code_name(status.code), fmt::join(sorted, ","))];
    if (group.first == nullptr) group.first = &status;
    group.second.push_back(d.nodes[i].name());
  }
  for (auto& [key, group] : groups) {
    std::vector<std::string> sorted = group.first->reasons;
    std::sort(sorted.begin(), sorted.end());
    std::sort(group.second.begin(), group.second.end());
    rejected.push_back({{"plugin", group.first->plugin},
                        {"code", code_name(group.first->code)},
                        {"reasons", sorted},
                        {"nodes", group.second}});
  }
  if (!rejected.empty()) line["rejected"] = std::move(rejected);

  if (d.node != nullptr) {
    const auto at =
        static_cast<std::size_t>(std::find(d.feasible.begin(), d.feasible.end(), d.node) - d.feasible.begin());
    if (at < d.volumes.size() && !d.volumes[at].empty()) {
      Ordered volumes = Ordered::array();
      for (const ClaimBinding& b : d.volumes[at]) {
        Ordered item{{"claim", b.claim}, {"volume", b.volume}};
        if (b.provisioned) item["provisioned"] = true;
        volumes.push_back(std::move(item));
      }
      line["volumes"] = std::move(volumes);
    }
  }
  if (d.preemption) {
    Ordered p{{"eligible", d.preemption->eligible}};
    if (!d.preemption->message.empty()) p["message"] = d.preemption->message;
    const auto victims = [](const PreemptionCandidate& c) {
      std::vector<std::string> names;
      for (const PodRef& victim : c.victims) names.push_back(victim->pod.key());
      return names;
    };
    if (!d.preemption->candidates.empty()) {
      std::vector<const PreemptionCandidate*> sorted;
      for (const PreemptionCandidate& c : d.preemption->candidates) sorted.push_back(&c);
      std::sort(sorted.begin(), sorted.end(),
                [](const auto* a, const auto* b) { return a->node->name() < b->node->name(); });
      Ordered candidates = Ordered::array();
      for (const PreemptionCandidate* c : sorted) {
        candidates.push_back(
            {{"node", c->node->name()}, {"victims", victims(*c)}, {"pdbViolations", c->pdb_violations}});
      }
      p["candidates"] = std::move(candidates);
      std::vector<std::string> ties;
      for (const std::size_t i : d.preemption->ties) ties.push_back(d.preemption->candidates[i].node->name());
      std::sort(ties.begin(), ties.end());
      p["ties"] = ties;
    }
    if (d.preempted != nullptr) {
      p["node"] = d.preempted->node->name();
      p["victims"] = victims(*d.preempted);
    }
    line["preemption"] = std::move(p);
  }
  return line.dump();
}

std::string with_outcome(const std::string& line, const Outcome& outcome) {
  if (outcome.cleared.empty() && outcome.departed.empty()) return line;
  auto out = nlohmann::ordered_json::parse(line);
  if (!outcome.cleared.empty()) out["preemption"]["cleared"] = outcome.cleared;
  if (!outcome.departed.empty()) out["departed"] = outcome.departed;
  return out.dump();
}

}  // namespace berth::kube
