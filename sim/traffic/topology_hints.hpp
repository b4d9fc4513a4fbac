// service.kubernetes.io/topology-mode: Auto. Zones get endpoints in proportion to their nodes' CPU.
// Source: k8s.io/endpointslice topologycache, as the networking reference (section 4) tells it.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace berth {

inline constexpr std::uint16_t kNoZone = 0xFFFF;

// cpu[z]: allocatable CPU of zone z's ready nodes, 0 = the zone has none. zones[i]: where ready endpoint i is.
// hints[i]: in: its hint so far (kNoZone = none), out: which zone's clients it is for. Returns false, with all hints
// kNoZone, if there is nothing to be hinted: fewer than two zones, more zones than endpoints, a zone not known, or the
// minimum of all zones more than there are. `cpu_known`: false if a node has no zone or no CPU. O(endpoints · zones).
bool allocate_hints(std::span<const std::int64_t> cpu, bool cpu_known, std::span<const std::uint16_t> zones,
                    std::span<std::uint16_t> hints);

}  // namespace berth
