// The volume managers of the kubelets: a volume is reported in use, seen attached, staged once per node and published
// per pod; and back again. Loops of 100 ms (whole tenths of a second), run only when something waits for them.
//
// - volumesInUse of the node's status is written by the 10 s tick alone.
// - Whether the volume is attached is looked up at the first loop, then after back-offs of 0.5 s, 1 s ... 2 min 2 s; a
//   look fails as well while the volume is not reported in use. The next loop stages and publishes.
// - One operation of a volume on a node at a time; upstream unmounts of several pods, and mounts of volumes without
// CSI,
//   may overlap.
// - The pod's worker asks every 300 ms whether all is done. Its tries of 2 min 3 s are not told apart.
// Source: pkg/kubelet/volumemanager, pkg/volume/util/operationexecutor, v1.37.
#pragma once

#include <vector>

#include "sim/storage/storage_state.hpp"

namespace berth {

class VolumeManagerListener {
 public:
  virtual void not_in_use(AttachmentId attachment) = 0;  // Gone from volumesInUse: may be detached.
  virtual void pod_mounted(UserId user) = 0;
  virtual void pod_unmounted(UserId user) = 0;

 protected:
  ~VolumeManagerListener() = default;
};

class VolumeManager {
 public:
  VolumeManager(StorageState& state, VolumeManagerListener& listener) : state_(state), listener_(listener) {}

  // The pod's worker waits for its volumes: those that are linked to the node by now, the others by mount_use later.
  void mount(UserId user);
  void mount_use(UseId use);
  // True: nothing is mounted.
  bool unmount(UserId user);

  void attachment_visible(AttachmentId id) { plan_look(id); }
  // The kubelet is gone, and with it what it has mounted; the status stays as it was.
  void kubelet_down(NodeId node);
  // It runs again and holds nothing: volumes that nobody mounts again leave the status at its next tick.
  void kubelet_up(NodeId node);

  void handle_status_tick(NodeId node);
  void handle_look(AttachmentId id);
  void handle_pass(AttachmentId id);
  void handle_step(AttachmentId id);
  void handle_poll(UserId user);

 private:
  void update_in_use(AttachmentId id);
  void want_status_tick(NodeId node);
  void plan_look(AttachmentId id);
  void next_look(Attachment& row);
  void plan_pass(AttachmentId id, Time at);
  void begin(AttachmentId id, MountStep step, UseId use);
  void one_less(UserId user);
  void rest_if_unused(AttachmentId id);

  StorageState& state_;
  VolumeManagerListener& listener_;
  std::vector<AttachmentId> batch_;
};

}  // namespace berth
