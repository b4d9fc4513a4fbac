#include "sim/simulation.hpp"

#include <array>

#include "sim/manifest_cluster.hpp"

namespace berth {

// The engine reads a batch ahead, so a batch may be asked for while the last event of the one before is still to be
// applied: two batches in turn.
class Simulation::Feed final : public EventStream<Event> {
 public:
  Feed(ArrivalStream& arrivals, std::atomic<std::uint64_t>* pods_seen) : arrivals_(arrivals), pods_seen_(pods_seen) {}

  std::size_t fill(std::span<Item> out) override {
    half_ ^= 1;
    const std::size_t n = arrivals_.next(std::span(batch_).subspan(half_ * kHalf, std::min(out.size(), kHalf)));
    for (std::size_t i = 0; i < n; ++i) {
      const auto at = static_cast<std::uint32_t>(half_ * kHalf + i);
      out[i] = {batch_[at].at, {at, 0, EventKind::kPodArrived}};
    }
    if (pods_seen_ != nullptr) pods_seen_->fetch_add(n, std::memory_order_relaxed);
    return n;
  }
  const PodArrival& operator[](std::uint32_t at) const { return batch_[at]; }

 private:
  static constexpr std::size_t kHalf = 256;
  ArrivalStream& arrivals_;
  std::atomic<std::uint64_t>* pods_seen_;
  std::size_t half_ = 0;
  std::array<PodArrival, 2 * kHalf> batch_;
};

Simulation::Simulation(Catalog catalog, std::span<const NodeSpec> nodes, Scheduler& scheduler,
                       const SimulationOptions& options, const SimulationParts& parts)
    : options_(options),
      cluster_(std::move(catalog)),
      actions_(cluster_, engine_, journal_, options.decision),
      scheduler_(scheduler),
      policy_rng_(options.seed, options.replication, 0, Purpose::kPolicy) {
  for (const NodeSpec& node : nodes) cluster_.add_node(node);
  cluster_.set_listener(scheduler.listener());
  if (parts.manifests != nullptr) {
    cluster_.set_objects(std::make_shared<const kube::Objects>(scheduling_objects(*parts.manifests)));
    ControlPlaneOptions control;
    control.node_failures = parts.fault_plan != nullptr || parts.healer != nullptr;
    control.node_groups = !parts.groups.empty();
    if (parts.healer != nullptr) apply_settings(parts.healer->settings(), control);
    control_plane_ = std::make_unique<ControlPlane>(*parts.manifests, cluster_.node_specs(), control);
  }
  if (parts.node_model != nullptr) {
    images_ = &parts.images->catalog;
    nodes_ = std::make_unique<Nodes>(
        cluster_, engine_, journal_, actions_, *parts.images, *parts.distribution, *parts.node_model,
        control_plane_.get(), parts.manifests,
        NodesOptions{options.seed, options.replication, parts.fault_plan != nullptr || parts.healer != nullptr});
    if (parts.traffic != nullptr) {
      traffic_ = std::make_unique<ClusterTraffic>(engine_, cluster_, *parts.traffic, *parts.manifests, options.seed,
                                                  options.replication);
      nodes_->set_traffic(traffic_.get());
    }
    if (parts.fault_plan != nullptr) {
      faults_ = std::make_unique<FaultInjection>(engine_, journal_, *nodes_, *parts.images, *parts.fault_plan,
                                                 parts.strikes, cluster_);
    }
    if (control_plane_) {
      MetricsServerOptions metrics;
      metrics.seed = options.seed;
      metrics.replication = options.replication;
      pod_scaling_ = std::make_unique<PodScaling>(engine_, *control_plane_, *parts.manifests, parts.autoscaler, *nodes_,
                                                  journal_, metrics);
      if (traffic_) activation_ = std::make_unique<Activation>(engine_, *traffic_, *pod_scaling_);
    }
    if (parts.node_autoscaler != nullptr && !parts.groups.empty()) {
      node_scaling_ = std::make_unique<NodeScaling>(
          cluster_, engine_, journal_, actions_, *nodes_, control_plane_.get(), *parts.node_autoscaler, parts.groups,
          NodeScalingOptions{options.seed, options.replication, options.scheduling_period});
      if (faults_) faults_->set_on_reclaim([this](NodeId node) { node_scaling_->machine_lost(node); });
    }
    if (parts.healer != nullptr && control_plane_) {
      healing_ = std::make_unique<Healing>(engine_, journal_, cluster_, *nodes_, *control_plane_, *parts.healer,
                                           HealingOptions{options.seed, options.replication, parts.strikes});
    }
  }
}

void Simulation::run(ArrivalStream& arrivals, std::span<const TemplateCount> mix, Time horizon,
                     std::atomic<std::uint64_t>* pods_seen) {
  Feed feed(arrivals, pods_seen);
  feed_ = &feed;
  engine_.add_stream(&feed, kPhaseArrive);
  journal_.begin({&cluster_.catalog(), cluster_, images_, &messages_});
  if (faults_) faults_->follow_joins(horizon, {options_.seed, options_.replication});
  scheduler_.prepare(cluster_, mix);
  if (control_plane_) {
    control_plane_->start();
    if (pod_scaling_) pod_scaling_->start();
  }
  if (node_scaling_ || control_plane_) control();
  if (traffic_ && horizon != kNever) {  // Rates flow until the end, whatever happens last.
    engine_.schedule(horizon, kPhaseCycle, {0, 0, EventKind::kSchedulingCycle});
  }

  for (Event event; engine_.next(horizon, event);) {
    apply(event);                                    // What happened.
    if (news_ && engine_.instant_over()) control();  // What to do about it.
  }

  journal_.finish(engine_.next_time() == kNever ? engine_.now() : horizon);
}

void Simulation::apply(const Event& event) {
  if (event.kind == EventKind::kTrafficEvent) return traffic_->handle(event);  // Requests by the million.
  news_ = true;
  const auto pod = static_cast<PodId>(event.subject);
  switch (event.kind) {
    case EventKind::kPodArrived: {
      const PodArrival& arrival = (*feed_)[event.subject];
      const PodId created = actions_.create(arrival.pod_template, arrival.run_time, arrival.start_delay, arrival.row);
      fresh_.emplace_back(created, cluster_.pods().ordinal[index(created)]);
      break;
    }
    case EventKind::kPodBound:
      if (current(event)) actions_.pod_bound(pod);
      break;
    case EventKind::kPodStarted:
      if (current(event)) actions_.pod_started(pod);
      break;
    case EventKind::kPodSucceeded:
      if (current(event)) actions_.pod_succeeded(pod);
      break;
    case EventKind::kSchedulingCycle:
      cycle_scheduled_ = false;
      cycle_due_ = true;
      break;
    case EventKind::kFaultEvent:
      faults_->handle(event);
      break;
    case EventKind::kScalingEvent:
      pod_scaling_->handle(event);
      if (activation_) activation_->follow();
      break;
    case EventKind::kNodeScalingEvent:
      node_scaling_->handle(event);
      break;
    case EventKind::kHealingEvent:
      healing_->handle(event);
      break;
    default:
      nodes_->handle(event);
      break;
  }
}

// Controllers act on what happened, then the scheduler on what they did, and so on until neither has anything to do.
void Simulation::control() {
  news_ = false;
  if (!nodes_) return schedule();
  const auto created = [this](PodId pod) { fresh_.emplace_back(pod, cluster_.pods().ordinal[index(pod)]); };
  nodes_->settle(created);
  do {
    schedule();
  } while (nodes_->settle(created));
  if (node_scaling_) node_scaling_->settle();
  if (look_) look_();
}

void Simulation::schedule() {
  if (cluster_.pending().empty()) {
    if (actions_.may_decide())
      cycle_due_ = false;  // Nothing is left for this cycle: what comes now is for the next one.
    return;
  }
  if (const Duration period = options_.scheduling_period; period.ns > 0 && !cycle_due_) {
    if (cycle_scheduled_) return;
    const std::int64_t cycles = (engine_.now().ns + period.ns - 1) / period.ns;
    engine_.schedule(Time{} + period * cycles, kPhaseCycle, {0, 0, EventKind::kSchedulingCycle});
    cycle_scheduled_ = true;
    return;
  }
  if (!actions_.may_decide()) return;  // Its last decision will be an event, and that instant comes here again.
  forget_placed();
  cycle_due_ = false;
  scheduler_.schedule({cluster_, engine_.now(), policy_rng_}, actions_);
  if (actions_.may_decide()) {
    if (options_.explain) explain();
    report_unschedulable();
  } else {
    cycle_due_ = true;  // The cycle goes on when this decision is made.
  }
}

// A scheduler that is busy whenever it placed something never reports; what it placed need not be kept for that.
void Simulation::forget_placed() {
  if (fresh_.size() < 64 + 2 * cluster_.pending().size()) return;
  std::erase_if(fresh_, [&](const auto& fresh) { return !still_waits(fresh); });
}

bool Simulation::still_waits(const std::pair<PodId, std::uint32_t>& fresh) const {
  const PodColumns& pods = cluster_.pods();
  return pods.ordinal[index(fresh.first)] == fresh.second && pods.phase[index(fresh.first)] == PodPhase::kPending;
}

// Says in words why each pod waits, when the words change.
void Simulation::explain() {
  std::vector<PodId> waiting;
  cluster_.pending().in_order(waiting);
  message_of_.resize(cluster_.pods().size());
  message_for_.resize(cluster_.pods().size());
  for (const PodId pod : waiting) {
    std::string message = scheduler_.why_pending({cluster_, engine_.now(), policy_rng_}, pod);
    const std::uint32_t ordinal = cluster_.pods().ordinal[index(pod)];
    std::uint32_t& last = message_of_[index(pod)];
    if (last != 0 && message_for_[index(pod)] == ordinal && messages_[last - 1] == message) continue;
    messages_.push_back(std::move(message));
    last = static_cast<std::uint32_t>(messages_.size());
    message_for_[index(pod)] = ordinal;
    actions_.unschedulable(pod, last);
  }
  fresh_.clear();  // What is still waiting has been told of.
}

// Pods that were looked at for the first time and got no node.
void Simulation::report_unschedulable() {
  for (const auto& fresh : fresh_) {
    if (!still_waits(fresh)) continue;
    actions_.unschedulable(fresh.first);
    if (options_.fail_unschedulable) actions_.fail(fresh.first, FailReason::kUnschedulable);
  }
  fresh_.clear();
}

}  // namespace berth
