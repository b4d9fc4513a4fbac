// A day at a container cluster (replay_case.hpp), through Simulation with MetricsFold attached, no journal file;
// against a plain program that scans all nodes for every pod. The trace is drawn beforehand and shared, so neither pays
// for it. Before it is measured, Berth must agree with the scan on every placement, finish and on the number of events.
#include <fmt/format.h>

#include <map>
#include <optional>
#include <set>

#include "tests/bench/harness.hpp"
#include "tests/bench/replay_case.hpp"

namespace berth::bench {
namespace {

struct Input {
  std::shared_ptr<const MemoryWorkload> workload;
  Survey survey;
};
const Input& input(std::uint64_t pods, bool gpus) {
  static std::map<std::pair<std::uint64_t, bool>, Input> kept;
  Input& in = kept[{pods, gpus}];
  if (!in.workload) {
    in.workload = replay_workload(pods, gpus);
    in.survey = survey(*in.workload, 0, 0);
  }
  return in;
}

struct Row {
  std::string policy;
  bool gpus = false;
  Duration decision_per_node{};
  std::optional<ScanPolicy> twin;
  const char* suffix = "";
};

Outcome scan(std::size_t nodes, std::uint64_t pods, ScanPolicy policy) {
  const MemoryWorkload& workload = *input(pods, false).workload;
  return ScanReplay(nodes, kReplayNode, workload.catalog(), workload.arrivals(), kReplayPeriod, policy).run();
}

void berth(benchmark::State& state, std::size_t nodes, std::uint64_t pods, const Row& row) {
  const Input& in = input(pods, row.gpus);
  const std::vector<NodeSpec> specs = replay_nodes(nodes, row.gpus, *in.workload);
  ReplayOptions options;
  options.policy = row.policy;
  options.decision_per_node = row.decision_per_node;
  static std::set<std::string> checked;
  if (row.twin && checked.insert(fmt::format("{}/{}/{}", nodes, pods, row.policy)).second) {
    options.outcome = true;
    if (replay(*in.workload, in.survey, specs, options).outcome != scan(nodes, pods, *row.twin)) {
      state.SkipWithError("Berth and the scan differ");
    }
    options.outcome = false;
  }
  std::uint64_t events = 0;
  for (auto _ : state) events = replay(*in.workload, in.survey, specs, options).outcome.events;
  state.counters["items"] = static_cast<double>(pods);
  state.counters["events"] = static_cast<double>(events);
}

void plain(benchmark::State& state, std::size_t nodes, std::uint64_t pods, ScanPolicy policy) {
  input(pods, false);
  Outcome outcome;
  for (auto _ : state) outcome = scan(nodes, pods, policy);
  if (outcome.finished != pods) state.SkipWithError("pods were lost");
  state.counters["items"] = static_cast<double>(pods);
  state.counters["events"] = static_cast<double>(outcome.events);
}

const std::vector<Row>& rows() {
  static const std::vector<Row> kRows{
      {"least-allocated", false, {}, ScanPolicy::kLeastAllocated},
      {"first-fit", false, {}, ScanPolicy::kFirstFit},
      {"fgd", false, {}, {}},
      {"fgd", true, {}, {}, "-gpus"},
      {"least-allocated", false, microseconds(1), {}, "-1us-per-node"},
      {"kube-scheduler", false, {}, {}},
      {"kube-scheduler(percentage_of_nodes_to_score=100)", false, {}, {}},
  };
  return kRows;
}
std::vector<std::size_t> node_counts() {
  return small() ? std::vector<std::size_t>{100} : std::vector<std::size_t>{100, 1'000, 5'000, 20'000};
}
std::vector<std::uint64_t> pod_counts() {
  return small() ? std::vector<std::uint64_t>{2'000} : std::vector<std::uint64_t>{50'000, 100'000};
}

std::string name(std::size_t nodes, std::uint64_t pods, const std::string& what) {
  return fmt::format("replay/{}/{}/{}", nodes, pods, what);
}
std::string scan_name(ScanPolicy policy) {
  return policy == ScanPolicy::kLeastAllocated ? "scan-least-allocated" : "scan-first-fit";
}

// Published CPU seconds on another machine.
struct Peer {
  std::size_t nodes;
  std::uint64_t pods;
  double kubernetriks, scan;
};
constexpr Peer kPeers[] = {{100, 50'000, 0.87, 0.043}, {1'000, 50'000, 10.1, 0.104}, {5'000, 50'000, 64.9, 0.38},
                           {100, 100'000, 2.5, 0.089}, {1'000, 100'000, 20.6, 0.21}, {5'000, 100'000, 128.7, 0.75}};

}  // namespace

void register_benchmarks() {
  for (const std::uint64_t pods : pod_counts()) {
    for (const std::size_t nodes : node_counts()) {
      std::vector<Rival> rivals;
      for (const Row& row : rows()) {
        rivals.push_back(
            {name(nodes, pods, row.policy + row.suffix), [=](benchmark::State& s) { berth(s, nodes, pods, row); }});
        if (row.twin) {
          rivals.push_back({name(nodes, pods, scan_name(*row.twin)),
                            [=](benchmark::State& s) { plain(s, nodes, pods, *row.twin); }});
        }
      }
      in_turn(rivals);
    }
  }
}

void print_tables(const Results& results) {
  fmt::print(
      "Replay, CPU seconds, best of {}; Berth with metrics, without a journal file. scan = all nodes for every pod\n",
      turns());
  fmt::print("{:>7} {:>8}", "nodes", "pods");
  for (const Row& row : rows()) fmt::print(" {:>30}", row.policy + row.suffix);
  fmt::print(" {:>22} {:>16}\n", "scan least-allocated", "scan first-fit");
  for (const std::uint64_t pods : pod_counts()) {
    for (const std::size_t nodes : node_counts()) {
      fmt::print("{:>7} {:>8}", nodes, pods);
      const auto cell = [&](const std::string& what, int width) {
        const std::string full = name(nodes, pods, what);
        fmt::print(" {:>{}}", results.has(full) ? fmt::format("{:.4f}", results.seconds(full)) : "-", width);
      };
      for (const Row& row : rows()) cell(row.policy + row.suffix, 30);
      cell(scan_name(ScanPolicy::kLeastAllocated), 22);
      cell(scan_name(ScanPolicy::kFirstFit), 16);
      fmt::print("\n");
    }
  }
  if (small()) return;
  fmt::print(
      "\nDerived for least-allocated, Berth over Kubernetriks = (scan here / berth here) x (Kubernetriks there / scan "
      "there)\n"
      "Kubernetriks also models 1 us of scheduler time per node and pod; Berth does in the second ratio only.\n");
  for (const Peer& peer : kPeers) {
    const std::string ours = name(peer.nodes, peer.pods, "least-allocated");
    const std::string timed = name(peer.nodes, peer.pods, "least-allocated-1us-per-node");
    const std::string plain_name = name(peer.nodes, peer.pods, scan_name(ScanPolicy::kLeastAllocated));
    if (!results.has(ours) || !results.has(timed) || !results.has(plain_name)) continue;
    const double there = peer.kubernetriks / peer.scan;
    const double without = results.ratio(ours, plain_name);
    const double with = results.ratio(timed, plain_name);
    fmt::print("{:>7} {:>8}: {:.2f} x ({:g}/{:g}) = {:.0f}; with decision time {:.2f} x {:.1f} = {:.0f}\n", peer.nodes,
               peer.pods, without, peer.kubernetriks, peer.scan, without * there, with, there, with * there);
  }
}

}  // namespace berth::bench
