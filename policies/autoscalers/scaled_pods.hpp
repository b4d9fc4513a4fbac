// The pods that an autoscaler's selector finds, as columns, and what was measured of them: spans into whatever keeps
// the pods, so that looking at a workload copies nothing. Row i is the same pod in every column; the order of the rows
// matters to no autoscaler.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>

#include "sim/engine/time.hpp"

namespace berth {

inline constexpr std::int64_t kNoSample = std::numeric_limits<std::int64_t>::min();
inline constexpr std::int64_t kNoRequest = -1;

// All columns have one length. Terminating pods are among them until they are gone.
struct ScaledPods {
  enum class Phase : std::uint8_t { kPending, kRunning, kSucceeded, kFailed, kUnknown };  // status.phase
  enum class Ready : std::uint8_t { kAbsent, kFalse, kTrue, kUnknown };                   // The Ready condition.

  std::span<const Phase> phase;
  std::span<const std::uint8_t> deleted;   // 1: has a deletion timestamp.
  std::span<const Time> start;             // status.startTime; kNever: not set.
  std::span<const Ready> ready;            // Its Ready condition.
  std::span<const Time> ready_transition;  // Its last transition; of no meaning while kAbsent.

  std::size_t size() const { return phase.size(); }
};

// One metric over those pods, in milli-units (memory: bytes times 1000).
struct PodSamples {
  std::span<const std::int64_t> value_milli;  // kNoSample: nothing is known of this pod.
  // When the sample was taken and over how long: looked at for CPU alone, may be empty for other metrics.
  std::span<const Time> time;
  std::span<const Duration> window;
  // What the pod requests of the resource, a pod-level request or the sum of its containers and sidecars (or, for one
  // container's metric, that container's); kNoRequest if one of these has none. Looked at for utilization alone.
  std::span<const std::int64_t> request_milli;
};

// What the metrics APIs answer for one metric of a HorizontalPodAutoscaler.
struct HpaMetricValue {
  PodSamples samples;                          // Resource, ContainerResource, Pods.
  std::span<const std::int64_t> values_milli;  // Object: one value. External: all that match. Empty: the query fails.
};

}  // namespace berth
