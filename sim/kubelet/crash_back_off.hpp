// CrashLoopBackOff of one container: how long it rests before it is started again.
// Source: client-go util/flowcontrol/backoff.go as pkg/kubelet/kuberuntime uses it (doBackOff).
#pragma once

#include <algorithm>

#include "sim/engine/time.hpp"

namespace berth {

inline constexpr Duration kCrashBackOffInitial = seconds(10);
inline constexpr Duration kCrashBackOffMax = seconds(300);

class CrashBackOff {
 public:
  // How long a container that finished at `finished` has still to rest, 0 if it may start. `collected`: the last
  // instant, at or before `now`, of the kubelet's pass (every 2 s) that forgets entries older than twice the maximum:
  // it does so even while a container rests.
  Duration rest(Time now, Time finished, Time collected) const {
    if (expired(finished, collected)) return {};
    return std::max(Duration{}, delay_ - (now - finished));
  }

  // It is started after that finish: the next rest is twice this one, or the first one again.
  void started(Time now, Time finished, Time collected) {
    delay_ = expired(finished, collected) ? kCrashBackOffInitial : std::min(delay_ * 2, kCrashBackOffMax);
    updated_ = now;
  }

  Duration delay() const { return delay_; }
  void forget() { *this = {}; }

 private:
  bool expired(Time finished, Time collected) const {
    return updated_ == kNever || finished - updated_ > kCrashBackOffMax * 2 ||
           (collected > updated_ && collected - updated_ > kCrashBackOffMax * 2);
  }

  Duration delay_;
  Time updated_ = kNever;  // kNever: no entry.
};

}  // namespace berth
