// Disks that fill up in whole runs: the node's condition and taint, who is refused, and where the evicted pod's
// successor goes. 10 GiB a node: 15 % of that must be free, so 8.5 GiB = 8704 MiB may be in use (the threshold's
// rounding is bytes).
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "sim/controllers/node_taints.hpp"
#include "tests/support/manifest_run.hpp"
#include "tests/support/workload_yaml.hpp"

namespace berth::test {
namespace {

using testing::Each;
using testing::IsEmpty;
using testing::SizeIs;

constexpr std::int64_t kMi = 1 << 20;

std::string workload(const std::string& kind, const std::string& name, const std::string& annotations,
                     const std::string& resources = {}) {
  return workload_yaml(name, 1, {.kind = kind, .annotations = annotations, .resources = resources});
}

ManifestRun run(const std::string& text, Duration horizon, std::uint64_t seed = 1) {
  ManifestRunOptions options;
  options.nodes = 2;
  options.horizon = horizon;
  options.seed = seed;
  options.model.node_images.imagefs_bytes = 10240 * kMi;
  options.verify_every = 1;
  return ManifestRun(text, options);
}

const controllers::Node& node(const ManifestRun& r, NodeId id) {
  return r.simulation->control_plane()->store().get<controllers::Node>(static_cast<controllers::ObjectId>(id));
}
bool has_pressure(const ManifestRun& r, NodeId id) {
  return node(r, id).condition(controllers::NodeConditionType::kDiskPressure).status ==
         controllers::ConditionStatus::kTrue;
}
bool has_taint(const ManifestRun& r, NodeId id) {
  return controllers::has_taint(node(r, id), controllers::taints::kDiskPressure, kube::TaintEffect::kNoSchedule);
}
std::vector<controllers::Disruption> disruptions(const ManifestRun& r) {
  std::vector<controllers::Disruption> out;
  for (const NodeId id : {NodeId{0}, NodeId{1}}) {
    r.simulation->control_plane()->store().each_on(id, [&](const controllers::Pod& pod) {
      if (pod.status.phase == controllers::Phase::kFailed) out.push_back(pod.status.disruption);
    });
  }
  return out;
}

// One pod writes 100 Mi/s from its start: it and the images, which were on the disk before, pass 8704 Mi at a time that
// follows from them; the kubelet's look comes within 10 s. The image in use cannot go.
TEST(DiskPressure, EvictsTaintsAndMovesOn) {
  for (const std::uint64_t seed : {1, 2, 3, 4}) {
    SCOPED_TRACE(seed);
    const ManifestRun r =
        run(workload("Deployment", "web", "berth.dev/disk: \"0s:0, 100s:10000Mi\""), seconds(120), seed);
    EXPECT_EQ(r.trouble, "");
    const std::vector<Record> killed = r.records(RecordKind::kContainerKilling);
    ASSERT_THAT(killed, SizeIs(1));
    EXPECT_EQ(static_cast<KillReason>(killed[0].reason), KillReason::kEvicted);
    const NodeId full = killed[0].node;
    const NodeId other = full == NodeId{0} ? NodeId{1} : NodeId{0};
    const auto started = r.times(RecordKind::kContainerStarted);
    const auto images = r.simulation->nodes()->image_manager().disk(full).image_bytes;
    const double over = started[0] + static_cast<double>(8704 * kMi - images) / static_cast<double>(100 * kMi);
    EXPECT_GT(killed[0].at.seconds(), over - 0.001);
    EXPECT_LT(killed[0].at.seconds(), over + 10.001);
    EXPECT_TRUE(has_pressure(r, full));
    EXPECT_TRUE(has_taint(r, full));
    EXPECT_FALSE(has_pressure(r, other));
    const std::vector<Record> bound = r.records(RecordKind::kPodScheduled);
    ASSERT_THAT(bound, SizeIs(2));
    EXPECT_EQ(bound[1].node, other);
    EXPECT_GE(bound[1].at, killed[0].at);
    EXPECT_THAT(disruptions(r), testing::ElementsAre(controllers::Disruption::kTerminationByKubelet));
  }
}

// The condition, and the taint with it, go 300 s after the last look that saw the signal: that of the eviction.
TEST(DiskPressure, GoesAfterFiveMinutes) {
  const std::string text = workload("Deployment", "web", "berth.dev/disk: \"0s:0, 100s:10000Mi\"");
  const double killed = run(text, seconds(120)).times(RecordKind::kContainerKilling).at(0);
  const NodeId full = run(text, seconds(120)).records(RecordKind::kContainerKilling).at(0).node;
  EXPECT_TRUE(has_taint(run(text, from_seconds(killed + 299.9)), full));
  EXPECT_FALSE(has_taint(run(text, from_seconds(killed + 300.1)), full));
}

// Pods of DaemonSets tolerate the taint, and are refused by the node itself. The agents pass a limit of their own after
// 50 s and are made anew; by then the node of `web` is under pressure: 8704 Mi at 333 Mi/s are there within 27 s.
TEST(DiskPressure, RefusesWhoToleratesTheTaint) {
  const ManifestRun r =
      run(workload("Deployment", "web", "berth.dev/disk: \"0s:0, 60s:20000Mi\"") +
              workload("DaemonSet", "agent", "berth.dev/disk: \"0s:0, 60s:60Mi\"", "limits: {ephemeral-storage: 50Mi}"),
          seconds(100));
  EXPECT_EQ(r.trouble, "");
  const Record first = r.records(RecordKind::kContainerKilling, "web").at(0);
  ASSERT_LT(first.at, Time{} + seconds(50));
  ASSERT_TRUE(has_pressure(r, first.node));
  for (const Record& admitted : r.records(RecordKind::kPodAdmitted)) {
    EXPECT_FALSE(admitted.node == first.node && admitted.at > first.at);
  }
  std::size_t refused = 0;
  for (const Record& rejected : r.records(RecordKind::kPodRejected, "agent")) {
    EXPECT_EQ(static_cast<FailReason>(rejected.reason), FailReason::kEvicted);
    refused += rejected.node == first.node ? 1 : 0;
  }
  EXPECT_GE(refused, 1U);
}

// 2 GiB at once, 1 GiB allowed: gone within 10 s, and its successors too. Each has its own fault alone.
TEST(DiskPressure, LimitsOfPodsAreTheirOwnAffair) {
  const ManifestRun r =
      run(workload("Deployment", "web", "berth.dev/disk: 2Gi", "limits: {ephemeral-storage: 1Gi}"), seconds(60));
  EXPECT_EQ(r.trouble, "");
  const std::vector<double> started = r.times(RecordKind::kContainerStarted);
  const std::vector<double> killed = r.times(RecordKind::kContainerKilling);
  ASSERT_GE(killed.size(), 3U);
  for (std::size_t i = 0; i < killed.size(); ++i) {
    EXPECT_GT(killed[i], started[i]);
    EXPECT_LE(killed[i], started[i] + 10);
  }
  EXPECT_THAT(disruptions(r), Each(controllers::Disruption::kNone));
  EXPECT_FALSE(has_pressure(r, NodeId{0}) || has_pressure(r, NodeId{1}));
}

// Without annotations nobody writes, and thresholds of 0 % never evict.
TEST(DiskPressure, ZeroPercentNeverEvicts) {
  ManifestRunOptions options;
  options.nodes = 1;
  options.horizon = seconds(300);
  options.model.node_images.imagefs_bytes = 10240 * kMi;
  options.model.kubelet.eviction_nodefs_percent = options.model.kubelet.eviction_imagefs_percent = 0;
  const ManifestRun r(workload("Deployment", "web", "berth.dev/disk: \"0s:0, 100s:20000Mi\""), options);
  EXPECT_THAT(r.records(RecordKind::kContainerKilling), IsEmpty());
  EXPECT_EQ(r.simulation->nodes()->verify(), "");
}

}  // namespace
}  // namespace berth::test
