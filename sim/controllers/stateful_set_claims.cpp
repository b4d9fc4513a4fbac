#include "sim/controllers/stateful_set_claims.hpp"

namespace berth::controllers {

StatefulSetClaims::StatefulSetClaims(Store& store, const StatefulSet& set) : store_(store), set_(set) {
  if (set.spec.claim_templates == 0) return;
  for (const ObjectId id : store.owned<PersistentVolumeClaim>({ObjectKind::kStatefulSet, set.meta.id})) {
    const PersistentVolumeClaim& c = store.get<PersistentVolumeClaim>(id);
    claims_[key(c.spec.claim_template, c.spec.ordinal)] = id;
  }
}

const PersistentVolumeClaim* StatefulSetClaims::claim(std::uint16_t claim_template, std::int32_t ordinal) const {
  const auto it = claims_.find(key(claim_template, ordinal));
  return it == claims_.end() ? nullptr : store_.find<PersistentVolumeClaim>(it->second);
}

void StatefulSetClaims::create_missing(std::int32_t ordinal) {
  for (std::uint16_t t = 0; t < set_.spec.claim_templates; ++t) {
    if (claim(t, ordinal) != nullptr) continue;
    PersistentVolumeClaim created;
    created.meta.owner = {ObjectKind::kStatefulSet, set_.meta.id};
    created.spec = {t, ordinal};
    claims_[key(t, ordinal)] = store_.create(created);
  }
}

bool StatefulSetClaims::stale(std::int32_t ordinal) const {
  if (!set_.spec.delete_claims_when_scaled) return false;
  for (std::uint16_t t = 0; t < set_.spec.claim_templates; ++t) {
    const PersistentVolumeClaim* c = claim(t, ordinal);
    if (c != nullptr && c->annotations.owned_by_pod != 0) return true;
  }
  return false;
}

void StatefulSetClaims::apply_policy(std::int32_t ordinal, std::uint64_t uid) {
  const bool scaled_down = ordinal < set_.spec.start_ordinal || ordinal >= set_.spec.start_ordinal + set_.spec.replicas;
  const bool by_pod = set_.spec.delete_claims_when_scaled && scaled_down;
  const bool by_set = set_.spec.delete_claims_when_deleted && !by_pod;
  for (std::uint16_t t = 0; t < set_.spec.claim_templates; ++t) {
    const PersistentVolumeClaim* found = claim(t, ordinal);
    if (found == nullptr) continue;
    PersistentVolumeClaim c = *found;
    if (c.annotations.owned_by_pod != 0 && c.annotations.owned_by_pod != uid) continue;  // Another pod's: it will go.
    c.annotations.owned_by_set = by_set;
    c.annotations.owned_by_pod = by_pod ? uid : 0;
    BERTH_CHECK(store_.update(c));
  }
}

}  // namespace berth::controllers
