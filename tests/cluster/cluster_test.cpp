// Cluster: every index against a recount after random histories, the GPU rules by hand.
#include "sim/cluster/cluster.hpp"

#include <gtest/gtest.h>

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
