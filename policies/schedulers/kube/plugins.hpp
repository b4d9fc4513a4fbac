// The default plugins' factories; each plugin is one file under its upstream name.
#pragma once

#include <memory>

#include "policies/schedulers/kube/config.hpp"
#include "policies/schedulers/kube/framework.hpp"

namespace berth::kube {

std::unique_ptr<Plugin> make_node_name();
std::unique_ptr<Plugin> make_node_unschedulable();
std::unique_ptr<Plugin> make_taint_toleration();
std::unique_ptr<Plugin> make_node_affinity(const PluginArgs& args);
std::unique_ptr<Plugin> make_node_ports();
std::unique_ptr<Plugin> make_node_resources_fit(const PluginArgs& args);
std::unique_ptr<Plugin> make_volume_restrictions();
std::unique_ptr<Plugin> make_node_volume_limits();
std::unique_ptr<Plugin> make_volume_binding(const PluginArgs& args);
std::unique_ptr<Plugin> make_volume_zone();
std::unique_ptr<Plugin> make_pod_topology_spread(const PluginArgs& args);
std::unique_ptr<Plugin> make_inter_pod_affinity(const PluginArgs& args);
std::unique_ptr<Plugin> make_node_resources_balanced_allocation(const PluginArgs& args);
std::unique_ptr<Plugin> make_image_locality();
// Lets every pod and node pass and scores 0: DynamicResources and NodeDeclaredFeatures for pods that use neither.
std::unique_ptr<Plugin> make_pass(const char* name);

}  // namespace berth::kube
