// RollingUpdate of a DaemonSet. Source: pkg/controller/daemon/update.go.
#include <algorithm>

#include "sim/controllers/daemon_set_sync.hpp"

namespace berth::controllers {

DaemonSetSync::Versions DaemonSetSync::versions(const std::vector<PodId>& pods) const {
  Versions out;
  for (const PodId id : pods) {
    const Pod& p = store_.pod(id);
    if (p.terminating) continue;
    const Pod*& slot = p.revision == revision_.meta.id ? out.updated : out.old;
    if (slot != nullptr) return {nullptr, nullptr, false};
    slot = &p;
  }
  return out;
}

// Adds the nodes that want a pod and have none.
std::vector<DaemonSetSync::OnNode> DaemonSetSync::with_wanted_nodes(std::vector<OnNode> nodes,
                                                                    std::int32_t& desired) const {
  std::vector<OnNode> out;
  auto next = nodes.begin();
  for (ObjectId id = 0; id < store_.end_id<Node>(); ++id) {
    for (; next != nodes.end() && index(next->node) < id; ++next) out.push_back(std::move(*next));
    const bool has = next != nodes.end() && index(next->node) == id;
    const Node* node = store_.find<Node>(id);
    const bool wanted = node != nullptr && placement_.fit(*node).should_run;
    if (wanted) ++desired;
    if (has) {
      out.push_back(std::move(*next++));
    } else if (wanted) {
      out.push_back({NodeId{id}, {}});
    }
  }
  for (; next != nodes.end(); ++next) out.push_back(std::move(*next));
  return out;
}

bool DaemonSetSync::roll_out() {
  std::int32_t desired = 0;
  const std::vector<OnNode> nodes = with_wanted_nodes(pods_by_node(), desired);
  std::int32_t max_unavailable = set_.spec.max_unavailable.of(desired, true);
  const std::int32_t max_surge = set_.spec.max_surge.of(desired, true);
  if (desired > 0 && max_unavailable == 0 && max_surge == 0) max_unavailable = 1;
  if (max_surge > 0) return roll_out_surge(nodes, max_surge, desired);
  roll_out_unavailable(nodes, max_unavailable);
  return true;
}

// Old pods that are not available go in any case, others as far as maxUnavailable allows.
void DaemonSetSync::roll_out_unavailable(const std::vector<OnNode>& nodes, std::int32_t max_unavailable) {
  std::int32_t unavailable = 0;
  std::vector<PodId> replace;
  std::vector<PodId> candidates;
  for (const OnNode& on_node : nodes) {
    const Versions v = versions(on_node.pods);
    if (!v.clear || (v.old == nullptr) == (v.updated == nullptr)) {
      ++unavailable;  // Nothing there, or two: on its way.
    } else if (v.updated != nullptr) {
      if (!available_now(*v.updated)) ++unavailable;
    } else if (!available_now(*v.old)) {
      replace.push_back(v.old->id);
      ++unavailable;
    } else {
      candidates.push_back(v.old->id);
    }
  }
  const auto budget = static_cast<std::size_t>(std::max(0, max_unavailable - unavailable));
  candidates.resize(std::min(candidates.size(), budget));
  replace.insert(replace.end(), candidates.begin(), candidates.end());
  apply(replace, {});
}

// New pods beside old ones, as many as the surge allows; where the old one is not available in any case.
bool DaemonSetSync::roll_out_surge(const std::vector<OnNode>& nodes, std::int32_t max_surge, std::int32_t desired) {
  std::vector<PodId> to_delete;
  std::vector<PodId> misplaced;  // Old pods that are available where none should run any more.
  std::vector<NodeId> to_create;
  std::vector<NodeId> candidates;
  std::int32_t surge = 0;
  std::int32_t available_pods = 0;
  for (const OnNode& on_node : nodes) {
    const Versions v = versions(on_node.pods);
    if (!v.clear) {
      ++surge;
      continue;
    }
    const Pod* counted = v.old != nullptr ? v.old : v.updated;
    if (counted != nullptr && available_now(*counted)) ++available_pods;
    if (v.old == nullptr) continue;
    if (v.updated != nullptr) {
      if (available_now(*v.updated)) {
        to_delete.push_back(v.old->id);
      } else {
        ++surge;
      }
      continue;
    }
    const Node* node = store_.find<Node>(static_cast<ObjectId>(index(on_node.node)));
    if (node == nullptr) return false;
    const bool should_run = placement_.fit(*node).should_run;
    if (!available_now(*v.old)) {
      if (should_run) {
        to_create.push_back(on_node.node);
      } else {
        to_delete.push_back(v.old->id);
      }
    } else if (!should_run) {
      misplaced.push_back(v.old->id);
    } else {
      candidates.push_back(on_node.node);
    }
  }
  const auto spare = static_cast<std::size_t>(std::max(0, available_pods - desired));
  misplaced.resize(std::min(misplaced.size(), spare));
  to_delete.insert(to_delete.end(), misplaced.begin(), misplaced.end());
  candidates.resize(std::min(candidates.size(), static_cast<std::size_t>(std::max(0, max_surge - surge))));
  to_create.insert(to_create.end(), candidates.begin(), candidates.end());
  apply(to_delete, to_create);
  return true;
}

}  // namespace berth::controllers
