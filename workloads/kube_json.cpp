// The readers: JSON values with a path, and members by name.
#include "workloads/kube_json.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <limits>
#include <nlohmann/json.hpp>

#include "sim/engine/error.hpp"

namespace berth::kube {
namespace {

using Json = nlohmann::json;

constexpr std::size_t kShown = 60;

std::string shown(const Json& value) {
  std::string text =
      value.is_string() ? value.get<std::string>() : value.dump(-1, ' ', false, Json::error_handler_t::replace);
  for (char& c : text) {
    if (static_cast<unsigned char>(c) < 0x20) c = ' ';
  }
  return text.size() > kShown ? text.substr(0, kShown) + "…" : text;
}

template <class Int>
bool parse_digits(std::string_view text, Int& out) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  return error == std::errc() && end == text.data() + text.size();
}

// Days from 1970-01-01 to a date of the proleptic Gregorian calendar. Model: Hinnant, days_from_civil.
std::int64_t days_since_1970(std::int64_t year, int month, int day) {
  year -= month <= 2 ? 1 : 0;
  const std::int64_t era = (year >= 0 ? year : year - 399) / 400;
  const std::int64_t year_of_era = year - era * 400;
  const std::int64_t day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
  return era * 146097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719468;
}

}  // namespace

bool Reader::is_list() const {
  return value_->is_array();
}
bool Reader::is_object() const {
  return value_->is_object();
}

std::string Reader::path(bool with_indexes) const {
  std::string path = parent_ == nullptr ? std::string() : parent_->path(with_indexes);
  if (parent_ == nullptr) return path;
  if (key_.empty()) return path + (with_indexes ? fmt::format("[{}]", index_) : "[]");
  return path.empty() ? std::string(key_) : path + "." + std::string(key_);
}

std::string Reader::where() const {
  if (source_->yaml != nullptr) {
    // Walk the YAML tree along the same way: it knows lines and columns.
    std::vector<const Reader*> way;
    for (const Reader* r = this; r->parent_ != nullptr; r = r->parent_) way.push_back(r);
    YamlValue at = *source_->yaml;
    for (auto it = way.rbegin(); it != way.rend(); ++it) {
      bool found = false;
      if ((*it)->key_.empty()) {
        const std::vector<YamlValue> items = at.kind() == YamlNode::Kind::kList ? at.list() : std::vector<YamlValue>();
        if ((found = (*it)->index_ < items.size())) at = items[(*it)->index_];
      } else if (at.is_map()) {
        for (const auto& [key, member] : at.entries()) {
          if (key != (*it)->key_) continue;
          at = member;
          found = true;
          break;
        }
      }
      if (!found) break;
    }
    return at.where();
  }
  const std::string way = path(true);
  return fmt::format("{}: {}", to_string(Place{source_->file, source_->line, 0}), way.empty() ? "the document" : way);
}

void Reader::fail(const std::string& what) const {
  throw InputError(where() + " " + what);
}

std::string Reader::text() const {
  if (!value_->is_string()) fail(fmt::format("is {}; expected a string", shown(*value_)));
  return value_->get<std::string>();
}

std::int64_t Reader::integer(std::int64_t min, std::int64_t max) const {
  std::int64_t number = 0;
  bool good = false;
  if (value_->is_number_unsigned()) {
    const auto n = value_->get<std::uint64_t>();
    good = n <= static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
    number = static_cast<std::int64_t>(n);
  } else if (value_->is_number_integer()) {
    number = value_->get<std::int64_t>();
    good = true;
  } else if (source_->yaml != nullptr && value_->is_string()) {
    good = parse_digits(value_->get_ref<const std::string&>(), number);
  }
  if (!good || number < min || number > max) {
    fail(fmt::format("is {}; expected a whole number from {} to {}", shown(*value_), min, max));
  }
  return number;
}

bool Reader::boolean() const {
  if (value_->is_boolean()) return value_->get<bool>();
  if (source_->yaml != nullptr && value_->is_string()) {
    const auto& text = value_->get_ref<const std::string&>();
    if (text == "true" || text == "false") return text == "true";
  }
  fail(fmt::format("is {}; expected true or false", shown(*value_)));
}

StringMap Reader::string_map() const {
  if (!value_->is_object()) fail(fmt::format("is {}; expected an object of strings", shown(*value_)));
  std::vector<std::pair<std::string, std::string>> items;
  items.reserve(value_->size());
  for (const auto& [key, value] : value_->items()) {
    items.emplace_back(key, value.is_null() ? std::string() : Reader(*this, key, value).text());
  }
  return StringMap(std::move(items));
}

std::vector<std::string> Reader::texts() const {
  std::vector<std::string> out;
  each([&out](const Reader& item) { out.push_back(item.text()); });
  return out;
}

Quantity Reader::quantity(std::string_view resource) const {
  if (value_->is_string()) return parse_resource_quantity(value_->get_ref<const std::string&>(), resource, where());
  if (value_->is_number()) return parse_resource_quantity(value_->dump(), resource, where());
  fail(fmt::format("is {}; expected a quantity (\"500m\", \"2Gi\")", shown(*value_)));
}

ResourceList Reader::resources() const {
  if (!value_->is_object()) fail(fmt::format("is {}; expected an object of quantities", shown(*value_)));
  ResourceList list;
  for (const auto& [name, value] : value_->items()) list.set(name, Reader(*this, name, value).quantity(name));
  return list;
}

std::int64_t Reader::unix_seconds() const {
  const std::string t = text();
  int year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0;
  const auto part = [&t](std::size_t from, std::size_t n, int& out) {
    return t.size() >= from + n && parse_digits(std::string_view(t).substr(from, n), out) && out >= 0;
  };
  bool good = part(0, 4, year) && part(5, 2, month) && part(8, 2, day) && part(11, 2, hour) && part(14, 2, minute) &&
              part(17, 2, second) && t[4] == '-' && t[7] == '-' && (t[10] == 'T' || t[10] == 't') && t[13] == ':' &&
              t[16] == ':' && month >= 1 && month <= 12 && day >= 1 && day <= 31 && hour < 24 && minute < 60 &&
              second <= 60;
  std::size_t at = 19;
  if (good && at < t.size() && t[at] == '.') {  // metav1.Time keeps whole seconds.
    while (++at < t.size() && t[at] >= '0' && t[at] <= '9') {
    }
  }
  std::int64_t offset_s = 0;
  if (good && at < t.size() && (t[at] == '+' || t[at] == '-')) {
    int hours = 0, minutes = 0;
    good = t.size() == at + 6 && t[at + 3] == ':' && part(at + 1, 2, hours) && part(at + 4, 2, minutes);
    offset_s = (hours * 60 + minutes) * (t[at] == '-' ? -60 : 60);
  } else {
    good = good && at + 1 == t.size() && (t[at] == 'Z' || t[at] == 'z');
  }
  if (!good) fail(fmt::format("is \"{}\"; expected a time like \"2026-01-01T00:00:00Z\"", shown(*value_)));
  return days_since_1970(year, month, day) * 86400 + hour * 3600 + minute * 60 + second - offset_s;
}

std::size_t Reader::list_size() const {
  if (value_->is_null()) return 0;
  if (!value_->is_array()) fail(fmt::format("is {}; expected a list", shown(*value_)));
  return value_->size();
}

const Json& Reader::item(std::size_t i) const {
  return (*value_)[i];
}

Fields::Fields(const Reader& value) : value_(value) {
  if (!value.is_object()) value.fail(fmt::format("is {}; expected an object", shown(value.json())));
}

Fields::~Fields() {
  if (rest_ignored_ || value_.source_->unknown == nullptr) return;
  for (const auto& [key, member] : value_.json().items()) {
    if (std::find(known_.begin(), known_.end(), key) != known_.end()) continue;
    ++(*value_.source_->unknown)[Reader(value_, key, member).path(false)];
  }
}

const Json* Fields::take(const char* key) {
  known_.emplace_back(key);
  const auto it = value_.json().find(key);
  return it == value_.json().end() || it->is_null() ? nullptr : &*it;
}

bool Fields::text(const char* key, std::string& out) {
  return get(key, [&out](const Reader& r) { out = r.text(); });
}
bool Fields::boolean(const char* key, bool& out) {
  return get(key, [&out](const Reader& r) { out = r.boolean(); });
}
bool Fields::integer(const char* key, std::int32_t& out, std::int64_t min, std::int64_t max) {
  return get(key, [&](const Reader& r) { out = static_cast<std::int32_t>(r.integer(min, max)); });
}
bool Fields::map(const char* key, StringMap& out) {
  return get(key, [&out](const Reader& r) { out = r.string_map(); });
}

void Fields::ignore(std::initializer_list<const char*> keys) {
  for (const char* key : keys) known_.emplace_back(key);
}

void Fields::refuse_rest() {
  for (const auto& [key, member] : value_.json().items()) {
    if (std::find(known_.begin(), known_.end(), key) != known_.end()) continue;
    const std::vector<std::string> candidates(known_.begin(), known_.end());
    const std::string expected = fmt::format("{}", fmt::join(candidates, ", "));
    const std::string hint = did_you_mean(key, candidates);
    rest_ignored_ = true;
    Reader(value_, key, member).fail(fmt::format("is not known; expected {}{}", expected, hint));
  }
}

Json parse_json(std::string_view text, const std::string& file, std::size_t first_line) {
  try {
    return Json::parse(text.begin(), text.end());
  } catch (const Json::parse_error& e) {
    const std::size_t at = std::min(text.size(), e.byte > 0 ? e.byte - 1 : 0);
    const std::string_view before = text.substr(0, at);
    const auto lines = static_cast<std::size_t>(std::count(before.begin(), before.end(), '\n'));
    const std::size_t start = before.rfind('\n') == std::string_view::npos ? 0 : before.rfind('\n') + 1;
    const Place place{file, first_line + lines, at - start + 1};
    throw InputError(at >= text.size()
                         ? fmt::format("{}: the JSON ends too soon; expected the rest of it", to_string(place))
                         : fmt::format("{}: no JSON from \"{}\" on; expected one JSON value", to_string(place),
                                       shown(Json(std::string(text.substr(at, 20))))));
  } catch (const Json::exception&) {  // A number beyond the range of double.
    throw InputError(fmt::format("{}: a number is out of range; expected one that fits 64 bits",
                                 to_string(Place{file, first_line, 0})));
  }
}

Json to_json(const YamlValue& value) {
  switch (value.kind()) {
    case YamlNode::Kind::kNull:
      break;
    case YamlNode::Kind::kScalar:
      try {
        return value.text();
      } catch (const InputError&) {  // text() refuses "", which is a fine label value.
        return "";
      }
    case YamlNode::Kind::kList: {
      Json list = Json::array();
      for (const YamlValue& item : value.list()) list.push_back(to_json(item));
      return list;
    }
    case YamlNode::Kind::kMap: {
      Json map = Json::object();
      for (const auto& [key, member] : value.entries()) map[key] = to_json(member);
      return map;
    }
  }
  return nullptr;
}

}  // namespace berth::kube
