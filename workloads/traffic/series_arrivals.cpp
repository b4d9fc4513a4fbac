// Poisson at a trace's rates.
#include <utility>

#include "sim/engine/error.hpp"
#include "workloads/traffic/segment_arrivals.hpp"

namespace berth {
namespace {

class SeriesSegments final : public RateSegments {
 public:
  SeriesSegments(const RateSeries& series, bool repeat) : series_(series), repeat_(repeat) {}

  bool next(Segment& out) override {
    if (series_.end.ns == 0) return false;
    while (true) {
      if (next_ == series_.steps.size()) {
        const Time stop = series_.end + round_;
        if (at_ < stop) {  // Quiet to the series' end.
          out = {at_, stop, 0};
          at_ = stop;
          return true;
        }
        if (!repeat_) return false;
        next_ = 0;
        round_ = stop - Time{};
        if (series_.steps.empty()) return false;
      }
      const RateSeries::Step& step = series_.steps[next_];
      const Time from = step.from + round_;
      if (at_ < from) {  // A hole.
        out = {at_, from, 0};
        at_ = from;
        return true;
      }
      ++next_;
      out = {from, from + step.length, step.count / static_cast<double>(step.length.ns)};
      at_ = out.until;
      return true;
    }
  }

 private:
  const RateSeries& series_;
  bool repeat_;
  std::size_t next_ = 0;
  Time at_{};
  Duration round_{};
};

class SeriesProcess final : public ArrivalProcess {
 public:
  SeriesProcess(RateSeries series, bool repeat, ArrivalSpan span)
      : series_(std::move(series)), repeat_(repeat), span_(span) {
    Time last{};
    for (const RateSeries::Step& step : series_.steps) {
      BERTH_CHECK(step.from >= last && step.length.ns > 0 && step.count >= 0);
      last = step.from + step.length;
    }
    BERTH_CHECK(series_.end >= last);
    if (repeat && !(series_.count() > 0)) throw InputError("the series has no requests; expected some, to be repeated");
  }
  std::unique_ptr<RequestArrivals> open(std::uint64_t seed, std::uint32_t replication,
                                        std::uint32_t source) const override {
    return segment_arrivals(std::make_unique<SeriesSegments>(series_, repeat_),
                            Rng(seed, replication, source, Purpose::kTraffic), span_);
  }

 private:
  RateSeries series_;
  bool repeat_;
  ArrivalSpan span_;
};

}  // namespace

std::shared_ptr<const ArrivalProcess> series_arrivals(RateSeries series, bool repeat, ArrivalSpan span) {
  return std::make_shared<SeriesProcess>(std::move(series), repeat, span);
}

}  // namespace berth
