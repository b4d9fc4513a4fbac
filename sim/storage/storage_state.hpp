// All rows of the storage layer, with the links between them. Shared by its parts; keeps structure, decides nothing.
#pragma once

#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "sim/cluster/event.hpp"
#include "sim/cluster/journal.hpp"
#include "sim/engine/engine.hpp"
#include "sim/engine/rng.hpp"
#include "sim/storage/storage_objects.hpp"

namespace berth {

// Event::detail of kStorageEvent; the subject is the row's slot.
enum class StorageStep : std::uint16_t {
  kClaimResync,     // No subject.
  kProvisioned,     // Claim.
  kRemoved,         // Volume.
  kPreBindPoll,     // User.
  kPreBindTimeout,  // User.
  kReconcile,       // No subject: a loop of the attach/detach controller.
  kAttached,        // Attachment.
  kDetached,        // Attachment.
  kAttachRetry,     // Attachment: back-off or force-detach time is over.
  kStatusTick,      // Node.
  kLook,            // Attachment: the kubelet looks whether it is attached.
  kPass,            // Attachment: a loop of the kubelet's reconciler.
  kMountStep,       // Attachment: what was under way is done.
  kPodPoll,         // User: the kubelet asks whether all is mounted, or unmounted.
};

struct StorageOptions {
  std::uint64_t seed = 0;
  std::uint32_t replication = 0;
  VolumeTimes times;                         // Where no class says otherwise.
  bool force_detach = true;                  // False: --disable-force-detach-on-timeout.
  Duration bind_timeout = seconds(600);      // Of the scheduler's PreBind.
  Duration max_unmount_wait = seconds(360);  // Before a force detach.
};

struct StorageState {
  StorageState(Engine<Event>& the_engine, Journal& the_journal, const StorageOptions& the_options)
      : engine(the_engine), journal(the_journal), options(the_options) {}

  Engine<Event>& engine;
  Journal& journal;
  StorageOptions options;

  Names class_names, driver_names, paths;
  std::deque<StorageClassRow> classes;
  std::deque<DriverRow> drivers;
  Slots<VolumeId, VolumeRow> volumes;
  Slots<ClaimId, ClaimRow> claims;
  Slots<UserId, User> users;
  Slots<UseId, Use> uses;
  Slots<AttachmentId, Attachment> attachments;
  std::deque<StorageNode> nodes;                             // By NodeId.
  std::unordered_map<std::string, VolumeId> volume_by_name;  // Looked up, never walked.
  std::unordered_map<std::string, ClaimId> claim_by_key;     // The same.
  std::vector<UserId> user_of_ordinal;                       // Grows with pods that have volumes.

  Time now() const { return engine.now(); }
  StorageClassId storage_class(std::string_view name);  // Interns.
  DriverId driver(std::string_view name);               // Interns; kNone for "".

  // Counts anew which values the driver's topology key has on the nodes. O(nodes).
  void count_segments(DriverRow& driver);
  void count_segment(DriverRow& driver, const kube::Node& node, bool there);

  UserId find_user(std::uint32_t ordinal) const {
    return ordinal < user_of_ordinal.size() ? user_of_ordinal[ordinal] : kNone<UserId>;
  }
  StorageNode* find_node(NodeId node) { return index(node) < nodes.size() ? &nodes[index(node)] : nullptr; }
  const StorageNode* find_node(NodeId node) const { return index(node) < nodes.size() ? &nodes[index(node)] : nullptr; }

  // The slot of this name, made if need be; it stays while the claim exists or is referred to. O(1) expected.
  ClaimId refer_to_claim(const std::string& key);
  void drop_claim_if_unused(ClaimId id);
  // The row of a volume on a node, made if need be. O(volumes on the node).
  AttachmentId attachment(VolumeId volume, NodeId node);
  void drop_attachment_if_idle(AttachmentId id);
  void drop_volume_if_unused(VolumeId id);

  bool needs_attach(const VolumeRow& volume) const {
    return volume.driver != kNone<DriverId> && drivers[index(volume.driver)].attach_required;
  }
  const VolumeTimes& times(const VolumeRow& volume) const;

  void push_back(UseList& list, UseId id);
  void erase(UseList& list, UseId id);
  template <class F>
  void each_use(const UseList& list, F f) {  // `f` may erase the use it is given.
    for (UseId id = list.first; id != kNone<UseId>;) {
      const UseId next = uses[id].next;
      f(id);
      id = next;
    }
  }
  template <class F>
  void each_use_of(const User& user, F f) {
    for (UseId id = user.first; id != kNone<UseId>; id = uses[id].next_of_pod) f(id);
  }

  // A draw in seconds, addressed by (stream, how many before): independent of what happens to other volumes.
  Duration draw(const Distribution& seconds, std::uint32_t stream, std::uint32_t& draws) const;
  Duration draw(const Distribution& seconds, VolumeRow& volume) const {
    return draw(seconds, volume.stream, volume.draws);
  }

  template <class Id>
  void schedule(Time at, StorageStep step, Id subject, std::uint32_t generation) {
    engine.schedule(
        at, kPhaseChange,
        {static_cast<std::uint32_t>(subject), generation, EventKind::kStorageEvent, static_cast<std::uint16_t>(step)});
  }
  void record(RecordKind kind, std::uint32_t value, NodeId node);
  void record_waiting(const Use& use, VolumeWait why);
};

}  // namespace berth
