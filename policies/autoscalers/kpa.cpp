#include "policies/autoscalers/kpa.hpp"

#include <algorithm>
#include <cmath>

#include "policies/params.hpp"
#include "policies/registry.hpp"
#include "sim/engine/error.hpp"

namespace berth {
namespace {

constexpr double kDefaultConcurrency = 100;  // container-concurrency-target-default
constexpr double kTargetMin = 0.01;
constexpr Duration kActivationBuffer = seconds(30);  // After the progress deadline.

std::size_t buckets(Duration window) {
  return static_cast<std::size_t>(std::max<std::int64_t>(1, (window.ns + seconds(1).ns - 1) / seconds(1).ns));
}

Duration span(const Params& p, const char* name, std::int64_t fallback, std::int64_t min, const char* help) {
  return seconds(p.integer(name, {.fallback = fallback, .min = min, .max = 86'400, .help = help}));
}

std::int32_t count(const Params& p, const char* name, std::int64_t fallback, std::int64_t min, const char* help) {
  return static_cast<std::int32_t>(p.integer(name, {.fallback = fallback, .min = min, .max = 1'000'000, .help = help}));
}

KpaSettings read_settings(const Params& p) {
  KpaSettings s;
  const double concurrency =
      p.number("container_concurrency", {.fallback = 0, .min = 0, .max = 1000, .help = "hard limit per pod; 0: none"});
  if (concurrency > 0) s.container_concurrency = static_cast<std::uint32_t>(std::max(1.0, concurrency));
  s.total = concurrency == 0 ? kDefaultConcurrency : concurrency;
  const double percent = p.number(
      "target_percent", {.fallback = 70, .min = 1, .max = 100, .help = "of the limit (of 100 if none): the target"});
  s.target = std::max(kTargetMin, s.total * (percent / 100));
  s.stable_window = span(p, "stable_window_seconds", 60, 6, "averaging while calm");
  s.panic_window_fraction =
      p.number("panic_window_percent",
               {.fallback = 10, .min = 1, .max = 100, .help = "of the stable window: averaging in a burst"}) /
      100;
  s.panic_threshold =
      p.number(
          "panic_threshold_percent",
          {.fallback = 200, .min = 110, .max = 1000, .help = "panic once this share of the ready pods is wanted"}) /
      100;
  s.max_scale_up_rate =
      p.number("max_scale_up_rate", {.fallback = 1000, .min = 1.01, .max = 1e6, .help = "times the ready pods"});
  s.max_scale_down_rate =
      p.number("max_scale_down_rate", {.fallback = 2, .min = 1.01, .max = 1e6, .help = "divides the ready pods"});
  s.scale_down_delay = span(p, "scale_down_delay_seconds", 0, 0, "the highest wish of this time counts");
  s.target_burst_capacity = p.number(
      "target_burst_capacity",
      {.fallback = 211, .min = -1, .max = 1e6, .help = "burst to be ready for; -1: activator always in the path"});
  s.scale_to_zero =
      p.choice("scale_to_zero", {.fallback = "true", .values = {"true", "false"}, .help = "or keep 1"}) == "true";
  s.scale_to_zero_grace = span(p, "scale_to_zero_grace_seconds", 30, 1, "idle before the last pod goes");
  s.scale_to_zero_pod_retention = span(p, "scale_to_zero_pod_retention_seconds", 0, 0, "the last pod stays so long");
  s.progress_deadline = span(p, "progress_deadline_seconds", 600, 1, "to become ready, or be scaled to zero");
  s.min_scale = count(p, "min_scale", 0, 0, "never less");
  s.max_scale = count(p, "max_scale", 0, 0, "never more; 0: no limit");
  s.initial_scale = count(p, "initial_scale", 1, 1, "pods to begin with");
  s.activation_scale = count(p, "activation_scale", 1, 1, "at least so many as soon as there is traffic");
  if (s.max_scale != 0 && s.min_scale > s.max_scale) {
    throw InputError("policy \"kpa\": min_scale is above max_scale; expected at most as many");
  }
  return s;
}

// Beyond int32 only if the load is absurd: saturates.
std::int32_t whole(double x) {
  return static_cast<std::int32_t>(std::clamp(x, -2147483647.0, 2147483647.0));
}

const Register<PodAutoscaler, Kpa> kRegistered{
    "kpa", "Knative's autoscaler: requests in flight, panic in bursts, down to zero"};

}  // namespace

void WindowAverage::record(Time now, double value) {
  BERTH_CHECK(now.ns >= 0);
  const std::int64_t second = now.ns / seconds(1).ns;
  const auto size = static_cast<std::int64_t>(ring_.size());
  if (filled_ > 0 && second <= last_) {
    double& bucket = ring_[static_cast<std::size_t>(last_ % size)];
    bucket = std::max(bucket, value);
    return;
  }
  const std::int64_t first = filled_ == 0 ? second : std::max(last_ + 1, second - size + 1);
  for (std::int64_t s = first; s <= second; ++s) {
    ring_[static_cast<std::size_t>(s % size)] = value;
    filled_ = std::min(filled_ + 1, ring_.size());
  }
  last_ = second;
}

double WindowAverage::average() const {
  if (filled_ == 0) return 0;
  double sum = 0;
  for (std::size_t i = 0; i < filled_; ++i) {
    sum += ring_[static_cast<std::size_t>((last_ - static_cast<std::int64_t>(i)) %
                                          static_cast<std::int64_t>(ring_.size()))];
  }
  return std::round(sum / static_cast<double>(filled_) * 1e6) / 1e6;
}

Kpa::Kpa(const Params& params) : Kpa(read_settings(params)) {}

Kpa::Kpa(const KpaSettings& settings)
    : s_(settings),
      stable_(buckets(settings.stable_window)),
      panic_(buckets(from_seconds(settings.stable_window.seconds() * settings.panic_window_fraction))) {
  if (s_.scale_down_delay.ns > 0) delay_.emplace((s_.scale_down_delay.ns + kTick.ns - 1) / kTick.ns);
}

std::int32_t Kpa::observe(const ScaleObservation& o) {
  if (!begun_) {  // An autoscaler that finds pods knows nothing of the past: it keeps them for a while.
    begun_ = true;
    status_since_ = o.now;
    if (o.ready_replicas > 1) {
      panic_since_ = o.now;
      max_panic_pods_ = o.ready_replicas;
    }
  }
  stable_.record(o.now, o.concurrency);
  panic_.record(o.now, o.concurrency);

  std::int32_t wanted = decide(o);
  const std::optional<std::int32_t> scale = apply(o, wanted);
  if (wanted > 0 && excess_ >= 0) {
    proxy_since_.reset();
  } else if (!proxy_since_) {
    proxy_since_ = o.now;
  }
  update_status(o, wanted);
  return scale.value_or(o.spec_replicas);
}

std::int32_t Kpa::decide(const ScaleObservation& o) {
  const double ready = std::max(1, o.ready_replicas);
  const double stable_value = stable_.average();
  const double panic_value = panic_.average();
  const double most = std::ceil(s_.max_scale_up_rate * ready);
  const double least = std::floor(ready / s_.max_scale_down_rate);
  const double by_stable = std::ceil(stable_value / s_.target);
  const double by_panic = std::ceil(panic_value / s_.target);
  std::int32_t wanted = whole(std::min(std::max(by_stable, least), most));
  std::int32_t wanted_panic = whole(std::min(std::max(by_panic, least), most));
  if (s_.activation_scale > 1) {
    if (by_stable > 0) wanted = std::max(wanted, s_.activation_scale);
    if (by_panic > 0) wanted_panic = std::max(wanted_panic, s_.activation_scale);
  }

  if (by_panic / ready >= s_.panic_threshold) {
    panic_since_ = o.now;
  } else if (panic_since_ && *panic_since_ + s_.stable_window < o.now) {
    panic_since_.reset();
    max_panic_pods_ = 0;
  }
  if (panic_since_) {  // Never down while in panic.
    max_panic_pods_ = std::max({max_panic_pods_, wanted, wanted_panic});
    wanted = max_panic_pods_;
  }
  if (delay_) wanted = delay_->record(o.now.ns / kTick.ns, wanted);

  if (s_.target_burst_capacity == 0) {
    excess_ = 0;
  } else if (s_.target_burst_capacity > 0) {
    excess_ = whole(std::floor(o.ready_replicas * s_.total - s_.target_burst_capacity - panic_value));
  } else {
    excess_ = -1;
  }
  return wanted;
}

std::optional<std::int32_t> Kpa::apply(const ScaleObservation& o, std::int32_t& wanted) {
  const std::int32_t least =
      initialized_ ? s_.min_scale : std::max(s_.min_scale, s_.initial_scale > 1 ? s_.initial_scale : 0);
  if (wanted < least) {
    wanted = least;
  } else if (s_.max_scale != 0 && wanted > s_.max_scale) {
    wanted = s_.max_scale;
  }
  if (wanted != 0) return wanted;
  if (!s_.scale_to_zero) {
    wanted = 1;
    return wanted;
  }
  const Duration since = o.now - status_since_;
  switch (status_) {
    case Status::kActivating:
      if (since > s_.progress_deadline + kActivationBuffer) return 0;
      wanted = -1;  // Not known yet.
      return std::nullopt;
    case Status::kActive:
      if (since >= s_.stable_window) return std::nullopt;  // Becomes inactive; the pods stay for now.
      wanted = 1;
      return 1;
    case Status::kInactive:
      break;
  }
  if (since >= std::max(s_.scale_to_zero_grace, s_.scale_to_zero_pod_retention)) return 0;
  if (since < s_.scale_to_zero_pod_retention) return std::nullopt;
  // Behind the activator for long enough, requests that come now are not lost.
  if (proxy_since_ && o.now - *proxy_since_ >= s_.scale_to_zero_grace) return 0;
  return std::nullopt;
}

void Kpa::update_status(const ScaleObservation& o, std::int32_t wanted) {
  const std::int32_t enough = std::max({1, s_.min_scale, initialized_ ? 0 : s_.initial_scale});
  if (o.ready_replicas >= enough) initialized_ = true;
  Status next = status_;
  if (wanted == 0) {
    next = Status::kInactive;
  } else if (wanted > 0 || status_ != Status::kInactive) {
    next = o.ready_replicas >= enough ? Status::kActive : Status::kActivating;
  }
  if (next != status_) {
    status_ = next;
    status_since_ = o.now;
  }
}

}  // namespace berth
