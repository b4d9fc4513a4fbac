// The nodes as one class of pods sees them: each has a score or is refused, and belongs to a group of nodes that share
// everything but that score. A decision adds something to each group (what topology and normalization make of it now)
// and asks for the best node; the tree over the nodes answers without looking at each of them.
// A tree of fan-out 32 per group: best score and number of nodes per 32, 1024, 32768 … nodes.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace berth::kube {

class NodeRanking {
 public:
  // Of refused nodes any negative value; scores are >= 0.
  explicit NodeRanking(std::size_t nodes = 0) : values_(nodes, -1) {}

  std::size_t memory_bytes() const;
  std::size_t nodes() const { return values_.size(); }
  std::int32_t value(std::uint32_t node) const { return values_[node]; }
  std::uint32_t group(std::uint32_t node) const { return group_of_.empty() ? 0 : group_of_[node]; }
  std::size_t groups() const { return groups_.size(); }
  std::size_t members(std::uint32_t group) const { return groups_[group].members; }
  std::size_t feasible(std::uint32_t group) const { return groups_[group].feasible; }

  // All at once; `group_of` is empty if all nodes are of group 0. O(nodes).
  void assign(std::vector<std::int32_t> values, std::vector<std::uint32_t> group_of, std::size_t groups);
  std::uint32_t add_group();
  // O(log nodes).
  void set(std::uint32_t node, std::int32_t value, std::uint32_t group);

 private:
  friend class RankingQuery;
  static constexpr std::size_t kFan = 32;
  struct Level {
    std::vector<std::int32_t> best;    // -1: no feasible node.
    std::vector<std::uint32_t> count;  // Feasible nodes.
  };
  struct Group {
    std::vector<Level> levels;               // [0]: per 32 nodes.
    std::vector<std::uint32_t> feasible_in;  // Per 32 nodes: a bit per feasible node.
    std::size_t members = 0;
    std::size_t feasible = 0;
  };
  Group empty_group() const;
  void climb(std::uint32_t node, std::uint32_t group, std::int32_t before, std::int32_t after);

  std::vector<std::int32_t> values_;
  std::vector<std::uint32_t> group_of_;
  std::vector<Group> groups_;
};

// The nodes that take part in one decision: the feasible ones of the groups that topology admits, in rotated order (the
// node indexes from `start` on, then those before it), or only the first so many of them. What a decision adds to each
// group makes their totals. Kept from decision to decision for its memory; nothing else is. Cost per call: O(32 ·
// log_32 nodes · groups that take part).
class RankingQuery {
 public:
  static constexpr std::int64_t kOut = -1;  // The group takes no part.

  // `admitted`: by group, whether it takes part. The ranking must stay as it is until the next reset().
  void reset(const NodeRanking& ranking, std::span<const std::int32_t> admitted, std::size_t start);

  std::size_t count() const { return count_; }
  // The r-th node in rotated order, r < count().
  std::uint32_t at(std::size_t r) const;
  // Only the first k <= count() take part from now on, k > 0.
  void keep_first(std::size_t k);
  // Nodes that take part, by group.
  void present(std::span<std::size_t> by_group) const;

  // `add`: by group, >= 0 for those that take part. The totals are what the functions below are about.
  void add(std::span<const std::int64_t> add);
  std::int64_t total(std::uint32_t node) const;  // Negative if the node takes no part.
  std::int64_t best() const;
  // Whether one of the nodes first … last in rotated order has this total, which must be best().
  bool reaches(std::size_t first, std::size_t last, std::int64_t best) const;

 private:
  struct Part {
    const NodeRanking::Group* group;
    std::uint32_t number;
    std::int64_t add;
  };
  std::size_t count_before(const NodeRanking::Group& group, std::size_t node) const;
  std::int64_t best_between(std::size_t first, std::size_t last, std::int64_t enough) const;
  std::int64_t best_of_nodes(std::size_t first, std::size_t last) const;
  std::int64_t best_of_entries(std::size_t level, std::size_t first, std::size_t last) const;

  const NodeRanking* ranking_ = nullptr;
  std::vector<Part> parts_;
  std::vector<std::int64_t> add_;  // By group; kOut for those that take no part.
  std::size_t start_ = 0;
  std::size_t feasible_ = 0;  // Before keep_first().
  std::size_t count_ = 0;
  std::size_t skipped_ = 0;             // Feasible nodes before the start.
  std::uint32_t first_ = 0, last_ = 0;  // Of those kept.
};

}  // namespace berth::kube
