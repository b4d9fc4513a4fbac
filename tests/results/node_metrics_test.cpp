// Cost, node counts and waits by hand, from journals written by hand.
#include "results/node_metrics.hpp"

#include <gtest/gtest.h>

#include <cmath>

namespace berth::test {
namespace {

Record record(std::int64_t ms, RecordKind kind, std::uint32_t node, std::uint32_t value = 0,
              std::uint32_t pod = 0xFFFF'FFFF) {
  Record r;
  r.at = Time{ms * 1'000'000};
  r.kind = kind;
  r.node = static_cast<NodeId>(node);
  r.value = value;
  r.pod = pod;
  return r;
}

NodeSpec node(const std::string& name, const std::string& group) {
  NodeSpec spec;
  spec.name = name;
  spec.allocatable = {4'000, std::int64_t{16} << 30, 0};
  spec.labels = {{"group", group}};
  return spec;
}

double metric(const RunResult& result, const std::string& name) {
  for (const Metric& m : result.metrics) {
    if (m.name == name) return m.value;
  }
  ADD_FAILURE() << "no metric " << name;
  return 0;
}

constexpr std::uint32_t kNo = 0xFFFF'FFFF;

TEST(NodeMetrics, BillsStartedSecondsAndAMinuteAtLeast) {
  EXPECT_EQ(billed_seconds({-5}), 0);
  EXPECT_EQ(billed_seconds({0}), 0);
  EXPECT_EQ(billed_seconds({1}), 60);
  EXPECT_EQ(billed_seconds(seconds(60)), 60);
  EXPECT_EQ(billed_seconds({60'000'000'001}), 61);
  EXPECT_EQ(billed_seconds(seconds(3600)), 3600);
}

// A node of the beginning at 3.60 USD an hour (0.001 a second) for 1000 s; a spot node at 0.36, asked for at 100 s,
// there from 150 s to 180.5 s, 81 s of rent; one without a price, asked for at 190 s, gone at 200 s: 60 s of rent at 0.
TEST(NodeMetrics, CostByHand) {
  std::vector<NodeSpec> nodes{node("a", "dear")};
  nodes.reserve(3);
  NodeMetricsFold fold({{"group", "dear", 3.6}, {"group", "spot", 0.36}, {"group", "spot", 100}});
  Catalog catalog;
  Cluster cluster(catalog);
  cluster.add_node(nodes[0]);
  fold.begin({&catalog, cluster, nullptr, nullptr});
  cluster.add_node(node("b", "spot"));
  cluster.add_node(node("c", "other"));
  const std::vector<Record> records{
      record(100'000, RecordKind::kNodeRequested, kNo, 1), record(120'000, RecordKind::kPodCreated, kNo, 0, 0),
      record(150'000, RecordKind::kNodeJoined, 1, 50'000), record(160'000, RecordKind::kNodeReady, 1),
      record(165'000, RecordKind::kPodScheduled, 1, 0, 0), record(166'000, RecordKind::kPodCreated, kNo, 0, 1),
      record(166'000, RecordKind::kPodScheduled, 1, 0, 1),  // Came after the node did: it did not wait for it.
      record(180'500, RecordKind::kNodeLeft, 1),           record(190'000, RecordKind::kNodeRequested, kNo, 2),
      record(190'000, RecordKind::kNodeJoined, 2, 0),      record(200'000, RecordKind::kNodeLeft, 2),
      record(300'000, RecordKind::kNodeRequested, kNo, 3),  // Never joins.
  };
  fold.write(records);
  fold.finish(Time{} + seconds(1000));
  RunResult result;
  fold.add_to(result);
  ASSERT_EQ(result.metrics.size(), node_metrics().size());
  EXPECT_NEAR(metric(result, "cost_usd"), 1.0 + 81 * 0.0001, 1e-12);
  EXPECT_NEAR(metric(result, "cost_usd_per_hour_mean"), (1.0 + 81 * 0.0001) * 3.6, 1e-12);
  EXPECT_NEAR(metric(result, "node_hours"), (1000 + 81 + 60) / 3600.0, 1e-12);
  EXPECT_NEAR(metric(result, "nodes_mean"), (1000 + 30.5 + 10) / 1000, 1e-12);
  EXPECT_EQ(metric(result, "nodes_max"), 2);
  EXPECT_EQ(metric(result, "nodes_requested"), 3);
  EXPECT_EQ(metric(result, "nodes_joined"), 2);
  EXPECT_EQ(metric(result, "nodes_removed"), 2);
  EXPECT_NEAR(metric(result, "node_start_seconds_mean"), 60, 1e-9);
  EXPECT_NEAR(metric(result, "pending_to_node_ready_seconds_mean"), 40, 1e-9);
  EXPECT_NEAR(metric(result, "pending_to_node_ready_seconds_max"), 40, 1e-9);
}

TEST(NodeMetrics, WithoutJoinsWaitsAreNotDefined) {
  const std::vector<NodeSpec> nodes{node("a", "x"), node("b", "x")};
  NodeMetricsFold fold({});
  Catalog catalog;
  fold.begin({&catalog, nodes, nullptr, nullptr});
  fold.finish(Time{} + seconds(10));
  RunResult result;
  fold.add_to(result);
  EXPECT_EQ(metric(result, "cost_usd"), 0);
  EXPECT_EQ(metric(result, "nodes_mean"), 2);
  EXPECT_NEAR(metric(result, "node_hours"), 120 / 3600.0, 1e-12);  // A minute each at least.
  EXPECT_TRUE(std::isnan(metric(result, "pending_to_node_ready_seconds_mean")));
}

// Half of 4 CPUs are requested all along; from 50 s to 75 s of 100 s there is a second such node.
// Requested: 2 · 100; there: 4 · 100 + 4 · 25 CPU seconds.
TEST(NodeMetrics, AllocationIsOfWhatIsThere) {
  Cluster cluster{Catalog{}};
  cluster.add_node(node("a", "x"));
  PodTemplate t;
  t.request = {2'000, 0, 0};
  const TemplateId id = cluster.catalog().intern(t);
  MetricsFold fold({.window = Time{} + seconds(100), .points = 4, .mix = {}});
  fold.begin({&cluster.catalog(), cluster, nullptr, nullptr});
  cluster.add_node(node("b", "x"));
  std::vector<Record> records{record(0, RecordKind::kPodCreated, kNo, 0, 0),
                              record(0, RecordKind::kPodScheduled, 0, 0, 0), record(50'000, RecordKind::kNodeJoined, 1),
                              record(75'000, RecordKind::kNodeLeft, 1)};
  for (Record& r : records) r.pod_template = id;
  fold.write(records);
  fold.finish(Time{} + seconds(100));
  const RunResult result = fold.result();
  EXPECT_NEAR(metric(result, "cpu_allocation_pct_mean"), 40, 1e-9);
  const Series& curve = result.series.front();
  EXPECT_EQ(curve.name, "cpu_allocation_pct");
  ASSERT_EQ(curve.y.size(), 4U);
  EXPECT_NEAR(curve.y[0], 50, 1e-6);
  EXPECT_NEAR(curve.y[2], 25, 1e-6);
  EXPECT_NEAR(curve.y[3], 50, 1e-6);
}

}  // namespace
}  // namespace berth::test
