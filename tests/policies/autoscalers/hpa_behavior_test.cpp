// Windows, rates and limits. Expected numbers: derived by hand from the rules of horizontal.go (v1.37), in comments.
#include "policies/autoscalers/hpa_behavior.hpp"

#include <gtest/gtest.h>

#include "tests/policies/autoscalers/pod_table.hpp"
#include "tests/support/case_name.hpp"

namespace berth::test {
namespace {

using Select = HpaScalingRules::Select;
using Policy = HpaScalingPolicy;
constexpr auto kPods = Policy::Type::kPods;
constexpr auto kPercent = Policy::Type::kPercent;

HpaSpec spec_with(std::int32_t min, std::int32_t max, std::optional<HpaBehavior> behavior = {}) {
  HpaSpec spec;
  spec.min_replicas = min;
  spec.max_replicas = max;
  spec.behavior = std::move(behavior);
  return spec;
}

// Windows of 0, so that a proposal is not held.
HpaBehavior rates(Select select, std::vector<Policy> up, std::vector<Policy> down) {
  HpaBehavior b;
  b.scale_up = {0, select, std::move(up), {}};
  b.scale_down = {0, select, std::move(down), {}};
  return b;
}

TEST(HpaNormalize, WithoutBehaviorTheHighestOfFiveMinutesCounts) {
  const HpaSpec spec = spec_with(1, 100);
  HpaMemory memory;
  memory.begin(10, at(0));
  const auto ask = [&](std::int32_t current, std::int32_t proposal, std::int64_t now) {
    return memory.normalize(spec, HpaSettings{}, current, proposal, at(now));
  };
  EXPECT_EQ(ask(10, 12, 15).replicas, 12);
  HpaNormalized n = ask(12, 3, 30);
  EXPECT_EQ(n.replicas, 12);
  EXPECT_EQ(n.stabilized, HpaStabilized::kScaleDown);
  EXPECT_EQ(n.limit, HpaLimit::kNone);
  EXPECT_EQ(ask(12, 3, 315).replicas, 12);  // The 12 is 300 s old to the second, and counts.
  n = ask(12, 3, 316);
  EXPECT_EQ(n.replicas, 3);
  EXPECT_EQ(n.stabilized, HpaStabilized::kNone);
}

TEST(HpaNormalize, TheFirstScaleSeenIsAProposal) {
  HpaMemory memory;
  memory.begin(10, at(0));
  memory.begin(99, at(15));  // Only at first sight.
  const HpaSpec spec = spec_with(1, 100);
  EXPECT_EQ(memory.normalize(spec, HpaSettings{}, 10, 2, at(15)).replicas, 10);
}

struct LimitCase {
  const char* name;
  std::int32_t min, max, current, proposal, replicas;
  HpaLimit limit;
};
class HpaLimits : public testing::TestWithParam<LimitCase> {};

TEST_P(HpaLimits, WithoutBehavior) {
  const LimitCase& c = GetParam();
  HpaMemory memory;
  const HpaNormalized n = memory.normalize(spec_with(c.min, c.max), HpaSettings{}, c.current, c.proposal, at(0));
  EXPECT_EQ(n.replicas, c.replicas);
  EXPECT_EQ(n.limit, c.limit);
}
INSTANTIATE_TEST_SUITE_P(Table, HpaLimits,
                         testing::Values(LimitCase{"Within", 1, 100, 10, 20, 20, HpaLimit::kNone},
                                         LimitCase{"Doubles", 1, 100, 10, 21, 20, HpaLimit::kScaleUpLimit},
                                         LimitCase{"OrFour", 1, 100, 1, 9, 4, HpaLimit::kScaleUpLimit},
                                         LimitCase{"Max", 1, 15, 10, 21, 15, HpaLimit::kTooManyReplicas},
                                         LimitCase{"MaxIsTheDouble", 1, 20, 10, 21, 20, HpaLimit::kTooManyReplicas},
                                         LimitCase{"Min", 5, 100, 10, 2, 5, HpaLimit::kTooFewReplicas},
                                         LimitCase{"FromZero", 0, 100, 0, 7, 4, HpaLimit::kScaleUpLimit}),
                         CaseName{});

struct RateCase {
  const char* name;
  Select select;
  std::int32_t current, proposal, replicas;
  HpaLimit limit;
};
class HpaRates : public testing::TestWithParam<RateCase> {};

// Up: 4 pods or 50 % a minute; down: 4 pods or 10 % a minute; within 2..80.
TEST_P(HpaRates, SelectPolicy) {
  const RateCase& c = GetParam();
  const HpaBehavior behavior =
      rates(c.select, {{kPods, 4, 60}, {kPercent, 50, 60}}, {{kPods, 4, 60}, {kPercent, 10, 60}});
  HpaMemory memory;
  const HpaNormalized n = memory.normalize(spec_with(2, 80, behavior), HpaSettings{}, c.current, c.proposal, at(0));
  EXPECT_EQ(n.replicas, c.replicas);
  EXPECT_EQ(n.limit, c.limit);
  EXPECT_EQ(n.stabilized, HpaStabilized::kNone);
}
INSTANTIATE_TEST_SUITE_P(
    Table, HpaRates,
    testing::Values(RateCase{"UpMax", Select::kMax, 11, 70, 17, HpaLimit::kScaleUpLimit},  // 15, ceil(16.5).
                    RateCase{"UpMin", Select::kMin, 11, 70, 15, HpaLimit::kScaleUpLimit},
                    RateCase{"UpDisabled", Select::kDisabled, 11, 70, 11, HpaLimit::kScaleUpLimit},
                    RateCase{"UpToMax", Select::kMax, 60, 99, 80, HpaLimit::kTooManyReplicas},
                    RateCase{"UpWithin", Select::kMin, 11, 15, 15, HpaLimit::kNone},
                    RateCase{"DownMax", Select::kMax, 55, 3, 49, HpaLimit::kScaleDownLimit},  // 51, trunc(49.5).
                    RateCase{"DownMin", Select::kMin, 55, 3, 51, HpaLimit::kScaleDownLimit},
                    RateCase{"DownDisabled", Select::kDisabled, 55, 3, 55, HpaLimit::kScaleDownLimit},
                    RateCase{"DownToMin", Select::kMax, 4, 1, 2, HpaLimit::kTooFewReplicas},
                    RateCase{"Same", Select::kMax, 11, 11, 11, HpaLimit::kNone}),
    CaseName{});

TEST(HpaRate, CountsWhatThePeriodHasSeen) {
  const HpaSpec spec = spec_with(1, 100, rates(Select::kMax, {{kPercent, 50, 60}}, {{kPods, 2, 60}}));
  HpaMemory memory;
  const auto ask = [&](std::int32_t current, std::int32_t proposal, std::int64_t now) {
    return memory.normalize(spec, HpaSettings{}, current, proposal, at(now)).replicas;
  };
  EXPECT_EQ(ask(10, 90, 0), 15);
  memory.rescaled(spec, 10, 15, at(0));
  EXPECT_EQ(ask(15, 90, 30), 15);  // The period began at 10.
  EXPECT_EQ(ask(15, 90, 59), 15);
  EXPECT_EQ(ask(15, 90, 60), 23);  // An event as old as the period is out: ceil(22.5).
  // Down by 3 (somebody else's limits), then up: the period began at 15 + 3 = 18.
  memory.rescaled(spec, 18, 15, at(70));
  EXPECT_EQ(ask(15, 90, 80), 27);
  EXPECT_EQ(ask(15, 1, 80), 15);  // 18 - 2 = 16 is above the present scale: stay.
  EXPECT_EQ(ask(15, 1, 130), 13);
}

TEST(HpaRate, FasterThanThePoliciesAllowMeansNoFurther) {
  const HpaSpec spec = spec_with(1, 100, rates(Select::kMax, {{kPercent, 50, 60}}, {{kPods, 2, 60}}));
  HpaMemory memory;
  memory.rescaled(spec, 10, 20, at(0));  // 15 would have been allowed.
  const HpaNormalized n = memory.normalize(spec, HpaSettings{}, 20, 90, at(30));
  EXPECT_EQ(n.replicas, 20);
  EXPECT_EQ(n.limit, HpaLimit::kScaleUpLimit);
}

// An up event is overwritten once it is older than the longest up period, although a longer down period would still
// count it: the quirk of keeping events in slots. 10 → 15 at 0, → 16 at 20 (the first is outdated then); at 30 the down
// period of 60 s sees +1 alone: it began at 15, so at least 14 must stay. With both it would have been 9.
TEST(HpaRate, OutdatedEventsAreOverwritten) {
  const HpaSpec spec = spec_with(1, 100, rates(Select::kMax, {{kPods, 50, 15}}, {{kPods, 1, 60}}));
  HpaMemory memory;
  memory.rescaled(spec, 10, 15, at(0));
  memory.rescaled(spec, 15, 16, at(20));
  EXPECT_EQ(memory.normalize(spec, HpaSettings{}, 16, 1, at(30)).replicas, 14);
  // Not yet outdated (15 s old to the second): both count.
  HpaMemory other;
  other.rescaled(spec, 10, 15, at(0));
  other.rescaled(spec, 15, 16, at(15));
  EXPECT_EQ(other.normalize(spec, HpaSettings{}, 16, 1, at(30)).replicas, 9);
}

TEST(HpaStabilize, WindowsOfBothDirections) {
  HpaBehavior b;  // Default rates: 4 pods or 100 % up, 100 % down.
  b.scale_up.stabilization_window_seconds = 60;
  b.scale_down.stabilization_window_seconds = 120;
  const HpaSpec spec = spec_with(1, 100, b);
  HpaMemory memory;
  memory.begin(10, at(0));
  const auto ask = [&](std::int32_t proposal, std::int64_t now) {
    return memory.normalize(spec, HpaSettings{}, 10, proposal, at(now));
  };
  HpaNormalized n = ask(18, 15);  // The lowest of the last minute is 10.
  EXPECT_EQ(n.replicas, 10);
  EXPECT_EQ(n.stabilized, HpaStabilized::kScaleUp);
  n = ask(16, 59);
  EXPECT_EQ(n.replicas, 10);
  n = ask(17, 60);  // What is as old as the window is out: the lowest of 18, 16, 17.
  EXPECT_EQ(n.replicas, 16);
  EXPECT_EQ(n.stabilized, HpaStabilized::kScaleUp);
  n = ask(4, 100);  // The highest of two minutes is 18, the lowest of one is 4: neither asks for another scale.
  EXPECT_EQ(n.replicas, 10);
  EXPECT_EQ(n.stabilized, HpaStabilized::kScaleDown);
  n = ask(4, 179);  // 17 at 60 is 119 s old.
  EXPECT_EQ(n.replicas, 10);
  n = ask(4, 180);
  EXPECT_EQ(n.replicas, 4);
  EXPECT_EQ(n.stabilized, HpaStabilized::kNone);
}

TEST(HpaStabilize, TheControllersOwnWindowWhereNoneIsGiven) {
  const HpaSpec spec = spec_with(1, 100, HpaBehavior{});
  HpaSettings settings;
  settings.downscale_stabilization = seconds(60);
  HpaMemory memory;
  memory.begin(10, at(0));
  EXPECT_EQ(memory.normalize(spec, settings, 10, 2, at(59)).replicas, 10);
  EXPECT_EQ(memory.normalize(spec, settings, 10, 2, at(60)).replicas, 2);
}

}  // namespace
}  // namespace berth::test
