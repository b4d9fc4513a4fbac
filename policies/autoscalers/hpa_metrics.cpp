#include "policies/autoscalers/hpa_metrics.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "sim/engine/error.hpp"

namespace berth {
namespace {

constexpr std::int32_t kMaxInt32 = std::numeric_limits<std::int32_t>::max();
constexpr std::int64_t kMaxInt64 = std::numeric_limits<std::int64_t>::max();

// Sums and products as Go has them: wrapping.
std::int64_t add(std::int64_t a, std::int64_t b) {
  return static_cast<std::int64_t>(static_cast<std::uint64_t>(a) + static_cast<std::uint64_t>(b));
}
std::int64_t times(std::int64_t a, std::int64_t b) {
  return static_cast<std::int64_t>(static_cast<std::uint64_t>(a) * static_cast<std::uint64_t>(b));
}

// How many pods of a group, and what they use and request together.
struct Group {
  std::int64_t pods = 0;
  std::int64_t usage = 0;
  std::int64_t request = 0;

  void take(std::int64_t used, std::int64_t requested) {
    ++pods;
    usage = add(usage, used);
    request = add(request, requested);
  }
  Group& operator+=(const Group& other) {
    pods += other.pods;
    usage = add(usage, other.usage);
    request = add(request, other.request);
    return *this;
  }
};

struct Groups {
  Group ready;
  Group unready;                        // With usage 0: what is assumed of them when scaling up.
  Group missing;                        // With usage 0, likewise …
  std::int64_t missing_usage_down = 0;  // … and what is assumed when scaling down.
  bool any_sample = false;
  bool all_requests = true;
};

// A CPU sample of a pod that starts says little: it is not used before the pod has been ready for a whole window of
// measuring, and not at all of a pod that has never been ready.
bool unready_for_cpu(const ScaledPods& pods, const PodSamples& samples, std::size_t i, const HpaSettings& settings,
                     Time now) {
  if (pods.ready[i] == ScaledPods::Ready::kAbsent || pods.start[i] == kNever) return true;
  const bool not_ready = pods.ready[i] == ScaledPods::Ready::kFalse;
  if (pods.start[i] + settings.cpu_initialization_period > now) {
    return not_ready || samples.time[i] < pods.ready_transition[i] + samples.window[i];
  }
  return not_ready && pods.start[i] + settings.initial_readiness_delay > pods.ready_transition[i];
}

Groups group(const HpaMetricSpec& metric, const PodSamples& samples, const ScaledPods& pods,
             const HpaSettings& settings, Time now) {
  const bool utilization = metric.target == HpaTargetType::kUtilization;
  const bool cpu = metric.type != HpaMetricType::kPods && metric.cpu;
  BERTH_CHECK(samples.value_milli.size() == pods.size());
  BERTH_CHECK(!cpu || (samples.time.size() == pods.size() && samples.window.size() == pods.size()));
  BERTH_CHECK(!utilization || samples.request_milli.size() == pods.size());
  // On a scale-down a missing pod is taken to use what it may: its request, or more if the target is more.
  const std::int64_t fallback_percent = std::max<std::int64_t>(100, metric.target_value);
  Groups out;
  for (std::size_t i = 0; i < pods.size(); ++i) {
    const std::int64_t value = samples.value_milli[i];
    const std::int64_t request = utilization ? samples.request_milli[i] : 0;
    out.any_sample |= value != kNoSample;
    out.all_requests &= request != kNoRequest;
    if (pods.deleted[i] != 0 || pods.phase[i] == ScaledPods::Phase::kFailed) continue;
    if (pods.phase[i] == ScaledPods::Phase::kPending) {
      out.unready.take(0, request);
    } else if (value == kNoSample) {
      out.missing.take(0, request);
      out.missing_usage_down =
          add(out.missing_usage_down, utilization ? times(request, fallback_percent) / 100 : metric.target_value);
    } else if (cpu && unready_for_cpu(pods, samples, i, settings, now)) {
      out.unready.take(0, request);
    } else {
      out.ready.take(value, request);
    }
  }
  return out;
}

// What the pods counted use, in whole percent of their requests or on average, and how that compares to the target.
struct Usage {
  double ratio = 0;
  std::int32_t utilization = 0;
  std::int64_t average = 0;
};

// False if there is no utilization because the requests add up to zero.
bool measure(const HpaMetricSpec& metric, const Group& counted, Usage& out) {
  out.average = counted.usage / counted.pods;
  if (metric.target != HpaTargetType::kUtilization) {
    out.ratio = static_cast<double>(out.average) / static_cast<double>(metric.target_value);
    return true;
  }
  if (counted.request == 0) return false;
  // Truncated to 32 bits, as there.
  out.utilization = static_cast<std::int32_t>(times(counted.usage, 100) / counted.request);
  out.ratio = static_cast<double>(out.utilization) / static_cast<double>(metric.target_value);
  return true;
}

HpaProposal failed(HpaMetricError error) {
  HpaProposal proposal;
  proposal.error = error;
  return proposal;
}

HpaProposal from_samples(const HpaMetricSpec& metric, const PodSamples& samples, const ScaledPods& pods,
                         std::int32_t spec_replicas, const HpaTolerance& tolerance, const HpaSettings& settings,
                         Time now) {
  const Groups groups = group(metric, samples, pods, settings, now);
  if (!groups.any_sample) return failed(HpaMetricError::kNoMetrics);
  if (groups.ready.pods == 0) return failed(HpaMetricError::kNoUsableSample);
  if (!groups.all_requests) return failed(HpaMetricError::kMissingRequest);
  Usage usage;
  if (!measure(metric, groups.ready, usage)) return failed(HpaMetricError::kNoRequests);

  HpaProposal proposal;
  proposal.status.average_value_milli = usage.average;
  if (metric.target == HpaTargetType::kUtilization) proposal.status.average_utilization = usage.utilization;
  const bool up = usage.ratio > 1.0;
  const bool down = usage.ratio < 1.0;
  const bool up_with_unready = up && groups.unready.pods > 0;
  proposal.replicas = spec_replicas;
  if (!up_with_unready && groups.missing.pods == 0) {
    if (!tolerance.holds(usage.ratio)) {
      proposal.replicas = go_int32(std::ceil(usage.ratio * static_cast<double>(groups.ready.pods)));
    }
    return proposal;
  }

  // Assume of the pods that are not known what speaks against a change, and see what is left of it.
  Group counted = groups.ready;
  if (up || down) counted += groups.missing;
  if (down) counted.usage = add(counted.usage, groups.missing_usage_down);
  if (up_with_unready) counted += groups.unready;
  Usage assumed;
  if (!measure(metric, counted, assumed)) return failed(HpaMetricError::kNoRequests);
  const double ratio = assumed.ratio;
  if (tolerance.holds(ratio) || (down && ratio > 1.0) || (up && ratio < 1.0)) return proposal;
  const std::int32_t replicas = go_int32(std::ceil(ratio * static_cast<double>(counted.pods)));
  if ((ratio < 1.0 && replicas > spec_replicas) || (ratio > 1.0 && replicas < spec_replicas)) return proposal;
  proposal.replicas = replicas;
  return proposal;
}

// The target is of the whole: Value.
HpaProposal from_total(const HpaMetricSpec& metric, std::int64_t total, const ScaledPods& pods,
                       std::int32_t spec_replicas, const HpaTolerance& tolerance) {
  HpaProposal proposal;
  proposal.status.value_milli = total;
  const double ratio = static_cast<double>(total) / static_cast<double>(metric.target_value);
  if (spec_replicas == 0) {
    proposal.replicas = go_int32(std::ceil(ratio));
    return proposal;
  }
  if (tolerance.holds(ratio)) {
    proposal.replicas = spec_replicas;
    return proposal;
  }
  if (pods.size() == 0) return failed(HpaMetricError::kNoPods);
  std::int64_t ready = 0;  // Terminating pods count as long as they are ready.
  for (std::size_t i = 0; i < pods.size(); ++i) {
    ready += pods.phase[i] == ScaledPods::Phase::kRunning && pods.ready[i] == ScaledPods::Ready::kTrue ? 1 : 0;
  }
  const double replicas = ratio * static_cast<double>(ready);
  proposal.replicas = replicas > kMaxInt32 ? kMaxInt32 : go_int32(std::ceil(replicas));
  return proposal;
}

// The target is a share for each replica: AverageValue. Division by a scale of 0 gives infinity or NaN, neither of
// which is within any tolerance.
HpaProposal from_share(const HpaMetricSpec& metric, std::int64_t total, std::int32_t status_replicas,
                       const HpaTolerance& tolerance) {
  const auto usage = static_cast<double>(total);
  const auto target = static_cast<double>(metric.target_value);
  const auto replicas = static_cast<double>(status_replicas);
  const bool external = metric.type == HpaMetricType::kExternal;  // Its sum is kept from overflowing, an object's not.
  HpaProposal proposal;
  proposal.replicas = status_replicas;
  if (!tolerance.holds(usage / (target * replicas))) {
    const double wanted = std::ceil(usage / target);
    proposal.replicas = external && wanted > kMaxInt32 ? kMaxInt32 : go_int32(wanted);
  }
  const bool saturated = external && usage >= static_cast<double>(kMaxInt64);
  proposal.status.average_value_milli = saturated ? kMaxInt64 : go_int64(std::ceil(usage / replicas));
  return proposal;
}

// Overflow is looked for in two ways there, which differ in what a negative sum means.
std::int64_t sum_external(std::span<const std::int64_t> values, bool per_replica) {
  std::int64_t sum = 0;
  for (const std::int64_t value : values) {
    if (!per_replica && value > 0 && sum > kMaxInt64 - value) return kMaxInt64;
    sum = add(sum, value);
    if (per_replica && sum < 0) return kMaxInt64;
  }
  return sum;
}

}  // namespace

std::int32_t go_int32(double x) {
  return x > -2147483649.0 && x < 2147483648.0 ? static_cast<std::int32_t>(x)
                                               : std::numeric_limits<std::int32_t>::min();
}

std::int64_t go_int64(double x) {
  return x >= -9223372036854775808.0 && x < 9223372036854775808.0 ? static_cast<std::int64_t>(x)
                                                                  : std::numeric_limits<std::int64_t>::min();
}

HpaTolerance tolerance_of(const HpaSpec& spec, const HpaSettings& settings) {
  if (!spec.behavior) return {settings.tolerance, settings.tolerance};
  return {spec.behavior->scale_down.tolerance.value_or(settings.tolerance),
          spec.behavior->scale_up.tolerance.value_or(settings.tolerance)};
}

HpaProposal propose_replicas(const HpaMetricSpec& metric, const HpaMetricValue& value, const ScaledPods& pods,
                             std::int32_t spec_replicas, std::int32_t status_replicas, const HpaTolerance& tolerance,
                             const HpaSettings& settings, Time now) {
  switch (metric.type) {
    case HpaMetricType::kResource:
    case HpaMetricType::kContainerResource:
    case HpaMetricType::kPods:
      BERTH_CHECK(metric.target != HpaTargetType::kValue);
      return from_samples(metric, value.samples, pods, spec_replicas, tolerance, settings, now);
    case HpaMetricType::kObject:
    case HpaMetricType::kExternal:
      break;
  }
  BERTH_CHECK(metric.target != HpaTargetType::kUtilization);
  const bool per_replica = metric.target == HpaTargetType::kAverageValue;
  if (value.values_milli.empty()) return failed(HpaMetricError::kNoMetrics);
  const std::int64_t total = metric.type == HpaMetricType::kObject ? value.values_milli.front()
                                                                   : sum_external(value.values_milli, per_replica);
  return per_replica ? from_share(metric, total, status_replicas, tolerance)
                     : from_total(metric, total, pods, spec_replicas, tolerance);
}

}  // namespace berth
