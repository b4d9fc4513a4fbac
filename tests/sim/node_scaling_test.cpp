// Nodes that come and go in a run: node autoscalers, machines that boot, drains and budgets, pods of machines that are
// gone, against times worked out by hand from Cluster Autoscaler's constants (reference, autoscaling, section 3).
#include "sim/node_scaling.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <functional>

#include "policies/registry.hpp"
#include "sim/fault_injection.hpp"
#include "sim/manifest_cluster.hpp"
#include "sim/policy_set.hpp"
#include "tests/support/cluster_builder.hpp"
#include "tests/support/workload_yaml.hpp"
#include "workloads/instances/instance_type.hpp"

namespace berth::test {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

constexpr const char* kGroups = R"(
- {name: general, cpu: "4", memory: 16Gi, ephemeralStorage: 100Gi, min: 1, max: 5, initial: 1, price: 0.36,
   bootTime: "100", readyTime: "10"}
)";

std::string deployment(const std::string& name, int replicas, const std::string& cpu) {
  return workload_yaml(name, replicas, {.resources = "requests: {cpu: " + cpu + ", memory: 64Mi}"});
}

std::string budget(const std::string& name, int min_available) {
  return fmt::format(R"(
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata: {{name: {0}}}
spec: {{minAvailable: {1}, selector: {{matchLabels: {{app: {0}}}}}}}
---
)",
                     name, min_available);
}

// Does at each loop what the test says.
class Scripted final : public NodeAutoscaler {
 public:
  using Script = std::function<void(const NodeAutoscalerObservation&, NodeAutoscalerDecision&)>;
  explicit Scripted(Script script) : script_(std::move(script)) {}
  void observe(const NodeAutoscalerObservation& o, Rng&, NodeAutoscalerDecision& out) override {
    out = {};
    script_(o, out);
    out.next_loop = o.now + seconds(10);
  }
  Time loop_after(Time now) const override { return now == Time{} ? now : kNever; }
  void scale_down_failed(std::uint32_t node, Time now) override { failed.emplace_back(node, now.ns / 1'000'000'000); }
  std::vector<std::pair<std::uint32_t, std::int64_t>> failed;

 private:
  Script script_;
};

// The main loop around the parts that matter here.
class ScaledRun {
 public:
  ScaledRun(const std::string& objects, const std::string& groups, std::unique_ptr<NodeAutoscaler> autoscaler,
            std::uint64_t seed = 1, const FaultPlan* plan = nullptr, bool trace = false)
      : groups_(read(groups, catalog_)),
        policy(std::move(autoscaler)),
        scheduler_(make_scheduler(PolicySet::parse("kube-scheduler", "test").of("scheduler"))),
        distribution_(Registry<ImageDistribution>::instance().make({"registry", {}})),
        cluster(catalog_),
        actions(cluster, engine, journal_, {}),
        rng_(seed, 0, 0, Purpose::kPolicy) {
    manifest::read_manifest(objects, "test.yaml", manifests_);
    manifests_.require_good();
    for (const NodeSpec& node : groups_.initial_nodes()) cluster.add_node(node);
    cluster.set_listener(scheduler_->listener());
    cluster.set_objects(std::make_shared<const kube::Objects>(scheduling_objects(manifests_)));
    ControlPlaneOptions how;
    how.node_groups = true;
    how.node_failures = plan != nullptr;
    if (!trace) control_plane = std::make_unique<ControlPlane>(manifests_, cluster.node_specs(), how);
    std::set<std::string> names;
    add_image_names(manifests_, names);
    images_ = find_images(model_, names);
    nodes = std::make_unique<Nodes>(cluster, engine, journal_, actions, images_, *distribution_, model_,
                                    control_plane.get(), &manifests_, NodesOptions{seed, 0, plan != nullptr});
    if (plan != nullptr) {
      faults = std::make_unique<FaultInjection>(engine, journal_, *nodes, images_, *plan, std::span<const FaultEvent>(),
                                                cluster);
      faults->follow_joins(Time{} + seconds(3600), {seed, 0});
      faults->set_on_reclaim([this](NodeId node) { scaling->machine_lost(node); });
    }
    scaling = std::make_unique<NodeScaling>(cluster, engine, journal_, actions, *nodes, control_plane.get(), *policy,
                                            groups_.groups, NodeScalingOptions{seed, 0, {}});
    costs_ = std::make_unique<NodeMetricsFold>(node_prices(groups_.groups));
    journal_.add_sink(&kept);
    journal_.add_sink(costs_.get());
    journal_.begin({&cluster.catalog(), cluster, &images_.catalog, nullptr});
    scheduler_->prepare(cluster, {});
    if (trace) {  // Its pods come at 0.
      manifests_.each<kube::api::Pod>([this](const kube::api::Pod& pod, const auto&) {
        const auto copy = std::make_shared<const kube::api::Pod>(pod);
        actions.create(cluster.catalog().intern(pod_template(copy, cluster.catalog())), kForever, {}, 0);
      });
    } else {
      control_plane->start();
    }
    control();
  }

  void play(Duration until) {
    for (Event event; engine.next(Time{} + until, event);) {
      if (event.kind == EventKind::kNodeScalingEvent) {
        scaling->handle(event);
      } else if (event.kind == EventKind::kFaultEvent) {
        faults->handle(event);
      } else {
        nodes->handle(event);
      }
      if (engine.instant_over()) control();
    }
  }
  void control() {
    const auto nobody = [](PodId) {};
    nodes->settle(nobody);
    do {
      if (!cluster.pending().empty()) scheduler_->schedule({cluster, engine.now(), rng_}, actions);
    } while (nodes->settle(nobody));
    scaling->settle();
  }
  std::string verify() const {
    const std::string store = control_plane == nullptr ? "" : control_plane->store().verify();
    for (const std::string& trouble : {cluster.verify(), nodes->verify(), store, scaling->verify()}) {
      if (!trouble.empty()) return trouble;
    }
    return {};
  }
  // Ends the run.
  void finish(Duration at) { journal_.finish(Time{} + at); }
  double metric(const std::string& name) const {
    RunResult result;
    costs_->add_to(result);
    for (const Metric& m : result.metrics) {
      if (m.name == name) return m.value;
    }
    return -1;
  }
  std::vector<double> times(RecordKind kind, NodeId node = kNoNode) const {
    std::vector<double> out;
    for (const Record& r : kept.records) {
      if (r.kind == kind && (node == kNoNode || r.node == node)) out.push_back(static_cast<double>(r.at.ns) / 1e9);
    }
    return out;
  }

 private:
  static NodeGroups read(const std::string& text, Catalog& catalog) {
    return read_node_groups(parse_yaml(text, "groups.yaml"), catalog, ".");
  }

  Catalog catalog_;
  NodeGroups groups_;

 public:
  std::unique_ptr<NodeAutoscaler> policy;

 private:
  manifest::Manifests manifests_;
  NodeModel model_;
  RunImages images_;
  std::unique_ptr<Scheduler> scheduler_;
  std::unique_ptr<ImageDistribution> distribution_;
  Journal journal_;
  std::unique_ptr<NodeMetricsFold> costs_;

 public:
  Cluster cluster;
  Engine<Event> engine;
  Actions actions;
  std::unique_ptr<ControlPlane> control_plane;
  std::unique_ptr<Nodes> nodes;
  std::unique_ptr<FaultInjection> faults;
  std::unique_ptr<NodeScaling> scaling;
  RecordKeeper kept;

 private:
  Rng rng_;
};

std::unique_ptr<NodeAutoscaler> named(const std::string& name) {
  return Registry<NodeAutoscaler>::instance().make({name, {}});
}
std::unique_ptr<NodeAutoscaler> scripted(Scripted::Script script) {
  return std::make_unique<Scripted>(std::move(script));
}

// Two of four pods of 1.5 CPUs fit on the one node of 4. The loop at 0 finds the others too new (2 s), that at 10 s
// asks for a machine; it takes 100 s to join and 10 s to be Ready, and the pods go there at once.
TEST(NodeScaling, PendingPodsGetAMachine) {
  ScaledRun run(deployment("web", 4, "1500m"), kGroups, named("cluster-autoscaler"));
  run.play(seconds(400));
  EXPECT_EQ(run.verify(), "");
  run.finish(seconds(400));
  EXPECT_THAT(run.times(RecordKind::kNodeRequested), ElementsAre(10));
  EXPECT_THAT(run.times(RecordKind::kNodeJoined), ElementsAre(110));
  EXPECT_THAT(run.times(RecordKind::kNodeReady), ElementsAre(120));
  EXPECT_THAT(run.times(RecordKind::kPodScheduled), ElementsAre(0, 0, 120, 120));
  EXPECT_EQ(run.times(RecordKind::kPodReady).size(), 4U);
  EXPECT_EQ(run.cluster.nodes_existing(), 2U);
  EXPECT_EQ(run.cluster.node_spec(NodeId{1}).name, "general-1");
  EXPECT_EQ(run.scaling->target_size(0), 2);
  EXPECT_NEAR(run.metric("pending_to_node_ready_seconds_mean"), 120, 1e-9);
  EXPECT_NEAR(run.metric("node_start_seconds_mean"), 110, 1e-9);
  EXPECT_DOUBLE_EQ(run.metric("nodes_max"), 2);
  // 400 s of one node, and of the other one from the request at 10 s on; 0.36 USD per hour are 0.0001 per second.
  EXPECT_NEAR(run.metric("cost_usd"), (400 + 390) * 0.0001, 1e-12);
  EXPECT_NEAR(run.metric("nodes_mean"), (400 + 290) / 400.0, 1e-12);
}

// The DaemonSet's pod takes 2 of 4 CPUs on every node, so that each new node takes one of the pods and not two.
TEST(NodeScaling, DaemonSetsTakeTheirRoomOnNewNodes) {
  ScaledRun run(deployment("web", 3, "1500m") + R"(
apiVersion: apps/v1
kind: DaemonSet
metadata: {name: agent}
spec:
  selector: {matchLabels: {app: agent}}
  template:
    metadata: {labels: {app: agent}}
    spec: {containers: [{name: agent, image: "fluentd:v1.16", resources: {requests: {cpu: "2"}}}]}
)",
                kGroups, named("cluster-autoscaler"));
  run.play(seconds(400));
  EXPECT_EQ(run.verify(), "");
  run.finish(seconds(400));
  EXPECT_THAT(run.times(RecordKind::kNodeRequested), ElementsAre(10, 10));
  EXPECT_EQ(run.times(RecordKind::kPodReady).size(), 6U);
  EXPECT_EQ(run.cluster.nodes_existing(), 3U);
}

// Three idle nodes, of which the group keeps one. They are unneeded from the loop at 0 on; after more than 600 s, in
// the loop at 610 s, two are tainted, and 5 s later they go.
TEST(NodeScaling, IdleNodesGoAfterTenMinutes) {
  ScaledRun run(deployment("web", 0, "1"),
                "- {name: idle, cpu: '4', memory: 16Gi, min: 1, max: 5, initial: 3, price: 1}\n",
                named("cluster-autoscaler"));
  run.play(seconds(2000));
  EXPECT_EQ(run.verify(), "");
  run.finish(seconds(2000));
  EXPECT_THAT(run.times(RecordKind::kNodeCordoned), ElementsAre(610, 610));
  EXPECT_THAT(run.times(RecordKind::kNodeLeft), ElementsAre(615, 615));
  EXPECT_EQ(run.cluster.nodes_existing(), 1U);
  EXPECT_EQ(run.scaling->target_size(0), 1);
  EXPECT_DOUBLE_EQ(run.metric("nodes_removed"), 2);
  EXPECT_NEAR(run.metric("node_hours"), (2 * 615 + 2000) / 3600.0, 1e-9);
  EXPECT_LT(run.scaling->loops(), 20U);  // Nothing to look at in between.
}

// The machine comes for pods that have found room in the meantime: Ready at 120 s, unneeded from then on, gone in the
// first loop after 720 s, by when the ten minutes without scale-down after the scale-up at 10 s are long over.
TEST(NodeScaling, WhatCameForNothingGoes) {
  ScaledRun run(R"(
apiVersion: batch/v1
kind: Job
metadata: {name: sums}
spec:
  completions: 4
  parallelism: 4
  template:
    metadata: {annotations: {berth.dev/run-time: 60s}}
    spec:
      restartPolicy: Never
      containers: [{name: c, image: "busybox:1.36", resources: {requests: {cpu: 1500m}}}]
)",
                kGroups, named("cluster-autoscaler"));
  run.play(seconds(1000));
  EXPECT_EQ(run.verify(), "");
  run.finish(seconds(1000));
  EXPECT_EQ(run.times(RecordKind::kPodSucceeded).size(), 4U);
  EXPECT_THAT(run.times(RecordKind::kNodeRequested), ElementsAre(10));
  EXPECT_THAT(run.times(RecordKind::kNodeReady), ElementsAre(120));
  EXPECT_THAT(run.times(RecordKind::kNodeCordoned, NodeId{1}), ElementsAre(730));
  EXPECT_THAT(run.times(RecordKind::kNodeLeft), ElementsAre(735));
}

// The pod of the emptier node moves to the other one, if the budget lets it.
TEST(NodeScaling, DrainAsksTheBudget) {
  constexpr const char* kTwo = "- {name: g, cpu: '4', memory: 16Gi, min: 1, max: 2, initial: 2}\n";
  {
    ScaledRun run(deployment("web", 2, "500m") + budget("web", 2), kTwo, named("cluster-autoscaler"));
    run.play(seconds(3600));
    EXPECT_EQ(run.verify(), "");
    run.finish(seconds(3600));
    EXPECT_THAT(run.times(RecordKind::kNodeCordoned), IsEmpty());
    EXPECT_EQ(run.cluster.nodes_existing(), 2U);
  }
  ScaledRun run(deployment("web", 2, "500m") + budget("web", 1), kTwo, named("cluster-autoscaler"));
  run.play(seconds(3600));
  EXPECT_EQ(run.verify(), "");
  run.finish(seconds(3600));
  // At 0 no pod is Ready, and the budget allows nothing: looked at again after 5 min, unneeded for more than 10 at 910
  // s.
  EXPECT_THAT(run.times(RecordKind::kNodeCordoned), ElementsAre(910));
  EXPECT_THAT(run.times(RecordKind::kPodTerminating), ElementsAre(915));
  ASSERT_THAT(run.times(RecordKind::kNodeLeft).size(), 1U);
  EXPECT_GE(run.times(RecordKind::kNodeLeft)[0], run.times(RecordKind::kPodRemoved)[0]);
  EXPECT_LE(run.times(RecordKind::kNodeLeft)[0], run.times(RecordKind::kPodRemoved)[0] + 5);  // Looked at every 5 s.
  EXPECT_EQ(run.cluster.pods_bound(), 2U);
  EXPECT_EQ(run.times(RecordKind::kPodReady).size(), 3U);
}

// A budget that allows nothing: tried at 65 s and every 10 s for two minutes; at 185 s the node is given back.
TEST(NodeScaling, RefusedDrainFails) {
  auto policy = std::make_unique<Scripted>([](const NodeAutoscalerObservation& o, NodeAutoscalerDecision& out) {
    if (o.now == Time{} + seconds(60)) out.removals.push_back({0, true, o.now + seconds(5)});
    if (o.now == Time{} + seconds(120)) {
      EXPECT_EQ(o.nodes[0].removal, AutoscaledNode::Removal::kDrain);
      EXPECT_TRUE(o.nodes[0].node->unschedulable);
      EXPECT_EQ(o.groups[0].target_size, 1);
    }
  });
  const Scripted& seen = *policy;
  ScaledRun run(deployment("web", 2, "500m") + budget("web", 2),
                "- {name: g, cpu: '4', memory: 16Gi, min: 0, max: 2, initial: 2}\n", std::move(policy));
  run.play(seconds(300));
  EXPECT_EQ(run.verify(), "");
  run.finish(seconds(300));
  EXPECT_THAT(run.times(RecordKind::kNodeCordoned), ElementsAre(60));
  EXPECT_THAT(run.times(RecordKind::kNodeUncordoned), ElementsAre(185));
  EXPECT_THAT(run.times(RecordKind::kPodTerminating), IsEmpty());
  EXPECT_THAT(seen.failed, ElementsAre(std::pair(0U, 185)));
  EXPECT_EQ(run.scaling->target_size(0), 2);
  EXPECT_FALSE(run.cluster.node_object(NodeId{0})->unschedulable);
  EXPECT_TRUE(run.cluster.node_object(NodeId{0})->taints.empty());
}

// Machines that are given up before they have booted never join.
TEST(NodeScaling, LostInstancesNeverJoin) {
  ScaledRun run(deployment("web", 0, "1"), kGroups,
                scripted([](const NodeAutoscalerObservation& o, NodeAutoscalerDecision& out) {
                  if (o.now == Time{} + seconds(10)) out.scale_ups.push_back({0, 9});  // The group's maximum is 5.
                  if (o.now == Time{} + seconds(20)) {
                    ASSERT_EQ(o.instances.size(), 4U);
                    EXPECT_EQ(o.groups[0].target_size, 5);
                    out.lost_instances = {o.instances[0].id, o.instances[2].id};
                  }
                }));
  run.play(seconds(300));
  EXPECT_EQ(run.verify(), "");
  run.finish(seconds(300));
  EXPECT_EQ(run.times(RecordKind::kNodeRequested).size(), 4U);
  EXPECT_THAT(run.times(RecordKind::kNodeJoined), ElementsAre(110, 110));
  EXPECT_EQ(run.scaling->target_size(0), 3);
  EXPECT_EQ(run.scaling->instances(), 0U);
}

TEST(NodeScaling, FixedNeverChanges) {
  ScaledRun run(deployment("web", 9, "1500m"), kGroups, named("fixed"));
  run.play(seconds(3600));
  EXPECT_EQ(run.verify(), "");
  run.finish(seconds(3600));
  EXPECT_EQ(run.cluster.nodes_existing(), 1U);
  EXPECT_EQ(run.cluster.pods_bound(), 2U);
  EXPECT_EQ(run.scaling->loops(), 0U);
  EXPECT_NEAR(run.metric("cost_usd"), 0.36, 1e-12);
}

// A machine goes at 101 s with two pods on it. Their room is free at once; their objects stay until pod garbage
// collection, in passes of 20 s, has seen the node missing (120 s) and 40 s more have passed (160 s). Then they are
// made anew.
TEST(NodeScaling, PodsOfALostMachineAreCollected) {
  ScaledRun run(deployment("web", 2, "1500m"),
                "- {name: g, cpu: '4', memory: 16Gi, min: 0, max: 2, initial: 1}\n"
                "- {name: spare, cpu: '4', memory: 16Gi, min: 0, max: 2, initial: 0}\n",
                named("fixed"));
  run.play(seconds(101));
  run.nodes->remove_node(NodeId{0});
  run.nodes->add_node(run.cluster.node_spec(NodeId{0}));  // The same again, Ready at once.
  run.control();
  EXPECT_EQ(run.verify(), "");
  EXPECT_EQ(run.cluster.pods_bound(), 0U);
  run.play(seconds(140));
  EXPECT_EQ(run.verify(), "");
  EXPECT_EQ(run.control_plane->store().pods_on(NodeId{0}).size, 2U);
  run.play(seconds(300));
  EXPECT_EQ(run.verify(), "");
  run.finish(seconds(300));
  EXPECT_THAT(run.times(RecordKind::kPodCreated), ElementsAre(0, 0, 160, 160));
  EXPECT_THAT(run.times(RecordKind::kPodScheduled, NodeId{1}), ElementsAre(160, 160));
  EXPECT_EQ(run.times(RecordKind::kPodReady).size(), 4U);
}

// Pods of a trace: nobody makes them anew, so what loses its machine waits again at once, and what is drained once it
// has stopped.
TEST(NodeScaling, PodsOfATraceWaitAgain) {
  std::string objects;
  for (int i = 0; i < 3; ++i) {
    objects += fmt::format(R"(
apiVersion: v1
kind: Pod
metadata: {{name: p{}}}
spec: {{containers: [{{name: c, image: "nginx:1.27", resources: {{requests: {{cpu: 1500m}}}}}}]}}
---
)",
                           i);
  }
  ScaledRun run(objects, kGroups, named("cluster-autoscaler"), 1, nullptr, true);
  run.play(seconds(200));
  EXPECT_EQ(run.verify(), "");
  EXPECT_EQ(run.cluster.pods_bound(), 3U);
  run.nodes->remove_node(NodeId{0});
  run.control();
  EXPECT_EQ(run.verify(), "");
  EXPECT_EQ(run.cluster.pods_bound(), 2U);  // One of them finds room beside the third.
  run.play(seconds(500));
  EXPECT_EQ(run.verify(), "");
  EXPECT_EQ(run.cluster.pods_bound(), 3U);
  run.finish(seconds(500));
  EXPECT_THAT(run.times(RecordKind::kNodeReady)[0], 120);
  EXPECT_EQ(run.times(RecordKind::kPodEvicted).size(), 2U);
  EXPECT_EQ(run.times(RecordKind::kPodCreated).size(), 3U);
  EXPECT_EQ(run.times(RecordKind::kNodeJoined).size(), 2U);

  ScaledRun drained(objects, "- {name: g, cpu: '4', memory: 16Gi, min: 0, max: 2, initial: 2}\n",
                    scripted([](const NodeAutoscalerObservation& o, NodeAutoscalerDecision& out) {
                      if (o.now == Time{} + seconds(60)) out.removals.push_back({0, true, o.now + seconds(5)});
                    }),
                    1, nullptr, true);
  drained.play(seconds(200));
  EXPECT_EQ(drained.verify(), "");
  drained.finish(seconds(200));
  ASSERT_FALSE(drained.times(RecordKind::kPodTerminating).empty());
  EXPECT_EQ(drained.times(RecordKind::kPodTerminating)[0], 65);
  EXPECT_EQ(drained.times(RecordKind::kPodEvicted).size(), drained.times(RecordKind::kPodTerminating).size());
  EXPECT_EQ(drained.times(RecordKind::kNodeLeft).size(), 1U);
  EXPECT_EQ(drained.scaling->target_size(0), 1);
}

// A node that joins is struck by the plan's faults, and one that has left is not.
TEST(NodeScaling, FaultsFollowJoins) {
  const FaultPlan plan = read_fault_plan(R"(
apiVersion: berth.dev/v1alpha1
kind: FaultPlan
metadata: {name: test}
faults:
- {kind: nodeCrash, hazard: exponential(mean=100s), duration: 10s}
)",
                                         "plan.yaml", ".");
  ScaledRun run(deployment("web", 0, "1"), kGroups,
                scripted([](const NodeAutoscalerObservation& o, NodeAutoscalerDecision& out) {
                  if (o.now == Time{} + seconds(10)) out.scale_ups.push_back({0, 1});
                  if (o.now == Time{} + seconds(560)) out.removals.push_back({1, false, o.now});
                }),
                1, &plan);
  run.play(seconds(400));
  EXPECT_GT(run.faults->struck(), 0U);
  EXPECT_EQ(run.nodes->verify(), "");
  run.play(seconds(3000));
  EXPECT_EQ(run.nodes->verify(), "");
  EXPECT_EQ(run.cluster.verify(), "");
  EXPECT_TRUE(run.nodes->removed(NodeId{1}));
}

// A machine is taken back at 100 s. Its group asks for another one at once, which boots for 100 s and is Ready 10 s
// later. The silent node is found 40 to 60 s after it went (reference, self-healing, section 5), the cloud says within
// 5 s that there is no machine, and pod garbage collection makes an end of its pods 40 to 60 s after that.
TEST(NodeScaling, TheCloudReplacesWhatItTakesBack) {
  const FaultPlan nothing_else_fails;
  for (const char* policy : {"fixed", "cluster-autoscaler"}) {
    ScaledRun run(
        deployment("web", 2, "3"),
        "- {name: spot, cpu: '4', memory: 16Gi, min: 0, max: 4, initial: 2, capacityType: spot, price: 0.36,\n"
        "   bootTime: '100', readyTime: '10'}\n",
        named(policy), 1, &nothing_else_fails);
    run.play(seconds(100));
    run.nodes->crash(NodeId{0});
    run.scaling->machine_lost(NodeId{0});
    run.scaling->machine_lost(NodeId{0});  // Once is enough.
    run.control();
    run.play(seconds(600));
    EXPECT_EQ(run.verify(), "");
    EXPECT_EQ(run.scaling->target_size(0), 2);
    run.finish(seconds(600));
    EXPECT_THAT(run.times(RecordKind::kNodeRequested), ElementsAre(100)) << policy;
    EXPECT_THAT(run.times(RecordKind::kNodeReady), ElementsAre(210)) << policy;
    const std::vector<double> left = run.times(RecordKind::kNodeLeft);
    ASSERT_EQ(left.size(), 1U);
    EXPECT_GT(left[0], 140);
    EXPECT_LE(left[0], 165);
    EXPECT_DOUBLE_EQ(std::fmod(left[0], 5), 0);
    const std::vector<double> created = run.times(RecordKind::kPodCreated);
    ASSERT_EQ(created.size(), 3U);
    EXPECT_GE(created[2], left[0] + 40);
    EXPECT_LE(created[2], left[0] + 60);
    EXPECT_EQ(run.cluster.nodes_existing(), 2U);
  }
}

// Machines that join live 300 s on average; each is asked for when the one before it goes, and joins 100 s later.
TEST(NodeScaling, SpotMachinesComeAndGo) {
  const FaultPlan plan = read_fault_plan(R"(
apiVersion: berth.dev/v1alpha1
kind: FaultPlan
metadata: {name: test}
faults:
- {kind: spotReclaim, hazard: exponential(mean=300s), notice: 30s, target: {}}
)",
                                         "plan.yaml", ".");
  ScaledRun run(deployment("web", 2, "1"), kGroups, named("fixed"), 3, &plan);
  run.play(seconds(20));
  run.nodes->crash(NodeId{0});
  run.scaling->machine_lost(NodeId{0});  // From here on machines join, and the plan follows them.
  run.control();
  run.play(seconds(3000));
  EXPECT_EQ(run.verify(), "");
  run.finish(seconds(3000));
  const std::vector<double> joined = run.times(RecordKind::kNodeJoined);
  const std::vector<double> asked = run.times(RecordKind::kNodeRequested);
  ASSERT_GT(joined.size(), 3U);
  EXPECT_DOUBLE_EQ(asked[0], 20);
  for (std::size_t i = 0; i < joined.size(); ++i) EXPECT_DOUBLE_EQ(joined[i], asked[i] + 100);
  for (std::size_t i = 1; i < asked.size(); ++i) EXPECT_GT(asked[i], joined[i - 1]);
  EXPECT_EQ(run.scaling->target_size(0), 1);
}

TEST(NodeScaling, BillsAsInstancesDo) {
  for (const std::int64_t ns :
       {-1L, 0L, 1L, 59'999'999'999L, 60'000'000'001L, 3'600'000'000'000L, 3'600'500'000'000L}) {
    EXPECT_NEAR(0.36 * static_cast<double>(billed_seconds({ns})) / 3600, rent_usd(0.36, {ns}), 1e-15) << ns;
  }
}

// Machines asked for, given up, drained, torn away, crashed and cut off at random under Deployments, a StatefulSet with
// volumes and a DaemonSet: all indexes agree with a recount at every step, and what the policy is shown with a new
// look.
class NodeChurn : public testing::TestWithParam<int> {};

std::vector<Record> churn(int seed) {
  auto rng = std::make_shared<Rng>(static_cast<std::uint64_t>(seed), 0, 0, Purpose::kTest);
  const std::string objects = deployment("web", 8, "900m") + deployment("api", 3, "300m") + budget("api", 2) + R"(
apiVersion: storage.k8s.io/v1
kind: StorageClass
metadata: {name: disk, annotations: {storageclass.kubernetes.io/is-default-class: "true"}}
provisioner: csi.example.com
volumeBindingMode: WaitForFirstConsumer
---
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: db}
spec:
  replicas: 3
  serviceName: db
  podManagementPolicy: Parallel
  selector: {matchLabels: {app: db}}
  template:
    metadata: {labels: {app: db}}
    spec:
      containers:
      - {name: db, image: "postgres:15", resources: {requests: {cpu: 200m}}, volumeMounts: [{name: data, mountPath: /data}]}
  volumeClaimTemplates:
  - metadata: {name: data}
    spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 10Gi}}}
---
apiVersion: apps/v1
kind: DaemonSet
metadata: {name: agent}
spec:
  selector: {matchLabels: {app: agent}}
  template:
    metadata: {labels: {app: agent}}
    spec: {containers: [{name: agent, image: "fluentd:v1.16", resources: {requests: {cpu: 100m}}}]}
)";
  const FaultPlan nothing_fails;  // With it, leases are watched.
  ScaledRun run(
      objects,
      "- {name: a, cpu: '4', memory: 16Gi, min: 0, max: 4, initial: 2, zone: a, bootTime: 'uniform(min=5, "
      "max=90)'}\n"
      "- {name: b, cpu: '2', memory: 8Gi, min: 0, max: 6, initial: 1, zone: b, bootTime: '20', readyTime: '0'}\n",
      scripted([rng](const NodeAutoscalerObservation& o, NodeAutoscalerDecision& out) {
        if (rng->below(3) == 0) out.scale_ups.push_back({rng->below(2), 1 + static_cast<int>(rng->below(2))});
        if (!o.instances.empty() && rng->below(8) == 0) out.lost_instances.push_back(o.instances[0].id);
        for (const AutoscaledNode& node : o.nodes) {
          if (rng->below(12) == 0) out.removals.push_back({node.id, rng->below(4) != 0, o.now + seconds(5)});
        }
      }),
      static_cast<std::uint64_t>(seed), seed % 2 == 0 ? &nothing_fails : nullptr);
  Rng dice(static_cast<std::uint64_t>(seed), 0, 1, Purpose::kTest);
  for (int step = 1; step <= 200; ++step) {
    run.play(milliseconds(4'300) * step);
    const auto node = static_cast<NodeId>(dice.below(static_cast<std::uint32_t>(run.cluster.nodes().size())));
    switch (dice.below(30)) {
      case 0:  // A machine is gone without a word.
        if (run.cluster.node_exists(node)) run.nodes->remove_node(node);
        break;
      case 1:
        run.nodes->crash(node);
        break;
      case 2:
      case 3:
        run.nodes->restore(node, dice.below(2) == 0);
        break;
      case 4:
        if (!run.nodes->is_down(node)) run.nodes->hang(node, true);
        break;
      case 5:
        if (!run.nodes->is_down(node)) run.nodes->hang(node, false);
        break;
      case 6:
        run.nodes->cut_off(node, dice.below(2) == 0);
        break;
      default:
        break;
    }
    run.control();
    const std::string trouble = run.verify();
    EXPECT_EQ(trouble, "") << "step " << step;
    if (!trouble.empty()) break;
  }
  run.finish(seconds(860));
  EXPECT_GT(run.times(RecordKind::kNodeJoined).size(), 5U);
  EXPECT_GT(run.times(RecordKind::kNodeLeft).size(), 5U);
  EXPECT_GT(run.times(RecordKind::kPodDeleted).size(), 5U);
  return run.kept.records;
}

TEST_P(NodeChurn, IndexesAgreeAndRunsRepeat) {
  const std::vector<Record> first = churn(GetParam());
  if (HasFailure()) return;
  const std::vector<Record> second = churn(GetParam());
  ASSERT_EQ(first.size(), second.size());
  for (std::size_t i = 0; i < first.size(); ++i) {
    const Record& a = first[i];
    const Record& b = second[i];
    ASSERT_TRUE(a.at == b.at && a.kind == b.kind && a.pod == b.pod && a.node == b.node && a.value == b.value &&
                a.reason == b.reason)
        << "record " << i << " at " << a.at.seconds() << " s";
  }
}

INSTANTIATE_TEST_SUITE_P(Seeds, NodeChurn, testing::Range(1, 5));

}  // namespace
}  // namespace berth::test
