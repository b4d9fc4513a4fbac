// Arrival processes: counts against what the rate says, streams against each other, and every row of real traces.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <functional>
#include <string>
#include <vector>

#include "sim/engine/error.hpp"
#include "tests/support/shared_data.hpp"
#include "tests/support/temp_dir.hpp"
#include "tests/traffic/traffic_world.hpp"
#include "workloads/traffic/rate_series.hpp"

namespace berth::test {
namespace {

constexpr Time after(std::int64_t s) {
  return Time{} + seconds(s);
}

std::vector<Time> draw(const ArrivalProcess& process, Time until, std::uint64_t seed = 1, std::size_t batch = 300) {
  const auto stream = process.open(seed, 0, 0);
  std::vector<Time> out;
  std::vector<Time> part(batch);
  for (std::size_t n = 0; (n = stream->fill(part)) > 0;) {
    for (std::size_t i = 0; i < n; ++i) {
      if (part[i] >= until) return out;
      out.push_back(part[i]);
    }
  }
  return out;
}

void expect_rejected(const std::function<void()>& body, const std::string& part) {
  try {
    body();
    FAIL() << "expected an InputError with " << part;
  } catch (const InputError& error) {
    EXPECT_NE(std::string(error.what()).find(part), std::string::npos) << error.what();
  }
}

// Counts in windows are Poisson with the mean that mean_count() gives: sum of (n - m)^2 / m over W windows is W ± 4.5
// sqrt(2 W + sum 1 / m), and the total within 4.5 sqrt of itself. Rates from the formulas, by hand, not from the
// stream.
void expect_poisson(const std::vector<Time>& times, const std::vector<double>& means, Duration window) {
  std::vector<double> seen(means.size());
  for (const Time t : times) ++seen[static_cast<std::size_t>(t.ns / window.ns)];
  double chi = 0;
  double inverse = 0;
  double windows = 0;
  double total = 0;
  for (std::size_t i = 0; i < means.size(); ++i) {
    total += means[i];
    if (means[i] == 0) {
      ASSERT_EQ(seen[i], 0) << "window " << i;
      continue;
    }
    chi += (seen[i] - means[i]) * (seen[i] - means[i]) / means[i];
    inverse += 1 / means[i];
    ++windows;
  }
  EXPECT_NEAR(chi, windows, 4.5 * std::sqrt(2 * windows + inverse));
  EXPECT_NEAR(static_cast<double>(times.size()), total, 4.5 * std::sqrt(total));
  EXPECT_TRUE(std::ranges::is_sorted(times));
}

TEST(Arrivals, ConstantByHand) {
  const auto process = constant_arrivals(3, {after(1), after(2)});
  const std::vector<Time> times = draw(*process, kNever);
  EXPECT_EQ(times, (std::vector<Time>{after(1), Time{1'333'333'333}, Time{1'666'666'667}}));
  EXPECT_EQ(process->open(1, 0, 0)->mean_count(after(0), after(10)), 3);
}

TEST(Arrivals, Poisson) {
  expect_poisson(draw(*poisson_arrivals(50, {Time{}, after(1'000)}), kNever), std::vector<double>(1'000, 50),
                 seconds(1));
}

// The mean over [a, b) of 100 (1 + 0.8 cos(2 pi (t - 30) / 100)): 100 (b - a) + 100 * 0.8 * 100 / 2 pi * (sin … - sin
// …).
TEST(Arrivals, Diurnal) {
  DiurnalRate rate{100, 0.8, seconds(100), seconds(30)};
  const auto process = diurnal_arrivals(rate, {Time{}, after(500)});
  std::vector<double> means;
  const double omega = 2 * std::acos(-1.0) / 100;
  const auto stream = process->open(1, 0, 0);
  for (int i = 0; i < 500; ++i) {
    means.push_back(100 + 80 / omega * (std::sin(omega * (i + 1 - 30)) - std::sin(omega * (i - 30))));
    EXPECT_NEAR(stream->mean_count(after(i), after(i + 1)), means.back(), 1e-6);
  }
  expect_poisson(draw(*process, kNever), means, seconds(1));
}

// 10/s; at 100 s up to 100/s within 20 s, for 30 s, then down with a time constant of 10 s. Areas by hand: base 10;
// ramp 90 * 20 / 2 = 900; hold 2700; decay 90 * 10 * (1 - e^-5) in the first 50 s.
TEST(Arrivals, FlashCrowd) {
  FlashCrowd crowd{10, 10, after(100), seconds(20), seconds(30), seconds(10)};
  const auto process = flash_crowd_arrivals(crowd);
  const auto stream = process->open(1, 0, 0);
  EXPECT_NEAR(stream->mean_count(after(0), after(100)), 1'000, 1e-6);
  EXPECT_NEAR(stream->mean_count(after(100), after(120)), 200 + 900, 1e-6);
  EXPECT_NEAR(stream->mean_count(after(120), after(150)), 300 + 2'700, 1e-6);
  EXPECT_NEAR(stream->mean_count(after(150), after(200)), 500 + 900 * (1 - std::exp(-5)), 1e-6);
  std::vector<double> means;
  for (int i = 0; i < 150; ++i) means.push_back(i < 100 ? 10 : i < 120 ? 10 + 90 * (i - 100 + 0.5) / 20 : 100);
  expect_poisson(draw(*process, after(150)), means, seconds(1));
}

// Two states, 100/s for 10 s and 0 for 30 s on average: 25/s in the long run, and what comes follows the path that
// mean_count() tells, silent where it is.
TEST(Arrivals, Mmpp) {
  const auto process = mmpp_arrivals({{100, seconds(10)}, {0, seconds(30)}}, {Time{}, after(40'000)});
  const auto stream = process->open(1, 0, 0);
  std::vector<double> means;
  double total = 0;
  for (int i = 0; i < 40'000; ++i) {
    means.push_back(stream->mean_count(after(i), after(i + 1)));
    total += means.back();
  }
  // About 1000 rounds; the time on of each has mean and deviation 10 s: 10^6 ± 4.5 sqrt(1000) * 10 * 100 at most, as
  // much again for the time off.
  EXPECT_NEAR(total, 1'000'000, 200'000);
  expect_poisson(draw(*process, kNever), means, seconds(1));
}

TEST(Arrivals, SeriesScaledShiftedRepeated) {
  RateSeries series;
  series.steps = {{after(0), seconds(10), 100}, {after(20), seconds(10), 300}};
  series.end = after(40);
  EXPECT_EQ(series.mean_rate(), 10);
  series.scale(2);
  EXPECT_EQ(series.count(), 800);
  series.scale_to_mean(5);
  EXPECT_EQ(series.count(), 200);  // 50 and 150.
  series.shift(Duration{-5'000'000'000});
  ASSERT_EQ(series.steps.size(), 2U);
  EXPECT_EQ(series.steps[0].count, 25);
  EXPECT_EQ(series.end, after(35));
  const auto process = series_arrivals(series, true, {after(30), after(1'000)});
  std::vector<double> means(1'000);
  for (std::int64_t i = 30; i < 1'000; ++i) {
    const std::int64_t in = i % 35;
    means[static_cast<std::size_t>(i)] = in < 5 ? 5 : in >= 15 && in < 25 ? 15 : 0;
  }
  expect_poisson(draw(*process, kNever), means, seconds(1));
  const auto stream = process->open(1, 0, 0);
  EXPECT_NEAR(stream->mean_count(after(0), after(70)), 175 + 0, 1e-9);  // [30, 35): 0; [35, 70): one round.
  EXPECT_NEAR(stream->mean_count(after(70), after(105)), 175, 1e-9);
}

TEST(Arrivals, ReplayedFasterAndAgain) {
  const auto process = replayed_arrivals({after(0), after(2), after(4)}, 2, true);
  // At twice the speed 0, 1, 2; the mean gap is 1, so again from 3.
  EXPECT_EQ(draw(*process, after(6)), (std::vector<Time>{after(0), after(1), after(2), after(3), after(4), after(5)}));
  EXPECT_EQ(process->open(1, 0, 0)->mean_count(after(0), after(6)), 6);
  EXPECT_EQ(draw(*replayed_arrivals({after(0), after(2), after(4)}, 1, false, {after(1), after(4)}), kNever),
            std::vector<Time>{after(2)});
}

// Batches of any size give the same arrivals; another seed, source or replication gives others.
TEST(Arrivals, StreamsAreKeyed) {
  const auto process = mmpp_arrivals({{100, seconds(1)}, {10, seconds(1)}});
  const std::vector<Time> times = draw(*process, after(50));
  EXPECT_EQ(draw(*process, after(50), 1, 7), times);
  EXPECT_NE(draw(*process, after(50), 2), times);
  std::vector<Time> first(5);
  std::vector<Time> other(5);
  process->open(1, 0, 0)->fill(first);
  process->open(1, 0, 1)->fill(other);
  EXPECT_NE(first, other);
  process->open(1, 1, 0)->fill(other);
  EXPECT_NE(first, other);
}

TEST(Arrivals, Rejects) {
  expect_rejected([] { poisson_arrivals(0); }, "rate is 0; expected");
  expect_rejected([] { diurnal_arrivals({1, 1.5}); }, "amplitude is 1.5; expected 0 to 1");
  expect_rejected([] { mmpp_arrivals({{0, seconds(1)}}); }, "no state has a rate");
  expect_rejected([] { replayed_arrivals({after(1)}, 1, true); }, "too few arrivals");
  expect_rejected([] { RateSeries().scale_to_mean(1); }, "no requests");
}

// ---- files ---------------------------------------------------------------------------------------------------------

std::uint64_t accounted(const ImportReport& report) {
  std::uint64_t rows = report.rows_used;
  for (const ImportReport::Skipped& s : report.skipped) rows += s.rows;
  return rows;
}

TEST(RateCsv, RowsAreAccountedFor) {
  const TempDir dir;
  const std::filesystem::path path = dir.path() / "rates.csv";
  std::ofstream(path) << "t,rps,who\n0,5,a\n60,,a\n60,7,a\n30,9,a\n120,1,b\n180,2,a\n";
  RateCsvOptions options;
  options.time = "t";
  options.value = "rps";
  options.filter = "who";
  options.keep = "a";
  options.per_second = true;
  ImportReport report;
  const RateSeries series = import_rate_csv(path, options, report);
  EXPECT_EQ(report.rows_read, 6U);
  EXPECT_EQ(report.rows_used, 3U);  // 0, 60 and 180; one of b, one without a rate, one out of order.
  EXPECT_EQ(accounted(report), 6U);
  ASSERT_EQ(series.steps.size(), 3U);
  EXPECT_DOUBLE_EQ(series.steps[0].count, 300);  // 5/s for a minute.
  EXPECT_EQ(series.end, after(240));
  options.time = "when";
  expect_rejected([&] { import_rate_csv(path, options, report); }, "when");
}

TEST(RateCsv, BadTimes) {
  const TempDir dir;
  const std::filesystem::path path = dir.path() / "rates.csv";
  ImportReport report;
  RateCsvOptions options;
  std::ofstream(path) << "time,value\n1995-07-01 00:00:00,1\n1995-02-30 00:00:00,1\n";
  expect_rejected([&] { import_rate_csv(path, options, report); }, "rates.csv:3:1: time is \"1995-02-30 00:00:00\"");
  std::ofstream(path) << "time,value\n0,1\n";
  expect_rejected([&] { import_rate_csv(path, options, report); }, "one row does not tell its step");
}

// A month of a web server: 1,891,714 requests, as published; drawn anew, every minute has its count, as far as Poisson
// allows.
TEST(RateCsv, Nasa) {
  BERTH_NEEDS_SHARED("data/web-nasa1995/requests_per_minute.csv");
  ImportReport report;
  RateCsvOptions options;
  options.time = "minute";
  options.value = "requests";
  const RateSeries series =
      import_rate_csv(shared_dir() / "data/web-nasa1995/requests_per_minute.csv", options, report);
  EXPECT_EQ(report.rows_read, 39'531U);
  EXPECT_EQ(accounted(report), 39'531U);
  EXPECT_EQ(series.count(), 1'891'714);
  EXPECT_EQ(series.end, after((27 * 1'440 + 13 * 60 + 33) * 60));  // Through 28 July, 13:32.
  std::vector<double> means(static_cast<std::size_t>(series.end.ns / seconds(60).ns));
  for (const RateSeries::Step& s : series.steps) means[static_cast<std::size_t>(s.from.ns / seconds(60).ns)] = s.count;
  expect_poisson(draw(*series_arrivals(series, false), kNever), means, seconds(60));
}

TEST(RateCsv, OneFunctionOfMany) {
  BERTH_NEEDS_SHARED("data/functions-azure2019/invocations.csv");
  ImportReport report;
  RateCsvOptions options;
  options.time = "minute";
  options.value = "count";
  options.filter = "function";
  options.keep = "399";
  options.time_unit = seconds(60);
  options.step = seconds(60);
  options.length = seconds(86'400);
  const RateSeries series = import_rate_csv(shared_dir() / "data/functions-azure2019/invocations.csv", options, report);
  EXPECT_EQ(report.rows_read, 59'048U);
  EXPECT_EQ(accounted(report), 59'048U);
  EXPECT_EQ(series.count(), 720);  // What functions.csv has for it.
  EXPECT_EQ(series.end, after(86'400));
}

TEST(RateCsv, FiveMinuteSeries) {
  BERTH_NEEDS_SHARED("data/series-nab/realAWSCloudwatch/elb_request_count_8c0756.csv");
  ImportReport report;
  RateCsvOptions options;
  options.time = "timestamp";
  const RateSeries series =
      import_rate_csv(shared_dir() / "data/series-nab/realAWSCloudwatch/elb_request_count_8c0756.csv", options, report);
  EXPECT_EQ(report.rows_read, 4'032U);
  EXPECT_EQ(accounted(report), 4'032U);
  EXPECT_EQ(series.steps[0].length, seconds(300));
  EXPECT_EQ(series.count(), 249'327);  // The column's sum.
}

TEST(ArrivalCsv, ExactRequests) {
  BERTH_NEEDS_SHARED("data/llm-requests-azure2023/requests.csv");
  ImportReport report;
  std::vector<Time> times =
      import_arrival_csv(shared_dir() / "data/llm-requests-azure2023/requests.csv", "arrival_s", seconds(1), report);
  ASSERT_EQ(times.size(), 19'366U);
  EXPECT_EQ(times[1], Time{4'314'579'000});
  EXPECT_EQ(accounted(report), report.rows_read);
  const auto process = replayed_arrivals(times, 1, false);
  EXPECT_EQ(draw(*process, kNever), times);
}

}  // namespace
}  // namespace berth::test
