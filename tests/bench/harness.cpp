#include "tests/bench/harness.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <utility>

#include "sim/engine/error.hpp"

namespace berth::bench {

bool small() {
  return std::getenv("BERTH_BENCH_SMALL") != nullptr;
}

int turns() {
  if (small()) return 1;
  const char* set = std::getenv("BERTH_BENCH_TURNS");
  return set == nullptr ? 3 : std::max(1, std::atoi(set));
}

void in_turn(const std::vector<Rival>& rivals, Clock clock) {
  for (int turn = 0; turn < turns(); ++turn) {
    for (const Rival& rival : rivals) {
      auto* entry = benchmark::RegisterBenchmark(rival.name.c_str(),
                                                 [body = rival.body](benchmark::State& state) { body(state); });
      entry->Iterations(1)->Unit(benchmark::kMillisecond);
      if (clock == Clock::kWall) entry->UseRealTime();
    }
  }
}

void Results::add(const std::string& name, double seconds, std::map<std::string, double> counters) {
  Runs& runs = runs_[name];
  runs.seconds.push_back(seconds);
  runs.counters = std::move(counters);
}

const Results::Runs& Results::runs(const std::string& name) const {
  const auto found = runs_.find(name);
  BERTH_CHECK(found != runs_.end());
  return found->second;
}

double Results::seconds(const std::string& name) const {
  const Runs& r = runs(name);
  return *std::min_element(r.seconds.begin(), r.seconds.end());
}

std::pair<double, double> Results::ratio_range(const std::string& a, const std::string& b) const {
  const Runs& x = runs(a);
  const Runs& y = runs(b);
  const double items = counter(a, "items") / counter(b, "items");
  double low = 0;
  double high = 0;
  for (std::size_t i = 0; i < std::min(x.seconds.size(), y.seconds.size()); ++i) {
    const double ratio = items * y.seconds[i] / x.seconds[i];
    low = i == 0 ? ratio : std::min(low, ratio);
    high = std::max(high, ratio);
  }
  return {low, high};
}

double Results::counter(const std::string& name, const std::string& counter) const {
  const Runs& r = runs(name);
  const auto found = r.counters.find(counter);
  BERTH_CHECK(found != r.counters.end());
  return found->second;
}

namespace {

class Collector final : public benchmark::ConsoleReporter {
 public:
  Collector() : ConsoleReporter(OO_Tabular) {}
  void ReportRuns(const std::vector<Run>& reports) override {
    ConsoleReporter::ReportRuns(reports);
    for (const Run& run : reports) {
      if (run.error_occurred) {
        failed_ = true;
        continue;
      }
      std::map<std::string, double> counters;
      for (const auto& [name, counter] : run.counters) counters[name] = counter.value;
      const bool wall = run.run_name.time_type == "real_time";
      results_.add(run.run_name.function_name, wall ? run.real_accumulated_time : run.cpu_accumulated_time,
                   std::move(counters));
    }
  }
  const Results& results() const { return results_; }
  bool failed() const { return failed_; }

 private:
  Results results_;
  bool failed_ = false;
};

}  // namespace
}  // namespace berth::bench

int main(int argc, char** argv) {
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 2;
  berth::bench::register_benchmarks();
  berth::bench::Collector collector;
  benchmark::RunSpecifiedBenchmarks(&collector);
  if (collector.failed()) {
    fmt::print(stderr, "a check inside a benchmark failed: see ERROR above\n");
    return 1;
  }
  fmt::print("\n");
  berth::bench::print_tables(collector.results());
  return 0;
}
