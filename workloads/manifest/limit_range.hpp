// LimitRanger: defaults and bounds of containers, pods and claims of a namespace.
#pragma once

#include <string>

#include "sim/cluster/namespace_objects.hpp"
#include "sim/cluster/pod_spec.hpp"

namespace berth::manifest {

// Puts the defaults into containers that lack them.
void apply_limit_defaults(const kube::api::LimitRange& range, kube::api::Pod& pod);
// What is out of bounds, joined by ", ", or empty.
std::string check_limits(const kube::api::LimitRange& range, const kube::api::Pod& pod);
std::string check_limits(const kube::api::LimitRange& range, const kube::api::PersistentVolumeClaim& claim);

// An amount as Kubernetes prints it, by the kind of resource: "250m", "128Mi", "3".
std::string format_amount(std::string_view resource, kube::Quantity amount);

}  // namespace berth::manifest
