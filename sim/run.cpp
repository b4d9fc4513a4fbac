#include "sim/run.hpp"

#include <cmath>
#include <optional>

#include "policies/registry.hpp"
#include "results/eviction_metrics.hpp"
#include "results/files.hpp"
#include "results/fill_series.hpp"
#include "results/healing_metrics.hpp"
#include "results/journal_writer.hpp"
#include "results/metrics.hpp"
#include "results/node_metrics.hpp"
#include "results/ready_pods.hpp"
#include "results/replica_metrics.hpp"
#include "results/start_metrics.hpp"
#include "results/stranding_metrics.hpp"
#include "results/work_metrics.hpp"
#include "sim/run_pod_owners.hpp"
#include "sim/simulation.hpp"

namespace berth {
namespace {

// What a run with kubelets is measured by besides the replay's own numbers; folds that belong together, joined.
class ClusterFolds {
 public:
  ClusterFolds(Simulation& simulation, const Scenario& scenario, Time window) : stranding_(window) {
    if (scenario.manifests) {
      owners_.emplace(*scenario.manifests, *simulation.control_plane());
      ready_.emplace(*owners_);
      ready_->listen(&replicas_.emplace(window));
      if (scenario.faults) ready_->listen(&healing_.emplace());
    }
    work_.emplace(owners_ ? &*owners_ : nullptr);
    simulation.add_sink(&starts_);
    if (scenario.manifests) simulation.add_sink(&rent_.emplace(node_prices(scenario.groups.groups)));
    if (ready_) simulation.add_sink(&*ready_);
    simulation.add_sink(&evictions_);
    simulation.add_sink(&*work_);
    simulation.add_sink(&stranding_);
  }

  void add_to(RunResult& result) const {
    starts_.add_to(result);
    if (rent_) rent_->add_to(result);
    if (replicas_) replicas_->add_to(result);
    if (healing_) healing_->add_to(result);
    evictions_.add_to(result);
    work_->add_to(result);
    stranding_.add_to(result);
  }

 private:
  std::optional<RunPodOwners> owners_;
  StartMetricsFold starts_;
  std::optional<NodeMetricsFold> rent_;
  std::optional<ReplicaMetrics> replicas_;
  std::optional<HealingMetrics> healing_;
  std::optional<ReadyPods> ready_;
  EvictionMetrics evictions_;
  std::optional<WorkMetrics> work_;
  StrandingMetrics stranding_;
};

}  // namespace

Time window_of(ScenarioInputs& inputs, std::uint64_t first_seed) {
  const Time last = inputs.of(first_seed)->survey.last_arrival;
  const Time horizon = Time{} + inputs.scenario().horizon;
  if (inputs.scenario().manifests && horizon != kNever) return horizon;  // Pods come as controllers make them.
  return std::max(std::min(last, horizon), Time{} + seconds(1));
}

RunOutcome run_once(ScenarioInputs& inputs, const PolicySet& policies, std::uint64_t seed, Time window,
                    const RunFiles& files, std::atomic<std::uint64_t>* pods_seen) {
  const Scenario& scenario = inputs.scenario();
  const std::shared_ptr<const SeedInputs> seeded = inputs.of(seed);
  const bool fill = scenario.protocol == Protocol::kFill;

  const std::unique_ptr<Scheduler> scheduler = make_scheduler(policies.of(Scheduler::kKind));
  SimulationOptions options;
  options.seed = seed;
  options.scheduling_period = scenario.scheduling_period;
  options.decision = {scenario.decision_base, scenario.decision_per_node};
  options.fail_unschedulable = fill;
  options.explain = files.timeline != nullptr || files.pods != nullptr;
  SimulationParts parts;
  std::unique_ptr<ImageDistribution> distribution;
  std::unique_ptr<NodeAutoscaler> node_autoscaler;
  std::unique_ptr<Healer> healer;
  if (scenario.node_model) {
    distribution = Registry<ImageDistribution>::instance().make(policies.of(ImageDistribution::kKind));
    parts.node_model = scenario.node_model.get();
    parts.images = scenario.images.get();
    parts.distribution = distribution.get();
    parts.manifests = scenario.manifests.get();
    parts.fault_plan = scenario.faults.get();
    parts.strikes = seeded->strikes;
    parts.traffic = scenario.traffic.get();
    parts.autoscaler = policies.of("autoscaler");
    if (!scenario.groups.groups.empty()) {
      node_autoscaler = Registry<NodeAutoscaler>::instance().make(policies.of("nodes"));
      parts.groups = scenario.groups.groups;
      parts.node_autoscaler = node_autoscaler.get();
    }
    if (scenario.faults && scenario.manifests) {
      healer = Registry<Healer>::instance().make(policies.of(Healer::kKind));
      parts.healer = healer.get();
    }
  }
  Simulation simulation(seeded->survey.catalog, seeded->nodes, *scheduler, options, parts);
  // Names in journals: pods of the control plane have none in the workload.
  const auto pod_name = [&](std::uint32_t row) {
    return simulation.control_plane() == nullptr ? scenario.workload->pod_name(row)
                                                 : simulation.control_plane()->name_of(std::uint64_t{row} + 1);
  };

  std::optional<MetricsFold> metrics;
  std::optional<FillFold> series;
  if (fill) {
    series.emplace(FillOptions{.mix = seeded->survey.templates,
                               .last_load_pct = static_cast<int>(std::lround(scenario.load * 100)),
                               .node_rows = seeded->node_rows,
                               .placements = !files.placements.empty()});
    simulation.add_sink(&*series);
  } else {
    metrics.emplace(MetricsOptions{.window = window, .mix = seeded->survey.templates});
    simulation.add_sink(&*metrics);
  }
  std::optional<JournalWriter> journal;
  if (!files.journal.empty()) {
    journal.emplace(files.journal, pod_name);
    simulation.add_sink(&*journal);
  }
  std::optional<ClusterFolds> folds;
  if (scenario.node_model) folds.emplace(simulation, scenario, window);
  if (files.pods != nullptr) {
    files.pods->set_pod_name(pod_name);
    simulation.add_sink(files.pods);
  }
  if (files.timeline != nullptr) {
    files.timeline->set_pod_name(pod_name);
    simulation.add_sink(files.timeline);
  }

  const std::unique_ptr<ArrivalStream> arrivals = inputs.open(*seeded, simulation.catalog(), seed);
  simulation.run(*arrivals,
                 scheduler->wants_mix() ? std::span<const TemplateCount>(seeded->survey.templates)
                                        : std::span<const TemplateCount>(),
                 Time{} + scenario.horizon, pods_seen);

  if (journal) journal->commit();
  if (fill && !files.placements.empty()) write_file_atomically(files.placements, series->placements());
  RunOutcome outcome;
  outcome.result = fill ? series->result() : metrics->result();
  if (folds) folds->add_to(outcome.result);
  if (simulation.traffic() != nullptr) {
    const std::string trouble = simulation.traffic()->verify();
    BERTH_CHECK(trouble.empty());  // Requests in = served + failed + timed out + in flight, and Little's law.
    simulation.traffic()->add_metrics(outcome.result);
    outcome.services = simulation.traffic()->service_rows();
  }
  outcome.result.key = {scenario.name, policies.to_string(), seed};
  outcome.events = simulation.events_executed();
  return outcome;
}

}  // namespace berth
