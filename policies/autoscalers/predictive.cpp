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
      target_(p.number("concurrency",
                       {.fallback = 70, .min = 0.001, .max = 1e6, .help = "requests in flight a pod is to have"})),
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

std::int32_t PredictiveAutoscaler::observe(const ScaleObservation& o) {
  bank_.add(o.concurrency);
  double load = o.concurrency;
  if (bank_.ready()) {
    for (std::size_t step = 1; step <= steps_; ++step) load = std::max(load, bank_.forecast(step));
  }
  const double wanted = std::ceil(load * (1 + margin_) / target_);
  const auto bounded = static_cast<std::int32_t>(std::clamp(wanted, double(min_replicas_), double(max_replicas_)));
  return down_.record(slot_++, bounded);
}

}  // namespace berth
