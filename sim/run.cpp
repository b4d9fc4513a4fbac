#include "sim/run.hpp"

#include <cmath>
#include <optional>

#include "policies/registry.hpp"
#include "results/files.hpp"
#include "results/fill_series.hpp"
#include "results/journal_writer.hpp"
#include "results/metrics.hpp"
#include "results/node_metrics.hpp"
#include "results/start_metrics.hpp"
#include "sim/simulation.hpp"

namespace berth {
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
  std::optional<StartMetricsFold> starts;
  if (scenario.node_model) simulation.add_sink(&starts.emplace());
  std::optional<NodeMetricsFold> rent;
  if (scenario.manifests) simulation.add_sink(&rent.emplace(node_prices(scenario.groups.groups)));
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
  if (starts) starts->add_to(outcome.result);
  if (rent) rent->add_to(outcome.result);
  if (simulation.traffic() != nullptr) {
    const std::string trouble = simulation.traffic()->verify();
    BERTH_CHECK(trouble.empty());  // Requests in = served + failed + timed out + in flight, and Little's law.
    simulation.traffic()->add_metrics(outcome.result);
  }
  outcome.result.key = {scenario.name, policies.to_string(), seed};
  outcome.events = simulation.events_executed();
  return outcome;
}

}  // namespace berth
