// The PersistentVolume controller and the external provisioner: claims find volumes or have them made, and volumes are
// reclaimed when their claims are gone. Syncs happen at the instant of the change that they follow; what nobody tells a
// claim (a new volume, a new class) it finds at the controller's resync, every 15 s.
// Source: pkg/controller/volume/persistentvolume/pv_controller.go, pkg/controller/volume/pvcprotection, v1.37;
// sig-storage-lib-external-provisioner (retry back-off 1 s ... 5 min).
#pragma once

#include <string>
#include <vector>

#include "sim/cluster/namespace_objects.hpp"
#include "sim/storage/storage_state.hpp"

namespace berth {

class ClaimBinderListener {
 public:
  virtual void claim_bound(ClaimId claim) = 0;
  virtual void claim_gone(ClaimId claim) = 0;        // Finalized; its row is still there.
  virtual void claim_changed(ClaimId claim) = 0;     // Anything that a scheduler sees of it.
  virtual void volume_changed(VolumeId volume) = 0;  // The same.

 protected:
  ~ClaimBinderListener() = default;
};

class ClaimBinder {
 public:
  ClaimBinder(StorageState& state, ClaimBinderListener& listener) : state_(state), listener_(listener) {}

  // Names must be new (BERTH_CHECK); the reader of manifests has told the user about duplicates.
  void add_class(const kube::api::StorageClass& object, const VolumeTimes& times);
  VolumeId add_volume(const kube::api::PersistentVolume& object);
  ClaimId add_claim(const kube::api::PersistentVolumeClaim& object, std::uint32_t owner);

  // Bound: waits until the claim is gone (protection). The data of a removed object stays where Retain says so, out of
  // the cluster's sight.
  void delete_volume(VolumeId volume);
  // spec.claimRef is removed by hand: a Released or Failed volume is Available again, with its data.
  void clear_claim_ref(VolumeId volume);
  // At once if no pod on a node uses it, else when the last such pod is gone.
  void delete_claim(ClaimId claim);
  void finalize_if_unused(ClaimId claim);

  // kube-scheduler's PreBind of an unbound claim: it gets this volume, or one is made for this node.
  void bind(ClaimId claim, VolumeId volume);
  void select_node(ClaimId claim, NodeId node);
  // The provisioner finds the node gone and takes selected-node back.
  void forget_node(NodeId node);

  void volume_detached(VolumeId volume);  // No node holds it any more.

  void handle_resync();
  void handle_provisioned(ClaimId claim);
  void handle_removed(VolumeId volume);

 private:
  struct Pending {
    ClaimId id;
    std::uint32_t number;  // Another: the slot is somebody else's by now.
  };

  void sync_claim(ClaimId id);
  bool assign_default_class(ClaimRow& claim);
  void provision(ClaimId id);
  void make_volume(ClaimId id);
  void release(VolumeId id);
  void reclaim(VolumeId id);
  void remove_object(VolumeId id);
  void make_available(VolumeId id);
  void take_from_free(VolumeId id);
  void want_resync();
  bool waits(const Pending& pending) const;
  void drop_bound();

  StorageState& state_;
  ClaimBinderListener& listener_;
  std::vector<Pending> pending_;  // Unbound claims in order of creation, and some that are bound or gone by now.
  std::size_t waiting_ = 0;       // Those that are unbound.
  bool resync_scheduled_ = false;
  std::uint32_t next_volume_ = 0;
  std::uint32_t next_claim_ = 0;
  std::uint32_t next_class_ = 0;
};

}  // namespace berth
