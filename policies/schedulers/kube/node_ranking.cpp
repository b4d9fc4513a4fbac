#include "policies/schedulers/kube/node_ranking.hpp"

#include <algorithm>

#include "sim/engine/error.hpp"

namespace berth::kube {

NodeRanking::Group NodeRanking::empty_group() const {
  Group group;
  for (std::size_t size = values_.size();;) {
    size = (size + kFan - 1) / kFan;
    group.levels.push_back({std::vector<std::int32_t>(size, -1), std::vector<std::uint32_t>(size, 0)});
    if (size <= kFan) return group;
  }
}

void NodeRanking::assign(std::vector<std::int32_t> values, std::vector<std::uint32_t> group_of, std::size_t groups) {
  values_ = std::move(values);
  group_of_ = std::move(group_of);
  groups_.assign(groups, empty_group());
  for (std::uint32_t n = 0; n < values_.size(); ++n) {
    Group& g = groups_[group(n)];
    ++g.members;
    if (values_[n] < 0) continue;
    ++g.feasible;
    Level& level = g.levels[0];
    level.best[n / kFan] = std::max(level.best[n / kFan], values_[n]);
    ++level.count[n / kFan];
  }
  for (Group& g : groups_) {
    for (std::size_t l = 1; l < g.levels.size(); ++l) {
      for (std::size_t i = 0; i < g.levels[l - 1].best.size(); ++i) {
        g.levels[l].best[i / kFan] = std::max(g.levels[l].best[i / kFan], g.levels[l - 1].best[i]);
        g.levels[l].count[i / kFan] += g.levels[l - 1].count[i];
      }
    }
  }
}

std::uint32_t NodeRanking::add_group() {
  if (groups_.size() == 1 && group_of_.empty()) group_of_.assign(values_.size(), 0);
  groups_.push_back(empty_group());
  return static_cast<std::uint32_t>(groups_.size() - 1);
}

void NodeRanking::set(std::uint32_t node, std::int32_t value, std::uint32_t to) {
  const std::uint32_t from = group(node);
  const std::int32_t old = values_[node];
  if (old == value && from == to) return;
  const bool was = old >= 0;
  const bool is = value >= 0;
  values_[node] = value;
  if (from != to) {
    group_of_[node] = to;
    --groups_[from].members;
    ++groups_[to].members;
  }
  const auto count = [this, node](std::uint32_t g, std::uint32_t by) {
    groups_[g].feasible += static_cast<std::size_t>(static_cast<std::int32_t>(by));
    std::size_t i = node;
    for (Level& level : groups_[g].levels) level.count[i /= kFan] += by;  // Wraps for -1.
  };
  if (was && (!is || from != to)) {
    count(from, 0xFFFF'FFFFU);
    climb(node, from);
  }
  if (is && (!was || from != to)) count(to, 1);
  if (is || (was && from == to)) climb(node, to);
}

void NodeRanking::climb(std::uint32_t node, std::uint32_t g) {
  std::vector<Level>& levels = groups_[g].levels;
  std::size_t i = node / kFan;
  std::int32_t best = -1;
  const std::size_t end = std::min(values_.size(), (i + 1) * kFan);
  for (std::size_t n = i * kFan; n < end; ++n) {
    if (group(static_cast<std::uint32_t>(n)) == g) best = std::max(best, values_[n]);
  }
  best = std::max(best, -1);
  for (std::size_t l = 0;; ++l) {
    const std::int32_t old = levels[l].best[i];
    levels[l].best[i] = best;
    if (old == best || l + 1 == levels.size()) return;
    const std::size_t begin = i / kFan * kFan;
    const std::size_t stop = std::min(levels[l].best.size(), begin + kFan);
    best = *std::max_element(levels[l].best.begin() + static_cast<std::ptrdiff_t>(begin),
                             levels[l].best.begin() + static_cast<std::ptrdiff_t>(stop));
    i /= kFan;
  }
}

std::size_t NodeRanking::memory_bytes() const {
  std::size_t bytes = (values_.capacity() + group_of_.capacity()) * sizeof(std::int32_t);
  for (const Group& group : groups_) {
    for (const Level& level : group.levels)
      bytes += level.best.capacity() * (sizeof(std::int32_t) + sizeof(std::uint32_t));
  }
  return bytes;
}

RankingQuery::RankingQuery(const NodeRanking& ranking, std::span<const std::int64_t> add, std::size_t start)
    : ranking_(ranking), add_(add) {
  for (std::size_t g = 0; g < ranking.groups_.size(); ++g) {
    if (add[g] == kOut || ranking.groups_[g].feasible == 0) continue;
    parts_.push_back({&ranking.groups_[g], add[g]});
    count_ += ranking.groups_[g].feasible;
  }
  if (start > 0) skipped_ = count_before(start);
}

std::int64_t RankingQuery::total(std::uint32_t node) const {
  const std::int32_t value = ranking_.values_[node];
  const std::int64_t add = add_[ranking_.group(node)];
  return value < 0 || add == kOut ? -1 : value + add;
}

std::size_t RankingQuery::count_before(std::size_t node) const {
  constexpr std::size_t kFan = NodeRanking::kFan;
  std::size_t sum = 0;
  for (std::size_t n = node / kFan * kFan; n < node; ++n) {
    if (total(static_cast<std::uint32_t>(n)) >= 0) ++sum;
  }
  for (const Part& part : parts_) {
    std::size_t i = node / kFan;
    for (std::size_t l = 0; l < part.group->levels.size(); ++l, i /= kFan) {
      const bool top = l + 1 == part.group->levels.size();
      for (std::size_t j = top ? 0 : i / kFan * kFan; j < i; ++j) sum += part.group->levels[l].count[j];
    }
  }
  return sum;
}

std::uint32_t RankingQuery::at(std::size_t r) const {
  constexpr std::size_t kFan = NodeRanking::kFan;
  std::size_t left = (r + skipped_) % count_;
  std::size_t i = 0;
  for (std::size_t l = parts_[0].group->levels.size(); l-- > 0; i *= kFan) {
    for (;; ++i) {
      std::size_t here = 0;
      for (const Part& part : parts_) here += part.group->levels[l].count[i];
      if (left < here) break;
      left -= here;
    }
  }
  for (;; ++i) {
    if (total(static_cast<std::uint32_t>(i)) < 0) continue;
    if (left == 0) return static_cast<std::uint32_t>(i);
    --left;
  }
}

std::int64_t RankingQuery::best() const {
  std::int64_t best = -1;
  for (const Part& part : parts_) {
    const auto& top = part.group->levels.back().best;
    const std::int32_t of_part = *std::max_element(top.begin(), top.end());
    if (of_part >= 0) best = std::max(best, of_part + part.add);
  }
  return best;
}

bool RankingQuery::reaches(std::size_t first, std::size_t last, std::int64_t best) const {
  const std::uint32_t from = at(first);
  const std::uint32_t to = at(last);
  if (from <= to) return any(from, to, best);
  return any(from, ranking_.nodes() - 1, best) || any(0, to, best);
}

bool RankingQuery::any(std::size_t first, std::size_t last, std::int64_t best) const {
  const std::size_t top = parts_[0].group->levels.size() - 1;
  return any_below(top, 0, parts_[0].group->levels[top].best.size(), first, last, best);
}

// Entries begin … end of one level that cover nodes first … last or more of them.
bool RankingQuery::any_below(std::size_t level, std::size_t begin, std::size_t end, std::size_t first, std::size_t last,
                             std::int64_t best) const {
  constexpr std::size_t kFan = NodeRanking::kFan;
  std::size_t width = kFan;
  for (std::size_t l = 0; l < level; ++l) width *= kFan;
  for (std::size_t i = std::max(begin, first / width); i < std::min(end, last / width + 1); ++i) {
    bool there = false;
    for (const Part& part : parts_) {
      const std::int32_t value = part.group->levels[level].best[i];
      there = there || (value >= 0 && value + part.add == best);
    }
    if (!there) continue;
    if (first <= i * width && (i + 1) * width - 1 <= last) return true;
    if (level > 0) {
      if (any_below(level - 1, i * kFan, std::min((i + 1) * kFan, parts_[0].group->levels[level - 1].best.size()),
                    first, last, best)) {
        return true;
      }
      continue;
    }
    const std::size_t stop = std::min({ranking_.nodes(), (i + 1) * kFan, last + 1});
    for (std::size_t n = std::max(first, i * kFan); n < stop; ++n) {
      if (total(static_cast<std::uint32_t>(n)) == best) return true;
    }
  }
  return false;
}

}  // namespace berth::kube
