// Uniform draws from the nodes on which a pod fits.
#pragma once

#include <vector>

#include "policies/score_index.hpp"
#include "sim/engine/rng.hpp"

namespace berth {

class FeasibleSampler {
 public:
  // A node drawn uniformly from the feasible ones, of which there must be one. By rejection: O(nodes / feasible)
  // expected; after 64 misses the feasible nodes are listed, O(nodes). Either way each is equally likely.
  NodeId draw(const ScoreIndex& scores, Rng& rng) {
    const auto n = static_cast<std::uint32_t>(scores.size());
    for (int attempt = 0; attempt < 64; ++attempt) {
      const auto node = static_cast<NodeId>(rng.below(n));
      if (scores.feasible(node)) return node;
    }
    list_.clear();
    for (NodeId node = scores.first_feasible(NodeId{0}); node != kNoNode;
         node = scores.first_feasible(static_cast<NodeId>(index(node) + 1))) {
      list_.push_back(node);
    }
    return list_[rng.below(static_cast<std::uint32_t>(list_.size()))];
  }

 private:
  std::vector<NodeId> list_;
};

}  // namespace berth
