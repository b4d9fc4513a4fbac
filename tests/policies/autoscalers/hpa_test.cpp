// Whole syncs: what is looked at when, and what the conditions say. Expected: reconcileAutoscaler of horizontal.go
// (v1.37) by hand; how it fares against recordings is tests/sim/hpa_conformance_test.cpp.
#include "policies/autoscalers/hpa.hpp"

#include <gtest/gtest.h>

#include "policies/autoscalers/hpa_autoscaler.hpp"
#include "policies/params.hpp"
#include "sim/engine/error.hpp"
#include "tests/policies/autoscalers/pod_table.hpp"

namespace berth::test {
namespace {

std::string told(const Hpa& hpa) {
  std::string text;
  for (std::size_t i = 0; i < kHpaConditionTypes; ++i) {
    const HpaCondition& c = hpa.conditions()[i];
    if (!c.present) continue;
    if (!text.empty()) text += ' ';
    text += to_string(static_cast<HpaConditionType>(i));
    text += c.status ? "=True:" : "=False:";
    text += to_string(c.reason);
  }
  return text;
}

HpaSpec cpu_spec(std::int32_t min, std::int32_t max) {
  HpaSpec spec;
  spec.min_replicas = min;
  spec.max_replicas = max;
  spec.metrics = {{HpaMetricType::kResource, HpaTargetType::kUtilization, 50, true}};
  return spec;
}

const HpaMetricSpec kQueue{HpaMetricType::kExternal, HpaTargetType::kAverageValue, 1000, false};

struct Sync {
  std::int64_t now = 0;
  std::int32_t replicas = 0;
  HpaSelector selector = HpaSelector::kGood;
};
HpaDecision sync(Hpa& hpa, const Sync& s, const PodTable& table, std::vector<HpaMetricValue> metrics) {
  return hpa.sync({at(s.now), s.replicas, s.replicas, s.selector, table.pods(), metrics});
}

TEST(HpaSync, BeyondTheLimitsNoMetricIsLookedAt) {
  const PodTable table(20, {.value_milli = 50});
  Hpa hpa(cpu_spec(3, 10), {});
  HpaDecision d = sync(hpa, {.replicas = 20}, table, {});
  EXPECT_TRUE(d.rescale);
  EXPECT_EQ(d.desired_replicas, 10);
  EXPECT_TRUE(d.metrics.empty());
  EXPECT_EQ(told(hpa), "AbleToScale=True:SucceededRescale ScaledToZero=False:NotScaledToZero");
  d = sync(hpa, {.now = 15, .replicas = 1}, table, {});
  EXPECT_EQ(d.desired_replicas, 3);
}

TEST(HpaSync, ZeroByHandMeansLeaveItAlone) {
  Hpa hpa(cpu_spec(1, 10), {});
  const HpaDecision d = sync(hpa, {.replicas = 0}, {}, {});
  EXPECT_FALSE(d.rescale);
  EXPECT_EQ(d.desired_replicas, 0);
  EXPECT_EQ(told(hpa), "AbleToScale=True:SucceededGetScale ScalingActive=False:ScalingDisabled");
}

TEST(HpaSync, ToZeroAndBack) {
  HpaSpec spec = cpu_spec(0, 10);
  spec.metrics = {kQueue};
  HpaSettings settings;
  settings.downscale_stabilization = seconds(0);
  Hpa hpa(spec, settings);
  const PodTable table(1, {});
  const std::int64_t none = 0;
  const std::int64_t some = 6500;
  HpaDecision d = sync(hpa, {.now = 15, .replicas = 1}, table, {{{}, {&none, 1}}});
  EXPECT_EQ(d.desired_replicas, 1);  // The scale at first sight is a proposal of this instant.
  d = sync(hpa, {.now = 30, .replicas = 1}, table, {{{}, {&none, 1}}});
  EXPECT_EQ(d.desired_replicas, 0);
  EXPECT_EQ(told(hpa),
            "AbleToScale=True:SucceededRescale ScaledToZero=True:ScaledToZero ScalingActive=True:ValidMetricFound "
            "ScalingLimited=False:DesiredWithinRange");
  d = sync(hpa, {.now = 45, .replicas = 0}, {}, {{{}, {&none, 1}}});
  EXPECT_FALSE(d.rescale);
  EXPECT_NE(told(hpa).find("ScaledToZero=True"), std::string::npos);
  d = sync(hpa, {.now = 60, .replicas = 0}, {}, {{{}, {&some, 1}}});
  EXPECT_EQ(d.desired_replicas, 4);  // ceil(6.5) = 7, but at most 4 from 0.
  EXPECT_EQ(told(hpa),
            "AbleToScale=True:SucceededRescale ScaledToZero=False:NotScaledToZero ScalingActive=True:ValidMetricFound "
            "ScalingLimited=True:ScaleUpLimit");
  // Now somebody else sets it to 0: that is not this one's zero.
  d = sync(hpa, {.now = 75, .replicas = 0}, {}, {{{}, {&some, 1}}});
  EXPECT_FALSE(d.rescale);
  EXPECT_NE(told(hpa).find("ScalingActive=False:ScalingDisabled"), std::string::npos);
}

TEST(HpaSync, AMinimumRaisedWhileAtZeroCounts) {
  HpaSpec spec = cpu_spec(0, 10);
  spec.metrics = {kQueue};
  HpaSettings settings;
  settings.downscale_stabilization = seconds(0);
  Hpa hpa(spec, settings);
  const std::int64_t none = 0;
  sync(hpa, {.now = 0, .replicas = 1}, PodTable(1, {}), {{{}, {&none, 1}}});
  ASSERT_EQ(sync(hpa, {.now = 15, .replicas = 1}, PodTable(1, {}), {{{}, {&none, 1}}}).desired_replicas, 0);
  spec.min_replicas = 5;
  spec.behavior.emplace();
  spec.behavior->scale_up.select = HpaScalingRules::Select::kDisabled;
  hpa.set_spec(spec);
  EXPECT_EQ(sync(hpa, {.now = 30, .replicas = 0}, {}, {{{}, {&none, 1}}}).desired_replicas, 5);
}

TEST(HpaSync, AFailingMetricMayOnlyBeIgnoredUpwards) {
  HpaSpec spec = cpu_spec(1, 10);
  spec.metrics.push_back(kQueue);
  const std::int64_t many = 7000;
  const std::int64_t few = 1000;
  const PodTable silent(4, {});
  Hpa hpa(spec, {});
  HpaDecision d = sync(hpa, {.now = 0, .replicas = 4}, silent, {silent.value(), {{}, {&many, 1}}});
  EXPECT_EQ(d.desired_replicas, 7);
  ASSERT_EQ(d.metrics.size(), 2U);
  EXPECT_EQ(d.metrics[0].error, HpaMetricError::kNoMetrics);
  EXPECT_EQ(d.metrics[1].error, HpaMetricError::kNone);
  d = sync(hpa, {.now = 15, .replicas = 4}, silent, {silent.value(), {{}, {&few, 1}}});
  EXPECT_FALSE(d.rescale);
  // ScalingLimited stays as it was.
  EXPECT_EQ(told(hpa),
            "AbleToScale=True:SucceededGetScale ScaledToZero=False:NotScaledToZero "
            "ScalingActive=False:FailedGetResourceMetric ScalingLimited=False:DesiredWithinRange");
  // As many as there are is no fewer.
  const std::int64_t same = 4000;
  sync(hpa, {.now = 30, .replicas = 4}, silent, {silent.value(), {{}, {&same, 1}}});
  EXPECT_NE(told(hpa).find("ScalingActive=True:ValidMetricFound"), std::string::npos);
  // Where all fail, the first says why.
  d = sync(hpa, {.now = 45, .replicas = 4}, silent, {silent.value(), {}});
  EXPECT_FALSE(d.rescale);
  EXPECT_NE(told(hpa).find("ScalingActive=False:FailedGetResourceMetric"), std::string::npos);
}

// An object's share that does not fit 32 bits wraps to the lowest number: that asks for none.
TEST(HpaSync, ANegativeProposalIsNone) {
  HpaSpec spec = cpu_spec(0, 10);
  spec.metrics = {{HpaMetricType::kObject, HpaTargetType::kAverageValue, 1, false}};
  HpaSettings settings;
  settings.downscale_stabilization = seconds(0);
  Hpa hpa(spec, settings);
  const std::int64_t value = 4'000'000'000;
  sync(hpa, {.now = 0, .replicas = 1}, PodTable(1, {}), {{{}, {&value, 1}}});
  EXPECT_EQ(sync(hpa, {.now = 15, .replicas = 1}, PodTable(1, {}), {{{}, {&value, 1}}}).desired_replicas, 0);
  EXPECT_NE(told(hpa).find("ScalingLimited=False:DesiredWithinRange"), std::string::npos);
}

struct Failing {
  HpaMetricSpec metric;
  HpaReason reason;
};
TEST(HpaSync, EachTypeFailsWithItsOwnReason) {
  const PodTable no_request{{.value_milli = 90}, {.value_milli = 90, .request_milli = kNoRequest}};
  const PodTable silent(2, {});
  for (const Failing& f :
       {Failing{{HpaMetricType::kResource, HpaTargetType::kUtilization, 50, true}, HpaReason::kFailedGetResourceMetric},
        Failing{{HpaMetricType::kContainerResource, HpaTargetType::kUtilization, 50, false},
                HpaReason::kFailedGetContainerResourceMetric},
        Failing{{HpaMetricType::kPods, HpaTargetType::kAverageValue, 50, false}, HpaReason::kFailedGetPodsMetric},
        Failing{{HpaMetricType::kObject, HpaTargetType::kValue, 50, false}, HpaReason::kFailedGetObjectMetric},
        Failing{{HpaMetricType::kExternal, HpaTargetType::kValue, 50, false}, HpaReason::kFailedGetExternalMetric}}) {
    HpaSpec spec = cpu_spec(1, 10);
    spec.metrics = {f.metric};
    Hpa hpa(spec, {});
    const PodTable& table = f.metric.target == HpaTargetType::kUtilization ? no_request : silent;
    const HpaDecision d = sync(hpa, {.replicas = 2}, table, {table.value()});
    EXPECT_FALSE(d.rescale);
    const HpaCondition active = hpa.conditions()[static_cast<std::size_t>(HpaConditionType::kScalingActive)];
    EXPECT_EQ(active, (HpaCondition{true, false, f.reason})) << to_string(f.reason);
  }
}

TEST(HpaSync, SelectorsThatWillNotDo) {
  const PodTable table(2, {.value_milli = 100});
  Hpa hpa(cpu_spec(1, 10), {});
  EXPECT_FALSE(sync(hpa, {.replicas = 2, .selector = HpaSelector::kAmbiguous}, table, {table.value()}).rescale);
  EXPECT_EQ(told(hpa), "AbleToScale=True:SucceededGetScale ScalingActive=False:AmbiguousSelector");
  EXPECT_FALSE(sync(hpa, {.replicas = 2, .selector = HpaSelector::kMissing}, table, {table.value()}).rescale);
  EXPECT_EQ(told(hpa), "AbleToScale=True:SucceededGetScale ScalingActive=False:InvalidSelector");
  EXPECT_EQ(sync(hpa, {.now = 15, .replicas = 2}, table, {table.value()}).desired_replicas, 4);
}

TEST(HpaSync, TheHighestMetricWins) {
  HpaSpec spec = cpu_spec(1, 20);
  spec.metrics.push_back(kQueue);
  Hpa hpa(spec, {});
  const std::int64_t queue = 7000;
  const PodTable table(5, {.value_milli = 60});  // 60/50 * 5 = 6.
  const HpaDecision d = sync(hpa, {.replicas = 5}, table, {table.value(), {{}, {&queue, 1}}});
  EXPECT_EQ(d.desired_replicas, 7);
  EXPECT_EQ(d.metrics[0].replicas, 6);
}

TEST(HpaAutoscaler, FollowsCpuAndConcurrency) {
  const PodTable table(2, {.value_milli = 90});
  ScaleObservation o;
  o.spec_replicas = o.status_replicas = o.ready_replicas = 2;
  o.pods = table.pods();
  o.cpu = table.value().samples;
  o.concurrency = 27;
  HpaAutoscaler cpu{Params(PolicySpec::parse("hpa(cpu_percent=45)", "test"))};
  EXPECT_EQ(cpu.period(), seconds(15));
  EXPECT_EQ(cpu.observe(o), 4);  // 90/45 * 2.
  HpaAutoscaler load{Params(PolicySpec::parse("hpa(metric=concurrency,concurrency=10)", "test"))};
  EXPECT_EQ(load.observe(o), 3);  // ceil(27/10).
}

TEST(HpaAutoscaler, RefusesWhatTheApiServerRefuses) {
  for (const char* text : {"hpa(min_replicas=5,max_replicas=4)", "hpa(min_replicas=0)"}) {
    const Params params(PolicySpec::parse(text, "test"));
    EXPECT_THROW(HpaAutoscaler{params}, InputError) << text;
  }
}

}  // namespace
}  // namespace berth::test
