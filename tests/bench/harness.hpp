// What the benchmark programs share: google-benchmark as the stopwatch, rivals measured in turn, and tables of ratios
// at the end. Times are CPU seconds of the measured thread (user + system), the best of the turns: on a shared machine
// everything else is the neighbours' doing, and only ratios taken in one run mean anything.
#pragma once

#include <benchmark/benchmark.h>

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

namespace berth::bench {

// True if BERTH_BENCH_SMALL is set: sizes only large enough to see that a benchmark works.
bool small();
inline std::uint64_t sized(std::uint64_t full, std::uint64_t tiny) {
  return small() ? tiny : full;
}

// How often each rival is measured: BERTH_BENCH_TURNS, else 3; 1 if small().
int turns();

// One measurement: does the work once within `for (auto _ : state)`. Counters: "items" (what is counted per second) and
// whatever else the tables want.
using Body = std::function<void(benchmark::State&)>;
struct Rival {
  std::string name;  // "hold/1000/berth"
  Body body;
};
enum class Clock { kCpu, kWall };
// Registers the rivals A B C A B C …, turns() times, one iteration each. kWall measures elapsed time, for work on
// several threads.
void in_turn(const std::vector<Rival>& rivals, Clock clock = Clock::kCpu);

// All measurements of one program by name.
class Results {
 public:
  void add(const std::string& name, double seconds, std::map<std::string, double> counters);
  bool has(const std::string& name) const { return runs_.contains(name); }
  double seconds(const std::string& name) const;  // The best turn. The name must be known (BERTH_CHECK).
  // Items per second of the best turn.
  double rate(const std::string& name) const { return counter(name, "items") / seconds(name); }
  // rate(a) / rate(b), each the best of its turns.
  double ratio(const std::string& a, const std::string& b) const { return rate(a) / rate(b); }
  // Lowest and highest ratio within a single turn: what the noise of this run was.
  std::pair<double, double> ratio_range(const std::string& a, const std::string& b) const;
  double counter(const std::string& name, const std::string& counter) const;

 private:
  struct Runs {
    std::vector<double> seconds;
    std::map<std::string, double> counters;  // Of the last turn; they do not vary.
  };
  const Runs& runs(const std::string& name) const;
  std::map<std::string, Runs> runs_;
};

// Each program defines these two; main() is in harness.cpp. print_tables() sees what the filter let run.
void register_benchmarks();
void print_tables(const Results& results);

}  // namespace berth::bench
