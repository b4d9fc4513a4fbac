#include "sim/run_pod_owners.hpp"

namespace berth {

namespace api = kube::api;
using controllers::ObjectKind;

RunPodOwners::RunPodOwners(const manifest::Manifests& manifests, const ControlPlane& control_plane)
    : control_plane_(control_plane) {
  const auto add = [this](ObjectKind kind, const manifest::ManifestObject& from, const api::ObjectMeta& meta,
                          std::int32_t replicas) {
    numbers_[{kind, meta.key()}] = static_cast<std::uint32_t>(replicated_.size());
    replicated_.push_back({from.kind + " " + meta.key(), replicas});
  };
  for (const manifest::ManifestObject& o : manifests.objects) {
    if (const auto* d = std::get_if<api::Deployment>(&o.object)) {
      add(ObjectKind::kDeployment, o, d->meta, d->replicas);
    } else if (const auto* s = std::get_if<api::StatefulSet>(&o.object)) {
      add(ObjectKind::kStatefulSet, o, s->meta, s->replicas);
    } else if (const auto* r = std::get_if<api::ReplicaSet>(&o.object)) {
      const auto& owner = r->meta.controller;  // As ControlPlane::start: its owner makes it anew.
      if (owner && manifests.by_key.contains(owner->kind + " " + r->meta.namespace_name + "/" + owner->name)) continue;
      add(ObjectKind::kReplicaSet, o, r->meta, r->replicas);
    }
  }
  manifests.each<api::HorizontalPodAutoscaler>([&](const api::HorizontalPodAutoscaler& scaler, const auto&) {
    const std::string key = scaler.meta.namespace_name + "/" + scaler.target_name;
    const ObjectKind kind = scaler.target_kind == "Deployment"    ? ObjectKind::kDeployment
                            : scaler.target_kind == "StatefulSet" ? ObjectKind::kStatefulSet
                                                                  : ObjectKind::kReplicaSet;
    const auto at = numbers_.find({kind, key});
    targets_.push_back(at == numbers_.end() ? kNone : at->second);
  });
}

PodOwner RunPodOwners::owner(std::uint32_t row) const {
  const controllers::Owner owner = control_plane_.owner_of(std::uint64_t{row} + 1);
  if (owner.kind == ObjectKind::kJob) return {PodOwner::Kind::kJob, owner.id};
  if (owner.kind == ObjectKind::kNone) return {};
  const auto at = numbers_.find({owner.kind, control_plane_.name_of(owner.kind, owner.id)});
  return at == numbers_.end() ? PodOwner{} : PodOwner{PodOwner::Kind::kReplicated, at->second};
}

}  // namespace berth
