// A day's wave.
#include <fmt/format.h>

#include <cmath>
#include <numbers>

#include "sim/engine/error.hpp"
#include "workloads/traffic/segment_arrivals.hpp"
#include "workloads/traffic/thinned_arrivals.hpp"

namespace berth {
namespace {

class DiurnalFunction final : public RateFunction {
 public:
  explicit DiurnalFunction(const DiurnalRate& r)
      : rate_(r.rate),
        amplitude_(r.amplitude),
        omega_(2 * std::numbers::pi / r.period.seconds()),
        peak_(r.peak.seconds()) {}
  double rate(double t) const override { return rate_ * (1 + amplitude_ * std::cos(omega_ * (t - peak_))); }
  double greatest() const override { return rate_ * (1 + amplitude_); }
  double integral(double t) const override {
    return rate_ * (t + amplitude_ / omega_ * (std::sin(omega_ * (t - peak_)) + std::sin(omega_ * peak_)));
  }

 private:
  double rate_;
  double amplitude_;
  double omega_;
  double peak_;
};

}  // namespace

std::shared_ptr<const ArrivalProcess> diurnal_arrivals(const DiurnalRate& rate, ArrivalSpan span) {
  check_rate(rate.rate, "rate");
  if (!(rate.amplitude >= 0 && rate.amplitude <= 1)) {
    throw InputError(fmt::format("amplitude is {}; expected 0 to 1", rate.amplitude));
  }
  if (rate.period < seconds(1)) throw InputError("period is " + to_string(rate.period) + "; expected 1s or more");
  return thinned_arrivals(std::make_shared<DiurnalFunction>(rate), span);
}

}  // namespace berth
