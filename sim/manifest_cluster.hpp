// Manifests in the terms of the simulation: nodes as specs, pods as templates, all else as the scheduler's objects.
#pragma once

#include <memory>
#include <vector>

#include "sim/cluster/catalog.hpp"
#include "sim/cluster/kube_objects.hpp"
#include "sim/cluster/pod_spec.hpp"
#include "workloads/manifest/manifest.hpp"

namespace berth {

// The node's allocatable (capacity where it has none), labels and the object itself. Throws InputError for amounts that
// do not fit.
NodeSpec node_spec(const kube::api::Node& node, Catalog& catalog);
// All Node objects; empty if there are none.
std::vector<NodeSpec> node_specs(const manifest::Manifests& manifests, Catalog& catalog);
// Nodes to run manifests on that bring none: `count` of 4 CPUs, 16 GiB and 100 GiB, in zones a, b and c in turn.
std::vector<NodeSpec> default_nodes(std::size_t count);

// What schedulers see of the pod; its requests as kube-scheduler sums them. O(containers).
PodTemplate pod_template(std::shared_ptr<const kube::api::Pod> pod, Catalog& catalog);

// What kube-scheduler looks at beside nodes and pods: classes, volumes, claims, services, budgets …
kube::Objects scheduling_objects(const manifest::Manifests& manifests);

}  // namespace berth
