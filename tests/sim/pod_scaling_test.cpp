// Pod autoscalers at work on a control plane: real controllers, scripted measurements, and a kubelet that takes a fixed
// time for everything, so that each scale and its time can be worked out by hand from the reference (autoscaling,
// sections 1 and 5). Scrapes are at 7 s, 22 s, 37 s …, looks of the HPA at 0, 15 s, 30 s ….
#include "sim/pod_scaling.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <set>
#include <tuple>

#include "policies/registry.hpp"
#include "sim/engine/error.hpp"
#include "tests/support/cluster_builder.hpp"

namespace berth::test {
namespace {

using controllers::PodStatus;
using controllers::Store;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

// Piecewise constant: since `from`, `value`.
struct Step {
  double from;
  double value;
};

// Every pod uses the same, by the clock.
struct Script {
  std::vector<Step> cpu{{0, 0}};          // Cores.
  std::vector<Step> concurrency{{0, 0}};  // Requests in flight, per pod.
  std::vector<Step> requests{{0, 0}};     // Per second and pod.
  std::vector<Step> held{{0, 0}};         // Requests that wait for a pod.
  std::int64_t memory_bytes = 100 << 20;
  // Pods (by uid) that do not answer from … to.
  std::map<std::uint64_t, std::pair<double, double>> silent;
};

// The integral from `from` to `to`, in units of 1e-9.
std::int64_t integral(const std::vector<Step>& steps, Time from, Time to) {
  double sum = 0;
  for (std::size_t i = 0; i < steps.size(); ++i) {
    const double begin = std::max(steps[i].from, from.seconds());
    const double end = std::min(i + 1 < steps.size() ? steps[i + 1].from : 1e9, to.seconds());
    if (end > begin) sum += (end - begin) * steps[i].value;
  }
  return std::llround(sum * 1e9);
}

struct Options {
  std::string policy = "hpa";
  double horizon = 300;
  Script script;
  double start_delay = 5;  // From bound to Running and Ready.
  double ready_delay = 0;  // From Running to Ready.
  MetricsServerOptions metrics{0, 0, seconds(15), seconds(7)};
  std::vector<double> request_at;  // A request finds no pod.
};

class ScalingRun final : public PodMeasurements {
 public:
  ScalingRun(const std::string& text, const Options& options) : options_(options) {
    manifest::read_manifest(text, "test.yaml", manifests_);
    manifests_.require_good();
    NodeSpec node;
    node.name = "node-0";
    control_plane_ = std::make_unique<ControlPlane>(manifests_, std::span(&node, 1), ControlPlaneOptions{});
    journal_.add_sink(&kept_);
    scaling =
        std::make_unique<PodScaling>(engine_, *control_plane_, manifests_, PolicySpec::parse(options_.policy, "test"),
                                     *this, journal_, options_.metrics);
    journal_.begin({});
    control_plane_->start();
    scaling->start();
    for (const double at : options_.request_at) {
      engine_.schedule(Time{} + from_seconds(at), kPhaseArrive, {0, 0, EventKind::kTrafficEvent});
    }
    control();
    for (Event event; engine_.next(Time{} + from_seconds(options_.horizon), event);) {
      control_plane_->advance(engine_.now());
      apply(event);
      if (engine_.instant_over()) control();
    }
    journal_.finish(engine_.now());
    for (const Record& r : kept_.records) {
      if (r.kind == RecordKind::kScaled) scaled.emplace_back(static_cast<double>(r.at.ns) / 1e9, r.value, r.container);
    }
  }

  Store& store() { return control_plane_->store(); }
  std::unique_ptr<PodScaling> scaling;
  std::vector<std::tuple<double, int, int>> scaled;  // Time, replicas, workload.

 private:
  enum Detail : std::uint16_t { kRunning, kReady, kGone };

  void apply(const Event& event) {
    const auto pod = static_cast<PodId>(event.subject);
    switch (event.kind) {
      case EventKind::kScalingEvent:
        return scaling->handle(event);
      case EventKind::kTrafficEvent:
        return scaling->request_waits(0);
      case EventKind::kKubeletEvent:
        break;
      default:
        return;
    }
    if (!store().exists(pod, event.generation)) return;
    if (event.detail == kGone) return store().remove_pod(pod);
    PodStatus status = store().pod(pod).status;
    status.phase = controllers::Phase::kRunning;
    status.ready = event.detail == kReady;
    status.ready_since = controllers::api_time(engine_.now());
    if (event.detail == kRunning) started_[event.generation] = engine_.now();
    store().set_status(pod, status);
    if (event.detail == kRunning) kubelet(kReady, pod, event.generation, options_.ready_delay);
  }

  void kubelet(Detail what, PodId pod, std::uint64_t uid, double after) {
    engine_.schedule(
        engine_.now() + from_seconds(after), kPhaseChange,
        {static_cast<std::uint32_t>(pod), static_cast<std::uint32_t>(uid), EventKind::kKubeletEvent, what});
  }

  void control() {
    for (bool more = true; more;) {
      control_plane_->advance(engine_.now());
      control_plane_->settle();
      const auto news = control_plane_->take_pod_news();
      more = !news.empty();
      for (const ControlPlane::PodNews& n : news) {
        if (!store().exists(n.id, n.uid)) continue;
        if (n.kind == ControlPlane::PodNews::Kind::kTerminating) kubelet(kGone, n.id, n.uid, 1);
        if (n.kind != ControlPlane::PodNews::Kind::kCreated) continue;
        store().bind(n.id, NodeId{0});
        kubelet(kRunning, n.id, n.uid, options_.start_delay);
      }
    }
    const Time next = control_plane_->next_time();
    if (next != kNever && next != due_) engine_.schedule(next, kPhaseChange, {0, 0, EventKind::kControllersDue});
    due_ = next;
  }

  std::optional<PodReading> read(PodId pod) override {
    const std::uint64_t uid = store().pod(pod).uid;
    const auto started = started_.find(uid);
    if (started == started_.end()) return std::nullopt;
    const auto silent = options_.script.silent.find(uid);
    const double now = engine_.now().seconds();
    if (silent != options_.script.silent.end() && now >= silent->second.first && now < silent->second.second) {
      return std::nullopt;
    }
    const Script& s = options_.script;
    PodReading reading;
    reading.started = started->second;
    reading.cpu_core_ns = integral(s.cpu, started->second, engine_.now());
    reading.memory_bytes = s.memory_bytes;
    reading.concurrency_ns = integral(s.concurrency, started->second, engine_.now());
    reading.requests = static_cast<std::uint64_t>(integral(s.requests, started->second, engine_.now()) / 1'000'000'000);
    return reading;
  }
  Time start_time(PodId pod) override {
    const auto it = started_.find(store().pod(pod).uid);
    return it == started_.end() ? kNever : it->second;
  }
  std::int64_t held_ns(std::uint32_t) override { return integral(options_.script.held, Time{}, engine_.now()); }

  Options options_;
  manifest::Manifests manifests_;
  Engine<Event> engine_;
  Journal journal_;
  RecordKeeper kept_;
  std::unique_ptr<ControlPlane> control_plane_;
  std::map<std::uint64_t, Time> started_;
  Time due_ = kNever;
};

// Pods request 500m of CPU and 100Mi of memory.
std::string workload(const std::string& kind, int replicas, const std::string& hpa_spec) {
  return fmt::format(R"(
apiVersion: apps/v1
kind: {0}
metadata: {{name: web}}
spec:
  replicas: {1}
  selector: {{matchLabels: {{app: web}}}}
  template:
    metadata: {{labels: {{app: web}}}}
    spec: {{containers: [{{name: c, image: "nginx:1.27", resources: {{requests: {{cpu: 500m, memory: 100Mi}}}}}}]}}
---
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: {{name: web}}
spec:
  scaleTargetRef: {{apiVersion: apps/v1, kind: {0}, name: web}}
{2}
)",
                     kind, replicas, hpa_spec);
}

std::string cpu_target(int percent, int min, int max, const std::string& more = {}) {
  return fmt::format(R"(  minReplicas: {}
  maxReplicas: {}
  metrics: [{{type: Resource, resource: {{name: cpu, target: {{type: Utilization, averageUtilization: {}}}}}}}]
{})",
                     min, max, percent, more);
}

using Scaled = std::tuple<double, int, int>;

// Pods use 400m of 500m: 80 %, target 50 %, so the ratio is 1.6. Pods are ready at 5 s and seen at 7 s and 22 s.
// 15 s: nobody has been seen twice: no metrics, no change.
// 30 s: samples of 22 s over 15 s, ready since 5 s (22 >= 5 + 15): ceil(1.6 * 2) = 4; limit max(2 * 2, 4).
// 45 s: the two new pods, ready at 35 s, were seen at 37 s alone: missing, so taken for 0: 800m / 2000m = 40 %, below
//       the target while the ratio was above: no change.
// 60 s: all four have samples of 52 s >= 35 + 15: ceil(1.6 * 4) = 7, limit 8.
// 75 s: three are missing: 1600m / 3500m = 45 %: no change.
// 90 s: ceil(1.6 * 7) = 12, limit 14, maximum 10. From then on the maximum.
TEST(PodScaling, HpaScalesUpByTheFormulaAtEachSync) {
  Options options;
  options.script.cpu = {{0, 0.4}};
  ScalingRun run(workload("Deployment", 2, cpu_target(50, 1, 10)), options);
  EXPECT_THAT(run.scaled, ElementsAre(Scaled{30, 4, 0}, Scaled{60, 7, 0}, Scaled{90, 10, 0}));
  const auto& deployment = run.store().get<controllers::Deployment>(0);
  EXPECT_EQ(deployment.spec.replicas, 10);
  EXPECT_EQ(deployment.status.ready, 10);
  EXPECT_EQ(run.store().verify(), "");
}

// Pods that run 40 s before they are Ready count as unready until a sample lies wholly behind that: with a ratio above
// 1 they are taken for 0. 30 s: the first two, Ready at 45 s, are not ready: no usable sample. 75 s: samples of 67 s >=
// 45 + 15: 4. The new ones, created at 75 s, run at 80 s, Ready at 120 s: seen twice at 97 s, and yet unready until a
// sample of 142 s >= 135 s, which the sync at 150 s sees. 90 s … 135 s: 800m / 2000m = 40 %: no change.
TEST(PodScaling, UnreadyPodsHoldBackTheScaleUp) {
  Options options;
  options.script.cpu = {{0, 0.4}};
  options.ready_delay = 40;
  options.horizon = 160;
  ScalingRun run(workload("Deployment", 2, cpu_target(50, 1, 10)), options);
  EXPECT_THAT(run.scaled, ElementsAre(Scaled{75, 4, 0}, Scaled{150, 7, 0}));
}

// 250m of 500m is on target. From 100 s on 100m: the sample of 112 s is (3 s * 250m + 12 s * 100m) / 15 s = 130m, 26 %.
// Proposals: 4 up to 105 s; 120 s: ceil(0.52 * 4) = 3; from 135 s on 20 %: ceil(0.4 * 4) = 2. The highest of the last
// five minutes counts: 4 until 405 s (105 s is not older than 300 s then); 420 s: 3, of 120 s; 435 s: 2; meanwhile
// ceil(0.4 * 3) = 2 is proposed, and from 450 s on, by two pods, 1. The last 2 is of 435 s and counts until 735 s.
TEST(PodScaling, HpaScalesDownAfterTheStabilizationWindow) {
  Options options;
  options.script.cpu = {{0, 0.25}, {100, 0.1}};
  options.horizon = 900;
  ScalingRun run(workload("Deployment", 4, cpu_target(50, 1, 10)), options);
  EXPECT_THAT(run.scaled, ElementsAre(Scaled{420, 3, 0}, Scaled{435, 2, 0}, Scaled{750, 1, 0}));
}

// The same with spec.behavior: a window of 60 s, in which proposals strictly younger count, and at most one pod in 30
// s. 165 s: the 4 of 105 s is out, 3 of 120 s remains: 3. 180 s: the window says 2, but one went within 30 s. 195 s: 2
// (165 s is no longer within). The last 2 is proposed at 195 s (ceil(0.4 * 3)), so 1 comes at 255 s.
TEST(PodScaling, HpaFollowsTheObjectsBehavior) {
  Options options;
  options.script.cpu = {{0, 0.25}, {100, 0.1}};
  options.horizon = 600;
  ScalingRun run(workload("Deployment", 4, cpu_target(50, 1, 10, R"(
  behavior: {scaleDown: {stabilizationWindowSeconds: 60, policies: [{type: Pods, value: 1, periodSeconds: 30}]}})")),
                 options);
  EXPECT_THAT(run.scaled, ElementsAre(Scaled{165, 3, 0}, Scaled{195, 2, 0}, Scaled{255, 1, 0}));
}

// 270m of 500m is 54 %, 1.08 of the target: within 10 %, but not within 5 %: ceil(1.08 * 2) = 3, and with the third
// pod's samples ceil(1.08 * 3) = 4, the maximum. 45 s: the third is missing: 540m / 1500m: no change.
TEST(PodScaling, ToleranceOfTheController) {
  Options options;
  options.script.cpu = {{0, 0.27}};
  EXPECT_THAT(ScalingRun(workload("Deployment", 2, cpu_target(50, 1, 4)), options).scaled, IsEmpty());
  const std::string strict = "  behavior: {scaleUp: {tolerance: 0.05}}\n";
  EXPECT_THAT(ScalingRun(workload("Deployment", 2, cpu_target(50, 1, 4, strict)), options).scaled,
              ElementsAre(Scaled{30, 3, 0}, Scaled{60, 4, 0}));
}

// 150Mi each, 100Mi wanted: 30 s: ceil(1.5 * 2) = 3. 45 s: the third is missing: 300Mi / 3 = 100Mi: no change. 60 s:
// ceil(1.5 * 3) = 5, the maximum.
TEST(PodScaling, MemoryIsAMetricToo) {
  Options options;
  options.script.memory_bytes = 150 << 20;
  ScalingRun run(workload("Deployment", 2, R"(
  maxReplicas: 5
  metrics: [{type: Resource, resource: {name: memory, target: {type: AverageValue, averageValue: 100Mi}}}])"),
                 options);
  EXPECT_THAT(run.scaled, ElementsAre(Scaled{30, 3, 0}, Scaled{60, 5, 0}));
}

// 12 requests per second and pod, 8 wanted: the ratio is 1.5, as above.
TEST(PodScaling, RequestsPerSecondAreACustomMetric) {
  Options options;
  options.script.requests = {{0, 12}};
  ScalingRun run(workload("Deployment", 2, R"(
  maxReplicas: 5
  metrics: [{type: Pods, pods: {metric: {name: http-requests-per-second}, target: {type: AverageValue, averageValue: "8"}}}])"),
                 options);
  EXPECT_THAT(run.scaled, ElementsAre(Scaled{30, 3, 0}, Scaled{60, 5, 0}));
  EXPECT_THAT(run.scaling->notes(), IsEmpty());
}

// Requests in flight as an External metric: known at once, without samples. Two pods from 5 s on with 30 each: in the
// first 15 s the mean is 2 * 30 * 10 / 15 = 40; at 10 for each replica that is 4, at 30 s 60: 6 … but the four pods
// then have 30 each as well: between 20 s and 30 s: (2 * 15 + 2 * 10) * 30 / 15 = 100: 8 at most (twice 4).
TEST(PodScaling, RequestsInFlightAreAnExternalMetric) {
  Options options;
  options.script.concurrency = {{0, 30}};
  options.horizon = 31;
  ScalingRun run(workload("Deployment", 2, R"(
  maxReplicas: 20
  metrics: [{type: External, external: {metric: {name: requests_in_flight}, target: {type: AverageValue, averageValue: "10"}}}])"),
                 options);
  EXPECT_THAT(run.scaled, ElementsAre(Scaled{15, 4, 0}, Scaled{30, 8, 0}));
}

TEST(PodScaling, UnknownMetricIsMissingAndSaid) {
  Options options;
  options.script.cpu = {{0, 0.4}};
  ScalingRun run(workload("Deployment", 2, R"(
  maxReplicas: 5
  metrics: [{type: External, external: {metric: {name: queue_length}, target: {type: Value, value: "8"}}}])"),
                 options);
  EXPECT_THAT(run.scaled, IsEmpty());
  EXPECT_THAT(run.scaling->notes(), ElementsAre(HasSubstr("the metric \"queue_length\" is not modelled")));
}

// A pod whose node does not answer has no sample once the next batch is there. On 20 % of 50 the ratio is 0.4; with
// both pods ceil(0.8) = 1, with one of them missing, which is then taken for 100 % of its request: (100m + 500m) /
// 1000m = 60 %: the direction turns: no change. A window of 0 lets the proposal through at once.
TEST(PodScaling, SilentPodHoldsBackTheScaleDown) {
  const std::string text = workload("Deployment", 2, cpu_target(50, 1, 4, R"(
  behavior: {scaleDown: {stabilizationWindowSeconds: 0}})"));
  Options options;
  options.script.cpu = {{0, 0.1}};
  EXPECT_THAT(ScalingRun(text, options).scaled, ElementsAre(Scaled{30, 1, 0}));
  options.script.silent[2] = {0, 100};
  // Seen again at 112 s and 127 s: a sample at 135 s.
  EXPECT_THAT(ScalingRun(text, options).scaled, ElementsAre(Scaled{135, 1, 0}));
}

// A scale beyond the limits is put right at the first sync, whatever the metrics say.
TEST(PodScaling, LimitsAndKindsOfTargets) {
  for (const char* kind : {"Deployment", "ReplicaSet", "StatefulSet"}) {
    SCOPED_TRACE(kind);
    Options options;
    options.horizon = 25;
    ScalingRun above(workload(kind, 5, cpu_target(50, 2, 3)), options);
    EXPECT_THAT(above.scaled, ElementsAre(Scaled{0, 3, 0}));
    EXPECT_EQ(above.store().pod_count(), 3U);
    EXPECT_THAT(ScalingRun(workload(kind, 1, cpu_target(50, 2, 3)), options).scaled, ElementsAre(Scaled{0, 2, 0}));
  }
}

// What the user gives to the policy counts before the object: 20 % instead of 80 %, at most 3. 40 % / 20 % = 2.
TEST(PodScaling, ParametersOfThePolicyComeFirst) {
  Options options;
  options.script.cpu = {{0, 0.2}};
  options.horizon = 60;
  const std::string text = workload("Deployment", 1, cpu_target(80, 1, 10));
  EXPECT_THAT(ScalingRun(text, options).scaled, IsEmpty());
  options.policy = "hpa(cpu_percent=20, max_replicas=3)";
  EXPECT_THAT(ScalingRun(text, options).scaled, ElementsAre(Scaled{30, 2, 0}, Scaled{60, 3, 0}));
  options.policy = "hpa(min_replicas=11)";
  EXPECT_THROW(ScalingRun(text, options), InputError);
}

// Idle from the beginning: Ready at 5 s, Active at the tick of 6 s, for a stable window of 60 s; inactive at 66 s. One
// pod cannot take a burst of 211, so the activator has been in the path all the time, for more than 30 s: 0 at 68 s.
// A request at 100.5 s is told at once: 1. It is in the stable window until 159 s; Active since 106 s, so inactive at
// 166 s, and 0 at 168 s.
TEST(PodScaling, KpaScalesToZeroAndBack) {
  Options options;
  options.policy = "kpa(min_scale=0)";
  options.request_at = {100.5, 101, 101.5};  // Only the first finds a scale of 0.
  ScalingRun run(workload("Deployment", 1, cpu_target(50, 1, 10)), options);
  EXPECT_THAT(run.scaled, ElementsAre(Scaled{68, 0, 0}, Scaled{100.5, 1, 0}, Scaled{168, 0, 0}));
}

// Nobody pokes, but what is held is counted: 1 request from 100.5 s to 101 s is a mean of 0.25 at the tick of 102 s.
TEST(PodScaling, HeldRequestsAreConcurrency) {
  Options options;
  options.policy = "kpa(min_scale=0)";
  options.horizon = 110;
  options.script.held = {{0, 0}, {100.5, 1}, {101, 0}};
  ScalingRun run(workload("Deployment", 1, cpu_target(50, 1, 10)), options);
  EXPECT_THAT(run.scaled, ElementsAre(Scaled{68, 0, 0}, Scaled{102, 1, 0}));
}

// An HPA is not told of requests; its own minimum holds for other policies unless they are given one.
TEST(PodScaling, LimitsOfTheObjectHoldForOtherPolicies) {
  Options options;
  options.horizon = 120;
  options.request_at = {10};
  const std::string text = workload("Deployment", 1, cpu_target(50, 2, 4));
  options.policy = "kpa";
  EXPECT_THAT(ScalingRun(text, options).scaled, ElementsAre(Scaled{0, 2, 0}));
  options.policy = "scheduled(table=* * * * * = 50)";
  EXPECT_THAT(ScalingRun(text, options).scaled, ElementsAre(Scaled{0, 4, 0}));
  options.policy = "predictive";
  EXPECT_THAT(ScalingRun(text, options).scaled, ElementsAre(Scaled{0, 2, 0}));
}

TEST(PodScaling, FixedDoesNothing) {
  Options options;
  options.policy = "fixed";
  options.script.cpu = {{0, 0.5}};
  const std::string text = workload("Deployment", 7, cpu_target(50, 2, 4));
  EXPECT_THAT(ScalingRun(text, options).scaled, IsEmpty());
  options.policy = "fixed(replicas=3)";
  EXPECT_THAT(ScalingRun(text, options).scaled, ElementsAre(Scaled{0, 3, 0}));
}

TEST(PodScaling, TargetsThatAreNotThere) {
  Options options;
  options.horizon = 30;
  ScalingRun run(R"(
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: {name: lost}
spec: {scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: nobody}, maxReplicas: 3}
)",
                 options);
  EXPECT_EQ(run.scaling->workloads(), 1U);
  EXPECT_EQ(run.scaling->autoscaler(0), nullptr);
  EXPECT_THAT(run.scaling->notes(), ElementsAre(HasSubstr("Deployment default/nobody is not in these files")));
  EXPECT_THAT(run.scaled, IsEmpty());
}

TEST(PodScaling, TwoForOneTargetAreRefused) {
  const std::string text = workload("Deployment", 2, cpu_target(50, 1, 4)) + R"(---
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: {name: other}
spec: {scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: web}, maxReplicas: 3}
)";
  try {
    ScalingRun run(text, {});
    FAIL();
  } catch (const InputError& e) {
    EXPECT_THAT(e.what(), HasSubstr("default/web and default/other both scale Deployment default/web"));
  }
}

TEST(PodScaling, PodsLeadToTheirWorkload) {
  Options options;
  options.horizon = 10;
  ScalingRun run(workload("Deployment", 2, cpu_target(50, 1, 4)), options);
  EXPECT_EQ(run.scaling->target(0), "Deployment default/web");
  EXPECT_EQ(run.scaling->workload_of(run.store().pod(PodId{0}).owner), 0U);
  EXPECT_EQ(run.scaling->workload_of({controllers::ObjectKind::kDeployment, 0}), 0U);
  EXPECT_EQ(run.scaling->workload_of({controllers::ObjectKind::kStatefulSet, 0}), std::nullopt);
}

// Source: metrics-server's storage. Seen at 7 s and 22 s: 15 s at 0.4 cores. The time has whole seconds; the node is
// asked within the first 8 ms (8 ms a node).
TEST(MetricsServer, RateBetweenTheLastTwoScrapes) {
  Options options;
  options.script.cpu = {{0, 0.4}, {20, 1.0}};
  options.script.concurrency = {{0, 3}};
  options.horizon = 30;
  ScalingRun run(workload("Deployment", 1, cpu_target(100, 1, 1)), options);
  const std::optional<PodMetrics> m = run.scaling->metrics_server().find(PodId{0}, 1);
  ASSERT_TRUE(m.has_value());
  EXPECT_EQ(m->time, Time{} + seconds(22));
  EXPECT_EQ(m->window, seconds(15));
  // 13 s at 0.4 and 2 s at 1, give or take the milliseconds before the node is asked: 480m, rounded up.
  EXPECT_NEAR(static_cast<double>(m->cpu_milli), 480, 1);
  EXPECT_EQ(m->concurrency_milli, 3000);
  EXPECT_EQ(m->memory_bytes, 100 << 20);
  EXPECT_FALSE(run.scaling->metrics_server().find(PodId{0}, 2).has_value());
}

// A container between 10 s and 15 s old when it is first seen needs no second scrape: its start is one. At 9 s of age
// it does.
TEST(MetricsServer, FreshContainers) {
  for (const auto& [start, known] : {std::pair(10.0, true), std::pair(13.0, false)}) {
    Options options;
    options.script.cpu = {{0, 0.4}};
    options.start_delay = start;
    options.horizon = 30;
    ScalingRun run(workload("Deployment", 1, cpu_target(100, 1, 1)), options);
    const std::optional<PodMetrics> m = run.scaling->metrics_server().find(PodId{0}, 1);
    ASSERT_EQ(m.has_value(), known) << start;
    if (!known) continue;
    EXPECT_NEAR(m->window.seconds(), 12, 0.01);
    EXPECT_EQ(m->cpu_milli, 400);
  }
}

// The same run twice is the same run; where scrapes fall within the 15 s is drawn from the seed. What differs is when
// the first samples are there: by 15 s if the scrapes are at 5 s … or by 30 s.
TEST(PodScaling, IsDeterministic) {
  const std::string text = workload("Deployment", 2, cpu_target(50, 1, 40));
  const auto run = [&text](std::uint64_t seed) {
    Options options;
    options.script.cpu = {{0, 0.4}, {150, 0.3}, {300, 0.1}};
    options.horizon = 1200;
    options.metrics = {};
    options.metrics.seed = seed;
    return ScalingRun(text, options).scaled;
  };
  std::set<std::vector<Scaled>> different;
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    SCOPED_TRACE(seed);
    const std::vector<Scaled> first = run(seed);
    EXPECT_FALSE(first.empty());
    EXPECT_EQ(run(seed), first);
    different.insert(first);
  }
  EXPECT_GT(different.size(), 1U);
}

}  // namespace
}  // namespace berth::test
