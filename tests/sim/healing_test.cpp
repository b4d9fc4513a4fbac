// Healers in whole runs: kubelets renew leases, machines fail, controllers taint and evict, the scheduler finds new
// places, volumes follow. Times are those of reference/self-healing.md section 5, worked out here from the last lease.
#include "sim/healing.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "sim/controllers/node_taints.hpp"
#include "tests/support/manifest_run.hpp"
#include "tests/support/workload_yaml.hpp"

namespace berth::test {
namespace {

using testing::ElementsAre;
using testing::SizeIs;

constexpr std::int64_t kSecond = 1'000'000'000;

Time at(std::int64_t s) {
  return Time{} + seconds(s);
}
FaultEvent strike(FaultKind kind, std::uint32_t node, std::int64_t from, Time to = kNever) {
  FaultEvent e;
  e.at = at(from);
  e.end = to;
  e.kind = kind;
  e.node = node;
  return e;
}

// Does what a test says, every ten seconds.
class ScriptedHealer final : public Healer {
 public:
  using Script = std::function<void(const HealObservation&, HealDecision&)>;
  explicit ScriptedHealer(Script script) : script_(std::move(script)) {}
  Duration period() const override { return seconds(10); }
  void heal(const HealObservation& o, HealDecision& act) override { script_(o, act); }

 private:
  Script script_;
};

struct HealingRunOptions {
  std::string healer = "kubernetes";
  std::unique_ptr<Healer> own = nullptr;  // Instead.
  std::size_t nodes = 4;
  std::vector<FaultEvent> strikes = {};
  Duration horizon = seconds(3600);
  std::uint64_t seed = 1;
};

// What a ManifestRun needs for as long as it lives.
class HealingParts {
 protected:
  explicit HealingParts(HealingRunOptions& options)
      : healer_(options.own ? std::move(options.own)
                            : Registry<Healer>::instance().make(PolicySpec::parse(options.healer, "test"))) {}
  ManifestRunOptions run_options(const HealingRunOptions& options) const {
    ManifestRunOptions out;
    out.nodes = options.nodes;
    out.horizon = options.horizon;
    out.seed = options.seed;
    out.plan = &plan_;
    out.healer = healer_.get();
    out.strikes = options.strikes;
    return out;
  }

 private:
  FaultPlan plan_{"test", {Fault{}}};
  std::unique_ptr<Healer> healer_;
};

// A run of manifests with a healer that has ended; all of it is there to be looked at.
class HealingRun : HealingParts, public ManifestRun {
 public:
  HealingRun(const std::string& text, HealingRunOptions options)
      : HealingParts(options), ManifestRun(text, run_options(options)) {}

  const Cluster& cluster() const { return simulation->cluster(); }
  const controllers::Store& store() const { return simulation->control_plane()->store(); }
  const controllers::Node* node(std::uint32_t id) const { return store().find<controllers::Node>(id); }
  const controllers::NodeCondition& ready(std::uint32_t id) const {
    return node(id)->condition(controllers::NodeConditionType::kReady);
  }
  std::vector<controllers::Pod> pods_on(std::uint32_t node) const {
    std::vector<controllers::Pod> out;
    store().each_on(static_cast<NodeId>(node), [&](const controllers::Pod& pod) { out.push_back(pod); });
    return out;
  }
  void check() const {
    EXPECT_EQ(simulation->nodes()->verify(), "");
    EXPECT_EQ(cluster().verify(), "");
    EXPECT_EQ(store().verify(), "");
  }
};

std::string deployment(const std::string& name, int replicas, const std::string& pod = {}) {
  return workload_yaml(name, replicas, {.resources = "requests: {cpu: 500m, memory: 128Mi}", .more = pod});
}
// Stays on a lost node for ever.
constexpr const char* kTolerant = "      tolerations: [{operator: Exists, effect: NoExecute}]\n";
constexpr const char* kDaemons = R"(
apiVersion: apps/v1
kind: DaemonSet
metadata: {name: agent}
spec:
  selector: {matchLabels: {app: agent}}
  template:
    metadata: {labels: {app: agent}}
    spec: {containers: [{name: c, image: "fluentd:v1.16"}]}
---
)";

// ---- the time line of a node that crashes for good -----------------------------------------------------------------

// The node monitor looks at multiples of its period. The look that notices the last renewal starts the clock; the node
// is lost at the first look that is later than that by more than the grace period: 50 s at looks every 5 s, so 55 s.
struct TimelineCase {
  const char* name;
  const char* healer;
  std::int64_t period, grace, toleration;  // Seconds.
  double soonest, latest;                  // NotReady, counted from the crash.
};
class NodeCrashTimeline : public testing::TestWithParam<TimelineCase> {};
TEST_P(NodeCrashTimeline, ToTheSecond) {
  const TimelineCase& c = GetParam();
  for (std::int64_t crash = 120; crash < 140; crash += 3) {
    SCOPED_TRACE(crash);
    HealingRun run(deployment("web", 8) + deployment("rock", 8, kTolerant) + kDaemons,
                   {.healer = c.healer, .strikes = {strike(FaultKind::kNodeCrash, 0, crash)}, .horizon = seconds(900)});
    const Time last_lease = run.store().lease_renewed(NodeId{0});
    EXPECT_LE(last_lease, at(crash));
    EXPECT_GE(last_lease, at(crash) - milliseconds(10'400));
    const std::int64_t noticed = (last_lease.ns + c.period * kSecond - 1) / (c.period * kSecond) * c.period;
    const std::int64_t lost = noticed + c.grace / c.period * c.period + c.period;
    EXPECT_GE(static_cast<double>(lost - crash), c.soonest);
    EXPECT_LE(static_cast<double>(lost - crash), c.latest);
    EXPECT_EQ(run.ready(0).status, controllers::ConditionStatus::kUnknown);
    EXPECT_EQ(run.ready(0).last_transition, at(lost));
    EXPECT_TRUE(
        controllers::has_taint(*run.node(0), controllers::taints::kUnreachable, kube::TaintEffect::kNoSchedule));
    for (const controllers::NodeTaint& taint : run.node(0)->spec.taints) {
      if (taint.taint.effect == kube::TaintEffect::kNoExecute) {
        EXPECT_EQ(taint.added, at(lost)) << "in its next 0.1 s";
      }
    }

    std::size_t evicted = 0;
    std::size_t stayed = 0;
    for (const controllers::Pod& pod : run.pods_on(0)) {
      EXPECT_FALSE(pod.status.ready) << "marked together with the node";
      if (run.pod_name(pod.uid).find("web") == std::string::npos) {
        ++stayed;
        EXPECT_FALSE(pod.terminating) << run.pod_name(pod.uid);
        continue;
      }
      ++evicted;
      EXPECT_TRUE(pod.terminating) << "nobody is there to let it go";
      EXPECT_EQ(pod.deleted_at, at(lost + c.toleration));
      EXPECT_EQ(pod.status.disruption, controllers::Disruption::kDeletionByTaintManager);
    }
    EXPECT_EQ(evicted, 2U);
    EXPECT_EQ(stayed, 2U + 1U);
    // Replaced at once, elsewhere.
    const std::vector<double> created = run.times(RecordKind::kPodCreated, "web");
    ASSERT_EQ(created.size(), 8U + evicted);
    for (std::size_t i = 8; i < created.size(); ++i) {
      EXPECT_NEAR(created[i], static_cast<double>(lost + c.toleration) + 0.1, 0.11);
    }
    EXPECT_EQ(run.times(RecordKind::kPodReady, "web").size(), 8U + evicted);
    for (std::uint32_t n = 1; n < 4; ++n) EXPECT_EQ(run.ready(n).last_transition, Time{}) << "never lost";
    run.check();
  }
}
INSTANTIATE_TEST_SUITE_P(
    Table, NodeCrashTimeline,
    testing::Values(TimelineCase{"Kubernetes", "kubernetes", 5, 50, 300, 40, 60},
                    // 20 s after the look that noticed a lease up to 10.4 s old, and a look later: 22 - 10.4 to 24.
                    TimelineCase{"FastFailover", "fast-failover", 2, 20, 30, 11.6, 24},
                    TimelineCase{"FastFailoverAsGiven", "fast-failover(grace=30,monitor_period=5,toleration_seconds=0)",
                                 5, 30, 0, 24.6, 40}),
    [](const auto& c) { return std::string(c.param.name); });

// A node that is back before its pods' time is up keeps them: their containers start anew.
TEST(Healing, ShortCrashMovesNobody) {
  HealingRun run(deployment("web", 8), {.strikes = {strike(FaultKind::kNodeCrash, 0, 120, at(300))}});
  EXPECT_THAT(run.times(RecordKind::kPodCreated), SizeIs(8));
  EXPECT_THAT(run.times(RecordKind::kPodTerminating), SizeIs(0));
  EXPECT_THAT(run.times(RecordKind::kContainerStarted), SizeIs(8 + 2));
  EXPECT_EQ(run.ready(0).status, controllers::ConditionStatus::kTrue);
  EXPECT_GE(run.ready(0).last_transition, at(300));
  EXPECT_LE(run.ready(0).last_transition, at(311)) << "with a lease";
  run.check();
}

// Renewals are 10 to 10.4 s apart, so between the look that noticed one (up to 5 s late) and the one that notices the
// next there is a look 10 s after the first now and then: more than 8 s of silence, and never more than 11.
TEST(Healing, TooShortAGraceLosesHealthyNodes) {
  for (const auto& [healer, loses] : {std::pair{"fast-failover(grace=8,monitor_period=5)", true},
                                      std::pair{"fast-failover(grace=11,monitor_period=5)", false}}) {
    HealingRun run(deployment("web", 4), {.healer = healer});
    for (std::uint32_t n = 0; n < 4; ++n) EXPECT_EQ(run.ready(n).last_transition > Time{}, loses) << healer << " " << n;
    EXPECT_THAT(run.times(RecordKind::kPodCreated), SizeIs(4)) << "back within its 30 s";
  }
}

TEST(Healing, NoneLeavesEverythingWhereItWas) {
  HealingRun run(deployment("web", 8), {.healer = "none", .strikes = {strike(FaultKind::kNodeCrash, 0, 120)}});
  EXPECT_EQ(run.ready(0).status, controllers::ConditionStatus::kTrue) << "nobody noticed";
  EXPECT_THAT(run.node(0)->spec.taints, SizeIs(0));
  EXPECT_THAT(run.times(RecordKind::kPodCreated), SizeIs(8));
  EXPECT_THAT(run.pods_on(0), SizeIs(2));
  for (const controllers::Pod& pod : run.pods_on(0)) EXPECT_TRUE(pod.status.ready && !pod.terminating);
  // What remains is the kubelet's part: once the machine is back, the containers are started again.
  HealingRun back(deployment("web", 8),
                  {.healer = "none", .strikes = {strike(FaultKind::kNodeCrash, 0, 120, at(1200))}});
  EXPECT_THAT(back.times(RecordKind::kPodCreated), SizeIs(8));
  EXPECT_THAT(back.times(RecordKind::kContainerStarted), SizeIs(8 + 2));
  back.check();
}

// ---- node-auto-repair ----------------------------------------------------------------------------------------------

std::int64_t up_to_minute(std::int64_t s) {
  return (s + 59) / 60 * 60;
}

TEST(NodeAutoRepairRun, RebootsAfterTenMinutes) {
  HealingRun run(deployment("web", 8) + deployment("rock", 8, kTolerant),
                 {.healer = "node-auto-repair(reboot_time=90)", .strikes = {strike(FaultKind::kNodeCrash, 0, 125)}});
  // The lease before the crash is noticed at 115 .. 125 (it is renewed every 10 to 10.4 s); lost 55 s after that.
  const std::vector<Record> repairs = run.records(RecordKind::kNodeRepaired);
  ASSERT_THAT(repairs, SizeIs(1));
  EXPECT_EQ(repairs[0].value, 0U);
  EXPECT_EQ(repairs[0].node, NodeId{0});
  const std::int64_t ordered = repairs[0].at.ns / kSecond;
  EXPECT_EQ(repairs[0].at, at(ordered));
  EXPECT_GE(ordered, up_to_minute(170 + 600));
  EXPECT_LE(ordered, up_to_minute(180 + 600));
  EXPECT_EQ(run.ready(0).status, controllers::ConditionStatus::kTrue);
  EXPECT_GE(run.ready(0).last_transition, at(ordered + 90));
  EXPECT_LE(run.ready(0).last_transition, at(ordered + 90 + 11)) << "with the next lease";
  // Pods that do not tolerate were evicted after 300 s, and let go when their kubelet was back.
  EXPECT_THAT(run.times(RecordKind::kPodCreated, "web"), SizeIs(8 + 2));
  const std::vector<double> gone = run.times(RecordKind::kPodDeleted, "web");
  ASSERT_THAT(gone, SizeIs(2));
  for (const double t : gone) EXPECT_NEAR(t, static_cast<double>(ordered + 90), 5);
  // Pods that tolerate were there all the time, and run again on the same node with what its disk holds.
  EXPECT_THAT(run.times(RecordKind::kPodCreated, "rock"), SizeIs(8));
  EXPECT_THAT(run.times(RecordKind::kContainerStarted, "rock"), SizeIs(8 + 2));
  for (const Record& r : run.records(RecordKind::kImagePulled)) EXPECT_LT(r.at, at(125)) << "the disk was kept";
  EXPECT_THAT(run.pods_on(0), SizeIs(2));
  for (const controllers::Pod& pod : run.pods_on(0)) EXPECT_TRUE(pod.status.ready);
  run.check();
}

TEST(NodeAutoRepairRun, RebootEndsAHang) {
  HealingRun run(deployment("rock", 8, kTolerant),
                 {.healer = "node-auto-repair(reboot_time=90)", .strikes = {strike(FaultKind::kNodeHang, 0, 125)}});
  ASSERT_THAT(run.records(RecordKind::kNodeRepaired), SizeIs(1));
  EXPECT_EQ(run.ready(0).status, controllers::ConditionStatus::kTrue);
  EXPECT_THAT(run.times(RecordKind::kContainerStarted), SizeIs(8 + 2));
  run.check();
}

// A reboot does not mend a network. Replacing does: node and pods go, another machine comes.
TEST(NodeAutoRepairRun, ReplacesWhatARebootDoesNotMend) {
  HealingRun run(deployment("rock", 8, kTolerant) + kDaemons,
                 {.healer = "node-auto-repair(reboot_time=90,boot_time=120)",
                  .strikes = {strike(FaultKind::kNodePartition, 0, 125)}});
  const std::vector<Record> repairs = run.records(RecordKind::kNodeRepaired);
  ASSERT_THAT(repairs, SizeIs(2));
  EXPECT_EQ(repairs[0].value, 0U);
  EXPECT_EQ(repairs[1].value, 1U);
  EXPECT_EQ(repairs[1].at - repairs[0].at, seconds(300));
  EXPECT_EQ(run.node(0), nullptr);
  EXPECT_FALSE(run.cluster().node_exists(NodeId{0}));
  ASSERT_NE(run.node(4), nullptr);
  const std::string name = default_nodes(1)[0].name;
  EXPECT_EQ(run.node(4)->name, name + "-r1");
  const std::vector<Record> joined = run.records(RecordKind::kNodeJoined);
  ASSERT_THAT(joined, SizeIs(1));
  EXPECT_EQ(joined[0].at, repairs[1].at + seconds(120));
  EXPECT_EQ(run.ready(4).status, controllers::ConditionStatus::kTrue);
  EXPECT_EQ(run.node(4)->zone, run.node(3)->zone) << "zones a, b, c, a";
  // Pods of the old node: found by pod GC 40 s after a pass first missed the node, in passes of 20 s.
  const std::vector<double> created = run.times(RecordKind::kPodCreated, "rock");
  ASSERT_THAT(created, SizeIs(8 + 2));
  for (std::size_t i = 8; i < 10; ++i) {
    EXPECT_GE(created[i] - repairs[1].at.seconds(), 40);
    EXPECT_LE(created[i] - repairs[1].at.seconds(), 40 + 20 + 0.1);
  }
  EXPECT_THAT(run.pods_on(0), SizeIs(0));
  std::size_t agents = 0;
  for (const Record& r : run.records(RecordKind::kPodReady, "agent")) agents += r.node == NodeId{4} ? 1 : 0;
  EXPECT_EQ(agents, 1U) << "a DaemonSet's pod on the new node";
  run.check();
}

TEST(NodeAutoRepairRun, NoMachineComesUpWhileItsZoneIsOut) {
  FaultEvent outage = strike(FaultKind::kZoneOutage, kNoOrdinal, 125, at(2400));
  const std::vector<NodeSpec> first = default_nodes(1);
  for (const Label& label : first[0].labels) {
    if (label.key == "topology.kubernetes.io/zone") outage.target = label.value;
  }
  ASSERT_NE(outage.target, "");
  HealingRun run(deployment("web", 8),
                 {.healer = "node-auto-repair(reboot_time=90,boot_time=120)", .nodes = 3, .strikes = {outage}});
  const std::vector<Record> repairs = run.records(RecordKind::kNodeRepaired);
  ASSERT_THAT(repairs, SizeIs(2));
  EXPECT_LT(repairs[1].at + seconds(120), at(2400));
  const std::vector<Record> joined = run.records(RecordKind::kNodeJoined);
  ASSERT_THAT(joined, SizeIs(1));
  EXPECT_EQ(joined[0].at, at(2400));
  run.check();
}

// ---- volumes (reference/networking-and-storage.md section 7) -------------------------------------------------------

constexpr const char* kDisk = R"(
apiVersion: storage.k8s.io/v1
kind: StorageClass
metadata: {name: disk, annotations: {storageclass.kubernetes.io/is-default-class: "true"}}
provisioner: csi.example.com
volumeBindingMode: WaitForFirstConsumer
---
)";
const std::string kDatabase = std::string(kDisk) + R"(
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: db}
spec:
  replicas: 1
  serviceName: db
  selector: {matchLabels: {app: db}}
  template:
    metadata: {labels: {app: db}}
    spec:
      containers: [{name: db, image: "postgres:15", volumeMounts: [{name: data, mountPath: /data}]}]
  volumeClaimTemplates:
  - metadata: {name: data}
    spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 10Gi}}}
)";
const std::string kSingle = std::string(kDisk) + R"(
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: data}
spec: {storageClassName: disk, accessModes: [ReadWriteOnce], resources: {requests: {storage: 10Gi}}}
---
)" + deployment("db", 1, "      volumes: [{name: data, persistentVolumeClaim: {claimName: data}}]\n");

// The node that the database is on, which is not always the same one.
std::uint32_t home_of(const std::string& manifests) {
  HealingRun run(manifests, {.horizon = seconds(100)});
  return static_cast<std::uint32_t>(run.records(RecordKind::kPodScheduled, "db").at(0).node);
}

TEST(HealingVolumes, StatefulSetWaitsForTheObjectForEver) {
  const std::uint32_t home = home_of(kDatabase);
  HealingRun run(kDatabase, {.strikes = {strike(FaultKind::kNodeCrash, home, 120)}, .horizon = seconds(7200)});
  EXPECT_THAT(run.times(RecordKind::kPodCreated, "db-0"), SizeIs(1)) << "no replacement while the object is there";
  ASSERT_THAT(run.pods_on(home), SizeIs(1));
  EXPECT_TRUE(run.pods_on(home)[0].terminating);
  EXPECT_THAT(run.times(RecordKind::kVolumeDetached), SizeIs(0));
  run.check();
}

TEST(HealingVolumes, StatefulSetIsBackOnceItsNodeWasRebooted) {
  const std::uint32_t home = home_of(kDatabase);
  HealingRun run(kDatabase, {.healer = "node-auto-repair(reboot_time=90)",
                             .strikes = {strike(FaultKind::kNodeCrash, home, 120)},
                             .horizon = seconds(7200)});
  const std::vector<Record> repairs = run.records(RecordKind::kNodeRepaired);
  ASSERT_THAT(repairs, SizeIs(1));
  const double up = repairs[0].at.seconds() + 90;
  const std::vector<double> created = run.times(RecordKind::kPodCreated, "db-0");
  const std::vector<double> gone = run.times(RecordKind::kPodDeleted, "db-0");
  ASSERT_THAT(created, SizeIs(2));
  ASSERT_THAT(gone, SizeIs(1));
  EXPECT_GE(gone[0], up);
  EXPECT_EQ(created[1], gone[0]) << "the same instant";
  EXPECT_THAT(run.times(RecordKind::kPodReady, "db-0"), SizeIs(2));
  run.check();
}

// The machine is deleted: pod GC (40 to 60 s), then 6 min until the attach-detach controller forces the disk off, then
// it is attached elsewhere.
TEST(HealingVolumes, ReplacedNodeHoldsItsDiskForSixMinutes) {
  const std::uint32_t home = home_of(kDatabase);
  HealingRun run(kDatabase, {.healer = "node-auto-repair(reboot=no)",
                             .strikes = {strike(FaultKind::kNodeCrash, home, 120)},
                             .horizon = seconds(7200)});
  const std::vector<Record> repairs = run.records(RecordKind::kNodeRepaired);
  ASSERT_THAT(repairs, SizeIs(1));
  const double deleted = repairs[0].at.seconds();
  const std::vector<double> created = run.times(RecordKind::kPodCreated, "db-0");
  ASSERT_THAT(created, SizeIs(2));
  EXPECT_GE(created[1] - deleted, 40);
  EXPECT_LE(created[1] - deleted, 60.1);
  const std::vector<double> detached = run.times(RecordKind::kVolumeDetached);
  const std::vector<double> attached = run.times(RecordKind::kVolumeAttached);
  ASSERT_THAT(detached, SizeIs(1));
  ASSERT_THAT(attached, SizeIs(2));
  EXPECT_GE(detached[0] - created[1], 360);
  EXPECT_LE(detached[0] - created[1], 360 + 1 + 60) << "and what a detach takes";
  EXPECT_GT(attached[1], detached[0]);
  EXPECT_THAT(run.times(RecordKind::kPodReady, "db-0"), SizeIs(2));
  run.check();
}

TEST(HealingVolumes, DeploymentIsReplacedButCannotAttach) {
  const std::uint32_t home = home_of(kSingle);
  HealingRun run(kSingle, {.strikes = {strike(FaultKind::kNodeCrash, home, 120)}, .horizon = seconds(7200)});
  const std::vector<double> created = run.times(RecordKind::kPodCreated, "db");
  ASSERT_THAT(created, SizeIs(2));
  EXPECT_NEAR(created[1], 120 + 50 + 300, 10.2);
  bool multi_attach = false;
  for (const Record& r : run.records(RecordKind::kVolumeWaiting, "db")) {
    multi_attach = multi_attach || static_cast<VolumeWait>(r.reason) == VolumeWait::kMultiAttach;
  }
  EXPECT_TRUE(multi_attach);
  EXPECT_THAT(run.times(RecordKind::kPodReady, "db"), SizeIs(1)) << "two hours later it still waits";
  run.check();
}

// ---- disruption budgets --------------------------------------------------------------------------------------------

const std::string kGuarded = deployment("web", 4) + R"(
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata: {name: web}
spec: {minAvailable: 3, selector: {matchLabels: {app: web}}}
)";

// What kubectl drain does: cordon, then evict until nobody is left; what the budget refuses is tried again.
TEST(HealingDrain, RespectsTheBudget) {
  std::size_t refused = 0;
  auto drain = std::make_unique<ScriptedHealer>([&refused](const HealObservation& o, HealDecision& act) {
    if (o.now < at(120)) return;
    act.cordon(NodeId{0}, true);
    for (const HealedPod& pod : o.nodes[0].pods) {
      if (!pod.terminating && !act.evict(pod.handle)) ++refused;
    }
  });
  HealingRun run(kGuarded, {.own = std::move(drain), .nodes = 2});
  const std::vector<Record> evicted = run.records(RecordKind::kPodDescheduled);
  ASSERT_THAT(evicted, SizeIs(2));
  EXPECT_GE(refused, 1U);
  EXPECT_EQ(evicted[0].at, at(120));
  const std::vector<double> ready = run.times(RecordKind::kPodReady, "web");
  ASSERT_THAT(ready, SizeIs(6));
  EXPECT_GE(evicted[1].at.seconds(), ready[4]) << "not before the first one's replacement was Ready";
  // Never below three that are Ready and not told to go.
  std::set<std::uint32_t> up;
  for (const Record& r : run.kept.records) {
    if (r.kind == RecordKind::kPodReady) up.insert(r.pod);
    if (r.kind == RecordKind::kPodNotReady || r.kind == RecordKind::kPodTerminating) up.erase(r.pod);
    if (r.at >= at(120)) {
      EXPECT_GE(up.size(), 3U) << r.at.seconds();
    }
  }
  EXPECT_THAT(run.pods_on(0), SizeIs(0));
  EXPECT_THAT(run.pods_on(1), SizeIs(4));
  EXPECT_TRUE(run.node(0)->spec.unschedulable);
  run.check();
}

// ---- the descheduler in a run --------------------------------------------------------------------------------------

// Node 1 is off long enough for its two pods to go to node 0. When it is back it stays empty, unless somebody moves
// pods: of four on two nodes two may stay, so two go.
TEST(DeschedulerRun, SpreadsPodsAfterAFailure) {
  const std::vector<FaultEvent> crash{strike(FaultKind::kNodeCrash, 1, 120, at(700))};
  HealingRun without(deployment("web", 4), {.nodes = 2, .strikes = crash});
  EXPECT_THAT(without.pods_on(0), SizeIs(4));
  EXPECT_THAT(without.pods_on(1), SizeIs(0));
  HealingRun with(deployment("web", 4),
                  {.healer = "descheduler(low_node_utilization=off)", .nodes = 2, .strikes = crash});
  const std::vector<Record> moved = with.records(RecordKind::kPodDescheduled);
  ASSERT_THAT(moved, SizeIs(2));
  for (const Record& r : moved) {
    EXPECT_EQ(r.at, at(900)) << "the first multiple of 5 min with node 1 Ready";
    EXPECT_EQ(r.node, NodeId{0});
  }
  EXPECT_THAT(with.pods_on(0), SizeIs(2));
  EXPECT_THAT(with.pods_on(1), SizeIs(2));
  with.check();
}

// As before, with a budget that lets one go at a time: the second one is refused at 900 s and goes five minutes later.
TEST(DeschedulerRun, RespectsTheBudget) {
  HealingRun run(kGuarded, {.healer = "descheduler(low_node_utilization=off)",
                            .nodes = 2,
                            .strikes = {strike(FaultKind::kNodeCrash, 1, 120, at(700))}});
  EXPECT_THAT(run.times(RecordKind::kPodDescheduled), ElementsAre(900, 1200));
  EXPECT_THAT(run.pods_on(0), SizeIs(2));
}

// ---- determinism ---------------------------------------------------------------------------------------------------

TEST(Healing, SameSeedSameJournal) {
  const auto play = [](std::uint64_t seed, const char* healer) {
    HealingRun run(kDatabase + "\n---\n" + deployment("web", 12) + kDaemons,
                   {.healer = healer,
                    .strikes = {strike(FaultKind::kNodeCrash, 0, 120), strike(FaultKind::kNodePartition, 1, 400)},
                    .horizon = seconds(3600),
                    .seed = seed});
    run.check();
    return run.kept.records;
  };
  for (const char* healer : {"node-auto-repair", "descheduler", "fast-failover"}) {
    const std::vector<Record> a = play(1, healer);
    const std::vector<Record> b = play(1, healer);
    ASSERT_EQ(a.size(), b.size()) << healer;
    for (std::size_t i = 0; i < a.size(); ++i) {
      ASSERT_TRUE(a[i].at == b[i].at && a[i].kind == b[i].kind && a[i].pod == b[i].pod && a[i].node == b[i].node &&
                  a[i].value == b[i].value)
          << healer << " " << i;
    }
  }
  const auto joined = [](const std::vector<Record>& records) {
    for (const Record& r : records) {
      if (r.kind == RecordKind::kNodeJoined) return r.at;
    }
    return kNever;
  };
  const Time one = joined(play(1, "node-auto-repair(reboot=no)"));
  const Time two = joined(play(2, "node-auto-repair(reboot=no)"));
  EXPECT_NE(one, kNever);
  EXPECT_NE(one, two) << "boot times are drawn";
}

}  // namespace
}  // namespace berth::test
