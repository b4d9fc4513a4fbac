// What NodeResourcesFit and NodeResourcesBalancedAllocation share: how much of a resource would be taken, of how much.
// Source: pkg/scheduler/framework/plugins/noderesources/resource_allocation.go, v1.37.
#pragma once

#include <cstdint>
#include <string>

#include "policies/schedulers/kube/framework.hpp"

namespace berth::kube {

struct Share {
  std::int64_t requested = 0;
  std::int64_t allocatable = 0;  // 0: the resource does not count on this node, or not for this pod.
};
// A resource by name, so that no text is compared per node.
class ResourceName {
 public:
  explicit ResourceName(std::string name);
  // The amount in the scheduler's units (millicores, bytes, counts). O(1), for scalars O(log resources).
  std::int64_t of(const Resource& resource) const;
  // With `pod_amount` put on top of what is on the node. An extended resource counts only for a pod that asks for it.
  // `non_zero`: cpu and memory with the defaults for containers that ask for nothing.
  Share share_of(const NodeInfo& node, std::int64_t pod_amount, bool non_zero) const;

 private:
  enum class Kind : std::uint8_t { kCpu, kMemory, kEphemeralStorage, kOther };
  std::string name_;
  Kind kind_;
  bool scalar_;
};

}  // namespace berth::kube
