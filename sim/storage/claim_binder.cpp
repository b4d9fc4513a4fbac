#include "sim/storage/claim_binder.hpp"

#include <algorithm>

#include "sim/storage/claim_matching.hpp"
#include "sim/storage/loop_grid.hpp"

namespace berth {
namespace {

constexpr Duration kResyncPeriod = seconds(15);
constexpr Duration kFirstProvisionRetry = seconds(1);
constexpr Duration kLastProvisionRetry = seconds(300);
// Draws of what is provisioned are addressed by the claim's number: which volume comes first depends on the scheduler.
constexpr std::uint32_t kClaimStream = 0x8000'0000;

// The driver behind a volume type that has been migrated to CSI; empty for those that are mounted without one.
std::string_view migrated_driver(std::string_view type) {
  static constexpr std::pair<std::string_view, std::string_view> kDrivers[] = {
      {"awsElasticBlockStore", "ebs.csi.aws.com"}, {"gcePersistentDisk", "pd.csi.storage.gke.io"},
      {"azureDisk", "disk.csi.azure.com"},         {"cinder", "cinder.csi.openstack.org"},
      {"vsphereVolume", "csi.vsphere.vmware.com"},
  };
  for (const auto& [name, driver] : kDrivers) {
    if (name == type) return driver;
  }
  return {};
}

}  // namespace

void ClaimBinder::add_class(const kube::api::StorageClass& object, const VolumeTimes& times) {
  StorageClassRow& row = state_.classes[index(state_.storage_class(object.scheduling.name))];
  BERTH_CHECK(!row.exists);
  row.object = object.scheduling;
  row.exists = true;
  row.is_default = object.is_default;
  row.retain = object.retain;
  row.times = times;
  row.created = next_class_++;
  want_resync();
}

VolumeId ClaimBinder::add_volume(const kube::api::PersistentVolume& object) {
  const VolumeId id = state_.volumes.acquire();
  BERTH_CHECK(state_.volume_by_name.emplace(object.scheduling.name, id).second);
  VolumeRow& row = state_.volumes[id];
  row.object = object.scheduling;
  row.number = next_volume_++;
  row.stream = row.number;
  row.exists = true;
  row.retain = object.retain;
  row.provisioned = object.meta.annotations.find("pv.kubernetes.io/provisioned-by") != nullptr;
  row.local = object.type == "local";
  row.modes = access_mode_bits(row.object.access_modes);
  row.storage_class = state_.storage_class(row.object.storage_class);
  row.driver = state_.driver(row.object.csi_driver.empty() ? migrated_driver(object.type)
                                                           : std::string_view(row.object.csi_driver));
  if (!row.object.claim_ref) {
    make_available(id);
    return id;
  }
  const kube::ClaimRef& ref = *row.object.claim_ref;
  const ClaimId claim_id = state_.refer_to_claim(ref.namespace_name + "/" + ref.name);
  ClaimRow& claim = state_.claims[claim_id];
  const bool other = claim.exists && !ref.uid.empty() && ref.uid != claim.object.uid;
  // A reference with a UID was written by the controller: its claim is gone. Without one it was written by hand, for a
  // claim that is still to come.
  if (other || (!claim.exists && !ref.uid.empty())) {
    state_.drop_claim_if_unused(claim_id);
    release(id);
    return id;
  }
  row.object.available = true;
  if (claim.reserved == kNone<VolumeId>) {
    claim.reserved = id;
    row.reserved_for = claim_id;
    ++claim.references;
  } else {
    state_.drop_claim_if_unused(claim_id);
  }
  listener_.volume_changed(id);
  if (claim.exists && claim.phase == ClaimPhase::kLost && claim.object.volume_name == row.object.name) {
    claim.phase = ClaimPhase::kPending;
    claim.object.lost = false;
  }
  sync_claim(claim_id);
  return id;
}

ClaimId ClaimBinder::add_claim(const kube::api::PersistentVolumeClaim& object, std::uint32_t owner) {
  const ClaimId id = state_.refer_to_claim(object.scheduling.key());
  ClaimRow& row = state_.claims[id];
  BERTH_CHECK(!row.exists);
  row.object = object.scheduling;
  row.object.bind_completed = row.object.lost = row.object.deleting = false;
  row.number = next_claim_++;
  row.owner = owner;
  row.exists = true;
  row.class_given = object.class_given || !row.object.storage_class.empty();
  row.modes = access_mode_bits(row.object.access_modes);
  row.phase = ClaimPhase::kPending;
  row.volume = kNone<VolumeId>;
  row.back_off = {};
  row.draws = 0;
  row.selected_node = kNoNode;
  row.object.selected_node.clear();
  if (!assign_default_class(row)) row.storage_class = state_.storage_class(row.object.storage_class);
  if (pending_.size() > 2 * waiting_ + 64) drop_bound();
  pending_.push_back({id, row.number});
  ++waiting_;
  if (object.scheduling.bind_completed && !state_.volume_by_name.contains(row.object.volume_name)) {
    row.phase = ClaimPhase::kLost;
    row.object.lost = true;
  }
  listener_.claim_changed(id);
  sync_claim(id);
  return id;
}

bool ClaimBinder::assign_default_class(ClaimRow& claim) {
  if (claim.class_given) return false;
  const StorageClassRow* newest = nullptr;
  for (const StorageClassRow& row : state_.classes) {
    if (row.exists && row.is_default && (newest == nullptr || row.created > newest->created)) newest = &row;
  }
  if (newest == nullptr) return false;
  claim.object.storage_class = newest->object.name;
  claim.storage_class = state_.storage_class(newest->object.name);
  claim.class_given = true;
  return true;
}

void ClaimBinder::sync_claim(ClaimId id) {
  ClaimRow& claim = state_.claims[id];
  if (!claim.exists || claim.phase != ClaimPhase::kPending || claim.provisioning) return;
  if (!claim.object.volume_name.empty()) {
    const auto it = state_.volume_by_name.find(claim.object.volume_name);
    if (it == state_.volume_by_name.end()) return;
    const VolumeRow& volume = state_.volumes[it->second];
    const bool ours = claim.reserved == it->second;
    const bool free = volume.phase == VolumePhase::kAvailable && volume.reserved_for == kNone<ClaimId>;
    if (ours || (free && satisfies(volume, claim))) bind(id, it->second);
    return;
  }
  const VolumeId volume = find_matching_volume(state_, id, nullptr, {});
  if (volume != kNone<VolumeId>) {
    bind(id, volume);
    return;
  }
  if (assign_default_class(claim)) {
    listener_.claim_changed(id);
    sync_claim(id);
    return;
  }
  const StorageClassRow& storage_class = state_.classes[index(claim.storage_class)];
  if (!can_provision(storage_class)) return;
  if (storage_class.object.wait_for_first_consumer && claim.selected_node == kNoNode) return;
  provision(id);
}

void ClaimBinder::bind(ClaimId id, VolumeId volume_id) {
  ClaimRow& claim = state_.claims[id];
  VolumeRow& volume = state_.volumes[volume_id];
  BERTH_CHECK(claim.phase == ClaimPhase::kPending && volume.phase == VolumePhase::kAvailable);
  if (volume.reserved_for == kNone<ClaimId>) {
    take_from_free(volume_id);
  } else {
    BERTH_CHECK(volume.reserved_for == id);
    volume.reserved_for = kNone<ClaimId>;
    claim.reserved = kNone<VolumeId>;
    --claim.references;
  }
  --waiting_;
  claim.phase = ClaimPhase::kBound;
  claim.volume = volume_id;
  claim.object.volume_name = volume.object.name;
  claim.object.bind_completed = true;
  volume.phase = VolumePhase::kBound;
  volume.claim = id;
  volume.object.claim_ref = kube::ClaimRef{claim.object.namespace_name, claim.object.name, claim.object.uid};
  volume.object.available = false;
  state_.record(RecordKind::kClaimBound, claim.number, kNoNode);
  listener_.volume_changed(volume_id);
  listener_.claim_changed(id);
  listener_.claim_bound(id);
}

void ClaimBinder::select_node(ClaimId id, NodeId node) {
  ClaimRow& claim = state_.claims[id];
  claim.selected_node = node;
  claim.object.selected_node = state_.nodes[index(node)].object.name;
  listener_.claim_changed(id);
  sync_claim(id);
}

void ClaimBinder::forget_node(NodeId node) {
  for (const Pending& pending : pending_) {
    ClaimRow& claim = state_.claims[pending.id];
    if (!waits(pending) || claim.selected_node != node) continue;
    claim.selected_node = kNoNode;
    claim.object.selected_node.clear();
    if (claim.provisioning) {
      claim.provisioning = false;
      ++claim.generations[0];
    }
    listener_.claim_changed(pending.id);
  }
}

void ClaimBinder::provision(ClaimId id) {
  ClaimRow& claim = state_.claims[id];
  claim.provisioning = true;
  const Distribution& time = state_.classes[index(claim.storage_class)].times.provision;
  const Time done = state_.now() + state_.draw(time, claim.number | kClaimStream, claim.draws);
  state_.schedule(done, StorageStep::kProvisioned, id, claim.generations[0]);
}

void ClaimBinder::handle_provisioned(ClaimId id) {
  ClaimRow& claim = state_.claims[id];
  if (!claim.provisioning) {  // The back-off after a failure is over.
    sync_claim(id);
    return;
  }
  claim.provisioning = false;
  const StorageClassRow& storage_class = state_.classes[index(claim.storage_class)];
  if (state_.drivers[index(state_.driver(storage_class.object.provisioner))].failing) {
    claim.back_off = claim.back_off.ns == 0 ? kFirstProvisionRetry : std::min(claim.back_off * 2, kLastProvisionRetry);
    state_.schedule(state_.now() + claim.back_off, StorageStep::kProvisioned, id, claim.generations[0]);
    return;
  }
  make_volume(id);
}

void ClaimBinder::make_volume(ClaimId id) {
  ClaimRow& claim = state_.claims[id];
  const StorageClassRow& storage_class = state_.classes[index(claim.storage_class)];
  const VolumeId volume_id = state_.volumes.acquire();
  VolumeRow& row = state_.volumes[volume_id];
  row.driver = state_.driver(storage_class.object.provisioner);
  row.number = next_volume_++;
  row.exists = true;
  row.retain = storage_class.retain;
  row.provisioned = true;
  row.modes = claim.modes;
  row.storage_class = claim.storage_class;
  row.stream = claim.number | kClaimStream;
  row.draws = claim.draws;
  kube::PersistentVolume& object = row.object;
  // Upstream the name ends in the claim's UID; the claim's number is as unique.
  object.name = "pvc-" + claim.object.namespace_name + "-" + claim.object.name + "-" + std::to_string(claim.number);
  object.capacity = claim.object.request.value_or(kube::Quantity{});
  object.access_modes = claim.object.access_modes;
  object.storage_class = claim.object.storage_class;
  object.volume_mode = claim.object.volume_mode;
  object.csi_driver = storage_class.object.provisioner;
  object.csi_handle = object.name;
  const kube::Node* node = claim.selected_node == kNoNode ? nullptr : &state_.nodes[index(claim.selected_node)].object;
  object.node_affinity =
      provisioned_affinity(storage_class.object, state_.drivers[index(row.driver)], node, claim.number);
  object.has_node_affinity = !object.node_affinity.empty();
  BERTH_CHECK(state_.volume_by_name.emplace(object.name, volume_id).second);
  state_.record(RecordKind::kVolumeProvisioned, row.number, kNoNode);
  // The provisioner writes the claimRef itself, so nobody else can take the volume. A volume that was reserved for the
  // claim by hand while this one was made stays reserved.
  const VolumeId other = claim.reserved;
  row.reserved_for = id;
  claim.reserved = volume_id;
  ++claim.references;
  bind(id, volume_id);
  claim.reserved = other;
}

void ClaimBinder::delete_claim(ClaimId id) {
  ClaimRow& claim = state_.claims[id];
  if (!claim.exists || claim.object.deleting) return;
  claim.object.deleting = true;
  listener_.claim_changed(id);
  finalize_if_unused(id);
}

void ClaimBinder::finalize_if_unused(ClaimId id) {
  ClaimRow& claim = state_.claims[id];
  if (!claim.exists || !claim.object.deleting || claim.scheduled > 0) return;
  if (claim.phase != ClaimPhase::kBound) --waiting_;
  claim.exists = false;
  claim.provisioning = false;  // A volume under way is removed as soon as it is made; here it is not made.
  ++claim.generations[0];
  const VolumeId volume = claim.volume;
  claim.volume = kNone<VolumeId>;
  claim.phase = ClaimPhase::kPending;
  listener_.claim_gone(id);
  if (volume != kNone<VolumeId>) release(volume);
  state_.drop_claim_if_unused(id);
}

void ClaimBinder::release(VolumeId id) {
  VolumeRow& volume = state_.volumes[id];
  volume.claim = kNone<ClaimId>;
  volume.phase = VolumePhase::kReleased;
  volume.object.available = false;
  listener_.volume_changed(id);
  reclaim(id);
}

void ClaimBinder::reclaim(VolumeId id) {
  VolumeRow& volume = state_.volumes[id];
  if (volume.retain) {
    if (volume.object.deleting) remove_object(id);
    return;
  }
  if (!volume.provisioned) {  // Nobody can delete it: "error getting deleter volume plugin".
    volume.phase = VolumePhase::kFailed;
    listener_.volume_changed(id);
    return;
  }
  volume.removing = true;
  if (volume.holders == 0) volume_detached(id);
}

void ClaimBinder::volume_detached(VolumeId id) {
  VolumeRow& volume = state_.volumes[id];
  if (!volume.removing) return;
  volume.removing = false;
  const Time done = state_.now() + state_.draw(state_.times(volume).remove, volume);
  state_.schedule(done, StorageStep::kRemoved, id, volume.generations[0]);
}

void ClaimBinder::handle_removed(VolumeId id) {
  state_.volumes[id].data = 0;
  remove_object(id);
}

void ClaimBinder::remove_object(VolumeId id) {
  VolumeRow& volume = state_.volumes[id];
  if (volume.reserved_for != kNone<ClaimId>) {
    const ClaimId claim = volume.reserved_for;
    state_.claims[claim].reserved = kNone<VolumeId>;
    --state_.claims[claim].references;
    volume.reserved_for = kNone<ClaimId>;
    state_.drop_claim_if_unused(claim);
  } else if (volume.phase == VolumePhase::kAvailable) {
    take_from_free(id);
  }
  ++volume.generations[0];
  volume.exists = false;
  volume.object.deleting = true;
  state_.volume_by_name.erase(volume.object.name);
  listener_.volume_changed(id);
  state_.drop_volume_if_unused(id);
}

void ClaimBinder::delete_volume(VolumeId id) {
  VolumeRow& volume = state_.volumes[id];
  if (!volume.exists || volume.object.deleting) return;
  volume.object.deleting = true;
  if (volume.phase == VolumePhase::kBound) {
    listener_.volume_changed(id);
  } else {
    remove_object(id);
  }
}

void ClaimBinder::clear_claim_ref(VolumeId id) {
  VolumeRow& volume = state_.volumes[id];
  if (volume.phase != VolumePhase::kReleased && volume.phase != VolumePhase::kFailed) return;
  volume.object.claim_ref.reset();
  volume.removing = false;
  ++volume.generations[0];
  make_available(id);
}

void ClaimBinder::make_available(VolumeId id) {
  VolumeRow& volume = state_.volumes[id];
  volume.phase = VolumePhase::kAvailable;
  volume.object.available = true;
  std::vector<VolumeId>& free = state_.classes[index(volume.storage_class)].free;
  const auto place = std::upper_bound(free.begin(), free.end(), id, [this](VolumeId a, VolumeId b) {
    const VolumeRow& left = state_.volumes[a];
    const VolumeRow& right = state_.volumes[b];
    if (left.object.capacity == right.object.capacity) return left.number < right.number;
    return left.object.capacity < right.object.capacity;
  });
  free.insert(place, id);
  listener_.volume_changed(id);
  want_resync();
}

void ClaimBinder::take_from_free(VolumeId id) {
  std::vector<VolumeId>& free = state_.classes[index(state_.volumes[id].storage_class)].free;
  const auto it = std::find(free.begin(), free.end(), id);
  BERTH_CHECK(it != free.end());
  free.erase(it);
}

void ClaimBinder::want_resync() {
  if (resync_scheduled_ || pending_.empty()) return;
  resync_scheduled_ = true;
  state_.schedule(next_on_grid(state_.now(), kResyncPeriod), StorageStep::kClaimResync, ClaimId{}, 0);
}

bool ClaimBinder::waits(const Pending& pending) const {
  const ClaimRow& claim = state_.claims[pending.id];
  return claim.exists && claim.number == pending.number && claim.phase != ClaimPhase::kBound;
}

void ClaimBinder::drop_bound() {
  std::erase_if(pending_, [this](const Pending& pending) { return !waits(pending); });
}

void ClaimBinder::handle_resync() {
  resync_scheduled_ = false;
  drop_bound();
  const std::vector<Pending> all = pending_;  // Syncs may bring new claims.
  for (const Pending& pending : all) {
    if (waits(pending)) sync_claim(pending.id);
  }
  drop_bound();
}

}  // namespace berth
