// Times of a CronJob: five cron fields, "@hourly" and its like, "@every 1h30m". In UTC; clocks do not change.
// Source: github.com/robfig/cron v3 (standard parser), as kube-controller-manager uses it.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "sim/engine/time.hpp"

namespace berth::controllers {

class CronSchedule {
 public:
  CronSchedule() = default;
  // Throws InputError naming `what` for a schedule that Kubernetes would not take.
  static CronSchedule parse(std::string_view text, std::string_view what);

  // The first time after `unix`, in seconds since 1970; a negative number if there is none in the next five years.
  std::int64_t next(std::int64_t unix_seconds) const;
  const std::string& text() const { return text_; }
  friend bool operator==(const CronSchedule& a, const CronSchedule& b) { return a.text_ == b.text_; }

 private:
  enum Field { kMinute, kHour, kDay, kMonth, kWeekday, kFields };
  bool day_matches(std::int32_t day, std::int32_t weekday) const;

  std::string text_;
  std::int64_t every_seconds_ = 0;             // @every; otherwise 0 and the fields below.
  std::array<std::uint64_t, kFields> bits_{};  // Bit n: value n.
  std::array<bool, kFields> star_{};           // "*" or "?", perhaps with a step of 1.
};

}  // namespace berth::controllers
