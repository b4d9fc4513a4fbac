#include "results/summary.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "results/table.hpp"
#include "sim/engine/error.hpp"

namespace berth {
namespace {

using testing::HasSubstr;
using testing::Not;

RunResult run(const char* scenario, const char* policy, std::uint64_t seed, double wait, double nodes = 5) {
  return {{scenario, policy, seed}, {{"pod_wait_seconds_mean", wait}, {"nodes_used_mean", nodes}}, {}};
}

// Waits 10 12 14 against 11 14 17: differences 1 2 3, mean 2, sd 1. Seeds come in another order for the second.
std::vector<RunResult> small_study() {
  return {run("day", "base", 1, 10),          run("day", "base", 2, 12),          run("day", "base", 3, 14),
          run("day", "fgd(a=1, b=2)", 3, 17), run("day", "fgd(a=1, b=2)", 1, 11), run("day", "fgd(a=1, b=2)", 2, 14)};
}

// Student's 0.975 quantile with 2 degrees of freedom, in closed form: (2p - 1) / sqrt(2p (1 - p)).
const double kT2 = 0.95 / std::sqrt(2 * 0.975 * 0.025);

std::vector<std::string> split(const std::string& line, char at) {
  std::vector<std::string> cells;
  std::istringstream in(line);
  for (std::string cell; std::getline(in, cell, at);) cells.push_back(cell);
  return cells;
}

TEST(Summary, HandDerivedStudy) {
  const Summary summary = summarize(small_study(), "base");
  ASSERT_EQ(summary.rows.size(), 4U);
  const SummaryRow& base = summary.rows[0];
  EXPECT_EQ(base.metric, "pod_wait_seconds_mean");
  EXPECT_EQ(base.estimate.mean, 12);
  EXPECT_EQ(base.estimate.sd, 2);
  EXPECT_NEAR(base.estimate.half_width, kT2 * 2 / std::sqrt(3.0), 1e-12);
  EXPECT_EQ(base.min, 10);
  EXPECT_EQ(base.max, 14);
  EXPECT_EQ(base.against_baseline.difference.n, 0U);
  const SummaryRow& other = summary.rows[2];
  EXPECT_EQ(other.policy, "fgd(a=1, b=2)");
  EXPECT_EQ(other.estimate.mean, 14);
  EXPECT_EQ(other.against_baseline.difference.n, 3U);
  EXPECT_EQ(other.against_baseline.difference.mean, 2);
  EXPECT_EQ(other.against_baseline.difference.sd, 1);  // Paired by seed; by position it would be more.
  EXPECT_NEAR(other.against_baseline.difference.half_width, kT2 / std::sqrt(3.0), 1e-12);
  const double t = 2 * std::sqrt(3.0);
  EXPECT_NEAR(other.against_baseline.p_value, 1 - t / std::sqrt(2 + t * t), 1e-12);
  EXPECT_EQ(other.p_holm, other.against_baseline.p_value);  // A family of one.
}

TEST(Summary, PairsOnlySharedSeedsAndScenariosWithTheBaseline) {
  std::vector<RunResult> runs = small_study();
  runs.push_back(run("day", "late", 3, 20));
  runs.push_back(run("day", "late", 9, 99));
  runs.push_back(run("night", "late", 1, 1));
  const Summary summary = summarize(runs, "base");
  ASSERT_EQ(summary.rows.size(), 8U);
  EXPECT_EQ(summary.rows[4].estimate.n, 2U);
  EXPECT_EQ(summary.rows[4].against_baseline.difference.n, 1U);
  EXPECT_EQ(summary.rows[4].against_baseline.difference.mean, 6);
  EXPECT_TRUE(std::isnan(summary.rows[4].p_holm));
  EXPECT_EQ(summary.rows[6].scenario, "night");
  EXPECT_EQ(summary.rows[6].against_baseline.difference.n, 0U);
}

TEST(Summary, HolmPerScenarioAndMetric) {
  std::vector<RunResult> runs = small_study();
  for (const char* name : {"p2", "p3"}) {
    for (std::uint64_t seed = 1; seed <= 3; ++seed) {
      runs.push_back(run("day", name, seed, 8 + 2 * static_cast<double>(seed) + (seed == 1 ? 0.5 : -0.5)));
    }
  }
  const Summary summary = summarize(runs, "base");
  const SummaryRow& first = summary.rows[2];
  EXPECT_NEAR(first.p_holm, 3 * first.against_baseline.p_value, 1e-15);  // The smallest of three.
  EXPECT_EQ(summary.rows[4].p_holm, 1);
}

TEST(Summary, Refusals) {
  const auto message = [](const std::function<void()>& action) -> std::string {
    try {
      action();
    } catch (const InputError& error) {
      return error.what();
    }
    return "no error";
  };
  std::vector<RunResult> runs = small_study();
  EXPECT_EQ(message([&] { summarize(runs, "bass"); }),
            "baseline \"bass\": no run has this policy; expected one of: base, fgd(a=1, b=2); did you mean \"base\"?");
  EXPECT_THAT(message([&] { summary_table(summarize(runs, ""), std::vector<std::string>{"nodes_used_meen"}); }),
              HasSubstr("; did you mean \"nodes_used_mean\"?"));
  runs.push_back(runs[1]);
  EXPECT_EQ(message([&] { summarize(runs, ""); }),
            "scenario day, policy base: seed 2 occurs twice; expected each seed once");
}

TEST(SummaryCsv, Cells) {
  std::vector<RunResult> runs = small_study();
  runs.push_back(run("night", "base", 1, NAN, 0.1));
  std::istringstream in(summary_csv(summarize(runs, "base")));
  std::vector<std::string> lines;
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  ASSERT_EQ(lines.size(), 7U);
  EXPECT_EQ(
      lines[0],
      "scenario,policy,metric,n,mean,half_width_95,sd,min,max,baseline,diff_n,diff_mean,diff_half_width_95,diff_p,"
      "diff_p_holm");
  EXPECT_EQ(lines[2], "day,base,nodes_used_mean,3,5,0,0,5,5,base,,,,,");
  EXPECT_EQ(lines[4], "day,\"fgd(a=1, b=2)\",nodes_used_mean,3,5,0,0,5,5,base,3,0,0,1,1");
  EXPECT_EQ(lines[5], "night,base,pod_wait_seconds_mean,1,,,,,,base,,,,,");
  EXPECT_EQ(lines[6], "night,base,nodes_used_mean,1,0.1,,,0.1,0.1,base,,,,,");
  const auto cells = split(lines[1], ',');
  EXPECT_EQ(cells[4], "12");
  EXPECT_NEAR(std::stod(cells[5]), kT2 * 2 / std::sqrt(3.0), 1e-12);
}

TEST(SummaryJson, SameNumbersAsTheRows) {
  std::vector<RunResult> runs = small_study();
  runs.push_back(run("night", "base", 1, NAN));
  const Summary summary = summarize(runs, "base");
  const auto json = nlohmann::ordered_json::parse(summary_json(summary));
  EXPECT_EQ(json["baseline"], "base");
  EXPECT_EQ(json["confidence"], 0.95);
  ASSERT_EQ(json["rows"].size(), summary.rows.size());
  for (std::size_t i = 0; i < summary.rows.size(); ++i) {
    const SummaryRow& row = summary.rows[i];
    const auto& line = json["rows"][i];
    const auto same = [](const auto& cell, double value) {
      return std::isnan(value) ? cell.is_null() : cell.template get<double>() == value;
    };
    EXPECT_EQ(line["policy"], row.policy);
    EXPECT_EQ(line["n"], row.estimate.n);
    EXPECT_TRUE(same(line["mean"], row.estimate.mean)) << i;
    EXPECT_TRUE(same(line["half_width_95"], row.estimate.half_width)) << i;
    EXPECT_TRUE(same(line["sd"], row.estimate.sd)) << i;
    EXPECT_EQ(line["difference"].is_null(), row.against_baseline.difference.n == 0);
    if (line["difference"].is_null()) continue;
    EXPECT_TRUE(same(line["difference"]["mean"], row.against_baseline.difference.mean)) << i;
    EXPECT_TRUE(same(line["difference"]["p_holm"], row.p_holm)) << i;
  }
  EXPECT_EQ(nlohmann::json::parse(summary_json(summarize({}, "")))["rows"].size(), 0U);
}

TEST(FormatEstimate, SignificantDigits) {
  const auto text = [](double mean, double half, bool sign = false) {
    return format_estimate({mean, half, 5, 1}, sign);
  };
  EXPECT_EQ(text(12.3456, 0.312), "12.35 ± 0.31");
  EXPECT_EQ(text(12.3456, 3.12), "12.3 ± 3.1");
  EXPECT_EQ(text(1234.56, 312), "1235 ± 312");
  EXPECT_EQ(text(0.0012345, 0.00031), "0.00123 ± 0.00031");
  EXPECT_EQ(text(1.5, 0.1, true), "+1.50 ± 0.10");
  EXPECT_EQ(text(-1.5, 0.1, true), "-1.50 ± 0.10");
  EXPECT_EQ(text(-0.001, 0.5, true), "0.00 ± 0.50");
  EXPECT_EQ(text(3, 0), "3 ± 0");
  EXPECT_EQ(text(3.2e11, 1.5e9), "3.200e+11 ± 1.5e+09");
  EXPECT_EQ(text(2, NAN), "2 ± –");
  EXPECT_EQ(text(123456.7, NAN), "123457 ± –");
  EXPECT_EQ(text(NAN, NAN), "–");
}

TEST(SummaryTable, SmallStudy) {
  // 4.3027 * 2 / sqrt(3) = 4.97; 3 in place of 2: 7.45; 1: 2.48.
  EXPECT_EQ(
      summary_table(summarize(small_study(), "base"), std::vector<std::string>{"pod_wait_seconds_mean"}),
      "Scenario day, 3 seeds\n\n"
      "policy         pod_wait_seconds_mean\n"
      "base                      12.0 ± 5.0\n"
      "fgd(a=1, b=2)             14.0 ± 7.5\n\n"
      "Difference to base, paired by seed\n\n"
      "policy         pod_wait_seconds_mean\n"
      "fgd(a=1, b=2)             +2.0 ± 2.5\n\n"
      "±: half the width of the 95 % Student-t interval over seeds.\n"
      "*: the interval leaves out 0. **: so it does after Holm's correction for the number of policies compared.\n");
}

TEST(SummaryTable, MarksAndSingleSeeds) {
  std::vector<RunResult> runs;
  for (std::uint64_t seed = 1; seed <= 4; ++seed) {
    const auto s = static_cast<double>(seed);
    runs.push_back(run("day", "base", seed, s));
    runs.push_back(run("day", "sure", seed, s + 9 + 0.1 * s));  // t of hundreds.
    runs.push_back(run("day", "none", seed, s + (seed % 2 == 0 ? 1 : -1)));
    runs.push_back(run("day", "maybe", seed, s + 1 + 0.46 * (s - 2.5)));  // sd 0.594, t = 3.37: p = 0.043.
  }
  const std::string text = summary_table(summarize(runs, "base"), std::vector<std::string>{"pod_wait_seconds_mean"});
  EXPECT_THAT(text, HasSubstr("+9.25 ± 0.21 **\n"));
  EXPECT_THAT(text, HasSubstr(" ± 1.8\n"));    // 3.1824 * 1.155 / 2.
  EXPECT_THAT(text, HasSubstr("± 0.94 *\n"));  // 3.1824 * 0.594 / 2; Holm: twice 0.043, as one of three is smaller.
  const std::string single = summary_table(summarize({{run("day", "base", 1, 4.25)}}, "base"), {});
  EXPECT_THAT(single, HasSubstr("4.25 ± –"));
  EXPECT_THAT(single, HasSubstr("–: one seed tells no ±."));
  EXPECT_THAT(single, Not(HasSubstr("Difference")));
}

TEST(SummaryTable, FitsTheTerminal) {
  std::vector<RunResult> runs;
  for (const char* policy : {"base", "a-policy-with(many=1, parameters=2, in_its=3, full=4, spelling=5)"}) {
    for (std::uint64_t seed = 1; seed <= 2; ++seed) {
      RunResult r{{"day", policy, seed}, {}, {}};
      for (int i = 0; i < 30; ++i)
        r.metrics.push_back({"a_metric_with_a_long_name_" + std::to_string(i), 1.0 * i + seed});
      runs.push_back(r);
    }
  }
  std::istringstream in(summary_table(summarize(runs, "base"), {}));
  std::size_t lines = 0;
  for (std::string line; std::getline(in, line); ++lines) EXPECT_LE(display_width(line), kTableWidth) << line;
  EXPECT_GT(lines, 60U);
}

TEST(SeriesCsv, Rows) {
  RunResult r{{"d,ay", "p", 7}, {}, {{"pods_pending", "time_seconds", {0, 0.5}, {1e6, NAN}}, {"e", "x", {}, {}}}};
  const auto path = std::filesystem::temp_directory_path() / "berth-series-test.csv";
  write_series_csv(path, std::vector{r});
  std::ifstream in(path);
  const std::string text(std::istreambuf_iterator<char>(in), {});
  std::filesystem::remove(path);
  EXPECT_EQ(text,
            "scenario,policy,seed,series,x_name,x,y\n"
            "\"d,ay\",p,7,pods_pending,time_seconds,0,1e+06\n"
            "\"d,ay\",p,7,pods_pending,time_seconds,0.5,\n");
}

}  // namespace
}  // namespace berth
