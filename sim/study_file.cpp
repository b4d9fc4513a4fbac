#include "sim/study_file.hpp"

#include "workloads/example.hpp"
#include "workloads/yaml.hpp"

namespace berth {
namespace {

constexpr const char* kApiVersion = "berth.dev/v1alpha1";

PolicySet read_policy(const YamlValue& value) {
  if (value.is_scalar()) return PolicySet::parse(value.text(), value.where());
  const YamlMap map = value.map({"scheduler", "images", "autoscaler", "nodes", "healer", "params"});
  PolicySet set;
  for (const PolicyKind& kind : policy_kinds()) {
    if (const auto policy = map.find(kind.name))
      set.given[kind.name] = PolicySpec::parse(policy->text(), policy->where());
  }
  if (const auto params = map.find("params")) {  // Of the scheduler.
    PolicySpec& scheduler =
        set.given.try_emplace(Scheduler::kKind, PolicySpec{map.at("scheduler").text(), {}}).first->second;
    for (const auto& [key, param] : params->entries()) scheduler.params[key] = param.text();
  }
  set.check();
  return set;
}

// A list is a list of sets; a map, by kind, is the grid of all its combinations, the last kind fastest.
std::vector<PolicySet> read_policies(const YamlValue& value) {
  std::vector<PolicySet> sets;
  if (!value.is_map()) {
    for (const YamlValue& item : value.list()) sets.push_back(at_place(item, [&] { return read_policy(item); }));
    return sets;
  }
  const YamlMap map = value.map({"scheduler", "images", "autoscaler", "nodes", "healer"});
  sets.emplace_back();
  for (const PolicyKind& kind : policy_kinds()) {
    const auto list = map.find(kind.name);
    if (!list) continue;
    std::vector<PolicySet> next;
    for (const PolicySet& set : sets) {
      for (const YamlValue& item : list->list()) {
        PolicySet& made = next.emplace_back(set);
        made.given[kind.name] = PolicySpec::parse(item.text(), item.where());
        at_place(item, [&] { made.check(); });
      }
    }
    sets = std::move(next);
  }
  return sets;
}

}  // namespace

bool is_study_file(const std::filesystem::path& path) {
  try {
    const YamlValue root = parse_yaml(read_text_file(path), path.string());
    for (const auto& [key, value] : root.entries()) {
      if (key == "kind") return value.text() == "Study";
    }
  } catch (const InputError&) {
  }
  return false;
}

StudySpec load_study(const std::filesystem::path& path) {
  const YamlValue root = parse_yaml(read_text_file(path), path.string());
  const YamlMap map = root.map({"apiVersion", "kind", "name", "description", "scenarios", "policies", "seeds",
                                "baseline", "orderDir", "metrics"});
  if (const YamlValue version = map.at("apiVersion"); version.text() != kApiVersion) {
    version.fail("is \"" + version.text() + "\"; expected " + kApiVersion);
  }
  StudySpec spec;
  for (const YamlValue& item : map.at("scenarios").list()) {
    const YamlMap scenario = item.map({"file", "example"});
    const auto file = scenario.find("file");
    const auto example = scenario.find("example");
    if (file.has_value() == example.has_value()) item.fail("names no scenario, or two; expected file: or example:");
    spec.scenarios.push_back(
        std::make_shared<const Scenario>(file ? load_scenario(path.parent_path() / file->text())
                                              : at_place(*example, [&] { return embedded_example(example->text()); })));
  }
  spec.policies = read_policies(map.at("policies"));
  if (const auto seeds = map.find("seeds")) spec.seeds = parse_seeds(seeds->text(), seeds->where());
  if (const auto baseline = map.find("baseline")) spec.baseline = baseline->text();
  if (const auto order = map.find("orderDir")) spec.order_dir = path.parent_path() / order->text();
  if (const auto metrics = map.find("metrics")) {
    for (const YamlValue& metric : metrics->list()) spec.table_metrics.push_back(metric.text());
  }
  return spec;
}

}  // namespace berth
