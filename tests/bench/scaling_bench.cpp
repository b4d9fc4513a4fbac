// A study on one thread and on two: the same grid of runs through run_study, everything included (inputs, runs, store,
// tables, pictures). Elapsed time, so only an idle machine gives a meaningful figure. The results must not differ.
#include <fmt/format.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <thread>

#include "sim/study.hpp"
#include "tests/bench/harness.hpp"
#include "tests/bench/replay_case.hpp"

namespace berth::bench {
namespace {

constexpr std::uint64_t kSeeds = 8;

std::shared_ptr<const Scenario> scenario() {
  auto made = std::make_shared<Scenario>();
  made->name = "replay";
  const std::shared_ptr<const MemoryWorkload> workload = replay_workload(sized(50'000, 500), false);
  made->nodes = replay_nodes(sized(1'000, 50), false, *workload);
  made->workload = workload;
  made->scheduling_period = kReplayPeriod;
  return made;
}

std::string summary(const std::filesystem::path& out) {
  std::ifstream in(out / "summary.csv", std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

void study(benchmark::State& state, unsigned jobs) {
  static std::string first_summary;
  StudySpec spec;
  spec.scenarios = {scenario()};
  spec.policies = {PolicySet::parse("least-allocated", "policy"), PolicySet::parse("random", "policy")};
  for (std::uint64_t seed = 1; seed <= kSeeds; ++seed) spec.seeds.push_back(seed);
  StudyOptions options;
  options.jobs = jobs;
  options.out = std::filesystem::temp_directory_path() / fmt::format("berth-bench-{}-{}", getpid(), jobs);
  StudyReport report;
  for (auto _ : state) report = run_study(spec, options);
  const std::string text = summary(options.out);
  std::filesystem::remove_all(options.out);
  if (first_summary.empty()) first_summary = text;
  if (text.empty() || text != first_summary) state.SkipWithError("summary.csv depends on the number of threads");
  state.counters["items"] = static_cast<double>(report.runs);
  state.counters["events"] = static_cast<double>(report.events);
}

}  // namespace

void register_benchmarks() {
  in_turn({{"study/jobs-1", [](benchmark::State& s) { study(s, 1); }},
           {"study/jobs-2", [](benchmark::State& s) { study(s, 2); }}},
          Clock::kWall);
}

void print_tables(const Results& results) {
  if (!results.has("study/jobs-1") || !results.has("study/jobs-2")) return;
  const auto [low, high] = results.ratio_range("study/jobs-2", "study/jobs-1");
  fmt::print(
      "Study of {:.0f} runs, elapsed seconds, best of {} ({} hardware threads): 1 job {:.3f}, 2 jobs {:.3f}, speedup "
      "{:.2f} "
      "(within a turn {:.2f}-{:.2f})\n",
      results.counter("study/jobs-1", "items"), turns(), std::thread::hardware_concurrency(),
      results.seconds("study/jobs-1"), results.seconds("study/jobs-2"), results.ratio("study/jobs-2", "study/jobs-1"),
      low, high);
}

}  // namespace berth::bench
