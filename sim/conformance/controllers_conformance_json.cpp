#include "sim/conformance/controllers_conformance_json.hpp"

#include <algorithm>
#include <charconv>

#include "sim/engine/error.hpp"
#include "workloads/kube_json.hpp"

namespace berth::controllers {

std::int64_t unix_seconds(const Json& rfc3339) {
  const kube::JsonSource source{"a time", 0, nullptr, nullptr};
  return kube::Reader(source, rfc3339).unix_seconds();
}

IntOrPercent int_or_percent(const Json& value) {
  if (value.is_number()) return {value.get<std::int32_t>(), false};
  const std::string text = value.get<std::string>();
  const bool percent = text.ends_with('%');
  IntOrPercent out{0, percent};
  const char* end = text.data() + text.size() - (percent ? 1 : 0);
  const auto [stop, error] = std::from_chars(text.data(), end, out.value);
  if (error != std::errc() || stop != end) {
    throw InputError("\"" + text + "\" is no amount; expected a whole number or a percentage");
  }
  return out;
}

kube::StringMap string_map(const Json& object, const char* key) {
  std::vector<std::pair<std::string, std::string>> items;
  const auto it = object.find(key);
  if (it != object.end()) {
    for (const auto& [k, v] : it->items()) items.emplace_back(k, v.get<std::string>());
  }
  return kube::StringMap(std::move(items));
}

kube::TaintEffect taint_effect(const std::string& text) {
  if (text == "NoSchedule") return kube::TaintEffect::kNoSchedule;
  if (text == "PreferNoSchedule") return kube::TaintEffect::kPreferNoSchedule;
  if (text == "NoExecute") return kube::TaintEffect::kNoExecute;
  return kube::TaintEffect::kAny;
}

kube::Taint taint_of(const std::string& text) {
  const std::size_t colon = std::min(text.rfind(':'), text.size());
  return {text.substr(0, colon), "", taint_effect(colon == text.size() ? "" : text.substr(colon + 1))};
}

}  // namespace berth::controllers
