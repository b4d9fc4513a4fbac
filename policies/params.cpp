#include "policies/params.hpp"

#include <fmt/format.h>

#include <charconv>
#include <cmath>

#include "sim/engine/error.hpp"

namespace berth {
namespace {

std::string_view trim(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

bool is_name(std::string_view text) {
  if (text.empty()) return false;
  for (const char c : text) {
    if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.')) return false;
  }
  return true;
}

}  // namespace

std::vector<std::string_view> split_outside_parentheses(std::string_view text, char separator) {
  std::vector<std::string_view> pieces;
  int depth = 0;
  std::size_t begin = 0;
  for (std::size_t i = 0; i <= text.size(); ++i) {
    if (i == text.size() || (text[i] == separator && depth == 0)) {
      pieces.push_back(trim(text.substr(begin, i - begin)));
      begin = i + 1;
    } else if (text[i] == '(') {
      ++depth;
    } else if (text[i] == ')') {
      --depth;
    }
  }
  return pieces;
}

PolicySpec PolicySpec::parse(std::string_view text, std::string_view what) {
  const auto refuse = [&](const char* why) -> InputError {
    return InputError(fmt::format("{} is \"{}\": {}; expected name or name(key=value, …)", what, text, why));
  };
  PolicySpec spec;
  const std::string_view whole = trim(text);
  const std::size_t open = whole.find('(');
  spec.name = std::string(trim(whole.substr(0, open)));
  if (!is_name(spec.name)) throw refuse("that is no policy name");
  if (open == std::string_view::npos) return spec;
  if (whole.back() != ')') throw refuse("the parenthesis is not closed at the end");
  const std::string_view inside = trim(whole.substr(open + 1, whole.size() - open - 2));
  if (inside.empty()) return spec;
  for (const std::string_view piece : split_outside_parentheses(inside, ',')) {
    const std::size_t equals = piece.find('=');
    if (equals == std::string_view::npos) throw refuse("a parameter has no \"=\"");
    const std::string key(trim(piece.substr(0, equals)));
    const std::string value(trim(piece.substr(equals + 1)));
    if (!is_name(key) || value.empty()) throw refuse("a parameter has no name or no value");
    if (!spec.params.emplace(key, value).second) throw refuse("a parameter is set twice");
  }
  return spec;
}

std::string PolicySpec::to_string() const {
  if (params.empty()) return name;
  std::string text = name + "(";
  for (const auto& [key, value] : params) {
    if (text.back() != '(') text += ",";
    text += key + "=" + value;
  }
  return text + ")";
}

const std::string* Params::find(const char* name) const {
  const auto it = values_.find(name);
  return it == values_.end() ? nullptr : &it->second;
}

void Params::refuse(const char* name, const std::string& value, const std::string& expected) const {
  throw InputError(fmt::format("policy \"{}\": {} is \"{}\"; expected {}", policy_, name, value, expected));
}

double Params::number(const char* name, const Number& about) const {
  const bool bounded = std::isfinite(about.min) || std::isfinite(about.max);
  const std::string range = bounded ? fmt::format("{}..{}", about.min, about.max) : "";
  declared_.push_back({name, fmt::format("{}", about.fallback), range, about.help});
  const std::string* text = find(name);
  if (text == nullptr) return about.fallback;
  double value = 0;
  const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), value);
  if (error != std::errc() || end != text->data() + text->size() || !std::isfinite(value) || value < about.min ||
      value > about.max) {
    refuse(name, *text, bounded ? "a number in " + range : "a number");
  }
  return value;
}

std::int64_t Params::integer(const char* name, const Integer& about) const {
  const bool low = about.min != std::numeric_limits<std::int64_t>::min();
  const bool high = about.max != std::numeric_limits<std::int64_t>::max();
  const std::string range = low || high ? fmt::format("{}..{}", low ? fmt::format("{}", about.min) : "",
                                                      high ? fmt::format("{}", about.max) : "")
                                        : "";
  declared_.push_back({name, fmt::format("{}", about.fallback), range, about.help});
  const std::string* text = find(name);
  if (text == nullptr) return about.fallback;
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), value);
  if (error != std::errc() || end != text->data() + text->size() || value < about.min || value > about.max) {
    refuse(name, *text, range.empty() ? "a whole number" : "a whole number in " + range);
  }
  return value;
}

std::string Params::choice(const char* name, const Choice& about) const {
  std::string range;
  for (const std::string& value : about.values) range += (range.empty() ? "" : "|") + value;
  declared_.push_back({name, about.fallback, range, about.help});
  const std::string* text = find(name);
  if (text == nullptr) return about.fallback;
  for (const std::string& value : about.values) {
    if (value == *text) return value;
  }
  refuse(name, *text, "one of " + range + did_you_mean(*text, about.values));
}

std::string Params::text(const char* name, const char* fallback, const char* help) const {
  declared_.push_back({name, fallback, "", help});
  const std::string* given = find(name);
  return given == nullptr ? fallback : *given;
}

void Params::refuse_unknown() const {
  for (const auto& [key, value] : values_) {
    bool known = false;
    std::vector<std::string> names;
    for (const Declared& d : declared_) {
      known = known || d.name == key;
      names.push_back(d.name);
    }
    if (known) continue;
    if (names.empty())
      throw InputError(fmt::format("policy \"{}\" has no parameter \"{}\"; it takes none", policy_, key));
    throw InputError(fmt::format("policy \"{}\" has no parameter \"{}\"; expected {}{}", policy_, key,
                                 fmt::join(names, ", "), did_you_mean(key, names)));
  }
}

}  // namespace berth
