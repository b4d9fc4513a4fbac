// One run: a cluster, the pods that come, a scheduler, a clock. Read simulation.cpp first: the main loop is there.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include "policies/policy.hpp"
#include "sim/activation.hpp"
#include "sim/cluster/actions.hpp"
#include "sim/cluster/cluster.hpp"
#include "sim/cluster/event.hpp"
#include "sim/cluster/journal.hpp"
#include "sim/control_plane.hpp"
#include "sim/engine/engine.hpp"
#include "sim/fault_injection.hpp"
#include "sim/healing.hpp"
#include "sim/node_scaling.hpp"
#include "sim/nodes.hpp"
#include "sim/pod_scaling.hpp"
#include "workloads/workload.hpp"

namespace berth {

struct SimulationOptions {
  std::uint64_t seed = 0;
  std::uint32_t replication = 0;
  Duration scheduling_period{};  // 0: the scheduler looks at every instant with news; else at its multiples.
  DecisionTime decision;
  bool fail_unschedulable = false;  // The fill protocol: what does not fit at once fails for good.
  bool explain = false;             // Why pods wait goes into the journal, in words.
};

// What a run has besides pods, nodes and a scheduler. All must outlive the run.
struct SimulationParts {
  const NodeModel* node_model = nullptr;           // Null: a pod's start is its start delay.
  const RunImages* images = nullptr;               // With node_model.
  ImageDistribution* distribution = nullptr;       // With node_model.
  const manifest::Manifests* manifests = nullptr;  // Objects for the control plane; null: there is none.
  const FaultPlan* fault_plan = nullptr;           // With node_model; null: nothing fails.
  std::span<const FaultEvent> strikes;             // Of the plan, as drawn.
  const TrafficFile* traffic = nullptr;            // With manifests; null: nobody asks for anything.
  PolicySpec autoscaler{"hpa", {}};                // For the HorizontalPodAutoscalers of the manifests.
  std::span<const NodeGroupSpec> groups;           // Whose first nodes are among the run's.
  NodeAutoscaler* node_autoscaler = nullptr;       // With groups.
  Healer* healer = nullptr;                        // With manifests; null: nodes do not fail, or nobody minds.
};

class Simulation {
 public:
  // `arrivals` interns into the cluster's catalog: open it with catalog(), then hand it to run().
  // Throws InputError on a bad node.
  Simulation(Catalog catalog, std::span<const NodeSpec> nodes, Scheduler& scheduler, const SimulationOptions& options,
             const SimulationParts& parts = {});

  Catalog& catalog() { return cluster_.catalog(); }
  const Cluster& cluster() const { return cluster_; }
  std::uint64_t events_executed() const { return engine_.events_executed(); }
  Time now() const { return engine_.now(); }
  ClusterTraffic* traffic() { return traffic_.get(); }                        // Null without traffic.
  const Nodes* nodes() const { return nodes_.get(); }                         // Null without a node model.
  const ControlPlane* control_plane() const { return control_plane_.get(); }  // Null without manifests.
  // kPodUnschedulable's value, counted from 1.
  const std::string& message(std::uint32_t number) const { return messages_[number - 1]; }
  // Called at the end of each instant, once everybody has done what there is to do. For tests.
  void at_each_instant(std::function<void()> look) { look_ = std::move(look); }
  // Folds and writers of the journal; they must outlive run().
  void add_sink(JournalSink* sink) { journal_.add_sink(sink); }

  // Plays `arrivals` until nothing is left to happen, or the horizon is reached. `mix`: see Policy::prepare(); empty
  // unless the scheduler wants it. `pods_seen` counts arrivals as they are read, for a progress line. Call once.
  void run(ArrivalStream& arrivals, std::span<const TemplateCount> mix, Time horizon,
           std::atomic<std::uint64_t>* pods_seen = nullptr);

 private:
  class Feed;  // Arrivals as engine events.

  void apply(const Event& event);
  void control();
  void schedule();
  void explain();
  void report_unschedulable();
  void forget_placed();
  bool still_waits(const std::pair<PodId, std::uint32_t>& fresh) const;
  bool current(const Event& event) const { return cluster_.pods().generation[event.subject] == event.generation; }

  SimulationOptions options_;
  Cluster cluster_;
  Engine<Event> engine_;
  Journal journal_;
  Actions actions_;
  Scheduler& scheduler_;
  Rng policy_rng_;
  Feed* feed_ = nullptr;
  bool cycle_scheduled_ = false;
  bool cycle_due_ = false;
  std::vector<std::pair<PodId, std::uint32_t>> fresh_;  // Arrived and not yet looked at; with their ordinals.
  std::unique_ptr<ControlPlane> control_plane_;
  std::unique_ptr<Nodes> nodes_;
  std::unique_ptr<FaultInjection> faults_;
  std::unique_ptr<ClusterTraffic> traffic_;
  std::unique_ptr<PodScaling> pod_scaling_;
  std::unique_ptr<Activation> activation_;
  std::unique_ptr<NodeScaling> node_scaling_;
  std::unique_ptr<Healing> healing_;
  std::function<void()> look_;
  bool news_ = false;  // Something happened at this instant that the control plane or the scheduler may care for.
  const ImageCatalog* images_ = nullptr;
  std::vector<std::string> messages_;       // Why pods wait, as far as explained.
  std::vector<std::uint32_t> message_of_;   // By pod row: the last one, counted from 1; 0: none.
  std::vector<std::uint32_t> message_for_;  // By pod row: the ordinal that it is about.
};

}  // namespace berth
