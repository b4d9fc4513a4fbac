#include "policies/autoscalers/predictive.hpp"

#include <algorithm>
#include <cmath>

#include "policies/params.hpp"
#include "policies/registry.hpp"
#include "sim/engine/error.hpp"

namespace berth {
namespace {

Duration span(const Params& p, const char* name, std::int64_t fallback, std::int64_t min, const char* help) {
  return seconds(p.integer(name, {.fallback = fallback, .min = min, .max = 31'622'400, .help = help}));
}

// Whole periods in `d`, rounded up.
std::int64_t periods(Duration d, Duration period) {
  return (d.ns + period.ns - 1) / period.ns;
}

std::int32_t count(const Params& p, const char* name, std::int64_t fallback, std::int64_t min, const char* help) {
  return static_cast<std::int32_t>(p.integer(name, {.fallback = fallback, .min = min, .max = 1'000'000, .help = help}));
}

std::size_t season(const Params& p, Duration period) {
  const Duration length = span(p, "season_seconds", 86'400, 0, "after which the load repeats itself; 0: it does not");
  return static_cast<std::size_t>(periods(length, period));
}

const Register<PodAutoscaler, PredictiveAutoscaler> kRegistered{
    "predictive", "for the load that Holt-Winters expects while new pods start"};

}  // namespace

PredictiveAutoscaler::PredictiveAutoscaler(const Params& p)
    : period_(span(p, "period_seconds", 60, 1, "one number of the series, one decision")),
      concurrency_(p.number(
          "concurrency",
          {.fallback = 0, .min = 0, .max = 1e6, .help = "requests in flight a pod is to have; 0: go by CPU use"})),
      cpu_share_(
          p.number("cpu_percent",
                   {.fallback = 70, .min = 1, .max = 100'000, .help = "of the request: CPU use a pod is to have"}) /
          100),
      margin_(p.number("margin_percent",
                       {.fallback = 20, .min = 0, .max = 1000, .help = "more than forecast, for safety"}) /
              100),
      steps_(static_cast<std::size_t>(
          periods(span(p, "horizon_seconds", 120, 1, "how far ahead: the time that new pods need"), period_))),
      min_replicas_(count(p, "min_replicas", 1, 0, "never less")),
      max_replicas_(count(p, "max_replicas", 10, 1, "never more")),
      bank_(season(p, period_),
            p.number("half_life_periods",
                     {.fallback = 720, .min = 1, .max = 1e6, .help = "of errors, in choosing the model"})),
      down_(std::max<std::int64_t>(
          1, periods(span(p, "scale_down_window_seconds", 300, 0, "the highest wish of this time counts"), period_))) {
  if (min_replicas_ > max_replicas_) {
    throw InputError("policy \"predictive\": min_replicas is above max_replicas; expected at most as many");
  }
}

// The load in pods that have just what they are to have; nothing if nobody knows.
std::optional<double> PredictiveAutoscaler::load(const ScaleObservation& o) const {
  if (concurrency_ > 0) return o.concurrency / concurrency_;
  std::int64_t used = 0;
  std::int64_t requested = 0;
  std::int64_t pods = 0;
  for (std::size_t i = 0; i < o.cpu.value_milli.size(); ++i) {
    if (o.cpu.value_milli[i] == kNoSample || o.cpu.request_milli[i] == kNoRequest) continue;
    used += o.cpu.value_milli[i];
    requested += o.cpu.request_milli[i];
    ++pods;
  }
  if (requested == 0) return std::nullopt;
  return static_cast<double>(used) / (cpu_share_ * static_cast<double>(requested) / static_cast<double>(pods));
}

std::int32_t PredictiveAutoscaler::observe(const ScaleObservation& o) {
  const std::optional<double> now = load(o);
  double most = o.spec_replicas;  // Blind: as it is.
  if (now) {
    bank_.add(*now);
    most = *now;
    if (bank_.ready()) {
      for (std::size_t step = 1; step <= steps_; ++step) most = std::max(most, bank_.forecast(step));
    }
    most = std::ceil(most * (1 + margin_) - 1e-9);
  }
  const auto bounded = static_cast<std::int32_t>(std::clamp(most, double(min_replicas_), double(max_replicas_)));
  return down_.record(slot_++, bounded);
}

}  // namespace berth
