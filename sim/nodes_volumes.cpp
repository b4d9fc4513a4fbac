// Claims and volumes: what the storage does, told to the scheduler.
#include <algorithm>
#include <utility>

#include "sim/nodes.hpp"
#include "workloads/manifest/admission.hpp"

namespace berth {

namespace api = kube::api;

namespace {

// Claims, and ephemeral volumes, which make claims. emptyDir, hostPath and the like are the node's own.
bool has_claims(const api::Pod& pod) {
  return std::any_of(pod.spec.volumes.begin(), pod.spec.volumes.end(), [](const api::VolumeSpec& v) {
    return v.type == "persistentVolumeClaim" || v.type == "ephemeral";
  });
}

}  // namespace

void Nodes::add_objects(const manifest::Manifests& manifests) {
  manifests.each<api::StorageClass>([&](const api::StorageClass& c, const auto&) { storage_.add_class(c); });
  const manifest::Admission admission(manifests);
  manifests.each<api::PersistentVolumeClaim>([&](api::PersistentVolumeClaim claim, const auto&) {
    (void)admission.admit(claim);  // The default class, as in scheduling_objects().
    storage_.add_claim(claim);
  });
  manifests.each<api::PersistentVolume>([&](const api::PersistentVolume& v, const auto&) { storage_.add_volume(v); });
  // The scheduler has these already, as the manifests say (Cluster::set_objects); only what changes is news.
  for (const ClaimId id : changed_claims_) {
    if (index(id) >= told_claims_.size()) told_claims_.resize(index(id) + 1);
    told_claims_[index(id)].key = storage_.claim(id).key;
    if (storage_.claim(id).object.bind_completed)
      told_claims_[index(id)].volume = storage_.claim(id).object.volume_name;
  }
  for (const VolumeId id : changed_volumes_) {
    if (index(id) >= told_volumes_.size()) told_volumes_.resize(index(id) + 1);
    told_volumes_[index(id)] = storage_.volume(id).object.name;
  }
}

bool Nodes::pre_bind(PodId pod) {
  const PodTemplate& t = cluster_.pod_template(pod);
  if (t.pod == nullptr || !has_claims(*t.pod)) return true;
  const std::uint32_t ordinal = cluster_.pods().ordinal[index(pod)];
  Row& r = row(pod);
  if (!r.registered) {
    storage_.register_pod(ordinal, cluster_.pods().pod_template[index(pod)], *t.pod);
    r.registered = true;
  }
  switch (storage_.pod_assumed(ordinal, cluster_.pods().node[index(pod)])) {
    case PreBind::kDone:
      return true;
    case PreBind::kWaiting:
      prebinding_[ordinal] = pod;
      return false;
    case PreBind::kFailed:
      // Back to the queue, after a back-off: a scheduler that knows nothing of volumes would choose the same node
      // again.
      prebinding_[ordinal] = pod;
      engine_.schedule(engine_.now() + seconds(1), kPhaseChange,
                       {ordinal, 0, EventKind::kControllersDue, kPreBindFailed});
      return false;
  }
  return true;
}

// ---- the storage's side: called in the middle of a change, so only noted -------------------------------------------

void Nodes::prebind_done(std::uint32_t pod, bool bound) {
  prebound_.emplace_back(pod, bound);
}
void Nodes::claim_changed(ClaimId claim) {
  changed_claims_.push_back(claim);
}
void Nodes::volume_changed(VolumeId volume) {
  changed_volumes_.push_back(volume);
}

// Brings the scheduler's picture of claims and volumes up to date: volumes first, since claims name them.
void Nodes::tell_claims() {
  if (changed_claims_.empty() && changed_volumes_.empty()) return;
  changed_ = true;
  for (const VolumeId id : std::exchange(changed_volumes_, {})) {
    if (index(id) >= told_volumes_.size()) told_volumes_.resize(index(id) + 1);
    std::string& told = told_volumes_[index(id)];
    const VolumeRow& volume = storage_.volume(id);
    const bool there = volume.live && volume.exists;
    if (!told.empty() && (!there || told != volume.object.name)) {
      cluster_.volume_removed(told);
      told.clear();
    }
    if (there && told.empty()) {
      told = volume.object.name;
      cluster_.volume_added(volume.object);
    }
  }
  for (const ClaimId id : std::exchange(changed_claims_, {})) {
    if (index(id) >= told_claims_.size()) told_claims_.resize(index(id) + 1);
    ToldClaim& told = told_claims_[index(id)];
    const ClaimRow& claim = storage_.claim(id);
    const bool there = claim.live && claim.exists;
    if (!told.key.empty() && (!there || told.key != claim.key)) {
      cluster_.claim_removed(told.key);
      told = {};
    }
    if (!there) continue;
    if (told.key.empty()) {
      told.key = claim.key;
      cluster_.claim_added(claim.object);
    }
    if (claim.object.bind_completed && told.volume != claim.object.volume_name) {
      told.volume = claim.object.volume_name;
      cluster_.claim_bound(told.key, told.volume);
    }
  }
}

}  // namespace berth
