// Times worked out with a calendar.
#include "sim/controllers/cron_schedule.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <string>

#include "sim/engine/error.hpp"

namespace berth::controllers {
namespace {

struct Stamp {
  int year;
  unsigned month, day;
  int hour, minute, second;
  std::int64_t unix_seconds() const {
    using namespace std::chrono;
    const sys_days d = std::chrono::year{year} / std::chrono::month{month} / std::chrono::day{day};
    return d.time_since_epoch().count() * 86'400LL + hour * 3600 + minute * 60 + second;
  }
};
struct Case {
  const char* name;
  const char* schedule;
  Stamp after;
  Stamp expected;
};
class CronScheduleTest : public testing::TestWithParam<Case> {};

TEST_P(CronScheduleTest, Next) {
  const Case& c = GetParam();
  EXPECT_EQ(CronSchedule::parse(c.schedule, "schedule").next(c.after.unix_seconds()), c.expected.unix_seconds());
}
// 2026-07-06 is a Monday; 2028 is the next leap year.
INSTANTIATE_TEST_SUITE_P(
    Table, CronScheduleTest,
    testing::Values(Case{"EveryMinute", "* * * * *", {2026, 7, 6, 10, 0, 0}, {2026, 7, 6, 10, 1, 0}},
                    Case{"WithinAMinute", "* * * * *", {2026, 7, 6, 10, 0, 59}, {2026, 7, 6, 10, 1, 0}},
                    Case{"JustBefore", "0 12 * * *", {2026, 7, 6, 11, 59, 59}, {2026, 7, 6, 12, 0, 0}},
                    Case{"StrictlyAfter", "0 12 * * *", {2026, 7, 6, 12, 0, 0}, {2026, 7, 7, 12, 0, 0}},
                    Case{"Steps", "*/15 * * * *", {2026, 7, 6, 14, 45, 0}, {2026, 7, 6, 15, 0, 0}},
                    Case{"StepFrom", "5/15 * * * *", {2026, 7, 6, 14, 36, 0}, {2026, 7, 6, 14, 50, 0}},
                    Case{"RangeWithStep", "1-59/2 * * * *", {2026, 7, 6, 10, 59, 0}, {2026, 7, 6, 11, 1, 0}},
                    Case{"List", "5,7,12,20 * * * *", {2026, 7, 6, 10, 12, 0}, {2026, 7, 6, 10, 20, 0}},
                    Case{"YearEnds", "30 3 * * *", {2026, 12, 31, 4, 0, 0}, {2027, 1, 1, 3, 30, 0}},
                    Case{"Weekday", "0 9 * * FRI", {2026, 7, 6, 10, 0, 0}, {2026, 7, 10, 9, 0, 0}},
                    Case{"DayOrWeekday", "0 0 15 * MON", {2026, 7, 7, 0, 0, 0}, {2026, 7, 13, 0, 0, 0}},
                    Case{"DayOrWeekdayOther", "0 0 15 * MON", {2026, 7, 13, 0, 0, 0}, {2026, 7, 15, 0, 0, 0}},
                    Case{"LeapDay", "0 0 29 2 *", {2026, 7, 6, 0, 0, 0}, {2028, 2, 29, 0, 0, 0}},
                    Case{"MonthByName", "0 0 1 Jan *", {2026, 7, 6, 0, 0, 0}, {2027, 1, 1, 0, 0, 0}},
                    Case{"Hourly", "@hourly", {2026, 7, 6, 10, 0, 1}, {2026, 7, 6, 11, 0, 0}},
                    Case{"Weekly", "@weekly", {2026, 7, 6, 0, 0, 0}, {2026, 7, 12, 0, 0, 0}},
                    Case{"Every", "@every 1h30m10s", {2026, 7, 6, 10, 0, 0}, {2026, 7, 6, 11, 30, 10}}),
    [](const auto& p) { return std::string(p.param.name); });

TEST(CronScheduleTest, NeverComes) {
  EXPECT_LT(CronSchedule::parse("0 0 31 2 *", "schedule").next(0), 0);
}

class BadScheduleTest : public testing::TestWithParam<const char*> {};
TEST_P(BadScheduleTest, IsRefused) {
  EXPECT_THROW((void)CronSchedule::parse(GetParam(), "spec.schedule"), InputError);
}
INSTANTIATE_TEST_SUITE_P(Table, BadScheduleTest,
                         testing::Values("", "* * * *", "* * * * * *", "60 * * * *", "* 24 * * *", "* * 0 * *",
                                         "* * * 13 *", "* * * * 7", "5-1 * * * *", "*/0 * * * *", "x * * * *", "@every",
                                         "@every x", "@sometimes", "1,,x * * * *"));

}  // namespace
}  // namespace berth::controllers
