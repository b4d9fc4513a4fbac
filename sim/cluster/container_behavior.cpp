#include "sim/cluster/container_behavior.hpp"

namespace berth::kube::api {

std::int64_t ContainerBehavior::memory_bytes(Duration age, std::int64_t request_bytes) const {
  if (memory.empty()) return request_bytes;
  if (age <= memory.front().after) return memory.front().bytes;
  for (std::size_t i = 1; i < memory.size(); ++i) {
    const MemoryPoint& from = memory[i - 1];
    const MemoryPoint& to = memory[i];
    if (age >= to.after) continue;
    // In 128 bits: bytes times nanoseconds pass 64.
    __extension__ typedef __int128 Wide;
    const Wide grown = static_cast<Wide>(to.bytes - from.bytes) * (age - from.after).ns / (to.after - from.after).ns;
    return from.bytes + static_cast<std::int64_t>(grown);
  }
  return memory.back().bytes;
}

std::optional<Duration> ContainerBehavior::first_above(std::int64_t limit_bytes, std::int64_t request_bytes) const {
  if (memory_bytes({}, request_bytes) > limit_bytes) return Duration{};
  for (std::size_t i = 0; i < memory.size(); ++i) {
    const MemoryPoint& to = memory[i];
    if (to.bytes <= limit_bytes || to.after < Duration{}) continue;
    if (i == 0) return to.after;
    // The least time for which the rounded-down growth passes the limit; `from` is not above it.
    const MemoryPoint& from = memory[i - 1];
    __extension__ typedef __int128 Wide;
    const Wide need = static_cast<Wide>(limit_bytes - from.bytes + 1) * (to.after - from.after).ns;
    const Wide grows = to.bytes - from.bytes;
    return from.after + nanoseconds(static_cast<std::int64_t>((need + grows - 1) / grows));
  }
  return std::nullopt;
}

}  // namespace berth::kube::api
