// Queues with known answers, played through the engine's public interface: customers arrive as a sorted stream, one of
// `servers` equal servers takes them first come, first served, departures are scheduled. With them the closed forms,
// and the exact recursion that the engine must reproduce to the nanosecond.
#pragma once

#include <algorithm>
#include <cstdint>
#include <span>
#include <vector>

#include "sim/engine/distribution.hpp"
#include "sim/engine/engine.hpp"
#include "sim/engine/error.hpp"
#include "sim/engine/rng.hpp"
#include "sim/engine/time.hpp"

namespace berth::test {

// An exponential variate as a whole number of nanoseconds, rounded to nearest; mean in nanoseconds. One u64.
inline Duration exponential_duration(Rng& rng, double mean_ns) {
  return {static_cast<std::int64_t>(exponential(rng, mean_ns) + 0.5)};
}
inline Duration rounded_seconds(double s) {
  return {static_cast<std::int64_t>(s * 1e9 + 0.5)};
}

struct QueueEvent {
  enum Kind : std::uint32_t { kArrived, kDeparted } kind = kArrived;
};

// `customers` arrivals, the first one gap() after time 0. gap: () -> Duration >= 0.
template <class Gap>
class CustomerStream final : public EventStream<QueueEvent> {
 public:
  CustomerStream(std::uint64_t customers, Gap gap) : left_(customers), gap_(gap) {}
  std::size_t fill(std::span<Item> out) override {
    const auto n = static_cast<std::size_t>(std::min<std::uint64_t>(out.size(), left_));
    for (std::size_t i = 0; i < n; ++i) {
      at_ = at_ + gap_();
      out[i] = {at_, {QueueEvent::kArrived}};
    }
    left_ -= n;
    return n;
  }

 private:
  std::uint64_t left_;
  Time at_{};
  Gap gap_;
};

// What is there at time 0: customers in service with what is left of it (at most as many as servers), and how many
// wait.
struct QueueStart {
  std::vector<Duration> in_service;
  std::uint64_t waiting = 0;
};

// Plays `customers` arrivals to the last departure and returns the time of it. gap, service: () -> Duration, each drawn
// in order of arrival and of service start. waited: (Duration), called for every customer of the stream in order of
// service start, not for those of `start`. O(customers · log servers).
template <class Gap, class Service, class Waited>
Time run_queue(std::uint32_t servers, std::uint64_t customers, Gap gap, Service service, Waited waited,
               const QueueStart& start = {}) {
  BERTH_CHECK(servers > 0 && start.in_service.size() <= servers);
  Engine<QueueEvent> engine;
  CustomerStream<Gap> arrivals(customers, gap);
  engine.add_stream(&arrivals, 1);  // At equal times departures (phase 0) come first.
  for (const Duration rest : start.in_service) engine.schedule(Time{} + rest, 0, {QueueEvent::kDeparted});

  std::vector<Time> line(64);  // A ring of arrival times; indexes grow and are masked.
  std::uint64_t head = 0;
  std::uint64_t tail = 0;
  const auto enter = [&](Time at) {
    if (tail - head == line.size()) {
      std::vector<Time> larger(2 * line.size());
      for (std::uint64_t i = head; i < tail; ++i) larger[i & (larger.size() - 1)] = line[i & (line.size() - 1)];
      line.swap(larger);
    }
    line[tail++ & (line.size() - 1)] = at;
  };
  for (std::uint64_t i = 0; i < start.waiting; ++i) enter(Time{});

  auto busy = static_cast<std::uint32_t>(start.in_service.size());
  std::uint64_t uncounted = start.waiting;
  for (QueueEvent event; engine.next(kNever, event);) {
    const Time now = engine.now();
    if (event.kind == QueueEvent::kArrived) {
      if (busy == servers) {
        enter(now);
      } else {
        ++busy;
        waited(Duration{});
        engine.schedule(now + service(), 0, {QueueEvent::kDeparted});
      }
    } else if (head == tail) {
      --busy;
    } else {
      const Time since = line[head++ & (line.size() - 1)];
      if (uncounted == 0) {
        waited(now - since);
      } else {
        --uncounted;
      }
      engine.schedule(now + service(), 0, {QueueEvent::kDeparted});
    }
  }
  BERTH_CHECK(busy == 0 && head == tail);
  return engine.now();
}

// P(wait > 0) in M/M/c with `load` = arrival rate · mean service < servers erlangs.
// Source: Erlang, "Solution of some problems in the theory of probabilities of significance in automatic telephone
// exchanges", 1917; the blocking probability B by its recursion, then C = B / (1 - rho (1 - B)).
inline double erlang_c(std::uint32_t servers, double load) {
  double blocking = 1;
  for (std::uint32_t c = 1; c <= servers; ++c) blocking = load * blocking / (c + load * blocking);
  const double rho = load / servers;
  return blocking / (1 - rho * (1 - blocking));
}

// Mean wait in M/M/c in the unit of 1 / rate; without the service itself.
inline double mean_wait_mmc(std::uint32_t servers, double arrival_rate, double service_rate) {
  return erlang_c(servers, arrival_rate / service_rate) / (servers * service_rate - arrival_rate);
}

// Mean wait in M/G/1: rate · E[S^2] / (2 (1 - rho)).
// Source: Pollaczek 1930, Khinchine 1932.
inline double mean_wait_mg1(double arrival_rate, double mean_service, double service_variance) {
  return arrival_rate * (service_variance + mean_service * mean_service) / (2 * (1 - arrival_rate * mean_service));
}

// The wait of each customer by Kiefer and Wolfowitz's recursion over the servers' workloads, in integers: what an
// event-driven queue must give, exactly. Starts empty. gaps[i] is before arrival i. O(customers · servers).
// Source: Kiefer, Wolfowitz, "On the theory of queues with many servers", Trans. AMS 78, 1955 (one server: Lindley
// 1952).
inline std::vector<std::int64_t> exact_waits(std::uint32_t servers, std::span<const std::int64_t> gaps,
                                             std::span<const std::int64_t> services) {
  std::vector<std::int64_t> work(servers, 0);  // Ascending: what each server still has to do.
  std::vector<std::int64_t> waits;
  for (std::size_t i = 0; i < gaps.size(); ++i) {
    for (std::int64_t& w : work) w = std::max<std::int64_t>(0, w - gaps[i]);
    waits.push_back(work[0]);
    work[0] += services[i];
    std::sort(work.begin(), work.end());
  }
  return waits;
}

}  // namespace berth::test
