// A recount of everything that the storage layer keeps by increments.
#include <algorithm>
#include <map>

#include "sim/storage/storage.hpp"

namespace berth {
namespace {

struct ClaimCounts {
  std::uint32_t references = 0;
  std::uint32_t scheduled = 0;
  std::uint32_t active = 0;
};
struct AttachmentCounts {
  std::uint32_t wanted = 0;
  std::uint32_t mount_wanted = 0;
  std::uint32_t published = 0;
  std::uint32_t linked = 0;
};

template <class Id>
std::string place(const char* what, Id id, const char* wrong) {
  return std::string(what) + " " + std::to_string(static_cast<std::uint32_t>(id)) + ": " + wrong;
}

// Slots of a list by following its links; empty result and `broken` if the links back do not agree.
std::vector<UseId> uses_of(const StorageState& state, const UseList& list, bool& broken) {
  std::vector<UseId> out;
  UseId before = kNone<UseId>;
  for (UseId u = list.first; u != kNone<UseId>; u = state.uses[u].next) {
    if (state.uses[u].previous != before || out.size() > state.uses.size()) {
      broken = true;
      return out;
    }
    out.push_back(u);
    before = u;
  }
  broken = broken || list.last != before;
  return out;
}

}  // namespace

std::string Storage::verify() const {
  const StorageState& s = state_;
  std::map<ClaimId, ClaimCounts> claim_counts;
  std::map<AttachmentId, AttachmentCounts> attachment_counts;

  for (std::uint32_t i = 0; i < s.users.size(); ++i) {
    const UserId id{i};
    const User& user = s.users[id];
    if (!user.live) continue;
    if (s.find_user(user.ordinal) != id) return place("pod", id, "ordinal leads elsewhere");
    if (!user.object && !user.mounting && !user.unmounting) return place("pod", id, "gone, and still there");
    if ((user.assumed || user.bound) != (user.node != kNoNode)) return place("pod", id, "node without being on it");
    if (user.node != kNoNode) {
      const auto& all = s.nodes[index(user.node)].users;
      if (std::count(all.begin(), all.end(), id) != 1) return place("pod", id, "not in its node's list");
    }
    if (user.active != (user.object && !user.finished && (user.assumed || user.bound)))
      return place("pod", id, "active wrongly");
    for (UseId u = user.first; u != kNone<UseId>; u = s.uses[u].next_of_pod) {
      const Use& use = s.uses[u];
      if (!use.live || use.user != id) return place("use", u, "not of the pod that lists it");
      if (use.kind != UseKind::kClaim) continue;
      ClaimCounts& counts = claim_counts[use.claim];
      ++counts.references;
      counts.scheduled += user.bound && user.object ? 1 : 0;
      counts.active += user.active ? 1 : 0;
      if (use.wanted && (user.stopped || use.attachment == kNone<AttachmentId>))
        return place("use", u, "wanted wrongly");
      if (use.attachment == kNone<AttachmentId>) {
        const bool bound =
            user.bound && !user.stopped && usable(use) && s.claims[use.claim].phase == ClaimPhase::kBound;
        if (use.mount_wanted || use.published || bound) return place("use", u, "not linked to the node's volume");
        continue;
      }
      AttachmentCounts& there = attachment_counts[use.attachment];
      ++there.linked;
      there.wanted += use.wanted ? 1 : 0;
      there.mount_wanted += use.mount_wanted ? 1 : 0;
      there.published += use.published ? 1 : 0;
      if (s.attachments[use.attachment].node != user.node) return place("use", u, "volume on another node");
    }
  }

  std::size_t names = 0;
  for (std::uint32_t i = 0; i < s.claims.size(); ++i) {
    const ClaimId id{i};
    const ClaimRow& claim = s.claims[id];
    if (!claim.live) continue;
    ++names;
    const auto it = s.claim_by_key.find(claim.key);
    if (it == s.claim_by_key.end() || it->second != id) return place("claim", id, "name leads elsewhere");
    ClaimCounts counts = claim_counts[id];
    counts.references += claim.reserved != kNone<VolumeId> ? 1 : 0;
    if (claim.references != counts.references) return place("claim", id, "references");
    if (claim.scheduled != counts.scheduled || claim.active != counts.active) return place("claim", id, "pods");
    if (!claim.exists && claim.references == 0) return place("claim", id, "slot kept for nobody");
    if (claim.object.deleting && claim.exists && claim.scheduled == 0) return place("claim", id, "should be gone");
    if ((claim.modes & kReadWriteOncePod) != 0 && claim.exists && claim.active > 1)
      return place("claim", id, "ReadWriteOncePod, and used by several pods");
    if (claim.reserved != kNone<VolumeId> && s.volumes[claim.reserved].reserved_for != id)
      return place("claim", id, "reservation is one-sided");
    if (!claim.exists) continue;
    const bool bound = claim.phase == ClaimPhase::kBound;
    if (bound != (claim.volume != kNone<VolumeId>)) return place("claim", id, "phase and volume disagree");
    if (bound && (s.volumes[claim.volume].claim != id || s.volumes[claim.volume].phase != VolumePhase::kBound))
      return place("claim", id, "binding is one-sided");
    bool broken = false;
    for (const UseId u : uses_of(s, claim.uses, broken)) {
      if (s.uses[u].claim != id || s.uses[u].attachment != kNone<AttachmentId>) broken = true;
    }
    if (broken) return place("claim", id, "list of uses");
  }
  if (names != s.claim_by_key.size()) return "claims: names without a row";

  std::size_t available = 0;
  for (std::uint32_t i = 0; i < s.volumes.size(); ++i) {
    const VolumeId id{i};
    const VolumeRow& volume = s.volumes[id];
    if (!volume.live) continue;
    const bool bound = volume.phase == VolumePhase::kBound;
    if (bound != (volume.claim != kNone<ClaimId>)) return place("volume", id, "phase and claim disagree");
    if (bound && s.claims[volume.claim].volume != id) return place("volume", id, "binding is one-sided");
    if (volume.reserved_for != kNone<ClaimId> && s.claims[volume.reserved_for].reserved != id)
      return place("volume", id, "reservation is one-sided");
    const bool free = volume.exists && volume.phase == VolumePhase::kAvailable && volume.reserved_for == kNone<ClaimId>;
    const auto& list = s.classes[index(volume.storage_class)].free;
    if (std::count(list.begin(), list.end(), id) != (free && !volume.object.claim_ref ? 1 : 0))
      return place("volume", id, "list of free volumes");
    available += free && !volume.object.claim_ref ? 1 : 0;
    std::uint32_t holders = 0;
    std::uint32_t rows = 0;
    for (AttachmentId a = volume.first; a != kNone<AttachmentId>; a = s.attachments[a].next_of_volume) {
      if (s.attachments[a].volume != id || ++rows > s.attachments.size()) return place("volume", id, "list of nodes");
      holders += s.attachments[a].state != AttachState::kDetached ? 1 : 0;
    }
    if (holders != volume.holders) return place("volume", id, "count of nodes that hold it");
    if (holders > 1 && !volume.many_nodes()) return place("volume", id, "attached to more nodes than its modes allow");
    if (!volume.exists && rows == 0) return place("volume", id, "slot kept for nobody");
  }
  for (const StorageClassRow& row : s.classes) {
    available -= row.free.size();
    for (std::size_t i = 1; i < row.free.size(); ++i) {
      if (s.volumes[row.free[i]].object.capacity < s.volumes[row.free[i - 1]].object.capacity)
        return "class " + row.object.name + ": free volumes are not sorted";
    }
  }
  if (available != 0) return "classes: free volumes that are not there";

  for (std::uint32_t i = 0; i < s.attachments.size(); ++i) {
    const AttachmentId id{i};
    const Attachment& row = s.attachments[id];
    if (!row.live) continue;
    const auto& list = s.nodes[index(row.node)].attachments;
    if (std::count(list.begin(), list.end(), id) != 1) return place("attachment", id, "not in its node's list");
    const AttachmentCounts& counts = attachment_counts[id];
    if (row.wanted != counts.wanted || row.mount_wanted != counts.mount_wanted || row.published != counts.published)
      return place("attachment", id, "counts of pods");
    bool broken = false;
    if (uses_of(s, row.uses, broken).size() != counts.linked || broken) return place("attachment", id, "list of uses");
    if (row.published > 0 && row.mount != MountState::kStaged) return place("attachment", id, "published, not staged");
    if (row.visible && row.state != AttachState::kAttached) return place("attachment", id, "visible, not attached");
  }
  for (std::size_t n = 0; n < s.nodes.size(); ++n) {
    for (const auto& [driver, limit] : s.nodes[n].limits) {
      if (controller_.held(NodeId{static_cast<std::uint32_t>(n)}, driver, kNone<AttachmentId>) > limit)
        return "node " + s.nodes[n].object.name + ": more volumes attached than its driver allows";
    }
  }
  return "";
}

}  // namespace berth
