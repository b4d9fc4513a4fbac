// Replicas by the clock. Expected: the calendar (2026-01-01 is a Thursday) and crontab(5).
#include "policies/autoscalers/scheduled.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>

#include "policies/autoscalers/fixed.hpp"
#include "policies/autoscalers/sliding_max.hpp"
#include "policies/params.hpp"
#include "sim/engine/error.hpp"
#include "sim/engine/rng.hpp"
#include "tests/support/case_name.hpp"

namespace berth::test {
namespace {

constexpr std::int64_t kMinute = 60;
constexpr std::int64_t kHour = 3600;
constexpr std::int64_t kDay = 86'400;

ScaleObservation seen(std::int64_t second, std::int32_t replicas = 7) {
  ScaleObservation o;
  o.now = Time{} + seconds(second);
  o.spec_replicas = replicas;
  return o;
}

TEST(Scheduled, OfficeHours) {
  ScheduledAutoscaler a(parse_schedule("0 8 * * 1-5 = 10; 0 20 * * * = 2", "test"));
  EXPECT_EQ(a.observe(seen(0)), 2);  // Wednesday evening's.
  EXPECT_EQ(a.observe(seen(8 * kHour - 1)), 2);
  EXPECT_EQ(a.observe(seen(8 * kHour)), 10);  // Thursday.
  EXPECT_EQ(a.observe(seen(20 * kHour)), 2);
  EXPECT_EQ(a.observe(seen(2 * kDay + 8 * kHour)), 2);   // Saturday; Friday's lines were due in between.
  EXPECT_EQ(a.observe(seen(4 * kDay + 8 * kHour)), 10);  // Monday.
}

TEST(Scheduled, WhatWasDueBetweenLooksCounts) {
  ScheduledAutoscaler a(parse_schedule("10 * * * * = 4; 20 * * * * = 5", "test"));
  EXPECT_EQ(a.observe(seen(25 * kMinute)), 5);
  EXPECT_EQ(a.observe(seen(kHour + 15 * kMinute)), 4);
  EXPECT_EQ(a.observe(seen(kHour + 16 * kMinute)), 4);
}

TEST(Scheduled, TheLastLineOfAMinuteWins) {
  ScheduledAutoscaler a(parse_schedule("* * * * * = 1; 30 * * * * = 3", "test"));
  EXPECT_EQ(a.observe(seen(30 * kMinute)), 3);
  EXPECT_EQ(a.observe(seen(31 * kMinute)), 1);
}

TEST(Scheduled, ReadsItsTable) {
  ScheduledAutoscaler a{Params(PolicySpec::parse("scheduled(table=0 * * * * = 3; 30 * * * * = 4)", "test"))};
  EXPECT_EQ(a.observe(seen(30 * kMinute)), 4);
  const Params bad(PolicySpec::parse("scheduled(table=whenever)", "test"));
  EXPECT_THROW(ScheduledAutoscaler{bad}, InputError);
}

TEST(Scheduled, NeverDueMeansAsItIs) {
  ScheduledAutoscaler a(parse_schedule("0 0 31 2 * = 1", "test"));
  EXPECT_EQ(a.observe(seen(0, 7)), 7);
  EXPECT_EQ(a.observe(seen(3 * kDay, 9)), 9);
}

struct DueCase {
  const char* name;
  const char* cron;
  std::vector<std::int64_t> due;  // Seconds since 2026-01-01T00:00Z.
  std::vector<std::int64_t> not_due;
};
class CronLineTest : public testing::TestWithParam<DueCase> {};

TEST_P(CronLineTest, IsDue) {
  const CronLine line = parse_schedule(std::string(GetParam().cron) + "=1", "test").front().when;
  for (const std::int64_t t : GetParam().due) EXPECT_TRUE(line.due(Time{} + seconds(t))) << t;
  for (const std::int64_t t : GetParam().not_due) EXPECT_FALSE(line.due(Time{} + seconds(t))) << t;
}
INSTANTIATE_TEST_SUITE_P(
    Table, CronLineTest,
    testing::Values(
        DueCase{"WholeMinute", "5 0 * * *", {300, 359}, {299, 360}},
        DueCase{"Steps", "*/20 * * * *", {0, 1200, 2400, 3600}, {600, 3000}},
        DueCase{"SteppedRange", "10-40/15 * * * *", {600, 1500, 2400}, {0, 3300}},
        DueCase{"FromStepped", "50/5 * * * *", {3000, 3300}, {0, 300}},
        DueCase{"List", "1,3-4 * * * *", {60, 180, 240}, {0, 120, 300}},
        DueCase{"Months", "0 0 1 2,3 *", {31 * kDay, 59 * kDay}, {0, 32 * kDay, 90 * kDay}},  // 28 days in February.
        DueCase{"SundayIsZeroAndSeven", "0 0 * * 7", {3 * kDay}, {2 * kDay, 4 * kDay}},
        DueCase{"DayOrWeekday", "0 0 13 * 5", {kDay, 12 * kDay}, {0, 2 * kDay}},  // Fridays, and the 13th (a Tuesday).
        DueCase{"DayAndAnyWeekday", "0 0 13 * *", {12 * kDay}, {kDay}},
        DueCase{"BeforeTheStart", "59 23 31 12 3", {-1, -60}, {-61, 0}}),
    CaseName{});

TEST(Schedule, BadLinesAreRefused) {
  for (const char* text : {"", ";", "0 8 * * = 1", "0 8 * * * * = 1", "0 8 * * *", "0 8 * * * = x", "0 8 * * * = -1",
                           "60 * * * * = 1", "* 24 * * * = 1", "* * 0 * * = 1", "* * * 13 * = 1", "* * * * 8 = 1",
                           "5-1 * * * * = 1", "*/0 * * * * = 1", "1, * * * * = 1", "x * * * * = 1", "1- * * * * = 1"}) {
    EXPECT_THROW((void)parse_schedule(text, "test"), InputError) << text;
  }
}

TEST(Fixed, IsFixed) {
  FixedAutoscaler a{Params(PolicySpec::parse("fixed(replicas=4)", "test"))};
  EXPECT_EQ(a.observe(seen(0)), 4);
  EXPECT_EQ(a.observe(seen(999, 1)), 4);
}

// Against its naive twin: all numbers kept, the highest looked for.
TEST(SlidingMaxTest, EqualsAScan) {
  for (std::int64_t size : {1, 2, 7}) {
    SlidingMax fast(size);
    std::multimap<std::int64_t, std::int32_t> all;
    Rng rng(static_cast<std::uint64_t>(size), 0, 0, Purpose::kTest);
    std::int64_t slot = 0;
    for (int i = 0; i < 500; ++i) {
      slot += static_cast<std::int64_t>(rng.below(3));
      const auto value = static_cast<std::int32_t>(rng.below(10));
      all.emplace(slot, value);
      std::int32_t highest = 0;
      for (auto it = all.upper_bound(slot - size); it != all.end(); ++it) highest = std::max(highest, it->second);
      ASSERT_EQ(fast.record(slot, value), highest) << size << " " << i;
    }
  }
}

}  // namespace
}  // namespace berth::test
