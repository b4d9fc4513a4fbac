#include "workloads/compose/fields.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>

#include "workloads/compose/short_syntax.hpp"
#include "workloads/images/dockerfile.hpp"

namespace berth::compose {
namespace {

// What YAML 1.2 takes for something else than a string.
bool is_other_than_string(std::string_view text) {
  if (text == "true" || text == "false" || text == "True" || text == "False" || text == "TRUE" || text == "FALSE") {
    return true;
  }
  double value = 0;
  std::string_view digits = text;
  if (digits.starts_with('+')) digits.remove_prefix(1);
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  return error == std::errc() && end == digits.data() + digits.size() && text.find_first_of("0123456789") != text.npos;
}

}  // namespace

std::string Value::where() const {
  return fmt::format("{}: {}", to_string(node_->place()), name_);
}
void Value::fail(std::string_view what) const {
  fail_at(node_->place(), name_, what);
}

const std::string& Value::scalar() const {
  switch (node_->kind) {
    case Node::Kind::kNull:
      fail("is empty; expected a value");
    case Node::Kind::kList:
      fail("is a list; expected a single value");
    case Node::Kind::kMap:
      fail("is a map; expected a single value");
    case Node::Kind::kScalar:
      break;
  }
  if (node_->text.empty()) fail("is empty; expected a value");
  return node_->text;
}

const std::string& Value::text() const {
  const std::string& value = scalar();
  if (!node_->quoted && is_other_than_string(value)) {
    fail(fmt::format("is {}, which YAML takes for no text; expected \"{}\", in quotes", shown(value), shown(value)));
  }
  return value;
}

std::string Value::text_or_empty() const {
  if (node_->is_null() || (node_->is_scalar() && node_->text.empty())) return {};
  return text();
}

bool Value::boolean() const {
  const std::string& value = scalar();
  std::string lower = value;
  for (char& c : lower) c = static_cast<char>(c >= 'A' && c <= 'Z' ? c + 32 : c);
  // compose-go, loader/interpolate.go: what else it takes, with a warning.
  for (const char* yes : {"true", "1", "y", "yes", "on"}) {
    if (lower == yes) return true;
  }
  for (const char* no : {"false", "0", "n", "no", "off"}) {
    if (lower == no) return false;
  }
  fail(fmt::format("is \"{}\"; expected true or false", shown(value)));
}

std::int64_t Value::integer(std::int64_t min, std::int64_t max) const {
  const std::string& value = scalar();
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), number);
  if (error != std::errc() || end != value.data() + value.size() || number < min || number > max) {
    fail(fmt::format("is \"{}\"; expected a whole number from {} to {}", shown(value), min, max));
  }
  return number;
}

double Value::number(double min, double max) const {
  const std::string& value = scalar();
  double number = 0;
  const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), number);
  if (error != std::errc() || end != value.data() + value.size() || !std::isfinite(number) || number < min ||
      number > max) {
    fail(fmt::format("is \"{}\"; expected a number from {} to {}", shown(value), min, max));
  }
  return number;
}

Duration Value::duration() const {
  const std::string& value = scalar();
  const std::optional<Duration> duration = parse_compose_duration(value);
  if (!duration) fail(fmt::format("is \"{}\"; expected a duration, such as \"1m30s\" or \"500ms\"", shown(value)));
  return *duration;
}

std::int64_t Value::bytes() const {
  const std::string& value = scalar();
  return docker::parse_bytes(value, name_, node_->place());
}

std::size_t Value::choice(std::initializer_list<const char*> names) const {
  const std::string& value = scalar();
  const std::vector<std::string> known(names.begin(), names.end());
  const auto at = std::find(known.begin(), known.end(), value);
  if (at == known.end()) {
    fail(fmt::format("is \"{}\"; expected one of {}{}", shown(value), fmt::join(known, ", "),
                     did_you_mean(value, known)));
  }
  return static_cast<std::size_t>(at - known.begin());
}

Value Value::member(const Node& node, const std::string& key, bool name) const {
  const auto join = [](const std::string& path, std::string_view last) {
    return path.empty() ? std::string(last) : fmt::format("{}.{}", path, last);
  };
  return Value(node, join(name_, shown(key)), join(shape_, name ? "*" : key), *reading_);
}

std::vector<Value> Value::list() const {
  std::vector<Value> items;
  if (node_->is_null()) return items;
  if (!node_->is_list()) fail(fmt::format("is {}; expected a list", node_->is_map() ? "a map" : "a single value"));
  items.reserve(node_->items.size());
  for (std::size_t i = 0; i < node_->items.size(); ++i) {
    items.emplace_back(node_->items[i], fmt::format("{}[{}]", name_, i), shape_ + "[]", *reading_);
  }
  return items;
}

std::vector<Value> Value::one_or_more() const {
  return node_->is_scalar() ? std::vector<Value>{*this} : list();
}

std::vector<std::pair<std::string, Value>> Value::entries() const {
  std::vector<std::pair<std::string, Value>> members;
  if (node_->is_null()) return members;
  if (!node_->is_map()) fail(fmt::format("is {}; expected a map", node_->is_list() ? "a list" : "a single value"));
  members.reserve(node_->items.size());
  for (std::size_t i = 0; i < node_->items.size(); ++i) {
    members.emplace_back(node_->keys[i], member(node_->items[i], node_->keys[i], true));
  }
  return members;
}

std::vector<std::string> Value::texts() const {
  std::vector<std::string> texts;
  for (const Value& item : list()) texts.push_back(item.text());
  return texts;
}

std::optional<std::vector<std::string>> Value::command() const {
  if (node_->is_null()) return std::nullopt;
  std::vector<std::string> words;
  if (node_->is_list()) {
    for (const Value& item : list()) words.push_back(item.text_or_empty());
    return words;
  }
  if (node_->is_scalar() && node_->text.empty()) return words;
  std::optional<std::vector<std::string>> split = split_command(text());
  if (!split)
    fail(fmt::format("is \"{}\", with a quote that nothing closes; expected a command line", shown(node_->text)));
  return split;
}

Fields::Fields(const Value& value) : value_(value) {
  if (!value.node().is_map()) {
    const char* kind = value.node().is_null() ? "empty" : value.node().is_list() ? "a list" : "a single value";
    value.fail(fmt::format("is {}; expected a map", kind));
  }
}

std::optional<Value> Fields::take(const char* key) {
  known_.emplace_back(key);
  const Node* node = value_.node().find(key);
  if (node == nullptr || node->is_null()) return std::nullopt;
  ++value_.reading().modelled;
  return value_.member(*node, key, false);
}

void Fields::note(std::initializer_list<const char*> keys) {
  for (const char* key : keys) {
    known_.emplace_back(key);
    const Node* node = value_.node().find(key);
    if (node == nullptr || node->is_null()) continue;
    ++value_.reading().noted;
    value_.reading().notes.add(value_.member(*node, key, false).shape() + " is not modelled", node->key_place());
  }
}

void Fields::finish() const {
  const Node& node = value_.node();
  for (std::size_t i = 0; i < node.keys.size(); ++i) {
    const std::string& key = node.keys[i];
    if (key.starts_with("x-") || std::find(known_.begin(), known_.end(), key) != known_.end()) continue;
    fail_at(node.items[i].key_place(), value_.name().empty() ? "the document" : value_.name(),
            fmt::format("has a field \"{}\", which Compose does not know; expected one that it does{}", shown(key),
                        did_you_mean(key, known_)));
  }
}

}  // namespace berth::compose
