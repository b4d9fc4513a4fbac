// The simulation's nodes and pod templates as the objects that kube-scheduler looks at. GPUs are an extended resource,
// as device plugins offer them; which devices, models and shares fit is asked of the cluster by a filter of ours, since
// kube-scheduler itself counts no more than a sum.
#pragma once

#include <memory>
#include <vector>

#include "policies/schedulers/kube/framework.hpp"
#include "sim/cluster/cluster.hpp"

namespace berth::kube {

// The whole object where there is one (NodeSpec::node), with what the node has allocatable and the images it lists now.
Node node_of(const Cluster& cluster, NodeId node);

// PodTemplate::pod as it is, or a pod that asks for what the template asks for. Pods of templates that want GPUs carry
// a label of ours, so that no two such templates are one class of pods.
Pod pod_of(const Catalog& catalog, TemplateId pod_template);

// Refuses nodes whose GPUs are not the right ones, and, whatever the profile leaves out, those that the cluster does
// not admit. `nodes` by index of ClusterState, `templates` by pod class; both must outlive the plugin.
std::unique_ptr<Plugin> make_device_fit(const Cluster& cluster, const std::vector<NodeId>& nodes,
                                        const std::vector<TemplateId>& templates);

}  // namespace berth::kube
