// Loops of Cluster Autoscaler with waiting pods: when nodes are asked for, and what happens if they do not come.
// Expected: core/static_autoscaler.go, clusterstate and utils/backoff of release 1.37, by hand.
#include <gtest/gtest.h>

#include "policies/node_autoscalers/cluster_autoscaler.hpp"
#include "policies/node_autoscalers/group_backoff.hpp"
#include "policies/registry.hpp"
#include "sim/engine/error.hpp"
#include "tests/policies/node_autoscalers/autoscaled_world.hpp"

namespace berth::test {
namespace {

using testing::Test;
using Log = std::vector<std::string>;

ClusterAutoscaler autoscaler(const std::map<std::string, std::string>& params = {}) {
  return ClusterAutoscaler(Params(autoscaler_spec(params)));
}

TEST(ScaleUp, WaitsUntilTheOldestPodIsTwoSecondsOld) {
  AutoscaledWorld w;
  w.add_group("g", 4'000, 16, 0, 10);
  ClusterAutoscaler ca = autoscaler();
  w.wait(w.make.info("ReplicaSet/r", 1'000, kGi), 5, at_second(0));
  EXPECT_EQ(w.loop(ca, Time{milliseconds(1'999).ns}).next_loop, Time{milliseconds(11'999).ns});
  EXPECT_EQ(w.log, Log{});
  EXPECT_EQ(w.loop(ca, at_second(2)).next_loop, at_second(2));  // Productive: the next loop at once.
  EXPECT_EQ(w.log, Log{"2 +g:2"});
  EXPECT_EQ(w.loop(ca, at_second(2)).next_loop, at_second(12));  // The machines on their way will do.
  EXPECT_EQ(w.log, Log{"2 +g:2"});
  EXPECT_TRUE(ca.wakes_for_unschedulable_pods());
}

TEST(ScaleUp, WaitsThirtySecondsForGpuPods) {
  AutoscaledWorld w;
  w.add_group("g", 4'000, 16, 0, 10);
  w.groups[0].node_template.allocatable.set("nvidia.com/gpu", milli_quantity(1'000));
  ClusterAutoscaler ca = autoscaler();
  kube::Pod pod = w.make.pod("Job/j", 1'000, kGi);
  pod.containers[0].requests.set("nvidia.com/gpu", milli_quantity(1'000));
  w.wait(w.make.info(pod));
  w.loop(ca, at_second(29));
  EXPECT_EQ(w.log, Log{});
  w.loop(ca, at_second(30));
  EXPECT_EQ(w.log, Log{"30 +g:1"});
}

TEST(ScaleUp, YoungExpendableAndDaemonPodsDoNotCount) {
  AutoscaledWorld w;
  w.add_group("g", 4'000, 16, 0, 10);
  ClusterAutoscaler ca = autoscaler({{"new_pod_scale_up_delay", "30s"}});
  kube::Pod cheap = w.make.pod("ReplicaSet/cheap", 1'000, kGi);
  cheap.priority = -11;
  w.wait(w.make.info(cheap));
  w.wait(w.make.info("DaemonSet/d", 1'000, kGi));
  w.wait(w.make.info("ReplicaSet/r", 1'000, kGi));
  w.loop(ca, at_second(30));  // Not older than 30 s.
  EXPECT_EQ(w.log, Log{});
  w.loop(ca, Time{milliseconds(30'001).ns});
  EXPECT_EQ(w.log, Log{"30.001s +g:1"});
  kube::Pod just = w.make.pod("ReplicaSet/just", 4'000, kGi);
  just.priority = -10;
  w.wait(w.make.info(just));
  w.loop(ca, at_second(40));
  EXPECT_EQ(w.log.back(), "40 +g:1");
}

TEST(ScaleUp, PodsThatFitSomewhereNeedNothing) {
  AutoscaledWorld w;
  w.add_group("g", 4'000, 16, 0, 10);
  const std::uint32_t node = w.add_node(0);
  w.run(node, w.make.info("ReplicaSet/old", 3'000, kGi));
  ClusterAutoscaler ca = autoscaler();
  w.wait(w.make.info("ReplicaSet/r", 1'000, kGi), 2);  // One core is free: one of the two.
  w.loop(ca, at_second(10));
  EXPECT_EQ(w.log, Log{"10 +g:1"});
  // A node that is cordoned, not ready or going takes nobody.
  for (int way = 0; way < 3; ++way) {
    AutoscaledWorld v;
    v.add_group("g", 4'000, 16, 0, 10);
    v.add_node(0);
    if (way == 0) v.objects[0].unschedulable = true;
    if (way == 1) v.nodes[0].seen.ready = false;
    if (way == 2) v.nodes[0].seen.removal = AutoscaledNode::Removal::kEmpty, --v.groups[0].target_size;
    ClusterAutoscaler other = autoscaler();
    v.wait(v.make.info("ReplicaSet/r", 1'000, kGi));
    v.loop(other, at_second(1'000));  // Long enough registered to be up or broken.
    EXPECT_EQ(v.log, Log{"1000 +g:1"}) << way;
  }
}

TEST(ScaleUp, NodesThatAreStillStartingCountAsComing) {
  AutoscaledWorld w;
  w.add_group("g", 4'000, 16, 0, 10);
  w.add_node(0, at_second(0));
  w.nodes[0].seen.ready = false;
  ClusterAutoscaler ca = autoscaler();
  w.wait(w.make.info("ReplicaSet/r", 4'000, kGi));
  w.loop(ca, at_second(890));
  EXPECT_EQ(w.log, Log{});  // Younger than 15 min.
  w.loop(ca, at_second(900));
  EXPECT_EQ(w.log, Log{"900 +g:1"});
}

TEST(ScaleUp, PodsWhoseRoomIsBeingMadeTakeIt) {
  AutoscaledWorld w;
  w.add_group("g", 4'000, 16, 0, 10);
  w.add_node(0);
  ClusterAutoscaler ca = autoscaler();
  w.wait(w.make.info("ReplicaSet/preemptor", 3'000, kGi));
  w.waiting.back().nominated_node = 0;
  w.wait(w.make.info("ReplicaSet/r", 2'000, kGi));  // Does not fit beside it.
  w.loop(ca, at_second(10));
  EXPECT_EQ(w.log, Log{"10 +g:1"});
}

TEST(ScaleUp, ImportantPodsTakeTheRoomFirst) {
  AutoscaledWorld w;
  w.add_group("small", 2'000, 16, 0, 10);
  w.add_group("large", 4'000, 16, 0, 1);
  w.add_node(1);  // Four cores free, and no more of these to be had.
  ClusterAutoscaler ca = autoscaler();
  w.wait(w.make.info("ReplicaSet/low", 2'000, kGi), 2);
  kube::Pod high = w.make.pod("ReplicaSet/high", 4'000, kGi);
  high.priority = 100;
  w.wait(w.make.info(high));
  w.loop(ca, at_second(10));
  EXPECT_EQ(w.log, Log{"10 +small:2"});  // For the low ones; the high one would fit no small node.
}

TEST(ScaleUp, OneGroupALoop) {
  AutoscaledWorld w;
  w.add_group("a", 4'000, 16, 0, 10);
  w.add_group("b", 4'000, 16, 0, 10);
  w.groups[0].node_template.labels.set("pool", "a");
  w.groups[1].node_template.labels.set("pool", "b");
  for (const char* pool : {"a", "b"}) {
    kube::Pod pod = w.make.pod(std::string("ReplicaSet/") + pool, 3'000, kGi);
    pod.node_selector.set("pool", pool);
    w.wait(w.make.info(pod), pool == std::string("a") ? 2 : 1);
  }
  ClusterAutoscaler ca = autoscaler({{"expander", "most-pods"}});
  w.loop_all(ca, at_second(10), at_second(20));
  EXPECT_EQ(w.log, (Log{"10 +a:2", "10 +b:1"}));
}

TEST(ScaleUp, LimitsOfGroupAndCluster) {
  AutoscaledWorld w;
  w.add_group("g", 4'000, 16, 0, 3);
  ClusterAutoscaler ca = autoscaler();
  w.wait(w.make.info("ReplicaSet/r", 4'000, kGi), 9);
  w.loop_all(ca, at_second(10), at_second(40));
  EXPECT_EQ(w.log, Log{"10 +g:3"});
  AutoscaledWorld v;
  v.add_group("g", 4'000, 16, 0, 30);
  ClusterAutoscaler other = autoscaler({{"max_nodes_total", "4"}, {"max_nodes_per_scaleup", "3"}});
  v.wait(v.make.info("ReplicaSet/r", 4'000, kGi), 9);
  v.loop_all(other, at_second(10), at_second(40));
  EXPECT_EQ(v.log, (Log{"10 +g:3", "10 +g:1"}));
}

TEST(ScaleUp, StopsWhenTooManyNodesAreNotReady) {
  for (const auto& [unready, of, healthy] : {std::tuple{3, 3, true}, {4, 8, false}, {4, 9, true}, {5, 11, false}}) {
    // 45 % of 8 is 3.6, of 9 4.05, of 11 4.95; three are always fine.
    AutoscaledWorld w;
    w.add_group("other", 1'000, 1, 0, 0);
    w.add_group("g", 4'000, 16, 0, 50);
    for (int i = 0; i < of; ++i) {
      w.add_node(kNoNodeGroup);
      w.nodes.back().seen.ready = i >= unready;
      w.run(w.nodes.back().seen.id, w.make.info("ReplicaSet/full", 4'000, kGi));
    }
    ClusterAutoscaler ca = autoscaler();
    w.wait(w.make.info("ReplicaSet/r", 4'000, kGi));
    w.loop(ca, at_second(1'000));
    EXPECT_EQ(w.log.size(), healthy ? 1U : 0U) << unready << " of " << of;
  }
}

// Asked for at 10 s, never there. Loops every 10 s: late is what is older than 15 min, so at 920 s. Then five minutes
// of back-off (to 1220 s), ten more after the second failure.
TEST(ScaleUp, MachinesThatNeverRegisterAreGivenUp) {
  AutoscaledWorld w;
  w.add_group("g", 4'000, 16, 0, 10);
  ClusterAutoscaler ca = autoscaler();
  w.wait(w.make.info("ReplicaSet/r", 4'000, kGi));
  w.loop_all(ca, at_second(10), at_second(2'800));
  EXPECT_EQ(w.log, (Log{"10 +g:1", "920 lost 0", "1220 +g:1", "2130 lost 1", "2730 +g:1"}));
}

TEST(ScaleUp, AnotherGroupHelpsMeanwhile) {
  AutoscaledWorld w;
  w.add_group("good", 4'000, 16, 0, 10);
  w.add_group("bad", 4'000, 16, 0, 10);
  ClusterAutoscaler ca = autoscaler({{"expander", "priority"}, {"priorities", "1:good;2:bad"}});
  w.wait(w.make.info("ReplicaSet/r", 4'000, kGi));
  w.loop(ca, at_second(10));
  w.groups[1].target_size = 0;  // The cloud has no such machines.
  w.instances.clear();
  ++w.changes;
  ca.scale_up_failed(1, at_second(15));
  w.loop_all(ca, at_second(20), at_second(30));
  EXPECT_EQ(w.log, (Log{"10 +bad:1", "20 +good:1"}));
}

TEST(ScaleUp, MinimumSizeIsKeptWhenGivingUp) {
  AutoscaledWorld w;
  w.add_group("g", 4'000, 16, 1, 10);
  w.groups[0].target_size = 2;
  w.instances = {{7, 0, at_second(0)}, {8, 0, at_second(0)}};
  ClusterAutoscaler ca = autoscaler();
  w.loop_all(ca, at_second(0), at_second(950));
  EXPECT_EQ(w.log, Log{"910 lost 7"});
}

TEST(GroupBackoff, DoublesUpToHalfAnHourAndIsForgotten) {
  const BackoffLimits limits;
  GroupBackoff b;
  EXPECT_FALSE(b.blocks(at_second(0)));
  b.fail(at_second(0), limits);
  EXPECT_TRUE(b.blocks(at_second(299)));
  EXPECT_FALSE(b.blocks(at_second(300)));
  b.fail(at_second(301), limits);
  EXPECT_EQ(b.until(), at_second(901));
  b.fail(at_second(902), limits);
  EXPECT_EQ(b.until(), at_second(2'102));
  b.fail(at_second(2'103), limits);
  EXPECT_EQ(b.until(), at_second(3'903));  // 1800 s is the most.
  b.fail(at_second(4'000), limits);
  EXPECT_EQ(b.until(), at_second(5'800));
  b.fail(at_second(4'001), limits);  // In back-off: from the beginning.
  EXPECT_EQ(b.until(), at_second(4'301));
  b.forget_old(at_second(4'001 + 10'800), limits);
  b.fail(at_second(4'001 + 10'800), limits);
  EXPECT_EQ(b.until(), at_second(4'001 + 10'800 + 600));  // Three hours are not over.
  b.forget_old(at_second(14'801 + 10'801), limits);
  b.fail(at_second(14'801 + 10'801), limits);
  EXPECT_EQ(b.until(), at_second(14'801 + 10'801 + 300));
}

TEST(NodeAutoscalers, AreRegistered) {
  const auto& registry = Registry<NodeAutoscaler>::instance();
  std::vector<std::string> names;
  for (const auto& info : registry.list()) {
    names.push_back(info.name);
    for (const Params::Declared& p : info.params) EXPECT_FALSE(p.help.empty()) << p.name;
  }
  EXPECT_EQ(names, (Log{"cluster-autoscaler", "fixed"}));
  const auto fixed = registry.make({"fixed", {}});
  AutoscaledWorld w;
  w.add_group("g", 4'000, 16, 0, 10);
  w.wait(w.make.info("ReplicaSet/r", 4'000, kGi));
  EXPECT_EQ(w.loop(*fixed, at_second(100)).next_loop, kNever);
  EXPECT_EQ(w.log, Log{});
}

TEST(NodeAutoscalers, BadParameters) {
  const auto message = [](const char* name, const char* value) -> std::string {
    try {
      Registry<NodeAutoscaler>::instance().make({"cluster-autoscaler", {{name, value}}});
    } catch (const InputError& error) {
      return error.what();
    }
    return "no error";
  };
  EXPECT_TRUE(message("scan_interval", "10").starts_with("policy \"cluster-autoscaler\": scan_interval is \"10\""));
  EXPECT_EQ(message("scan_interval", "0s"),
            "policy \"cluster-autoscaler\": scan_interval is \"0s\"; expected at least 1ms");
  EXPECT_EQ(message("scale_down_enabled", "yes"),
            "policy \"cluster-autoscaler\": scale_down_enabled is \"yes\"; expected one of true|false");
  EXPECT_EQ(message("scale_down_utilization_threshold", "1.5"),
            "policy \"cluster-autoscaler\": scale_down_utilization_threshold is \"1.5\"; expected a number in 0..1");
  EXPECT_TRUE(message("expander", "cheapest").starts_with("policy \"cluster-autoscaler\": expander is \"cheapest\""));
  EXPECT_NE(message("scan_intervall", "10s").find("did you mean \"scan_interval\"?"), std::string::npos);
}

}  // namespace
}  // namespace berth::test
