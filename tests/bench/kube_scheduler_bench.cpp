// What one decision of kube-scheduler costs against nodes and pod templates: the fast pass with its default profile,
// deciding and binding pods one after another. Plain pods ask for cpu and memory; topology pods also spread over zones
// (DoNotSchedule) and shun hosts that hold their like (preferred anti-affinity). The naive pass runs beside it where
// that ends, and must make the same choices.
#include <fmt/format.h>

#include <chrono>
#include <cmath>
#include <cstdlib>
#include <deque>
#include <fstream>
#include <memory>

#include "policies/schedulers/kube/fast_scheduler.hpp"
#include "results/svg.hpp"
#include "tests/bench/harness.hpp"

namespace berth::bench {
namespace {

constexpr std::int64_t kAllNodes = 100;  // percentageOfNodesToScore
constexpr std::int64_t kAdaptive = 0;

kube::Quantity whole(std::int64_t amount) {
  return {kube::Quantity::Nano{amount} * 1'000'000'000};
}
kube::Quantity milli(std::int64_t amount) {
  return {kube::Quantity::Nano{amount} * 1'000'000};
}

kube::Objects cluster_of(std::size_t nodes) {
  kube::Objects objects;
  for (std::size_t i = 0; i < nodes; ++i) {
    kube::Node& node = objects.nodes.emplace_back();
    node.name = fmt::format("node-{}", i);
    node.labels.set(kHostnameLabel, node.name);
    node.labels.set(kZoneLabel, fmt::format("zone-{}", i % 3));
    node.allocatable.set("cpu", whole(64));
    node.allocatable.set("memory", whole(std::int64_t{256} << 30));
    node.allocatable.set("pods", whole(500));
  }
  return objects;
}

kube::Pod pod_of(std::size_t number, bool topology) {
  kube::Pod pod;
  pod.namespace_name = "default";
  pod.name = fmt::format("template-{}", number);
  const std::string app = fmt::format("app-{}", number);
  pod.labels.set("app", app);
  kube::Container& container = pod.containers.emplace_back();
  container.requests.set("cpu", milli(100 + static_cast<std::int64_t>(number % 40) * 5));
  container.requests.set("memory", whole((128 + static_cast<std::int64_t>(number % 25) * 16) << 20));
  if (!topology) return pod;
  kube::LabelSelector own = kube::LabelSelector::everything();
  own.requirements.push_back({"app", kube::SelectorOperator::kIn, {app}});
  kube::TopologySpreadConstraint spread;
  spread.topology_key = kZoneLabel;
  spread.selector = own;
  pod.spread_constraints.push_back(spread);
  pod.preferred_anti_affinity.push_back({100, {own, {}, {}, kHostnameLabel}});
  return pod;
}

struct Case {
  std::size_t nodes;
  std::size_t templates;
  bool topology;
  std::int64_t percentage;
  std::string name(const char* who = "fast") const {
    return fmt::format("kube/{}/{}/{}/{}/{}", who, topology ? "topology" : "plain",
                       percentage == kAdaptive ? "adaptive" : "all-nodes", templates, nodes);
  }
};

// A cluster on which each template has been decided for once: what a class costs at first sight is counted apart.
struct World {
  World(const Case& c, bool with_naive) : cluster(cluster_of(c.nodes)) {
    config.percentage_of_nodes_to_score = c.percentage;
    for (std::size_t t = 0; t < c.templates; ++t) pods.emplace_back(pod_of(t, c.topology), classes);
    fast = std::make_unique<kube::FastScheduler>(cluster, config, kube::Profile{}, kube::TieRule::kFirst, 1);
    if (with_naive) naive = std::make_unique<kube::Scheduler>(config, kube::Profile{}, kube::TieRule::kFirst, 1);
  }
  kube::PodRef next() { return {&pods[handle % pods.size()], 0, handle++}; }

  kube::PodClasses classes;
  std::deque<kube::PodInfo> pods;
  kube::ClusterState cluster;
  kube::SchedulerConfig config;
  std::unique_ptr<kube::FastScheduler> fast;
  std::unique_ptr<kube::Scheduler> naive;
  std::uint32_t handle = 0;
};

void decide(benchmark::State& state, const Case& c) {
  World world(c, false);
  const auto begun = std::chrono::steady_clock::now();
  for (std::size_t t = 0; t < c.templates; ++t) {
    const kube::PodRef pod = world.next();
    world.cluster.assume(pod, world.fast->decide(pod, "").node);
  }
  const std::chrono::duration<double, std::micro> first = std::chrono::steady_clock::now() - begun;
  const std::uint64_t pods = sized(20'000, 200);
  for (auto _ : state) {
    for (std::uint64_t i = 0; i < pods; ++i) {
      const kube::PodRef pod = world.next();
      const kube::Choice choice = world.fast->decide(pod, "");
      if (choice.node == kube::kNoValue) {
        state.SkipWithError("a pod found no node");
        return;
      }
      world.cluster.assume(pod, choice.node);
    }
  }
  state.counters["items"] = static_cast<double>(pods);
  state.counters["first_us"] = first.count() / static_cast<double>(c.templates);
  state.counters["view_bytes"] = static_cast<double>(world.fast->memory_bytes());
}

void decide_naively(benchmark::State& state, const Case& c) {
  World world(c, true);
  const std::uint64_t pods = sized(200, 20);
  for (auto _ : state) {
    for (std::uint64_t i = 0; i < pods; ++i) {
      const kube::PodRef pod = world.next();
      const kube::Decision theirs = world.naive->decide(world.cluster, pod, "");
      state.PauseTiming();
      const kube::Choice ours = world.fast->decide(pod, "");
      if (theirs.node == nullptr || ours.node != theirs.node->index) {
        state.SkipWithError("the fast and the naive pass differ");
        return;
      }
      world.cluster.assume(pod, ours.node);
      state.ResumeTiming();
    }
  }
  state.counters["items"] = static_cast<double>(pods);
}

std::vector<std::size_t> node_counts() {
  return small() ? std::vector<std::size_t>{50, 120} : std::vector<std::size_t>{100, 1'000, 5'000, 20'000, 100'000};
}
std::vector<std::size_t> template_counts() {
  return small() ? std::vector<std::size_t>{1, 5} : std::vector<std::size_t>{1, 20, 1'000};
}

std::vector<Case> cases() {
  std::vector<Case> out;
  for (const bool topology : {false, true}) {
    for (const std::int64_t percentage : {kAllNodes, kAdaptive}) {
      for (const std::size_t templates : template_counts()) {
        for (const std::size_t nodes : node_counts()) out.push_back({nodes, templates, topology, percentage});
      }
    }
  }
  return out;
}

// Published: the real scheduler's library, plain pods of one shape, microseconds of CPU a pod on another machine.
struct Peer {
  std::size_t nodes;
  double adaptive_us, all_us;
};
constexpr Peer kPeers[] = {
    {100, 1e6 / 2'625, 1e6 / 2'500}, {1'000, 1e6 / 930, 1e6 / 390}, {5'000, 1e6 / 635, 1e6 / 103}};

double us(const Results& results, const std::string& name) {
  return 1e6 / results.rate(name);
}

}  // namespace

void register_benchmarks() {
  for (const Case& c : cases()) {
    in_turn({{c.name(), [c](benchmark::State& s) { decide(s, c); }}});
    if (c.templates == template_counts()[1] && c.nodes <= 5'000) {
      in_turn({{c.name("naive"), [c](benchmark::State& s) { decide_naively(s, c); }}});
    }
  }
}

void print_tables(const Results& results) {
  for (const bool topology : {false, true}) {
    for (const std::int64_t percentage : {kAllNodes, kAdaptive}) {
      fmt::print("\n{} pods, {}: microseconds of CPU a pod, best of {} (in brackets: a template's first pod)\n{:>8}",
                 topology ? "topology" : "plain", percentage == kAdaptive ? "adaptive sampling" : "all nodes scored",
                 turns(), "nodes");
      for (const std::size_t t : template_counts()) fmt::print(" {:>24}", fmt::format("{} templates", t));
      fmt::print(" {:>12}\n", "naive pass");
      CurveChart chart;
      chart.title = fmt::format("kube-scheduler, {} pods, {}", topology ? "topology" : "plain",
                                percentage == kAdaptive ? "adaptive sampling" : "all nodes scored");
      chart.x_name = "nodes_log10";
      chart.y_name = "microseconds_log10_per_pod";
      for (const std::size_t t : template_counts())
        chart.curves.push_back({fmt::format("{} templates", t), {}, {}, {}, {}});
      for (const std::size_t nodes : node_counts()) {
        fmt::print("{:>8}", nodes);
        for (std::size_t i = 0; i < template_counts().size(); ++i) {
          const Case c{nodes, template_counts()[i], topology, percentage};
          if (!results.has(c.name())) continue;
          const double cost = us(results, c.name());
          fmt::print(" {:>24}", fmt::format("{:.2f} ({:.0f})", cost, results.counter(c.name(), "first_us")));
          chart.curves[i].x.push_back(std::log10(static_cast<double>(nodes)));
          chart.curves[i].y.push_back(std::log10(cost));
        }
        const Case c{nodes, template_counts()[1], topology, percentage};
        if (results.has(c.name("naive"))) fmt::print(" {:>12.0f}", us(results, c.name("naive")));
        fmt::print("\n");
      }
      if (const char* folder = std::getenv("BERTH_BENCH_PICTURES"); folder != nullptr) {
        const std::string file = fmt::format("{}/kube_{}_{}.svg", folder, topology ? "topology" : "plain",
                                             percentage == kAdaptive ? "adaptive" : "all");
        std::ofstream(file) << curve_svg(chart);
      }
    }
  }
  if (small()) return;
  fmt::print("\nAgainst the real scheduler's library (published figures, another machine), plain pods of one shape:\n");
  for (const Peer& peer : kPeers) {
    for (const auto& [percentage, theirs] :
         {std::pair{kAllNodes, peer.all_us}, std::pair{kAdaptive, peer.adaptive_us}}) {
      const Case c{peer.nodes, 1, false, percentage};
      if (!results.has(c.name())) continue;
      fmt::print("{:>8} nodes, {:<9}: {:.0f} us / {:.2f} us = {:.0f} times\n", peer.nodes,
                 percentage == kAdaptive ? "adaptive" : "all nodes", theirs, us(results, c.name()),
                 theirs / us(results, c.name()));
    }
  }
}

}  // namespace berth::bench
