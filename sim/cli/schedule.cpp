#include "sim/cli/schedule.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>

#include "sim/engine/error.hpp"
#include "sim/kube_config.hpp"
#include "sim/kube_scenario.hpp"

namespace berth {
namespace {

void print(const std::string& text) {
  std::fwrite(text.data(), 1, text.size(), stdout);
}

void print_unknown(const kube::Scenario& scenario) {
  for (const auto& [path, count] : scenario.unknown) {
    std::fprintf(stderr, "berth: %s: %s (%llu times) is not looked at\n", scenario.file.c_str(), path.c_str(),
                 static_cast<unsigned long long>(count));
  }
}

std::string row(const kube::Step& step) {
  const kube::Decision& d = step.decision;
  std::string what;
  switch (d.result) {
    case kube::Decision::Result::kGated:
      what = "gated";
      break;
    case kube::Decision::Result::kBound:
      what = "bound to " + d.node->name();
      break;
    case kube::Decision::Result::kUnschedulable:
      what = "unschedulable";
      if (d.preempted == nullptr) break;
      what += fmt::format("; preempts {} on {}", d.preempted->victims.size(), d.preempted->node->name());
      break;
  }
  return fmt::format("{:>5}  {:<40} {:>7} {:>8} {:>4}  {}\n", step.step, step.pod->pod.key(), step.attempt,
                     d.feasible.size(), d.ties.size(), what);
}

// The best five nodes with their scores, or the answer of the nodes in the words of the pod's events.
std::string explanation(const kube::Step& step) {
  const kube::Decision& d = step.decision;
  if (d.result == kube::Decision::Result::kUnschedulable) {
    std::string text = fmt::format("         {}\n", d.fit_error());
    if (d.preempted != nullptr) {
      for (const auto& victim : d.preempted->victims) text += fmt::format("         victim {}\n", victim->pod.key());
    }
    return text;
  }
  if (d.via != kube::Decision::Via::kScore) return {};
  std::vector<std::size_t> order(d.feasible.size());
  for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
  std::sort(order.begin(), order.end(), [&d](std::size_t a, std::size_t b) {
    return d.totals[a] != d.totals[b] ? d.totals[a] > d.totals[b] : d.feasible[a]->name() < d.feasible[b]->name();
  });
  std::string text;
  for (std::size_t i = 0; i < std::min<std::size_t>(5, order.size()); ++i) {
    text += fmt::format("         {:<24} {:>5} =", d.feasible[order[i]]->name(), d.totals[order[i]]);
    for (const kube::PluginScores& scores : d.scores)
      text += fmt::format(" {} {}", scores.plugin->name(), scores.weighted[order[i]]);
    text += '\n';
  }
  return text;
}

}  // namespace

void schedule_command(const ScheduleFlags& flags) {
  if (flags.files.empty()) throw InputError("no file is named; expected a scenario (*.jsonl.gz) or a kubectl dump");
  if (flags.output != "table" && flags.output != "jsonl") {
    throw InputError(fmt::format("-o is \"{}\"; expected table or jsonl", flags.output));
  }
  if (flags.ties != "first" && flags.ties != "random") {
    throw InputError(fmt::format("--ties is \"{}\"; expected first or random", flags.ties));
  }
  const kube::TieRule ties = flags.ties == "first" ? kube::TieRule::kFirst : kube::TieRule::kRandom;
  for (const std::string& file : flags.files) {
    kube::Scenario scenario = kube::load_scenario(file);
    if (!flags.config.empty()) scenario.config = kube::load_scheduler_config(flags.config);
    print_unknown(scenario);
    if (scenario.objects.nodes.empty()) {
      throw InputError(file + ": no Node in it; expected what kubectl get nodes,pods -o yaml prints, or a scenario");
    }
    if (scenario.arrivals.empty()) {
      throw InputError(file + ": every pod in it is on a node already; expected pods without spec.nodeName");
    }
    const bool jsonl = flags.output == "jsonl";
    if (!jsonl)
      print(fmt::format("{:>5}  {:<40} {:>7} {:>8} {:>4}  {}\n", "step", "pod", "attempt", "feasible", "ties",
                        "decision"));
    std::string line;  // Held back until what followed from the step is known.
    kube::ReplayHooks hooks;
    hooks.decided = [&](const kube::Step& step, const kube::ClusterState&) -> std::optional<kube::Applied> {
      if (jsonl) {
        line = kube::decision_line(step);
      } else {
        line = row(step);
        if (flags.explain) line += explanation(step);
      }
      return std::nullopt;
    };
    hooks.finished = [&](std::size_t, const kube::Outcome& outcome) {
      print(jsonl ? kube::with_outcome(line, outcome) + "\n" : line);
    };
    kube::replay(scenario, ties, flags.seed, hooks);
  }
}

}  // namespace berth
