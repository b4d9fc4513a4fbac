#include "sim/fault_injection.hpp"

#include "sim/engine/error.hpp"

namespace berth {

FaultInjection::FaultInjection(Engine<Event>& engine, Journal& journal, Nodes& nodes, const RunImages& images,
                               const FaultPlan& plan, std::span<const FaultEvent> strikes, const Cluster& cluster)
    : engine_(engine),
      journal_(journal),
      nodes_(nodes),
      images_(images),
      plan_(plan),
      strikes_(strikes),
      cluster_(cluster) {
  for (std::vector<std::uint32_t>* column : {&down_, &hung_, &cut_}) column->assign(cluster.nodes().size(), 0);
  plan_next();
  nodes.set_fault_plan(&plan);
}

void FaultInjection::plan_next() {
  if (next_ < strikes_.size()) {
    engine_.schedule(strikes_[next_].at, kPhaseChange,
                     {static_cast<std::uint32_t>(next_), 0, EventKind::kFaultEvent, kBegin});
  }
}

void FaultInjection::follow_joins(Time horizon, FaultSeed seed) {
  nodes_.set_on_join([this, horizon, seed](NodeId node) { node_joined(node, horizon, seed); });
}

void FaultInjection::node_joined(NodeId node, Time horizon, FaultSeed seed) {
  for (std::vector<std::uint32_t>* column : {&down_, &hung_, &cut_}) column->resize(index(node) + 1, 0);
  std::vector<FaultEvent> strikes =
      for_node(plan_, cluster_.node_spec(node), static_cast<std::uint32_t>(node), engine_.now(), horizon, seed);
  if (strikes.empty()) return;
  engine_.schedule(strikes.front().at, kPhaseChange,
                   {static_cast<std::uint32_t>(strikes_.size() + joined_.size()), 0, EventKind::kFaultEvent, kBegin});
  joined_.insert(joined_.end(), std::make_move_iterator(strikes.begin()), std::make_move_iterator(strikes.end()));
}

void FaultInjection::handle(const Event& event) {
  const FaultEvent& strike = strike_at(event.subject);
  record(strike, event.subject, event.detail == kBegin);
  apply(strike, event.detail == kBegin);
  if (event.detail != kBegin) return;
  ++struck_;
  if (strike.end != kNever) {
    engine_.schedule(strike.end, kPhaseChange, {event.subject, 0, EventKind::kFaultEvent, kEnd});
  }
  if (event.subject < strikes_.size()) {
    ++next_;
    plan_next();
    return;
  }
  const std::size_t next = event.subject - strikes_.size() + 1;
  if (next == joined_.size() || joined_[next].node != strike.node) return;
  engine_.schedule(joined_[next].at, kPhaseChange, {event.subject + 1, 0, EventKind::kFaultEvent, kBegin});
}

template <class F>
void FaultInjection::each_node(const FaultEvent& strike, F&& f) const {
  if (strike.kind != FaultKind::kZoneOutage) {
    if (!nodes_.removed(static_cast<NodeId>(strike.node))) f(static_cast<NodeId>(strike.node));
    return;
  }
  for (std::size_t n = 0; n < cluster_.nodes().size(); ++n) {
    if (nodes_.removed(static_cast<NodeId>(n))) continue;
    if (label_of(cluster_.node_spec(static_cast<NodeId>(n)), kZoneLabel) == strike.target) f(static_cast<NodeId>(n));
  }
}

// Before anything follows from it. A spot machine is struck when it goes, not when that is announced.
void FaultInjection::record(const FaultEvent& strike, std::uint32_t number, bool begins) {
  const auto append = [&](NodeId node, RecordKind kind) {
    journal_.append({.at = engine_.now(),
                     .node = node,
                     .value = number,
                     .kind = kind,
                     .container = static_cast<std::uint16_t>(strike.fault)});
  };
  switch (strike.kind) {
    case FaultKind::kContainerCrash:
    case FaultKind::kMemoryLeak:
      return;
    case FaultKind::kBadImage:
    case FaultKind::kRegistryOutage:
    case FaultKind::kRegistrySlow:
      return append(kNoNode, begins ? RecordKind::kFaultBegan : RecordKind::kFaultEnded);
    case FaultKind::kSpotReclaim:
      if (begins) return;
      begins = true;
      break;
    default:
      break;
  }
  each_node(strike, [&](NodeId node) { append(node, begins ? RecordKind::kFaultBegan : RecordKind::kFaultEnded); });
}

void FaultInjection::apply(const FaultEvent& strike, bool begins) {
  // Counts overlapping faults; true when the first begins or the last ends. What began before a node joined ends
  // without it.
  const auto edge = [begins](std::uint32_t& holders) {
    if (begins) return holders++ == 0;
    return holders > 0 && --holders == 0;
  };
  switch (strike.kind) {
    case FaultKind::kNodeCrash:
    case FaultKind::kZoneOutage:
    case FaultKind::kNodeReboot:
    case FaultKind::kSpotReclaim: {
      const bool keeps_disk = strike.kind == FaultKind::kNodeReboot;
      if (strike.kind == FaultKind::kSpotReclaim && begins) break;  // The notice; the machine goes at the end.
      if (strike.kind == FaultKind::kSpotReclaim) {
        each_node(strike, [&](NodeId node) {
          if (down_[index(node)]++ == 0) nodes_.crash(node);
          if (on_reclaim_) on_reclaim_(node);
        });
        break;
      }
      each_node(strike, [&](NodeId node) {
        if (!edge(down_[index(node)])) return;
        begins ? nodes_.crash(node) : nodes_.restore(node, keeps_disk);
      });
      break;
    }
    case FaultKind::kNodeHang:
      each_node(strike, [&](NodeId node) {
        if (edge(hung_[index(node)])) nodes_.hang(node, begins);
      });
      break;
    case FaultKind::kNodePartition:
      each_node(strike, [&](NodeId node) {
        if (edge(cut_[index(node)])) nodes_.cut_off(node, begins);
      });
      break;
    case FaultKind::kBadImage:
      if (const auto image = images_.catalog.find(strike.target)) {
        if (edge(missing_[static_cast<std::uint32_t>(*image)])) nodes_.registries().set_missing(*image, begins);
      }
      break;
    case FaultKind::kRegistryOutage: {
      const RegistryId registry = nodes_.registries().registry(strike.target);
      if (edge(silent_[static_cast<std::uint32_t>(registry)])) nodes_.registries().set_registry_down(registry, begins);
      break;
    }
    case FaultKind::kRegistrySlow: {
      const RegistryId registry = nodes_.registries().registry(strike.target);
      const double factor = plan_.faults[strike.fault].factor;
      const auto now =
          static_cast<double>(nodes_.registries().network().capacity(nodes_.registries().egress(registry)));
      nodes_.registries().set_registry_bandwidth(registry,
                                                 static_cast<std::int64_t>(begins ? now / factor : now * factor));
      break;
    }
    case FaultKind::kContainerCrash:  // At a time; those that are drawn for each container: Nodes::crash_of().
      if (begins) nodes_.crash_containers(plan_.faults[strike.fault]);
      break;
    case FaultKind::kMemoryLeak:
      break;  // Part of each container's memory curve from its start: Nodes::leaks_of().
  }
}

}  // namespace berth
