// When faults strike: laws against their closed forms, and streams that do not meet.
#include "workloads/faults/fault_draw.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "sim/engine/error.hpp"
#include "tests/support/shared_data.hpp"
#include "tests/support/temp_dir.hpp"

namespace berth {
namespace {

FaultPlan plan_of(const std::string& faults) {
  return read_fault_plan("apiVersion: berth.dev/v1alpha1\nkind: FaultPlan\nfaults:\n" + faults, "p.yaml", ".");
}

// Every third one of pool "b"; zones a, b, c in turn.
std::vector<NodeSpec> nodes_of(std::size_t count) {
  std::vector<NodeSpec> nodes(count);
  for (std::size_t i = 0; i < count; ++i) {
    nodes[i].name = "n" + std::to_string(i);
    nodes[i].labels = {{"pool", i % 3 == 0 ? "b" : "a"},
                       {"topology.kubernetes.io/zone", std::string(1, static_cast<char>('a' + i % 3))}};
  }
  return nodes;
}

Time at_hour(double h) {
  return Time{} + from_seconds(h * 3600);
}

std::vector<FaultEvent> of_fault(const std::vector<FaultEvent>& events, std::uint32_t fault) {
  std::vector<FaultEvent> out;
  for (const FaultEvent& e : events) {
    if (e.fault == fault) out.push_back(e);
  }
  return out;
}

TEST(FaultDraw, AtATimeOnAllThatMatch) {
  const auto events = draw(plan_of("- {kind: nodeCrash, at: 10m, target: {selector: {pool: b}}, duration: 5m}\n"
                                   "- {kind: nodeHang, at: 5m, target: {node: n4}}\n"
                                   "- {kind: badImage, image: 'x:1', from: 1m, to: 20m}\n"
                                   "- {kind: nodeCrash, at: 3h}\n"),
                           nodes_of(7), at_hour(1), {});
  const std::vector<FaultEvent> expected = {
      {Time{} + seconds(60), Time{} + seconds(1'200), FaultKind::kBadImage, 2, kNoOrdinal, "x:1"},
      {Time{} + seconds(300), kNever, FaultKind::kNodeHang, 1, 4, "n4"},
      {Time{} + seconds(600), Time{} + seconds(900), FaultKind::kNodeCrash, 0, 0, "n0"},
      {Time{} + seconds(600), Time{} + seconds(900), FaultKind::kNodeCrash, 0, 3, "n3"},
      {Time{} + seconds(600), Time{} + seconds(900), FaultKind::kNodeCrash, 0, 6, "n6"}};
  EXPECT_EQ(events, expected);
}

// 2,000 nodes for 100 h at 0.05 per hour, over at once: a Poisson process of mean 10,000; gaps of mean 20 h.
TEST(FaultDraw, RatesArePoisson) {
  const auto events =
      draw(plan_of("- {kind: nodeCrash, ratePerHour: 0.05, duration: '0'}\n"), nodes_of(2'000), at_hour(100), {7, 0});
  EXPECT_NEAR(static_cast<double>(events.size()), 10'000, 500);  // Five standard deviations.
  EXPECT_TRUE(std::ranges::is_sorted(events, {}, &FaultEvent::at));
  std::vector<int> per_node(2'000);
  for (const FaultEvent& e : events) ++per_node[e.node];
  double square = 0;
  for (const int n : per_node) square += (n - 5.0) * (n - 5.0);
  EXPECT_NEAR(square / 2'000, 5, 0.85);  // Variance 5; its standard error sqrt((2 * 25 + 5) / 2000) = 0.166.
}

// One crash each, for good: the times of 20,000 nodes are Weibull variates of mean 10 h * Gamma(1.5) = 8.862 h and
// variance 100 (Gamma(2) - Gamma(1.5)^2) = 21.46 h^2.
TEST(FaultDraw, HazardsAreWeibull) {
  const auto events = draw(plan_of("- {kind: nodeCrash, hazard: 'weibull(shape=2, scale=10h)'}\n"), nodes_of(20'000),
                           at_hour(1'000), {3, 1});
  ASSERT_EQ(events.size(), 20'000U);
  double sum = 0;
  double square = 0;
  std::size_t late = 0;
  for (const FaultEvent& e : events) {
    const double h = e.at.seconds() / 3600;
    sum += h;
    square += h * h;
    late += h > 10 ? 1 : 0;
    EXPECT_EQ(e.end, kNever);
  }
  const double mean = sum / 20'000;
  EXPECT_NEAR(mean, 8.862269, 5 * std::sqrt(21.46 / 20'000));
  EXPECT_NEAR(square / 20'000 - mean * mean, 21.46, 1.1);
  EXPECT_NEAR(static_cast<double>(late) / 20'000, std::exp(-1), 5 * std::sqrt(0.2325 / 20'000));
}

TEST(FaultDraw, ANodeThatIsDownDoesNotFail) {
  const auto events =
      draw(plan_of("- {kind: nodeReboot, ratePerHour: 10, duration: 30m}\n"), nodes_of(50), at_hour(100), {});
  std::map<std::uint32_t, Time> up_since;
  for (const FaultEvent& e : events) {
    EXPECT_EQ(e.end, e.at + seconds(1'800));
    EXPECT_GE(e.at, up_since[e.node]);
    up_since[e.node] = e.end;
  }
  // A cycle takes 6 min up and 30 min down: 100 h / 0.6 h = 167 of 50 nodes each.
  EXPECT_NEAR(static_cast<double>(events.size()), 50 * 166.7, 120);
}

TEST(FaultDraw, CountsAreDrawnEvenly) {
  const FaultPlan plan = plan_of("- {kind: nodeCrash, at: 1m, target: {zone: b, count: 2}}\n");
  const auto nodes = nodes_of(15);  // Five of them in zone b: 1, 4, 7, 10, 13.
  std::map<std::uint32_t, int> hit;
  for (std::uint32_t replication = 0; replication < 1'000; ++replication) {
    const auto events = draw(plan, nodes, at_hour(1), {1, replication});
    ASSERT_EQ(events.size(), 2U);
    EXPECT_LT(events[0].node, events[1].node);
    for (const FaultEvent& e : events) ++hit[e.node];
  }
  ASSERT_EQ(hit.size(), 5U);
  for (const auto& [node, count] : hit) {
    EXPECT_EQ(node % 3, 1U);
    EXPECT_NEAR(count, 400, 78);  // Five standard deviations.
  }
}

TEST(FaultDraw, AZoneIsDrawnIfNoneIsNamed) {
  const FaultPlan plan = plan_of("- {kind: zoneOutage, at: 1m, duration: 1h}\n");
  std::map<std::string, int> hit;
  for (std::uint32_t replication = 0; replication < 900; ++replication) {
    const auto events = draw(plan, nodes_of(10), at_hour(1), {1, replication});
    ASSERT_EQ(events.size(), 1U);
    EXPECT_EQ(events[0].node, kNoOrdinal);
    ++hit[events[0].target];
  }
  ASSERT_EQ(hit.size(), 3U);
  for (const auto& [zone, count] : hit) EXPECT_NEAR(count, 300, 71) << zone;
}

constexpr const char* kTwo =
    "- {kind: nodeCrash, ratePerHour: 0.1, duration: 'exponential(mean=10m)'}\n"
    "- {kind: registrySlow, host: h, factor: 3, ratePerHour: 0.5, duration: 'exponential(mean=10m)'}\n";

TEST(FaultDraw, AddingAFaultMovesNoOther) {
  const auto nodes = nodes_of(30);
  const auto two = draw(plan_of(kTwo), nodes, at_hour(200), {5, 2});
  const auto three = draw(plan_of(std::string(kTwo) + "- {kind: nodeHang, ratePerHour: 1, duration: 1m}\n"), nodes,
                          at_hour(200), {5, 2});
  ASSERT_GT(of_fault(two, 0).size(), 100U);
  ASSERT_GT(of_fault(two, 1).size(), 30U);
  for (const std::uint32_t fault : {0U, 1U}) EXPECT_EQ(of_fault(two, fault), of_fault(three, fault));
  // In front of them, if the streams are named.
  const auto front =
      draw(plan_of("- {kind: nodeHang, ratePerHour: 1, duration: 1m, stream: 9}\n"
                   "- {kind: nodeCrash, ratePerHour: 0.1, duration: 'exponential(mean=10m)', stream: 0}\n"),
           nodes, at_hour(200), {5, 2});
  const auto before = of_fault(two, 0);
  const auto after = of_fault(front, 1);
  ASSERT_EQ(before.size(), after.size());
  for (std::size_t i = 0; i < before.size(); ++i) EXPECT_EQ(before[i].at, after[i].at);
}

TEST(FaultDraw, AddingANodeMovesNoOther) {
  const FaultPlan plan = plan_of(kTwo);
  const auto few = draw(plan, nodes_of(30), at_hour(200), {5, 2});
  auto more = draw(plan, nodes_of(31), at_hour(200), {5, 2});
  std::erase_if(more, [](const FaultEvent& e) { return e.node == 30; });
  EXPECT_EQ(few, more);
}

TEST(FaultDraw, SeedsAndReplicationsDiffer) {
  const FaultPlan plan = plan_of(kTwo);
  const auto nodes = nodes_of(30);
  const auto one = draw(plan, nodes, at_hour(100), {5, 2});
  EXPECT_EQ(one, draw(plan, nodes, at_hour(100), {5, 2}));
  EXPECT_NE(one, draw(plan, nodes, at_hour(100), {6, 2}));
  EXPECT_NE(one, draw(plan, nodes, at_hour(100), {5, 3}));
}

// A horizon cuts off and changes nothing before it.
TEST(FaultDraw, HorizonsCut) {
  const FaultPlan plan = plan_of(kTwo);
  auto far = draw(plan, nodes_of(30), at_hour(200), {});
  std::erase_if(far, [](const FaultEvent& e) { return e.at > at_hour(50); });
  EXPECT_EQ(far, draw(plan, nodes_of(30), at_hour(50), {}));
}

TEST(FaultDraw, ANodeThatJoinsLaterHasItsOwnFaults) {
  const FaultPlan plan = plan_of(
      "- {kind: nodeCrash, ratePerHour: 0.5, duration: 1m}\n"
      "- {kind: nodeHang, at: 2h, duration: 1m}\n"
      "- {kind: nodeHang, at: 30m, duration: 1m}\n"
      "- {kind: nodeCrash, at: 3h, target: {count: 1}}\n");
  const auto nodes = nodes_of(12);
  // One that is there from the beginning: as in draw().
  auto all = draw(plan, nodes, at_hour(100), {4, 0});
  std::erase_if(all, [](const FaultEvent& e) { return e.node != 7 || e.fault == 3; });
  EXPECT_EQ(all, for_node(plan, nodes[7], 7, Time{}, at_hour(100), {4, 0}));
  // One that joins after an hour: what is drawn is moved by that hour, and what was before it does not strike.
  const auto later = for_node(plan, nodes[7], 7, at_hour(1), at_hour(101), {4, 0});
  const auto drawn = of_fault(all, 0);
  const auto moved = of_fault(later, 0);
  ASSERT_EQ(drawn.size(), moved.size());
  for (std::size_t i = 0; i < drawn.size(); ++i) EXPECT_EQ(moved[i].at, drawn[i].at + seconds(3'600));
  EXPECT_EQ(of_fault(later, 1).size(), 1U);
  EXPECT_TRUE(of_fault(later, 2).empty());
  EXPECT_TRUE(of_fault(later, 3).empty());
}

TEST(FaultDraw, ContainersCrashByTheirHazard) {
  const FaultPlan plan = plan_of(
      "- {kind: containerCrash, pods: {selector: {app: web}}, ratePerHour: 1, exitCode: 9}\n"
      "- {kind: containerCrash, pods: {namespace: shop}, ratePerHour: 3}\n");
  EXPECT_TRUE(draw(plan, nodes_of(3), at_hour(10), {}).empty());  // They are drawn as containers start.
  const std::vector<Label> web = {{"app", "web"}};
  double alone = 0;
  double both = 0;
  std::size_t by_second = 0;
  for (std::uint32_t pod = 0; pod < 10'000; ++pod) {
    const ContainerCrash one = container_crash(plan, {"default", web, "main", pod, 0, 0}, {});
    EXPECT_EQ(one.exit_code, 9);
    alone += one.after.seconds() / 3600;
    const ContainerCrash two = container_crash(plan, {"shop", web, "main", pod, 0, 0}, {});
    both += two.after.seconds() / 3600;
    by_second += two.fault;
  }
  EXPECT_NEAR(alone / 10'000, 1, 0.05);      // Mean 1 h, five standard errors.
  EXPECT_NEAR(both / 10'000, 0.25, 0.0125);  // The first of rates 1 and 3.
  EXPECT_NEAR(static_cast<double>(by_second) / 10'000, 0.75, 0.022);
  EXPECT_EQ(container_crash(plan, {"default", {}, "main", 0, 0, 0}, {}).after, kForever);
  // Another start, container or pod is another draw; the same one is not.
  const StartedContainer base{"default", web, "main", 1, 0, 0};
  const Duration first = container_crash(plan, base, {}).after;
  EXPECT_EQ(container_crash(plan, base, {}).after, first);
  for (const StartedContainer& other :
       {StartedContainer{"default", web, "main", 2, 0, 0}, StartedContainer{"default", web, "main", 1, 1, 0},
        StartedContainer{"default", web, "main", 1, 0, 1}}) {
    EXPECT_NE(container_crash(plan, other, {}).after, first);
  }
}

TEST(FaultDraw, WhatDoesNotExistIsAnError) {
  const auto message = [](const char* faults) -> std::string {
    try {
      draw(plan_of(faults), nodes_of(12), at_hour(1'000), {});
    } catch (const InputError& error) {
      return error.what();
    }
    return "no error";
  };
  EXPECT_EQ(
      message("- {kind: nodeCrash, at: 1s, target: {node: n12}}\n"),
      "p.yaml:4:37: faults[0].target names the node \"n12\"; expected one of the cluster's 12 nodes; did you mean "
      "\"n1\"?");
  EXPECT_EQ(message("- {kind: nodeCrash, at: 1s, target: {zone: a, count: 5}}\n"),
            "p.yaml:4:37: faults[0].target wants 5 nodes; expected at most the 4 that match");
  EXPECT_EQ(message("- {kind: zoneOutage, at: 1s, zone: d}\n"),
            "p.yaml:4:36: faults[0].zone is \"d\"; expected one of the cluster's zones; did you mean \"a\"?");
  EXPECT_TRUE(message("- {kind: nodeCrash, ratePerHour: 3600, duration: '0'}\n")
                  .starts_with("fault \"nodeCrash-0\" strikes more"));
}

// --- Spot machines ---------------------------------------------------------------------------------------------------

// Reclaimed at 1, 3 and 5; seen last at 2 and 5. At risk: 5, 3, 2. S = 4/5, 8/15, 4/15.
TEST(SpotLifetimes, ProductLimitByHand) {
  const SpotLifetimes lives(
      {{seconds(5), false}, {seconds(1), true}, {seconds(3), true}, {seconds(2), false}, {seconds(5), true}});
  EXPECT_EQ(lives.machines(), 5U);
  EXPECT_EQ(lives.reclaimed(), 3U);
  EXPECT_DOUBLE_EQ(lives.survival(milliseconds(999)), 1);
  EXPECT_DOUBLE_EQ(lives.survival(seconds(1)), 0.8);
  EXPECT_DOUBLE_EQ(lives.survival(seconds(2)), 0.8);
  EXPECT_DOUBLE_EQ(lives.survival(seconds(3)), 8.0 / 15);
  EXPECT_DOUBLE_EQ(lives.survival(seconds(5)), 4.0 / 15);
  // Beyond: three reclaimed in 16 machine-seconds.
  EXPECT_NEAR(lives.survival(seconds(5) + from_seconds(16.0 / 3)), 4.0 / 15 * std::exp(-1), 1e-9);
  EXPECT_DOUBLE_EQ(lives.mean_seconds(), 0.2 + 3 * (0.8 - 8.0 / 15) + 5 * 4.0 / 15 + 4.0 / 15 * (5 + 16.0 / 3));
}

TEST(SpotLifetimes, DrawsFollowTheEstimate) {
  const SpotLifetimes lives(
      {{seconds(5), false}, {seconds(1), true}, {seconds(3), true}, {seconds(2), false}, {seconds(5), true}});
  Rng rng(1, 0, 0, Purpose::kTest);
  std::map<std::int64_t, int> exactly;
  int beyond = 0;
  double sum = 0;
  for (int i = 0; i < 30'000; ++i) {
    const Duration d = lives.draw(rng);
    sum += d.seconds();
    if (d > seconds(5)) {
      ++beyond;
    } else {
      ++exactly[d.ns / 1'000'000'000];
    }
  }
  ASSERT_EQ(exactly.size(), 3U);
  EXPECT_NEAR(exactly[1], 6'000, 350);  // Five standard deviations each.
  EXPECT_NEAR(exactly[3], 8'000, 385);
  EXPECT_NEAR(exactly[5], 8'000, 385);
  EXPECT_NEAR(beyond, 8'000, 385);
  EXPECT_NEAR(sum / 30'000, lives.mean_seconds(), 0.15);
}

TEST(SpotLifetimes, ALogByHand) {
  const test::TempFile file(
      "log,t_s,event,instance,zone\n"
      "x,0,created,a,z\n"  // a: 0 … 100
      "x,5,up,b,z\n"       // Not created.
      "x,10,create_failed,,\n"
      "x,40,created,c,z\n"  // c: 40 … 70, then still there.
      "x,70,up,c,z\n"
      "y,3,created,a,z\n"  // Another log's a: 3 … 3.
      "x,100,down,a,z\n"
      "x,101,deleted,a,\n"   // Gone already.
      "x,200,created,a,z\n"  // A second life: 200 … 260.
      "x,260,deleted,a,z\n");
  ImportReport report;
  const SpotLifetimes lives = read_spot_lifetimes(file.path(), "x", report);
  EXPECT_EQ(lives.machines(), 3U);
  EXPECT_EQ(lives.reclaimed(), 2U);
  EXPECT_EQ(report.rows_read, 10U);
  EXPECT_EQ(report.rows_used, 6U);
  std::uint64_t skipped = 0;
  for (const auto& s : report.skipped) skipped += s.rows;
  EXPECT_EQ(skipped, 4U);
  EXPECT_DOUBLE_EQ(lives.survival(seconds(60)), 0.5);  // At risk at 60 s: the two that were reclaimed.
  EXPECT_THROW(read_spot_lifetimes(file.path(), "z", report), InputError);
}

TEST(SpotLifetimes, BadLogs) {
  for (const char* text : {"t_ms,event,node\n5,add,a\n4,remove,a\n", "t_ms,event,node\n5,join,a\n", "t_ms,event,node\n",
                           "log,t_s,event,instance\nx,1,gone,a\n", "log,t_s,event,instance\nx,1,created,a\n",
                           "log,t_s,event,instance\nx,2,created,a\nx,1,down,a\n", "a,b\n1,2\n"}) {
    const test::TempFile file(text);
    ImportReport report;
    EXPECT_THROW(read_spot_lifetimes(file.path(), "", report), InputError) << text;
  }
}

// Counts by README.md and by counting in the file: 39 machines created on AWS, 32 of them seen down; 423 and 417 rows
// of creation and deletion on Google Cloud.
TEST(SpotLifetimes, ObservedLogs) {
  BERTH_NEEDS_SHARED("data/spot-preemptions/availability_events.csv");
  const auto path = test::shared_dir() / "data/spot-preemptions/availability_events.csv";
  ImportReport report;
  const SpotLifetimes aws = read_spot_lifetimes(path, "aws-2020-03-15", report);
  EXPECT_EQ(aws.machines(), 39U);
  EXPECT_EQ(aws.reclaimed(), 32U);
  EXPECT_EQ(report.rows_read, 6'985U);
  const SpotLifetimes all = read_spot_lifetimes(path, "", report);
  EXPECT_EQ(all.machines(), 39U + 423U);
  EXPECT_EQ(report.rows_read, 6'985U);
  std::uint64_t accounted = report.rows_used;
  for (const auto& s : report.skipped) accounted += s.rows;
  EXPECT_EQ(accounted, 6'985U);
  const SpotLifetimes members =
      read_spot_lifetimes(test::shared_dir() / "data/spot-preemptions/membership_g4dn.csv", "", report);
  EXPECT_EQ(members.machines(), 79U);
  EXPECT_EQ(members.reclaimed(), 74U);
  EXPECT_EQ(report.rows_used, 153U);
}

TEST(FaultDraw, SpotMachinesAreWarnedAndTaken) {
  const test::TempDir folder;
  folder.file("s.csv", "t_ms,event,node\n0,add,a\n0,add,b\n60000,remove,a\n600000,remove,b\n");
  const FaultPlan plan = read_fault_plan(
      "apiVersion: berth.dev/v1alpha1\nkind: FaultPlan\nfaults:\n- {kind: spotReclaim, lifetimes: {file: s.csv}}\n",
      "p.yaml", folder.path());
  auto nodes = nodes_of(400);
  for (std::size_t i = 0; i < nodes.size(); i += 2) nodes[i].labels.push_back({"karpenter.sh/capacity-type", "spot"});
  const auto events = draw(plan, nodes, at_hour(1), {});
  ASSERT_EQ(events.size(), 200U);  // Spot ones alone, each once.
  std::size_t early = 0;
  for (const FaultEvent& e : events) {
    EXPECT_EQ(e.node % 2, 0U);
    if (e.end == Time{} + seconds(60)) {
      EXPECT_EQ(e.at, Time{});  // Two minutes before would be before it was there.
      ++early;
    } else {
      EXPECT_EQ(e.end, Time{} + seconds(600));
      EXPECT_EQ(e.at, Time{} + seconds(480));
    }
  }
  EXPECT_NEAR(static_cast<double>(early), 100, 36);  // Half of them, five standard deviations.
  const auto joined = for_node(plan, nodes[0], 400, at_hour(1), at_hour(2), {});
  ASSERT_EQ(joined.size(), 1U);
  EXPECT_GE(joined[0].at, at_hour(1));
}

}  // namespace
}  // namespace berth
