// Which PersistentVolume a claim may have, and where a volume can be used: rules without time.
// Source: component-helpers storage/volume/pv_helpers.go (FindMatchingVolume), pkg/controller/volume/persistentvolume/
// index.go, of Kubernetes v1.37. kube-scheduler's own side of it is in policies/schedulers/kube/volume_binding.cpp.
#pragma once

#include <span>
#include <vector>

#include "sim/storage/storage_state.hpp"

namespace berth {

// The volume's node affinity, if it has any, holds for the node. The field metadata.name matches no node, as upstream.
bool reaches(const kube::PersistentVolume& volume, const kube::Node& node);

// The best volume for an unbound claim, kNone if there is none. A volume that is reserved for the claim (claimRef) wins
// if its capacity and volumeMode will do; class, modes and selector are then not looked at. Else, of the free volumes
// of the class:
// - `node` given: the smallest that reaches the node (of equal ones the oldest);
// - no node: the smallest among those with the fewest access modes, without regard to nodes.
// `taken` are left out. O(free volumes of the class) at worst; with a node it stops at the first that will do.
VolumeId find_matching_volume(const StorageState& state, ClaimId claim, const kube::Node* node,
                              std::span<const VolumeId> taken);

// What the controller asks of a volume that the claim names itself (spec.volumeName): capacity, class, volumeMode and
// access modes; not selector and not phase.
bool satisfies(const VolumeRow& volume, const ClaimRow& claim);

// No terms: everywhere.
bool in_allowed_topology(const kube::StorageClass& storage_class, const kube::Node& node);

// Node affinity of a volume to be provisioned; empty: reachable from everywhere. With a node (WaitForFirstConsumer) it
// is that node's segment: its labels under the keys of the allowedTopologies term that holds there, else under the
// driver's topology key. Without (Immediate) it is segment number `pick` modulo how many there are, of
// allowedTopologies or else of the nodes. Source: external-provisioner, GenerateAccessibilityRequirements; which of the
// segments a driver then takes is its own affair, so this takes them in turn.
std::vector<kube::NodeSelectorTerm> provisioned_affinity(const kube::StorageClass& storage_class,
                                                         const DriverRow& driver, const kube::Node* node,
                                                         std::uint32_t pick);

bool can_provision(const StorageClassRow& storage_class);  // Has a provisioner, which is not no-provisioner.

}  // namespace berth
