#include "tests/bench/replay_case.hpp"

#include <fmt/format.h>

#include <array>
#include <optional>

#include "policies/registry.hpp"
#include "results/metrics.hpp"
#include "sim/engine/distribution.hpp"
#include "sim/simulation.hpp"
#include "workloads/synthetic.hpp"

namespace berth::bench {
namespace {

class OutcomeFold final : public JournalSink {
 public:
  void begin(const JournalContext&) override {}
  void write(std::span<const Record> batch) override {
    for (const Record& r : batch) {
      if (r.kind == RecordKind::kPodScheduled) outcome.placed(r.pod, index(r.node), r.at.ns);
      if (r.kind == RecordKind::kPodSucceeded) outcome.done(r.at.ns);
    }
  }
  void finish(Time) override {}
  Outcome outcome;
};

}  // namespace

std::shared_ptr<const MemoryWorkload> replay_workload(std::uint64_t pods, bool gpus, std::uint64_t seed) {
  struct Share {
    double weight;
    GpuRequest gpu;
  };
  const std::vector<Share> none{{1, {}}};
  const std::vector<Share> some{
      {.6, {}}, {.15, {1, 250, 0}}, {.1, {1, 500, 0}}, {.12, {1, 1000, 0}}, {.03, {2, 1000, 0}}};
  Catalog catalog;
  if (gpus) catalog.gpu_model("V100M16");
  SyntheticSpec spec;
  spec.arrivals.rate = 6.7;
  spec.arrivals.start = seconds(10);
  spec.pods = pods;
  constexpr std::array<std::pair<int, double>, 3> kCores{{{1, .5}, {2, .3}, {4, .2}}};
  for (const auto& [cores, weight] : kCores) {
    for (const std::int64_t gib : {1, 2, 4, 8}) {
      for (const Share& share : gpus ? some : none) {
        SyntheticTemplate t;
        t.weight = weight / 4 * share.weight;
        t.base.request = {cores * 1000, gib << 30, 0};
        t.base.gpu = share.gpu;
        t.run_time = Distribution::parse("exponential(mean=300)", "replay");
        spec.templates.push_back(t);
      }
    }
  }
  const SyntheticWorkload generator(spec, catalog);
  Catalog known = generator.catalog();
  const std::unique_ptr<ArrivalStream> stream = generator.open(known, seed, 0);
  std::vector<PodArrival> arrivals;
  for (std::array<PodArrival, 256> batch;;) {
    const std::size_t n = stream->next(batch);
    if (n == 0) break;
    arrivals.insert(arrivals.end(), batch.begin(), batch.begin() + static_cast<std::ptrdiff_t>(n));
  }
  return std::make_shared<MemoryWorkload>(std::move(known), std::move(arrivals), std::vector<std::string>());
}

std::vector<NodeSpec> replay_nodes(std::size_t nodes, bool gpus, const MemoryWorkload& workload) {
  Catalog catalog = workload.catalog();
  std::vector<NodeSpec> specs;
  for (std::size_t i = 0; i < nodes; ++i) {
    NodeSpec spec;
    spec.name = fmt::format("node-{}", i);
    spec.allocatable = kReplayNode;
    if (gpus) {
      spec.gpu_count = 8;
      spec.gpu_model = catalog.gpu_model("V100M16");
    }
    specs.push_back(spec);
  }
  return specs;
}

ReplayRun replay(const MemoryWorkload& workload, const Survey& survey, const std::vector<NodeSpec>& nodes,
                 const ReplayOptions& options) {
  const std::unique_ptr<Scheduler> scheduler =
      Registry<Scheduler>::instance().make(PolicySpec::parse(options.policy, "policy"));
  SimulationOptions settings;
  settings.scheduling_period = kReplayPeriod;
  settings.decision.per_node = options.decision_per_node;
  Simulation simulation(workload.catalog(), nodes, *scheduler, settings);
  std::optional<MetricsFold> metrics;
  if (options.metrics) {
    MetricsOptions about;
    about.window = survey.last_arrival;
    metrics.emplace(about);
    simulation.add_sink(&*metrics);
  }
  OutcomeFold fold;
  if (options.outcome) simulation.add_sink(&fold);
  const std::unique_ptr<ArrivalStream> arrivals = workload.open(simulation.catalog(), 0, 0);
  simulation.run(
      *arrivals,
      scheduler->wants_mix() ? std::span<const TemplateCount>(survey.templates) : std::span<const TemplateCount>(),
      kNever);
  ReplayRun run;
  run.outcome = fold.outcome;
  run.outcome.events = simulation.events_executed();
  if (metrics) run.result = metrics->result();
  return run;
}

}  // namespace berth::bench
