#include <fmt/format.h>

#include <atomic>
#include <cmath>
#include <thread>

#include "results/files.hpp"
#include "sim/cli/commands.hpp"
#include "sim/cli/progress.hpp"
#include "sim/engine/error.hpp"

namespace berth {

PolicySet policies_for(const Scenario& scenario, const std::string& text) {
  if (!text.empty()) return PolicySet::parse(text, "--policy");
  return PolicySet::parse(scenario.manifests ? "kube-scheduler" : "least-allocated", "--policy");
}

void run_command(const RunFlags& flags) {
  const auto scenarios = load_scenarios(flags.input);
  if (scenarios.size() != 1)
    throw InputError(fmt::format("{} scenarios; expected one (berth compare takes several)", scenarios.size()));
  const Scenario& scenario = *scenarios.front();
  const PolicySet policies = policies_for(scenario, flags.policy);
  if (!flags.files.placements.empty() && scenario.protocol != Protocol::kFill)
    throw InputError("--placements is for the fill protocol; expected --protocol fill");
  ScenarioInputs inputs(scenario, flags.order_dir);
  const Time window = window_of(inputs, flags.seed);

  std::atomic<std::uint64_t> seen{0};
  std::atomic<bool> over{false};
  Progress progress;
  const std::uint64_t pods = inputs.of(flags.seed)->survey.pods;
  std::thread watch([&] {
    while (!over.load()) {
      progress.show(std::min(seen.load(), pods), pods, "pods");
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
  });
  RunOutcome outcome;
  std::exception_ptr trouble;
  PodTableFold pods_at_end;
  RunFiles files = flags.files;
  if (scenario.manifests) files.pods = &pods_at_end;
  try {
    outcome = run_once(inputs, policies, flags.seed, window, files, &seen);
  } catch (...) {
    trouble = std::current_exception();
  }
  over = true;
  watch.join();
  progress.clear();
  if (trouble) std::rethrow_exception(trouble);

  if (flags.json) {
    std::string text =
        fmt::format("{{\"scenario\":{},\"policy\":{},\"seed\":{},\"events\":{},\"metrics\":{{",
                    json_string(scenario.name), json_string(policies.to_string()), flags.seed, outcome.events);
    bool first = true;
    for (const Metric& m : outcome.result.metrics) {
      text += fmt::format("{}{}:{}", first ? "" : ",", json_string(m.name),
                          std::isfinite(m.value) ? shortest(m.value) : "null");
      first = false;
    }
    text += "}";
    if (!outcome.services.empty()) text += ",\"services\":" + service_table_json(outcome.services);
    fmt::print("{}}}\n", text);
    return;
  }
  for (const std::string& note : scenario.notes) fmt::print("note: {}\n", note);
  if (inputs.of(flags.seed)->drawn_order)
    fmt::print("note: no order file for this seed; drawn from Berth's own streams\n");
  fmt::print("scenario {}  policy {}  seed {}  {} nodes  {} events\n", scenario.name, policies.to_string(), flags.seed,
             scenario.nodes.size(), outcome.events);
  if (scenario.manifests) {
    fmt::print("after {}:\n{}", to_string(pods_at_end.end() - Time{}), pod_table_text(pods_at_end));
  }
  if (!outcome.services.empty()) fmt::print("{}", service_table_text(outcome.services));
  for (const Metric& m : outcome.result.metrics) {
    if (std::isnan(m.value)) continue;
    fmt::print("  {:<32} {}\n", m.name, fmt::format("{:.6g}", m.value));
  }
}

}  // namespace berth
