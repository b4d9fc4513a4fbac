// Faults of a plan that strike containers at a given time, and leaks, in whole runs.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "tests/support/manifest_run.hpp"
#include "tests/support/workload_yaml.hpp"
#include "workloads/faults/fault_draw.hpp"

namespace berth::test {
namespace {

using testing::Each;
using testing::IsEmpty;
using testing::SizeIs;

std::string deployment(const std::string& name, int replicas, const std::string& annotations = {},
                       const std::string& resources = {}) {
  return workload_yaml(name, replicas, {.annotations = annotations, .resources = resources});
}

struct FaultRun {
  FaultRun(const std::string& objects, const std::string& faults, Duration horizon)
      : plan(read_fault_plan("apiVersion: berth.dev/v1alpha1\nkind: FaultPlan\nfaults:\n" + faults, "plan.yaml", {})) {
    ManifestRunOptions options;
    options.horizon = horizon;
    options.plan = &plan;
    options.strikes = draw(plan, default_nodes(options.nodes), Time{} + horizon, {options.seed, 0});
    options.verify_every = 1;
    run = std::make_unique<ManifestRun>(objects, options);
    EXPECT_EQ(run->trouble, "");
  }
  // Of processes that a fault ended, with this code.
  std::vector<Record> exits(std::uint32_t code, const std::string& about = {}) const {
    std::vector<Record> out = run->records(RecordKind::kContainerExited, about);
    std::erase_if(out, [code](const Record& r) { return r.value != code; });
    return out;
  }
  FaultPlan plan;
  std::unique_ptr<ManifestRun> run;
};

std::vector<std::int64_t> times(const std::vector<Record>& records) {
  std::vector<std::int64_t> out;
  for (const Record& r : records) out.push_back(r.at.ns);
  return out;
}
std::set<std::uint32_t> pods(const std::vector<Record>& records) {
  std::set<std::uint32_t> out;
  for (const Record& r : records) out.insert(r.pod);
  return out;
}

// All three of web, at 100 s sharp, and nobody else. They come back: the first restart is at once.
TEST(ContainerFaults, CrashAtATimeEndsAllThatRun) {
  const FaultRun r(deployment("web", 3) + deployment("other", 2),
                   "- {kind: containerCrash, at: 100s, exitCode: 139, pods: {selector: {app: web}}}\n", seconds(200));
  EXPECT_THAT(times(r.exits(139, "web")), testing::AllOf(SizeIs(3), Each(100'000'000'000)));
  EXPECT_EQ(r.run->count(RecordKind::kContainerExited), 3U);
  EXPECT_EQ(r.run->count(RecordKind::kContainerStarted, "web"), 6U);
  for (const Record& started : r.run->records(RecordKind::kContainerStarted, "web")) {
    if (started.value == 0) continue;
    EXPECT_LT(started.at, Time{} + seconds(103));  // A relist, and to make and start it.
  }
}

// Two of eight; the same two whoever else there is, and others under another stream.
TEST(ContainerFaults, CountDrawsSomeOfThem) {
  const std::string fault = "- {kind: containerCrash, at: 100s, exitCode: 9, pods: {selector: {app: web}, count: 2";
  const FaultRun alone(deployment("web", 8), fault + "}}\n", seconds(110));
  const FaultRun crowd(deployment("web", 8) + deployment("other", 5), fault + "}}\n", seconds(110));
  EXPECT_THAT(times(alone.exits(9)), testing::AllOf(SizeIs(2), Each(100'000'000'000)));
  EXPECT_EQ(pods(alone.exits(9)), pods(crowd.exits(9)));
  std::set<std::set<std::uint32_t>> drawn;
  for (int stream = 1; stream < 9; ++stream) {
    const FaultRun other(deployment("web", 8), fault + fmt::format("}}, stream: {}}}\n", stream), seconds(110));
    EXPECT_THAT(other.exits(9), SizeIs(2));
    drawn.insert(pods(other.exits(9)));
  }
  EXPECT_GT(drawn.size(), 3U);  // Of 28 pairs, eight draws.
  // More than there are: all.
  const FaultRun many(deployment("web", 1), "- {kind: containerCrash, at: 100s, pods: {count: 7}}\n", seconds(110));
  EXPECT_THAT(many.exits(1), SizeIs(1));
}

// 40 Mi each, and 1 Mi/s from 60 s on: above 100 Mi by one byte 954 ns after 120 s. A process that starts later leaks
// from its start: 60.000000954 s each time. Gaps between end and start: none, 10 s, 20 s (reference/self-healing.md
// section 2), each to be found by a relist of 1 s, by a sync up to half as long again after the rest, then to be made
// and started: below 0.7 s. From 300 s on nothing leaks any more: who starts later than 240 s lives.
TEST(ContainerFaults, LeakEndsInOomKilledAgainAndAgain) {
  const FaultRun r(deployment("web", 2, "berth.dev/memory: 40Mi", "limits: {memory: 100Mi}") +
                       deployment("other", 1, "berth.dev/memory: 40Mi", "limits: {memory: 100Mi}"),
                   "- {kind: memoryLeak, bytesPerSecond: 1Mi, from: 60s, to: 5m, pods: {selector: {app: web}}}\n",
                   seconds(3600));
  EXPECT_THAT(r.run->records(RecordKind::kContainerExited, "other"), IsEmpty());
  for (const std::uint32_t pod : pods(r.run->records(RecordKind::kContainerStarted, "web"))) {
    std::vector<Record> starts = r.run->records(RecordKind::kContainerStarted, "web");
    std::vector<Record> ends = r.run->records(RecordKind::kContainerExited, "web");
    for (std::vector<Record>* list : {&starts, &ends}) {
      std::erase_if(*list, [pod](const Record& x) { return x.pod != pod; });
    }
    // Starts: before 60 s, ~121 s, ~192 … 197 s, ~273 … 284 s; the fourth one starts too late to leak 60 Mi.
    ASSERT_EQ(starts.size(), 4U);
    ASSERT_EQ(ends.size(), 3U);
    EXPECT_EQ(ends[0].at.ns, 120'000'000'954);
    const std::int64_t back_off[] = {0, 10, 20};
    for (std::size_t i = 0; i < 3; ++i) {
      EXPECT_EQ(ends[i].value, 137U);
      EXPECT_EQ(static_cast<ExitReason>(ends[i].reason), ExitReason::kOomKilled);
      EXPECT_EQ((ends[i].at - std::max(starts[i].at, Time{} + seconds(60))).ns, 60'000'000'954);
      const Duration gap = starts[i + 1].at - ends[i].at;
      EXPECT_GE(gap, seconds(back_off[i]));
      EXPECT_LT(gap.seconds(), 1 + 1.5 * static_cast<double>(back_off[i]) + 1 + 0.7);
    }
  }
}

// A node of 16 GiB (default_nodes), one pod without a limit that leaks 32 Mi/s from 10 s on: above 16 Gi - 100 Mi =
// 16284 Mi after 508.875 s, at 518.875 s. The kubelet looks every 10 s.
TEST(ContainerFaults, LeakWithoutALimitIsEvicted) {
  const FaultRun r(deployment("web", 1, "berth.dev/memory: \"0\""),
                   "- {kind: memoryLeak, bytesPerSecond: 32Mi, from: 10s}\n", seconds(560));
  const std::vector<Record> killed = r.run->records(RecordKind::kContainerKilling);
  ASSERT_THAT(killed, SizeIs(1));
  EXPECT_EQ(static_cast<KillReason>(killed[0].reason), KillReason::kEvicted);
  EXPECT_GT(killed[0].at.seconds(), 518.875);
  EXPECT_LE(killed[0].at.seconds(), 528.875);
  EXPECT_EQ(r.run->count(RecordKind::kPodReady), 2U);  // The ReplicaSet has made another.
}

TEST(ContainerFaults, CountIsForCrashesAtATime) {
  try {
    read_fault_plan(
        "apiVersion: berth.dev/v1alpha1\nkind: FaultPlan\nfaults:\n- {kind: memoryLeak, bytesPerSecond: 1, pods: "
        "{count: 2}}\n",
        "p.yaml", {});
    FAIL();
  } catch (const InputError& e) {
    EXPECT_STREQ(e.what(),
                 "p.yaml:4:55: faults[0].pods.count is for containers that crash at a time; expected none, or "
                 "at beside it");
  }
}

}  // namespace
}  // namespace berth::test
