#include "sim/controllers/cron_schedule.hpp"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <optional>
#include <span>
#include <vector>

#include "sim/engine/error.hpp"

namespace berth::controllers {
namespace {

struct Bounds {
  const char* name;
  std::int32_t min;
  std::int32_t max;
};
constexpr Bounds kBounds[] = {
    {"minute", 0, 59}, {"hour", 0, 23}, {"day of month", 1, 31}, {"month", 1, 12}, {"day of week", 0, 6}};
constexpr std::string_view kMonths[] = {"jan", "feb", "mar", "apr", "may", "jun",
                                        "jul", "aug", "sep", "oct", "nov", "dec"};
constexpr std::string_view kDays[] = {"sun", "mon", "tue", "wed", "thu", "fri", "sat"};

std::vector<std::string_view> split(std::string_view text, std::string_view separators) {
  std::vector<std::string_view> out;
  while (true) {
    const std::size_t start = text.find_first_not_of(separators);
    if (start == std::string_view::npos) return out;
    text.remove_prefix(start);
    const std::size_t end = std::min(text.find_first_of(separators), text.size());
    out.push_back(text.substr(0, end));
    text.remove_prefix(end);
  }
}

[[noreturn]] void fail(std::string_view what, const std::string& wrong) {
  throw InputError(std::string(what) + " " + wrong + "; expected five cron fields, or @every with a duration");
}

std::int32_t number(std::string_view text, std::size_t field, std::string_view what) {
  std::string lower(text);
  std::transform(lower.begin(), lower.end(), lower.begin(), [](unsigned char c) { return std::tolower(c); });
  const auto named = [&lower](std::span<const std::string_view> names,
                              std::int32_t first) -> std::optional<std::int32_t> {
    const auto it = std::find(names.begin(), names.end(), lower);
    if (it == names.end()) return std::nullopt;
    return static_cast<std::int32_t>(it - names.begin()) + first;
  };
  if (field == 3) {
    if (const auto month = named(kMonths, 1)) return *month;
  }
  if (field == 4) {
    if (const auto day = named(kDays, 0)) return *day;
  }
  std::int32_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || value < 0) {
    fail(what, "has \"" + std::string(text) + "\" as " + kBounds[field].name);
  }
  return value;
}

// One part of a comma list: "*", "5", "1-5", "*/2", "1-59/2", "5/15". Sets bits; `star` if it is all values.
void add_range(std::string_view part, std::size_t field, std::string_view what, std::uint64_t& bits, bool& star) {
  const Bounds& bounds = kBounds[field];
  const auto wrong = [&](const char* why) {
    fail(what, "has \"" + std::string(part) + "\" as " + bounds.name + ", " + why);
  };
  const std::size_t slash = std::min(part.find('/'), part.size());
  const std::string_view range = part.substr(0, slash);
  const std::size_t dash = std::min(range.find('-'), range.size());
  std::int32_t first = bounds.min;
  std::int32_t last = bounds.max;
  bool all = false;
  if (range == "*" || range == "?") {
    all = true;
  } else {
    first = number(range.substr(0, dash), field, what);
    last = dash == range.size() ? first : number(range.substr(dash + 1), field, what);
  }
  std::int32_t step = 1;
  if (slash != part.size()) {
    step = number(part.substr(slash + 1), 0, what);
    if (!all && dash == range.size()) last = bounds.max;  // "5/15": from 5 on.
    if (step > 1) all = false;
  }
  if (first < bounds.min || last > bounds.max) wrong("which is out of range");
  if (first > last) wrong("which ends before it begins");
  if (step == 0) wrong("which has a step of 0");
  for (std::int32_t v = first; v <= last; v += step) bits |= std::uint64_t{1} << v;
  star = star || all;
}

}  // namespace

CronSchedule CronSchedule::parse(std::string_view text, std::string_view what) {
  CronSchedule out;
  out.text_ = text;
  constexpr std::string_view kEvery = "@every ";
  if (text.starts_with(kEvery)) {
    const Duration every = parse_duration(text.substr(kEvery.size()), what);
    out.every_seconds_ = std::max<std::int64_t>(1, every.ns / seconds(1).ns);
    return out;
  }
  std::string_view fields = text;
  for (const auto& [name, same] :
       {std::pair{"@yearly", "0 0 1 1 *"}, std::pair{"@annually", "0 0 1 1 *"}, std::pair{"@monthly", "0 0 1 * *"},
        std::pair{"@weekly", "0 0 * * 0"}, std::pair{"@daily", "0 0 * * *"}, std::pair{"@midnight", "0 0 * * *"},
        std::pair{"@hourly", "0 * * * *"}}) {
    if (text == name) fields = same;
  }
  const std::vector<std::string_view> parts = split(fields, " \t");
  if (parts.size() != kFields) fail(what, "is \"" + std::string(text) + "\"");
  for (std::size_t f = 0; f < kFields; ++f) {
    for (const std::string_view part : split(parts[f], ",")) add_range(part, f, what, out.bits_[f], out.star_[f]);
    if (out.bits_[f] == 0) fail(what, "is \"" + std::string(text) + "\"");
  }
  return out;
}

// Day of month and day of week: both must match if one of them is "*", otherwise either is enough.
bool CronSchedule::day_matches(std::int32_t day, std::int32_t weekday) const {
  const bool by_day = (bits_[kDay] >> day & 1) != 0;
  const bool by_weekday = (bits_[kWeekday] >> weekday & 1) != 0;
  return star_[kDay] || star_[kWeekday] ? by_day && by_weekday : by_day || by_weekday;
}

std::int64_t CronSchedule::next(std::int64_t unix_seconds) const {
  if (every_seconds_ > 0) return unix_seconds + every_seconds_;
  using std::chrono::days;
  using std::chrono::sys_days;
  constexpr std::int64_t kDaySeconds = 86'400;
  const std::int64_t start = unix_seconds + 1;
  std::int64_t day = start / kDaySeconds - (start % kDaySeconds < 0 ? 1 : 0);
  std::int64_t minute = (start - day * kDaySeconds + 59) / 60;  // The first whole minute that is not before start.
  for (const std::int64_t last_day = day + 5 * 366; day <= last_day; ++day, minute = 0) {
    const sys_days date{days{day}};
    const std::chrono::year_month_day ymd{date};
    if ((bits_[kMonth] >> static_cast<unsigned>(ymd.month()) & 1) == 0) continue;
    if (!day_matches(static_cast<std::int32_t>(static_cast<unsigned>(ymd.day())),
                     static_cast<std::int32_t>(std::chrono::weekday{date}.c_encoding()))) {
      continue;
    }
    for (; minute < 24 * 60; ++minute) {
      if ((bits_[kHour] >> (minute / 60) & 1) == 0) {
        minute += 59 - minute % 60;
        continue;
      }
      if ((bits_[kMinute] >> (minute % 60) & 1) != 0) return day * kDaySeconds + minute * 60;
    }
  }
  return -1;
}

}  // namespace berth::controllers
