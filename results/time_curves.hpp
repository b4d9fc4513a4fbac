// Levels that vary over time, integrated over a window that is cut into equal spans: a curve per level, and its sum.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "results/run_result.hpp"
#include "sim/engine/error.hpp"
#include "sim/engine/time.hpp"

namespace berth {

// Of N levels, from 0 to `window` > 0, in `points` > 0 spans. 8 * N * points bytes.
template <std::size_t N>
class TimeCurves {
 public:
  TimeCurves(Time window, std::size_t points) : window_ns_(window.ns), points_(points) {
    BERTH_CHECK(window.ns > 0 && points > 0);
    sums_.assign(points * N, 0.0);
  }

  // The clock so far.
  std::int64_t now_ns() const { return now_ns_; }
  // `levels` were so from now_ns() until `to_ns`. O(N * spans touched); nothing behind the window.
  void advance(std::int64_t to_ns, const std::array<double, N>& levels) {
    const std::int64_t until = std::min(to_ns, window_ns_);
    const double width = static_cast<double>(window_ns_) / static_cast<double>(points_);
    std::int64_t from = now_ns_;
    while (from < until) {
      const auto point = std::min(points_ - 1, static_cast<std::size_t>(static_cast<double>(from) / width));
      const auto edge =
          point + 1 == points_ ? window_ns_ : static_cast<std::int64_t>(static_cast<double>(point + 1) * width) + 1;
      const std::int64_t stop = std::min(until, std::max(edge, from + 1));
      const double span = static_cast<double>(stop - from) * 1e-9;
      double* const sums = sums_.data() + point * N;
      for (std::size_t c = 0; c < N; ++c) sums[c] += levels[c] * span;
      from = stop;
    }
    now_ns_ = to_ns;
  }
  // At the end of a run: the last levels hold until the window ends.
  void finish(Time end, const std::array<double, N>& levels) { advance(std::max(end.ns, window_ns_), levels); }

  double window_seconds() const { return static_cast<double>(window_ns_) * 1e-9; }
  // Level times seconds, over the window.
  double total(std::size_t c) const {
    double sum = 0;
    for (std::size_t p = 0; p < points_; ++p) sum += sums_[p * N + c];
    return sum;
  }
  // The level's mean in each span, times `scale`, over the middles of the spans.
  Series curve(std::string name, std::size_t c, double scale) const {
    const double step = window_seconds() / static_cast<double>(points_);
    Series out = axis(std::move(name));
    for (std::size_t p = 0; p < points_; ++p) out.y.push_back(sums_[p * N + c] / step * scale);
    return out;
  }
  // One level in percent of another one; 0 where there was nothing of that.
  Series share(std::string name, std::size_t c, std::size_t of) const {
    Series out = axis(std::move(name));
    for (std::size_t p = 0; p < points_; ++p) {
      const double there = sums_[p * N + of];
      out.y.push_back(there > 0 ? 100 * sums_[p * N + c] / there : 0);
    }
    return out;
  }

 private:
  Series axis(std::string name) const {
    const double step = window_seconds() / static_cast<double>(points_);
    Series out{std::move(name), "time_seconds", {}, {}};
    for (std::size_t p = 0; p < points_; ++p) out.x.push_back((static_cast<double>(p) + 0.5) * step);
    return out;
  }

  std::int64_t window_ns_;
  std::size_t points_;
  std::int64_t now_ns_ = 0;
  std::vector<double> sums_;  // Level · seconds at [point * N + level].
};

}  // namespace berth
