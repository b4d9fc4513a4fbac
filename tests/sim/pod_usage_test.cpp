// What autoscalers measure of pods that serve no traffic: the working sets of their memory curves and the CPU that
// their annotations say. Replica counts follow from the formulas of reference/autoscaling.md section 1, times from
// three grids: scrapes at P, P + 15 s, … (P is drawn for the run), an HPA that looks at 0, 15 s, 30 s, …, and a pod
// that is known from the first scrape on that finds it at least 10 s old. A scrape is answered within 4 s at most, here
// 8 ms a node.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "sim/metrics_server.hpp"
#include "tests/support/manifest_run.hpp"

namespace berth::test {
namespace {

using testing::ElementsAre;
using testing::Pair;

constexpr double kAnswers = 0.024;  // Three nodes.

std::string workload(const std::string& resources, const std::string& annotations, const std::string& metric) {
  return fmt::format(R"(
apiVersion: apps/v1
kind: Deployment
metadata: {{name: web}}
spec:
  replicas: 2
  selector: {{matchLabels: {{app: web}}}}
  template:
    metadata: {{labels: {{app: web}}, annotations: {{{1}}}}}
    spec: {{containers: [{{name: c, image: "nginx:1.27", resources: {{{0}}}}}]}}
---
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: {{name: web}}
spec:
  scaleTargetRef: {{apiVersion: apps/v1, kind: Deployment, name: web}}
  maxReplicas: 20
  metrics: [{{type: Resource, resource: {2}}}]
)",
                     resources, annotations, metric);
}

class UsageRun {
 public:
  UsageRun(const std::string& text, double horizon, std::uint64_t seed = 1) {
    ManifestRunOptions options;
    options.horizon = from_seconds(horizon);
    options.seed = seed;
    run = std::make_unique<ManifestRun>(text, options);
    phase_ = first_scrape({seed, 0, seconds(15), {}}).seconds();
    for (const Record& r : run->records(RecordKind::kScaled))
      scaled.emplace_back(static_cast<double>(r.at.ns) / 1e9, r.value);
    started = run->times(RecordKind::kContainerStarted);
  }
  // The first scrape at `t` or later.
  double scrape(double t) const { return phase_ + 15 * std::ceil((t - phase_) / 15); }
  // The first look of the HPA behind the answers of a scrape.
  static double sync(double scraped) { return 15 * (std::floor((scraped + kAnswers) / 15) + 1); }

  std::unique_ptr<ManifestRun> run;
  std::vector<std::pair<double, std::uint32_t>> scaled;
  std::vector<double> started;

 private:
  double phase_ = 0;
};

// 60 Mi each, and from an age of 200.001 s on 150 Mi; 100 Mi wanted on average. As the two pods of the beginning are
// that old: ratio 1.5, ceil(1.5 * 2) = 3. While the third is not known it counts as 0: 300 / 3 = 100 Mi: no change.
// Known, it has 60 Mi: 360 / 3 = 120 Mi, ceil(1.2 * 3) = 4. Then 420 / 4 = 105 Mi: within the tolerance of 10 %.
TEST(PodUsage, HpaScalesByAverageMemory) {
  for (const std::uint64_t seed : {1, 2, 3}) {
    SCOPED_TRACE(seed);
    const UsageRun r(workload("requests: {memory: 100Mi}", "berth.dev/memory: \"200s:60Mi, 200001ms:150Mi\"",
                              "{name: memory, target: {type: AverageValue, averageValue: 100Mi}}"),
                     330, seed);
    ASSERT_EQ(r.started.size(), 4U);
    ASSERT_LT(r.started[1] - r.started[0], 10);
    const double first = UsageRun::sync(r.scrape(r.started[1] + 200.001));
    // Between the two pods of the beginning a scrape might see one alone above: 105 Mi, within the tolerance.
    const double second = UsageRun::sync(r.scrape(r.started[2] + 10));
    EXPECT_THAT(r.scaled, ElementsAre(Pair(first, 3), Pair(second, 4)));
  }
}

// The same curve at 120 Mi requested, 50 % wanted: 60 Mi are 50 %. 150 Mi are 125 %: ratio 2.5, ceil(2.5 * 2) = 5, but
// at most max(2 * 2, 4) = 4. At the next look both new pods are unknown: floor(100 * 300 / 480) = 62 %, ceil(1.24 * 4)
// = 5.
TEST(PodUsage, HpaScalesByMemoryUtilization) {
  const UsageRun r(workload("requests: {memory: 120Mi}", "berth.dev/memory: \"200s:60Mi, 200001ms:150Mi\"",
                            "{name: memory, target: {type: Utilization, averageUtilization: 50}}"),
                   239);
  ASSERT_GE(r.started.size(), 4U);
  const double first = UsageRun::sync(r.scrape(r.started[1] + 200.001));
  // One scrape saw both above; the pods that the first scale makes are known 10 s after their start at the earliest.
  ASSERT_GT(r.scrape(r.started[2] + 10), first + 15);
  ASSERT_EQ(r.scrape(r.started[0] + 200.001), r.scrape(r.started[1] + 200.001));
  EXPECT_THAT(r.scaled, ElementsAre(Pair(first, 4), Pair(first + 15, 5)));
}

// 800m wanted, 300m allowed: 150 % of 200m; target 125 %: ceil(1.2 * 2) = 3. Pods count once a sample lies wholly
// behind their becoming Ready, a few seconds after their start: with the first scrape whose forerunner was more than 5
// s behind it.
TEST(PodUsage, HpaScalesByCpuThatContainersSay) {
  int looked = 0;
  for (std::uint64_t seed = 1; seed <= 12; ++seed) {
    SCOPED_TRACE(seed);
    const UsageRun r(workload("requests: {cpu: 200m}, limits: {cpu: 300m}", "berth.dev/cpu: 800m",
                              "{name: cpu, target: {type: Utilization, averageUtilization: 125}}"),
                     80, seed);
    ASSERT_GE(r.started.size(), 2U);
    const double scraped = r.scrape(r.started[1] + 15);
    if (scraped - 15 - r.started[1] < 5 || r.scrape(r.started[0] + 15) != scraped) continue;
    ++looked;
    ASSERT_GE(r.scaled.size(), 1U);
    EXPECT_EQ(r.scaled[0], std::pair(UsageRun::sync(scraped), 3U));
  }
  EXPECT_GE(looked, 4);
}

}  // namespace
}  // namespace berth::test
