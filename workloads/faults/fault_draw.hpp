// When the faults of a plan strike, worked out before the run: every policy meets the same ones. Each fault draws from
// its own stream, and within it each node from one of its own, so that adding a fault or a node moves no other draw.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "sim/cluster/catalog.hpp"
#include "sim/engine/rng.hpp"
#include "sim/engine/time.hpp"
#include "workloads/faults/fault_plan.hpp"

namespace berth {

inline constexpr std::uint32_t kNoOrdinal = 0xFFFF'FFFF;

// One strike. Of kSpotReclaim `at` is the notice and `end` when the machine is gone.
struct FaultEvent {
  Time at;
  Time end = kNever;  // kNever: it does not end by itself.
  FaultKind kind{};
  std::uint32_t fault = 0;          // Position in the plan.
  std::uint32_t node = kNoOrdinal;  // Ordinal of the node that is struck, for faults of nodes.
  std::string target;               // Its name, or the zone, image or registry; empty for containers (Fault::pods).
  friend bool operator==(const FaultEvent&, const FaultEvent&) = default;
};

// What a plan's draws depend on besides the plan.
struct FaultSeed {
  std::uint64_t seed = 0;
  std::uint32_t replication = 0;
};

// All that is known at the beginning: strikes up to and including `horizon` on zones, registries and images, and on the
// `nodes` that are there at time 0, whose ordinals are their positions; sorted by time, fault, node. Faults of
// containers are in it if they strike all at once (`at`) or are a window. Throws InputError (with the place in the
// plan) for a node or zone that does not exist, a count above the nodes that match, and for more than 1,000,000 strikes
// of one fault. O(strikes · log strikes + faults · nodes).
std::vector<FaultEvent> draw(const FaultPlan& plan, std::span<const NodeSpec> nodes, Time horizon, FaultSeed seed);

// The same for a node that joins later, at `joined`: faults that strike every matching node, at a time or again and
// again; not those with a count. A node that is there at the beginning has joined at 0: draw() gives the same for it.
// `ordinal` counts all nodes of the run in the order in which they join.
std::vector<FaultEvent> for_node(const FaultPlan& plan, const NodeSpec& node, std::uint32_t ordinal, Time joined,
                                 Time horizon, FaultSeed seed);

// A container whose process runs, as faults of containers see it.
struct StartedContainer {
  std::string_view pod_namespace;
  std::span<const Label> pod_labels;
  std::string_view name;
  std::uint32_t pod_ordinal = 0;  // Counts the pods of the run.
  std::uint32_t number = 0;       // In its pod, below 4096.
  std::uint32_t restarts = 0;     // Below 2^20.
};
struct ContainerCrash {
  Duration after = kForever;  // From now; kForever: no fault strikes it.
  std::uint32_t fault = 0;    // Position in the plan.
  std::int32_t exit_code = 1;
};
// The first of the plan's drawn crashes to strike this process. O(faults).
ContainerCrash container_crash(const FaultPlan& plan, const StartedContainer& container, FaultSeed seed);

// The lot of a container that a fault with a count may strike: the containers with the lowest lots are struck. Each
// draws its own, whoever else there is.
std::uint64_t container_lot(const Fault& fault, const StartedContainer& container, FaultSeed seed);

}  // namespace berth
