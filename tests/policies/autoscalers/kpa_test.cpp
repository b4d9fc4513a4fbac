// Knative's autoscaler. Expected numbers: derived by hand from its rules (autoscaler.go, scaler.go), in comments.
#include "policies/autoscalers/kpa.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

#include "policies/params.hpp"
#include "sim/engine/error.hpp"

namespace berth::test {
namespace {

// A workload whose pods are ready as soon as they are wanted.
class Revision {
 public:
  explicit Revision(const KpaSettings& settings, std::int32_t replicas = 1) : kpa(settings), scale(replicas) {}

  std::int32_t tick(std::int64_t second, double concurrency) {
    ScaleObservation o;
    o.now = Time{} + seconds(second);
    o.spec_replicas = scale;
    o.status_replicas = o.ready_replicas = starting ? 0 : scale;
    o.concurrency = concurrency;
    scale = kpa.observe(o);
    return scale;
  }
  // Ticks first, first + 2 … up to and with last.
  std::int32_t run(std::int64_t first, std::int64_t last, double concurrency) {
    for (std::int64_t t = first; t <= last; t += 2) tick(t, concurrency);
    return scale;
  }

  Kpa kpa;
  std::int32_t scale;
  bool starting = false;  // Pods do not become ready.
};

TEST(KpaWindow, AveragesWhatItHas) {
  WindowAverage w(6);
  EXPECT_EQ(w.average(), 0);
  w.record(Time{} + seconds(0), 10);
  EXPECT_EQ(w.average(), 10);
  w.record(Time{} + seconds(2), 20);  // Seconds 1 and 2.
  EXPECT_EQ(w.average(), 16.666667);  // 50/3, to six digits.
  w.record(Time{} + seconds(2), 15);  // Within the same second the higher counts.
  EXPECT_EQ(w.average(), 16.666667);
  w.record(Time{} + seconds(7), 2);  // Seconds 3 … 7; of the older ones second 2 is left.
  EXPECT_EQ(w.average(), 5);         // (20 + 5 * 2) / 6
  w.record(Time{} + seconds(1000), 3);
  EXPECT_EQ(w.average(), 3);
}

TEST(Kpa, PanicsAndComesDownByHalves) {
  Revision r({});
  ASSERT_EQ(r.run(0, 58, 35), 1);
  EXPECT_FALSE(r.kpa.panicking());
  // Panic window: 2, 4, 6 of 6 seconds at 700, the rest 35: 256.7, 478.3, 700 → 3.7, 6.8, 10 pods.
  EXPECT_EQ(r.tick(60, 700), 4);
  EXPECT_TRUE(r.kpa.panicking());  // 4 pods for 1.
  EXPECT_EQ(r.tick(62, 700), 7);
  EXPECT_EQ(r.run(64, 70, 700), 10);  // Seconds 59 … 70 at 700.
  // The threshold was exceeded at 60 for the last time (7/4 is below 2): panic lasts while 60 + 60 >= now.
  EXPECT_EQ(r.run(72, 120, 0), 10);
  EXPECT_TRUE(r.kpa.panicking());
  // Seconds 63 … 122: 8 of 60 at 700 is 93.3, 2 pods; but at most half go at once.
  EXPECT_EQ(r.tick(122, 0), 5);
  EXPECT_FALSE(r.kpa.panicking());
  EXPECT_EQ(r.tick(124, 0), 2);
}

// Pods that share half a core among requests of 6 ms do 83.3 a second each; 200 a second need 2.4 of them. Three at a
// load of 0.8 have 3 * 0.8 / 0.2 = 12 in flight: of a target of 70 that is one pod, which gets 117 a second more than
// it can do: 234 at the next tick, panic. It lasts a stable window from when twice the pods were wanted last, and
// begins again when that is over and the queue has grown: a swing takes more than 60 s and less than 100.
TEST(Kpa, SwingsWhereThePodsCannotBearItsTarget) {
  Revision r({});
  double in_flight = 0;
  std::vector<std::int64_t> panics;
  std::int32_t most = 0;
  bool before = false;
  for (std::int64_t t = 0; t <= 1'200; t += 2) {
    const double capacity = r.scale * 83.3;
    const double steady = r.scale * 200 / (capacity - 200);  // Of no meaning if they cannot bear it.
    in_flight = capacity > 200 ? std::max(steady, in_flight - 2 * (capacity - 200)) : in_flight + 2 * (200 - capacity);
    r.tick(t, in_flight);
    if (r.kpa.panicking() && !before) panics.push_back(t);
    before = r.kpa.panicking();
    most = std::max(most, r.scale);
  }
  ASSERT_GE(panics.size(), 12U);
  EXPECT_GE(most, 4);
  for (std::size_t i = 1; i < panics.size(); ++i) {
    EXPECT_GT(panics[i] - panics[i - 1], 60);
    EXPECT_LT(panics[i] - panics[i - 1], 100);
  }
}

TEST(Kpa, APodsFoundAreKeptForAStableWindow) {
  Revision r({}, 8);
  EXPECT_EQ(r.run(0, 60, 0), 8);
  EXPECT_EQ(r.tick(62, 0), 4);
}

TEST(Kpa, ScaleUpRateCountsReadyPods) {
  KpaSettings s;
  s.max_scale_up_rate = 1.1;
  Revision r(s, 2);
  EXPECT_EQ(r.tick(0, 7000), 3);  // ceil(2.2)
}

TEST(Kpa, MinimumMaximumAndActivationScale) {
  KpaSettings s;
  s.min_scale = 2;
  s.max_scale = 5;
  Revision r(s, 2);
  EXPECT_EQ(r.tick(0, 7000), 5);
  EXPECT_EQ(r.run(2, 600, 0), 2);
  s = {};
  s.activation_scale = 4;
  Revision a(s, 1);
  EXPECT_EQ(a.tick(0, 1), 4);
}

TEST(Kpa, ScaleDownDelayKeepsTheHighestWish) {
  KpaSettings s;
  s.scale_down_delay = seconds(20);  // 10 ticks.
  s.panic_threshold = 1000;          // No panic.
  s.stable_window = seconds(6);
  Revision r(s, 1);
  EXPECT_EQ(r.run(0, 6, 350), 5);
  // 2, 4 and 6 of 6 seconds at 10: the wishes fall from 12 on (236.7 → 4); the last 5 was at 6, and 9 ticks follow it.
  EXPECT_EQ(r.run(8, 24, 10), 5);
  EXPECT_EQ(r.tick(26, 10), 4);
}

TEST(KpaZero, GoesAfterAStableWindowAndATick) {
  Revision r({});
  EXPECT_EQ(r.run(0, 60, 0), 1);           // Active for 60 s at 60: becomes inactive.
  EXPECT_TRUE(r.kpa.activator_in_path());  // One pod of 100 cannot take a burst of 211.
  EXPECT_EQ(r.kpa.excess_burst_capacity(), -111);
  EXPECT_EQ(r.tick(62, 0), 0);  // Behind the activator since 0.
  EXPECT_EQ(r.run(64, 100, 0), 0);
  EXPECT_TRUE(r.kpa.activator_in_path());
  EXPECT_EQ(r.tick(101, 1), 1);  // A request at the activator: 1/6 in flight in the panic window is a pod.
}

TEST(KpaZero, GraceCountsFromTheActivatorTakingOver) {
  KpaSettings s;
  s.target_burst_capacity = 0;  // The activator is in the path at zero only.
  Revision r(s);
  EXPECT_EQ(r.run(0, 58, 0), 1);
  EXPECT_FALSE(r.kpa.activator_in_path());
  EXPECT_EQ(r.run(60, 88, 0), 1);
  EXPECT_TRUE(r.kpa.activator_in_path());
  EXPECT_EQ(r.tick(90, 0), 0);
}

// Four pods found are kept until 60; 2 at 62, 1 at 64, idle from 66 on. The activator stands from 64 on, when 2 pods of
// 100 are too few for a burst of 211: so 94, and not 96, is when the last one goes.
TEST(KpaZero, GraceBehindTheActivatorMayBegin) {
  Revision r({}, 4);
  ASSERT_EQ(r.run(0, 60, 0), 4);
  ASSERT_EQ(r.tick(62, 0), 2);
  EXPECT_EQ(r.run(64, 92, 0), 1);
  EXPECT_EQ(r.tick(94, 0), 0);
}

TEST(KpaZero, RetentionAndNever) {
  KpaSettings s;
  s.scale_to_zero_pod_retention = seconds(100);
  Revision r(s);
  EXPECT_EQ(r.run(0, 158, 0), 1);
  EXPECT_EQ(r.tick(160, 0), 0);
  s = {};
  s.scale_to_zero = false;
  Revision never(s);
  EXPECT_EQ(never.run(0, 1000, 0), 1);
}

TEST(KpaZero, TrafficWhileInactiveKeepsThePod) {
  KpaSettings s;
  s.target_burst_capacity = 0;
  Revision r(s);
  r.run(0, 70, 0);
  EXPECT_EQ(r.tick(72, 1), 1);
  EXPECT_EQ(r.run(74, 130, 0), 1);  // In the stable window still.
}

TEST(KpaZero, WhatNeverGetsReadyIsGivenUp) {
  KpaSettings s;
  s.progress_deadline = seconds(100);
  Revision r(s);
  r.starting = true;
  EXPECT_EQ(r.run(0, 130, 0), 1);  // Deadline and 30 s.
  EXPECT_EQ(r.tick(132, 0), 0);
}

TEST(KpaZero, InitialScaleHoldsUntilItWasReached) {
  KpaSettings s;
  s.initial_scale = 3;
  Revision r(s, 3);
  r.starting = true;
  EXPECT_EQ(r.run(0, 200, 0), 3);
  r.starting = false;
  EXPECT_EQ(r.run(202, 202, 0), 3);
  EXPECT_LT(r.tick(204, 0), 3);
}

struct BurstCase {
  double capacity;
  std::int32_t ready;
  double concurrency;
  std::int32_t excess;
  bool activator;
};
TEST(KpaBurst, DecidesWhetherTheActivatorStands) {
  for (const BurstCase& c :
       {BurstCase{211, 4, 100, 89, false}, BurstCase{211, 4, 189, 0, false}, BurstCase{211, 4, 189.5, -1, true},
        BurstCase{0, 1, 1000, 0, false}, BurstCase{-1, 50, 1, -1, true}}) {
    KpaSettings s;
    s.target_burst_capacity = c.capacity;
    Revision r(s, c.ready);
    r.tick(0, c.concurrency);
    EXPECT_EQ(r.kpa.excess_burst_capacity(), c.excess) << c.capacity << " " << c.concurrency;
    EXPECT_EQ(r.kpa.activator_in_path(), c.activator) << c.capacity << " " << c.concurrency;
  }
}

TEST(Kpa, ReadsItsParameters) {
  Kpa kpa{Params(PolicySpec::parse("kpa(container_concurrency=10)", "test"))};
  EXPECT_EQ(kpa.period(), seconds(2));
  ScaleObservation o;
  o.spec_replicas = o.ready_replicas = 1;
  o.concurrency = 21.5;
  EXPECT_EQ(kpa.observe(o), 4);  // 21.5/7
  const Params bad(PolicySpec::parse("kpa(min_scale=3,max_scale=2)", "test"));
  EXPECT_THROW(Kpa{bad}, InputError);
}

}  // namespace
}  // namespace berth::test
