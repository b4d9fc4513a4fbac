// Actions: what each verb answers, what it records, and that a refusal changes nothing.
#include "sim/cluster/actions.hpp"

#include <gtest/gtest.h>

#include "tests/support/cluster_builder.hpp"

namespace berth::test {
namespace {

constexpr DecisionTime kTenMilliseconds{milliseconds(10), {}};

// A node "a" of 4 cores with GPUs {1000, 400}, and "b" without GPUs, cordoned.
struct TwoNodes {
  explicit TwoNodes(DecisionTime decision = {}) : h(decision) {
    a = h.add_node({.name = "a", .cpu_milli = 4000, .memory_bytes = 8_GiB, .gpus_free_milli = {1000, 400}});
    b = h.add_node({.name = "b", .cpu_milli = 4000, .memory_bytes = 8_GiB});
    h.actions.cordon(b);
  }
  Harness h;
  NodeId a{}, b{};
};

TEST(Bind, EveryOutcome) {
  TwoNodes w;
  Harness& h = w.h;
  const PodId cpu = h.create(Ask{.cpu_milli = 1000, .memory_bytes = 1_GiB});
  const PodId whole = h.create(Ask{.cpu_milli = 1000, .gpus = 1});
  const PodId huge = h.create(Ask{.cpu_milli = 4001});
  const PodId gone = h.create(Ask{.cpu_milli = 1});
  h.actions.fail(gone, FailReason::kUnschedulable);

  EXPECT_EQ(h.actions.bind(static_cast<PodId>(999), w.a), Outcome::kNotPending);
  EXPECT_EQ(h.actions.bind(kNoPod, w.a), Outcome::kNotPending);
  EXPECT_EQ(h.actions.bind(gone, w.a), Outcome::kNotPending);
  EXPECT_EQ(h.actions.bind(cpu, static_cast<NodeId>(2)), Outcome::kNoSuchNode);
  EXPECT_EQ(h.actions.bind(cpu, kNoNode), Outcome::kNoSuchNode);
  EXPECT_EQ(h.actions.bind(huge, w.a), Outcome::kDoesNotFit);
  EXPECT_EQ(h.actions.bind(cpu, w.b), Outcome::kDoesNotFit);             // Cordoned.
  EXPECT_EQ(h.actions.bind(cpu, w.a, GpuMask{1}), Outcome::kBadGpus);    // It wants none.
  EXPECT_EQ(h.actions.bind(whole, w.a, GpuMask{0}), Outcome::kBadGpus);  // Too few.
  EXPECT_EQ(h.actions.bind(whole, w.a, GpuMask{3}), Outcome::kBadGpus);  // Too many.
  EXPECT_EQ(h.actions.bind(whole, w.a, GpuMask{2}), Outcome::kBadGpus);  // Not free enough.
  EXPECT_EQ(h.actions.bind(whole, w.a, GpuMask{4}), Outcome::kBadGpus);  // No such GPU.
  EXPECT_EQ(h.cluster.pending().size(), 3U);                             // Nothing changed so far.
  EXPECT_EQ(h.cluster.pods_bound(), 1U);  // The pod that the builder put on a's second GPU.

  EXPECT_EQ(h.actions.bind(whole, w.a, GpuMask{1}), Outcome::kDone);
  EXPECT_EQ(h.actions.bind(cpu, w.a), Outcome::kDone);
  EXPECT_EQ(h.actions.bind(cpu, w.a), Outcome::kNotPending);
  EXPECT_EQ(h.cluster.verify(), "");
}

TEST(Bind, BusyWhileADecisionRuns) {
  TwoNodes w(kTenMilliseconds);
  Harness& h = w.h;
  const Time begun = h.engine.now();  // The builder's own pod took a decision.
  const PodId first = h.create(Ask{.cpu_milli = 1000});
  const PodId second = h.create(Ask{.cpu_milli = 1000});
  EXPECT_EQ(h.actions.bind(first, w.a), Outcome::kDone);
  EXPECT_EQ(h.actions.busy_until(), begun + milliseconds(10));
  EXPECT_EQ(h.actions.bind(second, w.a), Outcome::kSchedulerBusy);
  EXPECT_EQ(h.cluster.pods().phase[index(first)], PodPhase::kBinding);
  EXPECT_EQ(h.cluster.nodes().cpu_free_milli[index(w.a)], 3000);                 // The room is taken at once.
  EXPECT_EQ(h.actions.evict(first, EvictReason::kDrained), Outcome::kNotBound);  // Not bound before it is decided.
  ASSERT_TRUE(h.step());
  EXPECT_EQ(h.engine.now(), begun + milliseconds(10));
  EXPECT_EQ(h.cluster.pods().phase[index(first)], PodPhase::kRunning);
  EXPECT_EQ(h.actions.bind(second, w.a), Outcome::kDone);
}

TEST(Bind, DecisionTimeGrowsWithNodes) {
  Harness h({milliseconds(1), microseconds(3)});
  for (int i = 0; i < 7; ++i) h.add_node({.name = std::to_string(i), .cpu_milli = 1000, .memory_bytes = 1_GiB});
  ASSERT_EQ(h.actions.bind(h.create(Ask{.cpu_milli = 1}), NodeId{0}), Outcome::kDone);
  EXPECT_EQ(h.actions.busy_until(), Time{} + microseconds(1000 + 7 * 3));
}

TEST(Evict, GivesBackAndQueuesBehind) {
  TwoNodes w;
  Harness& h = w.h;
  const PodId pod = h.create(Ask{.cpu_milli = 1000, .gpus = 1}, seconds(100));
  EXPECT_EQ(h.actions.evict(pod, EvictReason::kPreempted), Outcome::kNotBound);
  EXPECT_EQ(h.actions.evict(static_cast<PodId>(999), EvictReason::kPreempted), Outcome::kNotBound);
  ASSERT_EQ(h.actions.bind(pod, w.a), Outcome::kDone);
  const PodId later = h.create(Ask{.cpu_milli = 500});
  EXPECT_EQ(h.actions.evict(pod, EvictReason::kDrained), Outcome::kDone);
  EXPECT_EQ(h.actions.evict(pod, EvictReason::kDrained), Outcome::kNotBound);
  EXPECT_EQ(h.cluster.nodes().cpu_free_milli[index(w.a)], 4000);
  EXPECT_EQ(h.cluster.nodes().gpu_idle[index(w.a)], 1);
  std::vector<PodId> line;
  h.cluster.pending().in_order(line);
  EXPECT_EQ(line, (std::vector<PodId>{later, pod}));  // It waits again, behind those that came meanwhile.
  // The end of its first life, at 100 s, is stale: it must not end the second one.
  ASSERT_TRUE(h.step());
  EXPECT_EQ(h.cluster.pods().phase[index(pod)], PodPhase::kPending);
  EXPECT_EQ(h.cluster.verify(), "");
}

TEST(Cordon, KeepsPodsAndTakesNoMore) {
  Harness h;
  const NodeId a = h.add_node({.name = "a", .cpu_milli = 4000, .memory_bytes = 8_GiB});
  const PodId there = h.create(Ask{.cpu_milli = 1000});
  const PodId late = h.create(Ask{.cpu_milli = 1000});
  ASSERT_EQ(h.actions.bind(there, a), Outcome::kDone);
  EXPECT_EQ(h.actions.cordon(a), Outcome::kDone);
  EXPECT_EQ(h.where(there), "a");
  EXPECT_EQ(h.actions.bind(late, a), Outcome::kDoesNotFit);
  EXPECT_EQ(h.actions.uncordon(a), Outcome::kDone);
  EXPECT_EQ(h.actions.bind(late, a), Outcome::kDone);
  EXPECT_EQ(h.actions.cordon(static_cast<NodeId>(1)), Outcome::kNoSuchNode);
  EXPECT_EQ(h.actions.uncordon(kNoNode), Outcome::kNoSuchNode);
}

TEST(Actions, RecordAPodsLife) {
  Harness h;
  const NodeId a = h.add_node({.name = "a", .cpu_milli = 4000, .memory_bytes = 8_GiB, .gpus_free_milli = {1000, 1000}});
  const PodId pod = h.create(Ask{.cpu_milli = 1000, .gpus = 1}, seconds(30), seconds(2));
  ASSERT_EQ(h.actions.bind(pod, a, GpuMask{2}), Outcome::kDone);
  while (h.step()) {
  }
  struct Expected {
    std::int64_t at_s;
    RecordKind kind;
    NodeId node;
    std::uint16_t gpus;
  };
  const std::vector<Expected> expected{{0, RecordKind::kPodCreated, kNoNode, 0},
                                       {0, RecordKind::kPodScheduled, a, 2},
                                       {2, RecordKind::kPodStarted, a, 2},      // The start delay.
                                       {32, RecordKind::kPodSucceeded, a, 2}};  // 30 s from the start.
  const std::vector<Record>& got = h.records();
  ASSERT_EQ(got.size(), expected.size());
  for (std::size_t i = 0; i < got.size(); ++i) {
    EXPECT_EQ(got[i].at, Time{} + seconds(expected[i].at_s)) << i;
    EXPECT_EQ(got[i].kind, expected[i].kind) << i;
    EXPECT_EQ(got[i].node, expected[i].node) << i;
    EXPECT_EQ(got[i].gpus, expected[i].gpus) << i;
    EXPECT_EQ(got[i].pod, 0U) << i;
  }
}

// Any bind, right or wrong: the answer follows from a recount, and a refusal leaves the cluster as it was.
TEST(BindProperty, OutcomeMatchesTheTwin) {
  std::array<std::size_t, 7> seen{};
  for (std::uint64_t seed = 0; seed < 100; ++seed) {
    SCOPED_TRACE(testing::Message() << "seed=" << seed);
    RandomWorld world(seed);
    Harness& h = world.harness;
    for (int i = 0; i < 300; ++i) {
      if (world.rng().below(3) == 0) world.churn();
      const std::size_t rows = h.cluster.pods().size();
      const auto pod = static_cast<PodId>(world.rng().below(static_cast<std::uint32_t>(rows + 1)));
      const auto node =
          static_cast<NodeId>(world.rng().below(static_cast<std::uint32_t>(h.cluster.nodes().size() + 1)));
      std::optional<GpuMask> gpus;
      if (world.rng().below(2) == 0) gpus = static_cast<GpuMask>(world.rng().below(16));

      Outcome expected = Outcome::kDone;
      if (index(pod) >= rows || h.cluster.pods().phase[index(pod)] != PodPhase::kPending) {
        expected = Outcome::kNotPending;
      } else if (index(node) >= h.cluster.nodes().size()) {
        expected = Outcome::kNoSuchNode;
      } else if (const PodTemplate& t = h.cluster.pod_template(pod); !naive_fits(h.cluster, t, node)) {
        expected = Outcome::kDoesNotFit;
      } else if (gpus) {
        const Room room = naive_room(h.cluster, node);
        int named = 0;
        bool free = true;
        for (std::size_t g = 0; g < 16; ++g) {
          if (((*gpus >> g) & 1) == 0) continue;
          ++named;
          free = free && g < room.gpus_milli.size() && room.gpus_milli[g] >= t.gpu.milli;
        }
        if (named != t.gpu.count || !free) expected = Outcome::kBadGpus;
      }
      const std::size_t bound = h.cluster.pods_bound();
      ASSERT_EQ(h.actions.bind(pod, node, gpus), expected);
      ASSERT_EQ(h.cluster.pods_bound(), bound + (expected == Outcome::kDone ? 1 : 0));
      ++seen[static_cast<std::size_t>(expected)];
    }
    ASSERT_EQ(h.cluster.verify(), "");
  }
  for (const Outcome outcome :
       {Outcome::kDone, Outcome::kNotPending, Outcome::kNoSuchNode, Outcome::kDoesNotFit, Outcome::kBadGpus}) {
    EXPECT_GT(seen[static_cast<std::size_t>(outcome)], 100U) << to_string(outcome);  // Or the test tests nothing.
  }
}

TEST(Outcome, EachHasItsOwnWords) {
  std::vector<std::string> words;
  for (int i = 0; i <= static_cast<int>(Outcome::kSchedulerBusy); ++i) {
    words.emplace_back(to_string(static_cast<Outcome>(i)));
    EXPECT_NE(words.back(), "?");
  }
  std::sort(words.begin(), words.end());
  EXPECT_EQ(std::unique(words.begin(), words.end()), words.end());
}

}  // namespace
}  // namespace berth::test
