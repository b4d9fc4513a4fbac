#include "policies/autoscalers/scheduled.hpp"

#include <fmt/format.h>

#include <charconv>
#include <chrono>
#include <string>

#include "policies/params.hpp"
#include "policies/registry.hpp"
#include "sim/engine/error.hpp"

namespace berth {
namespace {

constexpr std::int64_t kMinute = 60'000'000'000;
constexpr std::int64_t kMinutesPerDay = 1440;
constexpr std::int64_t kLookBackMinutes = 366 * kMinutesPerDay;
constexpr std::chrono::sys_days kStart = std::chrono::year{2026} / 1 / 1;

std::string_view trim(std::string_view text) {
  while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
  return text;
}

// What stands before `mark`, taken off the front of `text`; all of it if there is none.
std::string_view take(std::string_view& text, char mark) {
  const std::size_t at = text.find(mark);
  const std::string_view head = text.substr(0, at);
  text.remove_prefix(at == std::string_view::npos ? text.size() : at + 1);
  return head;
}

class FieldParser {
 public:
  FieldParser(std::string_view what, std::string_view line) : what_(what), line_(line) {}

  // Calls set(n) for each number of the field.
  template <class F>
  void parse(const char* name, std::string_view field, int min, int max, F&& set) const {
    if (field.empty()) refuse(name, field, min, max);
    for (bool more = true; more;) {
      more = field.find(',') != std::string_view::npos;
      std::string_view item = take(field, ',');
      std::string_view step_text = item;
      std::string_view range = take(step_text, '/');
      const bool stepped = range.size() != item.size();
      const int step = stepped ? number(step_text) : 1;
      int low = min;
      int high = max;
      if (range != "*") {
        const bool single = range.find('-') == std::string_view::npos;
        std::string_view rest = range;
        low = number(take(rest, '-'));
        high = single ? (stepped ? max : low) : number(rest);
      }
      if (step < 1 || low < min || high > max || low > high) refuse(name, item, min, max);
      for (int n = low; n <= high; n += step) set(n);
    }
  }

  static int number(std::string_view text) {  // -1: none.
    int n = -1;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), n);
    return error == std::errc() && end == text.data() + text.size() && n >= 0 ? n : -1;
  }

 private:
  [[noreturn]] void refuse(const char* name, std::string_view text, int min, int max) const {
    throw InputError(fmt::format("{}: \"{}\": {} is \"{}\"; expected *, a number, a range or a list of {}..{}", what_,
                                 line_, name, text, min, max));
  }
  std::string_view what_;
  std::string_view line_;
};

ScheduledRule parse_rule(std::string_view line, std::string_view what) {
  std::string_view rest = line;
  std::string_view fields = trim(take(rest, '='));
  std::vector<std::string_view> parts;
  while (!fields.empty()) {
    const std::string_view part = take(fields, ' ');
    if (!part.empty()) parts.push_back(part);
  }
  ScheduledRule rule;
  rule.replicas = FieldParser::number(trim(rest));
  if (parts.size() != 5 || rule.replicas < 0 || rule.replicas > 1'000'000) {
    throw InputError(
        fmt::format("{}: \"{}\" is no line of a schedule; expected five fields of cron, \"=\" and the "
                    "replicas (0..1000000), as in 0 8 * * 1-5 = 10",
                    what, line));
  }
  const FieldParser parser(what, line);
  CronLine& c = rule.when;
  parser.parse("the minute", parts[0], 0, 59, [&](int n) { c.minute.set(static_cast<std::size_t>(n)); });
  parser.parse("the hour", parts[1], 0, 23, [&](int n) { c.hour.set(static_cast<std::size_t>(n)); });
  parser.parse("the day", parts[2], 1, 31, [&](int n) { c.day.set(static_cast<std::size_t>(n)); });
  parser.parse("the month", parts[3], 1, 12, [&](int n) { c.month.set(static_cast<std::size_t>(n)); });
  parser.parse("the day of the week", parts[4], 0, 7, [&](int n) { c.weekday.set(static_cast<std::size_t>(n % 7)); });
  c.any_day = parts[2].front() == '*';
  c.any_weekday = parts[4].front() == '*';
  return rule;
}

const Register<PodAutoscaler, ScheduledAutoscaler> kRegistered{"scheduled",
                                                               "by the clock: cron lines with a number each"};

}  // namespace

bool CronLine::due(Time t) const {
  std::int64_t minutes = t.ns / kMinute - (t.ns % kMinute < 0 ? 1 : 0);
  std::int64_t days = minutes / kMinutesPerDay - (minutes % kMinutesPerDay < 0 ? 1 : 0);
  minutes -= days * kMinutesPerDay;
  if (!minute[static_cast<std::size_t>(minutes % 60)] || !hour[static_cast<std::size_t>(minutes / 60)]) return false;
  const std::chrono::sys_days date = kStart + std::chrono::days(days);
  const std::chrono::year_month_day civil(date);
  if (!month[static_cast<unsigned>(civil.month())]) return false;
  const bool by_day = day[static_cast<unsigned>(civil.day())];
  const bool by_weekday = weekday[std::chrono::weekday(date).c_encoding()];
  return any_day || any_weekday ? by_day && by_weekday : by_day || by_weekday;
}

std::vector<ScheduledRule> parse_schedule(std::string_view text, std::string_view what) {
  std::vector<ScheduledRule> rules;
  while (!text.empty()) {
    const std::string_view line = trim(take(text, ';'));
    if (!line.empty()) rules.push_back(parse_rule(line, what));
  }
  if (rules.empty()) {
    throw InputError(fmt::format("{} is empty; expected lines such as 0 8 * * 1-5 = 10, with ; between them", what));
  }
  return rules;
}

ScheduledAutoscaler::ScheduledAutoscaler(const Params& params)
    : ScheduledAutoscaler(parse_schedule(
          params.text("table", "0 8 * * 1-5 = 10; 0 20 * * * = 2", "cron lines with replicas, ; between them"),
          "policy \"scheduled\": table")) {}

std::int32_t ScheduledAutoscaler::observe(const ScaleObservation& o) {
  const std::int64_t now = o.now.ns / kMinute;
  const std::int64_t stop = begun_ ? seen_ : now - kLookBackMinutes;
  begun_ = true;
  seen_ = now;
  for (std::int64_t minute = now; minute > stop; --minute) {  // Backwards: the first that is due decides.
    for (std::size_t i = rules_.size(); i-- > 0;) {
      if (!rules_[i].when.due(Time{minute * kMinute})) continue;
      replicas_ = rules_[i].replicas;
      return replicas_;
    }
  }
  return replicas_ < 0 ? o.spec_replicas : replicas_;
}

}  // namespace berth
