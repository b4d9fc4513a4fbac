// Templates that fit nowhere. While pods of a thousand templates wait on a full cluster, each instant frees one or two
// nodes: what was barren stays so unless it fits one of these, and the largest room among them settles most templates
// by three comparisons.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "sim/cluster/cluster.hpp"

namespace berth {

class Barren {
 public:
  // At the start of each look at the queue. O(nodes changed since the last one).
  void look(const Cluster& cluster) {
    ++round_;
    changed_.clear();
    room_ = {};
    cluster.changes().changed_since(seen_, [&](NodeId node) {
      changed_.push_back(node);
      const NodeColumns& n = cluster.nodes();
      const std::size_t row = index(node);
      room_.cpu_milli = std::max(room_.cpu_milli, n.cpu_free_milli[row]);
      room_.memory_bytes = std::max(room_.memory_bytes, n.memory_free_bytes[row]);
      room_.gpu_milli = std::max<std::int64_t>(room_.gpu_milli, n.gpu_free_milli[row]);
    });
    seen_ = cluster.changes().now();
  }

  // Whether `t` was marked, or found barren, at the last look, and fits no node that changed since. Asked once a look
  // for each template with waiting pods; one that was not asked is forgotten. O(1) mostly, O(nodes changed) at most.
  bool still(const Cluster& cluster, TemplateId t) {
    if (index(t) >= rounds_.size()) rounds_.resize(std::max(index(t) + 1, cluster.catalog().templates()), 0);
    std::uint64_t& round = rounds_[index(t)];
    if (round == 0 || round + 1 < round_) return false;
    const PodTemplate& want = cluster.catalog()[t];
    const bool no_room = want.request.cpu_milli > room_.cpu_milli || want.request.memory_bytes > room_.memory_bytes ||
                         want.gpu.total_milli() > room_.gpu_milli;
    const bool barren =
        no_room || std::none_of(changed_.begin(), changed_.end(), [&](NodeId n) { return cluster.fits(want, n); });
    round = barren ? round_ : 0;
    return barren;
  }

  // `t` fits no node now.
  void mark(TemplateId t) {
    if (index(t) >= rounds_.size()) rounds_.resize(index(t) + 1, 0);
    rounds_[index(t)] = round_;
  }

 private:
  struct Room {
    std::int64_t cpu_milli = -1, memory_bytes = -1, gpu_milli = -1;
  };
  std::uint64_t round_ = 0;
  ChangeLog::Cursor seen_ = 0;
  std::vector<NodeId> changed_;
  Room room_;
  std::vector<std::uint64_t> rounds_;  // By template: the last look at which it was barren; 0 = it is not.
};

}  // namespace berth
