#include "workloads/traffic/thinned_arrivals.hpp"

#include <algorithm>
#include <utility>

#include "sim/engine/distribution.hpp"

namespace berth {
namespace {

class ThinnedStream final : public RequestArrivals {
 public:
  ThinnedStream(std::shared_ptr<const RateFunction> rate, const Rng& rng, ArrivalSpan span)
      : rate_(std::move(rate)), rng_(rng), span_(span), at_(span.from) {}

  std::size_t fill(std::span<Time> out) override {
    const double mean_gap_ns = 1e9 / rate_->greatest();
    std::size_t i = 0;
    while (i < out.size() && at_ < span_.until) {
      rest_ += exponential_ziggurat(rng_, mean_gap_ns);  // Below a nanosecond is carried over, not lost.
      const auto whole = static_cast<std::int64_t>(rest_);
      rest_ -= static_cast<double>(whole);
      at_ = at_ + Duration{whole};
      if (at_ >= span_.until) break;
      if (rng_.uniform() * rate_->greatest() < rate_->rate(at_.seconds())) out[i++] = at_;
    }
    return i;
  }

  double mean_count(Time from, Time to) override {
    from = std::max(from, span_.from);
    to = std::min(to, span_.until);
    return from < to ? rate_->integral(to.seconds()) - rate_->integral(from.seconds()) : 0;
  }

 private:
  std::shared_ptr<const RateFunction> rate_;
  Rng rng_;
  ArrivalSpan span_;
  Time at_;
  double rest_ = 0;
};

class ThinnedProcess final : public ArrivalProcess {
 public:
  ThinnedProcess(std::shared_ptr<const RateFunction> rate, ArrivalSpan span) : rate_(std::move(rate)), span_(span) {}
  std::unique_ptr<RequestArrivals> open(std::uint64_t seed, std::uint32_t replication,
                                        std::uint32_t source) const override {
    return std::make_unique<ThinnedStream>(rate_, Rng(seed, replication, source, Purpose::kTraffic), span_);
  }

 private:
  std::shared_ptr<const RateFunction> rate_;
  ArrivalSpan span_;
};

}  // namespace

std::shared_ptr<const ArrivalProcess> thinned_arrivals(std::shared_ptr<const RateFunction> rate, ArrivalSpan span) {
  return std::make_shared<ThinnedProcess>(std::move(rate), span);
}

}  // namespace berth
