// Which pods keep their node: simulator/drainability/rules of release 1.37, row by row.
#include "policies/node_autoscalers/drainability.hpp"

#include <gtest/gtest.h>

#include "policies/node_autoscalers/scale_down_planner.hpp"
#include "tests/policies/node_autoscalers/autoscaled_world.hpp"
#include "tests/support/case_name.hpp"

namespace berth::test {
namespace {

constexpr Drainability kMoves = Drainability::kMoves;
constexpr Drainability kStays = Drainability::kStays;
constexpr Drainability kBlocked = Drainability::kBlocked;

struct Case {
  const char* name;
  const char* controller;  // "KIND/NAME"
  const char* namespace_name = "default";
  std::int64_t age_s = 60;
  SafeToEvict safe = SafeToEvict::kNotSaid;
  bool local_storage = false;
  bool mirror = false;
  bool finished = false;
  std::int64_t deleted_s = -1;              // Seconds since the deletion timestamp; -1: not deleted.
  std::vector<std::uint32_t> budgets = {};  // 0 allows nothing, 1 allows one.
  Drainability outcome = Drainability::kMoves;
  DrainBlock block = DrainBlock::kNone;
};
using DrainabilityTest = testing::TestWithParam<Case>;

TEST_P(DrainabilityTest, Says) {
  const Case& c = GetParam();
  PodMaker make;
  kube::Pod spec = make.pod(c.controller, 100, kGi);
  spec.namespace_name = c.namespace_name;
  AutoscaledPod pod;
  pod.info = make.info(spec);
  const Time now = at_second(10'000);
  pod.created = now - seconds(c.age_s);
  pod.safe_to_evict = c.safe;
  pod.local_storage = c.local_storage;
  pod.mirror = c.mirror;
  pod.finished = c.finished;
  if (c.deleted_s >= 0) pod.deletion_timestamp = now - seconds(c.deleted_s);
  pod.budgets = c.budgets;
  const std::vector<std::int32_t> allowed = {0, 1};
  const DrainStatus status = drain_status(pod, now, allowed, ClusterAutoscalerFlags{});
  EXPECT_EQ(status.outcome, c.outcome);
  EXPECT_EQ(status.block, c.block);
}

INSTANTIATE_TEST_SUITE_P(
    Table, DrainabilityTest,
    testing::Values(
        Case{.name = "ReplicaSet", .controller = "ReplicaSet/r"},
        Case{.name = "StatefulSet", .controller = "StatefulSet/s"}, Case{.name = "Job", .controller = "Job/j"},
        Case{.name = "ReplicationController", .controller = "ReplicationController/r"},
        Case{.name = "DaemonSet", .controller = "DaemonSet/d", .local_storage = true, .outcome = kStays},
        Case{.name = "NoController", .controller = "", .outcome = kBlocked, .block = DrainBlock::kNotReplicated},
        Case{.name = "UnknownController",
             .controller = "Workflow/w",
             .outcome = kBlocked,
             .block = DrainBlock::kNotReplicated},
        Case{.name = "NoControllerButSafe", .controller = "", .safe = SafeToEvict::kYes},
        Case{.name = "Mirror", .controller = "", .mirror = true, .outcome = kStays},
        Case{.name = "Finished", .controller = "", .finished = true, .outcome = kStays},
        Case{.name = "NotSafe",
             .controller = "ReplicaSet/r",
             .safe = SafeToEvict::kNo,
             .outcome = kBlocked,
             .block = DrainBlock::kNotSafeToEvict},
        Case{.name = "LocalStorage",
             .controller = "ReplicaSet/r",
             .local_storage = true,
             .outcome = kBlocked,
             .block = DrainBlock::kLocalStorage},
        Case{.name = "LocalStorageButSafe",
             .controller = "ReplicaSet/r",
             .safe = SafeToEvict::kYes,
             .local_storage = true},
        Case{.name = "YoungSystemPod",
             .controller = "ReplicaSet/r",
             .namespace_name = "kube-system",
             .age_s = 3'599,
             .outcome = kBlocked,
             .block = DrainBlock::kUnmovableSystemPod},
        Case{.name = "OldSystemPod", .controller = "ReplicaSet/r", .namespace_name = "kube-system", .age_s = 3'600},
        Case{.name = "SystemPodWithBudget",
             .controller = "ReplicaSet/r",
             .namespace_name = "kube-system",
             .budgets = {1}},
        Case{.name = "SystemPodButSafe",
             .controller = "ReplicaSet/r",
             .namespace_name = "kube-system",
             .safe = SafeToEvict::kYes},
        Case{.name = "BudgetAllows", .controller = "ReplicaSet/r", .budgets = {1}},
        Case{.name = "BudgetAllowsNothing",
             .controller = "ReplicaSet/r",
             .budgets = {0},
             .outcome = kBlocked,
             .block = DrainBlock::kNotEnoughBudget},
        Case{.name = "OneOfTwoBudgets",
             .controller = "ReplicaSet/r",
             .budgets = {1, 0},
             .outcome = kBlocked,
             .block = DrainBlock::kNotEnoughBudget},
        Case{.name = "GoingFor30s",
             .controller = "",
             .deleted_s = 30,
             .outcome = kBlocked,
             .block = DrainBlock::kNotReplicated},
        Case{.name = "GoingForTooLong", .controller = "", .deleted_s = 31, .outcome = kStays}),
    CaseName{});

TEST(Drainability, FlagsSwitchRulesOff) {
  PodMaker make;
  ClusterAutoscalerFlags flags;
  AutoscaledPod pod;
  pod.info = make.info("Workflow/w", 100, kGi);
  flags.skip_nodes_with_custom_controller_pods = false;
  EXPECT_EQ(drain_status(pod, {}, {}, flags).outcome, kMoves);
  pod.info = make.info("", 100, kGi);
  EXPECT_EQ(drain_status(pod, {}, {}, flags).outcome, kBlocked);
  pod.info = make.info("Job/w", 100, kGi);
  pod.local_storage = true;
  flags.skip_nodes_with_local_storage = false;
  EXPECT_EQ(drain_status(pod, {}, {}, flags).outcome, kMoves);
  kube::Pod system = make.pod("Job/s", 100, kGi);
  system.namespace_name = "kube-system";
  pod.info = make.info(system);
  flags.skip_nodes_with_system_pods = false;
  EXPECT_EQ(drain_status(pod, {}, {}, flags).outcome, kMoves);
}

// Requests over allocatable, 4 cores and 16 GiB: the larger of the two shares.
TEST(Utilization, LargerShare) {
  PodMaker make;
  const kube::Node node = kube_node_of("n", 4'000, 16);
  AutoscaledPod cpu;
  cpu.info = make.info("ReplicaSet/r", 1'000, 2 * kGi);
  AutoscaledPod daemon;
  daemon.info = make.info("DaemonSet/d", 1'000, 8 * kGi);
  AutoscaledPod mirror;
  mirror.info = make.info("", 1'000, kGi);
  mirror.mirror = true;
  ClusterAutoscalerFlags flags;
  const std::vector<const AutoscaledPod*> pods{&cpu, &daemon, &mirror};
  EXPECT_DOUBLE_EQ(utilization(node, pods, {}, flags), 0.75);  // 3 of 4 cores, 11 of 16 GiB.
  flags.ignore_mirror_pods_utilization = true;
  EXPECT_DOUBLE_EQ(utilization(node, pods, {}, flags), 2.0 / 3);  // 2 of 3 cores, 10 of 15 GiB: alike.
  flags.ignore_daemonsets_utilization = true;
  EXPECT_DOUBLE_EQ(utilization(node, pods, {}, flags), 0.5);  // 1 of 2 cores, 2 of 7 GiB.
  cpu.deletion_timestamp = Time{};
  EXPECT_DOUBLE_EQ(utilization(node, pods, at_second(31), flags), 0);
}

TEST(Utilization, OfNodesWithGpusTheGpusAlone) {
  PodMaker make;
  kube::Node node = kube_node_of("n", 4'000, 16);
  node.allocatable.set("nvidia.com/gpu", milli_quantity(4'000));
  kube::Pod spec = make.pod("Job/j", 4'000, kGi);
  AutoscaledPod pod;
  pod.info = make.info(spec);
  const std::vector<const AutoscaledPod*> pods{&pod};
  EXPECT_DOUBLE_EQ(utilization(node, pods, {}, {}), 0);
  spec.containers[0].requests.set("nvidia.com/gpu", milli_quantity(1'000));
  pod.info = make.info(spec);
  EXPECT_DOUBLE_EQ(utilization(node, pods, {}, {}), 0.25);
}

}  // namespace
}  // namespace berth::test
