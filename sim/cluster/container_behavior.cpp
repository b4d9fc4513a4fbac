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

}  // namespace berth::kube::api
