#include "sim/study.hpp"

#include <fmt/format.h>
#include <tbb/parallel_for.h>
#include <tbb/partitioner.h>
#include <tbb/task_arena.h>

#include <algorithm>
#include <charconv>
#include <mutex>
#include <optional>
#include <set>

#include "results/files.hpp"
#include "results/fill_series.hpp"
#include "results/manifest.hpp"
#include "results/report_page.hpp"
#include "results/service_table.hpp"
#include "results/study_store.hpp"
#include "results/summary.hpp"
#include "results/svg.hpp"
#include "sim/engine/error.hpp"
#include "sim/version.hpp"

namespace berth {
namespace {

// File names from user's names: what a shell or a file system could trip over becomes "-".
std::string file_name(const RunKey& key) {
  std::string name = key.scenario + "_" + key.policy + "_" + std::to_string(key.seed);
  for (char& c : name) {
    const bool plain =
        (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.';
    if (!plain) c = '-';
  }
  return name;
}

template <class Range>
void refuse_twice(const Range& names, const char* what) {
  std::set<std::string> seen;
  for (const std::string& name : names) {
    if (!seen.insert(name).second)
      throw InputError(fmt::format("{} \"{}\" is in the study twice; expected each once", what, name));
  }
}

struct Grid {
  std::size_t policies, seeds;
  std::size_t scenario(std::size_t i) const { return i / (policies * seeds); }
  std::size_t policy(std::size_t i) const { return i / seeds % policies; }
  std::size_t seed(std::size_t i) const { return i % seeds; }
};

// What the terminal shows by default: of everything reported, the numbers one asks for first, unless they are 0
// everywhere.
std::vector<std::string> default_metrics(std::span<const RunResult> runs) {
  static const char* const kFirst[] = {"alloc_pct_at_100",
                                       "alloc_pct_at_130",
                                       "frag_pct_of_cluster_at_130",
                                       "frag_ratio_pct_at_130",
                                       "pods_failed",
                                       "pod_wait_seconds_mean",
                                       "pod_wait_seconds_p99",
                                       "pods_pending_mean",
                                       "pods_pending_at_end",
                                       "cpu_allocation_pct_mean",
                                       "gpu_allocation_pct_mean",
                                       "gpu_fragmentation_pct_mean",
                                       "nodes_used_mean",
                                       "pod_start_seconds_p50",
                                       "pod_start_seconds_p95",
                                       "pod_start_seconds_p99",
                                       "availability_pct",
                                       "requests_lost",
                                       "request_seconds_p50",
                                       "request_seconds_p99",
                                       "pods_ready_mean",
                                       "nodes_mean",
                                       "node_hours",
                                       "cost_usd",
                                       "image_present_pct",
                                       "image_bytes_from_registry"};
  std::vector<std::string> chosen;
  for (const char* name : kFirst) {
    const bool present = std::any_of(runs.begin(), runs.end(), [&](const RunResult& run) {
      return std::any_of(run.metrics.begin(), run.metrics.end(),
                         [&](const Metric& m) { return m.name == name && m.value == m.value && m.value != 0; });
    });
    if (present) chosen.emplace_back(name);
  }
  return chosen;
}

}  // namespace

std::vector<std::uint64_t> parse_seeds(std::string_view text, std::string_view what) {
  constexpr std::size_t kMost = 100'000;
  const auto refuse = [&](const char* why) {
    return InputError(fmt::format("{} is \"{}\"{}; expected seeds such as 42..51 or 1,2,5..7", what, text, why));
  };
  const auto number = [&](std::string_view digits) {
    std::uint64_t value = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
    if (error != std::errc() || end != digits.data() + digits.size()) throw refuse("");
    return value;
  };
  std::vector<std::uint64_t> seeds;
  std::set<std::uint64_t> seen;
  for (std::size_t begin = 0; begin <= text.size();) {
    const std::size_t comma = std::min(text.find(',', begin), text.size());
    const std::string_view piece = text.substr(begin, comma - begin);
    const std::size_t dots = piece.find("..");
    const std::uint64_t first = number(piece.substr(0, dots));
    const std::uint64_t last = dots == std::string_view::npos ? first : number(piece.substr(dots + 2));
    if (last < first) throw refuse(", which runs backwards");
    if (last - first >= kMost || seeds.size() + (last - first) >= kMost) throw refuse(", more than 100,000 seeds");
    for (std::uint64_t seed = first;; ++seed) {
      if (!seen.insert(seed).second) throw refuse(", with a seed twice");
      seeds.push_back(seed);
      if (seed == last) break;
    }
    begin = comma + 1;
  }
  return seeds;
}

StudyReport run_study(const StudySpec& spec, const StudyOptions& options) {
  std::vector<std::string> scenario_names, policy_names;
  for (const auto& scenario : spec.scenarios) scenario_names.push_back(scenario->name);
  for (const PolicySet& policy : spec.policies) policy_names.push_back(policy.to_string());
  if (scenario_names.empty() || policy_names.empty() || spec.seeds.empty()) {
    throw InputError("the study is empty; expected at least one scenario, one policy and one seed");
  }
  refuse_twice(scenario_names, "scenario");
  refuse_twice(policy_names, "policy");
  for (const PolicySet& policy : spec.policies) policy.check();
  const std::string baseline =
      spec.baseline.empty() ? policy_names.front() : PolicySet::parse(spec.baseline, "baseline").to_string();
  if (std::find(policy_names.begin(), policy_names.end(), baseline) == policy_names.end()) {
    throw InputError(
        fmt::format("baseline \"{}\" is not among the policies{}", baseline, did_you_mean(baseline, policy_names)));
  }

  make_output_dir(options.out);
  if (options.placements) make_output_dir(options.out / "placements");
  if (options.journals) make_output_dir(options.out / "journals");

  Manifest manifest;
  manifest.berth_version = kVersion;
  manifest.arguments = options.arguments;
  manifest.scenarios = scenario_names;
  manifest.policies = policy_names;
  manifest.seeds = spec.seeds;
  manifest.options = {{"baseline", baseline},
                      {"order_dir", spec.order_dir.string()},
                      {"placements", options.placements ? "true" : "false"},
                      {"journals", options.journals ? "true" : "false"}};
  // Numbers of single Services are kept where they are asked for alone; runs without them are of another study.
  std::vector<std::string> of_services;
  for (const std::string& metric : spec.table_metrics) {
    if (metric.find(':') != std::string::npos && std::ranges::find(of_services, metric) == of_services.end()) {
      of_services.push_back(metric);
    }
  }
  if (!of_services.empty())
    manifest.options.emplace_back("service metrics", fmt::format("{}", fmt::join(of_services, ",")));
  std::vector<std::string> hashed;
  for (const auto& scenario : spec.scenarios) {
    for (const std::string& input : scenario->inputs) {
      if (std::find(hashed.begin(), hashed.end(), input) != hashed.end()) continue;
      hashed.push_back(input);
      manifest.inputs.push_back(describe_input(input));
    }
    manifest.options.emplace_back(
        "scenario " + scenario->name,
        fmt::format("protocol={} load={} schedulingPeriod={} decisionBase={} decisionPerNode={} horizon={} nodes={}",
                    scenario->protocol == Protocol::kFill ? "fill" : "replay", scenario->load,
                    to_string(scenario->scheduling_period), to_string(scenario->decision_base),
                    to_string(scenario->decision_per_node),
                    scenario->horizon == kForever ? "forever" : to_string(scenario->horizon), scenario->nodes.size()));
    for (const std::uint64_t seed : spec.seeds) {
      const std::filesystem::path order = order_file(spec.order_dir, *scenario, seed);
      if (!order.empty()) manifest.inputs.push_back(describe_input(order));
    }
  }
  // What decides the results, without how they were asked for: the number of threads and the command line may change.
  Manifest identity = manifest;
  identity.arguments.clear();
  StudyStore store = StudyStore::open(options.out / "study.sqlite", manifest_json(identity),
                                      options.resume ? StudyStore::Mode::kResume : StudyStore::Mode::kNew);

  StudyReport report;
  const Grid grid{spec.policies.size(), spec.seeds.size()};
  report.runs = spec.scenarios.size() * grid.policies * grid.seeds;
  const std::set<std::size_t> finished = store.finished();
  report.resumed = finished.size();
  std::vector<std::size_t> open;
  for (std::size_t i = 0; i < report.runs; ++i) {
    if (finished.count(i) == 0) open.push_back(i);
  }

  std::vector<std::unique_ptr<ScenarioInputs>> inputs;
  std::vector<Time> windows;
  for (const auto& scenario : spec.scenarios) {
    inputs.push_back(std::make_unique<ScenarioInputs>(*scenario, spec.order_dir));
    windows.push_back(window_of(*inputs.back(), spec.seeds.front()));
    for (const std::string& note : scenario->notes) report.notes.push_back(scenario->name + ": " + note);
    if (spec.seeds.size() > 1 && scenario->protocol == Protocol::kReplay && !scenario->manifests &&
        !scenario->workload->varies_with_seed()) {
      report.notes.push_back(scenario->name +
                             ": the pods are the same under every seed: ± covers only what policies draw themselves, "
                             "and says nothing of other days");
    }
  }

  std::mutex mutex;  // Guards progress and the sum of events.
  std::size_t done = finished.size();
  if (options.progress) options.progress(done, report.runs);
  tbb::task_arena arena(options.jobs == 0 ? tbb::task_arena::automatic : static_cast<int>(options.jobs));
  arena.execute([&] {
    tbb::parallel_for(
        tbb::blocked_range<std::size_t>(0, open.size(), 1),
        [&](const tbb::blocked_range<std::size_t>& range) {
          for (std::size_t k = range.begin(); k != range.end(); ++k) {
            const std::size_t i = open[k];
            const std::size_t s = grid.scenario(i);
            const PolicySet& policy = spec.policies[grid.policy(i)];
            const std::uint64_t seed = spec.seeds[grid.seed(i)];
            const std::string name = file_name({scenario_names[s], policy.to_string(), seed});
            RunFiles files;
            if (options.placements && spec.scenarios[s]->protocol == Protocol::kFill)
              files.placements = options.out / "placements" / (name + ".csv");
            if (options.journals) files.journal = options.out / "journals" / (name + ".jsonl.zst");
            RunOutcome outcome = run_once(*inputs[s], policy, seed, windows[s], files);
            for (const std::string& asked : of_services) {
              const std::optional<double> value = service_metric(outcome.services, asked);
              if (value) outcome.result.metrics.push_back({asked, *value});
            }
            store.put(i, outcome.result);
            const std::lock_guard lock(mutex);
            report.events += outcome.events;
            if (options.progress) options.progress(++done, report.runs);
          }
        },
        tbb::simple_partitioner());
  });

  for (std::size_t s = 0; s < spec.scenarios.size(); ++s) {
    if (spec.scenarios[s]->protocol != Protocol::kFill || spec.order_dir.empty()) continue;
    std::string drawn;
    for (const std::uint64_t seed : spec.seeds) {
      if (order_file(spec.order_dir, *spec.scenarios[s], seed).empty())
        drawn += (drawn.empty() ? "" : ", ") + std::to_string(seed);
    }
    if (!drawn.empty())
      report.notes.push_back(
          fmt::format("{}: no order file for seed {}; drawn from Berth's own streams", scenario_names[s], drawn));
  }

  const std::vector<RunResult> runs = store.load();
  const Summary summary = summarize(runs, baseline);
  const std::vector<std::string> shown = spec.table_metrics.empty() ? default_metrics(runs) : spec.table_metrics;
  report.table = summary_table(summary, shown);
  write_file_atomically(options.out / "summary.csv", summary_csv(summary));
  write_file_atomically(options.out / "summary.json", summary_json(summary));
  write_file_atomically(options.out / "manifest.json", manifest_json(manifest));
  const bool fill = std::all_of(spec.scenarios.begin(), spec.scenarios.end(),
                                [](const auto& s) { return s->protocol == Protocol::kFill; });
  if (fill) {
    write_fill_series_csv(options.out / "series.csv", runs);
  } else {
    write_series_csv(options.out / "series.csv", runs);
  }
  std::vector<Picture> pictures = curve_pictures(runs);
  if (policy_names.size() > 1) {
    for (Picture& picture : forest_pictures(summary, shown)) pictures.push_back(std::move(picture));
  }
  make_output_dir(options.out / "pictures");
  for (const Picture& picture : pictures)
    write_file_atomically(options.out / "pictures" / picture.file_name, picture.svg);
  const std::string title = "Berth: " + fmt::format("{}", fmt::join(scenario_names, ", "));
  write_file_atomically(options.out / "index.html", report_page(title, report.table, report.notes, pictures));
  return report;
}

}  // namespace berth
