// Whose a run's pods are, as folds ask it (results/pod_owners.hpp): from the control plane's owner references, the
// replicas of the manifests and the targets of their HorizontalPodAutoscalers.
#pragma once

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "results/pod_owners.hpp"
#include "sim/control_plane.hpp"
#include "workloads/manifest/manifest.hpp"

namespace berth {

class RunPodOwners final : public PodOwners {
 public:
  // Both must outlive this. O(objects).
  RunPodOwners(const manifest::Manifests& manifests, const ControlPlane& control_plane);

  const std::vector<Replicated>& replicated() const override { return replicated_; }
  PodOwner owner(std::uint32_t row) const override;
  std::uint32_t scaled(std::uint16_t number) const override {
    return number < targets_.size() ? targets_[number] : kNone;
  }

 private:
  using Key = std::pair<controllers::ObjectKind, std::string>;

  const ControlPlane& control_plane_;
  std::vector<Replicated> replicated_;
  std::map<Key, std::uint32_t> numbers_;  // Of replicated_, by kind and "namespace/name".
  std::vector<std::uint32_t> targets_;    // By number of the HorizontalPodAutoscaler.
};

}  // namespace berth
