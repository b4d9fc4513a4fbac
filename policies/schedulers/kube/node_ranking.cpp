#include "policies/schedulers/kube/node_ranking.hpp"

#include <algorithm>
#include <bit>
#include <limits>

#include "sim/engine/error.hpp"

namespace berth::kube {

NodeRanking::Group NodeRanking::empty_group() const {
  Group group;
  group.feasible_in.resize((values_.size() + kFan - 1) / kFan);
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
    g.feasible_in[n / kFan] |= 1U << (n % kFan);
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
    groups_[g].feasible_in[node / kFan] ^= 1U << (node % kFan);
    std::size_t i = node;
    for (Level& level : groups_[g].levels) level.count[i /= kFan] += by;  // Wraps for -1.
  };
  if (was && (!is || from != to)) {
    count(from, 0xFFFF'FFFFU);
    climb(node, from, old, -1);
  }
  if (is && (!was || from != to)) {
    count(to, 1);
    climb(node, to, -1, value);
  }
  if (was && is && from == to) climb(node, to, old, value);
}

// A value below an entry of level 0 went from `before` to `after`. An entry is looked at again only if its best went.
void NodeRanking::climb(std::uint32_t node, std::uint32_t g, std::int32_t before, std::int32_t after) {
  Group& group = groups_[g];
  std::size_t i = node / kFan;
  for (std::size_t l = 0; l < group.levels.size(); ++l, i /= kFan) {
    std::int32_t& best = group.levels[l].best[i];
    if (after > best) {
      before = best;
      best = after;
      continue;
    }
    if (before != best) return;
    std::int32_t found = -1;
    if (l == 0) {
      for (std::uint32_t bits = group.feasible_in[i]; bits != 0; bits &= bits - 1) {
        found = std::max(found, values_[i * kFan + static_cast<std::size_t>(std::countr_zero(bits))]);
      }
    } else {
      const std::vector<std::int32_t>& below = group.levels[l - 1].best;
      for (std::size_t j = i * kFan; j < std::min(below.size(), (i + 1) * kFan); ++j) found = std::max(found, below[j]);
    }
    if (found == best) return;
    before = best;
    best = after = found;
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

void RankingQuery::reset(const NodeRanking& ranking, std::span<const std::int32_t> admitted, std::size_t start) {
  ranking_ = &ranking;
  start_ = start;
  parts_.clear();
  add_.assign(ranking.groups_.size(), kOut);
  feasible_ = 0;
  skipped_ = 0;
  for (std::uint32_t g = 0; g < ranking.groups_.size(); ++g) {
    const NodeRanking::Group& group = ranking.groups_[g];
    if (admitted[g] != 0 || group.feasible == 0) continue;
    parts_.push_back({&group, g, 0});
    add_[g] = 0;
    feasible_ += group.feasible;
    if (start > 0) skipped_ += count_before(group, start);
  }
  count_ = feasible_;
  if (count_ == 0) return;
  first_ = at(0);
  last_ = at(count_ - 1);
}

void RankingQuery::keep_first(std::size_t k) {
  last_ = at(k - 1);
  count_ = k;
}

void RankingQuery::present(std::span<std::size_t> by_group) const {
  std::fill(by_group.begin(), by_group.end(), 0);
  for (const Part& part : parts_) {
    std::size_t& here = by_group[part.number];
    if (count_ == feasible_) {
      here = part.group->feasible;
      continue;
    }
    here = count_before(*part.group, last_ + std::size_t{1}) - count_before(*part.group, first_);
    if (last_ < first_) here += part.group->feasible;
  }
}

void RankingQuery::add(std::span<const std::int64_t> add) {
  for (Part& part : parts_) {
    part.add = std::max<std::int64_t>(add[part.number], 0);
    add_[part.number] = part.add;
  }
}

std::int64_t RankingQuery::total(std::uint32_t node) const {
  const std::int32_t value = ranking_->values_[node];
  const std::int64_t add = add_[ranking_->group(node)];
  return value < 0 || add == kOut ? -1 : value + add;
}

std::size_t RankingQuery::count_before(const NodeRanking::Group& group, std::size_t node) const {
  constexpr std::size_t kFan = NodeRanking::kFan;
  std::size_t i = node / kFan;
  std::size_t sum = 0;
  if (node % kFan != 0) {
    sum = static_cast<std::size_t>(std::popcount(group.feasible_in[i] & ((1U << (node % kFan)) - 1)));
  }
  for (std::size_t l = 0; l < group.levels.size(); ++l, i /= kFan) {
    const bool top = l + 1 == group.levels.size();
    for (std::size_t j = top ? 0 : i / kFan * kFan; j < i; ++j) sum += group.levels[l].count[j];
  }
  return sum;
}

std::uint32_t RankingQuery::at(std::size_t r) const {
  constexpr std::size_t kFan = NodeRanking::kFan;
  const std::size_t nodes = ranking_->nodes();
  if (feasible_ == nodes) return static_cast<std::uint32_t>(r + start_ < nodes ? r + start_ : r + start_ - nodes);
  std::size_t left = r + skipped_;
  if (left >= feasible_) left -= feasible_;
  std::size_t i = 0;
  for (std::size_t l = parts_[0].group->levels.size(); l-- > 0; i *= kFan) {
    for (;; ++i) {
      std::size_t here = 0;
      for (const Part& part : parts_) here += part.group->levels[l].count[i];
      if (left < here) break;
      left -= here;
    }
  }
  std::uint32_t bits = 0;
  for (const Part& part : parts_) bits |= part.group->feasible_in[i / kFan];
  for (; left > 0; --left) bits &= bits - 1;
  return static_cast<std::uint32_t>(i + static_cast<std::size_t>(std::countr_zero(bits)));
}

std::int64_t RankingQuery::best() const {
  if (count_ < feasible_) {
    constexpr std::int64_t kAll = std::numeric_limits<std::int64_t>::max();
    if (first_ <= last_) return best_between(first_, last_, kAll);
    return std::max(best_between(first_, ranking_->nodes() - 1, kAll), best_between(0, last_, kAll));
  }
  return best_of_entries(parts_[0].group->levels.size() - 1, 0, parts_[0].group->levels.back().best.size() - 1);
}

bool RankingQuery::reaches(std::size_t first, std::size_t last, std::int64_t best) const {
  const std::uint32_t from = at(first);
  const std::uint32_t to = at(last);
  if (from <= to) return best_between(from, to, best) == best;
  return best_between(from, ranking_->nodes() - 1, best) == best || best_between(0, to, best) == best;
}

// The best total of nodes first … last; may stop at one that is `enough`.
std::int64_t RankingQuery::best_between(std::size_t first, std::size_t last, std::int64_t enough) const {
  constexpr std::size_t kFan = NodeRanking::kFan;
  if (last - first < 2 * kFan) return best_of_nodes(first, last);
  // Whole entries as far up as they go, the rest at both ends.
  std::size_t from = (first + kFan - 1) / kFan;
  std::size_t to = (last + 1) / kFan;  // One behind.
  std::int64_t best = from * kFan > first ? best_of_nodes(first, from * kFan - 1) : -1;
  if (best < enough && to * kFan <= last) best = std::max(best, best_of_nodes(to * kFan, last));
  for (std::size_t l = 0; best < enough && from < to; ++l) {
    if (l + 1 == parts_[0].group->levels.size() || to - from < 2 * kFan) {
      return std::max(best, best_of_entries(l, from, to - 1));
    }
    const std::size_t up_from = (from + kFan - 1) / kFan;
    const std::size_t up_to = to / kFan;
    if (up_from * kFan > from) best = std::max(best, best_of_entries(l, from, up_from * kFan - 1));
    if (up_to * kFan < to) best = std::max(best, best_of_entries(l, up_to * kFan, to - 1));
    from = up_from;
    to = up_to;
  }
  return best;
}

std::int64_t RankingQuery::best_of_nodes(std::size_t first, std::size_t last) const {
  if (parts_.size() == 1 && ranking_->group_of_.empty()) {
    std::int32_t best = -1;
    for (std::size_t n = first; n <= last; ++n) best = std::max(best, ranking_->values_[n]);
    return best < 0 ? -1 : best + parts_[0].add;
  }
  std::int64_t best = -1;
  for (std::size_t n = first; n <= last; ++n) best = std::max(best, total(static_cast<std::uint32_t>(n)));
  return best;
}

std::int64_t RankingQuery::best_of_entries(std::size_t level, std::size_t first, std::size_t last) const {
  std::int64_t best = -1;
  for (const Part& part : parts_) {
    const std::vector<std::int32_t>& values = part.group->levels[level].best;
    std::int32_t of_part = -1;
    for (std::size_t i = first; i <= last; ++i) of_part = std::max(of_part, values[i]);
    if (of_part >= 0) best = std::max(best, of_part + part.add);
  }
  return best;
}

}  // namespace berth::kube
