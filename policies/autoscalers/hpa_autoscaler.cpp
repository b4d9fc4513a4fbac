#include "policies/autoscalers/hpa_autoscaler.hpp"

#include <cmath>
#include <utility>

#include "policies/params.hpp"
#include "policies/registry.hpp"
#include "sim/engine/error.hpp"

namespace berth {
namespace {

std::int32_t count(const Params& p, const char* name, std::int64_t fallback, std::int64_t min, const char* help) {
  return static_cast<std::int32_t>(p.integer(name, {.fallback = fallback, .min = min, .max = 1'000'000, .help = help}));
}

HpaSpec read_spec(const Params& p) {
  HpaSpec spec;
  spec.min_replicas = count(p, "min_replicas", 1, 0, "never less; 0 only with metric=concurrency");
  spec.max_replicas = count(p, "max_replicas", 10, 1, "never more");
  HpaMetricSpec& metric = spec.metrics.front();
  const bool cpu = p.choice("metric", {.fallback = "cpu",
                                       .values = {"cpu", "concurrency"},
                                       .help = "what is measured: CPU use, or requests in flight"}) == "cpu";
  const std::int64_t percent = p.integer(
      "cpu_percent", {.fallback = 80, .min = 1, .max = 100'000, .help = "metric=cpu: target, percent of the request"});
  const double concurrency = p.number(
      "concurrency", {.fallback = 70, .min = 0.001, .max = 1e6, .help = "metric=concurrency: target per replica"});
  if (cpu) {
    metric.target_value = percent;
  } else {
    metric = {HpaMetricType::kExternal, HpaTargetType::kAverageValue, std::llround(concurrency * 1000), false};
  }
  if (spec.min_replicas > spec.max_replicas) {
    throw InputError("policy \"hpa\": min_replicas is above max_replicas; expected at most as many");
  }
  if (spec.min_replicas == 0 && cpu) {
    throw InputError("policy \"hpa\": min_replicas is 0 with metric=cpu; expected 1 or more, or metric=concurrency");
  }
  return spec;
}

HpaSettings read_settings(const Params& p) {
  HpaSettings s;
  s.sync_period = seconds(count(p, "sync_period_seconds", 15, 1, "from one look to the next"));
  s.downscale_stabilization =
      seconds(count(p, "downscale_stabilization_seconds", 300, 0, "the highest proposal of this time counts"));
  s.tolerance = p.number("tolerance", {.fallback = 0.1, .min = 0, .max = 10, .help = "smaller changes are none"});
  s.cpu_initialization_period =
      seconds(count(p, "cpu_initialization_period_seconds", 300, 0, "CPU of starting pods is doubted this long"));
  s.initial_readiness_delay =
      seconds(count(p, "initial_readiness_delay_seconds", 30, 0, "unready this early means never been ready"));
  return s;
}

const Register<PodAutoscaler, HpaAutoscaler> kRegistered{
    "hpa", "Kubernetes' HorizontalPodAutoscaler, by CPU or by requests in flight"};

}  // namespace

HpaAutoscaler::HpaAutoscaler(const Params& params) : hpa_(read_spec(params), read_settings(params)) {}

void HpaAutoscaler::set_spec(HpaSpec spec) {
  hpa_.set_spec(std::move(spec));
  of_object_ = true;
}

std::int32_t HpaAutoscaler::observe(const ScaleObservation& o) {
  const std::int64_t total_milli = std::llround(o.concurrency * 1000);
  const HpaMetricValue metric{o.cpu, {&total_milli, 1}};
  HpaObservation observation;
  observation.now = o.now;
  observation.spec_replicas = o.spec_replicas;
  observation.status_replicas = o.status_replicas;
  observation.pods = o.pods;
  observation.metrics = of_object_ ? o.metrics : std::span<const HpaMetricValue>(&metric, 1);
  return hpa_.sync(observation).desired_replicas;
}

}  // namespace berth
