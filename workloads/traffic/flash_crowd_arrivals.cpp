// A flash crowd: rise, peak, and slowly back.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "sim/engine/error.hpp"
#include "workloads/traffic/segment_arrivals.hpp"
#include "workloads/traffic/thinned_arrivals.hpp"

namespace berth {
namespace {

class FlashCrowdFunction final : public RateFunction {
 public:
  explicit FlashCrowdFunction(const FlashCrowd& c)
      : base_(c.rate),
        extra_(c.rate * (c.factor - 1)),
        at_(c.at.seconds()),
        ramp_(c.ramp.seconds()),
        hold_(c.hold.seconds()),
        decay_(c.decay.seconds()) {}

  double rate(double t) const override {
    const double into = t - at_;
    if (into < 0) return base_;
    if (into < ramp_) return base_ + extra_ * into / ramp_;
    if (into < ramp_ + hold_) return base_ + extra_;
    return decay_ > 0 ? base_ + extra_ * std::exp(-(into - ramp_ - hold_) / decay_) : base_;
  }
  double greatest() const override { return base_ + extra_; }
  double integral(double t) const override {
    const double into = std::max(0.0, t - at_);
    const double rising = std::min(into, ramp_);
    const double holding = std::clamp(into - ramp_, 0.0, hold_);
    const double falling = std::max(0.0, into - ramp_ - hold_);
    double extra = holding;
    if (ramp_ > 0) extra += rising * rising / (2 * ramp_);
    if (decay_ > 0) extra += decay_ * -std::expm1(-falling / decay_);
    return base_ * t + extra_ * extra;
  }

 private:
  double base_;
  double extra_;
  double at_;
  double ramp_;
  double hold_;
  double decay_;
};

}  // namespace

std::shared_ptr<const ArrivalProcess> flash_crowd_arrivals(const FlashCrowd& crowd, ArrivalSpan span) {
  check_rate(crowd.rate, "rate");
  if (!(crowd.factor >= 1 && crowd.factor <= 1e6)) {
    throw InputError(fmt::format("factor is {}; expected 1 to 1e6", crowd.factor));
  }
  return thinned_arrivals(std::make_shared<FlashCrowdFunction>(crowd), span);
}

}  // namespace berth
