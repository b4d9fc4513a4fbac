// The policy kube-scheduler in a cluster that changes under it: nodes that join and leave, taints, gates, claims,
// victims that take their time. And what it says of pods that wait. Expected texts: Kubernetes' own event messages.
#include <gtest/gtest.h>

#include "policies/schedulers/kube/volume_binding.hpp"
#include "sim/cluster/pod_spec.hpp"
#include "tests/support/bind_one.hpp"

namespace berth::test {
namespace {

PodTemplate whole_pod(void (*set)(kube::Pod&), std::int32_t priority = 0) {
  auto pod = std::make_shared<kube::api::Pod>();
  pod->scheduling.namespace_name = "default";
  kube::Container& main = pod->scheduling.containers.emplace_back();
  main.requests.set("cpu", {kube::Quantity::Nano{1'000'000'000}});
  pod->scheduling.priority = priority;
  set(pod->scheduling);
  PodTemplate t;
  t.request = {1000, 0, 0};
  t.priority = priority;
  t.pod = std::move(pod);
  return t;
}

class World : public Table {
 public:
  explicit World(const std::vector<NodeRow>& nodes, std::string_view policy = "kube-scheduler")
      : Table(policy, nodes) {}
  PodId create(const PodTemplate& t) { return harness.create(harness.cluster.catalog().intern(t)); }
  std::string place(const PodTemplate& t) {
    const PodId pod = create(t);
    schedule();
    return where(pod);
  }
  std::string again(PodId pod) {
    schedule();
    return where(pod);
  }
  std::string why(PodId pod) { return scheduler->why_pending({harness.cluster, harness.engine.now(), rng}, pod); }
  void set_object(NodeId node, void (*set)(kube::Node&)) {
    auto object = std::make_shared<kube::Node>(*harness.cluster.node_object(node));
    set(*object);
    harness.cluster.set_node_object(node, std::move(object));
  }
};

TEST(KubePolicy, NodesJoinAndLeave) {
  World w({});
  const PodId early = w.harness.create(Ask{3000, 1_GiB});
  EXPECT_EQ(w.again(early), "<pending>");
  EXPECT_EQ(w.why(early), "no nodes available to schedule pods");
  const NodeId a = w.harness.add_node({"a", 4000, 8_GiB});
  EXPECT_EQ(w.again(early), "a");
  EXPECT_EQ(w.Table::place({3000, 1_GiB}), "<pending>");
  const NodeId b = w.harness.add_node({"b", 4000, 8_GiB});
  EXPECT_EQ(w.Table::place({500, 1_GiB}), "b");  // The emptier one, before the one that waited: that is backing off.
  EXPECT_EQ(w.harness.cluster.pods_bound(), 3U);
  w.harness.actions.evict(early, EvictReason::kDrained);
  w.harness.cluster.remove_node(a);
  EXPECT_EQ(w.again(early), "<pending>");  // b is full, a is gone.
  EXPECT_EQ(w.why(early),
            "0/1 nodes are available: 1 Insufficient cpu. preemption: 0/1 nodes are available: 1 No preemption victims "
            "found for incoming pod.");
  w.harness.actions.pod_succeeded(w.harness.cluster.first_on_node(b));
  EXPECT_EQ(w.again(early), "b");
  EXPECT_EQ(w.harness.cluster.verify(), "");
}

TEST(KubePolicy, TaintsCordonsAndLabelsWakeWhomTheyHelp) {
  World w({{"a", 4000, 8_GiB}});
  const NodeId a{0};
  w.set_object(a, [](kube::Node& n) { n.taints.push_back({"dedicated", "x", kube::TaintEffect::kNoSchedule}); });
  const PodId tainted = w.create(whole_pod([](kube::Pod&) {}));
  EXPECT_EQ(w.again(tainted), "<pending>");
  EXPECT_EQ(w.place(whole_pod([](kube::Pod& p) {
    p.tolerations = {{"dedicated", kube::Toleration::Operator::kExists, "", {}}};
  })),
            "a");
  w.set_object(a, [](kube::Node& n) { n.taints.clear(); });
  EXPECT_EQ(w.again(tainted), "a");

  w.harness.actions.cordon(a);
  const PodId cordoned = w.create(whole_pod([](kube::Pod&) {}));
  EXPECT_EQ(w.again(cordoned), "<pending>");
  EXPECT_EQ(w.why(cordoned),
            "0/1 nodes are available: 1 node(s) were unschedulable. preemption: 0/1 nodes are available: 1 Preemption "
            "is not helpful for scheduling.");
  w.harness.actions.uncordon(a);
  EXPECT_EQ(w.again(cordoned), "a");

  const PodId picky = w.create(whole_pod([](kube::Pod& p) { p.node_selector.set("disk", "ssd"); }));
  EXPECT_EQ(w.again(picky), "<pending>");
  w.set_object(a, [](kube::Node& n) { n.labels.set("disk", "ssd"); });
  EXPECT_EQ(w.again(picky), "a");
}

TEST(KubePolicy, GatedPodsAreNotTried) {
  World w({{"a", 4000, 8_GiB}});
  const PodId gated = w.create(whole_pod([](kube::Pod& p) { p.scheduling_gates = {"later"}; }));
  EXPECT_EQ(w.again(gated), "<pending>");
  EXPECT_EQ(w.why(gated), "Scheduling is blocked due to non-empty scheduling gates");
  World other({{"a", 4000, 8_GiB}}, "first-fit");
  const PodId also = other.create(whole_pod([](kube::Pod& p) { p.scheduling_gates = {"later"}; }));
  EXPECT_EQ(other.again(also), "<pending>");
  EXPECT_EQ(other.why(also), "Scheduling is blocked due to non-empty scheduling gates");
}

TEST(KubePolicy, PrefersNodesThatHoldTheImage) {
  World w({{"a", 4000, 8_GiB}, {"b", 4000, 8_GiB}, {"c", 4000, 8_GiB}});
  const auto with_image = whole_pod([](kube::Pod& p) { p.containers[0].image = "app:v1"; });
  const std::uint32_t app = w.harness.cluster.intern_image("app:v1");
  w.harness.cluster.set_node_image(NodeId{2}, {app, std::int64_t{3} << 30}, true);
  EXPECT_EQ(w.place(with_image), "c");
  w.harness.cluster.set_node_image(NodeId{2}, {app, std::int64_t{3} << 30}, false);
  EXPECT_EQ(w.place(with_image), "a");  // c is fuller than the others now.
}

// Keeps pods until they are let go.
class Reluctant final : public NodeAgent {
 public:
  bool pre_bind(PodId) override { return true; }
  void pod_bound(PodId) override {}
  void evict(PodId pod, EvictReason) override { told.push_back(pod); }
  std::vector<PodId> told;
};

TEST(KubePolicy, VictimsAreAskedOnceAndAwaited) {
  World w({{"a", 1000, 8_GiB}, {"b", 1000, 8_GiB}});
  Reluctant agent;
  w.harness.actions.set_node_agent(&agent);
  const auto nothing = [](kube::Pod&) {};
  EXPECT_EQ(w.place(whole_pod(nothing)), "a");
  EXPECT_EQ(w.place(whole_pod(nothing)), "b");
  const PodId vip = w.create(whole_pod(nothing, 10));
  EXPECT_EQ(w.again(vip), "<pending>");
  ASSERT_EQ(agent.told.size(), 1U);
  const PodId victim = agent.told[0];
  const std::string node = w.where(victim);
  EXPECT_NE(node, "<pending>");  // It still has its room.
  EXPECT_EQ(w.why(vip),
            "0/2 nodes are available: 2 Insufficient cpu. preemption: not eligible due to a terminating pod on the "
            "nominated node.");
  // Something that wakes it does not make it ask again, neither the same pod nor another one.
  w.harness.add_node({"c", 1000, 0, 1000});
  for (int i = 0; i < 3; ++i) EXPECT_EQ(w.again(vip), "<pending>");
  EXPECT_EQ(agent.told.size(), 1U);
  // A pod of the same priority must not take what is promised; it asks for the other one.
  const PodId second = w.create(whole_pod(nothing, 10));
  EXPECT_EQ(w.again(second), "<pending>");
  EXPECT_EQ(agent.told.size(), 2U);
  EXPECT_NE(w.where(agent.told[1]), node);
  w.harness.actions.pod_evicted(victim, EvictReason::kPreempted);
  EXPECT_EQ(w.again(vip), node);
  EXPECT_EQ(w.where(victim), "<pending>");
  EXPECT_EQ(w.harness.cluster.verify(), "");
}

kube::PersistentVolumeClaim claim(const std::string& name, const std::string& storage_class) {
  kube::PersistentVolumeClaim out;
  out.namespace_name = "default";
  out.name = name;
  out.uid = name;
  out.storage_class = storage_class;
  out.access_modes = {"ReadWriteOnce"};
  out.request = kube::Quantity{kube::Quantity::Nano{1 << 30} * 1'000'000'000};
  return out;
}

kube::PersistentVolume volume(const std::string& name, const std::string& node) {
  kube::PersistentVolume out;
  out.name = name;
  out.capacity = {kube::Quantity::Nano{1 << 30} * 1'000'000'000};
  out.access_modes = {"ReadWriteOnce"};
  out.storage_class = "local";
  out.available = true;
  out.has_node_affinity = true;
  out.node_affinity.push_back({{{"kubernetes.io/hostname", kube::SelectorOperator::kIn, {node}}}, {}});
  return out;
}

PodTemplate with_claim(const char* name) {
  auto pod = std::make_shared<kube::api::Pod>();
  pod->scheduling.namespace_name = "default";
  pod->scheduling.containers.emplace_back();
  kube::Volume item;
  item.kind = kube::Volume::Kind::kClaim;
  item.source = name;
  pod->scheduling.volumes.push_back(item);
  PodTemplate t;
  t.pod = std::move(pod);
  return t;
}

TEST(KubePolicy, ClaimsAreHandedOutAndWakeTheirPods) {
  World w({{"a", 4000, 8_GiB}, {"b", 4000, 8_GiB}});
  auto objects = std::make_shared<kube::Objects>();
  for (const char* name : {"local", "made", "now"}) {
    kube::StorageClass item;
    item.name = name;
    item.provisioner = item.name == "local" ? "kubernetes.io/no-provisioner" : "csi.example.com";
    item.wait_for_first_consumer = item.name != "now";
    objects->storage_classes.push_back(item);
  }
  w.harness.cluster.set_objects(objects);
  const PodId local = w.create(with_claim("one"));
  EXPECT_EQ(w.again(local), "<pending>");
  EXPECT_EQ(w.why(local),
            "0/2 nodes are available: persistentvolumeclaim \"one\" not found. preemption: 0/2 nodes are available: 2 "
            "Preemption is not helpful for scheduling.");
  w.harness.cluster.claim_added(claim("one", "local"));
  EXPECT_EQ(w.again(local), "<pending>");
  EXPECT_EQ(
      w.why(local),
      "0/2 nodes are available: 2 node(s) didn't find available persistent volumes to bind. preemption: 0/2 nodes "
      "are available: 2 Preemption is not helpful for scheduling.");
  w.harness.cluster.volume_added(volume("disk-b", "b"));
  EXPECT_EQ(w.again(local), "b");
  ASSERT_EQ(w.scheduler->claims_of(local).size(), 1U);
  EXPECT_EQ(w.scheduler->claims_of(local)[0], (kube::ClaimBinding{"default/one", "disk-b", false}));

  // What is kept for one claim is not there for another, though nothing is bound yet.
  w.harness.cluster.claim_added(claim("two", "local"));
  const PodId loser = w.create(with_claim("two"));
  EXPECT_EQ(w.again(loser), "<pending>");

  // One that is to be made: the second pod with the claim must go where the first one went.
  w.harness.cluster.claim_added(claim("three", "made"));
  const PodId first = w.create(with_claim("three"));
  const std::string on = w.again(first);
  EXPECT_EQ(on, "a");  // The emptier by number of pods is no score; all else is equal, and a comes first.
  ASSERT_EQ(w.scheduler->claims_of(first).size(), 1U);
  EXPECT_TRUE(w.scheduler->claims_of(first)[0].provisioned);
  w.harness.actions.cordon(NodeId{0});
  const PodId second = w.create(with_claim("three"));
  EXPECT_EQ(w.again(second), "<pending>");
  w.harness.actions.uncordon(NodeId{0});
  EXPECT_EQ(w.again(second), "a");

  // One that somebody else binds: the pod waits for just that.
  w.harness.cluster.claim_added(claim("four", "now"));
  const PodId waits = w.create(with_claim("four"));
  EXPECT_EQ(w.again(waits), "<pending>");
  EXPECT_EQ(w.why(waits),
            "0/2 nodes are available: pod has unbound immediate PersistentVolumeClaims. preemption: 0/2 nodes are "
            "available: 2 Preemption is not helpful for scheduling.");
  kube::PersistentVolume made = volume("disk-4", "b");
  made.storage_class = "now";
  w.harness.cluster.volume_added(made);
  w.harness.cluster.claim_bound("default/four", "disk-4");
  EXPECT_EQ(w.again(waits), "b");
  EXPECT_TRUE(w.scheduler->claims_of(waits).empty());
  w.harness.actions.pod_succeeded(local);
  EXPECT_TRUE(w.scheduler->claims_of(local).empty());
}

struct Why {
  const char* name;
  const char* policy;
  std::vector<NodeRow> nodes;
  Ask ask;
  const char* expected;
};
class WhyPending : public testing::TestWithParam<Why> {};

TEST_P(WhyPending, InKubernetesWords) {
  const Why& c = GetParam();
  World w(c.nodes, c.policy);
  const PodId pod = w.harness.create(c.ask);
  const std::string before = w.why(pod);  // Asked before anybody tried.
  w.schedule();
  EXPECT_EQ(w.why(pod), c.expected);
  EXPECT_EQ(before, c.expected);
}

INSTANTIATE_TEST_SUITE_P(
    Table, WhyPending,
    testing::Values(
        Why{"TooBigForAny",
            "kube-scheduler",
            {{"a", 4000, 8_GiB}, {"b", 4000, 8_GiB}},
            {8000, 1_GiB},
            "0/2 nodes are available: 2 Insufficient cpu. preemption: 0/2 nodes are available: 2 Preemption is not "
            "helpful for scheduling."},
        Why{"Full",
            "kube-scheduler",
            {{"a", 4000, 8_GiB, 3500}, {"b", 4000, 8_GiB, 3500, 8_GiB}},
            {1000, 1_GiB},
            "0/2 nodes are available: 1 Insufficient memory, 2 Insufficient cpu. preemption: 0/2 nodes are available: "
            "2 "
            "No preemption victims found for incoming pod."},
        Why{"OneFullOneSmall",
            "kube-scheduler",
            {{"a", 4000, 8_GiB, 3500}, {"b", 500, 8_GiB}},
            {1000, 1_GiB},
            "0/2 nodes are available: 2 Insufficient cpu. preemption: 0/2 nodes are available: 1 No preemption victims "
            "found for incoming pod, 1 Preemption is not helpful for scheduling."},
        Why{"SomebodyMayGoAndItDoesNotHelp",
            "kube-scheduler",
            {{"a", 4000, 8_GiB, 3500, 0, {200}}},
            {.cpu_milli = 4000, .memory_bytes = 0, .gpus = 1, .gpu_milli = 500, .priority = 1},
            "0/1 nodes are available: 1 Insufficient berth.dev/gpu-milli, 1 Insufficient cpu. preemption: 0/1 nodes "
            "are "
            "available: 1 node(s) had no GPU that fits."},
        Why{"NoNodes", "kube-scheduler", {}, {1000, 1_GiB}, "no nodes available to schedule pods"},
        Why{"OthersToo",
            "least-allocated",
            {{"a", 4000, 8_GiB, 3500, 8_GiB}, {"b", 4000, 8_GiB, 3500}},
            {1000, 1_GiB},
            "0/2 nodes are available: 1 Insufficient memory, 2 Insufficient cpu."},
        Why{"OthersWithoutNodes", "first-fit", {}, {1000, 1_GiB}, "no nodes available to schedule pods"}),
    [](const auto& why) { return std::string(why.param.name); });

TEST(KubePolicy, NobodyFitsButEverybodyCould) {
  World w({{"a", 4000, 8_GiB}}, "first-fit");
  const PodId pod = w.harness.create(Ask{1000, 1_GiB});
  EXPECT_EQ(w.why(pod), "");  // It would be taken.
  w.schedule();
  EXPECT_EQ(w.why(pod), "");  // It is.
}

}  // namespace
}  // namespace berth::test
