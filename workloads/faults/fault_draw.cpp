#include "workloads/faults/fault_draw.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <tuple>

#include "sim/engine/error.hpp"

namespace berth {
namespace {

constexpr std::size_t kMaxStrikes = 1'000'000;      // Of one fault.
constexpr std::uint32_t kPlanItself = 0xFFFF'FFFF;  // In place of an ordinal: what is drawn once for the fault.

// The stream of one target of a fault: its seed is in the target's block of the fault's own stream.
Rng stream_of(const Fault& fault, std::uint32_t target, FaultSeed seed) {
  Rng keys(seed.seed, seed.replication, fault.stream, Purpose::kFaults);
  keys.seek(target);
  return Rng(keys.u64(), seed.replication, fault.stream, Purpose::kFaults);
}

bool strikes_nodes(FaultKind kind) {
  return kind == FaultKind::kNodeCrash || kind == FaultKind::kNodeHang || kind == FaultKind::kNodePartition ||
         kind == FaultKind::kNodeReboot;
}

Duration sample(const Distribution& of, Rng& rng) {
  return from_seconds(of.sample(rng));
}

class Draw {
 public:
  Draw(const FaultPlan& plan, Time horizon, FaultSeed seed) : plan_(plan), horizon_(horizon), seed_(seed) {}

  void strike(std::uint32_t fault, Time at, Time end, std::uint32_t node, const std::string& target) {
    if (at > horizon_) return;
    if (++strikes_ > kMaxStrikes) {
      throw InputError(fmt::format("fault \"{}\" strikes more than {} times; expected a lower rate or a nearer horizon",
                                   plan_.faults[fault].name, kMaxStrikes));
    }
    events_.push_back({at, end, plan_.faults[fault].kind, fault, node, target});
  }

  // At a time, or again and again from `from` on.
  void strike_by_time(std::uint32_t number, Time from, std::uint32_t node, const std::string& target, Rng& rng) {
    const Fault& fault = plan_.faults[number];
    const auto end_of = [&](Time at) { return fault.duration ? at + sample(*fault.duration, rng) : fault.until; };
    if (!fault.interval) {
      if (*fault.at >= from) strike(number, *fault.at, end_of(*fault.at), node, target);
      return;
    }
    Time at = from + std::max(sample(*fault.interval, rng), nanoseconds(1));
    while (at <= horizon_) {
      const Time end = end_of(at);
      strike(number, at, end, node, target);
      if (end == kNever) return;
      at = end + std::max(sample(*fault.interval, rng), nanoseconds(1));
    }
  }

  void strike_node(std::uint32_t number, const NodeSpec& node, std::uint32_t ordinal, Time joined) {
    const Fault& fault = plan_.faults[number];
    Rng rng = stream_of(fault, ordinal, seed_);
    if (fault.kind != FaultKind::kSpotReclaim) return strike_by_time(number, joined, ordinal, node.name, rng);
    const Time gone = joined + (fault.lifetimes ? fault.lifetimes->draw(rng) : sample(*fault.interval, rng));
    if (gone == kNever) return;
    strike(number, std::max(joined, gone - fault.notice), gone, ordinal, node.name);
  }

  void next_fault() { strikes_ = 0; }
  std::vector<FaultEvent> take() {
    std::ranges::stable_sort(events_, [](const FaultEvent& a, const FaultEvent& b) {
      return std::tie(a.at, a.fault, a.node) < std::tie(b.at, b.fault, b.node);
    });
    return std::move(events_);
  }

 private:
  const FaultPlan& plan_;
  Time horizon_;
  FaultSeed seed_;
  std::size_t strikes_ = 0;  // Of the present fault.
  std::vector<FaultEvent> events_;
};

std::vector<std::uint32_t> targets_of(const Fault& fault, std::span<const NodeSpec> nodes, FaultSeed seed) {
  std::vector<std::uint32_t> found;
  for (std::uint32_t i = 0; i < nodes.size(); ++i) {
    if (fault.nodes.matches(nodes[i])) found.push_back(i);
  }
  if (!fault.nodes.node.empty() && found.empty()) {
    std::vector<std::string> names;
    for (const NodeSpec& node : nodes) names.push_back(node.name);
    throw InputError(fmt::format("{} names the node \"{}\"; expected one of the cluster's {} nodes{}",
                                 fault.nodes.where, fault.nodes.node, nodes.size(),
                                 did_you_mean(fault.nodes.node, names)));
  }
  if (!fault.nodes.count) return found;
  if (*fault.nodes.count > found.size()) {
    throw InputError(fmt::format("{} wants {} nodes; expected at most the {} that match", fault.nodes.where,
                                 *fault.nodes.count, found.size()));
  }
  Rng rng = stream_of(fault, kPlanItself, seed);
  rng.shuffle(std::span(found));
  found.resize(*fault.nodes.count);
  std::ranges::sort(found);
  return found;
}

std::string zone_of(const Fault& fault, std::span<const NodeSpec> nodes, Rng& rng) {
  std::vector<std::string> zones;
  for (const NodeSpec& node : nodes) {
    for (const Label& label : node.labels) {
      if (label.key == kZoneLabel) zones.push_back(label.value);
    }
  }
  std::ranges::sort(zones);
  zones.erase(std::ranges::unique(zones).begin(), zones.end());
  if (zones.empty()) {
    throw InputError(fmt::format("{} needs zones; expected nodes with the label {}", fault.nodes.where, kZoneLabel));
  }
  if (fault.subject.empty()) return zones[rng.below(static_cast<std::uint32_t>(zones.size()))];
  if (std::ranges::find(zones, fault.subject) == zones.end()) {
    throw InputError(fmt::format("{} is \"{}\"; expected one of the cluster's zones{}", fault.nodes.where,
                                 fault.subject, did_you_mean(fault.subject, zones)));
  }
  return fault.subject;
}

}  // namespace

std::vector<FaultEvent> draw(const FaultPlan& plan, std::span<const NodeSpec> nodes, Time horizon, FaultSeed seed) {
  Draw out(plan, horizon, seed);
  for (std::uint32_t number = 0; number < plan.faults.size(); ++number) {
    const Fault& fault = plan.faults[number];
    out.next_fault();
    if (strikes_nodes(fault.kind) || fault.kind == FaultKind::kSpotReclaim) {
      for (const std::uint32_t ordinal : targets_of(fault, nodes, seed)) {
        out.strike_node(number, nodes[ordinal], ordinal, Time{});
      }
    } else if (fault.kind == FaultKind::kContainerCrash && fault.interval) {
      continue;  // container_crash()
    } else {
      Rng rng = stream_of(fault, kPlanItself, seed);
      const std::string target = fault.kind == FaultKind::kZoneOutage ? zone_of(fault, nodes, rng) : fault.subject;
      out.strike_by_time(number, Time{}, kNoOrdinal, target, rng);
    }
  }
  return out.take();
}

std::vector<FaultEvent> for_node(const FaultPlan& plan, const NodeSpec& node, std::uint32_t ordinal, Time joined,
                                 Time horizon, FaultSeed seed) {
  Draw out(plan, horizon, seed);
  for (std::uint32_t number = 0; number < plan.faults.size(); ++number) {
    const Fault& fault = plan.faults[number];
    out.next_fault();
    if (!strikes_nodes(fault.kind) && fault.kind != FaultKind::kSpotReclaim) continue;
    if (fault.nodes.count || !fault.nodes.matches(node)) continue;
    out.strike_node(number, node, ordinal, joined);
  }
  return out.take();
}

namespace {

// The stream of one process of a container.
Rng stream_of(const Fault& fault, const StartedContainer& container, FaultSeed seed) {
  BERTH_CHECK(container.number < 4096 && container.restarts < (1U << 20));
  Rng rng = stream_of(fault, container.pod_ordinal, seed);
  rng.seek(container.number << 20 | container.restarts);
  return rng;
}

}  // namespace

ContainerCrash container_crash(const FaultPlan& plan, const StartedContainer& container, FaultSeed seed) {
  ContainerCrash first;
  for (std::uint32_t number = 0; number < plan.faults.size(); ++number) {
    const Fault& fault = plan.faults[number];
    if (fault.kind != FaultKind::kContainerCrash || !fault.interval) continue;
    if (!fault.pods.matches(container.pod_namespace, container.pod_labels, container.name)) continue;
    Rng rng = stream_of(fault, container, seed);
    const Duration after = std::max(sample(*fault.interval, rng), nanoseconds(1));
    if (after < first.after) first = {after, number, fault.exit_code};
  }
  return first;
}

std::uint64_t container_lot(const Fault& fault, const StartedContainer& container, FaultSeed seed) {
  return stream_of(fault, container, seed).u64();
}

}  // namespace berth
