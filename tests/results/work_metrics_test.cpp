// Lost work and evictions, from journals written by hand.
#include "results/work_metrics.hpp"

#include <gtest/gtest.h>

#include <cmath>

#include "results/eviction_metrics.hpp"
#include "tests/results/ready_journal.hpp"

namespace berth::test {
namespace {

class Work : public testing::Test {
 protected:
  Work() {
    PodTemplate two;
    two.request.cpu_milli = 2000;
    two_cores_ = catalog_.intern(two);
    PodTemplate half;
    half.request.cpu_milli = 500;
    half_core_ = catalog_.intern(half);
  }
  RunResult fold(const std::vector<Record>& records, const PodOwners* owners) {
    WorkMetrics work(owners);
    work.begin({&catalog_, {}});
    work.write(records);
    work.finish({});
    RunResult result;
    work.add_to(result);
    EXPECT_EQ(result.metrics.size(), work_metrics().size());
    return result;
  }
  static Record exited(double at_s, std::uint32_t pod, std::uint32_t node, std::uint32_t code, TemplateId t) {
    Record r = pod_record(at_s, RecordKind::kContainerExited, pod, node, t);
    r.value = code;
    return r;
  }

  Catalog catalog_;
  TemplateId two_cores_, half_core_;
};

// A trace's pod of two cores runs for 10 s, is evicted, and runs again for 20 s, to its end.
TEST_F(Work, EvictedPodOfATrace) {
  const RunResult r = fold({pod_record(0, RecordKind::kPodCreated, 0, 0xFFFF'FFFF, two_cores_),
                            pod_record(0, RecordKind::kPodStarted, 0, 0, two_cores_),
                            pod_record(10, RecordKind::kPodEvicted, 0, 0, two_cores_),
                            pod_record(30, RecordKind::kPodStarted, 0, 1, two_cores_),
                            pod_record(50, RecordKind::kPodSucceeded, 0, 1, two_cores_)},
                           nullptr);
  EXPECT_NEAR(metric_of(r, "work_done_core_seconds"), 40, 1e-9);
  EXPECT_NEAR(metric_of(r, "work_lost_core_seconds"), 20, 1e-9);
  EXPECT_NEAR(metric_of(r, "work_lost_pct"), 100 / 3.0, 1e-9);
  EXPECT_NEAR(metric_of(r, "work_lost_seconds"), 10, 1e-9);
  EXPECT_NEAR(metric_of(r, "work_lost_seconds_evictions"), 10, 1e-9);
  EXPECT_EQ(metric_of(r, "work_restarts"), 1);
}

// Job 7: its pod fails after 5 s, runs again from 15 s until its machine goes off at 25 s; told to go at 325 s, it has
// a successor from 330 s to 390 s. Job 8: a pod is deleted after 41 s. A Deployment's pod does not count.
TEST_F(Work, PodsOfJobs) {
  const OwnersByHand owners({{"Deployment default/a", 1}},
                            {{0, of_job(7)}, {1, of_job(7)}, {2, of_job(8)}, {3, of_workload(0)}});
  std::vector<Record> j;
  for (const std::uint32_t pod : {0U, 2U, 3U}) {
    j.push_back(pod_record(0, RecordKind::kPodCreated, pod, 0xFFFF'FFFF, half_core_));
    j.push_back(pod_record(0, RecordKind::kContainerStarted, pod, 0, half_core_));
    j.push_back(pod_record(0, RecordKind::kPodStarted, pod, 0, half_core_));
  }
  j.push_back(exited(5, 0, 0, 1, half_core_));
  j.push_back(pod_record(15, RecordKind::kContainerStarted, 0, 0, half_core_));
  j.back().value = 1;
  j.push_back(node_record(25, RecordKind::kNodeDown, 0));
  j.push_back(exited(25, 0, 0, 255, half_core_));
  j.push_back(exited(25, 3, 0, 255, half_core_));
  j.push_back(node_record(30, RecordKind::kNodeUp, 0));
  j.push_back(pod_record(40, RecordKind::kContainerKilling, 2, 0, half_core_));
  j.back().reason = static_cast<std::uint8_t>(KillReason::kPodDeleted);
  j.push_back(exited(41, 2, 0, 143, half_core_));
  j.push_back(pod_record(41, RecordKind::kPodDeleted, 2, 0, half_core_));
  j.push_back(pod_record(325, RecordKind::kPodTerminating, 0, 0, half_core_));
  j.push_back(pod_record(326, RecordKind::kPodCreated, 1, 0xFFFF'FFFF, half_core_));
  j.push_back(pod_record(330, RecordKind::kPodStarted, 1, 1, half_core_));
  j.push_back(exited(390, 1, 1, 0, half_core_));
  j.push_back(pod_record(390, RecordKind::kPodSucceeded, 1, 1, half_core_));
  const RunResult r = fold(j, &owners);
  EXPECT_NEAR(metric_of(r, "work_done_core_seconds"), 30, 1e-9);
  EXPECT_NEAR(metric_of(r, "work_lost_seconds_failures"), 5, 1e-9);
  EXPECT_NEAR(metric_of(r, "work_lost_seconds_node_faults"), 10, 1e-9);
  EXPECT_NEAR(metric_of(r, "work_lost_seconds_evictions"), 41, 1e-9);
  EXPECT_NEAR(metric_of(r, "work_lost_seconds"), 56, 1e-9);
  EXPECT_NEAR(metric_of(r, "work_lost_core_seconds"), 28, 1e-9);
  EXPECT_EQ(metric_of(r, "work_restarts"), 2) << "the container's, and the successor's start";
}

TEST_F(Work, NotDefinedWhereNothingRunsToItsEnd) {
  const OwnersByHand owners({}, {});
  const RunResult r = fold({pod_record(0, RecordKind::kPodCreated, 0, 0xFFFF'FFFF, half_core_),
                            pod_record(0, RecordKind::kPodStarted, 0, 0, half_core_)},
                           &owners);
  for (const Metric& m : r.metrics) EXPECT_TRUE(std::isnan(m.value)) << m.name;
}

TEST(Evictions, ByCause) {
  const auto with = [](RecordKind kind, auto reason) {
    Record r = pod_record(1, kind, 0, 0);
    r.reason = static_cast<std::uint8_t>(reason);
    return r;
  };
  EvictionMetrics fold;
  fold.write(std::vector<Record>{
      with(RecordKind::kPodDisrupted, DisruptReason::kPreemption),
      with(RecordKind::kPodEvicted, EvictReason::kPreempted), with(RecordKind::kPodEvicted, EvictReason::kDrained),
      with(RecordKind::kPodDisrupted, DisruptReason::kTaintManager),
      with(RecordKind::kPodDisrupted, DisruptReason::kTaintManager),
      with(RecordKind::kPodDisrupted, DisruptReason::kTaintManager), with(RecordKind::kPodFailed, FailReason::kEvicted),
      with(RecordKind::kPodFailed, FailReason::kError), pod_record(1, RecordKind::kPodDescheduled, 0, 0),
      with(RecordKind::kPodDisrupted, DisruptReason::kEvictionApi),
      with(RecordKind::kPodDisrupted, DisruptReason::kEvictionApi),
      with(RecordKind::kPodDisrupted, DisruptReason::kPodGc), pod_record(2, RecordKind::kPodDeleted, 0, 0)});
  RunResult r;
  fold.add_to(r);
  ASSERT_EQ(r.metrics.size(), eviction_metrics().size());
  EXPECT_EQ(metric_of(r, "evictions_preemption"), 2);
  EXPECT_EQ(metric_of(r, "evictions_taint"), 3);
  EXPECT_EQ(metric_of(r, "evictions_node_pressure"), 1);
  EXPECT_EQ(metric_of(r, "evictions_drain"), 2)
      << "one of a trace, one by the Eviction API that the healer did not ask";
  EXPECT_EQ(metric_of(r, "evictions_descheduler"), 1);
  EXPECT_EQ(metric_of(r, "evictions_pod_gc"), 1);
}

}  // namespace
}  // namespace berth::test
