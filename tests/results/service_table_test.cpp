// Error budgets by hand, and the table of Services as text and JSON.
#include "results/service_table.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <optional>
#include <vector>

namespace berth::test {
namespace {

ServiceRow row(std::uint64_t served, std::uint64_t lost) {
  ServiceRow out;
  out.name = "shop/front";
  out.served = served;
  out.lost = lost;
  return out;
}

TEST(ServiceTable, BudgetIsWhatTheObjectiveLetsGoWrong) {
  EXPECT_NEAR(availability_pct(row(9'990, 10)), 99.9, 1e-12);
  EXPECT_NEAR(error_budget_used_pct(row(9'990, 10)), 100, 1e-9);  // 10 of 10,000 may be lost, and are.
  EXPECT_NEAR(error_budget_used_pct(row(9'995, 5)), 50, 1e-9);
  EXPECT_EQ(error_budget_used_pct(row(10'000, 0)), 0);
  EXPECT_TRUE(std::isnan(error_budget_used_pct(row(0, 0))));
  ServiceRow strict = row(9'990, 10);
  strict.availability_pct = 99.99;
  EXPECT_NEAR(error_budget_used_pct(strict), 1000, 1e-6);
}

// Of 1000 served, 10 may take longer than 500 ms, and 20 do; 1 of 1001 is lost, and 1.001 may be.
TEST(ServiceTable, TheWorseOfLostAndSlowCounts) {
  ServiceRow r = row(1000, 1);
  r.slow = 20;
  EXPECT_NEAR(error_budget_used_pct(r), 100 / 1.001, 1e-6) << "no latency is promised";
  r.latency = milliseconds(500);
  EXPECT_NEAR(error_budget_used_pct(r), 200, 1e-9);
  r.slow = 5;
  EXPECT_NEAR(error_budget_used_pct(r), 100 / 1.001, 1e-6);
  r.percentile_pct = 95;
  r.slow = 50;
  EXPECT_NEAR(error_budget_used_pct(r), 100, 1e-9);
}

TEST(ServiceTable, TheWorstOfAll) {
  const std::vector<ServiceRow> rows{row(0, 0), row(9'995, 5), row(9'997, 3)};
  EXPECT_NEAR(error_budget_used_pct(rows), 50, 1e-9);
  EXPECT_TRUE(std::isnan(error_budget_used_pct(std::span(rows).first(1))));
}

TEST(ServiceTable, SingleNumbersByName) {
  ServiceRow other = row(9'995, 5);
  other.name = "ns:x";
  other.p99_s = 0.25;
  const std::vector<ServiceRow> rows{row(9'990, 10), other};
  EXPECT_EQ(service_metric(rows, "shop/front:requests"), 10'000);
  EXPECT_EQ(service_metric(rows, "shop/front:requests_lost"), 10);
  EXPECT_EQ(service_metric(rows, "ns:x:request_seconds_p99"), 0.25);
  EXPECT_NEAR(service_metric(rows, "ns:x:error_budget_used_pct").value(), 50, 1e-9);
  EXPECT_EQ(service_metric(rows, "front:requests"), std::nullopt);
  EXPECT_EQ(service_metric(rows, "shop/front:request"), std::nullopt);
  EXPECT_EQ(service_metric(rows, "requests"), std::nullopt);
}

TEST(ServiceTable, TextAndJson) {
  ServiceRow front = row(1'990, 10);
  front.availability_pct = 99.5;
  front.mean_s = 0.02;
  front.p50_s = 0.0125;
  front.p95_s = 0.1;
  front.p99_s = 0.5;
  front.p999_s = 1.25;
  front.latency = milliseconds(500);
  front.slow = 5;
  ServiceRow users = row(0, 0);
  users.name = "users";
  users.source = true;
  users.mean_s = users.p50_s = users.p95_s = users.p99_s = users.p999_s = std::numeric_limits<double>::quiet_NaN();
  const std::vector<ServiceRow> rows{front, users};
  EXPECT_EQ(
      service_table_text(rows),
      "NAME        KIND     REQUESTS  LOST  AVAILABILITY  P50      P95     P99     P99.9   OBJECTIVE          "
      "BUDGET USED\n"
      "shop/front  Service  2000      10    99.5000 %     12.5 ms  100 ms  500 ms  1.25 s  99.5 %, p99 500ms  "
      "100 %\n"
      "users       source   0         0     -             -        -       -       -       99.9 %             -\n");
  EXPECT_EQ(service_table_json(rows),
            R"([{"name":"shop/front","kind":"service","requests":2000,"served":1990,"lost":10,"availability_pct":99.5,)"
            R"("request_seconds_mean":0.02,"request_seconds_p50":0.0125,"request_seconds_p95":0.1,)"
            R"("request_seconds_p99":0.5,"request_seconds_p999":1.25,)"
            R"("objective":{"availability":99.5,"latency_seconds":0.5,"percentile":99},"slow":5,)"
            R"("error_budget_used_pct":100},)"
            R"({"name":"users","kind":"source","requests":0,"served":0,"lost":0,"availability_pct":null,)"
            R"("request_seconds_mean":null,"request_seconds_p50":null,"request_seconds_p95":null,)"
            R"("request_seconds_p99":null,"request_seconds_p999":null,)"
            R"("objective":{"availability":99.9,"latency_seconds":null,"percentile":null},"slow":0,)"
            R"("error_budget_used_pct":null}])");
}

}  // namespace
}  // namespace berth::test
