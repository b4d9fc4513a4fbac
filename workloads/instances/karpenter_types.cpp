// Karpenter's own list of instance types. Source: kubernetes-sigs/karpenter, kwok/cloudprovider (InstanceTypeOptions)
// and kwok/charts; spellings changed over time, and all of them are read.
#include <fmt/format.h>

#include <algorithm>
#include <unordered_map>

#include "workloads/instances/instance_catalog.hpp"
#include "workloads/yaml.hpp"

namespace berth {
namespace {

constexpr double kMaxPrice = 1e6;

std::optional<YamlValue> either(const YamlMap& map, const char* key, const char* capital) {
  std::optional<YamlValue> found = map.find(key);
  return found ? found : map.find(capital);
}

// The one value that the requirement with this key allows, or "".
std::string required(const YamlValue& requirements, std::string_view wanted) {
  for (const YamlValue& item : requirements.list()) {
    const YamlMap map = item.map({"key", "operator", "values", "minValues"});
    if (map.at("key").text() != wanted) continue;
    if (map.at("operator").text() != "In") map.at("operator").fail("is not In; expected the one value that is offered");
    const std::vector<YamlValue> values = map.at("values").list();
    if (values.size() != 1) map.at("values").fail("has not one value; expected the one that is offered");
    return values[0].text();
  }
  return "";
}

Offering read_offering(const YamlValue& value) {
  const YamlMap map = value.map({"capacityType", "CapacityType", "zone", "Zone", "price", "Price", "available",
                                 "Available", "requirements", "Requirements"});
  Offering out;
  if (const auto requirements = either(map, "requirements", "Requirements")) {
    out.capacity_type = required(*requirements, "karpenter.sh/capacity-type");
    out.zone = required(*requirements, "topology.kubernetes.io/zone");
  }
  if (const auto type = either(map, "capacityType", "CapacityType")) out.capacity_type = type->text();
  if (const auto zone = either(map, "zone", "Zone")) out.zone = zone->text();
  if (out.capacity_type.empty()) value.fail("has no capacityType; expected \"on-demand\" or \"spot\"");
  if (out.zone.empty()) value.fail("has no zone; expected the name of one");
  const auto price = either(map, "price", "Price");
  if (!price) value.fail("has no price; expected dollars per hour");
  out.usd_per_hour = price->number(0, kMaxPrice);
  if (const auto available = either(map, "available", "Available")) out.available = available->boolean();
  return out;
}

void read_resources(const YamlValue& value, InstanceType& type) {
  for (const auto& [name, amount] : value.entries()) {
    if (name == "cpu") {
      type.capacity.cpu_milli = amount.cpu_milli();
    } else if (name == "memory") {
      type.capacity.memory_bytes = amount.bytes();
    } else if (name == "ephemeral-storage") {
      type.capacity.ephemeral_storage_bytes = amount.bytes();
    } else if (name == "pods") {
      type.max_pods = amount.count();
    } else {
      type.extended.emplace_back(name, amount.count());
    }
  }
  std::ranges::sort(type.extended);
  if (type.capacity.cpu_milli == 0) value.fail("has no cpu; expected cpu and memory above 0");
  if (type.capacity.memory_bytes == 0) value.fail("has no memory; expected cpu and memory above 0");
}

std::string first_system(const YamlValue& value) {
  if (value.is_map()) {
    const auto entries = value.entries();
    if (entries.empty()) value.fail("is empty; expected an operating system");
    return entries[0].first;
  }
  const std::vector<YamlValue> systems = value.list();
  if (systems.empty()) value.fail("is empty; expected an operating system");
  return systems[0].text();
}

}  // namespace

InstanceCatalog read_karpenter_types(std::string_view text, const std::string& file, ImportReport& report) {
  report = {};
  InstanceCatalog catalog;
  std::unordered_map<std::string, bool> seen;  // Never iterated.
  for (const YamlValue& item : parse_yaml(text, file).list()) {
    ++report.rows_read;
    const YamlMap map = item.map({"name", "offerings", "architecture", "operatingSystems", "resources"});
    InstanceType type;
    type.provider = CloudProvider::kKwok;
    type.name = map.at("name").text();
    if (!seen.emplace(type.name, true).second) {
      map.at("name").fail(fmt::format("is \"{}\" a second time; expected a name that no other type has", type.name));
    }
    if (const auto arch = map.find("architecture")) type.arch = arch->text();
    if (const auto systems = map.find("operatingSystems")) type.os = first_system(*systems);
    read_resources(map.at("resources"), type);
    for (const YamlValue& offering : map.at("offerings").list()) type.offerings.push_back(read_offering(offering));
    catalog.types.push_back(std::move(type));
    ++report.rows_used;
  }
  return catalog;
}

}  // namespace berth
