// One metric's proposal. Expected numbers: derived by hand from the rules of replica_calculator.go (v1.37), in
// comments.
#include "policies/autoscalers/hpa_metrics.hpp"

#include <gtest/gtest.h>

#include <limits>

#include "tests/policies/autoscalers/pod_table.hpp"
#include "tests/support/case_name.hpp"

namespace berth::test {
namespace {

constexpr auto kFailed = ScaledPods::Phase::kFailed;
constexpr auto kPending = ScaledPods::Phase::kPending;
constexpr std::int64_t kMaxInt64 = std::numeric_limits<std::int64_t>::max();
constexpr std::int64_t kMinInt64 = std::numeric_limits<std::int64_t>::min();

HpaMetricSpec utilization(std::int64_t percent) {
  return {HpaMetricType::kResource, HpaTargetType::kUtilization, percent, true};
}

HpaProposal propose(const HpaMetricSpec& metric, const PodTable& table, std::int32_t replicas,
                    const HpaTolerance& tolerance = {}, Time now = at(0)) {
  return propose_replicas(metric, table.value(), table.pods(), replicas, replicas, tolerance, HpaSettings{}, now);
}

struct UtilizationCase {
  const char* name;
  std::int64_t target;
  PodTable pods;
  std::int32_t current;
  std::int32_t replicas;
  std::int32_t utilization;
};
class HpaUtilization : public testing::TestWithParam<UtilizationCase> {};

TEST_P(HpaUtilization, Proposes) {
  const UtilizationCase& c = GetParam();
  const HpaProposal p = propose(utilization(c.target), c.pods, c.current);
  ASSERT_EQ(p.error, HpaMetricError::kNone);
  EXPECT_EQ(p.replicas, c.replicas);
  EXPECT_EQ(p.status.average_utilization, c.utilization);
  EXPECT_FALSE(p.status.value_milli);
}
INSTANTIATE_TEST_SUITE_P(
    Table, HpaUtilization,
    testing::Values(
        // 110/50 = 2.2, and 2.2 * 25 is 55.00000000000001 in doubles.
        UtilizationCase{"NoGuardAgainstRounding", 50, PodTable(25, {.value_milli = 110}), 25, 56, 110},
        // 1.1 and 0.9 are the edges of the tolerance, and within.
        UtilizationCase{"UpperEdge", 100, PodTable(10, {.value_milli = 110}), 10, 10, 110},
        UtilizationCase{"AboveTolerance", 100, PodTable(10, {.value_milli = 111}), 10, 12, 111},
        UtilizationCase{"LowerEdge", 100, PodTable(10, {.value_milli = 90}), 10, 10, 90},
        UtilizationCase{"BelowTolerance", 100, PodTable(10, {.value_milli = 89}), 10, 9, 89},
        // 100 * 199 / 300 = 66.3 counts as 66; 66/60 = 1.1.
        UtilizationCase{"WholePercent", 60, {{.value_milli = 66}, {.value_milli = 66}, {.value_milli = 67}}, 3, 3, 66},
        // 0.5; the missing one gets its request: 190/400 = 47 %; 47/60 * 4 = 3.1.
        UtilizationCase{"MissingDown", 60, PodTable(3, {.value_milli = 30}).add({}), 4, 4, 30},
        // Target 150: missing ones get 150: 360/400 = 90 %; 0.6 * 4 = 2.4.
        UtilizationCase{"MissingDownHighTarget", 150, PodTable(2, {.value_milli = 30}).add({}).add({}), 4, 3, 30},
        // Right at the target nothing is assumed of the missing one.
        UtilizationCase{"MissingAtTarget", 50, PodTable(2, {.value_milli = 50}).add({}), 3, 3, 50},
        // 3; the missing one gets 0: 540/400 = 135 %; 2.25 * 4 = 9.
        UtilizationCase{"MissingUp", 60, PodTable(3, {.value_milli = 180}).add({}), 4, 9, 180},
        UtilizationCase{"PendingUp", 60, PodTable(3, {.value_milli = 180}).add({.phase = kPending}), 4, 9, 180},
        // Scaling down nothing is assumed of pods that are not ready: 0.5 * 3.
        UtilizationCase{"PendingDown", 60, PodTable(3, {.value_milli = 30}).add({.phase = kPending}), 4, 2, 30},
        // A pending pod's sample is none: as PendingUp.
        UtilizationCase{"PendingSample", 60,
                        PodTable(3, {.value_milli = 180}).add({.value_milli = 999, .phase = kPending}), 4, 9, 180},
        // 70/60 > 1, but 140/500 = 28 % is below: the direction would flip.
        UtilizationCase{"Flips", 60, PodTable(2, {.value_milli = 70}).add({}).add({}).add({}), 5, 5, 70},
        // 0.5 is below, but (60 + 400)/600 = 76 % is above.
        UtilizationCase{"FlipsUp", 60, PodTable(2, {.value_milli = 30}).add({}).add({}).add({}).add({}), 6, 6, 30},
        // 100/60 > 1; 300/400 = 75 %; 1.25 * 4 = 5, fewer than there are, though up was the direction.
        UtilizationCase{"FewerThoughUp", 60, PodTable(3, {.value_milli = 100}).add({}), 10, 10, 100},
        // 0.375; ten missing: (10 * 30 + 10 * 100)/2000 = 65 %; 0.8125 * 20 = 16.25, more than the 12 there are.
        UtilizationCase{"MoreThoughDown", 80,
                        [] {
                          PodTable twenty(10, {.value_milli = 30});
                          for (int i = 0; i < 10; ++i) twenty.add({});
                          return twenty;
                        }(),
                        12, 12, 30},
        // Failed and terminating pods count in no way: 1.5 * 2.
        UtilizationCase{"FailedAndDeleted",
                        60,
                        {{.value_milli = 90},
                         {.value_milli = 90},
                         {.value_milli = 900, .phase = kFailed},
                         {.value_milli = 900, .deleted = true},
                         {.phase = kFailed},
                         {.deleted = true}},
                        2,
                        3,
                        90},
        UtilizationCase{"SucceededCounts",
                        60,
                        {{.value_milli = 90}, {.value_milli = 90, .phase = ScaledPods::Phase::kSucceeded}},
                        2,
                        3,
                        90},
        // Requests differ: (10 + 190) / (100 + 900) = 20 %.
        UtilizationCase{
            "RequestsAreSummed", 10, {{.value_milli = 10}, {.value_milli = 190, .request_milli = 900}}, 2, 4, 20}),
    CaseName{});

// Two pods: one right at the target, one far above. If the second counts, (50 + 250) / 200 = 150 %, ratio 3, 6
// replicas; if it is unready, the ratio is 1 and the scale stays.
struct ReadinessCase {
  const char* name;
  PodRow probe;
  bool counts;
};
class HpaReadiness : public testing::TestWithParam<ReadinessCase> {};

TEST_P(HpaReadiness, OfCpuAlone) {
  PodRow probe = GetParam().probe;
  probe.value_milli = 250;
  const PodTable table{{.value_milli = 50}, probe};
  HpaMetricSpec metric = utilization(50);
  EXPECT_EQ(propose(metric, table, 2, {}, at(1000)).replicas, GetParam().counts ? 6 : 2);
  metric.cpu = false;
  EXPECT_EQ(propose(metric, table, 2, {}, at(1000)).replicas, 6);
}
constexpr auto kNo = ScaledPods::Ready::kFalse;
constexpr auto kYes = ScaledPods::Ready::kTrue;
INSTANTIATE_TEST_SUITE_P(
    Table, HpaReadiness,
    testing::Values(
        ReadinessCase{"NoCondition", {.ready = ScaledPods::Ready::kAbsent}, false},
        ReadinessCase{"NoStart", {.start = kNever}, false},
        // Younger than 300 s: ready, and a sample whose whole window lies behind the transition.
        ReadinessCase{"YoungUnready",
                      {.start = at(800), .ready = kNo, .ready_transition = at(800), .sample_time = at(990)},
                      false},
        ReadinessCase{"WindowBehind",
                      {.start = at(800), .ready = kYes, .ready_transition = at(900), .sample_time = at(915)},
                      true},
        ReadinessCase{"WindowNotBehind",
                      {.start = at(800), .ready = kYes, .ready_transition = at(900), .sample_time = at(914)},
                      false},
        ReadinessCase{"YoungUnknown",
                      {.start = at(800),
                       .ready = ScaledPods::Ready::kUnknown,
                       .ready_transition = at(900),
                       .sample_time = at(915)},
                      true},
        ReadinessCase{"LastYoungSecond", {.start = at(701), .ready = kNo, .ready_transition = at(900)}, false},
        // At 300 s sharp it is old: unready counts, unless it was never ready (last change within 30 s of the start).
        ReadinessCase{"OldUnready", {.start = at(700), .ready = kNo, .ready_transition = at(900)}, true},
        ReadinessCase{"NeverReady", {.start = at(700), .ready = kNo, .ready_transition = at(729)}, false},
        ReadinessCase{"ReadyForAMoment", {.start = at(700), .ready = kNo, .ready_transition = at(730)}, true},
        ReadinessCase{"OldReadyStaleSample",
                      {.start = at(700), .ready = kYes, .ready_transition = at(720), .sample_time = at(721)},
                      true}),
    CaseName{});

TEST(HpaMetrics, AverageValueIsOfWholeMilliUnits) {
  const HpaMetricSpec metric{HpaMetricType::kPods, HpaTargetType::kAverageValue, 100, false};
  HpaProposal p = propose(metric, {{.value_milli = 100}, {.value_milli = 200}, {.value_milli = 300}}, 3);
  EXPECT_EQ(p.replicas, 6);  // 200/100 * 3.
  EXPECT_EQ(p.status.average_value_milli, 200);
  EXPECT_FALSE(p.status.average_utilization);
  p = propose(metric, {{.value_milli = 110}, {.value_milli = 111}}, 2);  // 110.5 is cut to 110: within tolerance.
  EXPECT_EQ(p.replicas, 2);
  EXPECT_EQ(p.status.average_value_milli, 110);
  // A missing pod is taken to be at the target when scaling down, (50 + 50 + 100)/3 = 66: 0.66 * 3; else at 0:
  // (400 + 400 + 0)/3 = 266: 2.66 * 3 = 7.98.
  EXPECT_EQ(propose(metric, {{.value_milli = 50}, {.value_milli = 50}, {}}, 3).replicas, 2);
  EXPECT_EQ(propose(metric, {{.value_milli = 400}, {.value_milli = 400}, {}}, 3).replicas, 8);
  // Readiness does not matter to Pods metrics.
  EXPECT_EQ(propose(metric, {{.value_milli = 400, .ready = kNo}, {.value_milli = 400, .start = kNever}}, 2).replicas,
            8);
}

TEST(HpaMetrics, ToleranceIsPerDirection) {
  HpaSpec spec;
  spec.behavior.emplace();
  spec.behavior->scale_up.tolerance = 0.5;
  const HpaTolerance tolerance = tolerance_of(spec, HpaSettings{});
  EXPECT_EQ(tolerance.up, 0.5);
  EXPECT_EQ(tolerance.down, 0.1);
  EXPECT_EQ(propose(utilization(100), PodTable(10, {.value_milli = 150}), 10, tolerance).replicas, 10);
  EXPECT_EQ(propose(utilization(100), PodTable(10, {.value_milli = 151}), 10, tolerance).replicas, 16);
  EXPECT_EQ(propose(utilization(100), PodTable(10, {.value_milli = 89}), 10, tolerance).replicas, 9);
  spec.behavior->scale_down.tolerance = 0.0;
  EXPECT_EQ(tolerance_of(spec, HpaSettings{}).down, 0.0);
  spec.behavior.reset();
  EXPECT_EQ(tolerance_of(spec, HpaSettings{}).up, 0.1);
}

struct OuterCase {
  const char* name;
  HpaMetricType type;
  HpaTargetType target;
  std::int64_t target_milli;
  std::vector<std::int64_t> values;
  std::int32_t spec, status;
  std::int32_t replicas;
  std::int64_t shown;
};
class HpaOuterMetric : public testing::TestWithParam<OuterCase> {};

TEST_P(HpaOuterMetric, Proposes) {
  const OuterCase& c = GetParam();
  // Two of four pods are running and ready; one of these is terminating, which does not matter here.
  const PodTable table{{}, {.deleted = true}, {.ready = kNo}, {.phase = kPending}};
  const HpaProposal p = propose_replicas({c.type, c.target, c.target_milli, false}, {{}, c.values}, table.pods(),
                                         c.spec, c.status, {}, HpaSettings{}, at(0));
  ASSERT_EQ(p.error, HpaMetricError::kNone);
  EXPECT_EQ(p.replicas, c.replicas);
  const bool value = c.target == HpaTargetType::kValue;
  EXPECT_EQ(value ? p.status.value_milli : p.status.average_value_milli, c.shown);
  EXPECT_FALSE(value ? p.status.average_value_milli : p.status.value_milli);
}
constexpr auto kExternal = HpaMetricType::kExternal;
constexpr auto kObject = HpaMetricType::kObject;
constexpr auto kValue = HpaTargetType::kValue;
constexpr auto kAverage = HpaTargetType::kAverageValue;
constexpr std::int32_t kMaxInt32 = std::numeric_limits<std::int32_t>::max();
constexpr std::int32_t kMinInt32 = std::numeric_limits<std::int32_t>::min();
INSTANTIATE_TEST_SUITE_P(
    Table, HpaOuterMetric,
    testing::Values(
        OuterCase{"ExternalValue", kExternal, kValue, 100, {300, 200}, 3, 3, 10, 500},  // 5 * 2 ready pods.
        OuterCase{"ObjectValue", kObject, kValue, 100, {250}, 3, 3, 5, 250},            // 2.5 * 2.
        OuterCase{"WithinTolerance", kObject, kValue, 100, {110}, 3, 3, 3, 110},
        OuterCase{"FromZero", kExternal, kValue, 100, {301}, 0, 0, 4, 301},  // Neither pods nor tolerance count.
        OuterCase{"FromZeroNothing", kExternal, kValue, 100, {0}, 0, 0, 0, 0},
        OuterCase{"ExternalAverage", kExternal, kAverage, 100, {200, 300}, 9, 4, 5, 125},  // 1.25; ceil(500/100).
        OuterCase{"AverageWithinTolerance", kExternal, kAverage, 100, {500}, 9, 5, 5, 100},
        OuterCase{"ObjectAverageRoundsUp", kObject, kAverage, 100, {10}, 3, 3, 1, 4},
        // Division by a scale of zero: infinity, and NaN for 0/0; both show as the lowest number, as recorded.
        OuterCase{"AverageAtZero", kExternal, kAverage, 100, {500}, 0, 0, 5, kMinInt64},
        OuterCase{"NothingAtZero", kExternal, kAverage, 100, {0}, 0, 0, 0, kMinInt64},
        // Sums stop at the highest number, and so do replicas; an object's share wraps.
        OuterCase{"ValueSaturates", kExternal, kValue, 1, {kMaxInt64, 5}, 3, 3, kMaxInt32, kMaxInt64},
        OuterCase{"AverageSaturates", kExternal, kAverage, 1, {kMaxInt64, 5}, 3, 3, kMaxInt32, kMaxInt64},
        OuterCase{"ObjectShareWraps", kObject, kAverage, 1, {4'000'000'000}, 3, 2, kMinInt32, 2'000'000'000}),
    CaseName{});

struct ErrorCase {
  const char* name;
  HpaMetricSpec metric;
  PodTable pods;
  HpaMetricError error;
};
class HpaMetricErrors : public testing::TestWithParam<ErrorCase> {};

TEST_P(HpaMetricErrors, IsTold) {
  const HpaProposal p = propose(GetParam().metric, GetParam().pods, 3);
  EXPECT_EQ(p.error, GetParam().error);
  EXPECT_FALSE(p.status.average_utilization || p.status.average_value_milli || p.status.value_milli);
}
INSTANTIATE_TEST_SUITE_P(
    Table, HpaMetricErrors,
    testing::Values(
        ErrorCase{"NoSample", utilization(50), {{}, {}}, HpaMetricError::kNoMetrics},
        ErrorCase{"NoPodNoSample", utilization(50), {}, HpaMetricError::kNoMetrics},
        ErrorCase{
            "OnlyUnready", utilization(50), {{.value_milli = 1, .phase = kPending}}, HpaMetricError::kNoUsableSample},
        // Any pod's request, be it of a failed one, is needed …
        ErrorCase{"NoRequest",
                  utilization(50),
                  {{.value_milli = 1}, {.request_milli = kNoRequest, .phase = kFailed}},
                  HpaMetricError::kMissingRequest},
        ErrorCase{
            "ZeroRequests", utilization(50), {{.value_milli = 1, .request_milli = 0}}, HpaMetricError::kNoRequests},
        // … but not for an average.
        ErrorCase{"AverageNeedsNone", {HpaMetricType::kResource, kAverage, 1, true}, {}, HpaMetricError::kNoMetrics},
        ErrorCase{"NoValues", {kExternal, kValue, 1, false}, {{}}, HpaMetricError::kNoMetrics}),
    CaseName{});

TEST(HpaMetrics, AverageNeedsNoRequest) {
  const HpaMetricSpec metric{HpaMetricType::kContainerResource, kAverage, 100, true};
  EXPECT_EQ(propose(metric, {{.value_milli = 200, .request_milli = kNoRequest}}, 1).replicas, 2);
}

TEST(HpaMetrics, ValueOfAnObjectNeedsAPod) {
  const std::int64_t value = 500;
  const HpaMetricSpec metric{kObject, kValue, 100, false};
  const auto propose_at = [&](std::int32_t replicas) {
    return propose_replicas(metric, {{}, {&value, 1}}, {}, replicas, replicas, {}, HpaSettings{}, at(0));
  };
  EXPECT_EQ(propose_at(1).error, HpaMetricError::kNoPods);
  EXPECT_EQ(propose_at(0).error, HpaMetricError::kNone);
}

// Go on x86-64: cvttsd2si gives the lowest number for whatever does not fit.
TEST(HpaMetrics, GoConversions) {
  EXPECT_EQ(go_int32(2147483647.9), kMaxInt32);
  EXPECT_EQ(go_int32(2147483648.0), kMinInt32);
  EXPECT_EQ(go_int32(-1.9), -1);
  EXPECT_EQ(go_int32(std::numeric_limits<double>::quiet_NaN()), kMinInt32);
  EXPECT_EQ(go_int64(9223372036854775808.0), kMinInt64);
  EXPECT_EQ(go_int64(-3.5), -3);
}

}  // namespace
}  // namespace berth::test
