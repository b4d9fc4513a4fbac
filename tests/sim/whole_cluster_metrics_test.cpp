// The metrics of whole runs against time lines worked out by hand: reference, self-healing, section 5 (a node that
// crashes is lost 40 to 60 s later, and its pods are evicted 300 s after that).
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <memory>

#include "results/eviction_metrics.hpp"
#include "results/healing_metrics.hpp"
#include "results/replica_metrics.hpp"
#include "results/work_metrics.hpp"
#include "sim/run.hpp"
#include "sim/run_pod_owners.hpp"
#include "sim/study.hpp"
#include "tests/support/manifest_run.hpp"
#include "tests/support/temp_dir.hpp"
#include "workloads/scenario.hpp"

namespace berth::test {
namespace {

constexpr std::int64_t kHorizon = 900;

// A run with strikes under the healer `kubernetes`, and what the folds make of its journal.
class StruckRun {
 public:
  StruckRun(const std::string& text, std::vector<FaultEvent> strikes, std::size_t nodes = 4,
            const std::string& healer = "kubernetes") {
    healer_ = Registry<Healer>::instance().make(PolicySpec::parse(healer, "test"));
    ManifestRunOptions options;
    options.nodes = nodes;
    options.horizon = seconds(kHorizon);
    options.plan = &plan_;
    options.healer = healer_.get();
    options.strikes = std::move(strikes);
    run = std::make_unique<ManifestRun>(text, options);
    const RunPodOwners owners(run->manifests(), *run->simulation->control_plane());
    ReadyPods pods(owners);
    ReplicaMetrics replicas(Time{} + seconds(kHorizon));
    HealingMetrics healing;
    EvictionMetrics evictions;
    WorkMetrics work(&owners);
    pods.listen(&replicas);
    pods.listen(&healing);
    for (JournalSink* sink :
         {static_cast<JournalSink*>(&pods), static_cast<JournalSink*>(&evictions), static_cast<JournalSink*>(&work)}) {
      sink->begin({&run->simulation->cluster().catalog(), run->simulation->cluster(), nullptr, nullptr});
      sink->write(run->kept.records);
      sink->finish(run->kept.end);
    }
    replicas.add_to(result_);
    healing.add_to(result_);
    evictions.add_to(result_);
    work.add_to(result_);
  }
  double operator[](const std::string& name) const {
    for (const Metric& m : result_.metrics) {
      if (m.name == name) return m.value;
    }
    ADD_FAILURE() << "no metric " << name;
    return 0;
  }

  std::unique_ptr<ManifestRun> run;

 private:
  FaultPlan plan_{"test", {Fault{}}};
  std::unique_ptr<Healer> healer_;
  RunResult result_;
};

FaultEvent strike(FaultKind kind, std::uint32_t node, std::int64_t from_s, Time to = kNever) {
  FaultEvent e;
  e.at = Time{} + seconds(from_s);
  e.end = to;
  e.kind = kind;
  e.node = node;
  return e;
}

std::string web(int replicas) {
  return fmt::format(R"(
apiVersion: apps/v1
kind: Deployment
metadata: {{name: web}}
spec:
  replicas: {}
  selector: {{matchLabels: {{app: web}}}}
  template:
    metadata: {{labels: {{app: web}}}}
    spec:
      containers: [{{name: c, image: "nginx:1.27", resources: {{requests: {{cpu: 500m, memory: 128Mi}}}}}}]
---
)",
                     replicas);
}

// The node monitor looks every 5 s. The look that notices the last renewal starts the clock; the node is lost at the
// first look more than 50 s later. 300 s after that the pods are evicted, and replaced at once.
TEST(WholeClusterMetrics, CrashIsDetectedAndRepairedByTheReferencesClock) {
  for (const std::int64_t crash : {122, 125, 129}) {
    SCOPED_TRACE(crash);
    const StruckRun r(web(8), {strike(FaultKind::kNodeCrash, 0, crash)});
    const Time last_lease = r.run->simulation->control_plane()->store().lease_renewed(NodeId{0});
    const std::int64_t noticed_s = (last_lease.ns + 4'999'999'999) / 5'000'000'000 * 5;
    const double lost_s = static_cast<double>(noticed_s + 55);
    EXPECT_EQ(r["faults_struck"], 1);
    EXPECT_EQ(r["faults_not_detected"], 0);
    EXPECT_EQ(r["faults_not_repaired"], 0);
    EXPECT_NEAR(r["time_to_detect_seconds_mean"], lost_s - static_cast<double>(crash), 1e-9);
    EXPECT_GE(r["time_to_detect_seconds_mean"], 40);
    EXPECT_LE(r["time_to_detect_seconds_mean"], 60);
    EXPECT_EQ(r["evictions_taint"], 2) << "eight pods on four nodes";
    // Two pods that start on nodes that have the image: some seconds.
    const std::vector<double> ready = r.run->times(RecordKind::kPodReady, "web");
    ASSERT_EQ(ready.size(), 10U);
    EXPECT_NEAR(r["time_to_repair_seconds_max"], ready.back() - static_cast<double>(crash), 1e-9);
    EXPECT_GE(r["time_to_repair_seconds_max"], lost_s + 300 - static_cast<double>(crash));
    EXPECT_LE(r["time_to_repair_seconds_max"], lost_s + 310 - static_cast<double>(crash));
    // Missing: each of the eight until it is Ready, then each of two from the crash until a successor is.
    double missing = 0;
    for (std::size_t i = 0; i < 8; ++i) missing += ready[i];
    for (std::size_t i = 8; i < 10; ++i) missing += ready[i] - static_cast<double>(crash);
    EXPECT_NEAR(r["replica_seconds_missing"], missing, 1e-6);
    EXPECT_NEAR(r["replicas_ready_pct_mean"], 100 - 100 * missing / (8.0 * kHorizon), 1e-9);
  }
}

// A reboot of 20 s is over before anybody notices (40 s at least); containers start anew when the machine is back.
TEST(WholeClusterMetrics, ShortRebootIsNotDetected) {
  const StruckRun r(web(8), {strike(FaultKind::kNodeReboot, 0, 120, Time{} + seconds(140))});
  EXPECT_EQ(r["faults_struck"], 1);
  EXPECT_EQ(r["faults_not_detected"], 1);
  EXPECT_TRUE(std::isnan(r["time_to_detect_seconds_mean"]));
  EXPECT_EQ(r["evictions_taint"], 0);
  const std::vector<double> ready = r.run->times(RecordKind::kPodReady, "web");
  ASSERT_EQ(ready.size(), 10U);
  EXPECT_NEAR(r["time_to_repair_seconds_mean"], ready.back() - 120, 1e-9);
  EXPECT_GE(r["time_to_repair_seconds_mean"], 20);
  EXPECT_LE(r["time_to_repair_seconds_mean"], 40);
}

TEST(WholeClusterMetrics, NobodyWatchesNothingIsRepaired) {
  const StruckRun r(web(8), {strike(FaultKind::kNodeCrash, 0, 120)}, 4, "none");
  EXPECT_EQ(r["faults_not_detected"], 1);
  EXPECT_EQ(r["faults_not_repaired"], 1);
  EXPECT_EQ(r["evictions_taint"], 0);
}

// A Job's pod of two cores that runs for 200 s loses its machine at 100 s. It is evicted when the node is lost and 300
// s are over; another one then does all of the work again.
TEST(WholeClusterMetrics, JobLosesWhatItsPodHasDone) {
  const std::string job = R"(
apiVersion: batch/v1
kind: Job
metadata: {name: sums}
spec:
  template:
    metadata: {annotations: {berth.dev/run-time: 200s}}
    spec:
      restartPolicy: Never
      containers: [{name: c, image: "busybox:1.36", resources: {requests: {cpu: "2"}}}]
)";
  const StruckRun probe(job, {}, 2);
  const std::vector<Record> bound = probe.run->records(RecordKind::kPodScheduled);
  ASSERT_EQ(bound.size(), 1U);
  EXPECT_NEAR(probe["work_done_core_seconds"], 2 * 200, 2 * 3) << "the kubelet sees its end at its next look";
  EXPECT_EQ(probe["work_lost_seconds"], 0);

  const StruckRun r(job, {strike(FaultKind::kNodeCrash, static_cast<std::uint32_t>(bound[0].node), 100)}, 2);
  const double started = r.run->times(RecordKind::kPodStarted).front();
  EXPECT_NEAR(r["work_lost_seconds"], 100 - started, 1e-9);
  EXPECT_NEAR(r["work_lost_seconds_node_faults"], 100 - started, 1e-9);
  EXPECT_NEAR(r["work_lost_core_seconds"], 2 * (100 - started), 1e-9);
  EXPECT_NEAR(r["work_done_core_seconds"], 2 * 200, 2 * 3);
  EXPECT_EQ(r["work_restarts"], 1);
  EXPECT_EQ(r["evictions_taint"], 1);
}

constexpr const char* kTwoServices = R"(apiVersion: berth.dev/v1alpha1
kind: Scenario
name: two-services
horizon: 300s
nodes: [{name: n, count: 2, cpu: 4, memory: 8Gi}]
kubelet: {}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: front}
spec:
  replicas: 2
  selector: {matchLabels: {app: front}}
  template:
    metadata: {labels: {app: front}}
    spec:
      containers: [{name: c, image: "nginx:1.27", ports: [{containerPort: 80}], resources: {requests: {cpu: 500m}}}]
---
apiVersion: v1
kind: Service
metadata: {name: front}
spec: {selector: {app: front}, ports: [{port: 80}]}
---
apiVersion: v1
kind: Service
metadata: {name: nobody}
spec: {selector: {app: nobody}, ports: [{port: 80}]}
---
apiVersion: berth.dev/v1alpha1
kind: Traffic
name: t
services:
- {name: front, demand: 20ms, objective: {latency: 1ms, percentile: 90}}
- {name: nobody, demand: 1ms, objective: {availability: 99}}
sources:
- {name: users, service: front, arrivals: {kind: constant, rate: 10, from: 100s, until: 200s}}
- {name: ghosts, service: nobody, arrivals: {kind: constant, rate: 1, from: 100s, until: 200s}}
)";

// 10 requests a second of 20 ms of CPU each for 100 s, to two pods that request half a core each, on two nodes of 4
// cores, for 300 s; and one a second to a Service without pods.
TEST(WholeClusterMetrics, ErrorBudgetsAndCpuUsed) {
  const Scenario scenario = parse_scenario(kTwoServices, "test.yaml", ".");
  ScenarioInputs inputs(scenario, {});
  const RunOutcome out = run_once(inputs, PolicySet::parse("kube-scheduler", "test"), 1, window_of(inputs, 1), {});
  const auto metric = [&](const std::string& name) {
    for (const Metric& m : out.result.metrics) {
      if (m.name == name) return m.value;
    }
    ADD_FAILURE() << "no metric " << name;
    return 0.0;
  };
  ASSERT_EQ(out.services.size(), 4U);
  const ServiceRow& front = out.services[0];
  const ServiceRow& ghosts = out.services[3];
  EXPECT_EQ(front.name, "front");
  EXPECT_FALSE(front.source);
  EXPECT_NEAR(static_cast<double>(front.served), 1000, 1);
  EXPECT_EQ(front.lost, 0U);
  EXPECT_EQ(front.slow, front.served) << "20 ms of CPU take longer than 1 ms";
  EXPECT_NEAR(error_budget_used_pct(front), 1000, 1e-9) << "all of them, and 10 % may";
  EXPECT_GE(front.p50_s, 0.020 * (1 - 1.0 / 128));
  EXPECT_LE(front.p50_s, 0.022);
  EXPECT_EQ(error_budget_used_pct(out.services[2]), 0) << "of the users no time is promised";
  EXPECT_NEAR(error_budget_used_pct(out.services[1]), 100 / 0.01, 1e-6) << "all are lost, and 1 % may";
  EXPECT_EQ(ghosts.name, "ghosts");
  EXPECT_TRUE(ghosts.source);
  EXPECT_EQ(ghosts.served, 0U);
  EXPECT_NEAR(static_cast<double>(ghosts.lost), 100, 1);
  EXPECT_NEAR(metric("error_budget_used_pct"), 100 / 0.001, 1e-4) << "the ghosts, at 99.9 %";

  const double used = 0.020 * static_cast<double>(front.served);
  EXPECT_NEAR(metric("cpu_used_core_seconds"), used, 1e-6);
  EXPECT_NEAR(metric("cpu_used_pct_mean"), 100 * used / (2 * 4 * 300), 1e-6);
  // One core is requested from when the processes start, after a pull of some seconds.
  EXPECT_GE(metric("cpu_used_of_requests_pct"), 100 * used / 300);
  EXPECT_LE(metric("cpu_used_of_requests_pct"), 100 * used / 280);
  EXPECT_NEAR(metric("replicas_wanted_mean"), 2, 1e-9);
}

// A study keeps numbers of single Services where they are asked for, and only there.
TEST(WholeClusterMetrics, StudiesHaveSingleServicesIfAsked) {
  const TempDir folder;
  StudySpec spec;
  spec.scenarios = {std::make_shared<const Scenario>(parse_scenario(kTwoServices, "test.yaml", "."))};
  spec.policies = {PolicySet::parse("kube-scheduler", "test")};
  spec.seeds = {1};
  const auto play = [&](const char* out) {
    StudyOptions options;
    options.out = folder.path() / out;
    run_study(spec, options);
    return slurp(options.out / "summary.csv");
  };
  EXPECT_EQ(play("plain").find("front:"), std::string::npos);
  spec.table_metrics = {"error_budget_used_pct", "front:error_budget_used_pct"};
  const std::string csv = play("asked");
  EXPECT_NE(csv.find("front:error_budget_used_pct"), std::string::npos);
  EXPECT_EQ(csv.find("front:requests"), std::string::npos);
}

}  // namespace
}  // namespace berth::test
