#include "policies/autoscalers/holt_winters.hpp"

#include <cmath>

#include "sim/engine/error.hpp"

namespace berth {

HoltWinters::HoltWinters(const Smoothing& smoothing, std::size_t season)
    : smoothing_(smoothing), season_(season < 2 ? 0 : season), seasonal_(season_, 0.0) {}

bool HoltWinters::ready() const {
  return season_ == 0 ? count_ >= 2 : count_ >= season_;
}

void HoltWinters::add(double y) {
  if (!ready()) {
    if (season_ == 0) {
      trend_ = count_ == 0 ? 0 : y - level_;
      level_ = y;
    } else {
      seasonal_[count_] = y;
      if (count_ + 1 == season_) {
        double sum = 0;
        for (const double v : seasonal_) sum += v;
        level_ = sum / static_cast<double>(season_);
        for (double& v : seasonal_) v -= level_;
      }
    }
    ++count_;
    return;
  }
  double* place = season_ == 0 ? nullptr : &seasonal_[count_ % season_];
  const double seasonal = place == nullptr ? 0 : *place;
  const double before = level_;
  const double expected = level_ + trend_;
  level_ = smoothing_.level * (y - seasonal) + (1 - smoothing_.level) * expected;
  trend_ = smoothing_.trend * (level_ - before) + (1 - smoothing_.trend) * trend_;
  if (place != nullptr) *place = smoothing_.season * (y - expected) + (1 - smoothing_.season) * seasonal;
  ++count_;
}

double HoltWinters::forecast(std::size_t steps) const {
  BERTH_CHECK(ready() && steps >= 1);
  const double seasonal = season_ == 0 ? 0 : seasonal_[(count_ + steps - 1) % season_];
  return level_ + static_cast<double>(steps) * trend_ + seasonal;
}

HoltWintersBank::HoltWintersBank(std::size_t season, double half_life) : discount_(std::exp2(-1 / half_life)) {
  BERTH_CHECK(half_life > 0);
  for (const double level : {0.1, 0.3, 0.6, 0.9}) {
    for (const double trend : {0.0, 0.05, 0.2}) {
      const Smoothing plain{level, trend, 0};
      members_.push_back({plain, false, HoltWinters(plain, 0)});
      if (season < 2) continue;
      for (const double seasonal : {0.05, 0.3}) {
        const Smoothing smoothing{level, trend, seasonal};
        members_.push_back({smoothing, true, HoltWinters(smoothing, season)});
      }
    }
  }
}

void HoltWintersBank::add(double y) {
  for (Member& m : members_) {
    if (m.model.ready()) {  // Tried on the number before it learns from it.
      const double error = m.model.forecast(1) - y;
      m.error = m.error * discount_ + error * error;
      m.weight = m.weight * discount_ + 1;
    }
    m.model.add(y);
  }
  const auto mean = [](const Member& m) { return m.error / m.weight; };
  for (std::size_t i = 0; i < members_.size(); ++i) {
    if (members_[i].weight == 0) continue;
    if (members_[best_].weight == 0 || mean(members_[i]) < mean(members_[best_])) best_ = i;
  }
}

bool HoltWintersBank::ready() const {
  return members_[best_].weight > 0;
}

double HoltWintersBank::forecast(std::size_t steps) const {
  return members_[best_].model.forecast(steps);
}

}  // namespace berth
