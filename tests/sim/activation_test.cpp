// Scaling to zero and back in whole runs: traffic that stops and comes again, Knative's autoscaler and activator, the
// Deployment's controllers, kube-scheduler, the kubelet, EndpointSlices. Times by hand from the reference (autoscaling,
// section 5; images and containers, section 7; networking, section 1).
#include "sim/activation.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <string>
#include <utility>
#include <vector>

#include "tests/support/manifest_run.hpp"

namespace berth::test {
namespace {

using testing::ElementsAre;
using testing::Pair;

// Where in a second the kubelet of the first node looks: a node's own place, drawn for its number alone.
const double kLook =
    static_cast<double>(Rng(0, 0, 0, Purpose::kNodeBoot).below64(10'000'000'000ULL) % 1'000'000'000) * 1e-9;

constexpr const char* kWeb = R"(
apiVersion: apps/v1
kind: Deployment
metadata: {{name: web}}
spec:
  replicas: 1
  selector: {{matchLabels: {{app: web}}}}
  template:
    metadata: {{labels: {{app: web}}{0}}}
    spec:
      containers:
      - name: web
        image: nginx:1.27
        ports: [{{containerPort: 80}}]
{1}        resources: {{requests: {{cpu: 500m, memory: 64Mi}}, limits: {{cpu: "1"}}}}
        lifecycle: {{preStop: {{exec: {{command: [sleep, "5"]}}}}}}
---
apiVersion: v1
kind: Service
metadata: {{name: web}}
spec: {{{2}selector: {{app: web}}, ports: [{{port: 80}}]}}
---
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: {{name: web}}
spec:
  scaleTargetRef: {{apiVersion: apps/v1, kind: Deployment, name: web}}
  minReplicas: {3}
  maxReplicas: 20
  metrics: [{{type: External, external: {{metric: {{name: rps}}, target: {{type: Value, value: "1"}}}}}}]
)";

struct Options {
  std::string policy = "kpa(min_scale=0)";
  std::string fidelity = "requests";
  std::string timeout = "30s";
  std::string arrivals = "constant";
  double rate = 2;
  std::string demand = "10ms";
  std::size_t nodes = 1;
  std::string start_up;  // From started to answering; then with a readinessProbe every second.
  std::string second = "600300ms";
  std::string service;
  int min_replicas = 1;
};

// Requests in two spells, up to 120 s from 60 s and up to 660 s from 600.3 s. A sandbox takes 0.5 s, to create and to
// start a container 0.125 s each; the kubelet looks every second.
class Spells : public ManifestRun {
 public:
  explicit Spells(const Options& options) : ManifestRun(text(options), run_options(options)) {
    EXPECT_EQ(simulation->traffic()->verify(), "");
    EXPECT_EQ(simulation->nodes()->verify(), "");
  }

  // Time and replicas wanted.
  std::vector<std::pair<std::int64_t, int>> scaled_ms() const {
    std::vector<std::pair<std::int64_t, int>> out;
    for (const Record& r : records(RecordKind::kScaled)) {
      out.emplace_back(r.at.ns / 1'000'000, static_cast<int>(r.value));
    }
    return out;
  }
  double held_s() const { return static_cast<double>(simulation->traffic()->held_ns(0)) * 1e-9; }
  // The mean of the replicas wanted, from `from` to `to` seconds.
  double mean_replicas(double from, double to) const {
    double sum = 0;
    double at = from;
    int now = 1;
    for (const auto& [ms, n] : scaled_ms()) {
      const double t = static_cast<double>(ms) * 1e-3;
      if (t > at && t < to) {
        sum += now * (t - at);
        at = t;
      }
      now = n;
    }
    return (sum + now * (to - at)) / (to - from);
  }
  // Of both sources together.
  TrafficCounts counts() const {
    TrafficCounts sum;
    for (std::uint32_t s = 0; s < 2; ++s) {
      const TrafficCounts c = simulation->traffic()->model().counts(SourceId{s});
      sum.issued += c.issued;
      sum.served += c.served;
      sum.timed_out += c.timed_out;
      sum.in_flight += c.in_flight;
      for (std::size_t r = 0; r < kRequestFailures; ++r) sum.failed[r] += c.failed[r];
    }
    return sum;
  }
  double mean_latency(std::uint32_t source) const {
    return simulation->traffic()->model().latency(SourceId{source}).mean_seconds();
  }

 private:
  static std::string text(const Options& o) {
    const std::string annotations =
        o.start_up.empty() ? "" : ", annotations: {berth.dev/start-up-time: " + o.start_up + "}";
    const std::string probe =
        o.start_up.empty() ? "" : "        readinessProbe: {httpGet: {path: /, port: 80}, periodSeconds: 1}\n";
    return fmt::format(kWeb, annotations, probe, o.service, o.min_replicas);
  }
  static ManifestRunOptions run_options(const Options& o) {
    ManifestRunOptions out;
    out.nodes = o.nodes;
    out.horizon = seconds(1'000);
    out.policy = "scheduler=kube-scheduler+autoscaler=" + o.policy;
    out.model.kubelet.sandbox_time = Distribution::constant(0.5);
    out.model.kubelet.create_time = out.model.kubelet.start_time = Distribution::constant(0.125);
    const auto source = [&o](const char* name, const char* from, const char* until) {
      return fmt::format(
          "- {{name: {}, service: web, timeout: {}, arrivals: {{kind: {}, rate: {}, from: {}, until: {}}}}}\n", name,
          o.timeout, o.arrivals, o.rate, from, until);
    };
    out.traffic = fmt::format(
        "apiVersion: berth.dev/v1alpha1\nkind: Traffic\nname: spells\nfidelity: {}\n"
        "services: [{{name: web, demand: \"{}\"}}]\nsources:\n{}{}",
        o.fidelity, o.demand, source("first", "60s", "119950ms"), source("second", o.second.c_str(), "660s"));
    return out;
  }
};

// Requests at 60, 60.5, … 119.5 s, 10 ms each. The last is in the tick of 120 s, as 0.005 in flight in seconds 119 and
// 120, and in the stable window of 60 s until the tick of 178 s. At 180 s the autoscaler wants nothing and has been
// Active for more than a stable window: inactive. One pod of 100 has no room for a burst of 211, so the activator has
// been in the path for more than the grace of 30 s: 0 at the next tick, 182 s.
// The request of 600.3 s wakes it at once. The pod is created and bound in that instant; sandbox 600.8, the image is
// there, container created 600.925, started 601.05; the kubelet sees it the next time it looks: Ready. Written 20 ms
// and seen by the activator 40 ms later; it has the requests of 600.3 and 600.8 by then: 60 us to the pod (connection
// and way, 20 us a hop), 20 ms for both together, 20 us back. The last one is of 659.8: inactive at 720, 0 at 722.
TEST(ScaleToZero, AndBackOnARequest) {
  const Spells run({});
  EXPECT_THAT(run.scaled_ms(), ElementsAre(Pair(182'000, 0), Pair(600'300, 1), Pair(722'000, 0)));
  const auto second = [&run](RecordKind kind) { return run.times(kind, "web").at(1); };
  EXPECT_NEAR(second(RecordKind::kPodCreated), 600.3, 1e-9);
  EXPECT_NEAR(second(RecordKind::kPodScheduled), 600.3, 1e-9);
  EXPECT_NEAR(second(RecordKind::kPodSandboxCreated), 600.8, 1e-9);
  EXPECT_NEAR(second(RecordKind::kContainerStarted), 601.05, 1e-9);
  EXPECT_NEAR(second(RecordKind::kPodReady), 601 + kLook, 1e-9);
  const TrafficCounts c = run.counts();
  EXPECT_EQ(c.issued, 240U);
  EXPECT_EQ(c.served, 240U);
  EXPECT_NEAR(run.mean_latency(0), 0.01008, 1e-9);
  const double held = 0.74 + kLook + 0.24 + kLook;
  EXPECT_NEAR(run.mean_latency(1) * 120, held + 2 * 0.02008 + 118 * 0.01008, 1e-6);
  EXPECT_NEAR(run.held_s(), held, 1e-6);
}

// The activator in the path at zero only: it takes over when nothing is wanted, at 180 s and at 720 s, and the last pod
// goes when it has been there for the grace of 30 s. Requests are held all the same.
TEST(ScaleToZero, GraceCountsFromTheActivatorTakingOver) {
  Options options;
  options.policy = "kpa(min_scale=0,target_burst_capacity=0)";
  const Spells run(options);
  EXPECT_THAT(run.scaled_ms(), ElementsAre(Pair(210'000, 0), Pair(600'300, 1), Pair(750'000, 0)));
  EXPECT_EQ(run.counts().served, 240U);
}

// Who waits 700 ms at most: the request of 600.3 is lost, that of 600.8 is handed on at 601.103. With 200 ms both are.
TEST(ScaleToZero, ImpatientCallersAreLost) {
  for (const auto& [timeout, lost] : {std::pair("700ms", 1U), std::pair("200ms", 2U)}) {
    Options options;
    options.timeout = timeout;
    const Spells run(options);
    EXPECT_THAT(run.scaled_ms(), ElementsAre(Pair(182'000, 0), Pair(600'300, 1), Pair(722'000, 0)));
    EXPECT_EQ(run.counts().timed_out, lost);
    EXPECT_EQ(run.counts().served, 240U - lost);
  }
}

// Autoscalers that do not wake have no activator. Told to go by the clock at 5 min, and back at no time: the requests
// of the second spell are all rejected by the node's rules.
TEST(ScaleToZero, WithoutAnActivatorNobodyHolds) {
  Options options;
  options.policy = "scheduled(table=0-4 * * * * = 1; 5-59 * * * * = 0)";
  options.min_replicas = 0;
  const Spells run(options);
  EXPECT_THAT(run.scaled_ms(), ElementsAre(Pair(300'000, 0)));
  EXPECT_EQ(run.counts().failed[static_cast<std::size_t>(RequestFailure::kNoEndpoints)], 120U);
  EXPECT_EQ(run.held_s(), 0);
}

// Nobody can lead the clients of a headless Service elsewhere: what DNS tells them is that there is no endpoint.
TEST(ScaleToZero, HeadlessServicesHaveNoActivator) {
  Options options;
  options.service = "clusterIP: None, ";
  const Spells run(options);
  EXPECT_THAT(run.scaled_ms(), ElementsAre(Pair(182'000, 0)));
  EXPECT_EQ(run.counts().served, 120U);
  EXPECT_EQ(run.counts().failed[static_cast<std::size_t>(RequestFailure::kNoEndpoints)], 120U);
}

// The fluid model has no first request: the autoscaler's next look, at 602 s, finds what is held. All else is the same
// to the tick. Started at 602.75 and seen when the kubelet looks, by the activator 40 ms later, at 603.1: the requests
// of 600.3, 600.8 … 602.8 are held for 2.8 + 2.3 + … + 0.3 = 9.3 s, give or take steps of 100 ms for each of the six,
// and a step of 2 s for the first.
TEST(ScaleToZero, FluidWakesAtTheNextTick) {
  Options options;
  options.fidelity = "fluid";
  const Spells run(options);
  EXPECT_THAT(run.scaled_ms(), ElementsAre(Pair(182'000, 0), Pair(602'000, 1), Pair(722'000, 0)));
  EXPECT_NEAR(run.times(RecordKind::kPodReady, "web").at(1), 603 + kLook, 1e-9);
  EXPECT_NEAR(run.held_s(), 9.3, 1.3);
  EXPECT_EQ(run.counts().served, 240U);
}

// Poisson, 40 a second, 50 ms each; pods that take ten at a time and need 10 s to answer. The second spell begins just
// before a tick, so that both wake at one time. For the whole of it both want the same replicas in the mean within 10
// %, go to zero within two ticks of each other, hold as much within 10 %, and answer in the same time within 15 %.
TEST(ScaleToZero, FluidAgreesWithRequests) {
  double replicas[2] = {};
  double latency[2] = {};
  double held[2] = {};
  std::int64_t last[2] = {};
  for (const bool fluid : {false, true}) {
    Options options;
    options.policy = "kpa(min_scale=0,container_concurrency=10)";
    options.arrivals = "poisson";
    options.rate = 40;
    options.demand = "exponential(mean=50ms)";
    options.start_up = "10s";
    options.second = "601950ms";
    options.nodes = 8;
    options.fidelity = fluid ? "fluid" : "requests";
    const Spells run(options);
    replicas[fluid] = run.mean_replicas(600, 720);
    latency[fluid] = run.mean_latency(1);
    held[fluid] = run.held_s();
    last[fluid] = run.scaled_ms().back().first;
    EXPECT_EQ(run.scaled_ms().back().second, 0);
    const TrafficCounts c = run.counts();
    EXPECT_EQ(c.timed_out + c.all_failed(), 0U) << fluid;
    EXPECT_NEAR(static_cast<double>(c.served), 40 * (59.95 + 58.05), 3 * std::sqrt(4720.0));
    RecordProperty(fluid ? "fluid" : "requests",
                   fmt::format("{} {} {} {}", replicas[fluid], latency[fluid], held[fluid], last[fluid]));
  }
  EXPECT_NEAR(replicas[1], replicas[0], 0.10 * replicas[0]);
  EXPECT_NEAR(latency[1], latency[0], 0.15 * latency[0]);
  EXPECT_NEAR(held[1], held[0], 0.10 * held[0]);
  EXPECT_NEAR(static_cast<double>(last[1]), static_cast<double>(last[0]), 4'000);
}

}  // namespace
}  // namespace berth::test
