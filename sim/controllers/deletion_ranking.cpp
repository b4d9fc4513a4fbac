#include "sim/controllers/deletion_ranking.hpp"

#include <algorithm>
#include <bit>
#include <optional>

namespace berth::controllers {
namespace {

int phase_rank(Phase phase) {
  switch (phase) {
    case Phase::kPending:
      return 0;
    case Phase::kUnknown:
      return 1;
    case Phase::kRunning:
      return 2;
    default:
      return 0;  // As upstream's map gives for a key it lacks.
  }
}

// The logarithm of the age in ns, rounded down; -1 for no age. Upstream takes it of a double, which is the same below
// 2^53 ns, 104 days.
int age_rank(Time t, Time now) {
  const std::int64_t age = (now - t).ns;
  return age > 0 ? std::bit_width(static_cast<std::uint64_t>(age)) - 1 : -1;
}

// What both orders begin with.
std::optional<bool> state_less(const Pod& a, const Pod& b) {
  if ((a.node == kNoNode) != (b.node == kNoNode)) return a.node == kNoNode;
  if (phase_rank(a.status.phase) != phase_rank(b.status.phase)) {
    return phase_rank(a.status.phase) < phase_rank(b.status.phase);
  }
  if (a.status.ready != b.status.ready) return !a.status.ready;
  return std::nullopt;
}

std::optional<bool> restarts_less(const Pod& a, const Pod& b) {
  if (a.status.restarts != b.status.restarts) return a.status.restarts > b.status.restarts;
  if (a.status.sidecar_restarts != b.status.sidecar_restarts) {
    return a.status.sidecar_restarts > b.status.sidecar_restarts;
  }
  return std::nullopt;
}

}  // namespace

void sort_for_deletion(const Store& store, std::vector<RankedPod>& pods, std::size_t first) {
  const Time now = store.now();
  const auto less = [&store, now](const RankedPod& x, const RankedPod& y) {
    const Pod& a = store.pod(x.pod);
    const Pod& b = store.pod(y.pod);
    if (const auto decided = state_less(a, b)) return *decided;
    if (a.deletion_cost != b.deletion_cost) return a.deletion_cost < b.deletion_cost;
    if (x.on_node != y.on_node) return x.on_node > y.on_node;
    // Upstream goes by uid as soon as two times differ within one power of two, which is no order at all among three
    // pods; here such pods go on to the next rule, which differs only where upstream leaves it to chance.
    if (a.status.ready) {
      const int rank_a = age_rank(a.status.ready_since, now);
      const int rank_b = age_rank(b.status.ready_since, now);
      if (rank_a != rank_b) return rank_a < rank_b;
    }
    if (const auto decided = restarts_less(a, b)) return *decided;
    const int rank_a = age_rank(a.created, now);
    const int rank_b = age_rank(b.created, now);
    if (rank_a != rank_b) return rank_a < rank_b;
    return a.uid < b.uid;
  };
  first = std::min(first, pods.size());
  std::partial_sort(pods.begin(), pods.begin() + static_cast<std::ptrdiff_t>(first), pods.end(), less);
}

void sort_active(const Store& store, std::vector<PodId>& pods) {
  std::sort(pods.begin(), pods.end(), [&store](PodId x, PodId y) {
    const Pod& a = store.pod(x);
    const Pod& b = store.pod(y);
    if (const auto decided = state_less(a, b)) return *decided;
    if (a.status.ready && a.status.ready_since != b.status.ready_since) {
      return a.status.ready_since > b.status.ready_since;
    }
    if (const auto decided = restarts_less(a, b)) return *decided;
    if (a.created != b.created) return a.created > b.created;
    return a.uid < b.uid;
  });
}

}  // namespace berth::controllers
