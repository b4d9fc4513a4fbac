// Scheduled: replicas by the clock. A table of cron lines, each with a number: the line that came due last says how
// many (of lines due in one minute, the last of the table). Before any has ever come due the scale is left alone.
// Simulated time 0 is 2026-01-01T00:00:00Z, a Thursday; days and weeks are UTC.
#pragma once

#include <bitset>
#include <string_view>
#include <utility>
#include <vector>

#include "policies/autoscalers/pod_autoscaler.hpp"

namespace berth {

// One field of each is a set; day of month and day of week are joined by "or" where both are restricted, as cron does.
struct CronLine {
  std::bitset<60> minute;
  std::bitset<24> hour;
  std::bitset<32> day;     // 1..31
  std::bitset<13> month;   // 1..12
  std::bitset<7> weekday;  // 0 = Sunday
  bool any_day = false;    // The field began with "*".
  bool any_weekday = false;

  bool due(Time t) const;  // In the minute that `t` is in.
};

struct ScheduledRule {
  CronLine when;
  std::int32_t replicas = 0;
};

// "0 8 * * 1-5 = 10; 0 20 * * * = 2": minute, hour, day of month, month, day of week (0..7, 0 and 7 = Sunday), each *,
// a number, a-b, a list of those with commas, with a step after "/". Throws InputError naming `what`.
std::vector<ScheduledRule> parse_schedule(std::string_view text, std::string_view what);

class Params;

class ScheduledAutoscaler final : public PodAutoscaler {
 public:
  explicit ScheduledAutoscaler(const Params& params);  // Throws InputError for a bad schedule.
  explicit ScheduledAutoscaler(std::vector<ScheduledRule> rules) : rules_(std::move(rules)) {}
  Duration period() const override { return seconds(60); }
  // O(rules * minutes since the last observation); the first one looks back a year if need be.
  std::int32_t observe(const ScaleObservation& o) override;

 private:
  std::vector<ScheduledRule> rules_;
  bool begun_ = false;
  std::int64_t seen_ = 0;  // Minutes up to this one have been looked at.
  std::int32_t replicas_ = -1;
};

}  // namespace berth
