#include "workloads/traffic/segment_arrivals.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "sim/engine/distribution.hpp"
#include "sim/engine/error.hpp"

namespace berth {
namespace {

class SegmentArrivals final : public RequestArrivals {
 public:
  SegmentArrivals(std::unique_ptr<RateSegments> segments, const Rng& rng, ArrivalSpan span)
      : segments_(std::move(segments)), rng_(rng), span_(span) {
    over_ = !advance();
  }

  // Unit exponential gaps in the integral of the rate, mapped back.
  std::size_t fill(std::span<Time> out) override {
    std::size_t i = 0;
    while (i < out.size() && !over_) {
      if (need_ < 0) need_ = exponential_ziggurat(rng_, 1);
      const double mass = segment_.per_ns * (static_cast<double>((segment_.until - segment_.from).ns) - offset_);
      if (mass <= need_) {
        need_ -= std::max(0.0, mass);
        over_ = !advance();
        continue;
      }
      offset_ += need_ / segment_.per_ns;
      need_ = -1;
      const auto whole = static_cast<std::int64_t>(offset_);  // The segment now begins here: no digits are lost.
      offset_ -= static_cast<double>(whole);
      segment_.from = std::min(segment_.until, segment_.from + Duration{whole});
      const Time at = segment_.from;
      if (at < span_.from) continue;
      over_ = at >= span_.until;
      if (!over_) out[i++] = at;
    }
    return i;
  }

  double mean_count(Time from, Time to) override {
    from = std::max(from, span_.from);
    to = std::min(to, span_.until);
    double count = 0;
    while (!over_ && from < to) {
      if (segment_.until <= from) {
        over_ = !advance();
        continue;
      }
      const Time stop = std::min(to, segment_.until);
      count += segment_.per_ns * static_cast<double>((stop - std::max(from, segment_.from)).ns);
      from = stop;
    }
    return count;
  }

 private:
  bool advance() {
    offset_ = 0;
    return segments_->next(segment_);
  }

  std::unique_ptr<RateSegments> segments_;
  Rng rng_;
  ArrivalSpan span_;
  RateSegments::Segment segment_;
  double offset_ = 0;  // Nanoseconds into the segment, < 1.
  double need_ = -1;   // What of the present gap is left; < 0: a new one.
  bool over_ = false;
};

class ConstantSegments final : public RateSegments {
 public:
  ConstantSegments(double rate, ArrivalSpan span) : rate_(rate), span_(span) {}
  bool next(Segment& out) override {
    if (done_) return false;
    done_ = true;
    out = {span_.from, span_.until, rate_ * 1e-9};
    return true;
  }

 private:
  double rate_;
  ArrivalSpan span_;
  bool done_ = false;
};

class PoissonProcess final : public ArrivalProcess {
 public:
  PoissonProcess(double rate, ArrivalSpan span) : rate_(rate), span_(span) { check_rate(rate, "rate"); }
  std::unique_ptr<RequestArrivals> open(std::uint64_t seed, std::uint32_t replication,
                                        std::uint32_t source) const override {
    return segment_arrivals(std::make_unique<ConstantSegments>(rate_, span_),
                            Rng(seed, replication, source, Purpose::kTraffic), span_);
  }

 private:
  double rate_;
  ArrivalSpan span_;
};

}  // namespace

void check_rate(double rate, const char* what) {
  if (!(rate > 0 && rate <= 1e9))
    throw InputError(fmt::format("{} is {}; expected more than 0, up to 1e9 requests/s", what, rate));
}

std::unique_ptr<RequestArrivals> segment_arrivals(std::unique_ptr<RateSegments> segments, const Rng& rng,
                                                  ArrivalSpan span) {
  return std::make_unique<SegmentArrivals>(std::move(segments), rng, span);
}

std::shared_ptr<const ArrivalProcess> poisson_arrivals(double rate, ArrivalSpan span) {
  return std::make_shared<PoissonProcess>(rate, span);
}

}  // namespace berth
