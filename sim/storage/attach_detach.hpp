// The attach/detach controller of kube-controller-manager: which volume is attached to which node. Its loop of 100 ms
// (the grid of whole tenths of a second) detaches, then attaches, then writes node.status.volumesAttached; here it runs
// only when something waits for it. The full verification every 60 s finds nothing that this model could get wrong, and
// is left out. One operation of a volume that only one node may hold at a time, and a refused attach waits for it.
// Source: pkg/controller/volume/attachdetach/{reconciler,cache}, v1.37.
#pragma once

#include <cstdint>
#include <vector>

#include "sim/storage/storage_state.hpp"

namespace berth {

class AttachDetachListener {
 public:
  virtual void attachment_visible(AttachmentId attachment) = 0;  // Is now in node.status.volumesAttached.
  virtual void volume_released(VolumeId volume) = 0;             // No node holds it any more.

 protected:
  ~AttachDetachListener() = default;
};

class AttachDetach {
 public:
  AttachDetach(StorageState& state, AttachDetachListener& listener) : state_(state), listener_(listener) {}

  // A pod on the attachment's node needs the volume from now on; or no more. O(1).
  void want(AttachmentId id);
  void unwant(AttachmentId id);
  // The volume left node.status.volumesInUse, or the node became not Ready, was removed or marked out of service: what
  // waits to be detached is looked at again. O(1); O(volumes on the node).
  void look_again(AttachmentId id);
  void node_changed(NodeId node);

  void handle_reconcile();
  void handle_attached(AttachmentId id);
  void handle_detached(AttachmentId id);
  void handle_retry(AttachmentId id);

  // The driver's volumes that the node holds or is about to, not counting `except`. O(volumes on the node).
  std::int64_t held(NodeId node, DriverId driver, AttachmentId except) const;

 private:
  void queue_attach(AttachmentId id);
  void queue_detach(AttachmentId id);
  void wake();
  void settle();
  void try_detach(AttachmentId id);
  void try_attach(AttachmentId id);
  void report(AttachmentId id);
  bool backing_off(AttachmentId id);
  void failed(AttachmentId id);
  void wake_others(VolumeId volume);

  StorageState& state_;
  AttachDetachListener& listener_;
  std::vector<AttachmentId> to_detach_, to_attach_, to_report_, batch_;
  bool scheduled_ = false;
};

}  // namespace berth
