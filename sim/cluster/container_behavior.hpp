// What a container's process does in a simulation: a manifest says what to run, not what running it is like. These are
// data, given by annotations of the pod (docs/manifests.md) or by the default profile; they are models of Berth, not of
// Kubernetes.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "sim/engine/distribution.hpp"
#include "sim/engine/time.hpp"

namespace berth::kube::api {

// A point of a curve of use by age: bytes, `after` the process began. Linear in between, rounded towards the earlier
// point; constant behind the last point and before the first. A curve has rising times.
struct UsePoint {
  Duration after;
  std::int64_t bytes = 0;
  friend bool operator==(const UsePoint&, const UsePoint&) = default;
};
using UseCurve = std::vector<UsePoint>;

// What `curve`, which is not empty, says at `age`. O(points).
std::int64_t bytes_at(std::span<const UsePoint> curve, Duration age);
// The first age at which it is above `limit_bytes`; none if it never is, or is empty. O(points).
std::optional<Duration> first_above(std::span<const UsePoint> curve, std::int64_t limit_bytes);

struct ContainerBehavior {
  std::optional<Distribution> run_time;  // Seconds until the process ends by itself; absent: it never does.
  std::int32_t exit_code = 0;            // With which it then ends, 0..255.
  std::optional<Distribution> start_up;  // Seconds until it can answer probes and requests; absent: at once.
  UseCurve memory;                       // Working set. Empty: what the container requests, 0 without.
  UseCurve disk;                         // Its writable layer and its logs. Empty: it writes nothing.
  UseCurve empty_dir;                    // What it writes to the first emptyDir on disk that it mounts. Empty: nothing.
  std::int64_t cpu_milli = 0;  // What it would use; above its limit it is throttled and takes longer. 0: not said.
  std::optional<Distribution> stop_time;  // Seconds from SIGTERM to its end (exit code 143); absent: at once.
  double crash_hazard_per_second = 0;     // Rate of crashes while it runs; the time to the next one is exponential.
  std::int32_t crash_exit_code = 1;       // 1..255.

  // Working set `age` after the process began; `request_bytes` is what the container requests. O(points).
  std::int64_t memory_bytes(Duration age, std::int64_t request_bytes) const;
  // The first age at which that is above `limit_bytes`; none if it never is. O(points).
  std::optional<Duration> first_above(std::int64_t limit_bytes, std::int64_t request_bytes) const;
};

}  // namespace berth::kube::api
