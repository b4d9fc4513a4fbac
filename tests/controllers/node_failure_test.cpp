// Node life cycle, taint eviction and pod garbage collection. Expected times: reference/self-healing.md section 5.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "sim/controllers/node_lifecycle.hpp"
#include "sim/controllers/node_taints.hpp"
#include "sim/controllers/pod_gc.hpp"
#include "sim/controllers/taint_eviction.hpp"
#include "sim/controllers/zone_tainter.hpp"
#include "tests/controllers/controller_world.hpp"

namespace berth::controllers {
namespace {

using test::at;

// Passes every 0.1 s; a node a token. 0.1 as a float is a little more than 0.1, 0.01 a little less.
struct RateCase {
  float rate;
  std::vector<std::int64_t> expected_ms;
};
class ZoneTainterTest : public testing::TestWithParam<RateCase> {};
TEST_P(ZoneTainterTest, OneNodeAToken) {
  ZoneTainter tainter(GetParam().rate);
  for (std::uint32_t n = 0; n < 10; ++n) tainter.add(NodeId{n}, {});
  std::vector<std::int64_t> times;
  for (std::int64_t ms = 0; times.size() < GetParam().expected_ms.size() && ms < 1'000'000; ms += 100) {
    tainter.run({ms * 1'000'000}, [&](NodeId node) {
      EXPECT_EQ(node, NodeId{static_cast<std::uint32_t>(times.size())}) << "first come, first served";
      times.push_back(ms);
      return true;
    });
  }
  EXPECT_EQ(times, GetParam().expected_ms);
}
INSTANTIATE_TEST_SUITE_P(Rates, ZoneTainterTest,
                         testing::Values(RateCase{0.1F, {0, 10'000, 20'000, 30'000}},
                                         RateCase{0.01F, {0, 100'100, 200'200}}, RateCase{1.F, {0, 1000, 2000}}));

TEST(ZoneTainterTest, NoRateNoTaint) {
  ZoneTainter tainter(0.1F);
  tainter.add(NodeId{1}, {});
  tainter.set_rate(0, {});
  int runs = 0;
  const auto count = [&](NodeId) { return ++runs > 0; };
  tainter.run(at(100), count);
  EXPECT_EQ(runs, 0);
  EXPECT_TRUE(tainter.idle());
  tainter.set_rate(0.1F, at(100));  // Begins with an empty bucket.
  tainter.run(at(100), count);
  EXPECT_EQ(runs, 0);
  tainter.run(at(110), count);
  EXPECT_EQ(runs, 1);
}

TEST(ZoneTainterTest, ServedNodeIsNotAddedAgainUntilItIsRemoved) {
  ZoneTainter tainter(1.F);
  EXPECT_TRUE(tainter.add(NodeId{1}, {}));
  tainter.run({}, [](NodeId) { return true; });
  EXPECT_FALSE(tainter.add(NodeId{1}, at(5)));
  tainter.remove(NodeId{1});
  EXPECT_TRUE(tainter.add(NodeId{1}, at(5)));
}

struct TolerationCase {
  const char* name;
  std::vector<std::pair<const char*, std::optional<std::int64_t>>> tolerations;  // Key, "" for any; seconds.
  std::vector<const char*> taints;
  std::optional<std::int64_t> expected;  // None: for ever.
};
class TolerationTimeTest : public testing::TestWithParam<TolerationCase> {};
TEST_P(TolerationTimeTest, ShortestOfTheMatching) {
  std::vector<PodToleration> tolerations;
  for (const auto& [key, time] : GetParam().tolerations) {
    PodToleration t;
    t.match.key = key;
    t.match.op = kube::Toleration::Operator::kExists;
    t.match.effect = kube::TaintEffect::kNoExecute;
    t.seconds = time;
    tolerations.push_back(t);
  }
  std::vector<kube::Taint> taints;
  for (const char* key : GetParam().taints) taints.push_back({key, "", kube::TaintEffect::kNoExecute});
  const std::optional<Duration> got = toleration_time(tolerations, taints);
  ASSERT_EQ(got.has_value(), GetParam().expected.has_value());
  if (got) {
    EXPECT_EQ(*got, seconds(*GetParam().expected));
  }
}
INSTANTIATE_TEST_SUITE_P(Table, TolerationTimeTest,
                         testing::Values(TolerationCase{"None", {}, {"a"}, 0},
                                         TolerationCase{"ForEver", {{"a", {}}}, {"a"}, {}},
                                         TolerationCase{"AWhile", {{"a", 300}}, {"a"}, 300},
                                         TolerationCase{"Shortest", {{"a", 300}, {"b", 20}}, {"a", "b"}, 20},
                                         TolerationCase{"OneIsNot", {{"a", 300}}, {"a", "b"}, 0},
                                         TolerationCase{"FirstMatchCounts", {{"a", 300}, {"", 5}}, {"a"}, 300},
                                         TolerationCase{"Negative", {{"a", -5}}, {"a"}, 0}),
                         [](const auto& p) { return std::string(p.param.name); });

struct NodeFailureTest : testing::Test {
  test::ControllerWorld w;
  NodeLifecycleController lifecycle{w.store, w.work};
  TaintEvictionController eviction{w.store, w.work};
  std::vector<NodeId> nodes;

  void add_nodes(int count) {
    for (int i = 0; i < count; ++i) nodes.push_back(w.node(std::string("n").append(std::to_string(i))));
  }
  PodId pod_on(NodeId node, std::optional<std::int64_t> toleration_seconds) {
    PodTemplate t;
    t.content = std::to_string(toleration_seconds.value_or(-1));
    for (const char* key : {taints::kNotReady, taints::kUnreachable}) {
      PodToleration toleration;
      toleration.match = {key, kube::Toleration::Operator::kExists, "", kube::TaintEffect::kNoExecute};
      toleration.seconds = toleration_seconds;
      t.tolerations.push_back(toleration);
    }
    Pod pod;
    pod.pod_template = w.store.intern(t);
    pod.node = node;
    pod.status.phase = Phase::kRunning;
    pod.status.ready = true;
    pod.status.ready_since = w.store.now();
    return w.store.create_pod(pod);
  }
  // Nodes from `alive` on renew their leases every ten seconds, up to `end`.
  void run(Time end, std::size_t dead) {
    for (std::int64_t s = w.store.now().ns / 1'000'000'000; s <= end.ns / 1'000'000'000; ++s) {
      w.run_until(at(s));
      if (s % 10 != 0) continue;
      for (std::size_t n = dead; n < nodes.size(); ++n) w.store.renew_lease(nodes[n]);
    }
    w.run_until(end);
  }
  const Node& node(std::size_t n) { return w.store.get<Node>(static_cast<ObjectId>(index(nodes[n]))); }
  bool down(std::size_t n) { return node(n).condition(NodeConditionType::kReady).status == ConditionStatus::kUnknown; }
  bool tainted(std::size_t n) { return has_taint(node(n), taints::kUnreachable, kube::TaintEffect::kNoExecute); }
};

// Not Ready more than 50 s after the pass that saw the last renewal; the default toleration runs 300 s from the taint.
TEST_F(NodeFailureTest, TimelineOfOneNode) {
  add_nodes(3);
  const PodId pod = pod_on(nodes[0], 300);
  const PodId stays = pod_on(nodes[0], std::nullopt);
  run(at(0), 0);  // All renew at 0, then the first one dies.
  run(at(54), 1);
  EXPECT_FALSE(down(0));
  run(at(60), 1);
  EXPECT_TRUE(down(0));
  EXPECT_FALSE(w.store.pod(pod).status.ready);
  EXPECT_TRUE(has_taint(node(0), taints::kUnreachable, kube::TaintEffect::kNoSchedule));
  run(at(61), 1);
  EXPECT_TRUE(tainted(0));
  run(at(354), 1);
  EXPECT_FALSE(w.store.pod(pod).terminating);
  run(at(361), 1);
  EXPECT_TRUE(w.store.pod(pod).terminating);
  EXPECT_EQ(w.store.pod(pod).status.disruption, Disruption::kDeletionByTaintManager);
  EXPECT_FALSE(w.store.pod(stays).terminating);
}

// A node's worth every ten seconds.
TEST_F(NodeFailureTest, NormalRate) {
  add_nodes(10);
  run(at(0), 0);
  run(at(61), 3);
  EXPECT_EQ(tainted(0) + tainted(1) + tainted(2), 1);
  run(at(71), 3);
  EXPECT_EQ(tainted(0) + tainted(1) + tainted(2), 2);
  run(at(81), 3);
  EXPECT_EQ(tainted(0) + tainted(1) + tainted(2), 3);
}

// 6 of 10 are more than 55 %: in a zone of at most 50 nodes nothing is tainted.
TEST_F(NodeFailureTest, PartialDisruptionOfASmallZoneStopsTainting) {
  add_nodes(10);
  run(at(0), 0);
  run(at(300), 6);
  int count = 0;
  for (std::size_t n = 0; n < 6; ++n) {
    EXPECT_TRUE(down(n));
    count += tainted(n) ? 1 : 0;
  }
  EXPECT_EQ(count, 0);
}

// All nodes of all zones: most likely the master is cut off.
TEST_F(NodeFailureTest, FullDisruptionOfEverythingTaintsNobody) {
  add_nodes(4);
  run(at(0), 0);
  run(at(300), 4);
  for (std::size_t n = 0; n < 4; ++n) {
    EXPECT_TRUE(down(n));
    EXPECT_FALSE(tainted(n));
  }
}

TEST_F(NodeFailureTest, PressureTaints) {
  add_nodes(2);
  w.store.edit<Node>(0, [](Node& n) {
    n.spec.unschedulable = true;
    n.condition(NodeConditionType::kDiskPressure) = {true, ConditionStatus::kTrue, NodeReason::kOther, {}, {}};
    n.condition(NodeConditionType::kMemoryPressure) = {true, ConditionStatus::kFalse, NodeReason::kOther, {}, {}};
  });
  w.settle();
  EXPECT_TRUE(has_taint(node(0), taints::kDiskPressure, kube::TaintEffect::kNoSchedule));
  EXPECT_TRUE(has_taint(node(0), taints::kUnschedulable, kube::TaintEffect::kNoSchedule));
  EXPECT_FALSE(has_taint(node(0), taints::kMemoryPressure, kube::TaintEffect::kNoSchedule));
  w.store.edit<Node>(0, [](Node& n) { n.spec.unschedulable = false; });
  w.settle();
  EXPECT_FALSE(has_taint(node(0), taints::kUnschedulable, kube::TaintEffect::kNoSchedule));
}

struct PodGcTest : testing::Test {
  test::ControllerWorld w;
  PodGcController gc{w.store, w.work, 3};
  PodId pod(NodeId node, Phase phase, Time created, bool tracked = false) {
    Pod p;
    p.pod_template = w.pod_template("a");
    p.node = node;
    p.status.phase = phase;
    p.created = created;
    p.tracked = tracked;
    return w.store.create_pod(p);
  }
};

TEST_F(PodGcTest, KeepsTheYoungestFinishedPods) {
  const NodeId node = w.node("n");
  std::vector<PodId> pods;
  for (const std::int64_t created : {5, 3, 9, 1, 7}) pods.push_back(pod(node, Phase::kSucceeded, at(created)));
  w.run_until({19'999'000'000});
  EXPECT_EQ(w.store.pod_count(), 5U) << "every twenty seconds";
  w.run_until(at(20));
  EXPECT_FALSE(w.store.exists(pods[3]));
  EXPECT_FALSE(w.store.exists(pods[1]));
  EXPECT_EQ(w.store.pod_count(), 3U);
}

// Gone for 40 s, looked at every 20 s.
TEST_F(PodGcTest, PodsOfANodeThatIsGone) {
  const NodeId node = w.node("n");
  const PodId p = pod(node, Phase::kRunning, at(1), true);
  w.run_until(at(30));
  w.store.erase<Node>(static_cast<ObjectId>(index(node)));
  w.run_until(at(79));
  EXPECT_FALSE(w.store.pod(p).terminating);
  w.run_until(at(80));
  EXPECT_TRUE(w.store.pod(p).terminating);
  EXPECT_EQ(w.store.pod(p).status.phase, Phase::kFailed);
  EXPECT_EQ(w.store.pod(p).status.disruption, Disruption::kDeletionByPodGc);
  w.store.remove_finalizer(p);
  EXPECT_FALSE(w.store.exists(p));
}

TEST_F(PodGcTest, TerminatingPodsOfANodeOutOfService) {
  const NodeId node = w.node("n");
  const PodId going = pod(node, Phase::kRunning, at(1));
  const PodId stays = pod(node, Phase::kRunning, at(1));
  w.store.delete_pod(going);
  w.store.edit<Node>(0, [](Node& n) {
    n.spec.taints.push_back({{taints::kOutOfService, "", kube::TaintEffect::kNoExecute}, std::nullopt});
  });
  w.run_until(at(20));
  EXPECT_TRUE(w.store.exists(going)) << "the node is Ready";
  w.store.edit<Node>(0, [](Node& n) { n.condition(NodeConditionType::kReady).status = ConditionStatus::kUnknown; });
  w.run_until(at(40));
  EXPECT_FALSE(w.store.exists(going));
  EXPECT_TRUE(w.store.exists(stays));
}

TEST_F(PodGcTest, UnassignedPodThatIsToldToGo) {
  const PodId p = pod(kNoNode, Phase::kPending, at(1), true);
  w.store.delete_pod(p);
  w.run_until(at(20));
  EXPECT_EQ(w.store.pod(p).status.phase, Phase::kFailed);
}

}  // namespace
}  // namespace berth::controllers
