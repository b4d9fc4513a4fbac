#include "sim/cluster/container_behavior.hpp"

#include "sim/engine/error.hpp"

namespace berth::kube::api {

std::int64_t bytes_at(std::span<const UsePoint> curve, Duration age) {
  BERTH_CHECK(!curve.empty());
  if (age <= curve.front().after) return curve.front().bytes;
  for (std::size_t i = 1; i < curve.size(); ++i) {
    const UsePoint& from = curve[i - 1];
    const UsePoint& to = curve[i];
    if (age >= to.after) continue;
    // In 128 bits: bytes times nanoseconds pass 64.
    __extension__ typedef __int128 Wide;
    const Wide grown = static_cast<Wide>(to.bytes - from.bytes) * (age - from.after).ns / (to.after - from.after).ns;
    return from.bytes + static_cast<std::int64_t>(grown);
  }
  return curve.back().bytes;
}

std::optional<Duration> first_above(std::span<const UsePoint> curve, std::int64_t limit_bytes) {
  if (curve.empty()) return std::nullopt;
  if (bytes_at(curve, {}) > limit_bytes) return Duration{};
  for (std::size_t i = 0; i < curve.size(); ++i) {
    const UsePoint& to = curve[i];
    if (to.bytes <= limit_bytes || to.after < Duration{}) continue;
    if (i == 0) return to.after;
    // The least time for which the rounded-down growth passes the limit; `from` is not above it.
    const UsePoint& from = curve[i - 1];
    __extension__ typedef __int128 Wide;
    const Wide need = static_cast<Wide>(limit_bytes - from.bytes + 1) * (to.after - from.after).ns;
    const Wide grows = to.bytes - from.bytes;
    return from.after + nanoseconds(static_cast<std::int64_t>((need + grows - 1) / grows));
  }
  return std::nullopt;
}

std::int64_t ContainerBehavior::memory_bytes(Duration age, std::int64_t request_bytes) const {
  return memory.empty() ? request_bytes : bytes_at(memory, age);
}

std::optional<Duration> ContainerBehavior::first_above(std::int64_t limit_bytes, std::int64_t request_bytes) const {
  const UsePoint request{{}, request_bytes};
  return api::first_above(memory.empty() ? std::span(&request, 1) : std::span(memory), limit_bytes);
}

}  // namespace berth::kube::api
