// Fixed: always the same number of replicas. The baseline that every autoscaler must beat.
#pragma once

#include "policies/autoscalers/pod_autoscaler.hpp"

namespace berth {

class Params;

class FixedAutoscaler final : public PodAutoscaler {
 public:
  explicit FixedAutoscaler(const Params& params);
  Duration period() const override { return seconds(15); }
  std::int32_t observe(const ScaleObservation&) override { return replicas_; }

 private:
  std::int32_t replicas_;
};

}  // namespace berth
