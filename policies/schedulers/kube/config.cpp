#include "policies/schedulers/kube/config.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <deque>

#include "policies/schedulers/kube/plugins.hpp"
#include "sim/engine/error.hpp"

namespace berth::kube {
namespace {

constexpr const char* kPointNames[kExtensionPoints] = {"preFilter", "filter", "postFilter", "preScore", "score"};

//                                              weight   preFilter filter postFilter preScore score
constexpr KnownPlugin kKnown[] = {{"NodeName", 0, {false, true, false, false, false}},
                                  {"NodeUnschedulable", 0, {false, true, false, false, false}},
                                  {"TaintToleration", 3, {false, true, false, true, true}},
                                  {"NodeAffinity", 2, {true, true, false, true, true}},
                                  {"NodePorts", 0, {true, true, false, false, false}},
                                  {"NodeResourcesFit", 1, {true, true, false, true, true}},
                                  {"VolumeRestrictions", 0, {true, true, false, false, false}},
                                  {"NodeVolumeLimits", 0, {true, true, false, false, false}},
                                  {"VolumeBinding", 1, {true, true, false, true, true}},
                                  {"VolumeZone", 0, {true, true, false, false, false}},
                                  {"PodTopologySpread", 2, {true, true, false, true, true}},
                                  {"InterPodAffinity", 2, {true, true, false, true, true}},
                                  {"DynamicResources", 2, {true, true, true, false, true}},
                                  {"DefaultPreemption", 0, {false, false, true, false, false}},
                                  {"NodeResourcesBalancedAllocation", 1, {false, false, false, true, true}},
                                  {"ImageLocality", 1, {false, false, false, false, true}},
                                  {"NodeDeclaredFeatures", 0, {true, true, false, false, false}}};

constexpr const char* kElsewhere[] = {"SchedulingGates", "PrioritySort", "DefaultBinder", "GangScheduling"};

struct Registered {
  KnownPlugin plugin;
  RegisterPlugin::Factory factory;
};
// Plugins of the users' own. Filled before main(), in a function so that it is there when they register.
std::deque<Registered>& registered() {
  static std::deque<Registered> plugins;
  return plugins;
}

const KnownPlugin* find_known(std::string_view name) {
  for (const KnownPlugin& plugin : kKnown) {
    if (name == plugin.name) return &plugin;
  }
  for (const Registered& own : registered()) {
    if (name == own.plugin.name) return &own.plugin;
  }
  return nullptr;
}

void check_name(const std::string& name, const char* where) {
  if (find_known(name) != nullptr || is_known_elsewhere(name)) return;
  const std::vector<std::string> names = known_plugin_names();
  throw InputError(
      fmt::format("plugins.{} names \"{}\", which is no plugin of kube-scheduler 1.37; expected one of {}{}", where,
                  name, fmt::join(names, ", "), did_you_mean(name, names)));
}

bool disables(const PluginSet& set, std::string_view name) {
  return std::any_of(set.disabled.begin(), set.disabled.end(),
                     [name](const std::string& d) { return d == "*" || d == name; });
}

const PluginSet::Enabled* enables(const PluginSet& set, std::string_view name) {
  for (const PluginSet::Enabled& e : set.enabled) {
    if (e.name == name) return &e;
  }
  return nullptr;
}

void check_set(const PluginSet& set, const char* where) {
  for (std::size_t i = 0; i < set.enabled.size(); ++i) {
    check_name(set.enabled[i].name, where);
    for (std::size_t j = 0; j < i; ++j) {
      if (set.enabled[j].name == set.enabled[i].name) {
        throw InputError(fmt::format("plugins.{} enables {} twice; expected it once", where, set.enabled[i].name));
      }
    }
  }
  for (const std::string& name : set.disabled) {
    if (name != "*") check_name(name, where);
  }
}

}  // namespace

std::span<const KnownPlugin> known_plugins() {
  return kKnown;
}

bool is_known_elsewhere(std::string_view name) {
  return std::find(std::begin(kElsewhere), std::end(kElsewhere), name) != std::end(kElsewhere);
}

std::vector<std::string> known_plugin_names() {
  std::vector<std::string> names(std::begin(kElsewhere), std::end(kElsewhere));
  for (const KnownPlugin& plugin : kKnown) names.emplace_back(plugin.name);
  for (const Registered& own : registered()) names.emplace_back(own.plugin.name);
  return names;
}

ResolvedProfile resolve(const Profile& profile) {
  check_set(profile.multi_point, "multiPoint");

  // The defaults stand at multiPoint: a plugin enabled there by name keeps its place (with the new weight), others
  // follow.
  struct Item {
    const KnownPlugin* plugin;
    std::int64_t weight;
  };
  std::vector<Item> multi_point;
  for (const KnownPlugin& plugin : kKnown) {
    if (disables(profile.multi_point, plugin.name)) continue;
    const PluginSet::Enabled* own = enables(profile.multi_point, plugin.name);
    multi_point.push_back({&plugin, own != nullptr ? own->weight : 0});
  }
  for (const PluginSet::Enabled& e : profile.multi_point.enabled) {
    const KnownPlugin* plugin = find_known(e.name);
    const bool there =
        std::any_of(multi_point.begin(), multi_point.end(), [plugin](const Item& i) { return i.plugin == plugin; });
    if (plugin != nullptr && !there) multi_point.push_back({plugin, e.weight});
  }

  ResolvedProfile out;
  for (std::size_t point = 0; point < kExtensionPoints; ++point) {
    const PluginSet& set = profile.points[point];
    check_set(set, kPointNames[point]);
    std::vector<Item> overriding;
    std::vector<Item> defaults;
    std::vector<Item> others;
    for (const Item& item : multi_point) {
      if (!item.plugin->at[point] || disables(set, item.plugin->name)) continue;
      if (enables(set, item.plugin->name) == nullptr) defaults.push_back(item);
    }
    for (const PluginSet::Enabled& e : set.enabled) {
      const KnownPlugin* plugin = find_known(e.name);
      if (plugin == nullptr || !plugin->at[point]) {
        throw InputError(
            fmt::format("plugins.{} enables {}, which does nothing there; expected a plugin of that extension point",
                        kPointNames[point], e.name));
      }
      const bool default_too =
          !disables(set, e.name) &&
          std::any_of(multi_point.begin(), multi_point.end(), [plugin](const Item& i) { return i.plugin == plugin; });
      (default_too ? overriding : others).push_back({plugin, e.weight});
    }
    for (const auto* part : {&overriding, &defaults, &others}) {
      for (const Item& item : *part) {
        out.points[point].emplace_back(item.plugin->name);
        if (point != static_cast<std::size_t>(ExtensionPoint::kScore)) continue;
        // A weight given at the point counts before one given at multiPoint. Without either: the default weight if the
        // plugin stands where the defaults put it, else 1.
        std::int64_t weight = item.weight;
        if (weight == 0 && part == &defaults) weight = item.plugin->weight;
        out.score_weights.push_back(weight == 0 ? 1 : weight);
      }
    }
  }
  // What PreFilter or PreScore works out, Filter or Score reads; upstream such a profile fails at every pod.
  for (const auto& [before, after] : {std::pair{ExtensionPoint::kPreFilter, ExtensionPoint::kFilter},
                                      std::pair{ExtensionPoint::kPreScore, ExtensionPoint::kScore}}) {
    const auto& first = out.points[static_cast<std::size_t>(before)];
    for (const std::string& name : out.points[static_cast<std::size_t>(after)]) {
      if (!find_known(name)->at[static_cast<std::size_t>(before)]) continue;
      if (std::find(first.begin(), first.end(), name) != first.end()) continue;
      throw InputError(fmt::format("plugins.{} has {} but plugins.{} has not; expected it in both or in neither",
                                   kPointNames[static_cast<std::size_t>(after)], name,
                                   kPointNames[static_cast<std::size_t>(before)]));
    }
  }
  return out;
}

RegisterPlugin::RegisterPlugin(const KnownPlugin& plugin, Factory factory) {
  BERTH_CHECK(find_known(plugin.name) == nullptr);
  registered().push_back({plugin, factory});
}

std::unique_ptr<Plugin> make_plugin(std::string_view name, const PluginArgs& args) {
  for (const Registered& own : registered()) {
    if (name == own.plugin.name) return own.factory(args);
  }
  if (name == "NodeName") return make_node_name();
  if (name == "NodeUnschedulable") return make_node_unschedulable();
  if (name == "TaintToleration") return make_taint_toleration();
  if (name == "NodeAffinity") return make_node_affinity(args);
  if (name == "NodePorts") return make_node_ports();
  if (name == "NodeResourcesFit") return make_node_resources_fit(args);
  if (name == "VolumeRestrictions") return make_volume_restrictions();
  if (name == "NodeVolumeLimits") return make_node_volume_limits();
  if (name == "VolumeBinding") return make_volume_binding(args);
  if (name == "VolumeZone") return make_volume_zone();
  if (name == "PodTopologySpread") return make_pod_topology_spread(args);
  if (name == "InterPodAffinity") return make_inter_pod_affinity(args);
  if (name == "NodeResourcesBalancedAllocation") return make_node_resources_balanced_allocation(args);
  if (name == "ImageLocality") return make_image_locality();
  const KnownPlugin* known = find_known(name);
  BERTH_CHECK(known != nullptr);
  return make_pass(known->name);  // DynamicResources, NodeDeclaredFeatures; DefaultPreemption works by itself.
}

}  // namespace berth::kube
