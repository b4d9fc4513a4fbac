#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <boost/graph/adjacency_list.hpp>
#include <boost/graph/successive_shortest_path_nonnegative_weights.hpp>
#include <cmath>
#include <map>

#include "policies/min_cost_flow_solver.hpp"
#include "policies/registry.hpp"
#include "sim/simulation.hpp"

namespace berth {
namespace {

using testing::ElementsAre;
using Group = MinCostFlowSolver::Group;
using Arc = MinCostFlowSolver::Arc;

constexpr std::int64_t kGiB = std::int64_t{1} << 30;
constexpr std::int64_t kNoArc = -1;

// ---- the solver ----------------------------------------------------------------------------------------------------

// Groups by nodes; kNoArc where a group cannot have a node. Pods are the groups of the pods in queue order.
struct Problem {
  std::size_t nodes = 0;
  std::vector<std::vector<std::int64_t>> cost;
  std::vector<Group> pods;
};

class TableSource final : public MinCostFlowSolver::ArcSource {
 public:
  explicit TableSource(const Problem& problem) : arcs_(problem.cost.size()), asked_(problem.cost.size(), 0) {
    for (std::size_t g = 0; g < arcs_.size(); ++g) {
      for (std::size_t n = 0; n < problem.nodes; ++n) {
        if (problem.cost[g][n] != kNoArc) arcs_[g].push_back({static_cast<NodeId>(n), problem.cost[g][n]});
      }
      std::stable_sort(arcs_[g].begin(), arcs_[g].end(), [](const Arc& a, const Arc& b) { return a.cost < b.cost; });
    }
  }
  bool next(Group group, Arc& out) override {
    if (asked_[group] == arcs_[group].size()) return false;
    out = arcs_[group][asked_[group]++];
    return true;
  }
  std::size_t asked(Group group) const { return asked_[group]; }

 private:
  std::vector<std::vector<Arc>> arcs_;
  std::vector<std::size_t> asked_;
};

struct Solution {
  std::vector<bool> placed;  // By pod.
  std::int64_t cost = 0;     // Of the placements.
  friend bool operator==(const Solution&, const Solution&) = default;
};

Solution solve(const Problem& problem, MinCostFlowSolver& solver) {
  TableSource source(problem);
  solver.begin(problem.nodes);
  for (std::size_t g = 0; g < problem.cost.size(); ++g) EXPECT_EQ(solver.add_group(), g);
  Solution s;
  for (const Group g : problem.pods) s.placed.push_back(solver.add_pod(g, source));
  s.cost = solver.total_cost();

  // What it says of itself: each placed pod has one node, by an arc that is there.
  std::vector<std::int64_t> pods(problem.cost.size(), 0);
  for (std::size_t i = 0; i < problem.pods.size(); ++i) pods[problem.pods[i]] += s.placed[i] ? 1 : 0;
  std::vector<int> times(problem.nodes, 0);
  for (const NodeId node : solver.used()) {
    EXPECT_EQ(++times[index(node)], 1);
    EXPECT_NE(problem.cost[solver.owner(node)][index(node)], kNoArc);
    EXPECT_EQ(problem.cost[solver.owner(node)][index(node)], solver.cost(node));
    --pods[solver.owner(node)];
  }
  EXPECT_THAT(pods, testing::Each(0));
  return s;
}

// "Unscheduled" as a price: for pod i of n, (n - i) times more than any change of placements can save. `most` is the
// highest cost of an arc.
std::int64_t unscheduled_cost(std::size_t i, std::size_t n, std::int64_t most) {
  return static_cast<std::int64_t>(n - i) * (most * static_cast<std::int64_t>(2 * n) + 1);
}

// The whole network written out, unscheduled aggregator and all, for Boost.Graph to solve: the cost of the best flow.
std::int64_t cost_by_boost(const Problem& problem) {
  using Traits = boost::adjacency_list_traits<boost::vecS, boost::vecS, boost::directedS>;
  using Graph = boost::adjacency_list<
      boost::vecS, boost::vecS, boost::directedS, boost::no_property,
      boost::property<boost::edge_capacity_t, std::int64_t,
                      boost::property<boost::edge_residual_capacity_t, std::int64_t,
                                      boost::property<boost::edge_reverse_t, Traits::edge_descriptor,
                                                      boost::property<boost::edge_weight_t, std::int64_t>>>>>;
  const std::size_t groups = problem.cost.size();
  const std::size_t source = groups + problem.nodes, sink = source + 1, unscheduled = source + 2;
  Graph graph(unscheduled + 1);
  const auto link = [&graph](std::size_t from, std::size_t to, std::int64_t capacity, std::int64_t weight) {
    const auto there = boost::add_edge(from, to, graph).first;
    const auto back = boost::add_edge(to, from, graph).first;
    boost::put(boost::edge_capacity, graph, there, capacity);
    boost::put(boost::edge_capacity, graph, back, 0);
    boost::put(boost::edge_weight, graph, there, weight);
    boost::put(boost::edge_weight, graph, back, -weight);
    boost::put(boost::edge_reverse, graph, there, back);
    boost::put(boost::edge_reverse, graph, back, there);
  };
  std::int64_t most = 0;
  for (std::size_t g = 0; g < groups; ++g) {
    link(source, g, std::count(problem.pods.begin(), problem.pods.end(), g), 0);
    for (std::size_t n = 0; n < problem.nodes; ++n) {
      if (problem.cost[g][n] != kNoArc) link(g, groups + n, 1, problem.cost[g][n]);
      most = std::max(most, problem.cost[g][n]);
    }
  }
  for (std::size_t n = 0; n < problem.nodes; ++n) link(groups + n, sink, 1, 0);
  const std::size_t pods = problem.pods.size();
  for (std::size_t i = 0; i < pods; ++i) link(problem.pods[i], unscheduled, 1, unscheduled_cost(i, pods, most));
  link(unscheduled, sink, static_cast<std::int64_t>(pods), 0);
  boost::successive_shortest_path_nonnegative_weights(graph, source, sink);
  std::int64_t cost = 0;
  for (auto [edge, end] = boost::edges(graph); edge != end; ++edge) {
    const std::int64_t capacity = boost::get(boost::edge_capacity, graph, *edge);
    if (capacity == 0) continue;  // The way back of another.
    cost += (capacity - boost::get(boost::edge_residual_capacity, graph, *edge)) *
            boost::get(boost::edge_weight, graph, *edge);
  }
  return cost;
}

std::int64_t cost_with_unscheduled(const Problem& problem, const Solution& s) {
  std::int64_t most = 0;
  for (const auto& row : problem.cost) most = std::max(most, *std::max_element(row.begin(), row.end()));
  std::int64_t cost = s.cost;
  for (std::size_t i = 0; i < s.placed.size(); ++i) {
    if (!s.placed[i]) cost += unscheduled_cost(i, s.placed.size(), most);
  }
  return cost;
}

// All ways to give pods nodes or none: the best by who is placed, first in line first, then by cost.
Solution by_brute_force(const Problem& problem) {
  Solution best{std::vector<bool>(problem.pods.size(), false), 0};
  Solution now = best;
  std::vector<bool> taken(problem.nodes, false);
  const auto search = [&](const auto& self, std::size_t pod) -> void {
    if (pod == problem.pods.size()) {
      if (now.placed > best.placed || (now.placed == best.placed && now.cost < best.cost)) best = now;
      return;
    }
    self(self, pod + 1);
    now.placed[pod] = true;
    for (std::size_t n = 0; n < problem.nodes; ++n) {
      const std::int64_t cost = problem.cost[problem.pods[pod]][n];
      if (taken[n] || cost == kNoArc) continue;
      taken[n] = true;
      now.cost += cost;
      self(self, pod + 1);
      now.cost -= cost;
      taken[n] = false;
    }
    now.placed[pod] = false;
  };
  search(search, 0);
  return best;
}

Problem random_problem(Rng& rng, std::uint32_t most_pods, std::uint32_t most_groups, std::uint32_t most_nodes) {
  Problem problem;
  problem.nodes = 1 + rng.below(most_nodes);
  problem.cost.assign(1 + rng.below(most_groups), std::vector<std::int64_t>(problem.nodes, kNoArc));
  const std::uint32_t arcs_in_8 = 1 + rng.below(8);
  const std::uint32_t costs = rng.below(2) == 0 ? 4 : 1000;  // Many ties, or few.
  for (auto& row : problem.cost) {
    for (std::int64_t& cost : row) {
      if (rng.below(8) < arcs_in_8) cost = rng.below(costs);
    }
  }
  const std::uint32_t pods = 1 + rng.below(most_pods);
  for (std::uint32_t i = 0; i < pods; ++i)
    problem.pods.push_back(rng.below(static_cast<std::uint32_t>(problem.cost.size())));
  return problem;
}

TEST(MinCostFlowSolver, EqualsBoostOnRandomNetworks) {
  MinCostFlowSolver solver;  // One for all: begin() must forget.
  std::size_t with_unscheduled = 0;
  for (std::uint32_t seed = 0; seed < 1000; ++seed) {
    SCOPED_TRACE(testing::Message() << "seed=" << seed);
    Rng rng(seed, 0, 0, Purpose::kTest);
    const Problem problem = random_problem(rng, 20, 8, 16);
    const Solution s = solve(problem, solver);
    ASSERT_EQ(cost_with_unscheduled(problem, s), cost_by_boost(problem));
    with_unscheduled += std::count(s.placed.begin(), s.placed.end(), false) > 0 ? 1 : 0;
  }
  EXPECT_GT(with_unscheduled, 200U);  // Both kinds of network are met.
  EXPECT_LT(with_unscheduled, 800U);
}

TEST(MinCostFlowSolver, EqualsBoostOnCrowdedNetworks) {
  // Costs as schedulers see them: all groups agree more or less on which nodes are good, so paths are long.
  MinCostFlowSolver solver;
  for (std::uint32_t seed = 0; seed < 20; ++seed) {
    SCOPED_TRACE(testing::Message() << "seed=" << seed);
    Rng rng(seed, 0, 1, Purpose::kTest);
    Problem problem;
    problem.nodes = 60;
    problem.cost.assign(30, std::vector<std::int64_t>(problem.nodes, kNoArc));
    for (auto& row : problem.cost) {
      for (std::size_t n = 0; n < row.size(); ++n) {
        if (rng.below(10) > 0) row[n] = static_cast<std::int64_t>(1000 * n + rng.below(4000));
      }
    }
    for (int i = 0; i < 70; ++i) problem.pods.push_back(rng.below(30));
    ASSERT_EQ(cost_with_unscheduled(problem, solve(problem, solver)), cost_by_boost(problem));
  }
}

TEST(MinCostFlowSolver, EqualsBruteForceOnTinyNetworks) {
  MinCostFlowSolver solver;
  for (std::uint32_t seed = 0; seed < 1000; ++seed) {
    SCOPED_TRACE(testing::Message() << "seed=" << seed);
    Rng rng(seed, 0, 2, Purpose::kTest);
    const Problem problem = random_problem(rng, 5, 4, 5);
    const Solution expected = by_brute_force(problem);
    const Solution s = solve(problem, solver);
    ASSERT_EQ(s.placed, expected.placed);
    ASSERT_EQ(s.cost, expected.cost);
  }
}

TEST(MinCostFlowSolver, AsksForNoMoreArcsThanPods) {
  for (std::uint32_t seed = 0; seed < 100; ++seed) {
    SCOPED_TRACE(testing::Message() << "seed=" << seed);
    Rng rng(seed, 0, 3, Purpose::kTest);
    const Problem problem = random_problem(rng, 6, 4, 40);
    TableSource source(problem);
    MinCostFlowSolver solver;
    solver.begin(problem.nodes);
    for (std::size_t g = 0; g < problem.cost.size(); ++g) solver.add_group();
    for (std::size_t i = 0; i < problem.pods.size(); ++i) {
      solver.add_pod(problem.pods[i], source);
      for (Group g = 0; g < problem.cost.size(); ++g) ASSERT_LE(source.asked(g), i + 1);
    }
  }
}

TEST(MinCostFlowSolver, TellsWhichGroupsAreLost) {
  // Groups 0 and 1 can have node 0 alone, group 2 can have nodes 0 and 1.
  const Problem problem{2, {{5, kNoArc}, {5, kNoArc}, {1, 9}}, {}};
  TableSource source(problem);
  MinCostFlowSolver solver;
  solver.begin(2);
  for (int g = 0; g < 3; ++g) solver.add_group();
  EXPECT_TRUE(solver.add_pod(0, source));
  EXPECT_FALSE(solver.add_pod(1, source));
  EXPECT_THAT(solver.lost(), testing::UnorderedElementsAre(0, 1));
  EXPECT_FALSE(solver.add_pod(0, source));
  EXPECT_TRUE(solver.add_pod(2, source));
  EXPECT_EQ(solver.owner(NodeId{1}), 2U);
  EXPECT_EQ(solver.total_cost(), 14);
}

// ---- the scheduler -------------------------------------------------------------------------------------------------

NodeSpec node(std::int64_t cpu_milli, std::int64_t memory_bytes = 0) {
  NodeSpec spec;
  spec.name = "n";
  spec.allocatable.cpu_milli = cpu_milli;
  spec.allocatable.memory_bytes = memory_bytes;
  return spec;
}

PodTemplate asks(std::int64_t cpu_milli, std::int64_t memory_bytes = 0) {
  PodTemplate t;
  t.request.cpu_milli = cpu_milli;
  t.request.memory_bytes = memory_bytes;
  return t;
}

// A cluster with a scheduler and nothing else: pods come by add(), and leave by remove().
class Desk {
 public:
  explicit Desk(const std::vector<NodeSpec>& nodes, const std::string& policy = "min-cost-flow")
      : cluster_(Catalog()), actions_(cluster_, engine_, journal_, {}), rng_(0, 0, 0, Purpose::kTest) {
    for (const NodeSpec& spec : nodes) cluster_.add_node(spec);
    scheduler_ = Registry<Scheduler>::instance().make(PolicySpec::parse(policy, "test"));
    scheduler_->prepare(cluster_, {});
  }
  PodId add(const PodTemplate& t) { return actions_.create(cluster_.catalog().intern(t), kForever, {}, 0); }
  void remove(PodId pod) { cluster_.remove(pod); }
  void schedule() { scheduler_->schedule({cluster_, Time{}, rng_}, actions_); }
  // The pods' nodes after schedule(); -1 = waits.
  std::vector<int> place(const std::vector<PodTemplate>& templates) {
    std::vector<PodId> pods;
    for (const PodTemplate& t : templates) pods.push_back(add(t));
    schedule();
    std::vector<int> at;
    for (const PodId pod : pods) at.push_back(node_of(pod));
    return at;
  }
  int node_of(PodId pod) const {
    const NodeId n = cluster_.pods().node[index(pod)];
    return n == kNoNode ? -1 : static_cast<int>(index(n));
  }
  Cluster& cluster() { return cluster_; }
  Actions& actions() { return actions_; }

 private:
  Cluster cluster_;
  Engine<Event> engine_;
  Journal journal_;
  Actions actions_;
  Rng rng_;
  std::unique_ptr<Scheduler> scheduler_;
};

TEST(MinCostFlow, IsRegisteredWithItsParameters) {
  std::vector<std::string> params;
  for (const auto& info : Registry<Scheduler>::instance().list()) {
    if (info.name != "min-cost-flow") continue;
    for (const auto& p : info.params) params.push_back(p.name + "=" + p.fallback);
  }
  EXPECT_THAT(params, ElementsAre("batch=512", "rounds=0"));
  const auto make = [](const char* text) {
    return Registry<Scheduler>::instance().make(PolicySpec::parse(text, "test"));
  };
  EXPECT_THROW(make("min-cost-flow(batch=0)"), InputError);
  EXPECT_THROW(make("min-cost-flow(bach=4)"), InputError);
  EXPECT_NE(make("min-cost-flow(batch=4, rounds=1)"), nullptr);
}

TEST(MinCostFlow, OnePodTakesTheCheapestNode) {
  // Shares with the pod: 3/4, 1/2, 3/5 of cpu.
  EXPECT_THAT(Desk({node(4000), node(6000), node(5000)}).place({asks(3000)}), ElementsAre(1));
  // Equal: the lowest.
  EXPECT_THAT(Desk({node(4000), node(6000), node(6000)}).place({asks(3000)}), ElementsAre(1));
  EXPECT_THAT(Desk({node(2000), node(2000)}).place({asks(3000)}), ElementsAre(-1));
}

TEST(MinCostFlow, ImbalanceCosts) {
  // cpu 0.2, memory 0.78: mean 0.49, variance 0.29^2 = 0.0841, together 0.5741. cpu and memory 0.5: 0.5.
  EXPECT_THAT(Desk({node(5000, 100 * kGiB), node(2000, 156 * kGiB)}).place({asks(1000, 78 * kGiB)}), ElementsAre(1));
  // cpu 0.2, memory 0.7: mean 0.45, variance 0.25^2 = 0.0625, together 0.5125. cpu and memory 0.55: 0.55.
  EXPECT_THAT(Desk({node(5500, 110 * kGiB), node(2000, 140 * kGiB)}).place({asks(1100, 77 * kGiB)}), ElementsAre(0));
}

TEST(MinCostFlow, GpusCountForPodsThatAskForThem) {
  // The first node: cpu and memory 0.1, GPU 1/1: mean 0.4, variance (2 · 0.3^2 + 0.6^2) / 3 = 0.18, together 0.58.
  // The second: cpu and memory 0.5, GPU 1/4: mean 0.4167, variance (2 · 0.0833^2 + 0.1667^2) / 3 = 0.0139, together
  // 0.4306.
  const auto nodes = [](Catalog& catalog) {
    NodeSpec first = node(10'000, 10 * kGiB);
    NodeSpec second = node(2000, 2 * kGiB);
    first.gpu_model = second.gpu_model = catalog.gpu_model("T4");
    first.gpu_count = 1;
    second.gpu_count = 4;
    return std::vector{first, second};
  };
  Catalog catalog;
  PodTemplate with_gpu = asks(1000, kGiB);
  with_gpu.gpu = {1, 1000, 0};
  EXPECT_THAT(Desk(nodes(catalog)).place({with_gpu}), ElementsAre(1));
  EXPECT_THAT(Desk(nodes(catalog)).place({asks(1000, kGiB)}), ElementsAre(0));
}

TEST(MinCostFlow, PlacesTogetherWhatIsCheaperTogether) {
  // cpu shares: the first pod 0.25 or 0.5, the second 0.5 or 1. One by one the first takes node 0 (0.25 + 1 = 1.25 if
  // the other goes to node 1); together the first on node 1 and the second on node 0 cost 0.5 + 0.5 = 1.
  const std::vector<NodeSpec> nodes{node(4000), node(2000)};
  const std::vector<PodTemplate> pods{asks(1000), asks(2000)};
  EXPECT_THAT(Desk(nodes).place(pods), ElementsAre(1, 0));
  // In batches of one, the first goes to 0 (0.25), then the second finds 3000/4000 there against 2000/2000.
  EXPECT_THAT(Desk(nodes, "min-cost-flow(batch=1)").place(pods), ElementsAre(0, 0));
}

TEST(MinCostFlow, PlacesAsManyAsItCan) {
  // The small pod would rather have node 1 (1/6 against 1/2), but the big one fits nowhere else.
  EXPECT_THAT(Desk({node(2000), node(6000)}, "min-cost-flow(rounds=1)").place({asks(1000), asks(5500)}),
              ElementsAre(0, 1));
}

TEST(MinCostFlow, WhoIsFirstInLineGoesFirst) {
  EXPECT_THAT(Desk({node(2000)}).place({asks(1500), asks(2000)}), ElementsAre(0, -1));
  EXPECT_THAT(Desk({node(2000)}).place({asks(2000), asks(1500)}), ElementsAre(0, -1));
  PodTemplate urgent = asks(2000);
  urgent.priority = 7;
  EXPECT_THAT(Desk({node(2000)}).place({asks(1500), urgent}), ElementsAre(-1, 0));
  // Within a template too, and the oldest gets the cheapest node: 1/4, then 1/2.
  EXPECT_THAT(Desk({node(2000), node(4000)}, "min-cost-flow(rounds=1)").place({asks(1000), asks(1000), asks(1000)}),
              ElementsAre(1, 0, -1));
}

TEST(MinCostFlow, OnePodPerNodeAndRound) {
  const std::vector<PodTemplate> five(5, asks(1000));
  EXPECT_THAT(Desk({node(4000), node(4000)}, "min-cost-flow(rounds=1)").place(five), ElementsAre(0, 1, -1, -1, -1));
  EXPECT_THAT(Desk({node(4000), node(4000)}, "min-cost-flow(rounds=2)").place(five), ElementsAre(0, 1, 0, 1, -1));
  EXPECT_THAT(Desk({node(4000), node(4000)}).place(five), ElementsAre(0, 1, 0, 1, 0));
  EXPECT_THAT(Desk({node(9000), node(9000)}, "min-cost-flow(batch=1, rounds=2)").place(five),
              ElementsAre(0, 1, -1, -1, -1));
  // Pods that fit nowhere take no place in the batch.
  EXPECT_THAT(Desk({node(4000)}, "min-cost-flow(batch=1)").place({asks(5000), asks(6000), asks(4000)}),
              ElementsAre(-1, -1, 0));
}

TEST(MinCostFlow, RespectsGpus) {
  Catalog catalog;  // Numbers "T4" 0 and "P100" 1, as below.
  NodeSpec t4 = node(64'000, 64 * kGiB);
  t4.gpu_model = catalog.gpu_model("T4");
  t4.gpu_count = 2;
  NodeSpec p100 = t4;
  p100.gpu_model = catalog.gpu_model("P100");
  Desk desk({node(64'000, 64 * kGiB), t4, p100});
  const auto gpu = [](std::uint16_t count, std::uint16_t milli, std::uint64_t models) {
    PodTemplate t = asks(1000, kGiB);
    t.gpu = {count, milli, models};
    return t;
  };
  // Two shares of 600 take both T4s, so a whole T4 waits, as does a share of 500; the P100s hold 1 whole and 2 halves.
  EXPECT_THAT(desk.place({gpu(1, 600, 1), gpu(1, 600, 1), gpu(1, 1000, 1), gpu(1, 500, 1)}), ElementsAre(1, 1, -1, -1));
  EXPECT_THAT(desk.place({gpu(1, 1000, 2), gpu(1, 500, 2), gpu(1, 500, 2), gpu(1, 100, 2)}), ElementsAre(2, 2, 2, -1));
  EXPECT_EQ(desk.cluster().verify(), "");
}

TEST(MinCostFlow, WaitingPodsGetRoomWhenThereIsRoom) {
  Desk desk({node(2000), node(2000)});
  const PodId first = desk.add(asks(2000));
  const PodId second = desk.add(asks(2000));
  const PodId too_big = desk.add(asks(3000));
  const PodId small = desk.add(asks(1000));
  const PodId big = desk.add(asks(2000));
  desk.schedule();
  desk.schedule();
  EXPECT_EQ(desk.node_of(first), 0);
  EXPECT_EQ(desk.node_of(second), 1);
  EXPECT_EQ(desk.node_of(small), -1);
  desk.remove(second);
  desk.schedule();
  EXPECT_EQ(desk.node_of(small), 1);
  EXPECT_EQ(desk.node_of(big), -1);
  desk.actions().cordon(NodeId{0});
  desk.remove(first);
  desk.schedule();
  EXPECT_EQ(desk.node_of(big), -1);
  desk.actions().uncordon(NodeId{0});
  desk.schedule();
  EXPECT_EQ(desk.node_of(big), 0);
  EXPECT_EQ(desk.node_of(too_big), -1);
  EXPECT_EQ(desk.cluster().verify(), "");
}

// A cluster with three kinds of node, and pods that come and go for a while.
struct RandomWorld {
  explicit RandomWorld(std::uint32_t seed, const std::string& policy)
      : rng(seed, 0, 4, Purpose::kTest), desk(nodes(rng), policy) {}

  static std::vector<NodeSpec> nodes(Rng& rng) {
    std::vector<NodeSpec> specs;
    const std::uint32_t count = 2 + rng.below(8);
    for (std::uint32_t i = 0; i < count; ++i) {
      NodeSpec spec = node(4000 + 1000 * rng.below(13), (8 + 8 * rng.below(8)) * kGiB);
      if (rng.below(2) == 0) {
        spec.gpu_count = static_cast<std::uint16_t>(1 + rng.below(4));
        spec.gpu_model = static_cast<GpuModelId>(rng.below(2));
      }
      specs.push_back(spec);
    }
    return specs;
  }
  PodTemplate pod() {
    PodTemplate t = asks(250 * (1 + rng.below(12)), (1 + rng.below(10)) * kGiB);
    if (rng.below(3) == 0) {
      const bool share = rng.below(2) == 0;
      t.gpu.count = static_cast<std::uint16_t>(share ? 1 : 1 + rng.below(2));
      t.gpu.milli = static_cast<std::uint16_t>(share ? 100 * (1 + rng.below(9)) : 1000);
      t.gpu.models = rng.below(4);
    }
    t.priority = static_cast<std::int32_t>(rng.below(2));
    return t;
  }
  void arrive(std::uint32_t most) {
    for (std::uint32_t i = rng.below(most + 1); i > 0; --i) pods.push_back(desk.add(pod()));
  }
  void leave() {
    for (std::size_t i = 0; i < pods.size();) {
      if (desk.node_of(pods[i]) >= 0 && rng.below(3) == 0) {
        desk.remove(pods[i]);
        pods.erase(pods.begin() + static_cast<std::ptrdiff_t>(i));
      } else {
        ++i;
      }
    }
  }
  std::string first_that_fits() {
    std::vector<PodId> waiting;
    desk.cluster().pending().in_order(waiting);
    for (const PodId p : waiting) {
      for (std::size_t n = 0; n < desk.cluster().nodes().size(); ++n) {
        if (desk.cluster().fits(desk.cluster().pod_template(p), static_cast<NodeId>(n))) {
          return "pod " + std::to_string(index(p)) + " fits node " + std::to_string(n);
        }
      }
    }
    return "";
  }

  Rng rng;
  Desk desk;
  std::vector<PodId> pods;
};

TEST(MinCostFlow, LeavesNoPodWaitingThatFits) {
  std::size_t waited = 0;
  for (std::uint32_t seed = 0; seed < 60; ++seed) {
    SCOPED_TRACE(testing::Message() << "seed=" << seed);
    RandomWorld world(seed, seed % 2 == 0 ? "min-cost-flow" : "min-cost-flow(batch=3)");
    for (int step = 0; step < 12; ++step) {
      world.leave();
      world.arrive(12);
      world.desk.schedule();
      ASSERT_EQ(world.first_that_fits(), "");
      waited += world.desk.cluster().pending().size();
    }
    ASSERT_EQ(world.desk.cluster().verify(), "");
  }
  EXPECT_GT(waited, 1000U);  // There were pods to leave waiting.
}

TEST(MinCostFlow, SameWorldSamePlacements) {
  const auto play = [] {
    RandomWorld world(5, "min-cost-flow");
    std::vector<int> at;
    for (int step = 0; step < 20; ++step) {
      world.leave();
      world.arrive(12);
      world.desk.schedule();
      for (const PodId pod : world.pods) at.push_back(world.desk.node_of(pod));
    }
    return at;
  };
  const std::vector<int> once = play();
  EXPECT_GT(once.size(), 100U);
  EXPECT_EQ(once, play());
}

// The cost that the policy's file states, from the shares as long doubles.
std::int64_t stated_cost(const Cluster& cluster, const PodTemplate& t, std::size_t n) {
  const NodeColumns& c = cluster.nodes();
  std::vector<std::int64_t> u;
  const auto share = [&u](std::int64_t free, std::int64_t capacity, std::int64_t ask) {
    u.push_back(
        std::llround(1e3L * static_cast<long double>(capacity - free + ask) / static_cast<long double>(capacity)));
  };
  share(c.cpu_free_milli[n], c.cpu_capacity_milli[n], t.request.cpu_milli);
  share(c.memory_free_bytes[n], c.memory_capacity_bytes[n], t.request.memory_bytes);
  if (t.gpu.count > 0) share(c.gpu_free_milli[n], c.gpu_count[n] * 1000, t.gpu.count * t.gpu.milli);
  std::int64_t sum = 0, squares = 0;
  for (const std::int64_t x : u) sum += x;
  const auto k = static_cast<std::int64_t>(u.size());
  for (const std::int64_t x : u) squares += (x - sum / k) * (x - sum / k);
  return sum / k + squares / k / 1000;
}

TEST(MinCostFlow, ARoundCostsWhatBoostSays) {
  for (std::uint32_t seed = 0; seed < 60; ++seed) {
    RandomWorld world(seed, "min-cost-flow(rounds=1)");
    for (int step = 0; step < 6; ++step) {
      SCOPED_TRACE(testing::Message() << "seed=" << seed << " step=" << step);
      world.leave();
      world.arrive(12);
      const Cluster& cluster = world.desk.cluster();
      std::vector<PodId> waiting;
      cluster.pending().in_order(waiting);
      Problem problem;
      problem.nodes = cluster.nodes().size();
      std::map<TemplateId, Group> groups;
      for (const PodId pod : waiting) {
        const auto [it, fresh] = groups.emplace(cluster.pods().pod_template[index(pod)], problem.cost.size());
        if (fresh) {
          problem.cost.emplace_back();
          for (std::size_t n = 0; n < problem.nodes; ++n) {
            const PodTemplate& t = cluster.pod_template(pod);
            problem.cost.back().push_back(cluster.fits(t, static_cast<NodeId>(n)) ? stated_cost(cluster, t, n)
                                                                                  : kNoArc);
          }
        }
        problem.pods.push_back(it->second);
      }
      world.desk.schedule();
      if (waiting.empty()) continue;
      Solution s;
      for (std::size_t i = 0; i < waiting.size(); ++i) {
        const int n = world.desk.node_of(waiting[i]);
        s.placed.push_back(n >= 0);
        if (n < 0) continue;
        ASSERT_NE(problem.cost[problem.pods[i]][static_cast<std::size_t>(n)], kNoArc);
        s.cost += problem.cost[problem.pods[i]][static_cast<std::size_t>(n)];
      }
      ASSERT_EQ(cost_with_unscheduled(problem, s), cost_by_boost(problem));
    }
  }
}

class ListedArrivals final : public ArrivalStream {
 public:
  explicit ListedArrivals(std::vector<PodArrival> arrivals) : arrivals_(std::move(arrivals)) {}
  std::size_t next(std::span<PodArrival> out) override {
    const std::size_t n = std::min(out.size(), arrivals_.size() - at_);
    std::copy_n(arrivals_.begin() + static_cast<std::ptrdiff_t>(at_), n, out.begin());
    at_ += n;
    return n;
  }

 private:
  std::vector<PodArrival> arrivals_;
  std::size_t at_ = 0;
};

class Scheduled final : public JournalSink {
 public:
  struct Row {
    std::int64_t at_seconds;
    std::uint32_t pod;
    std::uint32_t node;
    friend bool operator==(const Row&, const Row&) = default;
  };
  void begin(const JournalContext&) override {}
  void write(std::span<const Record> batch) override {
    for (const Record& r : batch) {
      if (r.kind != RecordKind::kPodScheduled) continue;
      rows.push_back({r.at.ns / 1'000'000'000, r.pod, static_cast<std::uint32_t>(r.node)});
    }
  }
  void finish(Time) override {}
  std::vector<Row> rows;
};

TEST(MinCostFlow, ASolutionOutlastsDecisionTime) {
  // Two pods at 0 s, decisions of 2 s each: decided together (see above), bound at 2 and 4 s. The pod that comes at 1 s
  // has priority, but the solution under way is carried out first, and node 0 has 2000 left for it.
  const auto scheduler = Registry<Scheduler>::instance().make(PolicySpec::parse("min-cost-flow", "test"));
  const std::vector<NodeSpec> nodes{node(4000), node(2000)};
  SimulationOptions options;
  options.decision.base = seconds(2);
  Simulation simulation(Catalog(), nodes, *scheduler, options);
  PodTemplate urgent = asks(2000);
  urgent.priority = 1;
  const auto arrival = [&simulation](std::int64_t at, const PodTemplate& t) {
    PodArrival a;
    a.at = Time{} + seconds(at);
    a.pod_template = simulation.catalog().intern(t);
    return a;
  };
  ListedArrivals arrivals({arrival(0, asks(1000)), arrival(0, asks(2000)), arrival(1, urgent)});
  Scheduled scheduled;
  simulation.add_sink(&scheduled);
  simulation.run(arrivals, {}, kNever);
  EXPECT_THAT(scheduled.rows, ElementsAre(Scheduled::Row{2, 0, 1}, Scheduled::Row{4, 1, 0}, Scheduled::Row{6, 2, 0}));
}

}  // namespace
}  // namespace berth
