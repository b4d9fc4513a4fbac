#include "workloads/node_groups.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <memory>
#include <optional>

#include "sim/cluster/kube_objects.hpp"
#include "workloads/instances/instance_catalog.hpp"

namespace berth {
namespace {

constexpr std::int64_t kMostNodes = 100'000;

kube::Quantity amount(std::int64_t value, std::int64_t nano) {
  return {static_cast<kube::Quantity::Nano>(value) * nano};
}

// The same machine under another name.
NodeSpec node_of_name(const NodeSpec& machine, const std::string& name) {
  NodeSpec spec = machine;
  auto node = std::make_shared<kube::Node>(*machine.node);
  spec.name = node->name = name;
  node->labels.set(kHostnameLabel, name);
  spec.labels.clear();
  for (const auto& [key, value] : node->labels) spec.labels.push_back({key, value});
  spec.node = std::move(node);
  return spec;
}

class GroupReader {
 public:
  GroupReader(Catalog& catalog, const std::filesystem::path& base) : catalog_(catalog), base_(base) {}

  NodeGroups read(const YamlValue& value) {
    for (const YamlValue& item : value.list()) read_group(item);
    return std::move(out_);
  }

 private:
  void read_group(const YamlValue& item) {
    const YamlMap map = item.map({"name", "instanceType", "instances", "cpu", "memory", "ephemeralStorage", "pods",
                                  "extended", "labels", "taints", "zone", "zones", "min", "max", "initial",
                                  "capacityType", "price", "bootTime", "readyTime"});
    NodeGroupSpec group;
    group.name = map.at("name").text();
    if (const auto v = map.find("min")) group.min_size = static_cast<std::int32_t>(v->integer(0, kMostNodes));
    const YamlValue max = map.at("max");
    group.max_size = static_cast<std::int32_t>(max.integer(0, kMostNodes));
    if (group.max_size < group.min_size) max.fail(fmt::format("is below min; expected {} or more", group.min_size));
    group.initial_size = group.min_size;
    if (const auto v = map.find("initial")) {
      group.initial_size = static_cast<std::int32_t>(v->integer(0, kMostNodes));
      if (group.initial_size < group.min_size || group.initial_size > group.max_size) {
        v->fail(
            fmt::format("is {}; expected {} to {} (min to max)", group.initial_size, group.min_size, group.max_size));
      }
    }
    if (const auto v = map.find("bootTime")) group.boot_time = v->distribution();
    if (const auto v = map.find("readyTime")) group.ready_time = v->distribution();

    std::vector<std::optional<YamlValue>> zones{map.find("zone")};
    if (const auto v = map.find("zones")) {
      if (zones[0]) v->fail("is given beside \"zone\"; expected one of the two");
      zones.clear();
      for (const YamlValue& zone : v->list()) zones.emplace_back(zone);
      if (zones.empty()) v->fail("names no zone; expected one or more");
    }
    for (const auto& zone : zones) {
      NodeGroupSpec one = group;
      if (map.has("zones")) one.name = fmt::format("{}-{}", group.name, zone->text());
      read_machine(map, zone, one);
      const bool taken = std::ranges::any_of(out_.groups, [&](const auto& g) { return g.name == one.name; });
      if (taken) map.at("name").fail(fmt::format("makes a second group \"{}\"; expected names that differ", one.name));
      out_.groups.push_back(std::move(one));
    }
  }

  void read_machine(const YamlMap& map, const std::optional<YamlValue>& zone, NodeGroupSpec& group) {
    const auto capacity = map.find("capacityType");
    const bool spot = capacity && capacity->choice({kOnDemand, kSpot}) == 1;
    Offering offering;
    offering.capacity_type = spot ? kSpot : kOnDemand;
    if (zone) offering.zone = zone->text();
    if (const auto type_name = map.find("instanceType")) {
      for (const char* key : {"cpu", "memory", "ephemeralStorage", "pods", "extended"}) {
        if (const auto v = map.find(key)) v->fail("is given beside \"instanceType\"; expected one of the two");
      }
      const InstanceType& type = catalog_of(map).at(type_name->text(), type_name->where());
      const Offering* known = find_offering(type, offering, zone);
      if (known != nullptr) {
        offering.usd_per_hour = known->usd_per_hour;
        if (!zone) offering.zone = known->zone;
      } else if (!map.has("price")) {
        type_name->fail(
            fmt::format("has no {} price in the catalogue; expected \"price\" beside it", offering.capacity_type));
      } else if (!zone && !type.offerings.empty()) {
        offering.zone = type.offerings.front().zone;
      }
      group.machine = node_of(type, offering, group.name, catalog_);
      group.capacity_cpu_milli = type.capacity.cpu_milli;
      group.capacity_memory_bytes = type.capacity.memory_bytes;
      group.usd_per_hour = offering.usd_per_hour;
    } else {
      if (const auto v = map.find("instances")) v->fail("is given without \"instanceType\"; expected both or neither");
      group.machine = own_machine(map, offering, group.name);
    }
    if (const auto v = map.find("price")) group.usd_per_hour = v->number(0, 1e6);
    add_labels_and_taints(map, group);
  }

  // In the zone that is wanted, if the type is sold there; a type that is sold nowhere near costs what it costs first.
  static const Offering* find_offering(const InstanceType& type, const Offering& wanted,
                                       const std::optional<YamlValue>& zone) {
    const Offering* there = type.find_offering(wanted.zone, wanted.capacity_type);
    if (there != nullptr || !zone) return there;
    std::string names;
    for (const Offering& o : type.offerings) {
      if (o.zone == wanted.zone) return nullptr;  // Sold there, but not so.
      if (!o.zone.empty() && names.find(o.zone) == std::string::npos) names += (names.empty() ? "" : ", ") + o.zone;
    }
    if (names.empty()) return type.find_offering("", wanted.capacity_type);
    zone->fail(fmt::format("is \"{}\"; expected a zone where {} is sold: {}", wanted.zone, type.name, names));
  }

  NodeSpec own_machine(const YamlMap& map, const Offering& offering, const std::string& name) {
    NodeSpec spec;
    spec.name = name;
    spec.allocatable.cpu_milli = map.at("cpu").cpu_milli();
    spec.allocatable.memory_bytes = map.at("memory").bytes();
    if (const auto v = map.find("ephemeralStorage")) spec.allocatable.ephemeral_storage_bytes = v->bytes();
    if (const auto v = map.find("pods")) spec.pods = v->integer(0, kMostNodes);
    auto node = std::make_shared<kube::Node>();
    node->name = name;
    node->labels.set("karpenter.sh/capacity-type", offering.capacity_type);
    node->labels.set("kubernetes.io/arch", "amd64");
    node->labels.set("kubernetes.io/os", "linux");
    if (!offering.zone.empty()) node->labels.set(kZoneLabel, offering.zone);
    constexpr std::int64_t kWhole = 1'000'000'000;
    node->allocatable.set("cpu", amount(spec.allocatable.cpu_milli, kWhole / 1000));
    node->allocatable.set("memory", amount(spec.allocatable.memory_bytes, kWhole));
    node->allocatable.set("ephemeral-storage", amount(spec.allocatable.ephemeral_storage_bytes, kWhole));
    node->allocatable.set("pods", amount(spec.pods, kWhole));
    if (const auto v = map.find("extended")) {
      for (const auto& [resource, count] : v->entries()) {
        if (!kube::is_extended_resource_name(resource)) {
          count.fail("is no extended resource; expected a name such as example.com/nic");
        }
        const std::int64_t n = count.count();
        if (n == 0) continue;
        node->allocatable.set(resource, amount(n, kWhole));
        spec.extended.push_back({catalog_.extended(resource), n});
      }
      std::ranges::sort(spec.extended, {}, &ExtendedAmount::resource);
    }
    spec.node = std::move(node);
    return spec;
  }

  static void add_labels_and_taints(const YamlMap& map, NodeGroupSpec& group) {
    auto node = std::make_shared<kube::Node>(*group.machine.node);
    if (const auto v = map.find("labels")) {
      for (const auto& [key, text] : v->entries()) {
        node->labels.set(key, text.kind() == YamlNode::Kind::kNull ? std::string() : text.text());
      }
    }
    node->labels.set(kNodeGroupLabel, group.name);
    if (const auto v = map.find("taints")) {
      for (const YamlValue& item : v->list()) {
        const YamlMap one = item.map({"key", "value", "effect"});
        kube::Taint taint;
        taint.key = one.at("key").text();
        if (const auto text = one.find("value")) taint.value = text->text();
        constexpr kube::TaintEffect kEffects[] = {kube::TaintEffect::kNoSchedule, kube::TaintEffect::kPreferNoSchedule,
                                                  kube::TaintEffect::kNoExecute};
        taint.effect = kEffects[one.at("effect").choice({"NoSchedule", "PreferNoSchedule", "NoExecute"})];
        node->taints.push_back(std::move(taint));
      }
    }
    group.machine.node = std::move(node);
    group.machine = node_of_name(group.machine, group.name);
  }

  const InstanceCatalog& catalog_of(const YamlMap& map) {
    const auto file = map.find("instances");
    if (!file) return builtin_instances();
    const std::filesystem::path path = base_ / file->text();
    const auto [it, fresh] = files_.try_emplace(path);
    if (fresh) {
      ImportReport report;
      try {
        it->second = read_instance_catalog(path, report);
      } catch (const InputError& error) {
        throw InputError(file->where() + ": " + error.what());
      }
      out_.inputs.push_back(path.string());
    }
    return it->second;
  }

  Catalog& catalog_;
  std::filesystem::path base_;
  std::map<std::filesystem::path, InstanceCatalog> files_;
  NodeGroups out_;
};

}  // namespace

NodeSpec node_of_group(const NodeGroupSpec& group, std::uint32_t number) {
  return node_of_name(group.machine, fmt::format("{}-{}", group.name, number));
}

std::vector<NodeSpec> NodeGroups::initial_nodes() const {
  std::vector<NodeSpec> out;
  for (const NodeGroupSpec& group : groups) {
    for (std::int32_t i = 0; i < group.initial_size; ++i) {
      out.push_back(node_of_group(group, static_cast<std::uint32_t>(i)));
    }
  }
  return out;
}

NodeGroups read_node_groups(const YamlValue& value, Catalog& catalog, const std::filesystem::path& base) {
  return GroupReader(catalog, base).read(value);
}

}  // namespace berth
