// KubeSchedulerConfiguration (kubescheduler.config.k8s.io/v1): which plugins run where, with which weights and
// arguments. Source: pkg/scheduler/apis/config and framework/runtime (expansion of multiPoint), v1.37.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "policies/schedulers/kube/framework.hpp"

namespace berth::kube {

enum class ScoringStrategy : std::uint8_t { kLeastAllocated, kMostAllocated, kRequestedToCapacityRatio };
struct ResourceWeight {
  std::string name;
  std::int64_t weight = 1;
};

// The arguments of all plugins, with upstream's defaults.
struct PluginArgs {
  // NodeResourcesFit
  ScoringStrategy strategy = ScoringStrategy::kLeastAllocated;
  std::vector<ResourceWeight> fit_resources = {{"cpu", 1}, {"memory", 1}};
  std::vector<ShapePoint> fit_shape;
  std::vector<std::string> ignored_resources;
  std::vector<std::string> ignored_resource_groups;
  // NodeResourcesBalancedAllocation
  std::vector<std::string> balanced_resources = {"cpu", "memory"};
  // InterPodAffinity
  std::int64_t hard_pod_affinity_weight = 1;
  bool ignore_preferred_terms_of_existing_pods = false;
  // PodTopologySpread: System, or a list of one's own.
  bool system_defaulting = true;
  std::vector<TopologySpreadConstraint> default_constraints;
  // NodeAffinity: addedAffinity
  bool has_added_required_terms = false;
  std::vector<NodeSelectorTerm> added_required_terms;
  std::vector<PreferredSchedulingTerm> added_preferred_terms;
  // VolumeBinding
  std::vector<ShapePoint> volume_shape = {{0, 10}, {100, 0}};
  // DefaultPreemption
  std::int64_t min_candidate_nodes_percentage = 10;
  std::int64_t min_candidate_nodes_absolute = 100;
};

enum class ExtensionPoint : std::uint8_t { kPreFilter, kFilter, kPostFilter, kPreScore, kScore };
inline constexpr std::size_t kExtensionPoints = 5;

struct PluginSet {
  struct Enabled {
    std::string name;
    std::int64_t weight = 0;  // 0: the default.
  };
  std::vector<Enabled> enabled;
  std::vector<std::string> disabled;  // "*": all of the defaults.
};

struct Profile {
  std::string scheduler_name = "default-scheduler";
  PluginSet multi_point;
  std::array<PluginSet, kExtensionPoints> points;
  PluginArgs args;
  // Filters of the program that embeds the scheduler: made for each runtime, run behind the profile's.
  std::vector<std::function<std::unique_ptr<Plugin>()>> own_filters;
};

struct SchedulerConfig {
  std::vector<Profile> profiles = {Profile{}};
  std::int64_t percentage_of_nodes_to_score = 0;  // 0: by cluster size.
};

// Plugin names by extension point in running order; weights beside kScore.
struct ResolvedProfile {
  std::array<std::vector<std::string>, kExtensionPoints> points;
  std::vector<std::int64_t> score_weights;
};

// All plugins of v1.37 that take part in a cycle, in the default profile's order, with default weights (0: no score).
struct KnownPlugin {
  const char* name;
  std::int64_t weight;
  bool at[kExtensionPoints];
};
std::span<const KnownPlugin> known_plugins();
// Default plugins with nothing to do here (queue sort, bind, pre-enqueue …): may be named, enabled and disabled.
bool is_known_elsewhere(std::string_view name);
// Every name that a configuration may use, for error messages.
std::vector<std::string> known_plugin_names();

// Expands the profile as upstream does: at each point the plugins enabled there that override the default keep the
// front, in their own order; then the defaults that are left; then the others that are enabled there. Throws InputError
// for a plugin that does not exist, is enabled twice at a point, or has no such point.
ResolvedProfile resolve(const Profile& profile);

// A plugin beyond the default ones: one file with one static object, and profiles may enable it by name.
//   const RegisterPlugin kRegistered{{"Blackout", 1, {false, true, false, false, true}}, make_blackout};
struct RegisterPlugin {
  using Factory = std::unique_ptr<Plugin> (*)(const PluginArgs&);
  // Before main() only. The name must be new (BERTH_CHECK).
  RegisterPlugin(const KnownPlugin& plugin, Factory factory);
};

// The plugin by name, or BERTH_CHECK failure. `profile`'s arguments are copied.
std::unique_ptr<Plugin> make_plugin(std::string_view name, const PluginArgs& args);

}  // namespace berth::kube
