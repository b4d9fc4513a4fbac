// Holt-Winters and what is made of its forecasts. Expected numbers: closed forms and steps by hand, in comments.
#include "policies/autoscalers/predictive.hpp"

#include <gtest/gtest.h>

#include <cmath>

#include "policies/params.hpp"
#include "sim/engine/error.hpp"

namespace berth::test {
namespace {

TEST(HoltWinters, OneStepByHand) {
  HoltWinters m({0.5, 0.5, 0}, 0);
  m.add(10);
  EXPECT_FALSE(m.ready());
  m.add(12);  // Level 12, trend 2.
  ASSERT_TRUE(m.ready());
  EXPECT_DOUBLE_EQ(m.forecast(3), 18);
  m.add(15);  // Level (15 + 14)/2 = 14.5, trend (2.5 + 2)/2 = 2.25.
  EXPECT_DOUBLE_EQ(m.forecast(2), 19);
}

TEST(HoltWinters, OneSeasonalStepByHand) {
  HoltWinters m({0.5, 0.5, 0.5}, 2);
  m.add(10);
  m.add(20);  // Level 15, season -5, 5.
  ASSERT_TRUE(m.ready());
  EXPECT_DOUBLE_EQ(m.forecast(1), 10);
  m.add(14);  // Level ((14 + 5) + 15)/2 = 17, trend 1, season ((14 - 15) - 5)/2 = -3.
  EXPECT_DOUBLE_EQ(m.forecast(1), 23);
  EXPECT_DOUBLE_EQ(m.forecast(2), 16);
  EXPECT_DOUBLE_EQ(m.forecast(3), 25);
}

// A straight line and a pure season are fixed points: every forecast is exact, whatever the smoothing.
TEST(HoltWinters, LinesAndSeasonsAreExact) {
  for (const double alpha : {0.1, 0.5, 1.0}) {
    HoltWinters line({alpha, 0.3, 0}, 0);
    HoltWinters season({alpha, 0.3, 0.2}, 4);
    const double pattern[] = {10, 20, 35, 15};
    for (int t = 0; t < 40; ++t) {
      line.add(5 + 3 * t);
      season.add(pattern[t % 4]);
    }
    for (std::size_t h = 1; h <= 9; ++h) {
      EXPECT_NEAR(line.forecast(h), 5 + 3 * (39 + static_cast<double>(h)), 1e-9);
      EXPECT_NEAR(season.forecast(h), pattern[(39 + h) % 4], 1e-9);
    }
  }
}

TEST(HoltWintersBank, FindsTheSeason) {
  HoltWintersBank bank(12, 100);
  const auto wave = [](std::size_t t) {
    return 100 + 50 * std::sin(2 * std::acos(-1.0) * static_cast<double>(t) / 12);
  };
  for (std::size_t t = 0; t < 36; ++t) bank.add(wave(t));
  ASSERT_TRUE(bank.seasonal());
  for (std::size_t h = 1; h <= 12; ++h) EXPECT_NEAR(bank.forecast(h), wave(35 + h), 1e-6);
}

TEST(HoltWintersBank, PrefersQuickLevelsForASeriesThatJumpsForGood) {
  HoltWintersBank bank(0, 1000);
  for (int t = 0; t < 200; ++t) bank.add((t / 10) % 2 == 0 ? 10 : 90);
  EXPECT_EQ(bank.best().level, 0.9);
  EXPECT_FALSE(bank.seasonal());
}

// What is still to come changes nothing: before the jump the forecast is the flat past.
TEST(HoltWintersBank, KnowsThePastAlone) {
  HoltWintersBank bank(24, 100);
  for (int t = 0; t < 100; ++t) {
    if (bank.ready()) {
      EXPECT_NEAR(bank.forecast(5), 10, 1e-9);
    }
    bank.add(10);
  }
  bank.add(500);
  EXPECT_GT(bank.forecast(1), 50);
}

PredictiveAutoscaler make(const char* text) {
  return PredictiveAutoscaler(Params(PolicySpec::parse(text, "test")));
}

std::int32_t observe(PredictiveAutoscaler& a, std::int64_t period, double load) {
  ScaleObservation o;
  o.now = Time{} + a.period() * period;
  o.concurrency = load;
  return a.observe(o);
}

TEST(Predictive, ProvidesForTheEndOfTheHorizon) {
  PredictiveAutoscaler a =
      make("predictive(concurrency=10,margin_percent=0,horizon_seconds=120,max_replicas=100,season_seconds=0)");
  EXPECT_EQ(a.period(), seconds(60));
  EXPECT_EQ(observe(a, 0, 5), 1);   // Nothing to go by yet: the present load.
  EXPECT_EQ(observe(a, 1, 15), 2);  // Likewise: no model has been tried.
  for (std::int64_t t = 2; t < 50; ++t) {
    // The load grows by 10 a period: 5 + 10 (t + 2) two periods on, over 10.
    EXPECT_EQ(observe(a, t, 5 + 10 * static_cast<double>(t)), t + 3);
  }
}

TEST(Predictive, AddsTheMarginAndKeepsTheLimits) {
  PredictiveAutoscaler a =
      make("predictive(concurrency=10,margin_percent=50,max_replicas=9,min_replicas=3,season_seconds=0)");
  EXPECT_EQ(observe(a, 0, 41), 7);  // 61.5/10
  EXPECT_EQ(observe(a, 1, 1000), 9);
  PredictiveAutoscaler low = make("predictive(min_replicas=3,scale_down_window_seconds=0)");
  EXPECT_EQ(observe(low, 0, 0), 3);
}

TEST(Predictive, ComesDownAfterTheWindow) {
  PredictiveAutoscaler a = make("predictive(concurrency=10,margin_percent=0,max_replicas=100,season_seconds=0)");
  for (std::int64_t t = 0; t < 20; ++t) EXPECT_EQ(observe(a, t, 95), 10);
  for (std::int64_t t = 20; t < 24; ++t) EXPECT_EQ(observe(a, t, 5), 10);  // 300 s: the wishes of 5 periods.
  EXPECT_LT(observe(a, 24, 5), 10);
}

// 300 and 500 of 500 millicores, at 80 % of the request: as much as 800 / 400 = 2 pods that have what they are to have.
// A pod without a sample or a request says nothing.
TEST(Predictive, GoesByCpu) {
  PredictiveAutoscaler a = make("predictive(cpu_percent=80,margin_percent=0,max_replicas=100,season_seconds=0)");
  const std::vector<std::int64_t> used{300, 500, kNoSample, 700};
  const std::vector<std::int64_t> requests{500, 500, 500, kNoRequest};
  ScaleObservation o;
  o.spec_replicas = 7;
  o.concurrency = 1e6;         // Not looked at.
  EXPECT_EQ(a.observe(o), 7);  // Nobody knows yet: as it is.
  o.cpu.value_milli = used;
  o.cpu.request_milli = requests;
  for (std::int64_t t = 1; t < 5; ++t) EXPECT_EQ(a.observe(o), 7);  // The window's highest wish.
  EXPECT_EQ(a.observe(o), 2);
}

TEST(Predictive, RefusesAMinimumAboveTheMaximum) {
  EXPECT_THROW(make("predictive(min_replicas=11)"), InputError);
}

}  // namespace
}  // namespace berth::test
