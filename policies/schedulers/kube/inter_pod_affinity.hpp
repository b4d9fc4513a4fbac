// The rules of InterPodAffinity that do not depend on how pods are counted. Shared by the naive plugin and by the fast
// pass, which count in different ways.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "policies/schedulers/kube/cluster_state.hpp"

namespace berth::kube {

// A namespaceSelector other than {} becomes the names it matches now: whoever is compared needs no labels then.
std::vector<AffinityTerm> with_namespaces(std::vector<AffinityTerm> terms, const ClusterState& cluster);
// True if there are terms and all of them match.
bool matches_all(const std::vector<AffinityTerm>& terms, const Pod& pod);
// To 0..100 between the least and the greatest; all 0 if these are the same.
void normalize_inter_pod_affinity(std::span<std::int64_t> scores);

}  // namespace berth::kube
