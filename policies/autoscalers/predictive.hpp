// Predictive: replicas for the load that is to come while new pods start, not for the load that is. The CPU that pods
// use (or, if told to, the requests in flight, which in an overload say more of the queue than of the load) is taken
// once a period and forecast by Holt-Winters models that see the past alone (holt_winters.hpp); what is
// provided for is the highest forecast up to the horizon, or the present load if that is more, plus a safety margin.
// Down only to the highest wish of the scale-down window.
#pragma once

#include <optional>

#include "policies/autoscalers/holt_winters.hpp"
#include "policies/autoscalers/pod_autoscaler.hpp"
#include "policies/autoscalers/sliding_max.hpp"

namespace berth {

class Params;

class PredictiveAutoscaler final : public PodAutoscaler {
 public:
  // Throws InputError if the minimum is above the maximum.
  explicit PredictiveAutoscaler(const Params& params);
  Duration period() const override { return period_; }
  // Observations are taken to come once a period.
  std::int32_t observe(const ScaleObservation& o) override;

 private:
  std::optional<double> load(const ScaleObservation& o) const;

  Duration period_;
  double concurrency_;  // 0: by CPU.
  double cpu_share_;    // Of the request.
  double margin_;
  std::size_t steps_;
  std::int32_t min_replicas_;
  std::int32_t max_replicas_;
  HoltWintersBank bank_;
  SlidingMax down_;
  std::int64_t slot_ = 0;
};

}  // namespace berth
