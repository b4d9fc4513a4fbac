// A set of completion indexes as the Job status keeps it: ordered intervals, "1,3-5,7".
// Source: pkg/controller/job/indexed_job_utils.go, orderedIntervals.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace berth::controllers {

class IndexIntervals {
 public:
  struct Interval {
    std::int32_t first = 0;
    std::int32_t last = 0;
    friend bool operator==(const Interval&, const Interval&) = default;
  };

  IndexIntervals() = default;
  // What is not a number, and all from `completions` on, is left out, as upstream reads it.
  static IndexIntervals parse(std::string_view text, std::int32_t completions);

  void add(std::int32_t index);             // O(intervals).
  void merge(const IndexIntervals& other);  // O(intervals of both).
  bool has(std::int32_t index) const;       // O(log intervals).
  std::int32_t total() const;
  // How many are in both. O(intervals of both).
  std::int32_t common(const IndexIntervals& other) const;
  bool empty() const { return intervals_.empty(); }
  const std::vector<Interval>& intervals() const { return intervals_; }
  // Intervals of two are written "3,4", longer ones "3-5".
  std::string text() const;
  friend bool operator==(const IndexIntervals&, const IndexIntervals&) = default;

 private:
  std::vector<Interval> intervals_;  // In order, at least one index apart.
};

}  // namespace berth::controllers
