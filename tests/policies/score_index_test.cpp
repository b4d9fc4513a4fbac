// ScoreIndex against a plain vector that is searched from the front.
#include "policies/score_index.hpp"

#include <gtest/gtest.h>

#include "sim/engine/rng.hpp"

namespace berth {
namespace {

constexpr float kNone = ScoreIndex::kInfeasible;

NodeId best_of(const std::vector<float>& twin) {
  std::size_t best = twin.size();
  for (std::size_t i = 0; i < twin.size(); ++i) {
    if (twin[i] != kNone && (best == twin.size() || twin[i] > twin[best])) best = i;
  }
  return best == twin.size() ? kNoNode : static_cast<NodeId>(best);
}
NodeId first_of(const std::vector<float>& twin, std::size_t from) {
  for (std::size_t i = from; i < twin.size(); ++i) {
    if (twin[i] != kNone) return static_cast<NodeId>(i);
  }
  return kNoNode;
}

void play(std::size_t size, std::uint64_t seed, int steps) {
  SCOPED_TRACE(testing::Message() << "size=" << size << " seed=" << seed);
  Rng rng(seed, 0, static_cast<std::uint32_t>(size), Purpose::kTest);
  ScoreIndex index_under_test(size);
  std::vector<float> twin(size, kNone);
  // Few distinct scores, so that ties are the rule; feasible nodes range from rare to nearly all.
  const std::uint32_t infeasible_pct = 5 + rng.below(92);
  for (int i = 0; i < steps; ++i) {
    const std::uint32_t n = rng.below(static_cast<std::uint32_t>(twin.size()));
    const float score = rng.below(100) < infeasible_pct ? kNone
                        : rng.below(10) == 0            ? -1e30F
                                                        : static_cast<float>(rng.below(4)) - 1.5F;
    index_under_test.set(static_cast<NodeId>(n), score);
    twin[n] = score;
    if (i % 50 == 0 && rng.below(4) == 0) {
      const std::size_t larger = twin.size() + rng.below(rng.below(3) == 0 ? 300 : 3);
      index_under_test.resize(larger);
      twin.resize(larger, kNone);
    }
    ASSERT_EQ(index_under_test.size(), twin.size());
    ASSERT_EQ(index_under_test[static_cast<NodeId>(n)], twin[n]);
    ASSERT_EQ(index_under_test.best(), best_of(twin));
    ASSERT_EQ(index_under_test.any(), best_of(twin) != kNoNode);
    const std::uint32_t from = rng.below(static_cast<std::uint32_t>(twin.size()) + 2);
    ASSERT_EQ(index_under_test.first_feasible(static_cast<NodeId>(from)), first_of(twin, from));
  }
  for (std::size_t i = 0; i < twin.size(); ++i) {
    ASSERT_EQ(index_under_test[static_cast<NodeId>(i)], twin[i]);
    ASSERT_EQ(index_under_test.feasible(static_cast<NodeId>(i)), twin[i] != kNone);
  }
}

TEST(ScoreIndexProperty, MatchesALinearScan) {
  for (std::size_t size = 1; size <= 40; ++size) {
    for (std::uint64_t seed = 0; seed < 5; ++seed) ASSERT_NO_FATAL_FAILURE(play(size, seed, 300));
  }
  for (const std::size_t size : {255U, 256U, 257U, 1000U, 4095U, 4096U, 4097U, 5000U}) {
    for (std::uint64_t seed = 0; seed < 3; ++seed) ASSERT_NO_FATAL_FAILURE(play(size, seed, 1000));
  }
}

TEST(ScoreIndex, EmptyAndFull) {
  ScoreIndex none(100);
  EXPECT_EQ(none.best(), kNoNode);
  EXPECT_EQ(none.first_feasible(NodeId{0}), kNoNode);
  EXPECT_FALSE(none.any());
  for (std::uint32_t i = 0; i < 100; ++i) none.set(static_cast<NodeId>(i), 1.0F);
  EXPECT_EQ(none.best(), NodeId{0});  // All tie: the lowest id.
  for (std::uint32_t i = 0; i < 100; ++i) none.set(static_cast<NodeId>(i), kNone);
  EXPECT_EQ(none.best(), kNoNode);
}

TEST(ScoreIndex, OfNoNodes) {
  ScoreIndex index_of_none(0);
  EXPECT_EQ(index_of_none.best(), kNoNode);
  EXPECT_EQ(index_of_none.first_feasible(NodeId{0}), kNoNode);
  index_of_none.resize(1);
  index_of_none.set(NodeId{0}, 0.0F);
  EXPECT_EQ(index_of_none.best(), NodeId{0});
}

}  // namespace
}  // namespace berth
