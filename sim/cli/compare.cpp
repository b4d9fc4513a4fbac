#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include "sim/cli/commands.hpp"
#include "sim/cli/progress.hpp"
#include "sim/engine/error.hpp"
#include "sim/study_file.hpp"

namespace berth {
namespace {

std::vector<std::string> split_commas(const std::string& text) {
  std::vector<std::string> parts;
  for (std::size_t begin = 0; begin <= text.size() && !text.empty();) {
    const std::size_t comma = std::min(text.find(',', begin), text.size());
    parts.push_back(text.substr(begin, comma - begin));
    begin = comma + 1;
  }
  return parts;
}

}  // namespace

void compare_command(const CompareFlags& flags) {
  StudySpec spec;
  InputFlags input = flags.input;
  // A study file says all; flags override it part by part.
  if (input.files.size() == 1 && is_study_file(input.files.front())) {
    spec = load_study(input.files.front());
    input.files.clear();
    if (!input.traffic.empty() || !input.faults.empty() || !input.fidelity.empty()) {
      throw InputError(flags.input.files.front() +
                       " is a study; expected traffic, fidelity and faults in the files of its scenarios");
    }
    if (!input.example.empty() || !input.nodes.empty() || !input.pods.empty() || !input.trace.empty()) {
      throw InputError(flags.input.files.front() + " is a study; expected no further scenarios beside it");
    }
  } else {
    spec.scenarios = load_scenarios(input);
  }
  if (!flags.policies.empty() || !flags.policy.empty()) {
    spec.policies.clear();
    if (!flags.policies.empty()) spec.policies = PolicySet::parse_list(flags.policies, "--policies");
    for (const std::string& policy : flags.policy) spec.policies.push_back(PolicySet::parse(policy, "--policy"));
  }
  if (spec.policies.empty()) throw InputError("no policies; expected --policies a,b,… (berth policies lists them)");
  if (!flags.seeds.empty()) spec.seeds = parse_seeds(flags.seeds, "--seeds");
  if (spec.seeds.empty()) spec.seeds = {1, 2, 3, 4, 5};
  if (!flags.baseline.empty()) spec.baseline = flags.baseline;
  if (!flags.order_dir.empty()) {
    if (!std::filesystem::is_directory(flags.order_dir))
      throw InputError("--order-dir " + flags.order_dir + " is no folder; expected a folder of <scenario>_seed<n>.csv");
    spec.order_dir = flags.order_dir;
  }
  if (!flags.metrics.empty()) spec.table_metrics = split_commas(flags.metrics);

  Progress progress;
  StudyOptions options = flags.options;
  if (options.out.empty()) options.out = "results/out/compare";
  options.progress = [&](std::size_t done, std::size_t all) { progress.show(done, all, "runs"); };
  const StudyReport report = run_study(spec, options);
  progress.clear();
  spdlog::info("{} runs, {} of them from before, {} events simulated", report.runs, report.resumed, report.events);
  for (const std::string& note : report.notes) fmt::print("note: {}\n", note);
  fmt::print("{}", report.table);
  if (report.resumed > 0) fmt::print("{} of {} runs were there from before.\n", report.resumed, report.runs);
  fmt::print(
      "Written to {}: index.html, summary.csv, summary.json, series.csv, manifest.json, study.sqlite, pictures/\n",
      options.out.string());
}

}  // namespace berth
