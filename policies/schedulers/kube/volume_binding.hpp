// What VolumeBinding has decided for a node, for whoever binds the claims with the pod.
#pragma once

#include <string>
#include <vector>

#include "policies/schedulers/kube/framework.hpp"

namespace berth::kube {

struct ClaimBinding {
  std::string claim;   // "namespace/name".
  std::string volume;  // For a provisioned one the name it will have: "pvc-<namespace>-<name>".
  bool provisioned = false;
  friend bool operator==(const ClaimBinding&, const ClaimBinding&) = default;
};
// The claims that wait for the pod and where each goes on `node`, after the node passed VolumeBinding's filter;
// statically bound ones first, in the order of their sizes. Empty if nothing waits. `state` is VolumeBinding's slot.
std::vector<ClaimBinding> claim_bindings(const PluginState* state, const NodeInfo& node);

// The volume that a provisioner makes for the claim on this node: the claim's size and modes, the class's driver, node
// affinity to the node's zone, or to its host name if it has no zone label.
PersistentVolume provisioned_volume(const ClusterState& cluster, const std::string& claim_key, const NodeInfo& node);

}  // namespace berth::kube
