#include "results/service_table.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>
#include <vector>

#include "results/files.hpp"

namespace berth {
namespace {

constexpr double kNone = std::numeric_limits<double>::quiet_NaN();

std::string number(double value, const char* unit = "") {
  return std::isnan(value) ? "-" : fmt::format("{:.4g}{}", value, unit);
}

// "820 us", "12.5 ms", "1.2 s".
std::string time_text(double seconds) {
  if (std::isnan(seconds)) return "-";
  if (seconds < 1e-3) return fmt::format("{:.3g} us", seconds * 1e6);
  return seconds < 1 ? fmt::format("{:.3g} ms", seconds * 1e3) : fmt::format("{:.3g} s", seconds);
}

std::string objective_text(const ServiceRow& row) {
  std::string out = fmt::format("{} %", shortest(row.availability_pct));
  if (row.latency != kForever) out += fmt::format(", p{} {}", shortest(row.percentile_pct), to_string(row.latency));
  return out;
}

}  // namespace

double availability_pct(const ServiceRow& row) {
  const double over = static_cast<double>(row.served + row.lost);
  return over == 0 ? kNone : 100 * static_cast<double>(row.served) / over;
}

double error_budget_used_pct(const ServiceRow& row) {
  const double over = static_cast<double>(row.served + row.lost);
  if (over == 0) return kNone;
  const auto used = [](double bad_share, double objective_pct) { return 1e4 * bad_share / (100 - objective_pct); };
  double out = used(static_cast<double>(row.lost) / over, row.availability_pct);
  if (row.latency != kForever && row.served > 0) {
    const double slow = static_cast<double>(row.slow) / static_cast<double>(row.served);
    out = std::max(out, used(slow, row.percentile_pct));
  }
  return out;
}

double error_budget_used_pct(std::span<const ServiceRow> rows) {
  double worst = kNone;
  for (const ServiceRow& row : rows) worst = std::fmax(worst, error_budget_used_pct(row));
  return worst;
}

std::optional<double> service_metric(std::span<const ServiceRow> rows, std::string_view name) {
  const std::size_t colon = name.rfind(':');
  if (colon == std::string_view::npos) return std::nullopt;
  const auto row = std::ranges::find(rows, name.substr(0, colon), &ServiceRow::name);
  if (row == rows.end()) return std::nullopt;
  const std::pair<std::string_view, double> numbers[] = {
      {"requests", static_cast<double>(row->served + row->lost)},
      {"requests_served", static_cast<double>(row->served)},
      {"requests_lost", static_cast<double>(row->lost)},
      {"availability_pct", availability_pct(*row)},
      {"request_seconds_mean", row->mean_s},
      {"request_seconds_p50", row->p50_s},
      {"request_seconds_p95", row->p95_s},
      {"request_seconds_p99", row->p99_s},
      {"request_seconds_p999", row->p999_s},
      {"error_budget_used_pct", error_budget_used_pct(*row)},
  };
  for (const auto& [key, value] : numbers) {
    if (key == name.substr(colon + 1)) return value;
  }
  return std::nullopt;
}

std::string service_table_text(std::span<const ServiceRow> rows) {
  std::vector<std::vector<std::string>> cells{
      {"NAME", "KIND", "REQUESTS", "LOST", "AVAILABILITY", "P50", "P95", "P99", "P99.9", "OBJECTIVE", "BUDGET USED"}};
  for (const ServiceRow& row : rows) {
    const double available = availability_pct(row);
    cells.push_back({row.name, row.source ? "source" : "Service", fmt::format("{}", row.served + row.lost),
                     fmt::format("{}", row.lost), std::isnan(available) ? "-" : fmt::format("{:.4f} %", available),
                     time_text(row.p50_s), time_text(row.p95_s), time_text(row.p99_s), time_text(row.p999_s),
                     objective_text(row), number(error_budget_used_pct(row), " %")});
  }
  std::vector<std::size_t> widths(cells[0].size(), 0);
  for (const auto& line : cells) {
    for (std::size_t c = 0; c < line.size(); ++c) widths[c] = std::max(widths[c], line[c].size());
  }
  std::string out;
  for (const auto& line : cells) {
    for (std::size_t c = 0; c + 1 < line.size(); ++c) out += fmt::format("{:<{}}  ", line[c], widths[c]);
    out += line.back() + "\n";
  }
  return out;
}

std::string service_table_json(std::span<const ServiceRow> rows) {
  const auto value = [](double v) { return std::isfinite(v) ? shortest(v) : std::string("null"); };
  std::string out = "[";
  for (const ServiceRow& row : rows) {
    out += fmt::format(
        R"({}{{"name":{},"kind":"{}","requests":{},"served":{},"lost":{},"availability_pct":{},"request_seconds_mean":{},)"
        R"("request_seconds_p50":{},"request_seconds_p95":{},"request_seconds_p99":{},"request_seconds_p999":{},)"
        R"("objective":{{"availability":{},"latency_seconds":{},"percentile":{}}},"slow":{},"error_budget_used_pct":{}}})",
        out.size() == 1 ? "" : ",", json_string(row.name), row.source ? "source" : "service", row.served + row.lost,
        row.served, row.lost, value(availability_pct(row)), value(row.mean_s), value(row.p50_s), value(row.p95_s),
        value(row.p99_s), value(row.p999_s), value(row.availability_pct),
        row.latency == kForever ? "null" : value(row.latency.seconds()),
        row.latency == kForever ? "null" : value(row.percentile_pct), row.slow, value(error_budget_used_pct(row)));
  }
  return out + "]";
}

}  // namespace berth
