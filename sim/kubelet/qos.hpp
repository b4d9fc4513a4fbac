// Quality of service: which pods the kernel and the kubelet spare when a node runs out of memory.
// Source: Kubernetes v1.37, pkg/apis/core/v1/helper/qos/qos.go and pkg/kubelet/qos/policy.go.
#pragma once

#include <cstdint>

#include "sim/cluster/pod_spec.hpp"

namespace berth {

enum class QosClass : std::uint8_t { kGuaranteed, kBurstable, kBestEffort };

// Guaranteed: every container, init containers included, has limits of cpu and memory, above 0 and equal to its
// requests. BestEffort: no container asks for any of the two. Pod-level resources, where given, decide alone.
QosClass qos_class(const kube::api::Pod& pod);

// -997 .. 1000. `memory_request` is the container's, `capacity` the node's memory, both in bytes, capacity > 0.
std::int32_t oom_score_adj(QosClass qos, bool node_critical, std::int64_t memory_request, std::int64_t capacity);

}  // namespace berth
