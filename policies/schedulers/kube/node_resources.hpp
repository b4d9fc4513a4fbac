// What NodeResourcesFit and NodeResourcesBalancedAllocation share: how much of a resource would be taken, of how much.
// Source: pkg/scheduler/framework/plugins/noderesources/resource_allocation.go, v1.37.
#pragma once

#include <cstdint>
#include <string_view>

#include "policies/schedulers/kube/framework.hpp"

namespace berth::kube {

struct Share {
  std::int64_t requested = 0;
  std::int64_t allocatable = 0;  // 0: the resource does not count on this node, or not for this pod.
};
// The pod's amount of one resource in the scheduler's units (millicores, bytes, counts). O(log resources).
std::int64_t amount_of(const Resource& resource, std::string_view name);
// With `pod_amount` put on top of what is on the node. An extended resource counts only for a pod that asks for it.
// `non_zero`: cpu and memory with the defaults for containers that ask for nothing.
Share share_of(const NodeInfo& node, std::string_view name, std::int64_t pod_amount, bool non_zero);

}  // namespace berth::kube
