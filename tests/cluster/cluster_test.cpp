// Cluster: every index against a recount after random histories, the GPU rules by hand.
#include "sim/cluster/cluster.hpp"

#include <gtest/gtest.h>

#include "sim/cluster/pod_spec.hpp"
#include "sim/engine/error.hpp"
#include "tests/support/case_name.hpp"
#include "tests/support/cluster_builder.hpp"

namespace berth::test {
namespace {

// One random thing: churn, a bind of any pending pod to any node (refused as often as not), with GPUs named or not.
void any_action(RandomWorld& world) {
  Harness& h = world.harness;
  if (world.rng().below(2) == 0) {
    world.churn();
    return;
  }
  const PodId pod = world.any_pod(PodPhase::kPending);
  if (pod == kNoPod) return;
  std::optional<GpuMask> gpus;
  if (world.rng().below(3) == 0) gpus = static_cast<GpuMask>(world.rng().below(1U << 8));
  h.actions.bind(pod, world.any_node(), gpus);
}

TEST(ClusterProperty, IndexesMatchRecount) {
  std::size_t bound = 0;
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    SCOPED_TRACE(testing::Message() << "seed=" << seed);
    RandomWorld world(seed);
    for (int i = 0; i < 400; ++i) {
      any_action(world);
      if (i % 20 == 0) {
        ASSERT_EQ(world.harness.cluster.verify(), "");
      }
    }
    ASSERT_EQ(world.harness.cluster.verify(), "");
    bound += world.harness.cluster.pods_bound();
  }
  EXPECT_GT(bound, 200U);  // The histories are about something: on average more than a pod is bound at the end.
}

// verify() and the twin of this test count the same thing by different code; a cluster that lied to one would be caught
// by the other.
TEST(ClusterProperty, ColumnsMatchTheTwin) {
  for (std::uint64_t seed = 1000; seed < 1100; ++seed) {
    SCOPED_TRACE(testing::Message() << "seed=" << seed);
    RandomWorld world(seed);
    for (int i = 0; i < 300; ++i) any_action(world);
    const Cluster& cluster = world.harness.cluster;
    const NodeColumns& n = cluster.nodes();
    for (std::size_t i = 0; i < n.size(); ++i) {
      const auto node = static_cast<NodeId>(i);
      const Room room = naive_room(cluster, node);
      ASSERT_EQ(n.cpu_free_milli[i], room.cpu_milli);
      ASSERT_EQ(n.memory_free_bytes[i], room.memory_bytes);
      ASSERT_EQ(n.storage_free_bytes[i], room.storage_bytes);
      ASSERT_EQ(n.pods_free[i], room.pods);
      ASSERT_EQ(cluster.gpus(node).size(), room.gpus_milli.size());
      std::int64_t sum = 0, idle = 0, largest = 0;
      for (std::size_t g = 0; g < room.gpus_milli.size(); ++g) {
        ASSERT_EQ(cluster.gpus(node)[g], room.gpus_milli[g]);
        sum += room.gpus_milli[g];
        idle += room.gpus_milli[g] == 1000 ? 1 : 0;
        largest = std::max(largest, room.gpus_milli[g]);
      }
      ASSERT_EQ(n.gpu_free_milli[i], sum);
      ASSERT_EQ(n.gpu_idle[i], idle);
      ASSERT_EQ(n.gpu_largest_milli[i], largest);
      for (std::size_t r = 0; r < n.extended_stride; ++r)
        ASSERT_EQ(n.extended_free[i * n.extended_stride + r], room.extended[r]);
      for (const TemplateId t : world.templates()) {
        ASSERT_EQ(cluster.fits(cluster.catalog()[t], node), naive_fits(cluster, cluster.catalog()[t], node));
      }
    }
  }
}

TEST(ClusterProperty, PodsOfANodeAreListedOnceEach) {
  for (std::uint64_t seed = 2000; seed < 2050; ++seed) {
    SCOPED_TRACE(testing::Message() << "seed=" << seed);
    RandomWorld world(seed);
    for (int i = 0; i < 300; ++i) any_action(world);
    const Cluster& cluster = world.harness.cluster;
    for (std::size_t i = 0; i < cluster.nodes().size(); ++i) {
      std::vector<std::size_t> listed, expected;
      for (PodId p = cluster.first_on_node(static_cast<NodeId>(i)); p != kNoPod;
           p = cluster.pods().next_on_node[index(p)]) {
        listed.push_back(index(p));
      }
      for (std::size_t p = 0; p < cluster.pods().size(); ++p) {
        if (cluster.pods().phase[p] != PodPhase::kFree && index(cluster.pods().node[p]) == i) expected.push_back(p);
      }
      std::sort(listed.begin(), listed.end());
      ASSERT_EQ(listed, expected);
    }
  }
}

TEST(Cluster, RowsAreUsedAgainAndOrdinalsAreNot) {
  Harness h;
  h.add_node({.name = "a", .cpu_milli = 1000, .memory_bytes = 1_GiB});
  const PodId first = h.create(Ask{.cpu_milli = 1000});
  const std::uint32_t generation = h.cluster.pods().generation[index(first)];
  h.actions.fail(first, FailReason::kUnschedulable);
  const PodId second = h.create(Ask{.cpu_milli = 1000});
  EXPECT_EQ(first, second);
  EXPECT_EQ(h.cluster.pods().ordinal[index(second)], 1U);
  EXPECT_NE(h.cluster.pods().generation[index(second)], generation);
  EXPECT_EQ(h.cluster.pods_created(), 2U);
}

// ---- GPU rules
// --------------------------------------------------------------------------------------------------------

struct GpuCase {
  const char* name;
  std::vector<std::uint16_t> free;
  std::uint16_t count, milli;
  GpuMask expected;  // 0: does not fit.
};
using DefaultGpus = testing::TestWithParam<GpuCase>;

TEST_P(DefaultGpus, TakesByTheRule) {
  const GpuCase& c = GetParam();
  Harness h;
  const NodeId node = h.add_node({.name = "a", .cpu_milli = 1000, .memory_bytes = 1_GiB, .gpus_free_milli = c.free});
  PodTemplate t;
  t.gpu = {c.count, c.milli, 0};
  ASSERT_EQ(h.cluster.fits(t, node), c.expected != 0);
  if (c.expected != 0) {
    EXPECT_EQ(h.cluster.default_gpus(t.gpu, node), c.expected);
  }
}
// Whole GPUs: the lowest that are wholly free. A share: the GPU with the least free that still fits, lowest on ties.
INSTANTIATE_TEST_SUITE_P(Table, DefaultGpus,
                         testing::Values(GpuCase{"LowestWholeGpu", {500, 1000, 1000}, 1, 1000, 0b010},
                                         GpuCase{"TwoWholeGpus", {1000, 999, 1000, 1000}, 2, 1000, 0b0101},
                                         GpuCase{"AllOfThem", {1000, 1000}, 2, 1000, 0b11},
                                         GpuCase{"OneWholeTooFew", {1000, 999}, 2, 1000, 0},
                                         GpuCase{"ShareGoesToTheFullest", {1000, 400, 600}, 1, 300, 0b010},
                                         GpuCase{"ShareThatFitsExactly", {1000, 400, 300}, 1, 300, 0b100},
                                         GpuCase{"ShareLowestOnTies", {1000, 500, 500}, 1, 500, 0b010},
                                         GpuCase{"ShareOpensAnIdleGpuLast", {1000, 200}, 1, 300, 0b001},
                                         GpuCase{"SmallestShare", {1, 1000}, 1, 1, 0b01},
                                         GpuCase{"FreeSharesDoNotAddUp", {600, 600}, 1, 700, 0},
                                         GpuCase{"NoGpus", {}, 1, 100, 0}),
                         CaseName{});

TEST(GpusFit, AsksForExactlyTheRightOnes) {
  Harness h;
  const NodeId node =
      h.add_node({.name = "a", .cpu_milli = 1000, .memory_bytes = 1_GiB, .gpus_free_milli = {1000, 400, 1000}});
  const GpuRequest none{}, whole{1, 1000, 0}, two{2, 1000, 0}, share{1, 400, 0};
  EXPECT_TRUE(h.cluster.gpus_fit(none, node, 0));
  EXPECT_FALSE(h.cluster.gpus_fit(none, node, 0b001));
  EXPECT_TRUE(h.cluster.gpus_fit(whole, node, 0b001));
  EXPECT_TRUE(h.cluster.gpus_fit(whole, node, 0b100));
  EXPECT_FALSE(h.cluster.gpus_fit(whole, node, 0b010));  // Not wholly free.
  EXPECT_FALSE(h.cluster.gpus_fit(whole, node, 0));
  EXPECT_FALSE(h.cluster.gpus_fit(whole, node, 0b101));  // One too many.
  EXPECT_TRUE(h.cluster.gpus_fit(two, node, 0b101));
  EXPECT_FALSE(h.cluster.gpus_fit(two, node, 0b011));
  EXPECT_TRUE(h.cluster.gpus_fit(share, node, 0b010));
  EXPECT_TRUE(h.cluster.gpus_fit(share, node, 0b001));    // Not the default, but legal.
  EXPECT_FALSE(h.cluster.gpus_fit(share, node, 0b1000));  // The node has three.
}

TEST(Cluster, GpuModelsAreAFilter) {
  Harness h;
  const NodeId t4 =
      h.add_node({.name = "a", .cpu_milli = 1000, .memory_bytes = 1_GiB, .gpus_free_milli = {1000}, .gpu_model = "T4"});
  const NodeId a100 = h.add_node(
      {.name = "b", .cpu_milli = 1000, .memory_bytes = 1_GiB, .gpus_free_milli = {1000}, .gpu_model = "A100"});
  const NodeId bare = h.add_node({.name = "c", .cpu_milli = 1000, .memory_bytes = 1_GiB});
  Catalog& catalog = h.cluster.catalog();
  const auto fits = [&](std::vector<std::string> models, NodeId node) {
    return h.cluster.fits(template_of(catalog, {.gpus = 1, .gpu_milli = 500, .gpu_models = std::move(models)}), node);
  };
  EXPECT_TRUE(fits({}, t4) && fits({}, a100));
  EXPECT_TRUE(fits({"T4"}, t4) && !fits({"T4"}, a100));
  EXPECT_TRUE(fits({"A100", "T4"}, t4) && fits({"A100", "T4"}, a100));
  EXPECT_FALSE(fits({"V100"}, t4) || fits({"V100"}, a100));
  EXPECT_FALSE(fits({}, bare) || fits({"T4"}, bare));
}

// 64 models are allowed; nodes without GPUs share their model's bit with the last of them and must still not fit.
TEST(Cluster, LastGpuModelDoesNotLeakToNodesWithoutGpus) {
  Harness h;
  Catalog& catalog = h.cluster.catalog();
  std::string last;
  for (std::size_t i = 0; i < kMaxGpuModels; ++i) catalog.gpu_model(last = "model-" + std::to_string(i));
  const NodeId bare = h.add_node({.name = "bare", .cpu_milli = 1000, .memory_bytes = 1_GiB});
  const NodeId gpu = h.add_node(
      {.name = "gpu", .cpu_milli = 1000, .memory_bytes = 1_GiB, .gpus_free_milli = {1000}, .gpu_model = last});
  for (const std::uint16_t milli : {std::uint16_t{1}, std::uint16_t{1000}}) {
    const PodTemplate t = template_of(catalog, {.gpus = 1, .gpu_milli = milli, .gpu_models = {last}});
    EXPECT_FALSE(h.cluster.fits(t, bare));
    EXPECT_TRUE(h.cluster.fits(t, gpu));
  }
}

TEST(Cluster, ExtendedResourcesThatLaterNodesBring) {
  Harness h;
  Catalog& catalog = h.cluster.catalog();
  NodeSpec spec;
  spec.name = "a";
  spec.allocatable = {1000, 1_GiB, 0};
  const NodeId a = h.cluster.add_node(spec);
  const ExtendedId nic = catalog.extended("example.com/nic");
  const ExtendedId fpga = catalog.extended("example.com/fpga");
  spec.name = "b";
  spec.extended = {{nic, 2}};
  const NodeId b = h.cluster.add_node(spec);
  spec.name = "c";
  spec.extended = {{fpga, 1}};
  const NodeId c = h.cluster.add_node(spec);
  PodTemplate two_nics, one_fpga;
  two_nics.extended = {{nic, 2}};
  one_fpga.extended = {{fpga, 1}};
  EXPECT_FALSE(h.cluster.fits(two_nics, a) || h.cluster.fits(two_nics, c));
  EXPECT_TRUE(h.cluster.fits(two_nics, b));
  EXPECT_TRUE(h.cluster.fits(one_fpga, c));
  const PodId pod = h.create(catalog.intern(two_nics));
  ASSERT_EQ(h.actions.bind(pod, b), Outcome::kDone);
  EXPECT_FALSE(h.cluster.fits(two_nics, b));
  EXPECT_EQ(h.cluster.verify(), "");
}

kube::StringMap one_label(const char* key, const char* value) {
  kube::StringMap out;
  out.set(key, value);
  return out;
}

std::shared_ptr<const kube::Node> object_of(const std::string& name, std::vector<kube::Taint> taints,
                                            kube::StringMap labels = {}, bool unschedulable = false) {
  auto out = std::make_shared<kube::Node>();
  out->name = name;
  out->labels = std::move(labels);
  out->taints = std::move(taints);
  out->unschedulable = unschedulable;
  return out;
}

PodTemplate asking(void (*set)(kube::Pod&)) {
  auto pod = std::make_shared<kube::api::Pod>();
  set(pod->scheduling);
  PodTemplate t;
  t.request = {1000, 1_GiB, 0};
  t.pod = std::move(pod);
  return t;
}

// What Kubernetes' own filters say (sections NodeUnschedulable, NodeName, TaintToleration, NodeAffinity of the
// reference), for a node `a` with a label disk=ssd.
struct Refusal {
  const char* name;
  kube::TaintEffect effect;  // Of the node's taint; kAny: it has none.
  bool cordoned;
  void (*set)(kube::Pod&);
  const char* reason;  // "": it fits.
};
using NodeRefusals = testing::TestWithParam<Refusal>;
TEST_P(NodeRefusals, AsTheSchedulerSays) {
  const Refusal& c = GetParam();
  Harness h;
  const NodeId a = h.add_node({"a", 4000, 8_GiB});
  std::vector<kube::Taint> taints;
  if (c.effect != kube::TaintEffect::kAny) taints.push_back({"dedicated", "x", c.effect});
  h.cluster.set_node_object(a, object_of("a", taints, one_label("disk", "ssd"), c.cordoned));
  const PodTemplate t = asking(c.set);
  EXPECT_EQ(h.cluster.fits(t, a), *c.reason == '\0');
  EXPECT_EQ(h.cluster.admits(t, a), *c.reason == '\0');
  const std::vector<std::string> expected =
      *c.reason == '\0' ? std::vector<std::string>() : std::vector{std::string(c.reason)};
  EXPECT_EQ(h.cluster.refusals(t, a), expected);
  EXPECT_EQ(h.cluster.verify(), "");
}
INSTANTIATE_TEST_SUITE_P(
    Table, NodeRefusals,
    testing::Values(
        Refusal{"Open", kube::TaintEffect::kAny, false, [](kube::Pod&) {}, ""},
        Refusal{"NoSchedule", kube::TaintEffect::kNoSchedule, false, [](kube::Pod&) {},
                "node(s) had untolerated taint(s)"},
        Refusal{"NoExecute", kube::TaintEffect::kNoExecute, false, [](kube::Pod&) {},
                "node(s) had untolerated taint(s)"},
        Refusal{"PreferNoScheduleIsNoBar", kube::TaintEffect::kPreferNoSchedule, false, [](kube::Pod&) {}, ""},
        Refusal{"Tolerated", kube::TaintEffect::kNoSchedule, false,
                [](kube::Pod& p) {
                  p.tolerations = {{"dedicated", kube::Toleration::Operator::kExists, "", {}}};
                },
                ""},
        Refusal{"Cordoned", kube::TaintEffect::kAny, true, [](kube::Pod&) {}, "node(s) were unschedulable"},
        Refusal{"CordonTolerated", kube::TaintEffect::kAny, true,
                [](kube::Pod& p) {
                  p.tolerations = {{"node.kubernetes.io/unschedulable", kube::Toleration::Operator::kExists, "", {}}};
                },
                ""},
        Refusal{"SelectorMatches", kube::TaintEffect::kAny, false,
                [](kube::Pod& p) { p.node_selector.set("disk", "ssd"); }, ""},
        Refusal{"SelectorDiffers", kube::TaintEffect::kAny, false,
                [](kube::Pod& p) { p.node_selector.set("disk", "hdd"); },
                "node(s) didn't match Pod's node affinity/selector"},
        Refusal{"NoTermMatches", kube::TaintEffect::kAny, false, [](kube::Pod& p) { p.has_node_affinity_terms = true; },
                "node(s) didn't match Pod's node affinity/selector"},
        Refusal{"FieldMatches", kube::TaintEffect::kAny, false,
                [](kube::Pod& p) {
                  p.has_node_affinity_terms = true;
                  p.required_node_terms = {{{}, {{"metadata.name", kube::SelectorOperator::kIn, {"a"}}}}};
                },
                ""},
        Refusal{"OtherNode", kube::TaintEffect::kAny, false, [](kube::Pod& p) { p.node_name = "b"; },
                "node(s) didn't match the requested node name"},
        Refusal{"Gated", kube::TaintEffect::kAny, false, [](kube::Pod& p) { p.scheduling_gates = {"later"}; },
                "pod(s) were gated"}),
    CaseName{});

TEST(ClusterNodes, LackEverythingThatIsMissing) {
  Harness h;
  const NodeId a = h.add_node({"a", 500, 1_GiB, 0, 1_GiB});
  PodTemplate t = template_of(h.cluster.catalog(), {.cpu_milli = 1000, .memory_bytes = 1_GiB});
  EXPECT_EQ(h.cluster.refusals(t, a), (std::vector<std::string>{"Insufficient cpu", "Insufficient memory"}));
  t.request = {};
  t.gpu = {1, 1000, 0};
  EXPECT_EQ(h.cluster.refusals(t, a), std::vector<std::string>{"node(s) had no GPU that fits"});
}

struct Heard final : ClusterListener {
  void pod_waits(PodId) override {}
  void pod_assumed(PodId, NodeId) override {}
  void pod_left(PodId, NodeId) override {}
  void node_changed(NodeId node) override { say("changed", node); }
  void pod_terminates(PodId pod) override { text += " terminates:" + std::to_string(index(pod)); }
  void node_joined(NodeId node) override { say("joined", node); }
  void node_left(NodeId node) override { say("left", node); }
  void node_object_changed(NodeId node) override { say("object", node); }
  void node_image_changed(NodeId node, const HeldImage& image, bool present) override {
    say(present ? "image" : "no-image", node);
    text += "/" + std::to_string(image.image) + "/" + std::to_string(image.size_bytes);
  }
  void say(const char* what, NodeId node) { text += std::string(" ") + what + ":" + std::to_string(index(node)); }
  std::string text;
};

TEST(ClusterNodes, ARemovedNodeIsATombstone) {
  Harness h;
  Heard heard;
  h.cluster.set_listener(&heard);
  const NodeId a = h.add_node({"a", 4000, 8_GiB, 0, 0, {1000, 1000}});
  const NodeId b = h.add_node({"b", 4000, 8_GiB});
  const PodTemplate nothing;
  EXPECT_TRUE(h.cluster.fits(nothing, a));
  const ChangeLog::Cursor seen = h.cluster.changes().now();
  h.cluster.remove_node(a);
  std::vector<NodeId> touched;
  h.cluster.changes().changed_since(seen, [&](NodeId n) { touched.push_back(n); });
  EXPECT_EQ(touched, std::vector{a});
  EXPECT_FALSE(h.cluster.node_exists(a));
  EXPECT_TRUE(h.cluster.node_exists(b));
  EXPECT_EQ(h.cluster.nodes_existing(), 1U);
  EXPECT_FALSE(h.cluster.fits(nothing, a));  // Not even a pod that asks for nothing.
  h.actions.uncordon(a);
  EXPECT_FALSE(h.cluster.fits(nothing, a));
  EXPECT_EQ(h.actions.bind(h.create(Ask{}), a), Outcome::kDoesNotFit);
  EXPECT_EQ(index(h.add_node({"a", 4000, 8_GiB})), 2U);  // Its number is not used again.
  EXPECT_EQ(h.cluster.verify(), "");
  EXPECT_EQ(heard.text, " joined:0 joined:1 left:0 joined:2");
}

TEST(ClusterNodes, ObjectAndCordonStayInStep) {
  Harness h;
  Heard heard;
  const NodeId a = h.add_node({"a", 4000, 8_GiB});
  h.cluster.set_listener(&heard);
  EXPECT_EQ(*h.cluster.node_object(a)->labels.find("kubernetes.io/hostname"), "a");
  h.actions.cordon(a);
  EXPECT_TRUE(h.cluster.node_object(a)->unschedulable);
  h.cluster.set_node_object(a, object_of("a", {}, one_label("zone", "z")));
  EXPECT_EQ(h.cluster.nodes().schedulable[0], 1);  // The object says so.
  EXPECT_EQ(h.cluster.node_spec(a).labels, (std::vector<Label>{{"zone", "z"}}));
  h.actions.cordon(a);
  EXPECT_TRUE(h.cluster.node_object(a)->unschedulable);
  EXPECT_EQ(*h.cluster.node_object(a)->labels.find("zone"), "z");
  EXPECT_EQ(h.cluster.verify(), "");
  EXPECT_EQ(heard.text, " changed:0 object:0 changed:0");
}

TEST(ClusterNodes, ImagesAreListedOnce) {
  Harness h;
  Heard heard;
  const NodeId a = h.add_node({"a", 4000, 8_GiB});
  h.cluster.set_listener(&heard);
  const std::uint32_t x = h.cluster.intern_image("x:v1");
  const std::uint32_t y = h.cluster.intern_image("y:v1");
  h.cluster.set_node_image(a, {y, 20}, true);
  h.cluster.set_node_image(a, {x, 10}, true);
  h.cluster.set_node_image(a, {x, 10}, true);  // No news.
  ASSERT_EQ(h.cluster.node_images(a).size(), 2U);
  EXPECT_EQ(h.cluster.image_name(h.cluster.node_images(a)[0].image), "x:v1");
  h.cluster.set_node_image(a, {y, 20}, false);
  h.cluster.set_node_image(a, {y, 20}, false);
  EXPECT_EQ(h.cluster.node_images(a).size(), 1U);
  EXPECT_EQ(heard.text, " image:0/1/20 image:0/0/10 no-image:0/1/20");
}

TEST(ClusterPods, ToldToGoOnce) {
  Harness h;
  Heard heard;
  const NodeId a = h.add_node({"a", 4000, 8_GiB});
  const PodId pod = h.create(Ask{});
  h.cluster.set_listener(&heard);
  ASSERT_EQ(h.actions.bind(pod, a), Outcome::kDone);
  h.cluster.set_terminating(pod);
  h.cluster.set_terminating(pod);
  EXPECT_EQ(h.cluster.pods().terminating[index(pod)], 1);
  EXPECT_EQ(heard.text, " terminates:0");
  h.cluster.requeue(pod);
  EXPECT_EQ(h.cluster.pods().terminating[index(pod)], 0);
  EXPECT_EQ(h.cluster.verify(), "");
}

struct BadNode {
  const char* name;
  void (*spoil)(NodeSpec&);
  const char* message;
};
using BadNodes = testing::TestWithParam<BadNode>;
TEST_P(BadNodes, AreRefused) {
  Cluster cluster{Catalog{}};
  NodeSpec spec;
  spec.name = "x";
  GetParam().spoil(spec);
  try {
    cluster.add_node(spec);
    FAIL() << "accepted";
  } catch (const InputError& e) {
    EXPECT_NE(std::string(e.what()).find(GetParam().message), std::string::npos) << e.what();
    EXPECT_NE(std::string(e.what()).find("\"x\""), std::string::npos) << e.what();
  }
}
INSTANTIATE_TEST_SUITE_P(
    Table, BadNodes,
    testing::Values(
        BadNode{"NegativeCpu", [](NodeSpec& n) { n.allocatable.cpu_milli = -1; }, "out of range"},
        BadNode{"NegativeMemory", [](NodeSpec& n) { n.allocatable.memory_bytes = -1; }, "out of range"},
        BadNode{"NegativeStorage", [](NodeSpec& n) { n.allocatable.ephemeral_storage_bytes = -1; }, "out of range"},
        BadNode{"NegativePods", [](NodeSpec& n) { n.pods = -1; }, "out of range"},
        BadNode{"PodsBeyond32Bits", [](NodeSpec& n) { n.pods = std::int64_t{1} << 31; }, "out of range"},
        BadNode{"TooManyGpus", [](NodeSpec& n) { n.gpu_count = 17, n.gpu_model = GpuModelId{0}; }, "at most 16"},
        BadNode{"GpusWithoutModel", [](NodeSpec& n) { n.gpu_count = 1; }, "GPU model"},
        BadNode{"ModelWithoutGpus", [](NodeSpec& n) { n.gpu_model = GpuModelId{0}; }, "GPU model"},
        BadNode{"NegativeExtended",
                [](NodeSpec& n) {
                  n.extended = {{ExtendedId{0}, -1}};
                },
                "negative"}),
    CaseName{});

}  // namespace
}  // namespace berth::test
