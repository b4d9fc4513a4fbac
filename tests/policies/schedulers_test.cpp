// Every scheduler by hand: the formula is worked out beside each row.
#include <gtest/gtest.h>

#include "tests/support/bind_one.hpp"
#include "tests/support/case_name.hpp"

namespace berth::test {
namespace {

struct Row {
  const char* name;
  const char* policy;
  std::vector<NodeRow> nodes;
  Ask ask;
  const char* expected;
  Mix mix = {};
};
using Schedulers = testing::TestWithParam<Row>;
TEST_P(Schedulers, Bind) {
  EXPECT_EQ(bind_one(GetParam().policy, GetParam().nodes, GetParam().ask, GetParam().mix), GetParam().expected);
}

// ---- cpu and memory
// --------------------------------------------------------------------------------------------------- Rows are {name,
// cpu, memory, cpu used, memory used, free milli of each GPU}.

// a: cpu (1000 - 500) · 100 / 4000 = 12, memory 7/8 = 87, mean 49. b: 87 and 87.
const std::vector<NodeRow> kOneBusy{{"a", 4000, 8_GiB, 3000, 0, {}}, {"b", 4000, 8_GiB, 0, 0, {}}};
// a is full in memory, b half full in cpu.
const std::vector<NodeRow> kUnlike{{"a", 4000, 8_GiB, 0, 7_GiB, {}}, {"b", 4000, 8_GiB, 2000, 0, {}}};
// 10 cores, 10 GiB. a: 50 % and 50 %; b: 60 % and 10 %.
const std::vector<NodeRow> kSkewed{{"a", 10000, 10_GiB, 5000, 5_GiB, {}}, {"b", 10000, 10_GiB, 6000, 1_GiB, {}}};
const Ask kSmall{.cpu_milli = 500, .memory_bytes = 1_GiB};
const Ask kTenth{.cpu_milli = 1000, .memory_bytes = 1_GiB};

INSTANTIATE_TEST_SUITE_P(
    FirstFit, Schedulers,
    testing::Values(
        Row{"LowestThatFits",
            "first-fit",
            {{"a", 400, 8_GiB, 0, 0, {}}, {"b", 4000, 8_GiB, 3500, 0, {}}, {"c", 4000, 8_GiB, 0, 0, {}}},
            kSmall,
            "b"},
        Row{"MemoryCounts", "first-fit", {{"a", 4000, 1_GiB, 0, 1, {}}, {"b", 4000, 1_GiB, 0, 0, {}}}, kSmall, "b"}),
    CaseName{});

INSTANTIATE_TEST_SUITE_P(LeastAllocated, Schedulers,
                         testing::Values(Row{"EmptierWins", "least-allocated", kOneBusy, kSmall, "b"},
                                         // a: cpu 87, memory 0: mean 43. b: cpu 37, memory 87: mean 62.
                                         Row{"MeanOfBoth", "least-allocated", kUnlike, kSmall, "b"},
                                         Row{"CpuAlone", "least-allocated(memory_weight=0)", kUnlike, kSmall, "a"},
                                         // a: (3 · 87 + 0) / 4 = 65. b: (3 · 37 + 87) / 4 = 49.
                                         Row{"CpuWeighsMore", "least-allocated(cpu_weight=3)", kUnlike, kSmall, "a"},
                                         // Free 995 and 999 of 1000 milli-CPU: (995 - 100) / 10 = 89.5 and 89.9, both
                                         // 89 in integers: the lower id.
                                         Row{"IntegersTie",
                                             "least-allocated(memory_weight=0)",
                                             {{"a", 1000, 8_GiB, 5, 0, {}}, {"b", 1000, 8_GiB, 1, 0, {}}},
                                             Ask{.cpu_milli = 100},
                                             "a"}),
                         CaseName{});

INSTANTIATE_TEST_SUITE_P(MostAllocated, Schedulers,
                         testing::Values(
                             // a: cpu (3000 + 500) / 4000 = 87, memory 12: 49. b: 12.
                             Row{"FullerWins", "most-allocated", kOneBusy, kSmall, "a"},
                             // a: cpu 12, memory 100: 56. b: cpu 62, memory 12: 37.
                             Row{"MeanOfBoth", "most-allocated", kUnlike, kSmall, "a"},
                             Row{"CpuAlone", "most-allocated(memory_weight=0)", kUnlike, kSmall, "b"}),
                         CaseName{});

INSTANTIATE_TEST_SUITE_P(Balanced, Schedulers,
                         testing::Values(
                             // a, empty: 100 before, cpu 0 and memory 0.5 after: 75; 50 + (50 - 25) / 2 = 62.
                             // b, cpu 0.5: 75 before, 0.5 and 0.5 after: 100; 50 + (50 + 25) / 2 = 87.
                             Row{"EvensOut",
                                 "balanced",
                                 {{"a", 4000, 8_GiB, 0, 0, {}}, {"b", 4000, 8_GiB, 2000, 0, {}}},
                                 Ask{.memory_bytes = 4_GiB},
                                 "b"},
                             // In step already on both: the change is 0 on both, whatever the load.
                             Row{"ProportionalAskTies",
                                 "balanced",
                                 {{"a", 4000, 8_GiB, 2000, 4_GiB, {}}, {"b", 4000, 8_GiB, 0, 0, {}}},
                                 Ask{.cpu_milli = 1000, .memory_bytes = 2_GiB},
                                 "a"}),
                         CaseName{});

INSTANTIATE_TEST_SUITE_P(
    BestAndWorstFit, Schedulers,
    testing::Values(
        // C = 8000, no GPUs. Left: a 3000 → trunc(100 · (1 - 0.5 · 3/8)) = 81; b 2000 → trunc(87.5) = 87.
        Row{"BestLeavesLeast",
            "best-fit",
            {{"a", 4000, 8_GiB, 0, 0, {}}, {"b", 8000, 8_GiB, 5000, 0, {}}},
            Ask{.cpu_milli = 1000},
            "b"},
        Row{"WorstLeavesMost",
            "worst-fit",
            {{"a", 4000, 8_GiB, 0, 0, {}}, {"b", 8000, 8_GiB, 5000, 0, {}}},
            Ask{.cpu_milli = 1000},
            "a"},
        // Left 3000 and 2950 of 8000: 81.25 and 81.56, both 81: the lower id. worst-fit does not truncate.
        Row{"BestTruncates",
            "best-fit",
            {{"a", 8000, 8_GiB, 4000, 0, {}}, {"b", 8000, 8_GiB, 4050, 0, {}}},
            Ask{.cpu_milli = 1000},
            "a"},
        Row{"WorstDoesNot",
            "worst-fit",
            {{"b", 8000, 8_GiB, 4050, 0, {}}, {"a", 8000, 8_GiB, 4000, 0, {}}},
            Ask{.cpu_milli = 1000},
            "a"},
        // C = 8000, G = 2000. a: 0.5 · 7/8 + 0.5 · 500/2000 = 0.5625 → 43. b: 0.5 · 1/8 + 0.5 · 1500/2000 = 0.4375
        // → 56.
        Row{"BestCountsGpus",
            "best-fit",
            {{"a", 8000, 8_GiB, 0, 0, {1000}}, {"b", 8000, 8_GiB, 6000, 0, {1000, 1000}}},
            Ask{.cpu_milli = 1000, .gpus = 1, .gpu_milli = 500},
            "b:0"},
        Row{"WorstCountsGpus",
            "worst-fit",
            {{"b", 8000, 8_GiB, 6000, 0, {1000, 1000}}, {"a", 8000, 8_GiB, 0, 0, {1000}}},
            Ask{.cpu_milli = 1000, .gpus = 1, .gpu_milli = 500},
            "a:0"}),
    CaseName{});

INSTANTIATE_TEST_SUITE_P(DotProduct, Schedulers,
                         testing::Values(
                             // C = 8000, q/C = 0.5. a: d = 1 · 0.5 / 2 = 0.25 → 75 (large: 25). b: d = 0.5 · 0.5 / 2 =
                             // 0.125 → 87 (large: 12).
                             Row{"SmallProductWins",
                                 "dot-product",
                                 {{"a", 8000, 8_GiB, 0, 0, {}}, {"b", 8000, 8_GiB, 4000, 0, {}}},
                                 Ask{.cpu_milli = 4000},
                                 "b"},
                             Row{"LargeProductWins",
                                 "dot-product(alignment=large)",
                                 {{"b", 8000, 8_GiB, 4000, 0, {}}, {"a", 8000, 8_GiB, 0, 0, {}}},
                                 Ask{.cpu_milli = 4000},
                                 "a"},
                             // G = 4000, q = 0, r/G = 0.5. a: d = 1 · 0.5 / 2 → 75. b: d = 0.5 · 0.5 / 2 → 87.
                             Row{"GpusAreSummed",
                                 "dot-product",
                                 {{"a", 8000, 8_GiB, 0, 0, {1000, 1000, 1000, 1000}},
                                  {"b", 8000, 8_GiB, 0, 0, {1000, 1000}}},
                                 Ask{.gpus = 2},
                                 "b:0-1"}),
                         CaseName{});

INSTANTIATE_TEST_SUITE_P(
    EPvm, Schedulers,
    testing::Values(
        // Base 2 (nodes), both asks 0.1 of a node. a: 2 · 2^0.5 = 2.83, b: 2^0.6 + 2^0.1 = 2.59, each times 2^0.1 - 1.
        Row{"BaseIsTheNumberOfNodes", "e-pvm", kSkewed, kTenth, "b"},
        // Base 10^9. a: 2 · 10^4.5 = 63,000; b: 10^5.4 + 10^0.9 = 251,000.
        Row{"SteepBaseAvoidsTheFullest", "e-pvm(base=1e9)", kSkewed, kTenth, "a"}),
    CaseName{});

INSTANTIATE_TEST_SUITE_P(
    Sampled, Schedulers,
    testing::Values(
        Row{"RandomHasNoChoice",
            "random",
            {{"a", 400, 8_GiB, 0, 0, {}}, {"b", 4000, 8_GiB, 0, 0, {}}, {"c", 400, 8_GiB, 0, 0, {}}},
            kSmall,
            "b"},
        // 1000 draws from three nodes miss one with probability (2/3)^1000. Loads: a 0.6 (cpu), b 0.875 (memory), c 0.5
        // (cpu).
        Row{"PowerOfManyIsTheLeastLoaded",
            "power-of-k(k=1000)",
            {{"a", 4000, 8_GiB, 2000, 0, {}}, {"b", 4000, 8_GiB, 0, 6_GiB, {}}, {"c", 4000, 8_GiB, 1600, 0, {}}},
            Ask{.cpu_milli = 400, .memory_bytes = 1_GiB},
            "c"},
        // The GPU counts too: a 0.75 of two GPUs, b 0.5.
        Row{"PowerOfKCountsGpus",
            "power-of-k(k=1000)",
            {{"a", 4000, 8_GiB, 0, 0, {1000, 0}}, {"b", 4000, 8_GiB, 2000, 0, {1000, 1000}}},
            Ask{.gpus = 1, .gpu_milli = 500},
            "b:0"}),
    CaseName{});

INSTANTIATE_TEST_SUITE_P(MinCostFlow, Schedulers,
                         testing::Values(
                             // With the pod (0.1 each). a: 0.6, 0.6: mean 0.6, variance 0. b: 0.1, 1.0: mean 0.55,
                             // variance 0.2025, cost 0.7525.
                             Row{"LoadAndImbalance",
                                 "min-cost-flow",
                                 {{"b", 10000, 10_GiB, 0, 9_GiB, {}}, {"a", 10000, 10_GiB, 5000, 5_GiB, {}}},
                                 kTenth,
                                 "a"},
                             // b: 0.7, 0.2: mean 0.45, variance 0.0625, cost 0.5125.
                             Row{"ImbalanceIsNotAll", "min-cost-flow", kSkewed, kTenth, "b"}),
                         CaseName{});

// ---- GPUs
// -------------------------------------------------------------------------------------------------------------

const Ask kShare300{.gpus = 1, .gpu_milli = 300};
const NodeRow kIdle1{"idle1", 8000, 8_GiB, 0, 0, {1000}}, kIdle2{"idle2", 8000, 8_GiB, 0, 0, {1000, 1000}};
const NodeRow kIdle8{"idle8", 8000, 8_GiB, 0, 0, {1000, 1000, 1000, 1000, 1000, 1000, 1000, 1000}};
const NodeRow kUsed100{"used100", 8000, 8_GiB, 0, 0, {100, 1000}}, kUsed500{"used500", 8000, 8_GiB, 0, 0, {1000, 500}};
const NodeRow kUsed300{"used300", 8000, 8_GiB, 0, 0, {300, 1000}};

// All idle: max(33 - f, f): idle1 32, idle2 31, idle8 25. A share of 300 elsewhere: used100 must open an idle GPU (j =
// 1): max(50 - 1, 33) = 49; used500: max(100 - 50/10, 50) = 95; used300: 97.
INSTANTIATE_TEST_SUITE_P(
    GpuPacking, Schedulers,
    testing::Values(
        Row{"UsedGpuFirst", "gpu-packing", {kIdle1, kUsed100, kUsed500}, kShare300, "used500:1"},
        Row{"FullestUsedGpu", "gpu-packing", {kUsed500, kUsed300}, kShare300, "used300:0"},
        Row{"IdleGpuOfAUsedNode", "gpu-packing", {kIdle1, kUsed100}, kShare300, "used100:1"},
        Row{"SmallestIdleNode", "gpu-packing", {kIdle8, kIdle2, kIdle1}, kShare300, "idle1:0"},
        // Two whole GPUs: {1000, 1000, 500}: j = 2 → 48; idle8 → 25.
        Row{"WholeGpus", "gpu-packing", {kIdle8, {"b", 8000, 8_GiB, 0, 0, {500, 1000, 1000}}}, Ask{.gpus = 2}, "b:1-2"},
        Row{"CpuPodsTie", "gpu-packing", {kIdle8, kUsed300}, kSmall, "idle8"}),
    CaseName{});

// G = 4000. empty: 25. share (a pod of 500): own class alone 75 + 25 · 500 / 4000 = 78. whole (a pod of 1 GPU): other
// classes only, 0 + 6. both: 50 + 25 · 1500 / 4000 = 59.
const NodeRow kEmpty4{"empty", 8000, 8_GiB, 0, 0, {1000, 1000, 1000, 1000}},
    kShare4{"share", 8000, 8_GiB, 0, 0, {500, 1000, 1000, 1000}};
const NodeRow kWhole4{"whole", 8000, 8_GiB, 0, 0, {0, 1000, 1000, 1000}},
    kBoth4{"both", 8000, 8_GiB, 0, 0, {0, 500, 1000, 1000}};
INSTANTIATE_TEST_SUITE_P(
    GpuClustering, Schedulers,
    testing::Values(
        Row{"LikeWithLike", "gpu-clustering", {kEmpty4, kWhole4, kBoth4, kShare4}, kShare300, "share:0"},
        Row{"AmongOthers", "gpu-clustering", {kEmpty4, kWhole4, kBoth4}, kShare300, "both:1"},
        Row{"EmptyBeforeOthers", "gpu-clustering", {kWhole4, kEmpty4}, kShare300, "empty:0"},
        Row{"WholeWithWhole", "gpu-clustering", {kEmpty4, kShare4, kBoth4, kWhole4}, Ask{.gpus = 1}, "whole:1"},
        // A pod of two GPUs is a class of its own: whole 6, empty 25.
        Row{"TwoGpusAreAnotherClass", "gpu-clustering", {kWhole4, kEmpty4}, Ask{.gpus = 2}, "empty:0-1"},
        Row{"CpuPodsTie", "gpu-clustering", {kWhole4, kEmpty4}, kSmall, "whole"}),
    CaseName{});

// The workload is all (or nearly all: rare shapes are cut off at 95 %) shares of 500. A free share below 500 is
// fragment.
const Ask kShare500{.gpus = 1, .gpu_milli = 500};
const Mix kMostly500{{kShare500, 99}, {kShare300, 1}};
INSTANTIATE_TEST_SUITE_P(Fgd, Schedulers,
                         testing::Values(
                             // n700: 200 are left, F 0 → 200: trunc(100 / (1 + e^0.2)) = 45. n1000: 500 are left: 50.
                             Row{"LeavesNoFragment",
                                 "fgd",
                                 {{"n700", 8000, 8_GiB, 0, 0, {700}}, {"n1000", 8000, 8_GiB, 0, 0, {1000}}},
                                 kShare500,
                                 "n1000:0"},
                             // n1000: 700 are left, of use: 50. n300: F 300 → 0: trunc(100 / (1 + e^-0.3)) = 57.
                             Row{"FillsAFragment",
                                 "fgd",
                                 {{"n1000", 8000, 8_GiB, 0, 0, {1000}}, {"n300", 8000, 8_GiB, 0, 0, {300}}},
                                 kShare300,
                                 "n300:0",
                                 kMostly500},
                             // Not the fullest GPU that fits, but the one that leaves no fragment.
                             Row{"ChoosesTheGpu", "fgd", {{"a", 8000, 8_GiB, 0, 0, {700, 1000}}}, kShare500, "a:1"},
                             Row{"LowestGpuOnTies", "fgd", {{"a", 8000, 8_GiB, 0, 0, {1000, 500}}}, kShare500, "a:0"},
                             // A cpu pod that takes the last cores of a node with a free GPU strands it (Q4: 1000):
                             // trunc(100 / (1 + e)) = 26.
                             Row{"CpuPodsSpareGpus",
                                 "fgd",
                                 {{"gpu", 4000, 8_GiB, 0, 0, {1000}}, {"bare", 4000, 8_GiB, 0, 0, {}}},
                                 Ask{.cpu_milli = 4000},
                                 "bare",
                                 {{Ask{.cpu_milli = 1000, .gpus = 1}, 1}}}),
                         CaseName{});

// ---- rules that all share
// ---------------------------------------------------------------------------------------------

TEST(AllSchedulers, TakeTheOnlyNodeThatFits) {
  for (const auto& info : Registry<Scheduler>::instance().list()) {
    SCOPED_TRACE(info.name);
    const std::vector<NodeRow> nodes{{"a", 400, 8_GiB, 0, 0, {}},
                                     {"b", 4000, 8_GiB, 0, 0, {999}},
                                     {"c", 4000, 8_GiB, 0, 0, {500, 1000}},
                                     {"d", 4000, 1_GiB, 0, 0, {1000}}};
    EXPECT_EQ(bind_one(info.name, nodes, {.cpu_milli = 500, .memory_bytes = 2_GiB, .gpus = 1}), "c:1");
  }
}

TEST(AllSchedulers, LeavePendingWhatFitsNowhere) {
  for (const auto& info : Registry<Scheduler>::instance().list()) {
    SCOPED_TRACE(info.name);
    EXPECT_EQ(bind_one(info.name, {{"a", 400, 8_GiB, 0, 0, {1000}}, {"b", 4000, 8_GiB, 3501, 0, {1000}}}, kSmall),
              "<pending>");
  }
}

TEST(AllSchedulers, LookAgainWhenANodeChanges) {
  for (const auto& info : Registry<Scheduler>::instance().list()) {
    SCOPED_TRACE(info.name);
    Table table(info.name, {{"a", 4000, 8_GiB, 0, 0, {}}}, {{kSmall, 1}});
    table.harness.actions.cordon(NodeId{0});
    const PodId pod = table.harness.create(kSmall);
    table.schedule();
    EXPECT_EQ(table.where(pod), "<pending>");
    table.schedule();
    EXPECT_EQ(table.where(pod), "<pending>");
    table.harness.actions.uncordon(NodeId{0});
    table.schedule();
    EXPECT_EQ(table.where(pod), "a");
  }
}

// Higher priority first, then who came first. A pod that fits nowhere does not hold up those behind it. All but drf,
// whose order is by fair share.
TEST(AllSchedulers, TakePodsInQueueOrder) {
  for (const auto& info : Registry<Scheduler>::instance().list()) {
    if (info.name == "drf") continue;
    SCOPED_TRACE(info.name);
    Table table(info.name, {{"a", 1000, 8_GiB, 0, 0, {}}}, {{kSmall, 1}});
    Harness& h = table.harness;
    const PodId first = h.create(Ask{.cpu_milli = 500});
    const PodId second = h.create(Ask{.cpu_milli = 500});
    const PodId huge = h.create(Ask{.cpu_milli = 1001, .priority = 9});
    const PodId urgent = h.create(Ask{.cpu_milli = 500, .priority = 5});
    table.schedule();
    EXPECT_EQ(table.where(huge), "<pending>");
    EXPECT_EQ(table.where(urgent), "a");
    EXPECT_EQ(table.where(first), "a");
    EXPECT_EQ(table.where(second), "<pending>");
  }
}

// ---- those with a memory
// ----------------------------------------------------------------------------------------------

TEST(RoundRobin, GoesRoundAndSkipsWhatDoesNotFit) {
  Table table("round-robin", {{"a", 4000, 8_GiB, 0, 0, {}},
                              {"b", 4000, 8_GiB, 0, 0, {}},
                              {"c", 1000, 8_GiB, 0, 0, {}},
                              {"d", 4000, 8_GiB, 0, 0, {}}});
  const Ask one{.cpu_milli = 1000};
  std::string order;
  for (int i = 0; i < 8; ++i) order += table.place(one);
  EXPECT_EQ(order, "abcdabda");  // c is full after its first.
}

// The example of the paper (NSDI 2011, section 4.1 and table 1): 9 CPU and 18 GB; user A's tasks ask for <1 CPU, 4 GB>,
// user B's for <3 CPU, 1 GB>. B, A, A, B, A: three tasks for A, two for B, dominant shares of 2/3 each.
TEST(Drf, ThePapersExample) {
  Table table("drf", {{"cluster", 9000, 18_GiB, 0, 0, {}}});
  Harness& h = table.harness;
  for (int i = 0; i < 5; ++i) {
    h.create(Ask{.cpu_milli = 3000, .memory_bytes = 1_GiB, .namespace_name = "b"});
    h.create(Ask{.cpu_milli = 1000, .memory_bytes = 4_GiB, .namespace_name = "a"});
  }
  table.schedule();
  std::string order;
  for (const Record& r : h.records()) {
    if (r.kind != RecordKind::kPodScheduled) continue;
    order += h.cluster.catalog().namespace_name(h.cluster.catalog()[r.pod_template].namespace_id);
  }
  EXPECT_EQ(order, "baaba");
  EXPECT_EQ(h.cluster.nodes().cpu_free_milli[0], 0);
  EXPECT_EQ(h.cluster.nodes().memory_free_bytes[0], 4_GiB);
}

// What ended no longer counts: A holds nothing any more, so A's pods come before B's.
TEST(Drf, ForgetsWhatEnded) {
  Table table("drf", {{"cluster", 8000, 16_GiB, 0, 0, {}}});
  Harness& h = table.harness;
  const PodId a = h.create(Ask{.cpu_milli = 4000, .namespace_name = "a"});
  const PodId b = h.create(Ask{.cpu_milli = 4000, .namespace_name = "b"});
  table.schedule();
  ASSERT_EQ(table.where(a) + table.where(b), "clustercluster");
  const PodId b2 = h.create(Ask{.cpu_milli = 4000, .namespace_name = "b"});
  const PodId a2 = h.create(Ask{.cpu_milli = 4000, .namespace_name = "a"});
  h.actions.pod_succeeded(a);
  table.schedule();
  EXPECT_EQ(table.where(b2), "<pending>");
  EXPECT_EQ(table.where(a2), "cluster");
}

// 3 of 5 nodes fit: each of 3,000 pods takes one of them with probability 1/3; the standard deviation of a count
// is 25.8.
TEST(RandomScheduler, IsUniformOverWhatFits) {
  Table table("random", {{"a", 1, 8_GiB, 0, 0, {}},
                         {"b", 4000, 8_GiB, 0, 0, {}},
                         {"c", 4000, 8_GiB, 0, 0, {}},
                         {"d", 1, 8_GiB, 0, 0, {}},
                         {"e", 4000, 8_GiB, 0, 0, {}}});
  std::array<int, 5> counts{};
  for (int i = 0; i < 3000; ++i) {
    const PodId pod = table.harness.create(Ask{.cpu_milli = 1000});
    table.schedule();
    ++counts[index(table.harness.cluster.pods().node[index(pod)])];
    table.harness.actions.pod_succeeded(pod);
  }
  EXPECT_EQ(counts[0] + counts[3], 0);
  for (const int n : {1, 2, 4}) EXPECT_NEAR(counts[static_cast<std::size_t>(n)], 1000, 5 * 25.8) << n;
}

// Two of three GPUs have room for the share: each is taken about half the time (standard deviation of 1,000
// draws: 15.8).
TEST(RandomScheduler, DrawsTheGpuToo) {
  Table table("random", {{"a", 4000, 8_GiB, 0, 0, {1000, 200, 400}}});
  std::array<int, 3> counts{};
  for (int i = 0; i < 1000; ++i) {
    const PodId pod = table.harness.create(kShare300);
    table.schedule();
    ++counts[static_cast<std::size_t>(std::countr_zero(table.harness.cluster.pods().gpus[index(pod)]))];
    table.harness.actions.pod_succeeded(pod);
  }
  EXPECT_EQ(counts[1], 0);
  EXPECT_NEAR(counts[0], 500, 5 * 15.8);
}

}  // namespace
}  // namespace berth::test
