#include "workloads/traffic/rate_series.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cmath>
#include <map>
#include <optional>

#include "sim/engine/error.hpp"
#include "workloads/csv.hpp"

namespace berth {
namespace {

enum Column : std::size_t { kTime, kValue, kFilter };
constexpr double kMostCount = 1e15;

std::optional<int> digits(std::string_view text, std::size_t from, std::size_t count) {
  if (from + count > text.size()) return {};
  int n = 0;
  const auto [end, error] = std::from_chars(text.data() + from, text.data() + from + count, n);
  if (error != std::errc() || end != text.data() + from + count || n < 0) return {};
  return n;
}

// "1995-07-01 00:00:00", also with a T between and without seconds: seconds since 1970.
std::optional<std::int64_t> parse_date(std::string_view text) {
  if (text.size() != 16 && text.size() != 19) return {};
  const auto y = digits(text, 0, 4), mo = digits(text, 5, 2), d = digits(text, 8, 2);
  const auto h = digits(text, 11, 2), mi = digits(text, 14, 2);
  const auto s = text.size() == 19 ? digits(text, 17, 2) : std::optional<int>(0);
  if (!y || !mo || !d || !h || !mi || !s || text[4] != '-' || text[7] != '-' || text[13] != ':') return {};
  if ((text[10] != ' ' && text[10] != 'T') || (text.size() == 19 && text[16] != ':')) return {};
  const std::chrono::year_month_day day{std::chrono::year(*y), std::chrono::month(static_cast<unsigned>(*mo)),
                                        std::chrono::day(static_cast<unsigned>(*d))};
  if (!day.ok() || *h > 23 || *mi > 59 || *s > 60) return {};
  const std::int64_t days = std::chrono::sys_days(day).time_since_epoch().count();
  return days * 86'400 + *h * 3'600 + *mi * 60 + *s;
}

// Times of rows: numbers of a unit, or dates from the first one on. All of one kind.
class TimeColumn {
 public:
  explicit TimeColumn(Duration unit) : unit_(unit) {}
  Time read(const CsvReader& csv) {
    const auto date = parse_date(csv.text(kTime));
    if (kind_ == Kind::kUnknown) {
      kind_ = date ? Kind::kDates : Kind::kNumbers;
      if (date) origin_ = *date;
    }
    if (kind_ == Kind::kDates) {
      if (!date) csv.fail(kTime, "", "a date like \"1995-07-01 00:00:00\"");
      if (*date < origin_) csv.fail(kTime, ", before the first row", "a later date");
      return Time{} + seconds(*date - origin_);
    }
    const double n = csv.number(kTime, 0, 9e9 / unit_.seconds());
    return Time{std::llround(n * static_cast<double>(unit_.ns))};
  }

 private:
  enum class Kind : std::uint8_t { kUnknown, kNumbers, kDates };
  Duration unit_;
  Kind kind_ = Kind::kUnknown;
  std::int64_t origin_ = 0;
};

Duration usual_step(const std::vector<RateSeries::Step>& steps) {
  std::map<std::int64_t, std::size_t> seen;
  for (std::size_t i = 1; i < steps.size(); ++i) ++seen[(steps[i].from - steps[i - 1].from).ns];
  const auto most = std::ranges::max_element(seen, {}, [](const auto& entry) { return entry.second; });
  return most == seen.end() ? Duration{} : Duration{most->first};
}

}  // namespace

double RateSeries::count() const {
  double sum = 0;
  for (const Step& step : steps) sum += step.count;
  return sum;
}

RateSeries& RateSeries::scale(double factor) {
  if (!(factor >= 0 && factor <= kMostCount)) {
    throw InputError(fmt::format("scale is {}; expected a number from 0 to {:g}", factor, kMostCount));
  }
  for (Step& step : steps) step.count *= factor;
  return *this;
}

RateSeries& RateSeries::scale_to_mean(double rate) {
  if (!(mean_rate() > 0)) throw InputError("the series has no requests; expected some, to be scaled to a mean rate");
  return scale(rate / mean_rate());
}

RateSeries& RateSeries::shift(Duration by) {
  std::vector<Step> kept;
  for (Step step : steps) {
    step.from = step.from + by;
    const Time stop = step.from + step.length;
    if (stop.ns <= 0) continue;
    if (step.from.ns < 0) {
      step.count *= static_cast<double>(stop.ns) / static_cast<double>(step.length.ns);
      step.from = {};
      step.length = stop - Time{};
    }
    kept.push_back(step);
  }
  steps = std::move(kept);
  end = std::max(Time{}, end + by);
  return *this;
}

RateSeries import_rate_csv(const std::filesystem::path& path, const RateCsvOptions& options, ImportReport& report) {
  report = {};
  std::vector<std::string> columns{options.time, options.value};
  if (!options.filter.empty()) columns.push_back(options.filter);
  CsvReader csv(path, std::move(columns), {});
  RateSeries series;
  TimeColumn times(options.time_unit);
  std::uint64_t filtered = 0;
  std::uint64_t empty = 0;
  std::uint64_t disordered = 0;
  while (csv.next()) {
    ++report.rows_read;
    if (!options.filter.empty() && csv.text(kFilter) != options.keep) {
      ++filtered;
      continue;
    }
    const Time at = times.read(csv);
    if (csv.empty(kValue)) {
      ++empty;
    } else if (!series.steps.empty() && at <= series.steps.back().from) {
      ++disordered;
    } else {
      series.steps.push_back({at, {}, csv.number(kValue, 0, kMostCount)});
    }
  }
  report.rows_used = series.steps.size();
  if (filtered > 0) report.skipped.push_back({options.filter + " is not " + in_quotes(options.keep), filtered});
  if (empty > 0) report.skipped.push_back({"no " + options.value, empty});
  if (disordered > 0) report.skipped.push_back({"time is not after the row before", disordered});
  if (series.steps.empty()) throw InputError(path.string() + ": no row can be used; expected times and counts");
  const Duration step = options.step.ns > 0 ? options.step : usual_step(series.steps);
  if (step.ns == 0) throw InputError(path.string() + ": one row does not tell its step; expected two rows, or a step");
  std::uint64_t holes = 0;
  for (std::size_t i = 0; i < series.steps.size(); ++i) {
    RateSeries::Step& s = series.steps[i];
    s.length = step;
    if (i + 1 < series.steps.size()) {
      const Duration gap = series.steps[i + 1].from - s.from;
      holes += gap > step ? 1 : 0;
      s.length = std::min(step, gap);
    }
    if (options.per_second) s.count *= s.length.seconds();
  }
  series.end = series.steps.back().from + series.steps.back().length;
  if (options.length.ns > 0) {
    if (series.end > Time{} + options.length) {
      throw InputError(path.string() + ": the rows last " + to_string(series.end - Time{}) +
                       "; expected no more than " + to_string(options.length));
    }
    series.end = Time{} + options.length;
  }
  if (holes > 0)
    report.notes.push_back(fmt::format("{} holes longer than a step of {}: nothing comes", holes, to_string(step)));
  note_columns_not_read(csv, report);
  return series;
}

std::vector<Time> import_arrival_csv(const std::filesystem::path& path, const std::string& time_column,
                                     Duration time_unit, ImportReport& report) {
  report = {};
  CsvReader csv(path, {time_column}, {});
  std::vector<Time> all;
  TimeColumn times(time_unit);
  while (csv.next()) all.push_back(times.read(csv));
  report.rows_read = report.rows_used = all.size();
  if (!std::ranges::is_sorted(all)) {
    std::ranges::sort(all);
    report.notes.push_back("rows were not in order of time: sorted");
  }
  note_columns_not_read(csv, report);
  return all;
}

}  // namespace berth
