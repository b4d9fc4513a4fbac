// The PersistentVolumeClaims of a StatefulSet's pods: made with the pod, kept or deleted as
// persistentVolumeClaimRetentionPolicy says. Private to the StatefulSet controller.
// Source: pkg/controller/statefulset/stateful_pod_control.go, stateful_set_utils.go.
#pragma once

#include <cstdint>
#include <unordered_map>

#include "sim/controllers/store.hpp"

namespace berth::controllers {

class StatefulSetClaims {
 public:
  // Lists the set's claims. O(claims), nothing for a set without claim templates.
  StatefulSetClaims(Store& store, const StatefulSet& set);

  // Makes the claims of `ordinal` that are not there.
  void create_missing(std::int32_t ordinal);
  // Whether a claim of `ordinal` still belongs to a pod that is gone, so that no new pod may use it.
  bool stale(std::int32_t ordinal) const;
  // Gives the claims of a pod the owners that the policy wants. `uid`: 0 for a pod that is not there yet.
  void apply_policy(std::int32_t ordinal, std::uint64_t uid);

 private:
  const PersistentVolumeClaim* claim(std::uint16_t claim_template, std::int32_t ordinal) const;
  static std::uint64_t key(std::uint16_t claim_template, std::int32_t ordinal) {
    return std::uint64_t{claim_template} << 32 | static_cast<std::uint32_t>(ordinal);
  }

  Store& store_;
  const StatefulSet& set_;
  std::unordered_map<std::uint64_t, ObjectId> claims_;  // Looked up, never walked.
};

}  // namespace berth::controllers
