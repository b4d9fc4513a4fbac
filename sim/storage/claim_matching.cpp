#include "sim/storage/claim_matching.hpp"

#include <algorithm>
#include <bit>

namespace berth {
namespace {

bool fits(const VolumeRow& volume, const ClaimRow& claim) {
  return !(volume.object.capacity < claim.object.request.value_or(kube::Quantity{})) &&
         volume.object.volume_mode == claim.object.volume_mode && !volume.object.deleting;
}

bool offers_modes(const VolumeRow& volume, const ClaimRow& claim) {
  return (claim.modes & ~volume.modes) == 0;
}

// All single-valued choices of a term: the product of its expressions' values, the last expression varying fastest.
void add_segments(const kube::TopologySelectorTerm& term, std::vector<kube::NodeSelectorTerm>& out) {
  if (term.match_label_expressions.empty()) return;
  std::vector<kube::NodeSelectorTerm> segments(1);
  for (const kube::Requirement& requirement : term.match_label_expressions) {
    std::vector<kube::NodeSelectorTerm> longer;
    for (const kube::NodeSelectorTerm& segment : segments) {
      for (const std::string& value : requirement.values) {
        longer.push_back(segment);
        longer.back().match_expressions.push_back({requirement.key, kube::SelectorOperator::kIn, {value}});
      }
    }
    segments = std::move(longer);
  }
  out.insert(out.end(), segments.begin(), segments.end());
}

bool holds(const kube::TopologySelectorTerm& term, const kube::Node& node) {
  const auto& all = term.match_label_expressions;
  return !all.empty() &&
         std::all_of(all.begin(), all.end(), [&node](const kube::Requirement& r) { return matches(r, node.labels); });
}

void add_label(const kube::Node& node, const std::string& key, kube::NodeSelectorTerm& term) {
  const auto same = [&key](const kube::Requirement& r) { return r.key == key; };
  if (std::any_of(term.match_expressions.begin(), term.match_expressions.end(), same)) return;
  if (const std::string* value = node.labels.find(key))
    term.match_expressions.push_back({key, kube::SelectorOperator::kIn, {*value}});
}

}  // namespace

bool reaches(const kube::PersistentVolume& volume, const kube::Node& node) {
  return !volume.has_node_affinity || matches(volume.node_affinity, node.labels, "");
}

VolumeId find_matching_volume(const StorageState& state, ClaimId claim_id, const kube::Node* node,
                              std::span<const VolumeId> taken) {
  const ClaimRow& claim = state.claims[claim_id];
  const StorageClassRow& storage_class = state.classes[index(claim.storage_class)];
  const auto is_taken = [taken](VolumeId id) { return std::find(taken.begin(), taken.end(), id) != taken.end(); };
  if (claim.reserved != kNone<VolumeId>) {
    const VolumeRow& volume = state.volumes[claim.reserved];
    if (fits(volume, claim) && !is_taken(claim.reserved))
      return node == nullptr || reaches(volume.object, *node) ? claim.reserved : kNone<VolumeId>;
  }
  // Without a node a claim that waits for its first consumer is left to the scheduler.
  if (node == nullptr && storage_class.exists && storage_class.object.wait_for_first_consumer) return kNone<VolumeId>;
  const kube::Quantity wanted = claim.object.request.value_or(kube::Quantity{});
  const auto begin = std::lower_bound(
      storage_class.free.begin(), storage_class.free.end(), wanted,
      [&state](VolumeId id, const kube::Quantity& least) { return state.volumes[id].object.capacity < least; });
  VolumeId best = kNone<VolumeId>;
  int best_modes = 0;
  for (auto it = begin; it != storage_class.free.end(); ++it) {
    const VolumeRow& volume = state.volumes[*it];
    if (!fits(volume, claim) || !offers_modes(volume, claim) || is_taken(*it)) continue;
    if (claim.object.selector && !claim.object.selector->matches(volume.object.labels)) continue;
    if (node != nullptr) {
      if (reaches(volume.object, *node)) return *it;
      continue;
    }
    const int modes = std::popcount(volume.modes);
    if (best == kNone<VolumeId> || modes < best_modes) {
      best = *it;
      best_modes = modes;
    }
  }
  return best;
}

bool satisfies(const VolumeRow& volume, const ClaimRow& claim) {
  return fits(volume, claim) && volume.storage_class == claim.storage_class && offers_modes(volume, claim);
}

bool in_allowed_topology(const kube::StorageClass& storage_class, const kube::Node& node) {
  const auto& terms = storage_class.allowed_topologies;
  return terms.empty() || std::any_of(terms.begin(), terms.end(),
                                      [&node](const kube::TopologySelectorTerm& term) { return holds(term, node); });
}

std::vector<kube::NodeSelectorTerm> provisioned_affinity(const kube::StorageClass& storage_class,
                                                         const DriverRow& driver, const kube::Node* node,
                                                         std::uint32_t pick) {
  std::vector<kube::NodeSelectorTerm> segments;
  if (node != nullptr) {
    kube::NodeSelectorTerm segment;
    for (const kube::TopologySelectorTerm& term : storage_class.allowed_topologies) {
      if (!holds(term, *node)) continue;
      for (const kube::Requirement& r : term.match_label_expressions) add_label(*node, r.key, segment);
      break;
    }
    if (!driver.topology_key.empty()) add_label(*node, driver.topology_key, segment);
    if (!segment.empty()) segments.push_back(std::move(segment));
    return segments;
  }
  for (const kube::TopologySelectorTerm& term : storage_class.allowed_topologies) add_segments(term, segments);
  if (segments.empty()) {
    for (const auto& [value, nodes] : driver.segments) {
      if (nodes > 0) segments.push_back({{{driver.topology_key, kube::SelectorOperator::kIn, {value}}}, {}});
    }
  }
  if (segments.empty()) return {};
  return {segments[pick % segments.size()]};
}

bool can_provision(const StorageClassRow& storage_class) {
  const std::string& provisioner = storage_class.object.provisioner;
  return storage_class.exists && !provisioner.empty() && provisioner != "kubernetes.io/no-provisioner";
}

}  // namespace berth
