// Binpacking by hand: estimator/binpacking_estimator.go and core/scaleup/equivalence/groups.go of release 1.37.
#include "policies/node_autoscalers/estimator.hpp"

#include <gtest/gtest.h>

#include "tests/policies/node_autoscalers/autoscaled_world.hpp"
#include "tests/support/case_name.hpp"

namespace berth::test {
namespace {

struct Kind {
  std::int64_t cpu_milli = 0;
  std::int64_t gib = 0;
  std::size_t count = 0;
};
struct Case {
  const char* name;
  std::vector<Kind> kinds;
  Kind daemon;  // count 0: none.
  std::int32_t max_nodes = 1000;
  std::int32_t nodes = 0;
  std::size_t pods = 0;
};

using EstimatorTest = testing::TestWithParam<Case>;

// New nodes have 4 cores and 16 GiB.
TEST_P(EstimatorTest, Counts) {
  AutoscaledWorld w;
  const Case& c = GetParam();
  w.add_group("g", 4'000, 16, 0, 1000);
  for (std::size_t i = 0; i < c.daemon.count; ++i) {
    w.groups[0].daemon_pods.push_back(w.make.info("DaemonSet/d", c.daemon.cpu_milli, c.daemon.gib * kGi));
  }
  for (std::size_t k = 0; k < c.kinds.size(); ++k) {
    w.wait(w.make.info("ReplicaSet/k" + std::to_string(k), c.kinds[k].cpu_milli, c.kinds[k].gib * kGi),
           c.kinds[k].count);
  }
  std::vector<const AutoscaledPod*> pods;
  for (const AutoscaledPod& pod : w.waiting) pods.push_back(&pod);
  const std::vector<EquivalenceGroup> groups = equivalence_groups(pods);
  ASSERT_EQ(groups.size(), c.kinds.size());
  std::vector<const EquivalenceGroup*> all;
  for (const EquivalenceGroup& group : groups) all.push_back(&group);
  FitSnapshot snapshot;
  const Estimate got = estimate(snapshot, w.groups[0], all, c.max_nodes);
  EXPECT_EQ(got.nodes, c.nodes);
  EXPECT_EQ(got.pods.size(), c.pods);
  EXPECT_EQ(snapshot.rows(), 0U);  // Nothing is left of the try.
}

INSTANTIATE_TEST_SUITE_P(
    Table, EstimatorTest,
    testing::Values(
        Case{"FourPerNode", {{1'000, 1, 10}}, {}, 1000, 3, 10},               // ceil(10 / 4)
        Case{"MemoryBinds", {{500, 6, 5}}, {}, 1000, 3, 5},                   // Two of 6 GiB in 16.
        Case{"DaemonSetsCount", {{1'000, 1, 10}}, {500, 1, 1}, 1000, 4, 10},  // 3.5 cores left: three per node.
        Case{"NodeLimit", {{1'000, 1, 10}}, {}, 2, 2, 8},                     // Two nodes of four.
        Case{"NoNodeAllowed", {{1'000, 1, 10}}, {}, 0, 0, 0},
        // Share 0.75 + 0.0625 against 0.25 + 0.0625: the large ones open two nodes, the small ones go to what is left
        // of them, one each, the third to a node of its own.
        Case{"LargeFirst", {{1'000, 1, 3}, {3'000, 1, 2}}, {}, 1000, 3, 5},
        // Shares 0.8125 and 1.0625: the second kind opens two nodes, the first finds 3.5 cores and 1 GiB on one of
        // them.
        Case{"BySumOfShares", {{3'000, 1, 1}, {500, 15, 2}}, {}, 1000, 2, 3},
        // 5 cores fit no node: one is opened, stays empty and counts only because the small pod takes it.
        Case{"TooLargeOpensOneForTheNext", {{5'000, 1, 3}, {1'000, 1, 1}}, {}, 1000, 1, 1},
        Case{"TooLargeAlone", {{5'000, 1, 3}}, {}, 1000, 0, 0},
        // The limit ends each group, not the estimate: no third node for the large ones, but the small ones fill up.
        Case{"LimitEndsTheGroupAlone", {{3'000, 1, 5}, {1'000, 1, 5}}, {}, 2, 2, 4}),
    CaseName{});

TEST(EquivalenceGroups, WithoutControllerEachForItself) {
  AutoscaledWorld w;
  w.wait(w.make.info("", 100, kGi), 3);
  std::vector<const AutoscaledPod*> pods;
  for (const AutoscaledPod& pod : w.waiting) pods.push_back(&pod);
  EXPECT_EQ(equivalence_groups(pods).size(), 3U);
}

TEST(EquivalenceGroups, TenKindsPerController) {
  AutoscaledWorld w;
  for (int kind = 0; kind < 12; ++kind) w.wait(w.make.info("Job/j", 100 + kind, kGi), 2);
  std::vector<const AutoscaledPod*> pods;
  for (const AutoscaledPod& pod : w.waiting) pods.push_back(&pod);
  const auto groups = equivalence_groups(pods);
  ASSERT_EQ(groups.size(), 14U);  // Ten of two pods, and the pods of the last two kinds one by one.
  EXPECT_EQ(std::ranges::count(groups, 2U, [](const EquivalenceGroup& g) { return g.pods.size(); }), 10);
}

// Anti-affinity by hostname: one pod per node, whatever the room.
TEST(Estimator, AntiAffinityNeedsANodeEach) {
  AutoscaledWorld w;
  w.add_group("g", 4'000, 16, 0, 1000);
  kube::Pod pod = w.make.pod("ReplicaSet/r", 100, kGi);
  kube::PodAffinityTerm term;
  term.selector = {.nothing = false, .requirements = {{"app", kube::SelectorOperator::kIn, {"r"}}}};
  term.topology_key = "kubernetes.io/hostname";
  pod.required_anti_affinity.push_back(term);
  w.wait(w.make.info(pod), 3);
  std::vector<const AutoscaledPod*> pods;
  for (const AutoscaledPod& p : w.waiting) pods.push_back(&p);
  const auto groups = equivalence_groups(pods);
  const std::vector<const EquivalenceGroup*> all{&groups[0]};
  FitSnapshot snapshot;
  EXPECT_EQ(estimate(snapshot, w.groups[0], all, 1000).nodes, 3);
}

// Spread over zones a (new nodes) and b (an existing node that is full), skew 1: one pod fits a, the second would make
// it 2 against 0. A further node does not help, and the estimate says so.
TEST(Estimator, ZonalSpreadEndsTheGroup) {
  AutoscaledWorld w;
  w.add_group("g", 4'000, 16, 0, 1000);
  const std::uint32_t old = w.add_node(kNoNodeGroup);
  w.objects.back().labels.set("topology.kubernetes.io/zone", "b");
  w.run(old, w.make.info("ReplicaSet/full", 4'000, kGi));
  kube::Pod pod = w.make.pod("ReplicaSet/r", 100, kGi);
  kube::TopologySpreadConstraint spread;
  spread.topology_key = "topology.kubernetes.io/zone";
  spread.selector = {.nothing = false, .requirements = {{"app", kube::SelectorOperator::kIn, {"r"}}}};
  pod.spread_constraints.push_back(spread);
  w.wait(w.make.info(pod), 3);
  std::vector<const AutoscaledPod*> pods;
  for (const AutoscaledPod& p : w.waiting) pods.push_back(&p);
  const auto groups = equivalence_groups(pods);
  const std::vector<const EquivalenceGroup*> all{&groups[0]};
  AutoscaledNode seen = w.nodes[0].seen;
  seen.pods = w.nodes[0].pods;
  FitSnapshot snapshot;
  snapshot.sync({&seen, 1}, -10, nullptr);
  const Estimate got = estimate(snapshot, w.groups[0], all, 1000);
  EXPECT_EQ(got.nodes, 1);
  EXPECT_EQ(got.pods.size(), 1U);
}

}  // namespace
}  // namespace berth::test
