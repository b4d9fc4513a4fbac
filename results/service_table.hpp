// What became of the requests of each Service and each source of a run, against what was promised: availability,
// quantiles, and how much of the error budget is used.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "sim/engine/time.hpp"

namespace berth {

// Of a Service: attempts at it, from its callers' point of view, retries too. Of a source: its requests, each with its
// retries. Those that are still under way do not count.
struct ServiceRow {
  std::string name;
  bool source = false;
  std::uint64_t served = 0;
  std::uint64_t lost = 0;  // Failed or timed out.
  // Seconds, of served ones; within 0.8 %. NaN where there is none.
  double mean_s = 0, p50_s = 0, p95_s = 0, p99_s = 0, p999_s = 0;
  // The objective: so many percent are served, > 0 and < 100;
  double availability_pct = 99.9;
  // and of those so many percent take no longer than this, kForever: no matter how long.
  Duration latency = kForever;
  double percentile_pct = 99;
  std::uint64_t slow = 0;  // Served, and took longer; the threshold within 0.8 %.
};

// 100 * served / (served + lost); NaN without any.
double availability_pct(const ServiceRow& row);
// How much of what the objective lets go wrong has gone wrong, in percent: lost of all against 100 - availability, and
// slow of served against 100 - percentile, the worse of the two. Above 100 the objective is missed. NaN without any.
// Source: Google, The Site Reliability Workbook, chapter 2 (SLIs as ratios of events, budget = 1 - SLO).
double error_budget_used_pct(const ServiceRow& row);
// The worst of all; NaN if none has any request.
double error_budget_used_pct(std::span<const ServiceRow> rows);

// "front:availability_pct": a number of one Service or source, by the names that metrics of all of them have (requests,
// requests_served, requests_lost, availability_pct, request_seconds_mean, …_p50, …_p95, …_p99, …_p999,
// error_budget_used_pct). Nothing if there is no such row or number; of two rows of one name, the first.
std::optional<double> service_metric(std::span<const ServiceRow> rows, std::string_view name);

// NAME KIND REQUESTS LOST AVAILABILITY P50 P95 P99 P99.9 OBJECTIVE "BUDGET USED", a line each.
std::string service_table_text(std::span<const ServiceRow> rows);
// A JSON list of objects; what is not defined is null.
std::string service_table_json(std::span<const ServiceRow> rows);

}  // namespace berth
