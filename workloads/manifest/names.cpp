// The syntax of names, labels and schedules.
#include <algorithm>
#include <charconv>
#include <string>
#include <vector>

#include "sim/engine/error.hpp"
#include "sim/engine/time.hpp"
#include "workloads/manifest/validation.hpp"

namespace berth::manifest {
namespace {

bool lower_or_digit(char c) {
  return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}
bool letter_or_digit(char c) {
  return lower_or_digit(c) || (c >= 'A' && c <= 'Z');
}

bool is_label_word(std::string_view text) {
  if (text.empty() || text.size() > 63 || !letter_or_digit(text.front()) || !letter_or_digit(text.back())) return false;
  return std::all_of(text.begin(), text.end(),
                     [](char c) { return letter_or_digit(c) || c == '-' || c == '_' || c == '.'; });
}

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  while (true) {
    const std::size_t at = text.find(separator);
    parts.push_back(text.substr(0, at));
    if (at == std::string_view::npos) return parts;
    text.remove_prefix(at + 1);
  }
}

struct CronField {
  int min;
  int max;
  std::vector<std::string_view> names;  // Of min, min + 1, …
};

bool parse_cron_value(std::string_view text, const CronField& field, int& out) {
  std::string lower(text);
  for (char& c : lower) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  for (std::size_t i = 0; i < field.names.size(); ++i) {
    if (lower == field.names[i]) {
      out = field.min + static_cast<int>(i);
      return true;
    }
  }
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  return error == std::errc() && end == text.data() + text.size() && out >= field.min && out <= field.max;
}

// "*", "?", "5", "1-5", "*/15", "MON-FRI", "0,30".
bool is_cron_field(std::string_view text, const CronField& field) {
  for (const std::string_view item : split(text, ',')) {
    const std::vector<std::string_view> step = split(item, '/');
    if (step.size() > 2) return false;
    int every = 1;
    if (step.size() == 2 && !parse_cron_value(step[1], {1, 1'000'000, {}}, every)) return false;
    if (step[0] == "*" || step[0] == "?") continue;
    const std::vector<std::string_view> range = split(step[0], '-');
    int first = 0;
    int last = 0;
    if (range.size() > 2 || !parse_cron_value(range[0], field, first)) return false;
    if (range.size() == 2 && (!parse_cron_value(range[1], field, last) || last < first)) return false;
  }
  return true;
}

}  // namespace

bool is_dns_label(std::string_view name) {
  if (name.empty() || name.size() > 63 || !lower_or_digit(name.front()) || !lower_or_digit(name.back())) return false;
  return std::all_of(name.begin(), name.end(), [](char c) { return lower_or_digit(c) || c == '-'; });
}

bool is_dns_subdomain(std::string_view name) {
  if (name.empty() || name.size() > 253) return false;
  for (const std::string_view label : split(name, '.')) {  // The API server has no limit of 63 here.
    if (label.empty() || !lower_or_digit(label.front()) || !lower_or_digit(label.back())) return false;
    if (!std::all_of(label.begin(), label.end(), [](char c) { return lower_or_digit(c) || c == '-'; })) return false;
  }
  return true;
}

bool is_label_key(std::string_view key) {
  const std::size_t slash = key.find('/');
  if (slash == std::string_view::npos) return is_label_word(key);
  return is_dns_subdomain(key.substr(0, slash)) && is_label_word(key.substr(slash + 1));
}

bool is_label_value(std::string_view value) {
  return value.empty() || is_label_word(value);
}

bool is_cron_schedule(std::string_view schedule) {
  for (const std::string_view word :
       {"@yearly", "@annually", "@monthly", "@weekly", "@daily", "@midnight", "@hourly"}) {
    if (schedule == word) return true;
  }
  if (schedule.starts_with("@every ")) {
    try {
      return parse_duration(schedule.substr(7), "schedule") > Duration{};
    } catch (const InputError&) {
      return false;
    }
  }
  static const CronField kFields[] = {
      {0, 59, {}},
      {0, 23, {}},
      {1, 31, {}},
      {1, 12, {"jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"}},
      {0, 6, {"sun", "mon", "tue", "wed", "thu", "fri", "sat"}}};
  std::vector<std::string_view> words;
  for (const std::string_view word : split(schedule, ' ')) {
    if (!word.empty()) words.push_back(word);
  }
  if (words.size() != std::size(kFields)) return false;
  for (std::size_t i = 0; i < words.size(); ++i) {
    if (!is_cron_field(words[i], kFields[i])) return false;
  }
  return true;
}

}  // namespace berth::manifest
