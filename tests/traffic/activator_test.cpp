// Requests through an activator: timelines by hand, in both models. Rules: shared reference, autoscaling, section 5;
// knative/serving pkg/activator/net (who gets a request), pkg/queue (10 waiting requests for each of the limit).
#include "sim/traffic/activator.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <vector>

#include "tests/traffic/traffic_world.hpp"

namespace berth::test {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

constexpr std::size_t kNoEndpoints = static_cast<std::size_t>(RequestFailure::kNoEndpoints);
constexpr std::size_t kOverflow = static_cast<std::size_t>(RequestFailure::kOverflow);

CallSpec to(ServiceId s, Duration timeout = kForever) {
  CallSpec call;
  call.service = s;
  call.timeout = timeout;
  return call;
}

struct Poked final : ActivatorListener {
  explicit Poked(const Engine<Event>& e) : engine(e) {}
  void request_held(ActivatorId) override { at_ms.push_back(engine.now().ns / 1'000'000); }
  const Engine<Event>& engine;
  std::vector<std::int64_t> at_ms;
};

// One Service behind an activator; demand 100 ms, one core a pod, no hops. Changes are seen after 20 + 20 ms.
struct Gate : Shop {
  explicit Gate(std::uint32_t concurrency, std::vector<Time> times, Duration timeout = kForever,
                const char* demand = "100ms")
      : traffic(requests({})), poked(engine) {
    serve("web", demand);
    source = arrive(to(service(0), timeout), {node(0)}, std::move(times));
    start(2);
    const ServiceId all = service(0);
    activator = model->activate(std::span(&all, 1), concurrency);
    model->set_listener(&poked);
  }
  ~Gate() { EXPECT_EQ(traffic.verify(), ""); }
  double held_s() { return static_cast<double>(model->held_ns(activator)) * 1e-9; }

  RequestModel& traffic;
  Poked poked;
  SourceId source{};
  ActivatorId activator{};
};

// Ready at 3 s, seen at 3.04 s: all go to the pod, which shares its core: 300 ms for three requests of 100 ms.
// Latencies 2.34, 1.84 and 1.34 s; held for 2.04 + 1.54 + 1.04 s. Only the first found an empty queue.
TEST(Activator, HoldsUntilAPodIsReady) {
  Gate gate(0, {at_ms(1'000), at_ms(1'500), at_ms(2'000)});
  gate.play(at_ms(2'500));
  EXPECT_EQ(gate.model->counts(gate.source).in_flight, 3U);
  EXPECT_EQ(gate.traffic.verify(), "");
  gate.play(at_ms(3'000));
  gate.pod(0, service(0), 0);
  gate.play(at_ms(10'000));
  EXPECT_THAT(gate.poked.at_ms, ElementsAre(1'000));
  EXPECT_EQ(gate.model->counts(gate.source).served, 3U);
  EXPECT_EQ(gate.model->counts(service(0)).failed[kNoEndpoints], 0U);
  EXPECT_NEAR(gate.model->latency(gate.source).mean_seconds(), (2.34 + 1.84 + 1.34) / 3, 1e-6);
  EXPECT_NEAR(gate.held_s(), 4.62, 1e-9);
  EXPECT_EQ(gate.model->usage(0).concurrency_ns, 900'000'000);
}

// One at a time: handed on at 3.04, 3.14 and 3.24, in order of arrival; held for 2.04 + 1.64 + 1.24 s.
TEST(Activator, HandsOnNoMoreThanThePodTakes) {
  Gate gate(1, {at_ms(1'000), at_ms(1'500), at_ms(2'000)});
  gate.play(at_ms(3'000));
  gate.pod(0, service(0), 0);
  gate.play(at_ms(3'141));
  EXPECT_EQ(gate.model->counts(gate.source).served, 1U);
  EXPECT_NEAR(gate.model->latency(gate.source).mean_seconds(), 2.14, 1e-6);  // The oldest.
  gate.play(at_ms(10'000));
  EXPECT_NEAR(gate.model->latency(gate.source).mean_seconds(), (2.14 + 1.74 + 1.34) / 3, 1e-6);
  EXPECT_NEAR(gate.held_s(), 4.92, 1e-9);
  EXPECT_EQ(gate.model->usage(0).concurrency_ns, 300'000'000);  // Never two in the pod.
}

// The first gives up at 2.8 s; the second, due at 3.3, is handed on at 3.04 and the third at 3.14.
TEST(Activator, CallersTimeoutsHoldForWhatIsHeld) {
  Gate gate(1, {at_ms(1'000), at_ms(1'500), at_ms(2'000)}, milliseconds(1'800));
  gate.play(at_ms(3'000));
  gate.pod(0, service(0), 0);
  gate.play(at_ms(10'000));
  EXPECT_EQ(gate.model->counts(gate.source).timed_out, 1U);
  EXPECT_EQ(gate.model->counts(gate.source).served, 2U);
  EXPECT_EQ(gate.model->usage(0).requests, 2U);
  EXPECT_NEAR(gate.held_s(), 1.8 + 1.54 + 1.14, 1e-9);
}
TEST(Activator, WithoutAPodAllTimeOut) {
  Gate gate(0, {at_ms(1'000), at_ms(1'500), at_ms(9'000)}, milliseconds(1'800));
  gate.play(at_ms(20'000));
  EXPECT_EQ(gate.model->counts(gate.source).timed_out, 3U);
  EXPECT_THAT(gate.poked.at_ms, ElementsAre(1'000, 9'000));  // The queue was empty again.
}

// 30 at once, each for 1 s, in a pod of 2 with half a core each. Directly: the queue-proxy lets 2 in and 20 wait, 8 get
// a 503. Through the activator nobody does: 28 are held.
TEST(Activator, StandsBeforeTheQueueProxyWhenInThePath) {
  for (const bool in_path : {false, true}) {
    Gate gate(2, std::vector<Time>(30, at_ms(5'000)), kForever, "1");
    gate.pod(0, service(0), 0);
    gate.play(at_ms(1'000));
    gate.model->set_in_path(gate.activator, in_path);
    gate.play(at_ms(5'001));
    EXPECT_EQ(gate.model->counts(service(0)).failed[kOverflow], in_path ? 0U : 8U);
    gate.play(at_ms(5'500));
    EXPECT_EQ(gate.model->usage(0).concurrency_ns, (in_path ? 2 : 22) * 500'000'000LL);
    EXPECT_NEAR(gate.held_s(), in_path ? 14 : 0, 1e-9);
    gate.play(at_ms(60'000));
    EXPECT_EQ(gate.model->counts(gate.source).served, in_path ? 30U : 22U);
    EXPECT_THAT(gate.poked.at_ms, IsEmpty());  // A pod was ready all the time.
  }
}

// Out of the path, and yet nobody is told that there is no endpoint. The node's rules know of the pod 20 + 2…20 + 50 ms
// after 3 s; the activator does at 3.04.
TEST(Activator, TakesOverWhereRulesHaveNoEndpoint) {
  Gate gate(0, {at_ms(1'000), at_ms(3'050), at_ms(4'000)});
  gate.model->set_in_path(gate.activator, false);
  gate.play(at_ms(3'000));
  gate.pod(0, service(0), 0);
  gate.play(at_ms(10'000));
  EXPECT_EQ(gate.model->counts(gate.source).served, 3U);
  EXPECT_NEAR(gate.held_s(), 2.04, 1e-9);
}

// A pod that is going is seen to go 40 ms later; then requests wait for the next one.
TEST(Activator, APodThatGoesGetsNoMore) {
  Gate gate(0, {at_ms(2'030), at_ms(2'050)});
  gate.pod(0, service(0), 0);
  gate.play(at_ms(2'000));
  gate.model->pod_terminating(0);
  gate.play(at_ms(4'000));
  EXPECT_EQ(gate.model->usage(0).requests, 1U);
  EXPECT_THAT(gate.poked.at_ms, ElementsAre(2'050));
  gate.model->pod_removed(0);
  gate.pod(0, service(0), 1);  // Another one, with its number.
  gate.play(at_ms(10'000));
  EXPECT_EQ(gate.model->usage(0).requests, 1U);
  EXPECT_NEAR(gate.held_s(), 4.04 - 2.05, 1e-9);
}

// Up to a limit of 3 the first pod that has room, from 4 on each in turn.
TEST(Activator, ChoosesAsItsPoliciesDo) {
  for (const std::uint32_t limit : {3U, 4U}) {
    Gate gate(limit, std::vector<Time>(4, at_ms(1'000)));
    for (std::uint32_t p = 0; p < 3; ++p) gate.pod(p, service(0), p % 2);
    gate.play(at_ms(1'001));
    std::vector<std::uint64_t> requests;
    for (std::uint32_t p = 0; p < 3; ++p) requests.push_back(gate.model->usage(p).requests);
    if (limit == 3) {
      EXPECT_THAT(requests, ElementsAre(3, 1, 0));
    } else {
      EXPECT_THAT(requests, ElementsAre(2, 1, 1));
    }
  }
}
// Without a limit the freer of two: with two pods always the freer one, so 50 and 50.
TEST(Activator, WithoutALimitTheFreerOfTwo) {
  Gate gate(0, std::vector<Time>(100, at_ms(1'000)));
  gate.pod(0, service(0), 0);
  gate.pod(1, service(0), 1);
  gate.play(at_ms(1'001));
  EXPECT_EQ(gate.model->usage(0).requests, 50U);
  EXPECT_EQ(gate.model->usage(1).requests, 50U);
}

// 70 places, more than a word of bits: each in turn, around the end, past those that are gone.
TEST(Activator, ManyPlaces) {
  Activator activator(5, Rng(1, 0, 0, Purpose::kTest));
  for (std::uint32_t p = 0; p < 70; ++p) activator.ready(p, 1);
  for (std::uint32_t p = 1; p < 69; ++p) activator.gone(p, 1);
  std::vector<std::uint32_t> pods;
  for (std::uint32_t i = 0; i < 10; ++i) pods.push_back(activator.place(activator.take()).pod);
  EXPECT_THAT(pods, ElementsAre(0, 69, 0, 69, 0, 69, 0, 69, 0, 69));
  EXPECT_FALSE(activator.has_room());
  EXPECT_EQ(activator.take(), Activator::kNone);
  EXPECT_EQ(activator.verify(10), "");
}

// Pods come, go, crash, lose their node; callers give up and try again: nothing is lost in the books, and in the end,
// with a pod that stays, nothing waits.
TEST(ActivatorProperty, BooksBalance) {
  for (std::uint64_t seed = 0; seed < 80; ++seed) {
    const bool fluid = seed % 4 == 3;
    SCOPED_TRACE(testing::Message() << "seed=" << seed << (fluid ? " fluid" : " requests"));
    Rng rng(seed, 0, 0, Purpose::kTest);
    Shop shop(microseconds(100));
    shop.use(fluid, {}, seconds(2));
    TrafficModel& model = *shop.model;
    CallSpec inner = to(service(1), rng.below(2) == 0 ? kForever : milliseconds(700));
    inner.retries = rng.below(3);
    inner.optional = rng.below(2) == 0;
    inner.requests_per_connection = 1 + rng.below(3);
    shop.serve("front", "exponential(mean=5ms)", {{inner}});
    shop.serve("back", "exponential(mean=20ms)");
    CallSpec outer = to(service(0), milliseconds(1'500));
    outer.retries = rng.below(2);
    const SourceId source = shop.arrive(outer, {node(0), node(1)}, poisson_arrivals(60, {Time{}, at_ms(60'000)}), seed);
    shop.start(3);
    const ServiceId front = service(0);
    const ServiceId back = service(1);
    model.activate(std::span(&front, 1), rng.below(6));
    const ActivatorId second = model.activate(std::span(&back, 1), rng.below(6));
    std::vector<std::uint32_t> there;
    bool node_2 = true;
    for (std::int64_t t = 0; t < 60'000; t += 1 + rng.below(900)) {
      shop.play(at_ms(t));
      ASSERT_EQ(model.verify(), "");
      const std::uint32_t ref = rng.below(8);
      const auto it = std::ranges::find(there, ref);
      if (it == there.end()) {
        shop.pod(ref, service(ref % 2), node_2 ? rng.below(3) : rng.below(2));
        there.push_back(ref);
        continue;
      }
      switch (rng.below(node_2 && t > 40'000 ? 6 : 5)) {
        case 0:
          model.pod_terminating(ref);
          break;
        case 1:
          model.pod_ready(ref, rng.below(2) == 0);
          break;
        case 2:
          model.pod_stopped(ref);
          break;
        case 3:
          model.set_in_path(second, rng.below(2) == 0);
          break;
        case 4:
          model.pod_removed(ref);
          there.erase(it);
          break;
        default:
          model.remove_node(node(2));
          node_2 = false;
      }
    }
    for (const std::uint32_t ref : there) model.pod_removed(ref);
    shop.pod(8, front, 0);
    shop.pod(9, back, 1);
    shop.play(at_ms(400'000));
    EXPECT_EQ(model.verify(), "");
    EXPECT_EQ(model.counts(source).in_flight, 0U);
    EXPECT_EQ(model.counts(back).in_flight, 0U);
    EXPECT_EQ(model.counts(front).failed[kNoEndpoints] + model.counts(back).failed[kNoEndpoints], 0U);
  }
}

// ---- both models ---------------------------------------------------------------------------------------------------

struct Both {
  TrafficCounts counts;
  double mean = 0;  // Of answers.
  double held_s = 0;
};

// Requests at `rate` for a minute, no pod before 20 s, then four, with room for `concurrency` each.
Both cold_start(bool fluid, double rate, std::uint32_t concurrency, Duration timeout) {
  Shop shop;
  shop.use(fluid, {}, seconds(1));
  shop.serve("web", "exponential(mean=10ms)");
  const SourceId source =
      shop.arrive(to(service(0), timeout), {node(0)}, poisson_arrivals(rate, {Time{}, at_ms(60'000)}));
  shop.start(1);
  const ServiceId all = service(0);
  const ActivatorId activator = shop.model->activate(std::span(&all, 1), concurrency);
  shop.play(at_ms(20'000));
  EXPECT_EQ(shop.model->verify(), "");
  for (std::uint32_t p = 0; p < 4; ++p) shop.pod(p, service(0), 0);
  shop.play(at_ms(20'500));
  EXPECT_EQ(shop.model->verify(), "");
  shop.play(at_ms(120'000));
  EXPECT_EQ(shop.model->verify(), "");
  EXPECT_EQ(shop.model->counts(source).in_flight, 0U);
  EXPECT_EQ(shop.model->counts(source).failed[kNoEndpoints], 0U);
  return {shop.model->counts(source), shop.model->latency(source).mean_seconds(),
          static_cast<double>(shop.model->held_ns(activator)) * 1e-9};
}

// 100 a second wait 10 s each in the mean: 20,000 request-seconds up to 20.04 s. Without a limit the pods get all 2,000
// at once and work them off at 400 - 100 a second: the mean wait there is half of the 6.7 s that this takes, for those
// 2,667 that come or are there until then: (20,000 + 2,000 * 6.67 / 2) / 6,000 = 4.4 s in the mean of all 6,000. With a
// limit the same wait is the activator's: 26,700 request-seconds.
TEST(ActivatorBoth, ColdStart) {
  for (const bool fluid : {true, false}) {
    SCOPED_TRACE(fluid ? "fluid" : "requests");
    const Both all = cold_start(fluid, 100, 0, kForever);
    EXPECT_EQ(all.counts.served, all.counts.issued);
    EXPECT_NEAR(all.held_s, 20'000, 1'000);
    EXPECT_NEAR(all.mean, 4.44, 0.35);
    const Both some = cold_start(fluid, 100, 4, kForever);
    EXPECT_EQ(some.counts.served, some.counts.issued);
    EXPECT_NEAR(some.held_s, 26'700, 2'000);
    EXPECT_NEAR(some.mean, 4.44, 0.35);
  }
}

// With a timeout of 5 s, those of the first 15 s are lost, 1,500 of 6,000; of the 500 that are left when pods are there
// some: with a limit of 4 the queue works off 400 a second in order: the k-th of the 500 was sent at 15 + k/100 and
// goes at 20.04 + k/400, so all wait less than 5.04 s, and about 40 ms worth of them, 5, are late.
TEST(ActivatorBoth, TimeoutsWhileHeld) {
  double lost[2] = {};
  for (const bool fluid : {true, false}) {
    SCOPED_TRACE(fluid ? "fluid" : "requests");
    const Both b = cold_start(fluid, 100, 4, seconds(5));
    lost[fluid ? 1 : 0] = static_cast<double>(b.counts.timed_out);
    EXPECT_NEAR(static_cast<double>(b.counts.timed_out), 1'505, 120);
    EXPECT_EQ(b.counts.served + b.counts.timed_out, b.counts.issued);
    // Held: 5 s each of the lost, 500 * 2.5 s, and what is left to wait until it is worked off.
    EXPECT_NEAR(b.held_s, 1'505 * 5 + 1'250 + 500 * 500.0 / 300 / 2, 800);
  }
  EXPECT_NEAR(lost[1], lost[0], 0.08 * lost[0]);
}

}  // namespace
}  // namespace berth::test
