// Arrivals at times that are known: a steady beat, and a trace's own.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "sim/engine/error.hpp"
#include "workloads/traffic/segment_arrivals.hpp"

namespace berth {
namespace {

// Both know how many come before a time, which is all that mean_count() needs.
class ConstantStream final : public RequestArrivals {
 public:
  ConstantStream(double rate, ArrivalSpan span) : gap_(1e9L / rate), span_(span) {}
  std::size_t fill(std::span<Time> out) override {
    std::size_t i = 0;
    for (; i < out.size(); ++i) {
      const Time at = span_.from + Duration{static_cast<std::int64_t>(static_cast<long double>(next_) * gap_ + 0.5L)};
      if (at >= span_.until) break;
      out[i] = at;
      ++next_;
    }
    return i;
  }
  double mean_count(Time from, Time to) override { return before(to) - before(from); }

 private:
  double before(Time t) const {
    t = std::min(t, span_.until);
    if (t <= span_.from) return 0;
    return static_cast<double>(std::ceil(static_cast<long double>((t - span_.from).ns) / gap_));
  }
  long double gap_;  // Nanoseconds: 64 bits, so that 10^12 requests keep their places.
  ArrivalSpan span_;
  std::uint64_t next_ = 0;
};

class ReplayedStream final : public RequestArrivals {
 public:
  ReplayedStream(const std::vector<Time>& times, Duration period, ArrivalSpan span)
      : times_(times), period_(period), span_(span) {}
  std::size_t fill(std::span<Time> out) override {
    std::size_t i = 0;
    for (Time at; i < out.size() && next(at); ++next_) {
      if (at >= span_.until) break;
      if (at >= span_.from) out[i++] = at;
    }
    return i;
  }
  double mean_count(Time from, Time to) override {
    from = std::max(from, span_.from);
    to = std::min(to, span_.until);
    double count = 0;
    for (Time at; next(at) && at < to; ++next_) count += at >= from ? 1 : 0;
    return count;
  }

 private:
  bool next(Time& at) {
    if (next_ == times_.size()) {
      if (period_.ns == 0) return false;
      round_ += period_;
      next_ = 0;
    }
    at = times_[next_] + round_;
    return true;
  }
  const std::vector<Time>& times_;
  Duration period_;  // 0: once.
  ArrivalSpan span_;
  std::size_t next_ = 0;
  Duration round_{};
};

class ConstantProcess final : public ArrivalProcess {
 public:
  ConstantProcess(double rate, ArrivalSpan span) : rate_(rate), span_(span) { check_rate(rate, "rate"); }
  std::unique_ptr<RequestArrivals> open(std::uint64_t, std::uint32_t, std::uint32_t) const override {
    return std::make_unique<ConstantStream>(rate_, span_);
  }

 private:
  double rate_;
  ArrivalSpan span_;
};

class ReplayedProcess final : public ArrivalProcess {
 public:
  ReplayedProcess(std::vector<Time> times, double speed, bool repeat, ArrivalSpan span)
      : times_(std::move(times)), span_(span) {
    if (!(speed >= 1e-6 && speed <= 1e6)) {
      throw InputError(fmt::format("speed is {}; expected 1e-6 to 1e6", speed));
    }
    for (Time& t : times_) t.ns = std::llround(static_cast<double>(t.ns) / speed);
    BERTH_CHECK(std::ranges::is_sorted(times_));
    if (!repeat) return;
    if (times_.size() < 2 || times_.back() == times_.front()) {
      throw InputError("too few arrivals to be repeated; expected two or more, at different times");
    }
    const Duration mean_gap = (times_.back() - times_.front()) / static_cast<std::int64_t>(times_.size() - 1);
    period_ = times_.back() - Time{} + std::max(mean_gap, nanoseconds(1));
  }
  std::unique_ptr<RequestArrivals> open(std::uint64_t, std::uint32_t, std::uint32_t) const override {
    return std::make_unique<ReplayedStream>(times_, period_, span_);
  }

 private:
  std::vector<Time> times_;
  Duration period_{};
  ArrivalSpan span_;
};

}  // namespace

std::shared_ptr<const ArrivalProcess> constant_arrivals(double rate, ArrivalSpan span) {
  return std::make_shared<ConstantProcess>(rate, span);
}

std::shared_ptr<const ArrivalProcess> replayed_arrivals(std::vector<Time> times, double speed, bool repeat,
                                                        ArrivalSpan span) {
  return std::make_shared<ReplayedProcess>(std::move(times), speed, repeat, span);
}

}  // namespace berth
