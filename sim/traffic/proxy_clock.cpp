#include "sim/traffic/proxy_clock.hpp"

#include <algorithm>

#include "sim/engine/error.hpp"
#include "sim/engine/rng.hpp"

namespace berth {

ProxyClock::ProxyClock(const ProxyParams& params, std::uint64_t seed, std::uint32_t replication)
    : params_(params), seed_(seed), replication_(replication) {
  BERTH_CHECK(params.watch_delay_min.ns >= 0 && params.watch_delay_max >= params.watch_delay_min);
  BERTH_CHECK(params.sync_time.ns >= 0 && params.min_sync_period.ns >= 0 && params.endpoint_slice_delay.ns >= 0);
}

Duration ProxyClock::max_lag() const {
  // Seen just after a sync has begun: the rest of that one, the pause, and a sync of its own.
  return params_.watch_delay_max + params_.sync_time * 2 + params_.min_sync_period;
}

std::size_t ProxyClock::seen_by(Time published) const {
  return static_cast<std::size_t>(std::upper_bound(log_.begin(), log_.end(), published) - log_.begin());
}

void ProxyClock::add_node(NodeId node, Time now) {
  if (index(node) >= nodes_.size()) nodes_.resize(index(node) + 1);
  Node& n = nodes_[index(node)];
  n = {};
  const auto spread = static_cast<std::uint64_t>((params_.watch_delay_max - params_.watch_delay_min).ns);
  Rng rng(seed_, replication_, static_cast<std::uint32_t>(node) | 0x8000'0000, Purpose::kEndpointChoice);
  n.watch_delay = params_.watch_delay_min + Duration{static_cast<std::int64_t>(rng.below64(spread + 1))};
  n.applied = base_ + seen_by(now - n.watch_delay);
}

std::uint64_t ProxyClock::publish(Time at, Time now) {
  BERTH_CHECK(now <= at && (log_.empty() || log_.back() <= at));
  // After such a pause every node has long synced the last change, even as seen from `now`, and may sync at once.
  const Duration quiet = max_lag() + params_.min_sync_period + params_.endpoint_slice_delay + params_.watch_delay_max;
  if (!log_.empty() && at - log_.back() > quiet) {
    base_ += log_.size();
    log_.clear();
    compact_at_ = kCompactAt;
  } else if (log_.size() >= compact_at_) {
    compact(now);
  }
  log_.push_back(at);
  return published();
}

std::uint64_t ProxyClock::catch_up(Node& node, Time now) {
  if (node.applied < base_) {
    node.applied = base_;
    node.last_end = Time{-kLongAgo};
  }
  while (node.applied < published()) {
    const Time seen = log_[node.applied - base_] + node.watch_delay;
    const Time start = std::max(seen, node.last_end + params_.min_sync_period);
    const Time end = start + params_.sync_time;
    if (end > now) break;
    node.applied = base_ + seen_by(start - node.watch_delay);
    node.last_end = end;
  }
  return node.applied;
}

std::uint64_t ProxyClock::watched(NodeId node, Time now) const {
  if (log_.empty()) return base_;
  return base_ + seen_by(now - nodes_[index(node)].watch_delay);
}

void ProxyClock::compact(Time now) {
  std::uint64_t least = published();
  for (Node& node : nodes_) least = std::min(least, catch_up(node, now));
  // What a watcher may not have seen yet stays too.
  least = std::min(least, base_ + seen_by(now - params_.watch_delay_max));
  log_.erase(log_.begin(), log_.begin() + static_cast<std::ptrdiff_t>(least - base_));
  base_ = least;
  compact_at_ = std::max(kCompactAt, 2 * log_.size());
}

}  // namespace berth
