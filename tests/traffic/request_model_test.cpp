// Requests one by one: timelines by hand, what is lost and why, and that nothing is lost in the books.
#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <vector>

#include "tests/traffic/traffic_world.hpp"

namespace berth::test {
namespace {

constexpr std::size_t kRefused = static_cast<std::size_t>(RequestFailure::kRefused);
constexpr std::size_t kReset = static_cast<std::size_t>(RequestFailure::kReset);
constexpr std::size_t kNoEndpoints = static_cast<std::size_t>(RequestFailure::kNoEndpoints);
constexpr std::size_t kDependency = static_cast<std::size_t>(RequestFailure::kDependency);
constexpr std::size_t kDropped = static_cast<std::size_t>(RequestFailure::kDropped);
constexpr std::size_t kOverflow = static_cast<std::size_t>(RequestFailure::kOverflow);

CallSpec to(ServiceId s) {
  CallSpec call;
  call.service = s;
  return call;
}

// ---- a pod goes ----------------------------------------------------------------------------------------------------

// One request each millisecond, at half past; two pods in turn; a change is in the rules 80 ms after it (slice 20,
// watch 10, sync 50).
struct Drain : Shop {
  explicit Drain(CallSpec call = to(service(0))) {
    ProxyParams params;
    params.mode = ProxyMode::kIpvsRoundRobin;
    params.watch_delay_min = params.watch_delay_max = milliseconds(10);
    RequestModel& requests = this->requests(params);
    serve("web", "100us");
    std::vector<Time> times;
    for (std::int64_t us = 1'000'500; us < 9'000'000; us += 1'000) times.push_back(Time{} + microseconds(us));
    source = arrive(call, {node(0)}, std::move(times));
    start(2);
    pod(0, service(0), 0);
    pod(1, service(0), 1);
    traffic = &requests;
  }
  // deletionTimestamp at 2 s; the process ends `prestop` later.
  TrafficCounts end_of_pod_0(Duration prestop) {
    play(at_ms(2'000));
    model->pod_terminating(0);
    play(at_ms(2'000) + prestop);
    model->pod_stopped(0);
    play(at_ms(10'000));
    EXPECT_EQ(traffic->verify(), "");
    return model->counts(source);
  }
  SourceId source{};
  RequestModel* traffic = nullptr;
};

// Every second one of the 80 requests at 2000.5 … 2079.5 ms still goes to pod 0, and is lost.
TEST(PodGoes, WithoutPreStopRequestsAreLost) {
  const TrafficCounts c = Drain().end_of_pod_0({});
  EXPECT_EQ(c.failed[kRefused], 40U);
  EXPECT_EQ(c.served, c.issued - 40);
}
// A preStop of 50 ms: the 30 requests at 2050.5 … 2079.5, half of them.
TEST(PodGoes, WithAShortOneSomeAre) {
  EXPECT_EQ(Drain().end_of_pod_0(milliseconds(50)).failed[kRefused], 15U);
}
TEST(PodGoes, WithALongOneNoneIs) {
  const TrafficCounts c = Drain().end_of_pod_0(seconds(5));
  EXPECT_EQ(c.served, c.issued);
}
// A refused attempt goes out again at once, to the next in turn, pod 1. From then on first attempts meet pod 0 each
// time (it, retry to 1, it …): all 80 are refused once, and served.
TEST(PodGoes, ARetryHelps) {
  CallSpec call = to(service(0));
  call.retries = 1;
  Drain drain(call);
  const TrafficCounts c = drain.end_of_pod_0({});
  EXPECT_EQ(c.served, c.issued);
  EXPECT_GE(c.retries, 79U);
  EXPECT_LE(c.retries, 80U);
  EXPECT_EQ(drain.model->counts(service(0)).failed[kRefused], c.retries);
}
// Established connections keep their endpoint: with keep-alive (one request at a time: one connection), the pod that
// has it gets all requests for 5 s after it left the rules; a client that connects each time leaves after 80 ms.
TEST(PodGoes, ConnectionsStay) {
  for (const std::uint32_t per_connection : {1U, 1'000'000U}) {
    CallSpec call = to(service(0));
    call.requests_per_connection = per_connection;
    Drain drain(call);
    drain.play(at_ms(2'000));
    drain.model->pod_terminating(0);
    drain.model->pod_terminating(1);
    drain.pod(2, service(0), 1);
    drain.play(at_ms(2'100));
    const std::uint64_t before = drain.model->usage(0).requests + drain.model->usage(1).requests;
    drain.play(at_ms(5'100));
    const std::uint64_t after = drain.model->usage(0).requests + drain.model->usage(1).requests;
    EXPECT_EQ(after - before, per_connection == 1 ? 0U : 3'000U);
  }
}
// The last pod drains: it serves on, as the fallback, until its process ends; then there is nobody.
TEST(PodGoes, TheLastOneServesOn) {
  Drain drain;
  drain.play(at_ms(2'000));
  drain.model->pod_terminating(1);
  drain.play(at_ms(3'000));
  drain.model->pod_terminating(0);
  drain.play(at_ms(4'000));
  TrafficCounts c = drain.model->counts(drain.source);
  EXPECT_EQ(c.all_failed(), 0U);
  drain.model->pod_stopped(0);
  drain.model->pod_stopped(1);
  drain.model->pod_removed(0);
  drain.model->pod_removed(1);
  drain.play(at_ms(5'000));
  c = drain.model->counts(drain.source);
  // The change at 3000 had to wait for 2080 + 1000: its sync ended at 3130, so the one for 4000 begins at 4130 and ends
  // at 4180. Until then refused, then rejected by the node itself.
  EXPECT_EQ(c.failed[kRefused], 180U);
  EXPECT_EQ(c.failed[kNoEndpoints], 820U);
}
// A request in work when the process ends is reset.
TEST(PodGoes, InWorkIsReset) {
  Shop shop;
  RequestModel& model = shop.requests(instant());
  const ServiceId s = shop.serve("slow", "1");
  const SourceId source = shop.arrive(to(s), {node(0)}, {at_ms(100), at_ms(200)});
  shop.start(1);
  shop.pod(0, s, 0, 2000);
  shop.play(at_ms(500));
  EXPECT_EQ(model.counts(s).in_flight, 2U);
  shop.model->pod_stopped(0);
  shop.play(at_ms(600));
  EXPECT_EQ(model.counts(source).failed[kReset], 2U);
  EXPECT_EQ(model.usage(0).cpu_core_ns, 700'000'000);  // 400 ms and 300 ms, wasted.
  EXPECT_EQ(model.verify(), "");
}
// A node is gone: nothing comes back, not even a refusal. The caller's timeout ends it, or TCP after 127 s.
TEST(NodeGoes, SilenceUntilTheTimeout) {
  for (const bool patient : {false, true}) {
    Shop shop;
    RequestModel& model = shop.requests(instant());
    const ServiceId s = shop.serve("slow", "1");
    CallSpec call = to(s);
    if (!patient) call.timeout = seconds(3);
    const SourceId source = shop.arrive(call, {node(0)}, {at_ms(100), at_ms(700)});
    shop.start(2);
    shop.pod(0, s, 1);
    shop.play(at_ms(500));
    shop.model->remove_node(node(1));
    shop.play(at_ms(patient ? 127'000 : 3'000));
    EXPECT_EQ(model.counts(source).in_flight, 2U);
    shop.play(at_ms(patient ? 127'701 : 3'701));
    EXPECT_EQ(model.counts(source).in_flight, 0U);
    EXPECT_EQ(model.counts(source).timed_out, patient ? 0U : 2U);
    EXPECT_EQ(model.counts(source).failed[kDropped], patient ? 2U : 0U);
    EXPECT_EQ(model.verify(), "");
  }
}

// ---- timeouts and retries ------------------------------------------------------------------------------------------

// One worker, 1 s each, timeout 1.5 s, one retry; requests at 0, 100, 200 ms. The first is through at 1.0. The second
// times out at 1.6 and goes out again, the third at 1.7; the worker does not know and is busy with both until 3.0. The
// retries time out at 3.1 and 3.2; the worker is through with them at 4 and 5.
TEST(Timeouts, ByHand) {
  Shop shop;
  RequestModel& model = shop.requests(instant());
  const ServiceId s = shop.serve("one", "1", {}, Discipline::kFcfs);
  CallSpec call = to(s);
  call.timeout = milliseconds(1'500);
  call.retries = 1;
  const SourceId source = shop.arrive(call, {node(0)}, {Time{}, at_ms(100), at_ms(200)});
  shop.start(1);
  shop.pod(0, s, 0, 1000, 1);
  const std::array<std::array<std::int64_t, 4>, 6> expected{{// at ms, served, timed out attempts, over for the source
                                                             {999, 0, 0, 0},
                                                             {1'000, 1, 0, 1},
                                                             {1'600, 1, 1, 1},
                                                             {1'700, 1, 2, 1},
                                                             {3'100, 1, 3, 2},
                                                             {3'200, 1, 4, 3}}};
  for (const auto& [ms, served, timed_out, over] : expected) {
    shop.play(at_ms(ms));
    const TrafficCounts c = model.counts(s);
    EXPECT_EQ(c.served, static_cast<std::uint64_t>(served)) << ms;
    EXPECT_EQ(c.timed_out, static_cast<std::uint64_t>(timed_out)) << ms;
    EXPECT_EQ(model.counts(source).issued - model.counts(source).in_flight, static_cast<std::uint64_t>(over)) << ms;
    EXPECT_EQ(model.verify(), "");
  }
  shop.play(at_ms(6'000));
  EXPECT_EQ(model.counts(s).issued, 5U);
  EXPECT_EQ(model.counts(s).retries, 2U);
  EXPECT_EQ(model.counts(source).timed_out, 2U);
  EXPECT_EQ(model.usage(0).cpu_core_ns, 5'000'000'000);  // Four of the five for nobody.
}

// 100 requests that nobody serves: a purse of 10, and 0.25 for each: 35 retries.
TEST(Retries, Budget) {
  Shop shop;
  RequestModel& model = shop.requests(instant());
  const ServiceId s = shop.serve("gone", "1");
  CallSpec call = to(s);
  call.retries = 1;
  call.retry_budget = 0.25;
  std::vector<Time> times;
  for (std::int64_t i = 0; i < 100; ++i) times.push_back(at_ms(i));
  const SourceId source = shop.arrive(call, {node(0)}, times);
  shop.start(1);
  shop.play(at_ms(1'000));
  EXPECT_EQ(model.counts(s).issued, 135U);
  EXPECT_EQ(model.counts(source).failed[kNoEndpoints], 100U);
}

// Back-off doubles: attempts at 0, 10, 10 + 20, 30 + 40 ms.
TEST(Retries, BackOff) {
  Shop shop;
  RequestModel& model = shop.requests(instant());
  const ServiceId s = shop.serve("gone", "1");
  CallSpec call = to(s);
  call.retries = 3;
  call.backoff = milliseconds(10);
  shop.arrive(call, {node(0)}, {Time{}});
  shop.start(1);
  std::vector<std::uint64_t> seen;
  for (const std::int64_t ms : {9, 10, 29, 30, 69, 70, 500}) {
    shop.play(at_ms(ms));
    seen.push_back(model.counts(s).issued);
  }
  EXPECT_EQ(seen, (std::vector<std::uint64_t>{1, 2, 2, 3, 3, 4, 4}));
}

// ---- the call graph ------------------------------------------------------------------------------------------------

// Every hop 1 ms. Front works 5 ms, calls A (10 ms) and B (20 ms) at the same time, then C (4 ms). A new connection
// costs a round trip: 2 + 1 there + 1 back. 4 + 5 + (4 + 20) + (4 + 4) = 41 ms; with connections kept 2 + 5 + 22 + 6 =
// 35 ms.
TEST(CallGraph, LatencyByHand) {
  for (const std::uint32_t per_connection : {1U, 10U}) {
    Shop shop(milliseconds(1));
    RequestModel& model = shop.requests(instant());
    std::vector<CallSpec> calls;
    for (std::uint32_t s = 0; s < 4; ++s) {
      calls.push_back(to(service(s)));
      calls.back().requests_per_connection = per_connection;
    }
    shop.serve("front", "5ms", {{calls[1], calls[2]}, {calls[3]}});
    shop.serve("a", "10ms");
    shop.serve("b", "20ms");
    shop.serve("c", "4ms");
    const SourceId source = shop.arrive(calls[0], {node(0)}, {at_ms(100), at_ms(200)});
    shop.start(2);
    for (std::uint32_t s = 0; s < 4; ++s) shop.pod(s, service(s), s % 2);
    shop.play(at_ms(1'000));
    ASSERT_EQ(model.counts(source).served, 2U);
    EXPECT_EQ(model.latency(source).sum_ns(), per_connection == 1 ? 82'000'000 : 76'000'000);
    // In front's pod: 5 + 24 + 8, or 5 + 22 + 6 the second time.
    EXPECT_EQ(model.usage(0).concurrency_ns, per_connection == 1 ? 74'000'000 : 70'000'000);
    EXPECT_EQ(model.usage(0).cpu_core_ns, 10'000'000);
    EXPECT_EQ(model.verify(), "");
  }
}

TEST(CallGraph, ProbabilityAndCount) {
  Shop shop;
  RequestModel& model = shop.requests(instant());
  CallSpec call = to(service(1));
  call.probability = 0.25;
  call.count = 2;
  shop.serve("front", "0", {{call}});
  shop.serve("back", "0");
  shop.arrive(to(service(0)), {node(0)}, constant_arrivals(1000, {Time{}, Time{} + seconds(40)}));
  shop.start(1);
  shop.pod(0, service(0), 0);
  shop.pod(1, service(1), 0);
  shop.play(Time{} + seconds(50));
  EXPECT_EQ(model.counts(service(0)).served, 40'000U);
  // Binomial(80000, 1/4): 20000 ± 4 * 122.
  EXPECT_NEAR(static_cast<double>(model.counts(service(1)).served), 20'000, 490);
}

TEST(CallGraph, OptionalFailureIsNone) {
  for (const bool optional : {false, true}) {
    Shop shop;
    RequestModel& model = shop.requests(instant());
    CallSpec call = to(service(1));
    call.optional = optional;
    shop.serve("front", "1ms", {{call}, {to(service(2))}});
    shop.serve("gone", "1ms");
    shop.serve("there", "1ms");
    const SourceId source = shop.arrive(to(service(0)), {node(0)}, {Time{}});
    shop.start(1);
    shop.pod(0, service(0), 0);
    shop.pod(2, service(2), 0);
    shop.play(at_ms(100));
    EXPECT_EQ(model.counts(source).served, optional ? 1U : 0U);
    EXPECT_EQ(model.counts(source).failed[kDependency], optional ? 0U : 1U);
    EXPECT_EQ(model.counts(service(2)).issued, optional ? 1U : 0U);  // The next group is not begun after a failure.
  }
}

TEST(CallGraph, ACircleIsRefused) {
  Shop shop;
  shop.requests(instant());
  shop.serve("a", "1ms", {{to(service(1))}});
  shop.serve("b", "1ms", {{to(service(0))}});
  EXPECT_THROW(shop.model->start(), InputError);
}

// One place in front, which does nothing but wait 1 s for the back: blocking, the second of two requests is through at
// 2 s; else both at 1 s.
TEST(CallGraph, BlockingHoldsThePlace) {
  for (const bool blocking : {false, true}) {
    Shop shop;
    RequestModel& model = shop.requests(instant());
    ServicePolicy policy;
    ServiceWork work;
    work.blocking = blocking;
    work.groups = {{to(service(1))}};
    shop.model->add_service(policy, work);
    shop.serve("back", "1");
    const SourceId source = shop.arrive(to(service(0)), {node(0)}, {Time{}, Time{}});
    shop.start(1);
    shop.pod(0, service(0), 0, 1000, 1);
    shop.pod(1, service(1), 0, 2000);
    shop.play(at_ms(1'500));
    EXPECT_EQ(model.counts(source).served, blocking ? 1U : 2U);
    shop.play(at_ms(2'000));
    EXPECT_EQ(model.counts(source).served, 2U);
  }
}

// One worker and room for one to wait: of three at once the third gets 503.
TEST(CallGraph, AFullLine) {
  Shop shop;
  RequestModel& model = shop.requests(instant());
  ServicePolicy policy;
  ServiceWork work;
  work.demand = Distribution::constant(1);
  work.queue_limit = 1;
  shop.model->add_service(policy, work);
  const SourceId source = shop.arrive(to(service(0)), {node(0)}, {Time{}, Time{}, Time{}});
  shop.start(1);
  shop.pod(0, service(0), 0, 1000, 1);
  shop.play(at_ms(5'000));
  EXPECT_EQ(model.counts(source).served, 2U);
  EXPECT_EQ(model.counts(source).failed[kOverflow], 1U);
}

// ---- at random -----------------------------------------------------------------------------------------------------

// Six services, pods that come, go, drain, die and change; keep-alive, timeouts, retries. Returns what could be
// compared.
std::vector<std::int64_t> stormy(std::uint64_t seed, ProxyMode mode, std::uint64_t least_events) {
  Shop shop(microseconds(200), 3);
  ProxyParams params;
  params.mode = mode;
  RequestModel& model = shop.requests(params, seed);
  Rng rng(seed, 0, 1, Purpose::kTest);
  const auto call = [&](std::uint32_t s) {
    CallSpec c = to(service(s));
    if (rng.below(2) == 0) c.timeout = milliseconds(20 + rng.below(200));
    c.retries = rng.below(3);
    c.retry_budget = rng.below(2) == 0 ? 0.1 : 1e300;
    c.backoff = milliseconds(rng.below(5));
    c.requests_per_connection = 1 + rng.below(2) * rng.below(50);
    c.probability = rng.below(2) == 0 ? 1 : 0.6;
    c.count = 1 + rng.below(2);
    c.optional = rng.below(3) == 0;
    return c;
  };
  for (std::uint32_t s = 0; s < 6; ++s) {
    ServicePolicy policy;
    policy.client_affinity = s == 2;
    policy.internal_local = s == 5;
    policy.headless = s == 4;
    policy.distribution = s == 1   ? ServicePolicy::Preference::kSameZone
                          : s == 3 ? ServicePolicy::Preference::kAuto
                                   : ServicePolicy::Preference::kNone;
    ServiceWork work;
    work.demand = Distribution::parse("exponential(mean=3ms)", "test");
    work.discipline = s % 2 == 0 ? Discipline::kProcessorSharing : Discipline::kFcfs;
    work.blocking = s % 3 != 0;
    work.queue_limit = s == 1 ? 5 : 0xFFFF'FFFF;
    if (s < 3) work.groups = {{call(3 + s % 3), call(3 + (s + 1) % 3)}, {call(5)}};
    if (s == 0) work.groups.push_back({call(1), call(2)});
    shop.model->add_service(policy, work);
  }
  shop.arrive(call(0), {node(0), node(4)}, poisson_arrivals(300), seed);
  shop.arrive(call(1), {node(1)}, poisson_arrivals(200), seed);
  shop.start(9, 3);
  struct Known {
    bool present = false;
    bool dead = false;
  };
  std::array<Known, 40> known{};
  for (std::int64_t ms = 0; shop.engine.events_executed() < least_events; ms += rng.below(60)) {
    shop.play(at_ms(ms));
    const std::uint32_t ref = rng.below(40);
    if (!known[ref].present) {
      const ServiceId s = service(ref % 6);
      shop.model->pod_added(
          {ref, std::span<const ServiceId>(&s, 1), node(rng.below(9)), 200 + rng.below(2000), 1 + rng.below(8)});
      shop.model->pod_ready(ref, true);
      known[ref] = {true, false};
    } else {
      switch (rng.below(8)) {
        case 0:
          shop.model->pod_removed(ref);
          known[ref] = {};
          break;
        case 1:
          shop.model->pod_terminating(ref);
          break;
        case 2:
          shop.model->pod_stopped(ref);
          known[ref].dead = true;
          break;
        case 3:
          shop.model->pod_ready(ref, rng.below(3) > 0);
          break;
        case 4:
          shop.model->pod_closed(ref);
          break;
        case 5:
          shop.model->pod_cpu(ref, 100 + rng.below(3000));
          break;
        default:
          if (known[ref].dead) {
            shop.model->pod_restarted(ref);
            known[ref].dead = false;
          }
      }
    }
    if (rng.below(20) == 0) {
      const std::string wrong = model.verify();
      EXPECT_EQ(wrong, "") << "seed " << seed << " at " << ms << " ms";
      if (!wrong.empty()) break;
    }
  }
  EXPECT_EQ(model.verify(), "");
  std::vector<std::int64_t> out{shop.engine.now().ns, static_cast<std::int64_t>(shop.engine.events_executed())};
  std::uint64_t failed_somehow = 0;
  std::uint64_t served = 0;
  for (std::uint32_t s = 0; s < 6; ++s) {
    const TrafficCounts c = model.counts(service(s));
    for (const std::uint64_t n : {c.issued, c.served, c.timed_out, c.retries, c.all_failed()}) {
      out.push_back(static_cast<std::int64_t>(n));
    }
    out.push_back(static_cast<std::int64_t>(model.latency(service(s)).sum_ns()));
    failed_somehow += c.all_failed();
    served += c.served;
  }
  EXPECT_GT(failed_somehow, 100U);  // There was a storm,
  EXPECT_GT(served, 1'000U);        // and it did not carry off everything.
  return out;
}

TEST(RequestProperty, BooksBalance) {
  for (std::uint64_t seed = 1; seed <= 6; ++seed) {
    stormy(seed, static_cast<ProxyMode>(seed % 4), 60'000);
  }
}

TEST(RequestProperty, Deterministic) {
  const auto first = stormy(9, ProxyMode::kIptables, 30'000);
  EXPECT_EQ(stormy(9, ProxyMode::kIptables, 30'000), first);
  EXPECT_NE(stormy(10, ProxyMode::kIptables, 30'000), first);
}

}  // namespace
}  // namespace berth::test
