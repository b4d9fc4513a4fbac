// Members of the recordings' JSON as values. Private to the controller recordings.
#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "sim/controllers/objects.hpp"

namespace berth::controllers {

using Json = nlohmann::json;

// The member as a T, or `fallback` if it is absent or null.
template <class T>
T value_or(const Json& object, const char* key, T fallback) {
  const auto it = object.find(key);
  return it == object.end() || it->is_null() ? fallback : it->get<T>();
}
template <class T>
std::optional<T> maybe(const Json& object, const char* key) {
  const auto it = object.find(key);
  if (it == object.end() || it->is_null()) return std::nullopt;
  return it->get<T>();
}

// All throw InputError for what is none.
std::int64_t unix_seconds(const Json& rfc3339);
IntOrPercent int_or_percent(const Json& value);  // 3, "3" or "30%".
kube::StringMap string_map(const Json& object, const char* key);
kube::TaintEffect taint_effect(const std::string& text);  // kAny for "".
kube::Taint taint_of(const std::string& text);            // "key:Effect".

}  // namespace berth::controllers
