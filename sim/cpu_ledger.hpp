// CPU that pods which serve have used, against what they requested and what the nodes have: integrals over a run.
#pragma once

#include <cstdint>

#include "sim/engine/time.hpp"

namespace berth {

class CpuLedger {
 public:
  // Nodes come and go (on the net or off it); `cpu_milli` is what one has for pods.
  void node(Time now, std::int64_t cpu_milli, bool on) {
    advance(now);
    on_milli_ += on ? cpu_milli : -cpu_milli;
  }
  // A pod is over, or the run is: it was there for `time`, requested `cpu_milli` and used `core_ns`.
  void pod(Duration time, std::int64_t cpu_milli, std::int64_t core_ns) {
    used_s_ += static_cast<double>(core_ns) * 1e-9;
    requested_s_ += time.seconds() * static_cast<double>(cpu_milli) / 1000;
  }
  void advance(Time now) {
    there_s_ += (now - at_).seconds() * static_cast<double>(on_milli_) / 1000;
    at_ = now;
  }

  // Core-seconds.
  double used() const { return used_s_; }
  double requested() const { return requested_s_; }
  double there() const { return there_s_; }

 private:
  Time at_;
  std::int64_t on_milli_ = 0;
  double used_s_ = 0, requested_s_ = 0, there_s_ = 0;
};

}  // namespace berth
