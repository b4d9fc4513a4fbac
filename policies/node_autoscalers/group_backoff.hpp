// How long a node group is left alone after machines failed to come: 5 min, doubled each time up to 30 min.
// Source: cluster-autoscaler utils/backoff/exponential_backoff.go, release 1.37.
#pragma once

#include <algorithm>

#include "sim/engine/time.hpp"

namespace berth {

struct BackoffLimits {
  Duration initial = seconds(300);
  Duration max = seconds(1'800);
  Duration reset = seconds(10'800);  // After the last failure.
};

class GroupBackoff {
 public:
  // A failure. While the group is in back-off already a further one starts from the initial duration again: failures
  // that belong together do not add up.
  void fail(Time now, const BackoffLimits& limits) {
    Duration next = limits.initial;
    if (active_ && until_ < now) next = std::min(duration_ * 2, limits.max);
    active_ = true;
    duration_ = next;
    until_ = now + next;
    last_failure_ = now;
  }
  bool blocks(Time now) const { return active_ && until_ > now; }
  Time until() const { return until_; }
  void clear() { active_ = false; }
  void forget_old(Time now, const BackoffLimits& limits) {
    if (active_ && last_failure_ + limits.reset < now) active_ = false;
  }

 private:
  bool active_ = false;
  Duration duration_;
  Time until_;
  Time last_failure_;
};

}  // namespace berth
