// Queues whose answer is known: M/M/10 at 9 erlangs and M/M/1 at rho 0.9, 10^6 customers from an empty start to the
// last departure. Berth plays them as a user would: arrivals are a stream of their own, departures are scheduled. The
// plain heap draws the same numbers, so the sums of waits must agree to the nanosecond.
#include <fmt/format.h>

#include <array>
#include <cmath>
#include <deque>

#include "tests/bench/baselines.hpp"
#include "tests/bench/harness.hpp"
#include "tests/support/queue_models.hpp"

namespace berth::bench {
namespace {

constexpr std::uint64_t kSeed = 1;

struct Queue {
  const char* name;
  std::uint32_t servers;
  double rate;       // Customers per second; services have mean 1 s.
  double tolerance;  // Of the mean wait of 10^6 customers.
};
// M/M/10: within 0.03 as published. M/M/1: the asymptotic variance of the mean of M waits is
// (2 + 5 rho - 4 rho^2 + rho^3) rho / (1 - rho)^4 / M (Whitt, "Planning queueing simulations", 1989): 0.19 at 0.9; 4
// sd.
constexpr Queue kMm10{"mm10", 10, 9, 0.03};
constexpr Queue kMm1{"mm1", 1, 0.9, 0.76};

std::uint64_t customers() {
  return sized(1'000'000, 2'000);
}
double truth(const Queue& q) {
  return test::mean_wait_mmc(q.servers, q.rate, 1);
}

// Exponential variates by ziggurat, 64 drawn ahead, so that they overlap instead of each waiting for a mispredicted
// branch before it. Both rivals draw through it.
class Draws {
 public:
  Draws(Purpose purpose, double mean_ns) : rng_(kSeed, 0, 0, purpose), mean_ns_(mean_ns) {}
  Duration operator()() {
    if (next_ == kAhead) {
      for (Duration& d : ahead_) d = {static_cast<std::int64_t>(exponential_ziggurat(rng_, mean_ns_) + 0.5)};
      next_ = 0;
    }
    return ahead_[next_++];
  }

 private:
  static constexpr std::size_t kAhead = 64;
  Rng rng_;
  double mean_ns_;
  std::array<Duration, kAhead> ahead_{};
  std::size_t next_ = kAhead;
};

void check(benchmark::State& state, const Queue& q, std::int64_t total_ns, std::uint64_t seen) {
  static std::map<std::string, std::int64_t> first_total;
  const double mean = static_cast<double>(total_ns) * 1e-9 / static_cast<double>(seen);
  if (seen != customers()) state.SkipWithError("customers were lost");
  if (!small() && std::abs(mean - truth(q)) > q.tolerance) state.SkipWithError("the mean wait is not Erlang's");
  if (first_total.emplace(q.name, total_ns).first->second != total_ns) state.SkipWithError("rivals' waits differ");
  state.counters["items"] = static_cast<double>(seen);
  state.counters["mean_wait"] = mean;
}

void berth(benchmark::State& state, const Queue& q) {
  for (auto _ : state) {
    Draws gaps(Purpose::kArrivals, 1e9 / q.rate);
    Draws services(Purpose::kService, 1e9);
    std::int64_t total = 0;
    std::uint64_t seen = 0;
    test::run_queue(
        q.servers, customers(), [&] { return gaps(); }, [&] { return services(); },
        [&](Duration wait) {
          total += wait.ns;
          ++seen;
        });
    check(state, q, total, seen);
  }
}

void heap(benchmark::State& state, const Queue& q) {
  for (auto _ : state) {
    Draws gaps(Purpose::kArrivals, 1e9 / q.rate);
    Draws services(Purpose::kService, 1e9);
    enum : std::uint32_t { kArrived, kDeparted };
    FourAryHeap pending;
    std::deque<std::int64_t> line;
    std::uint32_t busy = 0;
    std::uint64_t to_come = customers();
    std::int64_t total = 0;
    std::uint64_t seen = 0;
    if (to_come > 0) pending.push(gaps().ns, kArrived);
    while (!pending.empty()) {
      const PlainEvent event = pending.pop();
      const std::int64_t now = event.at;
      if (event.what == kArrived) {
        if (--to_come > 0) pending.push(now + gaps().ns, kArrived);
        if (busy == q.servers) {
          line.push_back(now);
        } else {
          ++busy;
          ++seen;
          pending.push(now + services().ns, kDeparted);
        }
      } else if (line.empty()) {
        --busy;
      } else {
        total += now - line.front();
        line.pop_front();
        ++seen;
        pending.push(now + services().ns, kDeparted);
      }
    }
    check(state, q, total, seen);
  }
}

// Customers per CPU second in M/M/10, published, on another machine; the first is the 4-ary heap.
struct Peer {
  const char* name;
  double millions;
};
constexpr Peer kPeers[] = {{"4-ary heap", 16.8},
                           {"simcore (DSLab)", 5.6},
                           {"ns-3", 3.2},
                           {"CloudSim Plus engine", 1.3},
                           {"SimGrid", 0.32},
                           {"SimPy", 0.155},
                           {"CloudSim Plus Datacenter", 0.026}};
constexpr double kCimbaSeconds = 0.11;  // M/M/1 at rho 0.9, 10^6 customers, its own program on another machine.

}  // namespace

void register_benchmarks() {
  for (const Queue& q : {kMm10, kMm1}) {
    in_turn({{fmt::format("{}/berth", q.name), [q](benchmark::State& s) { berth(s, q); }},
             {fmt::format("{}/heap", q.name), [q](benchmark::State& s) { heap(s, q); }}});
  }
}

void print_tables(const Results& results) {
  fmt::print("Queues, {} customers, best of {}\n", customers(), turns());
  fmt::print("{:<6} {:>14} {:>14} {:>13} {:>13} {:>10} {:>12} {:>10} {:>10}\n", "", "berth CPU s", "heap CPU s",
             "berth M/s", "heap M/s", "ratio", "range", "mean wait", "Erlang");
  for (const Queue& q : {kMm10, kMm1}) {
    const std::string ours = fmt::format("{}/berth", q.name);
    const std::string plain = fmt::format("{}/heap", q.name);
    if (!results.has(ours) || !results.has(plain)) continue;
    const auto [low, high] = results.ratio_range(ours, plain);
    fmt::print("{:<6} {:>14.4f} {:>14.4f} {:>13.2f} {:>13.2f} {:>10.2f} {:>12} {:>10.4f} {:>10.4f}\n", q.name,
               results.seconds(ours), results.seconds(plain), results.rate(ours) / 1e6, results.rate(plain) / 1e6,
               results.ratio(ours, plain), fmt::format("{:.2f}-{:.2f}", low, high), results.counter(ours, "mean_wait"),
               truth(q));
  }
  if (small() || !results.has("mm10/berth") || !results.has("mm10/heap")) return;
  const double ratio = results.ratio("mm10/berth", "mm10/heap");
  fmt::print("\nDerived for M/M/10, Berth over each peer = (berth/heap here) x (heap there / peer there)\n");
  for (const Peer& peer : kPeers) {
    fmt::print("{:<26} {:.2f} x ({:g}/{:g}) = {:.1f}\n", peer.name, ratio, kPeers[0].millions, peer.millions,
               ratio * kPeers[0].millions / peer.millions);
  }
  if (!results.has("mm1/berth")) return;
  const double seconds = results.seconds("mm1/berth");
  const double machine = results.rate("mm10/heap") / 1e6 / kPeers[0].millions;  // > 1: this machine is faster.
  fmt::print(
      "\nM/M/1: {:.4f} CPU s here; Cimba {:g} CPU s there: {:g}/{:.4f} = {:.2f}; "
      "scaled by the heap's speed here over there ({:.2f}): {:.2f}\n",
      seconds, kCimbaSeconds, kCimbaSeconds, seconds, kCimbaSeconds / seconds, machine,
      kCimbaSeconds / seconds / machine);
}

}  // namespace berth::bench
