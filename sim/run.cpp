#include "sim/run.hpp"

#include <cmath>
#include <optional>

#include "policies/kube_configurable.hpp"
#include "policies/registry.hpp"
#include "results/files.hpp"
#include "results/fill_series.hpp"
#include "results/journal_writer.hpp"
#include "results/metrics.hpp"
#include "sim/kube_config.hpp"
#include "sim/simulation.hpp"

namespace berth {
namespace {

std::unique_ptr<Scheduler> make_scheduler(const PolicySpec& spec) {
  std::unique_ptr<Scheduler> made = Registry<Scheduler>::instance().make(spec);
  if (auto* kube = dynamic_cast<kube::Configurable*>(made.get()); kube != nullptr && !kube->config_file().empty()) {
    kube->configure(kube::load_scheduler_config(kube->config_file()));
  }
  return made;
}

}  // namespace

PolicySet PolicySet::parse(std::string_view text, std::string_view what) {
  PolicySet set;
  const std::size_t equals = text.find('=');
  const std::size_t open = text.find('(');
  if (equals != std::string_view::npos && (open == std::string_view::npos || equals < open)) {
    const std::string kind(text.substr(0, equals));
    if (kind != "scheduler") {
      const std::vector<std::string> kinds{"scheduler"};
      throw InputError(std::string(what) + " names the kind of policy \"" + kind + "\"; expected scheduler=NAME" +
                       did_you_mean(kind, kinds));
    }
    text.remove_prefix(equals + 1);
  }
  set.scheduler = PolicySpec::parse(text, what);
  set.check();
  return set;
}

void PolicySet::check() const {
  make_scheduler(scheduler);
}

Time window_of(ScenarioInputs& inputs, std::uint64_t first_seed) {
  const Time last = inputs.of(first_seed)->survey.last_arrival;
  const Time horizon = Time{} + inputs.scenario().horizon;
  return std::max(std::min(last, horizon), Time{} + seconds(1));
}

RunOutcome run_once(ScenarioInputs& inputs, const PolicySet& policies, std::uint64_t seed, Time window,
                    const RunFiles& files, std::atomic<std::uint64_t>* pods_seen) {
  const Scenario& scenario = inputs.scenario();
  const std::shared_ptr<const SeedInputs> seeded = inputs.of(seed);
  const bool fill = scenario.protocol == Protocol::kFill;

  const std::unique_ptr<Scheduler> scheduler = make_scheduler(policies.scheduler);
  SimulationOptions options;
  options.seed = seed;
  options.scheduling_period = scenario.scheduling_period;
  options.decision = {scenario.decision_base, scenario.decision_per_node};
  options.fail_unschedulable = fill;
  Simulation simulation(seeded->survey.catalog, seeded->nodes, *scheduler, options);

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
    journal.emplace(files.journal, [&](std::uint32_t row) { return scenario.workload->pod_name(row); });
    simulation.add_sink(&*journal);
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
  outcome.result.key = {scenario.name, policies.to_string(), seed};
  outcome.events = simulation.events_executed();
  return outcome;
}

}  // namespace berth
