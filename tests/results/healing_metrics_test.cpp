// Times to detect and to repair, and ready replicas over time, from journals written by hand.
#include "results/healing_metrics.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "results/replica_metrics.hpp"
#include "tests/results/ready_journal.hpp"

namespace berth::test {
namespace {

// Workload 0 wants 2 pods, workload 1 wants 1; pods 0, 1, 3 … 8 belong to the first, 2 and 9 to the second, 10 to none.
class Healing : public testing::Test {
 protected:
  Healing() {
    for (std::uint32_t p = 0; p < 9; ++p) owners_map_[p] = of_workload(p == 2 ? 1 : 0);
    owners_map_[9] = of_workload(1);
  }
  RunResult fold(std::vector<Record> records, double end_s = 1000) {
    std::stable_sort(records.begin(), records.end(), [](const Record& a, const Record& b) { return a.at < b.at; });
    const OwnersByHand owners({{"Deployment default/a", 2}, {"Deployment default/b", 1}}, owners_map_);
    ReadyPods pods(owners);
    HealingMetrics healing;
    ReplicaMetrics replicas(Time{} + seconds(1000), 10);
    pods.listen(&replicas);
    pods.listen(&healing);
    pods.begin({});
    pods.write(records);
    pods.finish(Time{static_cast<std::int64_t>(end_s * 1e9)});
    RunResult result;
    healing.add_to(result);
    EXPECT_EQ(result.metrics.size(), healing_metrics().size());
    replicas.add_to(result);
    EXPECT_EQ(result.metrics.size(), healing_metrics().size() + replica_metrics().size());
    return result;
  }
  static void expect(const RunResult& r, double struck, double not_detected, double not_repaired) {
    EXPECT_EQ(metric_of(r, "faults_struck"), struck);
    EXPECT_EQ(metric_of(r, "faults_not_detected"), not_detected);
    EXPECT_EQ(metric_of(r, "faults_not_repaired"), not_repaired);
  }
  static void expect_times(const RunResult& r, double detect_mean, double detect_max, double repair_mean,
                           double repair_max) {
    EXPECT_NEAR(metric_of(r, "time_to_detect_seconds_mean"), detect_mean, 1e-9);
    EXPECT_NEAR(metric_of(r, "time_to_detect_seconds_max"), detect_max, 1e-9);
    EXPECT_NEAR(metric_of(r, "time_to_repair_seconds_mean"), repair_mean, 1e-9);
    EXPECT_NEAR(metric_of(r, "time_to_repair_seconds_max"), repair_max, 1e-9);
  }
  static void crash(std::vector<Record>& to, double at_s, std::uint32_t node, std::uint32_t strike) {
    to.push_back(node_record(at_s, RecordKind::kFaultBegan, node, strike));
    to.push_back(node_record(at_s, RecordKind::kNodeDown, node));
  }

  std::map<std::uint32_t, PodOwner> owners_map_;
};

// Pods 0 and 2 are on node 0, pod 1 on node 1, all Ready at 10 s. Node 0 crashes at 100 s for good, is shown as
// NotReady at 150 s, and its pods are replaced by 3 and 9, Ready at 455 s and 460 s.
TEST_F(Healing, CrashForGood) {
  std::vector<Record> j;
  add_pod(j, 0, 0, 0, 10);
  add_pod(j, 1, 1, 0, 10);
  add_pod(j, 2, 0, 0, 10);
  add_pod(j, 10, 0, 0, 10);
  crash(j, 100, 0, 0);
  j.push_back(node_record(150, RecordKind::kNodeNotReady, 0));
  j.push_back(pod_record(450, RecordKind::kPodTerminating, 0, 0));
  j.push_back(pod_record(450, RecordKind::kPodTerminating, 2, 0));
  add_pod(j, 3, 1, 450, 455);
  add_pod(j, 9, 1, 450, 460);
  const RunResult r = fold(j);
  expect(r, 1, 0, 0);
  expect_times(r, 50, 50, 360, 360);
  // Ready: none for 10 s, three for 90, one for 355, two for 5, three for 540.
  EXPECT_NEAR(metric_of(r, "replica_seconds_missing"), 30 + 355 * 2 + 5, 1e-9);
  EXPECT_NEAR(metric_of(r, "replicas_ready_mean"), 2.255, 1e-9);
  EXPECT_NEAR(metric_of(r, "replicas_wanted_mean"), 3, 1e-9);
  EXPECT_NEAR(metric_of(r, "replicas_ready_pct_mean"), 100 * 2255 / 3000.0, 1e-9);
  const Series& curve = r.series.back();
  EXPECT_EQ(curve.name, "replicas_ready_pct");
  ASSERT_EQ(curve.y.size(), 10U);
  EXPECT_NEAR(curve.y[0], 90, 1e-5);  // Of the first 100 s all but 10 s.
  EXPECT_NEAR(curve.y[1], 100 / 3.0, 1e-5);
  EXPECT_NEAR(curve.y[9], 100, 1e-5);
}

// Node 0 (one pod of workload 0) at 100 s, node 1 (one more) at 200 s. Each is measured against what was ready just
// before it: 2 pods, then 1. One is ready again at 300 s, the second at 350 s.
TEST_F(Healing, OverlappingFaultsAreMeasuredByThemselves) {
  std::vector<Record> j;
  add_pod(j, 0, 0, 0, 10);
  add_pod(j, 1, 1, 0, 10);
  crash(j, 100, 0, 0);
  j.push_back(node_record(145, RecordKind::kNodeNotReady, 0));
  crash(j, 200, 1, 1);
  j.push_back(node_record(255, RecordKind::kNodeNotReady, 1));
  add_pod(j, 3, 2, 290, 300);
  add_pod(j, 4, 2, 290, 350);
  const RunResult r = fold(j);
  expect(r, 2, 0, 0);
  expect_times(r, 50, 55, (100 + 250) / 2.0, 250);
}

// A zone: both strikes are written down before either takes effect, so both want both pods back.
TEST_F(Healing, StrikesOfOneInstantShareTheLevelBefore) {
  std::vector<Record> j;
  add_pod(j, 0, 0, 0, 10);
  add_pod(j, 1, 1, 0, 10);
  j.push_back(node_record(100, RecordKind::kFaultBegan, 0, 0));
  j.push_back(node_record(100, RecordKind::kFaultBegan, 1, 0));
  j.push_back(node_record(100, RecordKind::kNodeDown, 0));
  j.push_back(node_record(100, RecordKind::kNodeDown, 1));
  j.push_back(node_record(150, RecordKind::kNodeNotReady, 0));
  j.push_back(node_record(160, RecordKind::kNodeNotReady, 1));
  add_pod(j, 3, 2, 290, 300);
  add_pod(j, 4, 2, 290, 350);
  const RunResult r = fold(j);
  expect(r, 2, 0, 0);
  expect_times(r, 55, 60, 250, 250);
}

// Cut off from 100 s to 120 s: nobody notices, and the pods are of use again when it is over. What is shown 20 s later
// still comes of it; what comes after that does not.
TEST_F(Healing, OverBeforeAnybodyNotices) {
  for (const auto& [shown_s, not_detected] : {std::pair{140.0, 0.0}, {141.0, 1.0}}) {
    std::vector<Record> j;
    add_pod(j, 0, 0, 0, 10);
    j.push_back(node_record(100, RecordKind::kFaultBegan, 0, 7));
    j.push_back(node_record(100, RecordKind::kNodeDown, 0, 0, NodeTrouble::kCutOff));
    j.push_back(node_record(120, RecordKind::kFaultEnded, 0, 7));
    j.push_back(node_record(120, RecordKind::kNodeUp, 0, 0, NodeTrouble::kCutOff));
    j.push_back(node_record(shown_s, RecordKind::kNodeNotReady, 0));
    const RunResult r = fold(j);
    expect(r, 1, not_detected, 0);
    EXPECT_NEAR(metric_of(r, "time_to_repair_seconds_max"), 20, 1e-9);
    EXPECT_EQ(std::isnan(metric_of(r, "time_to_detect_seconds_max")), not_detected > 0);
  }
}

// A kubelet hangs from 100 s on: its pods serve until it is shown as NotReady at 150 s, and again from 180 s.
TEST_F(Healing, HangTakesPodsWhenItIsNoticed) {
  std::vector<Record> j;
  add_pod(j, 0, 0, 0, 10);
  add_pod(j, 1, 1, 0, 10);
  j.push_back(node_record(100, RecordKind::kFaultBegan, 0, 0));
  j.push_back(node_record(100, RecordKind::kNodeDown, 0, 0, NodeTrouble::kHung));
  j.push_back(node_record(150, RecordKind::kNodeNotReady, 0));
  j.push_back(node_record(170, RecordKind::kFaultEnded, 0, 0));
  j.push_back(node_record(170, RecordKind::kNodeUp, 0, 0, NodeTrouble::kHung));
  j.push_back(node_record(180, RecordKind::kNodeReadyAgain, 0));
  const RunResult r = fold(j);
  expect(r, 1, 0, 0);
  expect_times(r, 50, 50, 80, 80);
  EXPECT_NEAR(metric_of(r, "replica_seconds_missing"), 20 + 30 + 1000, 1e-9);  // Workload 1 never had its pod.
}

// After a reboot the pod is of use when it is Ready anew, not when the machine is on.
TEST_F(Healing, RebootIsOverWhenPodsAreReadyAnew) {
  std::vector<Record> j;
  add_pod(j, 0, 0, 0, 10);
  crash(j, 100, 0, 0);
  j.push_back(node_record(130, RecordKind::kFaultEnded, 0, 0));
  j.push_back(node_record(130, RecordKind::kNodeUp, 0));
  j.push_back(pod_record(131, RecordKind::kPodNotReady, 0, 0));
  j.push_back(pod_record(140, RecordKind::kPodReady, 0, 0));
  const RunResult r = fold(j);
  expect(r, 1, 1, 0);
  EXPECT_NEAR(metric_of(r, "time_to_repair_seconds_mean"), 40, 1e-9);
}

TEST_F(Healing, WhatIsNoLongerWantedNeedNotComeBack) {
  std::vector<Record> j;
  add_pod(j, 0, 0, 0, 10);
  add_pod(j, 1, 1, 0, 10);
  crash(j, 100, 0, 0);
  Record scaled = pod_record(300, RecordKind::kScaled, kNoPodHere);
  scaled.value = 1;
  j.push_back(scaled);
  const RunResult r = fold(j);
  expect(r, 1, 1, 0);
  EXPECT_NEAR(metric_of(r, "time_to_repair_seconds_mean"), 200, 1e-9);
}

// A second strike on a node that is NotReady has nothing to be detected and nothing to take; a node without replicas
// neither. What never comes back counts as not repaired.
TEST_F(Healing, NothingToDetectOrTake) {
  std::vector<Record> j;
  add_pod(j, 0, 0, 0, 10);
  add_pod(j, 10, 1, 0, 10);
  crash(j, 100, 0, 0);
  j.push_back(node_record(150, RecordKind::kNodeNotReady, 0));
  j.push_back(node_record(200, RecordKind::kFaultBegan, 0, 1));
  j.push_back(node_record(300, RecordKind::kFaultBegan, 1, 2));
  j.push_back(node_record(300, RecordKind::kNodeDown, 1));
  j.push_back(node_record(340, RecordKind::kNodeLeft, 1));
  j.push_back(node_record(400, RecordKind::kFaultBegan, 0xFFFF'FFFF, 3));  // Of a registry.
  const RunResult r = fold(j);
  expect(r, 3, 1, 1);
  EXPECT_NEAR(metric_of(r, "time_to_detect_seconds_max"), 50, 1e-9);
  EXPECT_TRUE(std::isnan(metric_of(r, "time_to_repair_seconds_mean")));
}

// A hang at 100 s and, before anybody notices, a crash at 120 s, which alone takes the pod. Both are detected.
TEST_F(Healing, TheSecondStrikeTakesWhatItTakes) {
  std::vector<Record> j;
  add_pod(j, 0, 0, 0, 10);
  j.push_back(node_record(100, RecordKind::kFaultBegan, 0, 0));
  j.push_back(node_record(100, RecordKind::kNodeDown, 0, 0, NodeTrouble::kHung));
  crash(j, 120, 0, 1);
  j.push_back(node_record(150, RecordKind::kNodeNotReady, 0));
  add_pod(j, 3, 1, 450, 460);
  const RunResult r = fold(j);
  expect(r, 2, 0, 0);
  expect_times(r, 40, 50, 340, 340);
}

// More than wanted does not make up for another workload's want. Workload 0: 3 of 2; workload 1: 0 of 1.
TEST_F(Healing, SurplusServesNobody) {
  std::vector<Record> j;
  for (const std::uint32_t pod : {0U, 1U, 3U}) add_pod(j, pod, 0, 0, 0);
  const RunResult r = fold(j);
  EXPECT_NEAR(metric_of(r, "replicas_ready_mean"), 3, 1e-9);
  EXPECT_NEAR(metric_of(r, "replicas_ready_pct_mean"), 200 / 3.0, 1e-9);
}

}  // namespace
}  // namespace berth::test
