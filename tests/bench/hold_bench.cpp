// The hold model: N events are pending, first times Exp(1); executing one schedules one at now + Exp(1). What a
// pending-event set costs and nothing else. All rivals draw from the same stream by -log(u) and keep ties in order of
// insertion, so they must end at the same nanosecond; that is checked, and so is that the clock is M/N.
// Source of the model: Jones, "An empirical comparison of priority-queue and event-set implementations", CACM 29, 1986.
#include <fmt/format.h>

#include <cmath>

#include "sim/engine/engine.hpp"
#include "tests/bench/baselines.hpp"
#include "tests/bench/harness.hpp"
#include "tests/support/queue_models.hpp"

namespace berth::bench {

// Not in the unnamed namespace: there g++ 12 sees that no EventStream of it exists, and warns of the call to one.
struct Held {
  std::uint32_t id = 0;
};

namespace {

using test::exponential_duration;

constexpr std::uint64_t kSeed = 1;
constexpr double kMeanNs = 1e9;

std::uint64_t events() {
  return sized(10'000'000, 20'000);
}
Rng hold_rng() {
  return {kSeed, 0, 0, Purpose::kTest};
}

// The clock of a superposition of N Poisson processes after M events: Gamma(M, 1/N), so M/N with sd sqrt(M)/N. Four of
// them, 6 · 10^-5. And the rivals of one N must agree exactly.
void check(benchmark::State& state, std::uint64_t n, std::int64_t clock_ns) {
  static std::map<std::uint64_t, std::int64_t> first_clock;
  const double m = static_cast<double>(events());
  const double expected = m / static_cast<double>(n);
  const double clock = static_cast<double>(clock_ns) * 1e-9;
  if (std::abs(clock - expected) > 4 * std::sqrt(m) / static_cast<double>(n))
    state.SkipWithError("the clock is not M/N");
  if (first_clock.emplace(n, clock_ns).first->second != clock_ns) state.SkipWithError("rivals end at different times");
  state.counters["items"] = m;
  state.counters["clock_seconds"] = clock;
}

void berth(benchmark::State& state, std::uint64_t n) {
  for (auto _ : state) {
    state.PauseTiming();
    Rng rng = hold_rng();
    Engine<Held> engine;
    for (std::uint32_t i = 0; i < n; ++i) engine.schedule(Time{} + exponential_duration(rng, kMeanNs), 0, {i});
    const std::uint64_t m = events();
    state.ResumeTiming();
    Held held{};
    for (std::uint64_t i = 0; i < m; ++i) {
      engine.next(kNever, held);
      engine.schedule(engine.now() + exponential_duration(rng, kMeanNs), 0, held);
    }
    state.PauseTiming();
    check(state, n, engine.now().ns);
    state.ResumeTiming();
  }
}

template <bool kReplaceTop>
void heap(benchmark::State& state, std::uint64_t n) {
  for (auto _ : state) {
    state.PauseTiming();
    Rng rng = hold_rng();
    FourAryHeap pending;
    for (std::uint32_t i = 0; i < n; ++i) pending.push(exponential_duration(rng, kMeanNs).ns, i);
    const std::uint64_t m = events();
    std::int64_t now = 0;
    state.ResumeTiming();
    for (std::uint64_t i = 0; i < m; ++i) {
      if constexpr (kReplaceTop) {
        const PlainEvent event = pending.top();
        now = event.at;
        pending.replace_top(now + exponential_duration(rng, kMeanNs).ns, event.what);
      } else {
        const PlainEvent event = pending.pop();
        now = event.at;
        pending.push(now + exponential_duration(rng, kMeanNs).ns, event.what);
      }
    }
    state.PauseTiming();
    check(state, n, now);
    state.ResumeTiming();
  }
}

struct CallbackHold {
  CallbackQueue queue;
  Rng rng = hold_rng();
  void arm(std::uint32_t id) {
    queue.schedule(queue.now() + exponential_duration(rng, kMeanNs).ns, [this, id] { arm(id); });
  }
};

void callbacks(benchmark::State& state, std::uint64_t n) {
  for (auto _ : state) {
    state.PauseTiming();
    CallbackHold hold;
    for (std::uint32_t i = 0; i < n; ++i) hold.arm(i);
    const std::uint64_t m = events();
    state.ResumeTiming();
    for (std::uint64_t i = 0; i < m; ++i) hold.queue.step();
    state.PauseTiming();
    check(state, n, hold.queue.now());
    state.ResumeTiming();
  }
}

const std::vector<std::uint64_t>& populations() {
  static const std::vector<std::uint64_t> kFull{1'000, 100'000, 1'000'000};
  static const std::vector<std::uint64_t> kTiny{10, 1'000};
  return small() ? kTiny : kFull;
}

// Published rates on another machine, million events per CPU second at N = 10^3, 10^5, 10^6; the first is the 4-ary
// heap.
struct Peer {
  const char* name;
  double rate[3];
};
constexpr Peer kPeers[] = {
    {"4-ary heap", {15.6, 9.3, 7.1}},        {"simcore (DSLab)", {12.4, 5.9, 1.6}},
    {"ns-3 PriorityQueue", {6.4, 5.2, 2.6}}, {"ns-3 Map", {5.3, 3.2, 0.74}},
    {"SimGrid timers", {4.0, 2.0, 0.73}},    {"SimGrid actors", {1.4, 0.29, 0.17}},
    {"CloudSim Plus", {2.5, 0.69, 0.28}},    {"SimPy processes", {1.05, 0.28, 0.14}},
};

}  // namespace

void register_benchmarks() {
  for (const std::uint64_t n : populations()) {
    const auto name = [n](const char* rival) { return fmt::format("hold/{}/{}", n, rival); };
    in_turn({{name("berth"), [n](benchmark::State& s) { berth(s, n); }},
             {name("heap"), [n](benchmark::State& s) { heap<false>(s, n); }},
             {name("heap-replace-top"), [n](benchmark::State& s) { heap<true>(s, n); }},
             {name("callbacks"), [n](benchmark::State& s) { callbacks(s, n); }}});
  }
}

void print_tables(const Results& results) {
  fmt::print("Hold model, million events per CPU second, best of {} (ratios: best over best, range within a turn)\n",
             turns());
  fmt::print("{:>9} {:>8} {:>8} {:>12} {:>10} {:>11} {:>15} {:>15}\n", "N", "berth", "heap", "replace-top", "callbacks",
             "berth/heap", "range", "berth/callbacks");
  std::vector<double> ratio;
  for (const std::uint64_t n : populations()) {
    const auto name = [n](const char* rival) { return fmt::format("hold/{}/{}", n, rival); };
    if (!results.has(name("berth")) || !results.has(name("callbacks"))) continue;
    const auto [low, high] = results.ratio_range(name("berth"), name("heap"));
    ratio.push_back(results.ratio(name("berth"), name("heap")));
    fmt::print("{:>9} {:>8.2f} {:>8.2f} {:>12.2f} {:>10.2f} {:>11.2f} {:>15} {:>15.2f}\n", n,
               results.rate(name("berth")) / 1e6, results.rate(name("heap")) / 1e6,
               results.rate(name("heap-replace-top")) / 1e6, results.rate(name("callbacks")) / 1e6, ratio.back(),
               fmt::format("{:.2f}-{:.2f}", low, high), results.ratio(name("berth"), name("callbacks")));
  }
  if (small() || ratio.size() != 3) return;
  fmt::print(
      "\nDerived, Berth over each peer = (berth/heap here) x (heap there / peer there), peers' figures from another "
      "machine\n");
  for (const Peer& peer : kPeers) {
    fmt::print("{:<20}", peer.name);
    for (std::size_t i = 0; i < 3; ++i) {
      const double there = kPeers[0].rate[i] / peer.rate[i];
      fmt::print("  {:.2f} x ({:g}/{:g}) = {:<6.1f}", ratio[i], kPeers[0].rate[i], peer.rate[i], ratio[i] * there);
    }
    fmt::print("\n");
  }
}

}  // namespace berth::bench
