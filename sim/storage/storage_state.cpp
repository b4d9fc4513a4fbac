#include "sim/storage/storage_state.hpp"

#include <algorithm>

namespace berth {

std::uint8_t access_mode_bits(const std::vector<std::string>& modes) {
  static constexpr std::pair<std::string_view, std::uint8_t> kBits[] = {{"ReadWriteOnce", kReadWriteOnce},
                                                                        {"ReadOnlyMany", kReadOnlyMany},
                                                                        {"ReadWriteMany", kReadWriteMany},
                                                                        {"ReadWriteOncePod", kReadWriteOncePod}};
  std::uint8_t bits = 0;
  for (const std::string& mode : modes) {
    for (const auto& [name, bit] : kBits) {
      if (mode == name) bits = static_cast<std::uint8_t>(bits | bit);
    }
  }
  return bits;
}

StorageClassId StorageState::storage_class(std::string_view name) {
  const std::uint32_t id = class_names.intern(name);
  if (id == classes.size()) {
    classes.emplace_back();
    classes.back().object.name = name;
    classes.back().times = options.times;
  }
  return StorageClassId{id};
}

DriverId StorageState::driver(std::string_view name) {
  if (name.empty()) return kNone<DriverId>;
  const std::uint32_t id = driver_names.intern(name);
  if (id == drivers.size()) {
    drivers.emplace_back();
    count_segments(drivers.back());
  }
  return DriverId{id};
}

void StorageState::count_segments(DriverRow& row) {
  row.segments.clear();
  for (const StorageNode& node : nodes) {
    if (node.exists) count_segment(row, node.object, true);
  }
}

void StorageState::count_segment(DriverRow& row, const kube::Node& node, bool there) {
  if (row.topology_key.empty()) return;
  const std::string* value = node.labels.find(row.topology_key);
  if (value == nullptr) return;
  const auto it =
      std::find_if(row.segments.begin(), row.segments.end(), [value](const auto& s) { return s.first == *value; });
  if (it == row.segments.end()) {
    row.segments.emplace_back(*value, there ? 1 : 0);
  } else {
    it->second += there ? 1 : -1;
  }
}

ClaimId StorageState::refer_to_claim(const std::string& key) {
  const auto [it, made] = claim_by_key.try_emplace(key);
  if (made) {
    it->second = claims.acquire();
    claims[it->second].key = key;
  }
  return it->second;
}

void StorageState::drop_claim_if_unused(ClaimId id) {
  const ClaimRow& claim = claims[id];
  if (!claim.live || claim.exists || claim.references > 0) return;
  claim_by_key.erase(claim.key);
  claims.release(id);
}

AttachmentId StorageState::attachment(VolumeId volume, NodeId node) {
  StorageNode& at = nodes[index(node)];
  for (const AttachmentId id : at.attachments) {
    if (attachments[id].volume == volume) return id;
  }
  const AttachmentId id = attachments.acquire();
  Attachment& row = attachments[id];
  row.volume = volume;
  row.node = node;
  at.attachments.push_back(id);
  VolumeRow& v = volumes[volume];
  row.previous_of_volume = v.last;
  (v.last == kNone<AttachmentId> ? v.first : attachments[v.last].next_of_volume) = id;
  v.last = id;
  return id;
}

void StorageState::drop_attachment_if_idle(AttachmentId id) {
  const Attachment& row = attachments[id];
  StorageNode& at = nodes[index(row.node)];
  if (!row.live || row.uses.first != kNone<UseId> || row.wanted > 0 || row.state != AttachState::kDetached) return;
  if (row.mount != MountState::kNone || row.step != MountStep::kNone || (row.in_use && at.exists)) return;
  if (row.attach_queued || row.detach_queued || row.report_queued) return;
  at.attachments.erase(std::find(at.attachments.begin(), at.attachments.end(), id));
  VolumeRow& v = volumes[row.volume];
  (row.previous_of_volume == kNone<AttachmentId> ? v.first : attachments[row.previous_of_volume].next_of_volume) =
      row.next_of_volume;
  (row.next_of_volume == kNone<AttachmentId> ? v.last : attachments[row.next_of_volume].previous_of_volume) =
      row.previous_of_volume;
  const VolumeId volume = row.volume;
  attachments.release(id);
  drop_volume_if_unused(volume);
}

void StorageState::drop_volume_if_unused(VolumeId id) {
  if (volumes[id].exists || volumes[id].first != kNone<AttachmentId>) return;
  volumes.release(id);
}

const VolumeTimes& StorageState::times(const VolumeRow& volume) const {
  return classes[index(volume.storage_class)].times;
}

void StorageState::push_back(UseList& list, UseId id) {
  Use& use = uses[id];
  use.previous = list.last;
  use.next = kNone<UseId>;
  (list.last == kNone<UseId> ? list.first : uses[list.last].next) = id;
  list.last = id;
}

void StorageState::erase(UseList& list, UseId id) {
  Use& use = uses[id];
  (use.previous == kNone<UseId> ? list.first : uses[use.previous].next) = use.next;
  (use.next == kNone<UseId> ? list.last : uses[use.next].previous) = use.previous;
  use.next = use.previous = kNone<UseId>;
}

Duration StorageState::draw(const Distribution& distribution, std::uint32_t stream, std::uint32_t& draws) const {
  if (distribution.kind() == Distribution::Kind::kConstant) return from_seconds(distribution.mean());
  constexpr std::uint32_t kBlocksPerDraw = 64;  // More than any distribution takes but with vanishing probability.
  Rng rng(options.seed, options.replication, stream, Purpose::kVolumes);
  rng.seek(draws++ * kBlocksPerDraw);
  return from_seconds(distribution.sample(rng));
}

void StorageState::record(RecordKind kind, std::uint32_t value, NodeId node) {
  Record record;
  record.at = now();
  record.node = node;
  record.value = value;
  record.kind = kind;
  journal.append(record);
}

void StorageState::record_waiting(const Use& use, VolumeWait why) {
  const User& user = users[use.user];
  Record record;
  record.at = now();
  record.pod = user.ordinal;
  record.node = user.node;
  record.value = use.number;
  record.pod_template = user.pod_template;
  record.kind = RecordKind::kVolumeWaiting;
  record.reason = static_cast<std::uint8_t>(why);
  journal.append(record);
}

}  // namespace berth
