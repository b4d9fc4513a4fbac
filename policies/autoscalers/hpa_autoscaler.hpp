// The HorizontalPodAutoscaler as a policy: of CPU utilization, or of requests in flight per replica (as an External
// metric with an AverageValue, the way KEDA and Prometheus adapters feed it).
#pragma once

#include "policies/autoscalers/hpa.hpp"
#include "policies/autoscalers/pod_autoscaler.hpp"

namespace berth {

class Params;

class HpaAutoscaler final : public PodAutoscaler {
 public:
  // Throws InputError if the minimum is above the maximum, or 0 with the CPU metric.
  explicit HpaAutoscaler(const Params& params);
  Duration period() const override { return hpa_.settings().sync_period; }
  std::int32_t observe(const ScaleObservation& o) override;
  // Carries out this object from now on, and no longer what the parameters say: each observation brings its metrics
  // (ScaleObservation::metrics). BERTH_CHECKs as Hpa does.
  void set_spec(HpaSpec spec);
  const Hpa& hpa() const { return hpa_; }

 private:
  Hpa hpa_;
  bool of_object_ = false;
};

}  // namespace berth
