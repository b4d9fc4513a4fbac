// What the storage layer is made of: volumes, claims, classes and drivers, which pod uses which claim, and which volume
// is on which node. Plain rows; what happens to them is in claim_binder, attach_detach and volume_manager.
// Source: core/v1 and storage.k8s.io/v1 of Kubernetes v1.37.
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <string>
#include <utility>
#include <vector>

#include "sim/cluster/catalog.hpp"
#include "sim/cluster/kube_objects.hpp"
#include "sim/cluster/node_services.hpp"
#include "sim/engine/distribution.hpp"
#include "sim/engine/time.hpp"

namespace berth {

// Slots, used again; a claim or volume that is told apart for ever has a number besides (in order of creation).
enum class VolumeId : std::uint32_t {};        // A PersistentVolume.
enum class ClaimId : std::uint32_t {};         // A PersistentVolumeClaim, or the name of one that somebody waits for.
enum class StorageClassId : std::uint32_t {};  // By name, whether or not there is an object.
enum class DriverId : std::uint32_t {};        // A CSI driver by name.
enum class UserId : std::uint32_t {};          // A pod with volumes.
enum class UseId : std::uint32_t {};           // One volume of one pod.
enum class AttachmentId : std::uint32_t {};    // A volume on a node.

template <class Id>
inline constexpr Id kNone{0xFFFF'FFFF};

enum class ClaimPhase : std::uint8_t { kPending, kBound, kLost };
enum class VolumePhase : std::uint8_t { kAvailable, kBound, kReleased, kFailed };

// Access modes as a set of bits.
inline constexpr std::uint8_t kReadWriteOnce = 1;                      // One node.
inline constexpr std::uint8_t kReadOnlyMany = 2;                       //
inline constexpr std::uint8_t kReadWriteMany = 4;                      //
inline constexpr std::uint8_t kReadWriteOncePod = 8;                   // One pod.
std::uint8_t access_mode_bits(const std::vector<std::string>& modes);  // Unknown words do not count.

// How long a driver takes, in seconds, per operation. Upstream has no such constants: clouds need seconds to tens of
// seconds. The defaults are assumptions.
struct VolumeTimes {
  Distribution provision = Distribution::constant(5);  // CreateVolume.
  Distribution remove = Distribution::constant(5);     // DeleteVolume.
  Distribution attach = Distribution::constant(5);     // ControllerPublishVolume.
  Distribution detach = Distribution::constant(5);     // ControllerUnpublishVolume.
  Distribution stage = Distribution::constant(1);      // NodeStageVolume: format and mount the device, once per node.
  Distribution publish = Distribution::constant(0.1);  // NodePublishVolume: bind mount, per pod.
  Distribution unpublish = Distribution::constant(0.1);
  Distribution unstage = Distribution::constant(0.5);
};

// Rows in slots that are used again. Each row has two generations, which only grow: an event carries the one it was
// scheduled under, and is stale if the row has another by now. References stay valid while rows are added.
template <class Id, class Row>
class Slots {
 public:
  Id acquire() {
    Id id = static_cast<Id>(rows_.size());
    if (free_.empty()) {
      rows_.emplace_back();
    } else {
      id = free_.back();
      free_.pop_back();
    }
    rows_[index(id)].live = true;
    return id;
  }
  void release(Id id) {
    Row& row = rows_[index(id)];
    const std::array<std::uint32_t, 2> generations = row.generations;
    row = Row();
    row.generations = {generations[0] + 1, generations[1] + 1};
    free_.push_back(id);
  }
  Row& operator[](Id id) { return rows_[index(id)]; }
  const Row& operator[](Id id) const { return rows_[index(id)]; }
  std::size_t size() const { return rows_.size(); }  // Dead ones as well.

 private:
  std::deque<Row> rows_;
  std::vector<Id> free_;
};

// What is on a volume, as a test or a workload marks it: 0 is empty.
using DataToken = std::uint64_t;

struct UseList {
  UseId first = kNone<UseId>;
  UseId last = kNone<UseId>;
};

struct StorageClassRow {
  kube::StorageClass object;  // The name is there even if the object is not.
  bool exists = false;
  bool is_default = false;
  bool retain = false;
  std::uint32_t created = 0;  // Of several defaults the newest counts.
  VolumeTimes times;
  std::vector<VolumeId> free;  // Available, not reserved; ascending capacity, then number.
};

struct DriverRow {
  bool attach_required = true;                               // Also where there is no CSIDriver object.
  bool failing = false;                                      // What begins or ends now fails.
  std::string topology_key = "topology.kubernetes.io/zone";  // Where its volumes can be reached from; empty: anywhere.
  // Values of that label on the nodes, in order of first sight, and on how many nodes.
  std::vector<std::pair<std::string, std::uint32_t>> segments;
};

struct VolumeRow {
  bool live = false;
  std::array<std::uint32_t, 2> generations{};  // Removal; not used.
  kube::PersistentVolume object;               // Kept current: claim_ref, available, deleting.
  std::uint32_t number = 0;
  bool exists = false;  // False: the object is gone, but a node still holds the volume.
  bool retain = true;
  bool provisioned = false;  // By a driver, which can also remove it.
  bool local = false;        // On one node's own disk.
  std::uint8_t modes = 0;
  StorageClassId storage_class{};
  DriverId driver = kNone<DriverId>;  // None: mounted without CSI, never attached.
  VolumePhase phase = VolumePhase::kAvailable;
  ClaimId claim = kNone<ClaimId>;         // Bound to.
  ClaimId reserved_for = kNone<ClaimId>;  // Pre-bound: claimRef names it.
  bool removing = false;                  // DeleteVolume is wanted.
  // Attachments, in order of creation; `holders`: those attaching, attached or detaching.
  AttachmentId first = kNone<AttachmentId>;
  AttachmentId last = kNone<AttachmentId>;
  std::uint32_t holders = 0;
  std::uint32_t stream = 0;  // Of its random draws, and how many there were.
  std::uint32_t draws = 0;
  DataToken data = 0;
  NodeId data_node = kNoNode;  // Of a local volume: where the data is, and on which life of that node.
  std::uint32_t data_life = 0;

  bool many_nodes() const { return modes == 0 || (modes & (kReadOnlyMany | kReadWriteMany)) != 0; }
};

struct ClaimRow {
  bool live = false;
  std::array<std::uint32_t, 2> generations{};  // Provisioning; not used.
  kube::PersistentVolumeClaim object;          // Kept current: volume_name, bind_completed, selected_node, deleting …
  std::string key;                             // "namespace/name"
  std::uint32_t number = 0;
  std::uint32_t owner = 0xFFFF'FFFF;  // Generic ephemeral volume: ordinal of the pod.
  bool exists = false;
  bool class_given = false;
  bool provisioning = false;
  std::uint8_t modes = 0;
  ClaimPhase phase = ClaimPhase::kPending;
  StorageClassId storage_class{};
  VolumeId volume = kNone<VolumeId>;    // Bound to.
  VolumeId reserved = kNone<VolumeId>;  // A volume whose claimRef names it, before either is bound.
  NodeId selected_node = kNoNode;
  Duration back_off;             // Of provisioning.
  std::uint32_t references = 0;  // Uses, and volumes reserved for it: keep the slot.
  std::uint32_t scheduled = 0;   // Pods on a node, whose objects exist: keep the claim (protection finalizer).
  std::uint32_t active = 0;      // Pods assumed or on a node that are not finished.
  std::uint32_t draws = 0;
  UseList uses;  // Of pods that are not on a node, or while it is not bound.
};

enum class UseKind : std::uint8_t { kClaim, kEmptyDir, kHostPath };
struct Use {
  bool live = false;
  std::array<std::uint32_t, 2> generations{};
  UserId user{};
  UseKind kind = UseKind::kClaim;
  std::uint16_t number = 0;  // Of the volume in the pod.
  bool wanted = false;       // Counts in Attachment::wanted.
  bool mount_wanted = false;
  bool published = false;
  bool ephemeral = false;  // Generic ephemeral volume: the claim must be the pod's own.
  ClaimId claim = kNone<ClaimId>;
  AttachmentId attachment = kNone<AttachmentId>;
  UseId next_of_pod = kNone<UseId>;
  UseId next = kNone<UseId>;  // In the list of the claim, or of the attachment.
  UseId previous = kNone<UseId>;
  std::uint32_t path = 0;  // kHostPath.
  DataToken data = 0;      // kEmptyDir.
};

// A pod with volumes. Lives until its object is gone and the kubelet has let go.
struct User {
  bool live = false;
  std::array<std::uint32_t, 2> generations{};  // PreBind; the kubelet's poll.
  std::uint32_t ordinal = 0;
  TemplateId pod_template = kNoTemplate;
  NodeId node = kNoNode;
  UseId first = kNone<UseId>;
  std::uint32_t claims = 0;
  bool object = true;       // The API object is there.
  bool assumed = false;     // The scheduler has chosen the node.
  bool bound = false;       // spec.nodeName is set.
  bool finished = false;    // Succeeded or Failed.
  bool active = false;      // Counts in ClaimRow::active.
  bool stopped = false;     // The attach/detach controller counts it no more.
  bool prebinding = false;  // PreBind waits since:
  Time prebind_since;
  std::uint32_t unbound = 0;  // Claims that it waits for.
  // The kubelet's side.
  bool mounting = false;  // mount() was called, unmount() was not.
  bool unmounting = false;
  PodSlot slot;
  Time asked;              // When mount() or unmount() was called: the poll's phase.
  std::uint32_t left = 0;  // Volumes still to mount or unmount.
};

enum class AttachState : std::uint8_t { kDetached, kAttaching, kAttached, kDetaching };
enum class MountState : std::uint8_t { kNone, kLooking, kReady, kStaged };
enum class MountStep : std::uint8_t { kNone, kStaging, kPublishing, kUnpublishing, kUnstaging };

// A volume on a node: what the attach/detach controller, the node's status and the kubelet each hold of it.
struct Attachment {
  bool live = false;
  std::array<std::uint32_t, 2> generations{};  // Controller; kubelet.
  VolumeId volume{};
  NodeId node = kNoNode;
  AttachmentId next_of_volume = kNone<AttachmentId>;
  AttachmentId previous_of_volume = kNone<AttachmentId>;
  UseList uses;

  AttachState state = AttachState::kDetached;
  std::uint32_t wanted = 0;    // Pods on the node that need it, as the controller sees it.
  bool visible = false;        // In node.status.volumesAttached.
  bool attach_queued = false;  // For the controller's next loop.
  bool detach_queued = false;  //
  bool report_queued = false;  //
  bool conflict_told = false;  // Multi-Attach was reported.
  Time detach_requested = kNever;
  Duration back_off;
  Time retry_at;

  bool in_use = false;       // In node.status.volumesInUse as last written.
  bool in_use_next = false;  // As the kubelet would write it.

  MountState mount = MountState::kNone;
  MountStep step = MountStep::kNone;  // What is under way, for `step_use`.
  UseId step_use = kNone<UseId>;
  std::uint32_t mount_wanted = 0;  // Uses that want to be mounted.
  std::uint32_t published = 0;
  bool look_scheduled = false;
  bool pass_scheduled = false;
  Time next_look;
  Duration look_back_off;
};

struct StorageNode {
  bool exists = false;
  bool kubelet_up = false;
  bool ready = false;
  bool out_of_service = false;
  bool tick_scheduled = false;
  std::uint32_t generation = 0;  // Of the status tick.
  std::uint32_t life = 0;        // Local data is lost between lives.
  kube::Node object;             // Name and labels.
  Duration status_phase;         // Of the 10 s grid,
  Time first_tick;               // which begins here.
  std::vector<AttachmentId> attachments;
  std::vector<UserId> users;                                   // Assumed, on the node, or in its kubelet's hands.
  std::vector<std::pair<DriverId, std::int64_t>> limits;       // CSINode: volumes per driver.
  std::vector<std::pair<std::uint32_t, DataToken>> host_data;  // By path.
};

}  // namespace berth
