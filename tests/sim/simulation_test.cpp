// The main loop: journals worked out by hand (tests/golden), and that no pod is ever lost.
#include "sim/simulation.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "policies/registry.hpp"
#include "tests/support/cluster_builder.hpp"
#include "tests/support/temp_dir.hpp"
#include "workloads/scenario.hpp"

namespace berth::test {
namespace {

struct Pod {
  Duration at;
  Ask ask;
  Duration run_time = kForever;
  Duration start_delay{};
};

std::vector<std::string> rendered(const Simulation& simulation, const RecordKeeper& kept) {
  std::vector<std::string> lines;
  for (const Record& r : kept.records) {
    std::string line = fmt::format("{} {} {}", to_string(r.at - Time{}), to_string(r.kind), r.pod);
    if (r.node != kNoNode) line += " " + simulation.cluster().node_spec(r.node).name;
    if (r.gpus != 0) {
      std::string gpus;
      for (unsigned i = 0; i < kMaxGpusPerNode; ++i) {
        if (((r.gpus >> i) & 1) != 0) gpus += (gpus.empty() ? "" : "-") + std::to_string(i);
      }
      line += " gpus=" + gpus;
    }
    if (r.kind == RecordKind::kPodEvicted) line += fmt::format(" {}", to_string(static_cast<EvictReason>(r.reason)));
    if (r.kind == RecordKind::kPodFailed) line += fmt::format(" {}", to_string(static_cast<FailReason>(r.reason)));
    lines.push_back(line);
  }
  lines.push_back(to_string(kept.end - Time{}) + " End");
  return lines;
}

std::vector<std::string> play(const std::vector<NodeRow>& nodes, const std::vector<Pod>& pods, Scheduler& scheduler,
                              const SimulationOptions& options = {}, Time horizon = kNever) {
  Catalog catalog;
  std::vector<NodeSpec> specs;
  for (const NodeRow& row : nodes) {
    NodeSpec spec;
    spec.name = row.name;
    spec.allocatable = {row.cpu_milli, row.memory_bytes, 0};
    spec.gpu_count = static_cast<std::uint16_t>(row.gpus_free_milli.size());
    if (spec.gpu_count > 0) spec.gpu_model = catalog.gpu_model(row.gpu_model);
    specs.push_back(spec);
  }
  std::vector<PodArrival> arrivals;
  for (std::uint32_t i = 0; i < pods.size(); ++i) {
    arrivals.push_back({Time{} + pods[i].at, pods[i].run_time, pods[i].start_delay,
                        catalog.intern(template_of(catalog, pods[i].ask)), i});
  }
  const MemoryWorkload workload(catalog, arrivals, {});
  RecordKeeper kept;
  Simulation simulation(workload.catalog(), specs, scheduler, options);
  simulation.add_sink(&kept);
  const auto stream = workload.open(simulation.catalog(), 1, 0);
  simulation.run(*stream, {}, horizon);
  EXPECT_EQ(simulation.cluster().verify(), "");
  return rendered(simulation, kept);
}

std::vector<std::string> play(const std::vector<NodeRow>& nodes, const std::vector<Pod>& pods, const char* scheduler,
                              const SimulationOptions& options = {}, Time horizon = kNever) {
  return play(nodes, pods, *Registry<Scheduler>::instance().make({scheduler, {}}), options, horizon);
}

std::vector<std::string> golden(const std::string& name) {
  std::vector<std::string> lines =
      lines_of(slurp(std::string(BERTH_SOURCE_DIR) + "/tests/golden/" + name + ".journal"));
  std::erase_if(lines, [](const std::string& line) { return line.starts_with("#"); });
  return lines;
}

NodeRow node(const char* name, std::int64_t cores, std::vector<std::uint16_t> gpus = {}) {
  return {name, 1000 * cores, 8_GiB, 0, 0, std::move(gpus)};
}
Ask cores(std::int64_t n, std::int32_t priority = 0) {
  return {.cpu_milli = 1000 * n, .priority = priority};
}

TEST(GoldenJournal, Queue) {
  EXPECT_EQ(play({node("a", 2)},
                 {{seconds(0), cores(1), seconds(10)},
                  {seconds(0), cores(1), seconds(5)},
                  {seconds(5), cores(2), seconds(5)},
                  {seconds(5), cores(1), seconds(1)}},
                 "first-fit"),
            golden("queue"));
}

TEST(GoldenJournal, SchedulingPeriod) {
  EXPECT_EQ(play({node("a", 1)},
                 {{seconds(0), cores(1), seconds(12)},
                  {seconds(3), cores(1), seconds(5)},
                  {seconds(3), cores(1), seconds(1)},
                  {seconds(40), cores(1), seconds(1)}},
                 "first-fit", {.scheduling_period = seconds(10), .decision = {}}),
            golden("period"));
}

TEST(GoldenJournal, DecisionTime) {
  EXPECT_EQ(play({node("a", 1), node("b", 1)},
                 {{seconds(0), cores(1), seconds(1)},
                  {seconds(0), cores(1), seconds(1), milliseconds(5)},
                  {seconds(0), cores(1), seconds(1)}},
                 "first-fit", {.decision = {milliseconds(10), milliseconds(1)}}),
            golden("decision_time"));
}

TEST(GoldenJournal, Fill) {
  const auto share = [](std::uint16_t milli) { return Ask{.gpus = 1, .gpu_milli = milli}; };
  EXPECT_EQ(
      play({node("a", 2, {1000, 1000})},
           {{seconds(0), share(700)}, {seconds(1), share(400)}, {seconds(2), share(1000)}, {seconds(3), share(300)}},
           "first-fit", {.decision = {}, .fail_unschedulable = true}),
      golden("fill"));
}

// Takes the first node that fits, or the place of a pod of lower priority.
class Preemptor final : public Scheduler {
 public:
  void schedule(const Context& ctx, Actions& act) override {
    std::vector<PodId> line;
    ctx.cluster.pending().in_order(line);
    for (const PodId pod : line) {
      if (act.bind(pod, NodeId{0}) == Outcome::kDone) continue;
      const PodId victim = ctx.cluster.first_on_node(NodeId{0});
      if (victim == kNoPod || ctx.cluster.pod_template(victim).priority >= ctx.cluster.pod_template(pod).priority)
        continue;
      ASSERT_EQ(act.evict(victim, EvictReason::kPreempted), Outcome::kDone);
      ASSERT_EQ(act.bind(pod, NodeId{0}), Outcome::kDone);
    }
  }
};

TEST(GoldenJournal, Evict) {
  Preemptor preemptor;
  EXPECT_EQ(play({node("a", 1)}, {{seconds(0), cores(1, 0), seconds(10)}, {seconds(4), cores(1, 10), seconds(3)}},
                 preemptor, {}, Time{} + seconds(15)),
            golden("evict"));
}

// The same under kube-scheduler, which preempts by its own rules.
TEST(GoldenJournal, EvictByKubeScheduler) {
  EXPECT_EQ(play({node("a", 1)}, {{seconds(0), cores(1, 0), seconds(10)}, {seconds(4), cores(1, 10), seconds(3)}},
                 "kube-scheduler", {}, Time{} + seconds(15)),
            golden("evict"));
}

// Two nodes of 2 cores, least allocated wins, ties to the first. 0 and 1 of 1 core go to a and b; 2 of 2 cores finds no
// room at 2 s and waits for somebody to leave: at 5 s pod 1, and 2 gets b. 3 of 3 cores is larger than any node:
// nobody's going helps, and its trying again changes nothing.
TEST(Simulation, KubeSchedulerLooksAgainWhenAPodLeaves) {
  EXPECT_EQ(play({node("a", 2), node("b", 2)},
                 {{seconds(0), cores(1), seconds(8)},
                  {seconds(1), cores(1), seconds(4)},
                  {seconds(2), cores(2), seconds(2)},
                  {seconds(3), cores(3), seconds(1)}},
                 "kube-scheduler"),
            (std::vector<std::string>{"0s PodCreated 0", "0s PodScheduled 0 a", "0s PodStarted 0 a", "1s PodCreated 1",
                                      "1s PodScheduled 1 b", "1s PodStarted 1 b", "2s PodCreated 2",
                                      "2s PodUnschedulable 2", "3s PodCreated 3", "3s PodUnschedulable 3",
                                      "5s PodSucceeded 1 b", "5s PodScheduled 2 b", "5s PodStarted 2 b",
                                      "7s PodSucceeded 2 b", "8s PodSucceeded 0 a", "8s End"}));
}

// A cycle is over when its last decision is: a pod that comes later waits for the next multiple of the period.
TEST(Simulation, PeriodAndDecisionTimeTogether) {
  EXPECT_EQ(play({node("a", 4)}, {{seconds(0), cores(1), seconds(60)}, {seconds(3), cores(1), seconds(60)}},
                 "first-fit", {.scheduling_period = seconds(10), .decision = {seconds(1), {}}}, Time{} + seconds(20)),
            (std::vector<std::string>{"0s PodCreated 0", "1s PodScheduled 0 a", "1s PodStarted 0 a", "3s PodCreated 1",
                                      "11s PodScheduled 1 a", "11s PodStarted 1 a", "20s End"}));
}

// Pods without run time are gone in the instant they start, and the room is free for the next at that instant.
TEST(Simulation, ZeroRunTimes) {
  EXPECT_EQ(play({node("a", 1)}, {{seconds(1), cores(1), {}}, {seconds(1), cores(1), {}}}, "first-fit"),
            (std::vector<std::string>{"1s PodCreated 0", "1s PodCreated 1", "1s PodScheduled 0 a", "1s PodStarted 0 a",
                                      "1s PodUnschedulable 1", "1s PodSucceeded 0 a", "1s PodScheduled 1 a",
                                      "1s PodStarted 1 a", "1s PodSucceeded 1 a", "1s End"}));
}

// What happens at the horizon happens; what comes later does not.
TEST(Simulation, HorizonIsInclusive) {
  const std::vector<Pod> pods{{seconds(1), cores(1), seconds(4)}, {seconds(5), cores(1), seconds(4)}};
  EXPECT_EQ(
      play({node("a", 1)}, pods, "first-fit", {}, Time{} + seconds(5)),
      (std::vector<std::string>{"1s PodCreated 0", "1s PodScheduled 0 a", "1s PodStarted 0 a", "5s PodSucceeded 0 a",
                                "5s PodCreated 1", "5s PodScheduled 1 a", "5s PodStarted 1 a", "5s End"}));
  EXPECT_EQ(play({node("a", 1)}, pods, "first-fit", {}, Time{} + seconds(4)),
            (std::vector<std::string>{"1s PodCreated 0", "1s PodScheduled 0 a", "1s PodStarted 0 a", "4s End"}));
}

TEST(Simulation, ManyPodsAtOneInstantCrossTheBatches) {
  std::vector<Pod> pods(1000, Pod{seconds(1), cores(1), seconds(1)});
  const std::vector<std::string> lines =
      play(std::vector<NodeRow>(10, node("a", 100)), pods, "first-fit");  // 110 pods a node.
  ASSERT_EQ(lines.size(), 4 * 1000U + 1);
  for (int i = 0; i < 1000; ++i) EXPECT_EQ(lines[static_cast<std::size_t>(i)], fmt::format("1s PodCreated {}", i));
  EXPECT_EQ(lines.back(), "2s End");
}

constexpr const char* kBusyCluster = R"(
apiVersion: berth.dev/v1alpha1
kind: Scenario
name: busy
nodes:
- {name: cpu, count: 6, cpu: "8", memory: 32Gi}
- {name: gpu, count: 3, cpu: "16", memory: 64Gi, gpus: 4, gpuModel: T4}
workload:
  synthetic:
    pods: 2000
    arrivals: {poisson: {rate: 1}}
    templates:
    - {weight: 5, cpu: "1", memory: 2Gi, runTime: exponential(mean=60s), startDelay: 2s}
    - {weight: 2, cpu: "4", memory: 8Gi, priority: 5, runTime: exponential(mean=40s)}
    - {weight: 2, cpu: "1", memory: 2Gi, gpus: 1, gpuMilli: 500, runTime: exponential(mean=60s)}
    - {weight: 1, cpu: "2", memory: 2Gi, gpus: 2, runTime: exponential(mean=50s)}
)";

// At any horizon: created = waiting + bound + done, by the journal and by the cluster, under every policy.
TEST(SimulationProperty, NoPodIsLost) {
  const Scenario scenario = parse_scenario(kBusyCluster, "busy.yaml", ".");
  const Survey mix = survey(*scenario.workload, 1, 0);
  std::uint64_t waited = 0;
  for (const auto& info : Registry<Scheduler>::instance().list()) {
    for (const std::int64_t horizon : {1, 100, 1000, 1'000'000}) {
      for (const DecisionTime decision : {DecisionTime{}, DecisionTime{milliseconds(200), milliseconds(10)}}) {
        SCOPED_TRACE(testing::Message() << info.name << " horizon=" << horizon << " decision=" << decision.base.ns);
        const auto scheduler = Registry<Scheduler>::instance().make({info.name, {}});
        RecordKeeper kept;
        Simulation simulation(
            mix.catalog, scenario.nodes, *scheduler,
            {.seed = 1, .scheduling_period = horizon == 1000 ? seconds(10) : Duration{}, .decision = decision});
        simulation.add_sink(&kept);
        const auto stream = scenario.workload->open(simulation.catalog(), 1, 0);
        simulation.run(*stream, mix.templates, Time{} + seconds(horizon));
        std::array<std::size_t, kRecordKinds> n{};
        Time last{};
        for (const Record& r : kept.records) {
          ++n[static_cast<std::size_t>(r.kind)];
          ASSERT_GE(r.at, last);
          last = r.at;
        }
        const auto count = [&](RecordKind kind) { return n[static_cast<std::size_t>(kind)]; };
        const Cluster& cluster = simulation.cluster();
        std::size_t binding = 0;
        for (const PodPhase phase : cluster.pods().phase) binding += phase == PodPhase::kBinding ? 1 : 0;
        EXPECT_EQ(cluster.verify(), "");
        EXPECT_EQ(count(RecordKind::kPodCreated), cluster.pods_created());
        EXPECT_EQ(count(RecordKind::kPodCreated),
                  cluster.pending().size() + cluster.pods_bound() + count(RecordKind::kPodSucceeded));
        EXPECT_EQ(count(RecordKind::kPodScheduled),
                  cluster.pods_bound() - binding + count(RecordKind::kPodSucceeded) + count(RecordKind::kPodEvicted));
        if (horizon == 1'000'000) {  // All fit somewhere, so all end.
          EXPECT_EQ(count(RecordKind::kPodSucceeded), 2000U);
        }
        waited += count(RecordKind::kPodUnschedulable);
      }
    }
  }
  EXPECT_GT(waited, 1000U);  // The cluster is busy: the runs are about something.
}

}  // namespace
}  // namespace berth::test
