#include "policies/autoscalers/hpa_behavior.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "policies/autoscalers/hpa_metrics.hpp"

namespace berth {
namespace {

constexpr std::size_t kNoSlot = std::numeric_limits<std::size_t>::max();

// int32 as Go has it: wrapping.
std::int32_t wrap(std::int64_t x) {
  return static_cast<std::int32_t>(x);
}

}  // namespace

void HpaMemory::begin(std::int32_t replicas, Time now) {
  if (recommendations_.empty()) recommendations_.push_back({replicas, now});
}

void HpaMemory::record(std::int32_t proposal, Time now, std::size_t old) {
  if (old == kNoSlot) {
    recommendations_.push_back({proposal, now});
  } else {
    recommendations_[old] = {proposal, now};
  }
}

HpaNormalized HpaMemory::normalize(const HpaSpec& spec, const HpaSettings& settings, std::int32_t current,
                                   std::int32_t proposal, Time now) {
  return spec.behavior ? with_behavior(spec, settings, current, proposal, now)
                       : without_behavior(spec, settings, current, proposal, now);
}

HpaNormalized HpaMemory::without_behavior(const HpaSpec& spec, const HpaSettings& settings, std::int32_t current,
                                          std::int32_t proposal, Time now) {
  const Time cutoff = now - settings.downscale_stabilization;
  std::int32_t highest = proposal;
  std::size_t old = kNoSlot;
  for (std::size_t i = 0; i < recommendations_.size(); ++i) {
    if (recommendations_[i].time < cutoff) {
      old = i;
    } else {
      highest = std::max(highest, recommendations_[i].replicas);
    }
  }
  record(proposal, now, old);

  HpaNormalized out;
  if (highest != proposal) out.stabilized = HpaStabilized::kScaleDown;
  const std::int32_t doubled = go_int32(std::max(2.0 * current, 4.0));
  const std::int32_t most = std::min(spec.max_replicas, doubled);
  out.replicas = highest;
  if (highest < spec.min_replicas) {
    out.replicas = spec.min_replicas;
    out.limit = HpaLimit::kTooFewReplicas;
  } else if (highest > most) {
    out.replicas = most;
    out.limit = spec.max_replicas > doubled ? HpaLimit::kScaleUpLimit : HpaLimit::kTooManyReplicas;
  }
  return out;
}

HpaNormalized HpaMemory::with_behavior(const HpaSpec& spec, const HpaSettings& settings, std::int32_t current,
                                       std::int32_t proposal, Time now) {
  const HpaBehavior& behavior = *spec.behavior;
  const std::int32_t stable = stabilize(behavior, settings, current, proposal, now);
  HpaNormalized out;
  if (stable != proposal) {
    out.stabilized = proposal >= current ? HpaStabilized::kScaleUp : HpaStabilized::kScaleDown;
  }
  out.replicas = stable;
  if (stable > current) {
    // A limit below the present scale (it grew faster than the policies now allow) means: no further.
    const std::int32_t rate = std::max(rate_limit(behavior.scale_up, true, current, now), current);
    const std::int32_t most = std::min(spec.max_replicas, rate);
    if (stable > most) {
      out.replicas = most;
      out.limit = spec.max_replicas > rate ? HpaLimit::kScaleUpLimit : HpaLimit::kTooManyReplicas;
    }
  } else if (stable < current) {
    const std::int32_t rate = std::min(rate_limit(behavior.scale_down, false, current, now), current);
    const std::int32_t least = std::max(spec.min_replicas, rate);
    if (stable < least) {
      out.replicas = least;
      out.limit = spec.min_replicas < rate ? HpaLimit::kScaleDownLimit : HpaLimit::kTooFewReplicas;
    }
  }
  return out;
}

std::int32_t HpaMemory::stabilize(const HpaBehavior& behavior, const HpaSettings& settings, std::int32_t current,
                                  std::int32_t proposal, Time now) {
  const auto& up_window = behavior.scale_up.stabilization_window_seconds;
  const auto& down_window = behavior.scale_down.stabilization_window_seconds;
  const Time up_cutoff = now - seconds(up_window.value_or(0));
  // The controller's own window counts in whole seconds here.
  const Duration down_for = seconds(down_window ? *down_window : settings.downscale_stabilization.ns / seconds(1).ns);
  const Time down_cutoff = now - down_for;
  std::int32_t at_least = proposal;
  std::int32_t at_most = proposal;
  std::size_t old = kNoSlot;
  for (std::size_t i = 0; i < recommendations_.size(); ++i) {
    const Recommendation& r = recommendations_[i];
    if (r.time > up_cutoff) at_least = std::min(at_least, r.replicas);
    if (r.time > down_cutoff) at_most = std::max(at_most, r.replicas);
    if (r.time < up_cutoff && r.time < down_cutoff) old = i;
  }
  record(proposal, now, old);
  return std::min(std::max(current, at_least), at_most);
}

std::int32_t HpaMemory::rate_limit(const HpaScalingRules& rules, bool up, std::int32_t current, Time now) const {
  using Select = HpaScalingRules::Select;
  if (rules.select == Select::kDisabled) return current;
  // Most change is the highest number when scaling up and the lowest when scaling down.
  const bool highest = (rules.select == Select::kMax) == up;
  std::int32_t limit = highest ? std::numeric_limits<std::int32_t>::min() : std::numeric_limits<std::int32_t>::max();
  for (const HpaScalingPolicy& policy : rules.policies) {
    const Duration period = seconds(policy.period_seconds);
    const std::int32_t start =
        wrap(std::int64_t{current} - change_within(up_events_, period, now) + change_within(down_events_, period, now));
    std::int32_t allowed = 0;
    if (policy.type == HpaScalingPolicy::Type::kPods) {
      allowed = wrap(std::int64_t{start} + (up ? policy.value : -std::int64_t{policy.value}));
    } else if (up) {  // Rounded up, or a small scale would never grow.
      allowed = go_int32(std::ceil(static_cast<double>(start) * (1 + static_cast<double>(policy.value) / 100)));
    } else {
      allowed = go_int32(static_cast<double>(start) * (1 - static_cast<double>(policy.value) / 100));
    }
    limit = highest ? std::max(limit, allowed) : std::min(limit, allowed);
  }
  return limit;
}

std::int32_t HpaMemory::change_within(const Events& events, Duration period, Time now) {
  const Time cutoff = now - period;
  std::int32_t sum = 0;
  for (const ScaleEvent& event : events) {
    if (event.time > cutoff) sum = wrap(std::int64_t{sum} + event.change);
  }
  return sum;
}

void HpaMemory::store(Events& events, const HpaScalingRules& rules, std::int32_t change, Time now) {
  std::int32_t longest = 0;
  for (const HpaScalingPolicy& policy : rules.policies) longest = std::max(longest, policy.period_seconds);
  const Time cutoff = now - seconds(longest);
  std::size_t slot = kNoSlot;
  for (std::size_t i = 0; i < events.size(); ++i) {
    events[i].outdated |= events[i].time < cutoff;
    if (events[i].outdated) slot = i;
  }
  if (slot == kNoSlot) {
    events.push_back({change, now, false});
  } else {
    events[slot] = {change, now, false};
  }
}

void HpaMemory::rescaled(const HpaSpec& spec, std::int32_t from, std::int32_t to, Time now) {
  if (!spec.behavior) return;
  if (to > from) {
    store(up_events_, spec.behavior->scale_up, wrap(std::int64_t{to} - from), now);
  } else {
    store(down_events_, spec.behavior->scale_down, wrap(std::int64_t{from} - to), now);
  }
}

}  // namespace berth
