// Labels berth.dev/…: the settings of a pod's annotations, read by the same reader, and one that only Docker needs.
#include "workloads/manifest/behavior.hpp"

#include <fmt/format.h>

#include <memory>
#include <nlohmann/json.hpp>

#include "sim/cluster/pod_spec.hpp"
#include "workloads/compose/decode.hpp"
#include "workloads/kube_json.hpp"

namespace berth::compose {
namespace {

constexpr std::string_view kDomain = "berth.dev/";

// A tree of one label, so that the reader's errors name its place.
YamlValue as_yaml(const std::string& key, const Node& node) {
  auto root = std::make_shared<YamlNode>();
  root->kind = YamlNode::Kind::kMap;
  YamlNode name;
  name.kind = YamlNode::Kind::kScalar;
  name.text = key;
  YamlNode value;
  value.kind = YamlNode::Kind::kScalar;
  value.text = node.text;
  value.line = node.line;
  value.column = node.column;
  root->items = {std::move(name), std::move(value)};
  return YamlValue(std::move(root), std::make_shared<const std::string>(node.source->name));
}

}  // namespace

void decode_behavior(const Value* labels, Service& service) {
  service.check_time = Distribution::constant(kDefaultCheckSeconds);
  kube::api::Pod pod;
  pod.scheduling.containers.emplace_back().name = service.name;
  kube::api::ContainerBehavior& behavior = pod.spec.containers.emplace_back().behavior;
  if (service.task) {
    behavior.run_time = Distribution::constant(kDefaultTaskRunSeconds);
  } else {
    behavior.start_up = Distribution::constant(kDefaultStartUpSeconds);
  }
  if (labels != nullptr) {
    for (const bool for_one : {false, true}) {  // Those that name the service count before those for all.
      const std::string prefix = for_one ? service.name + "." + std::string(kDomain) : std::string(kDomain);
      for (const auto& [key, value] : labels->entries()) {
        if (!key.starts_with(prefix) || !value.node().is_scalar()) continue;
        const std::string setting = key.substr(prefix.size());
        if (setting == "check-time") {
          service.check_time = Distribution::parse(value.scalar(), value.where());
        } else {
          const YamlValue yaml = as_yaml(key, value.node());
          const nlohmann::json json = {{key, value.node().text}};
          const kube::JsonSource source{value.node().source->name, value.node().line, nullptr, &yaml};
          const kube::Reader reader(source, json);
          manifest::read_behavior(&reader, pod);
        }
      }
    }
  }
  service.behavior = std::move(behavior);
}

}  // namespace berth::compose
