#include "policies/node_autoscalers/group_registry.hpp"

#include <algorithm>

namespace berth {

GroupRegistry::Group& GroupRegistry::at(std::uint32_t group) {
  if (group >= groups_.size()) groups_.resize(group + std::size_t{1});
  return groups_[group];
}

void GroupRegistry::update(const NodeAutoscalerObservation& o) {
  due_ = kNever;
  groups_.resize(std::max(groups_.size(), o.groups.size()));
  registered_ = ready_ = unready_ = 0;
  for (std::size_t i = 0; i < o.groups.size(); ++i) {
    Group& g = groups_[i];
    g.target = o.groups[i].target_size;
    g.registered = g.ready = g.unready = g.starting = g.late = 0;
  }
  Group other;
  for (const AutoscaledNode& node : o.nodes) {
    Group& g = node.group == kNoNodeGroup ? other : groups_[node.group];
    ++registered_;
    if (node.removal != AutoscaledNode::Removal::kStays) continue;  // Nor does the target size count it.
    ++g.registered;
    if (node.ready) {
      ++ready_;
      ++g.ready;
    } else if (starting(node, o.now)) {
      ++g.starting;
      due_ = std::min(due_, node.registered + flags_.max_node_startup_time);
    } else {
      ++unready_;
      ++g.unready;
    }
  }
  for (const PendingInstance& instance : o.instances) {
    if (late(instance, o.now)) {
      ++groups_[instance.group].late;
    } else {
      due_ = std::min(due_, instance.requested + flags_.max_node_provision_time + nanoseconds(1));
    }
  }
  for (Group& g : groups_) {
    g.backoff.forget_old(o.now, flags_.backoff);
    if (g.requested == 0) continue;
    if (g.target <= g.registered - g.starting) {
      g.requested = 0;
      g.backoff.clear();
    } else if (g.expected < o.now) {
      g.requested = 0;
      g.backoff.fail(o.now, flags_.backoff);
    } else {
      due_ = std::min(due_, g.expected + nanoseconds(1));
    }
  }
}

bool GroupRegistry::cluster_healthy() const {
  return static_cast<std::int64_t>(unready_) <= flags_.ok_total_unready_count ||
         static_cast<double>(unready_) <= flags_.max_total_unready_percentage / 100 * static_cast<double>(registered_);
}

bool GroupRegistry::may_scale_up(std::uint32_t group, Time now) const {
  const Group& g = groups_[group];
  if (g.backoff.blocks(now)) return false;
  const std::int32_t missing = std::max(0, g.target - g.late - g.requested - g.ready);
  return missing <= flags_.ok_total_unready_count ||
         static_cast<double>(missing) <=
             flags_.max_total_unready_percentage / 100 * static_cast<double>(g.ready + g.unready + g.starting);
}

std::int32_t GroupRegistry::upcoming(std::uint32_t group) const {
  const Group& g = groups_[group];
  return std::max(0, g.target - g.ready - g.unready - g.late);
}

void GroupRegistry::scaled_up(std::uint32_t group, std::int32_t delta, Time now) {
  Group& g = at(group);
  g.requested += delta;
  g.expected = now + flags_.max_node_provision_time;
  due_ = std::min(due_, g.expected + nanoseconds(1));
}

void GroupRegistry::scale_up_failed(std::uint32_t group, Time now) {
  Group& g = at(group);
  g.requested = 0;
  g.backoff.fail(now, flags_.backoff);
}

}  // namespace berth
