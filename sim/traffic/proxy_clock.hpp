// When a node's rules follow the EndpointSlices. Every kube-proxy sees the same changes, a watch delay later, and syncs
// all Services at once: the first change after a quiet time at once, the next ones together, min_sync_period after the
// end of the last sync. Nothing ticks: a node's syncs are worked out when somebody asks for its rules.
// Source: kube-proxy's pkg/proxy/runner (bounded frequency runner), as the networking reference tells it.
#pragma once

#include <cstdint>
#include <vector>

#include "sim/cluster/catalog.hpp"
#include "sim/engine/time.hpp"
#include "sim/traffic/traffic_spec.hpp"

namespace berth {

class ProxyClock {
 public:
  ProxyClock(const ProxyParams& params, std::uint64_t seed, std::uint32_t replication);

  // A node whose kube-proxy starts now, with all that is published by then. Draws its watch delay.
  void add_node(NodeId node, Time now);

  // A change is written at `at`, which never goes back; `now` <= at is the clock. Its number: 1, 2 … Amortised O(1),
  // plus now and then the syncs that no node has been asked for (only while changes go on without a pause).
  std::uint64_t publish(Time at, Time now);
  std::uint64_t published() const { return base_ + log_.size(); }

  // Changes 1 … applied() are in the node's rules at `now`. `now` never goes back. O(1) if all are, else O(syncs since
  // it was last asked · log changes), amortised.
  std::uint64_t applied(NodeId node, Time now) {
    Node& n = nodes_[index(node)];
    if (n.applied == published()) [[likely]]
      return n.applied;
    return catch_up(n, now);
  }
  // The same for who watches the EndpointSlices himself: no sync, only the watch delay. O(log changes).
  std::uint64_t watched(NodeId node, Time now) const;

  // From written to in every node's rules, at most.
  Duration max_lag() const;
  Duration watch_delay(NodeId node) const { return nodes_[index(node)].watch_delay; }

 private:
  struct Node {
    std::uint64_t applied = 0;
    Time last_end{-kLongAgo};
    Duration watch_delay{};
  };
  static constexpr std::int64_t kLongAgo = std::int64_t{1} << 61;
  static constexpr std::size_t kCompactAt = 8192;

  std::uint64_t catch_up(Node& node, Time now);
  std::size_t seen_by(Time published) const;  // Entries of log_ at or before.
  void compact(Time now);

  ProxyParams params_;
  std::uint64_t seed_;
  std::uint32_t replication_;
  std::uint64_t base_ =
      0;  // Changes before those in log_: in everybody's rules, and so long ago that nobody has to wait.
  std::vector<Time> log_;  // When the changes base_ + 1 … were written.
  std::size_t compact_at_ = kCompactAt;
  std::vector<Node> nodes_;
};

}  // namespace berth
