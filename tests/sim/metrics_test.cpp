// The metrics fold on a journal of a dozen records, every number worked out by hand.
#include "results/metrics.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <map>

#include "tests/support/cluster_builder.hpp"

namespace berth::test {
namespace {

// Node a: 4 cores, 8 GiB, 2 GPUs; node b: 4 cores, 8 GiB. Pod 0: 1 core, 2 GiB, 1 GPU; pod 1: 2 cores, 1 GiB.
//   pod 0: created and bound to a at 0 s, ended at 8 s
//   pod 1: created at 2 s, bound to b at 6 s, evicted at 9 s, bound to a at 12 s, ended at 20 s
class TinyJournal : public testing::Test {
 protected:
  TinyJournal() {
    NodeSpec a;
    a.name = "a";
    a.allocatable = {4000, 8_GiB, 0};
    NodeSpec b = a;
    b.name = "b";
    a.gpu_count = 2;
    a.gpu_model = catalog_.gpu_model("T4");
    nodes_ = {a, b};
    first_ = catalog_.intern(template_of(catalog_, {.cpu_milli = 1000, .memory_bytes = 2_GiB, .gpus = 1}));
    second_ = catalog_.intern(template_of(catalog_, {.cpu_milli = 2000, .memory_bytes = 1_GiB}));
  }
  RunResult fold(MetricsOptions options) {
    MetricsFold fold(std::move(options));
    fold.begin({&catalog_, nodes_});
    const NodeId a{0}, b{1};
    const auto record = [](std::int64_t at_s, RecordKind kind, std::uint32_t pod, TemplateId t, NodeId node = kNoNode,
                           std::uint16_t gpus = 0) {
      return Record{Time{} + seconds(at_s), pod, node, pod, t, gpus, kind, 0};
    };
    const std::vector<Record> records{
        record(0, RecordKind::kPodCreated, 0, first_),        record(0, RecordKind::kPodScheduled, 0, first_, a, 1),
        record(0, RecordKind::kPodStarted, 0, first_, a, 1),  record(2, RecordKind::kPodCreated, 1, second_),
        record(2, RecordKind::kPodUnschedulable, 1, second_), record(6, RecordKind::kPodScheduled, 1, second_, b),
        record(6, RecordKind::kPodStarted, 1, second_, b),    record(8, RecordKind::kPodSucceeded, 0, first_, a, 1),
        record(9, RecordKind::kPodEvicted, 1, second_, b),    record(12, RecordKind::kPodScheduled, 1, second_, a),
        record(12, RecordKind::kPodStarted, 1, second_, a),   record(20, RecordKind::kPodSucceeded, 1, second_, a)};
    fold.write(std::span(records).first(5));
    fold.write(std::span(records).subspan(5));
    fold.finish(Time{} + seconds(20));
    return fold.result();
  }
  static double value(const RunResult& result, const std::string& name) {
    for (const Metric& m : result.metrics) {
      if (m.name == name) return m.value;
    }
    ADD_FAILURE() << "no metric " << name;
    return 0;
  }
  static const Series& curve(const RunResult& result, const std::string& name) {
    for (const Series& s : result.series) {
      if (s.name == name) return s;
    }
    throw std::runtime_error("no series " + name);
  }

  Catalog catalog_;
  std::vector<NodeSpec> nodes_;
  TemplateId first_{}, second_{};
};

TEST_F(TinyJournal, Numbers) {
  const RunResult r = fold({.window = Time{} + seconds(10), .points = 5, .mix = {}});
  EXPECT_EQ(value(r, "pods_created"), 2);
  EXPECT_EQ(value(r, "pods_scheduled"), 3);
  EXPECT_EQ(value(r, "pods_unschedulable"), 1);
  EXPECT_EQ(value(r, "pods_succeeded"), 2);
  EXPECT_EQ(value(r, "pods_pending_at_end"), 0);
  EXPECT_EQ(value(r, "pod_evictions"), 1);
  // Waits: 0 s, 4 s, and 3 s from the eviction. Nearest rank: the median is the second, the high quantiles the third.
  EXPECT_NEAR(value(r, "pod_wait_seconds_mean"), 7.0 / 3, 1e-12);
  EXPECT_NEAR(value(r, "pod_wait_seconds_p50"), 3, 3.0 / 256);
  EXPECT_NEAR(value(r, "pod_wait_seconds_p95"), 4, 4.0 / 256);
  EXPECT_NEAR(value(r, "pod_wait_seconds_p99"), 4, 4.0 / 256);
  EXPECT_NEAR(value(r, "pod_wait_seconds_max"), 4, 1e-12);
  EXPECT_NEAR(value(r, "makespan_seconds"), 20, 1e-12);
  // Over 10 s, whatever comes later. cpu: 1 core · 8 s + 2 cores · 3 s = 14 of 80 core-seconds.
  EXPECT_NEAR(value(r, "cpu_allocation_pct_mean"), 17.5, 1e-9);
  // memory: 2 GiB · 8 s + 1 GiB · 3 s = 19 of 160.
  EXPECT_NEAR(value(r, "memory_allocation_pct_mean"), 11.875, 1e-9);
  EXPECT_NEAR(value(r, "gpu_allocation_pct_mean"), 40, 1e-9);  // 8 of 20 GPU-seconds.
  EXPECT_NEAR(value(r, "nodes_used_mean"), 1.1, 1e-9);         // a 8 s, b 3 s.
  EXPECT_NEAR(value(r, "pods_pending_mean"), 0.5, 1e-9);       // 2 s to 6 s, and 9 s to the window's end.
  EXPECT_EQ(value(r, "pods_pending_max"), 1);
  EXPECT_TRUE(std::isnan(value(r, "gpu_fragmentation_pct_mean")));  // No mix was given.
}

TEST_F(TinyJournal, Curves) {
  const RunResult r = fold({.window = Time{} + seconds(10), .points = 5, .mix = {}});
  const auto expect = [&](const char* name, std::vector<double> y) {
    SCOPED_TRACE(name);
    const Series& s = curve(r, name);
    EXPECT_EQ(s.x_name, "time_seconds");
    ASSERT_EQ(s.y.size(), y.size());
    for (std::size_t i = 0; i < y.size(); ++i) {
      EXPECT_NEAR(s.x[i], 1 + 2 * static_cast<double>(i), 1e-9);  // The middles of five spans of 2 s.
      EXPECT_NEAR(s.y[i], y[i], 1e-6);
    }
  };
  expect("cpu_allocation_pct", {12.5, 12.5, 12.5, 37.5, 12.5});  // Of 8 cores: 1, 1, 1, 3, and 2 for half of the last.
  expect("memory_allocation_pct", {12.5, 12.5, 12.5, 18.75, 3.125});
  expect("gpu_allocation_pct", {50, 50, 50, 50, 0});
  expect("nodes_used", {1, 1, 1, 2, 0.5});
  expect("pods_pending", {0, 1, 1, 0, 0.5});
}

// The mix is pods of two GPUs: with one of the two taken, the other is of no use (Q2), 1000 of 2000 milli-GPU for 8 s.
TEST_F(TinyJournal, Fragmentation) {
  const TemplateId two = catalog_.intern(template_of(catalog_, {.cpu_milli = 1000, .gpus = 2}));
  const RunResult r = fold({.window = Time{} + seconds(10), .points = 5, .mix = {{two, 1}}});
  EXPECT_NEAR(value(r, "gpu_fragmentation_pct_mean"), 40, 1e-9);
  EXPECT_NEAR(curve(r, "gpu_fragmentation_pct").y[4], 0, 1e-6);
}

// A window beyond the end: nothing runs there, and it counts.
TEST_F(TinyJournal, WindowBeyondTheEnd) {
  const RunResult r = fold({.window = Time{} + seconds(40), .points = 4, .mix = {}});
  // 8 + 6 + 2 cores · 8 s (12 s to 20 s) = 30 of 320.
  EXPECT_NEAR(value(r, "cpu_allocation_pct_mean"), 9.375, 1e-9);
  EXPECT_NEAR(value(r, "pods_pending_mean"), (4.0 + 3.0) / 40, 1e-9);
}

// Of five pods that come at one instant four are bound at once: only one waits, once the scheduler had its turn.
TEST(MetricsFold, PendingMaxIsAfterTheSchedulersTurn) {
  Catalog catalog;
  const TemplateId t = catalog.intern(template_of(catalog, {.cpu_milli = 1}));
  NodeSpec node;
  node.name = "a";
  node.allocatable = {1000, 1_GiB, 0};
  MetricsFold fold({.window = Time{} + seconds(10), .mix = {}});
  fold.begin({&catalog, std::span<const NodeSpec>(&node, 1)});
  std::vector<Record> records;
  for (std::uint32_t i = 0; i < 5; ++i)
    records.push_back({Time{} + seconds(1), i, kNoNode, i, t, 0, RecordKind::kPodCreated, 0});
  for (std::uint32_t i = 0; i < 4; ++i)
    records.push_back({Time{} + seconds(1), i, NodeId{0}, 0, t, 0, RecordKind::kPodScheduled, 0});
  fold.write(records);
  fold.finish(Time{} + seconds(2));
  std::map<std::string, double> got;
  for (const Metric& m : fold.result().metrics) got[m.name] = m.value;
  EXPECT_EQ(got.at("pods_pending_max"), 1);
  EXPECT_EQ(got.at("pods_pending_at_end"), 1);
  EXPECT_EQ(got.at("pod_wait_seconds_max"), 0);
}

// Each metric that is listed is reported, in that order.
TEST(MetricsFold, ReportsWhatItLists) {
  Catalog catalog;
  MetricsFold fold({.window = Time{} + seconds(1), .mix = {}});
  fold.begin({&catalog, {}});
  fold.finish({});
  const RunResult r = fold.result();
  ASSERT_EQ(r.metrics.size(), replay_metrics().size());
  for (std::size_t i = 0; i < r.metrics.size(); ++i) EXPECT_EQ(r.metrics[i].name, replay_metrics()[i].name);
}

}  // namespace
}  // namespace berth::test
