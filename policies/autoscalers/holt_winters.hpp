// Holt-Winters forecasting: level, trend and season of a series, smoothed exponentially as each number comes, so that a
// forecast can rest on the past alone. A bank of models with different smoothing runs side by side; the one whose own
// one-step forecasts were best so far is asked. That is the fit: nothing is ever fitted to what is still to come.
// Model: additive (Winters, "Forecasting sales by exponentially weighted moving averages", Management Science 6(3),
// 1960; in the form of Hyndman and Athanasopoulos, "Forecasting: principles and practice", ch. 8.3), without season
// until one has been seen whole; its mean is the first level then, and what is left of it the first season.
#pragma once

#include <cstddef>
#include <vector>

namespace berth {

struct Smoothing {
  double level = 0.3;   // alpha: weight of the newest number …
  double trend = 0.1;   // beta: … of the newest change …
  double season = 0.1;  // gamma: … and of the newest place in the season. All in 0..1.
};

// One model. `season` numbers make a season; below 2 there is none (Holt's linear trend).
class HoltWinters {
 public:
  HoltWinters(const Smoothing& smoothing, std::size_t season);

  void add(double y);  // O(1); O(season) once.
  bool ready() const;  // Whether forecast() has something to go by: two numbers, or a whole season.
  // The number expected `steps` >= 1 after the last one added. Not before ready().
  double forecast(std::size_t steps) const;

 private:
  Smoothing smoothing_;
  std::size_t season_;
  std::size_t count_ = 0;
  double level_ = 0;
  double trend_ = 0;
  std::vector<double> seasonal_;  // By count modulo season; until the first is whole, the numbers themselves.
};

// The bank. Errors are remembered with a weight that halves every `half_life` numbers.
class HoltWintersBank {
 public:
  HoltWintersBank(std::size_t season, double half_life);

  void add(double y);
  bool ready() const;  // At least one model is, and has been tried once.
  double forecast(std::size_t steps) const;
  // Which model is best so far; ties to the first. For tests and reports.
  const Smoothing& best() const { return members_[best_].smoothing; }
  bool seasonal() const { return members_[best_].seasonal; }

 private:
  struct Member {
    Smoothing smoothing;
    bool seasonal;
    HoltWinters model;
    double error = 0;   // Discounted sum of squared one-step errors …
    double weight = 0;  // … and of their weights.
  };
  std::vector<Member> members_;
  double discount_;
  std::size_t best_ = 0;
};

}  // namespace berth
