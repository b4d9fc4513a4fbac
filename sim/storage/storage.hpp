// Persistent storage of a cluster: claims and volumes, attaching and detaching, mounting for pods. The door to this
// layer; what it does is in claim_binder (PersistentVolume controller, provisioner), attach_detach (attach/detach
// controller) and volume_manager (kubelets).
//
// A pod's way: register_pod → pod_assumed (PreBind: claims that wait for their first consumer are bound) → pod_bound
// (attaching begins) → mount and unmount, by the kubelet → pod_finished or pod_stopped (detaching may begin) →
// pod_removed. Pods without volumes of their own cost nothing and may be left out of all of it. API writes and watches
// take no time. Sources: pkg/controller/volume, pkg/kubelet/volumemanager,
// pkg/scheduler/framework/plugins/volumebinding of Kubernetes v1.37.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sim/cluster/namespace_objects.hpp"
#include "sim/cluster/node_services.hpp"
#include "sim/cluster/pod_spec.hpp"
#include "sim/storage/attach_detach.hpp"
#include "sim/storage/claim_binder.hpp"
#include "sim/storage/storage_state.hpp"
#include "sim/storage/volume_manager.hpp"

namespace berth {

// Calls are made synchronously, in the middle of a change: note them, and act later.
class StorageListener {
 public:
  // What pod_assumed() left open: all claims are bound, or the wait failed and the pod is no longer assumed.
  virtual void prebind_done(std::uint32_t pod, bool bound) = 0;
  // An object that the scheduler looks at came, changed or went: pods that found no node may have one now.
  virtual void claim_changed(ClaimId claim) = 0;
  virtual void volume_changed(VolumeId volume) = 0;

 protected:
  ~StorageListener() = default;
};

enum class PreBind : std::uint8_t { kDone, kWaiting, kFailed };

class Storage final : public PodVolumes,
                      private ClaimBinderListener,
                      private AttachDetachListener,
                      private VolumeManagerListener {
 public:
  // Engine and journal must outlive it.
  Storage(Engine<Event>& engine, Journal& journal, const StorageOptions& options);
  void listen(StorageListener* storage, NodeServicesListener* kubelet);  // Before anything happens; may be null.

  // For events of kStorageEvent.
  void handle(const Event& event);

  // ---- objects; at any time
  void add_class(const kube::api::StorageClass& object) { add_class(object, state_.options.times); }
  void add_class(const kube::api::StorageClass& object, const VolumeTimes& times) { binder_.add_class(object, times); }
  // What CSIDriver and the driver's topology say (an unknown driver: attach required, by zone). An empty key: its
  // volumes can be reached from everywhere. Before volumes of the driver are used.
  void add_driver(std::string_view name, bool attach_required,
                  std::string_view topology_key = "topology.kubernetes.io/zone");
  void driver_failing(std::string_view name,
                      bool failing);  // Provisioning, attaching and detaching that end meanwhile fail.
  // A volume whose claimRef has a UID is Released unless the claim is there: give claims first.
  VolumeId add_volume(const kube::api::PersistentVolume& object) { return binder_.add_volume(object); }
  ClaimId add_claim(const kube::api::PersistentVolumeClaim& object) { return binder_.add_claim(object, kNoOwner); }
  // Null if there is none of that name: false.
  bool delete_claim(std::string_view namespace_name, std::string_view name);
  bool delete_volume(std::string_view name);
  bool clear_claim_ref(std::string_view volume);  // Makes a Released volume Available again.

  std::optional<ClaimId> find_claim(std::string_view namespace_name, std::string_view name) const;
  std::optional<VolumeId> find_volume(std::string_view name) const;
  const ClaimRow& claim(ClaimId id) const { return state_.claims[id]; }
  const VolumeRow& volume(VolumeId id) const { return state_.volumes[id]; }

  // ---- nodes
  // A node joins, Ready, its kubelet running. `status_phase`: when in each 10 s its status is written. Ids are dense.
  void add_node(NodeId node, const kube::Node& object, Duration status_phase = {});
  void set_csi_node(NodeId node, const kube::CsiNode& object);  // Volume limits per driver.
  void node_removed(NodeId node);                               // The object is gone, and the machine.
  void node_down(NodeId node);  // It has crashed: what it had mounted is gone, no calls of the listener follow.
  void node_up(NodeId node);    // The kubelet runs again, now; it calls mount() again for the pods it keeps.
  void node_ready(NodeId node, bool ready);                // Condition Ready as the controllers see it.
  void node_out_of_service(NodeId node, bool is_tainted);  // Taint node.kubernetes.io/out-of-service.

  // ---- pods, by their ordinal in the journal
  // Creates the claims of generic ephemeral volumes. A claim that does not exist yet may come later.
  void register_pod(std::uint32_t pod, TemplateId pod_template, const kube::api::Pod& object);
  // Whether the pod's volumes allow this node now: what VolumeRestrictions, NodeVolumeLimits and VolumeBinding filter,
  // for schedulers that do not know of volumes. (A volume's zone labels, and CSIStorageCapacity, play no part.)
  // O(claims of the pod * free volumes of their class + volumes on the node).
  bool can_run_on(std::uint32_t pod, NodeId node) const;
  // Reserve and PreBind. Claims get the volumes that the scheduler would choose, smallest request first, or
  // are provisioned. kWaiting: prebind_done follows, after a whole number of seconds, at most bind_timeout.
  PreBind pod_assumed(std::uint32_t pod, NodeId node);
  void pod_unassumed(std::uint32_t pod);  // Unreserve: bindings that were made stay.
  void pod_bound(std::uint32_t pod, NodeId node);
  void pod_finished(std::uint32_t pod);  // Phase Succeeded or Failed.
  void pod_stopped(std::uint32_t pod);   // deletionTimestamp is set and no container is reported running any more.
  void pod_removed(std::uint32_t pod);   // The object is gone, even if a kubelet still holds the pod.

  bool mount(PodSlot slot, std::uint32_t pod, NodeId node) override;
  bool unmount(PodSlot slot, std::uint32_t pod, NodeId node) override;

  // ---- data: what becomes of what a pod writes
  // `number`: of the volume in the pod. False if the pod has no such volume or it is not mounted.
  bool write(std::uint32_t pod, std::uint16_t number, DataToken token);
  std::optional<DataToken> read(std::uint32_t pod, std::uint16_t number) const;

  bool attached(VolumeId volume, NodeId node) const;  // Or detaching.
  bool in_use(VolumeId volume, NodeId node) const;    // In node.status.volumesInUse.
  std::size_t pods() const;                           // With volumes. O(pods).

  // Recounts every count and link; empty if all is well, else what is not. O(everything).
  std::string verify() const;

 private:
  static constexpr std::uint32_t kNoOwner = 0xFFFF'FFFF;

  void claim_bound(ClaimId claim) override;
  void claim_gone(ClaimId claim) override;
  void claim_changed(ClaimId claim) override;
  void volume_changed(VolumeId volume) override;
  void attachment_visible(AttachmentId attachment) override { manager_.attachment_visible(attachment); }
  void volume_released(VolumeId volume) override { binder_.volume_detached(volume); }
  void not_in_use(AttachmentId attachment) override { controller_.look_again(attachment); }
  void pod_mounted(UserId user) override;
  void pod_unmounted(UserId user) override;

  // A generic ephemeral volume whose claim's name is taken, by an earlier pod's most likely.
  struct Postponed {
    std::uint32_t pod = 0;
    ClaimId claim{};
    kube::api::PersistentVolumeClaim object;
  };
  void make_ephemeral_claim(std::uint32_t pod, ClaimId claim, const kube::api::Pod& object,
                            const kube::api::ClaimTemplate& claim_template);
  void make_postponed(ClaimId claim);
  bool usable(const Use& use) const;
  void put_on_node(UserId id, NodeId node);
  void take_off_node(UserId id);
  void link(UseId id);
  void stop_wanting(UserId id);
  void set_active(UserId id, bool active);
  void free_if_done(UserId id);
  // The volumes that the pod's unbound claims would get on the node, kNone for those to be provisioned; in `claims`'
  // order (ascending request). False if the node will not do.
  bool choose_volumes(const User& user, NodeId node, std::vector<ClaimId>& claims, std::vector<VolumeId>& chosen) const;
  bool within_limits(const User& user, const StorageNode& node) const;
  void plan_prebind_poll(UserId id);
  void finish_prebind(UserId id, bool timeout);
  UseId find_use(std::uint32_t pod, std::uint16_t number) const;

  StorageState state_;
  ClaimBinder binder_;
  AttachDetach controller_;
  VolumeManager manager_;
  StorageListener* storage_listener_ = nullptr;
  NodeServicesListener* kubelet_listener_ = nullptr;
  std::vector<Postponed> postponed_;
};

}  // namespace berth
