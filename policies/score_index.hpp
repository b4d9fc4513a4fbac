// Scores of all nodes for one pod template, with the best of them at hand: a tournament tree with 16 children a step,
// so that 5,000 nodes are four levels and a step is one short scan of neighbouring floats.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

#include "sim/cluster/catalog.hpp"

namespace berth {

class ScoreIndex {
 public:
  // The score of a node on which the pod does not fit.
  static constexpr float kInfeasible = -std::numeric_limits<float>::infinity();

  explicit ScoreIndex(std::size_t nodes) { resize(nodes); }

  std::size_t size() const { return nodes_; }
  float operator[](NodeId node) const { return levels_[0][index(node)]; }
  bool feasible(NodeId node) const { return (*this)[node] != kInfeasible; }
  bool any() const { return levels_.back()[0] != kInfeasible; }

  // Usually O(1), O(16 · levels) if the best of a block falls. `score` is a number, or kInfeasible.
  void set(NodeId node, float score) {
    std::size_t i = index(node);
    float old = levels_[0][i];
    if (old == score) return;
    levels_[0][i] = score;
    for (std::size_t level = 1; level < levels_.size(); ++level) {
      const std::size_t parent = i / kFan;
      float& best = levels_[level][parent];
      const float before = best;
      if (score >= before) {
        best = score;
      } else if (old == before) {  // The best of the block fell: look again.
        const float* block = levels_[level - 1].data() + parent * kFan;
        float most = block[0];
        for (std::size_t k = 1; k < kFan; ++k) most = std::max(most, block[k]);
        best = most;
      }
      if (best == before) return;
      i = parent;
      old = before;
      score = best;
    }
  }

  // The node with the highest score, the lowest id on ties; kNoNode if no node is feasible. O(16 · levels).
  NodeId best() const {
    const float most = levels_.back()[0];
    if (most == kInfeasible) return kNoNode;
    std::size_t i = 0;
    for (std::size_t level = levels_.size() - 1; level-- > 0;) {
      i *= kFan;
      while (levels_[level][i] != most) ++i;
    }
    return static_cast<NodeId>(i);
  }

  // The feasible node with the lowest id >= `from`, kNoNode if there is none. O(16 · levels).
  NodeId first_feasible(NodeId from) const {
    std::size_t i = index(from);
    std::size_t level = 0;
    if (i >= nodes_) return kNoNode;
    for (;;) {
      const std::size_t end = std::min((i / kFan + 1) * kFan, levels_[level].size());
      while (i < end && levels_[level][i] == kInfeasible) ++i;
      if (i < end) break;
      if (level + 1 == levels_.size()) return kNoNode;
      i = (end + kFan - 1) / kFan;  // The next block, one level up.
      ++level;
      if (i >= levels_[level].size()) return kNoNode;
    }
    while (level-- > 0) {
      i *= kFan;
      while (levels_[level][i] == kInfeasible) ++i;
    }
    return static_cast<NodeId>(i);
  }

  // Grows to `nodes`, the new ones infeasible. O(nodes) when it grows.
  void resize(std::size_t nodes) {
    if (nodes == nodes_ && !levels_.empty()) return;
    nodes_ = nodes;
    std::vector<float> leaves = levels_.empty() ? std::vector<float>() : std::move(levels_[0]);
    levels_.clear();
    leaves.resize(padded(nodes), kInfeasible);
    levels_.push_back(std::move(leaves));
    while (levels_.back().size() > 1) {
      const std::vector<float>& below = levels_.back();
      const std::size_t parents = below.size() / kFan;
      std::vector<float> level(parents > 1 ? padded(parents) : 1, kInfeasible);
      for (std::size_t p = 0; p < parents; ++p)
        level[p] = *std::max_element(below.begin() + static_cast<std::ptrdiff_t>(p * kFan),
                                     below.begin() + static_cast<std::ptrdiff_t>((p + 1) * kFan));
      levels_.push_back(std::move(level));
    }
  }

 private:
  static constexpr std::size_t kFan = 16;
  static std::size_t padded(std::size_t n) { return std::max<std::size_t>(1, (n + kFan - 1) / kFan) * kFan; }

  std::size_t nodes_ = 0;
  std::vector<std::vector<float>> levels_;  // 0: leaves; last: the root, one entry. All but the root padded to blocks.
};

}  // namespace berth
