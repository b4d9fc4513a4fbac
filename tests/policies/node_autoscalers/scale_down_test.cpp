// Loops of Cluster Autoscaler with nodes that are not needed: which go, and when. Expected: core/scaledown of release
// 1.37, by hand, with a loop every 10 s. "Unneeded for 10 minutes" is strict: seen first at 0 s, a node goes at 610 s.
#include <gtest/gtest.h>

#include <set>

#include "policies/node_autoscalers/cluster_autoscaler.hpp"
#include "tests/policies/node_autoscalers/autoscaled_world.hpp"

namespace berth::test {
namespace {

using Log = std::vector<std::string>;

ClusterAutoscaler autoscaler(const std::map<std::string, std::string>& params = {}) {
  return ClusterAutoscaler(Params(autoscaler_spec(params)));
}

// Nodes 0 .. n-1 of one group, four cores and 16 GiB each, full of a pod that keeps them.
struct Town : AutoscaledWorld {
  explicit Town(int count, std::int32_t min = 0) {
    add_group("g", 4'000, 16, min, 100);
    for (int i = 0; i < count; ++i) add_node(0);
  }
  AutoscaledPod& run_rs(std::uint32_t node, std::int64_t cpu_milli, const char* controller = "ReplicaSet/r") {
    return run(node, make.info(controller, cpu_milli, kGi));
  }
};

TEST(ScaleDown, AnEmptyNodeGoesAfterTenMinutes) {
  Town w(2);
  w.run_rs(0, 3'000);
  ClusterAutoscaler ca = autoscaler();
  w.loop_all(ca, at_second(0), at_second(700));
  EXPECT_EQ(w.log, Log{"610 -n1"});
}

TEST(ScaleDown, ANodeWhosePodsFitElsewhereIsDrained) {
  Town w(2);
  w.run_rs(0, 2'400);
  w.run_rs(1, 1'600);
  ClusterAutoscaler ca = autoscaler();
  w.loop_all(ca, at_second(0), at_second(700));
  EXPECT_EQ(w.log, Log{"610 -n1(drain)"});
}

TEST(ScaleDown, NoPlaceForItsPods) {
  Town w(2);
  w.run_rs(0, 2'401);
  w.run_rs(1, 1'600);
  ClusterAutoscaler ca = autoscaler();
  w.loop_all(ca, at_second(0), at_second(2'000));
  EXPECT_EQ(w.log, Log{});
}

TEST(ScaleDown, HalfUsedIsUnneededAndMoreIsNot) {
  for (const std::int64_t cpu : {2'000, 2'001}) {
    Town w(2);
    w.run_rs(0, 100, "ReplicaSet/keep").safe_to_evict = SafeToEvict::kNo;
    w.run_rs(1, cpu);
    ClusterAutoscaler ca = autoscaler();
    w.loop_all(ca, at_second(0), at_second(700));
    EXPECT_EQ(w.log, cpu == 2'000 ? Log{"610 -n1(drain)"} : Log{}) << cpu;
  }
}

// Two nodes whose pods fit on either: after one is given up, the other must take its pods.
TEST(ScaleDown, OneOfTwoThatNeedEachOther) {
  Town w(2);
  w.run_rs(0, 1'600);
  w.run_rs(1, 1'600);
  ClusterAutoscaler ca = autoscaler();
  w.loop(ca, at_second(0));
  EXPECT_EQ(ca.planner().unneeded(), 1U);
  Time since;
  EXPECT_TRUE(ca.planner().unneeded_since(0, since));
  EXPECT_EQ(since, at_second(0));
  EXPECT_FALSE(ca.planner().unneeded_since(1, since));
}

TEST(ScaleDown, TheTimerStartsAgainWhenANodeWasNeeded) {
  Town w(2);
  w.run_rs(0, 3'000);
  ClusterAutoscaler ca = autoscaler();
  w.loop_all(ca, at_second(0), at_second(300));
  w.run_rs(1, 3'000);
  w.loop_all(ca, at_second(310), at_second(310));
  w.at(1).pods.clear();
  w.touch(1);
  w.loop_all(ca, at_second(320), at_second(1'000));
  EXPECT_EQ(w.log, Log{"930 -n1"});
}

// What cannot be removed is not looked at for five minutes: free since 100 s, unneeded since 300 s.
TEST(ScaleDown, UnremovableNodesAreLookedAtAgainAfterFiveMinutes) {
  Town w(2);
  w.run_rs(0, 3'000);
  w.run_rs(1, 100).local_storage = true;
  ClusterAutoscaler ca = autoscaler();
  w.loop_all(ca, at_second(0), at_second(90));
  w.at(1).pods.clear();
  w.touch(1);
  w.loop_all(ca, at_second(100), at_second(1'000));
  EXPECT_EQ(w.log, Log{"910 -n1"});
}

TEST(ScaleDown, NodesThatAreNotReadyTakeTwentyMinutes) {
  Town w(3);
  w.run_rs(0, 3'000);
  ClusterAutoscaler ca = autoscaler();
  w.loop_all(ca, at_second(0), at_second(300));
  w.at(1).seen.ready = false;  // Younger than 15 min: taken for starting, and not for a candidate.
  w.touch(1);
  w.loop_all(ca, at_second(310), at_second(2'200));
  EXPECT_EQ(w.log, (Log{"610 -n2", "2110 -n1"}));  // Unready from 900 s on; 900 + 1200 s are over at 2110 s.
}

TEST(ScaleDown, UnreadyNodesMayBeLeftAlone) {
  Town w(2);
  w.run_rs(0, 3'000);
  w.at(1).seen.ready = false;
  w.touch(1);
  ClusterAutoscaler ca = autoscaler({{"scale_down_unready_enabled", "false"}});
  w.loop_all(ca, at_second(900), at_second(4'000));
  EXPECT_EQ(w.log, Log{});
}

// Unneeded since 0 s; a scale-up at 300 s puts everything off to 900 s, but the timer runs on.
TEST(ScaleDown, TenMinutesOfRestAfterAScaleUp) {
  Town w(2);
  w.run_rs(0, 3'000);
  w.add_group("other", 8'000, 16, 0, 10);
  ClusterAutoscaler ca = autoscaler();
  w.loop_all(ca, at_second(0), at_second(290));
  w.wait(w.make.info("ReplicaSet/large", 8'000, kGi));
  w.loop_all(ca, at_second(300), at_second(310));
  w.waiting.clear();
  w.loop_all(ca, at_second(320), at_second(1'000));
  EXPECT_EQ(w.log, (Log{"300 +other:1", "900 -n1"}));
}

TEST(ScaleDown, ThreeMinutesOfRestAfterAFailure) {
  Town w(4);
  w.run_rs(0, 3'000);
  w.run_rs(1, 1'000);
  w.run_rs(2, 1'000);
  w.run_rs(3, 3'000, "ReplicaSet/q");
  ClusterAutoscaler ca = autoscaler();
  w.loop_all(ca, at_second(0), at_second(700));
  ASSERT_EQ(w.log.size(), 1U);
  ASSERT_EQ(w.log[0], "610 -n1(drain)");
  w.at(1).seen.removal = AutoscaledNode::Removal::kStays;  // It stays after all.
  ++w.groups[0].target_size;
  w.touch(1);
  ca.scale_down_failed(1, at_second(705));
  w.loop_all(ca, at_second(710), at_second(1'400));
  // Node 2 has been unneeded all the time, and goes when 705 + 180 s are over.
  ASSERT_EQ(w.log.size(), 2U);
  EXPECT_EQ(w.log[1], "890 -n2(drain)");
}

TEST(ScaleDown, TenAtATimeEmptyOnesFirst) {
  Town w(15);
  w.run_rs(0, 2'500);
  w.run_rs(1, 100);
  w.run_rs(2, 100);
  w.removal_time = seconds(60);
  ClusterAutoscaler ca = autoscaler();
  w.loop_all(ca, at_second(0), at_second(610));
  Log expected;
  for (int i = 3; i < 13; ++i) expected.push_back("610 -n" + std::to_string(i));
  EXPECT_EQ(w.log, expected);
  w.log.clear();
  w.loop_all(ca, at_second(620), at_second(900));
  // At 670 s the ten are gone: two empty ones and one drain. The second drain when the first is over, at 730 s.
  EXPECT_EQ(w.log, (Log{"670 -n13", "670 -n14", "670 -n1(drain)", "730 -n2(drain)"}));
}

TEST(ScaleDown, TheMinimumStays) {
  Town w(4, 3);
  ClusterAutoscaler ca = autoscaler();
  w.loop_all(ca, at_second(0), at_second(1'500));
  EXPECT_EQ(w.log.size(), 1U);
  EXPECT_EQ(w.log[0], "610 -n0");
}

TEST(ScaleDown, AnnotatedAndForeignNodesStay) {
  Town w(2);
  w.run_rs(0, 3'000);
  w.at(1).seen.scale_down_disabled = true;
  w.touch(1);
  w.add_node(kNoNodeGroup);
  ClusterAutoscaler ca = autoscaler();
  w.loop_all(ca, at_second(0), at_second(1'500));
  EXPECT_EQ(w.log, Log{});
}

TEST(ScaleDown, BudgetsBoundWhatIsPlanned) {
  // Both pods of a budget that allows one disruption: the node is removable, but the last to be taken.
  Town w(3);
  static const std::vector<std::uint32_t> kBudget = {0};
  w.budgets = {1};
  w.run_rs(0, 2'500);
  w.run_rs(1, 100).budgets = kBudget;
  w.run_rs(1, 100).budgets = kBudget;
  w.run_rs(2, 150);
  ClusterAutoscaler ca = autoscaler();
  w.loop_all(ca, at_second(0), at_second(610));
  EXPECT_EQ(w.log, Log{"610 -n2(drain)"});
  // With none allowed it is not removable at all; with one, a second node of the budget is not.
  Town v(3);
  v.budgets = {0};
  v.run_rs(0, 2'500);
  v.run_rs(1, 100).budgets = kBudget;
  v.run_rs(2, 150).budgets = kBudget;
  ClusterAutoscaler other = autoscaler();
  v.loop(other, at_second(0));
  EXPECT_EQ(other.planner().unneeded(), 0U);
  v.budgets = {1};
  ++v.changes;
  v.loop(other, at_second(300));
  EXPECT_EQ(other.planner().unneeded(), 1U);
}

TEST(ScaleDown, WaitingPodsKeepTheNodesThatTheyFit) {
  Town w(2);
  w.run_rs(0, 3'000);
  w.wait(w.make.info("ReplicaSet/soon", 3'000, kGi));
  ClusterAutoscaler ca = autoscaler();
  w.loop_all(ca, at_second(0), at_second(1'000));
  EXPECT_EQ(w.log, Log{});
}

// A cluster in which nothing happens is not looked at: the next loop is the one in which the node goes.
TEST(ScaleDown, SaysWhenToLookAgain) {
  Town w(2);
  w.run_rs(0, 3'000);
  ClusterAutoscaler ca = autoscaler();
  EXPECT_EQ(w.loop(ca, at_second(0)).next_loop, at_second(610));
  EXPECT_EQ(ca.loop_after(at_second(15)), at_second(20));
  EXPECT_EQ(ca.loop_after(at_second(20)), at_second(20));
  Town full(1);
  full.run_rs(0, 3'000);
  ClusterAutoscaler other = autoscaler();
  EXPECT_EQ(full.loop(other, at_second(0)).next_loop, kNever);
}

// Looking only when the autoscaler asks for it, or something changed, decides what a loop every 10 s decides.
TEST(ScaleDown, SkippedLoopsWouldHaveDoneNothing) {
  std::size_t decisions = 0;
  for (std::uint64_t seed = 0; seed < 60; ++seed) {
    SCOPED_TRACE(testing::Message() << "seed=" << seed);
    Log logs[2];
    std::size_t loops[2] = {};
    for (const bool lazy : {false, true}) {
      Rng rng(seed, 0, 0, Purpose::kTest);
      const int count = 3 + static_cast<int>(rng.below(12));
      Town w(count, static_cast<std::int32_t>(rng.below(3)));
      w.boot = seconds(90);
      w.removal_time = seconds(45);
      for (int i = 0; i < count; ++i) {
        for (std::uint32_t pods = rng.below(4); pods > 0; --pods) {
          AutoscaledPod& pod = w.run_rs(static_cast<std::uint32_t>(i), 100 + rng.below(2'000));
          if (rng.below(8) == 0) pod.local_storage = true;
        }
        if (rng.below(10) == 0) w.nodes[static_cast<std::size_t>(i)].seen.ready = false;
      }
      struct Change {
        std::int64_t at;
        std::uint32_t kind;
        std::uint32_t what;
      };
      std::vector<Change> changes;  // At loops: pods come and go.
      for (int i = 0; i < 12; ++i) changes.push_back({10 * rng.below(600), rng.below(3), rng.below(1'000)});
      const kube::PodInfo* newcomer = w.make.info("ReplicaSet/new", 1'500, kGi);
      ClusterAutoscaler ca = autoscaler();
      Time due{};
      for (std::int64_t s = 0; s <= 6'000; s += 10) {
        const std::uint64_t before = w.changes;
        w.advance(at_second(s));
        for (const Change& c : changes) {
          if (c.at != s || w.nodes.empty()) continue;
          auto& node = w.nodes[c.what % w.nodes.size()];
          if (c.kind == 0) w.run(node.seen.id, w.make.info("ReplicaSet/more", 100 + c.what, kGi), at_second(s));
          if (c.kind == 1 && !node.pods.empty()) node.pods.pop_back(), w.touch(node.seen.id);
          if (c.kind == 2) {
            if (w.waiting.empty()) {
              w.wait(newcomer, 1 + c.what % 3, at_second(s));
            } else {
              w.waiting.clear();
            }
            ++w.changes;
          }
        }
        if (lazy && due > at_second(s) && w.changes == before) continue;
        do {
          due = w.loop(ca, at_second(s)).next_loop;
          ++loops[lazy ? 1 : 0];
        } while (due == at_second(s));
      }
      logs[lazy ? 1 : 0] = w.log;
    }
    EXPECT_EQ(logs[0], logs[1]);
    EXPECT_LE(loops[1], loops[0]);
    decisions += logs[0].size();
  }
  EXPECT_GT(decisions, 200U);  // There was something to decide.
}

}  // namespace
}  // namespace berth::test
