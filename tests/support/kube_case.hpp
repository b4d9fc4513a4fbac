// Small clusters and pods as Kubernetes objects, and what the scheduler decides for the last of them.
#pragma once

#include <gtest/gtest.h>

#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "sim/kube_scenario.hpp"

namespace berth::test {

using Json = nlohmann::json;
using Labels = std::map<std::string, std::string>;

// 4 CPUs, 8 GiB, 110 pods; `more` is merged in (RFC 7386).
inline Json kube_node(const std::string& name, const Labels& labels = {}, const Json& more = Json::object()) {
  Json node = {{"metadata", {{"name", name}, {"labels", labels}}},
               {"status", {{"allocatable", {{"cpu", "4"}, {"memory", "8Gi"}, {"pods", "110"}}}}}};
  node.merge_patch(more);
  return node;
}

// One container with these requests; `spec` is merged into the pod's.
inline Json kube_pod(const std::string& name, const Labels& requests = {}, const Json& spec = Json::object(),
                     const Labels& labels = {}) {
  Json pod = {
      {"metadata", {{"name", name}, {"namespace", "default"}, {"labels", labels}}},
      {"spec", {{"containers", {{{"name", "main"}, {"image", "app:v1"}, {"resources", {{"requests", requests}}}}}}}}};
  pod["spec"].merge_patch(spec);
  return pod;
}

inline Json running(Json pod, const std::string& node, int second = 0) {
  pod["spec"]["nodeName"] = node;
  pod["status"] = {
      {"phase", "Running"},
      {"startTime", "2025-12-31T00:00:" + std::string(second < 10 ? "0" : "") + std::to_string(second) + "Z"}};
  return pod;
}

inline kube::Scenario kube_scenario(Json members) {
  members["kind"] = "Scenario";
  return kube::parse_scenario(members.dump(), "case.jsonl");
}

// All decisions, as lines of the conformance format.
inline std::vector<Json> kube_decisions(const kube::Scenario& scenario, kube::TieRule ties = kube::TieRule::kFirst,
                                        std::uint64_t seed = 1) {
  std::vector<Json> lines;
  kube::ReplayHooks hooks;
  hooks.decided = [&](const kube::Step& step, const kube::ClusterState&) -> std::optional<kube::Applied> {
    lines.push_back(Json::parse(kube::decision_line(step)));
    return std::nullopt;
  };
  hooks.finished = [&](std::size_t, const kube::Outcome& outcome) {
    lines.back() = Json::parse(kube::with_outcome(lines.back().dump(), outcome));
  };
  kube::replay(scenario, ties, seed, hooks);
  return lines;
}

inline Json last_decision(const Json& members) {
  const std::vector<Json> lines = kube_decisions(kube_scenario(members));
  return lines.empty() ? Json() : lines.back();
}

// "Plugin Code reason; reason" of one node, or "" if it passed.
inline std::string refusal(const Json& decision, const std::string& node) {
  if (!decision.contains("rejected")) return "";
  for (const Json& group : decision["rejected"]) {
    if (!group["nodes"].is_array()) continue;
    for (const Json& name : group["nodes"]) {
      if (name != node) continue;
      std::string text = group["plugin"].get<std::string>() + " " + group["code"].get<std::string>();
      for (const Json& reason : group["reasons"]) text += "|" + reason.get<std::string>();
      return text;
    }
  }
  return "";
}

// A plugin's score of a node; -1 if the plugin or the node took no part.
inline std::int64_t plugin_score(const Json& decision, const std::string& plugin, const std::string& node,
                                 bool raw = false) {
  if (!decision.contains("plugins") || !decision["scores"].contains(node)) return -1;
  const Json& plugins = decision["plugins"];
  for (std::size_t i = 0; i < plugins.size(); ++i) {
    if (plugins[i] == plugin)
      return (raw ? decision["raw"][node][i] : decision["scores"][node][i + 1]).get<std::int64_t>();
  }
  return -1;
}

}  // namespace berth::test
