#include "workloads/faults/fault_plan.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <span>

#include "sim/engine/error.hpp"
#include "workloads/workload.hpp"
#include "workloads/yaml.hpp"

namespace berth {
namespace {

constexpr std::array<const char*, kFaultKinds> kNames = {
    "nodeCrash",  "nodeHang", "nodePartition",  "nodeReboot",   "zoneOutage", "containerCrash",
    "memoryLeak", "badImage", "registryOutage", "registrySlow", "spotReclaim"};
constexpr double kMinInterval = 1;  // Seconds, on average: a plan of a billion faults is a mistake.

bool has_all(std::span<const Label> labels, std::span<const Label> wanted) {
  return std::ranges::all_of(wanted, [labels](const Label& w) { return std::ranges::find(labels, w) != labels.end(); });
}

std::vector<Label> read_selector(const YamlValue& value) {
  std::vector<Label> out;
  for (const auto& [key, text] : value.entries()) out.push_back({key, text.text()});
  if (out.empty()) value.fail("is empty; expected labels (\"key: value\"), or no selector at all");
  return out;
}

NodeTarget read_node_target(const YamlMap& fault) {
  NodeTarget out;
  out.where = fault.value().where();
  const auto given = fault.find("target");
  if (!given) return out;
  out.where = given->where();
  const YamlMap map = given->map({"node", "zone", "selector", "count"});
  if (const auto node = map.find("node")) out.node = node->text();
  if (const auto zone = map.find("zone")) out.zone = zone->text();
  if (const auto selector = map.find("selector")) out.selector = read_selector(*selector);
  if (const auto count = map.find("count")) out.count = static_cast<std::uint32_t>(count->integer(1, 1'000'000));
  if (!out.node.empty() && (!out.zone.empty() || !out.selector.empty() || out.count)) {
    given->fail("names a node and more; expected node alone, or zone, selector and count");
  }
  return out;
}

ContainerTarget read_container_target(const YamlMap& fault) {
  ContainerTarget out;
  const auto given = fault.find("pods");
  if (!given) return out;
  const YamlMap map = given->map({"namespace", "selector", "container", "count"});
  if (const auto name = map.find("namespace")) out.namespace_name = name->text();
  if (const auto selector = map.find("selector")) out.selector = read_selector(*selector);
  if (const auto container = map.find("container")) out.container = container->text();
  if (const auto count = map.find("count")) {
    if (!fault.has("at")) count->fail("is for containers that crash at a time; expected none, or at beside it");
    out.count = static_cast<std::uint32_t>(count->integer(1, 1'000'000));
  }
  return out;
}

Time read_time(const YamlValue& value) {
  return Time{} + value.duration();
}

std::optional<Distribution> read_interval(const YamlMap& map) {
  const auto rate = map.find("ratePerHour");
  const auto hazard = map.find("hazard");
  if (rate && hazard) hazard->fail("comes beside ratePerHour; expected one of them");
  if (rate) {
    return Distribution::parse(fmt::format("exponential(mean={})", 3600 / rate->number(1e-9, 3600 / kMinInterval)),
                               rate->where());
  }
  if (!hazard) return std::nullopt;
  const Distribution out = hazard->distribution();
  if (out.kind() != Distribution::Kind::kExponential && out.kind() != Distribution::Kind::kWeibull) {
    hazard->fail(fmt::format("is \"{}\"; expected exponential(mean=…) or weibull(shape=…, scale=…)", hazard->text()));
  }
  if (out.mean() < kMinInterval) {
    hazard->fail(
        fmt::format("is \"{}\", a mean of {} s; expected at least {} s", hazard->text(), out.mean(), kMinInterval));
  }
  return out;
}

// `at`, or ratePerHour or hazard: exactly one of the two ways.
void read_when(const YamlMap& map, Fault& out) {
  if (const auto at = map.find("at")) out.at = read_time(*at);
  out.interval = read_interval(map);
  if (out.at && out.interval) map.value().fail("says at and ratePerHour or hazard; expected one of them");
  if (!out.at && !out.interval) map.value().fail("does not say when; expected at, ratePerHour or hazard");
}

void read_duration(const YamlMap& map, Fault& out, bool needed) {
  const auto given = map.find("duration");
  if (given && given->text() != "forever") {
    out.duration = given->distribution();
    return;
  }
  if (!needed) return;
  if (given) given->fail("is \"forever\"; expected a distribution of seconds (\"30s\", \"exponential(mean=5m)\")");
  map.value().fail("has no duration; expected a distribution of seconds (\"30s\", \"exponential(mean=5m)\")");
}

// From a time to another, both optional.
void read_window(const YamlMap& map, Fault& out) {
  const auto from = map.find("from");
  const auto to = map.find("to");
  out.at = from ? read_time(*from) : Time{};
  if (!to) return;
  out.until = read_time(*to);
  if (out.until <= *out.at) {
    to->fail(fmt::format("is \"{}\"; expected a time behind from ({})", to->text(), to_string(*out.at - Time{})));
  }
}

// A window, or again and again.
void read_window_or_rate(const YamlMap& map, Fault& out) {
  out.interval = read_interval(map);
  if (!out.interval) {
    if (const auto duration = map.find("duration")) {
      duration->fail("comes without ratePerHour or hazard; expected from and to instead");
    }
    read_window(map, out);
    return;
  }
  for (const char* key : {"from", "to"}) {
    if (const auto given = map.find(key))
      given->fail("comes beside ratePerHour or hazard; expected a duration instead");
  }
  read_duration(map, out, true);
}

void read_spot(const YamlMap& map, Fault& out, const std::filesystem::path& folder) {
  out.nodes = read_node_target(map);
  if (!map.has("target")) out.nodes.selector = {{"karpenter.sh/capacity-type", "spot"}};
  if (out.nodes.count) map.at("target").fail("has a count; expected none: every spot node can be reclaimed");
  if (const auto notice = map.find("notice")) out.notice = notice->duration();
  const auto lifetimes = map.find("lifetimes");
  out.interval = read_interval(map);
  if (lifetimes && out.interval) lifetimes->fail("comes beside ratePerHour or hazard; expected one of them");
  if (!lifetimes) {
    if (!out.interval) map.value().fail("does not say when; expected lifetimes, ratePerHour or hazard");
    return;
  }
  const YamlMap file = lifetimes->map({"file", "log"});
  const std::filesystem::path path = folder / file.at("file").text();
  const auto log = file.find("log");
  ImportReport report;
  out.lifetimes = std::make_shared<const SpotLifetimes>(read_spot_lifetimes(path, log ? log->text() : "", report));
}

Fault read_fault(const YamlValue& value, std::size_t number, const std::filesystem::path& folder) {
  Fault out;
  if (!value.is_map()) value.fail("is no map; expected a fault with its kind");
  std::optional<YamlValue> kind;
  for (const auto& [key, member] : value.entries()) {
    if (key == "kind") kind = member;
  }
  if (!kind) value.fail("has no kind; expected nodeCrash, zoneOutage, containerCrash or another (docs/faults.md)");
  out.kind = static_cast<FaultKind>(
      kind->choice({"nodeCrash", "nodeHang", "nodePartition", "nodeReboot", "zoneOutage", "containerCrash",
                    "memoryLeak", "badImage", "registryOutage", "registrySlow", "spotReclaim"}));
  const auto common = [&](const YamlMap& map) {
    const auto name = map.find("name");
    out.name = name ? name->text() : fmt::format("{}-{}", kind->text(), number);
    const auto stream = map.find("stream");
    out.stream =
        stream ? static_cast<std::uint32_t>(stream->integer(0, 1'000'000'000)) : static_cast<std::uint32_t>(number);
    return map;
  };
  switch (out.kind) {
    case FaultKind::kNodeCrash:
    case FaultKind::kNodeHang:
    case FaultKind::kNodePartition:
    case FaultKind::kNodeReboot: {
      const YamlMap map =
          common(value.map({"kind", "name", "stream", "target", "at", "ratePerHour", "hazard", "duration"}));
      out.nodes = read_node_target(map);
      read_when(map, out);
      read_duration(map, out, out.kind == FaultKind::kNodeReboot);
      break;
    }
    case FaultKind::kZoneOutage: {
      const YamlMap map =
          common(value.map({"kind", "name", "stream", "zone", "at", "ratePerHour", "hazard", "duration"}));
      out.nodes.where = value.where();
      if (const auto zone = map.find("zone")) {
        out.subject = zone->text();
        out.nodes.where = zone->where();
      }
      read_when(map, out);
      read_duration(map, out, false);
      break;
    }
    case FaultKind::kContainerCrash: {
      const YamlMap map =
          common(value.map({"kind", "name", "stream", "pods", "at", "ratePerHour", "hazard", "exitCode"}));
      out.pods = read_container_target(map);
      read_when(map, out);
      if (const auto code = map.find("exitCode")) out.exit_code = static_cast<std::int32_t>(code->integer(0, 255));
      break;
    }
    case FaultKind::kMemoryLeak: {
      const YamlMap map = common(value.map({"kind", "name", "stream", "pods", "bytesPerSecond", "from", "to"}));
      out.pods = read_container_target(map);
      const YamlValue rate = map.at("bytesPerSecond");
      out.bytes_per_second = static_cast<double>(rate.bytes());
      if (out.bytes_per_second == 0) rate.fail("is \"0\"; expected an amount above 0 (\"1Mi\")");
      read_window(map, out);
      break;
    }
    case FaultKind::kBadImage: {
      const YamlMap map = common(value.map({"kind", "name", "stream", "image", "from", "to"}));
      out.subject = map.at("image").text();
      read_window(map, out);
      break;
    }
    case FaultKind::kRegistryOutage: {
      const YamlMap map =
          common(value.map({"kind", "name", "stream", "host", "from", "to", "ratePerHour", "hazard", "duration"}));
      out.subject = map.at("host").text();
      read_window_or_rate(map, out);
      break;
    }
    case FaultKind::kRegistrySlow: {
      const YamlMap map = common(
          value.map({"kind", "name", "stream", "host", "factor", "from", "to", "ratePerHour", "hazard", "duration"}));
      out.subject = map.at("host").text();
      out.factor = map.at("factor").number(1, 1e9);
      if (out.factor == 1) map.at("factor").fail("is \"1\"; expected how many times slower, above 1");
      read_window_or_rate(map, out);
      break;
    }
    case FaultKind::kSpotReclaim: {
      read_spot(common(value.map({"kind", "name", "stream", "target", "lifetimes", "ratePerHour", "hazard", "notice"})),
                out, folder);
      break;
    }
  }
  return out;
}

}  // namespace

std::string_view to_string(FaultKind kind) {
  return kNames[static_cast<std::size_t>(kind)];
}

bool NodeTarget::matches(const NodeSpec& spec) const {
  if (!node.empty()) return spec.name == node;
  if (!zone.empty() && label_of(spec, kZoneLabel) != zone) return false;
  return has_all(spec.labels, selector);
}

bool ContainerTarget::matches(std::string_view pod_namespace, std::span<const Label> labels,
                              std::string_view name) const {
  if (!namespace_name.empty() && namespace_name != pod_namespace) return false;
  if (!container.empty() && container != name) return false;
  return has_all(labels, selector);
}

FaultPlan read_fault_plan(std::string_view text, const std::string& file, const std::filesystem::path& folder) {
  const YamlMap top = parse_yaml(text, file).map({"apiVersion", "kind", "metadata", "faults"});
  const auto expect = [&top](const char* key, const char* wanted) {
    const YamlValue value = top.at(key);
    if (value.text() != wanted) value.fail(fmt::format("is \"{}\"; expected {}", value.text(), wanted));
  };
  expect("apiVersion", "berth.dev/v1alpha1");
  expect("kind", "FaultPlan");
  FaultPlan plan;
  if (const auto metadata = top.find("metadata")) plan.name = metadata->map({"name"}).at("name").text();
  std::vector<std::pair<std::uint32_t, std::string>> streams;
  for (const YamlValue& value : top.at("faults").list()) {
    plan.faults.push_back(read_fault(value, plan.faults.size(), folder));
    const Fault& fault = plan.faults.back();
    for (const auto& [stream, name] : streams) {
      if (stream != fault.stream) continue;
      value.fail(fmt::format("draws from stream {}, as {} does; expected another number at stream", stream, name));
    }
    streams.emplace_back(fault.stream, fault.name);
  }
  return plan;
}

FaultPlan read_fault_plan(const std::filesystem::path& path) {
  return read_fault_plan(read_text_file(path), path.string(), path.parent_path());
}

}  // namespace berth
