// ChangeLog: each node that changed since the cursor, once, newest first; against a twin that keeps every touch.
#include "sim/cluster/change_log.hpp"

#include <gtest/gtest.h>

#include <algorithm>

#include "sim/engine/rng.hpp"

namespace berth {
namespace {

TEST(ChangeLogProperty, MatchesTheTwin) {
  for (std::uint64_t seed = 0; seed < 60; ++seed) {
    SCOPED_TRACE(testing::Message() << "seed=" << seed);
    Rng rng(seed, 0, 0, Purpose::kTest);
    ChangeLog log;
    std::vector<std::uint32_t> touches;  // Every change in turn.
    struct Reader {
      ChangeLog::Cursor cursor = 0;
      std::size_t seen = 0;  // Of `touches`.
    };
    std::vector<Reader> readers(4);
    std::uint32_t nodes = 0;
    for (int i = 0; i < 800; ++i) {
      const std::uint32_t dice = rng.below(20);
      if (nodes == 0 || (dice == 0 && nodes < 40)) {
        log.add_node();
        touches.push_back(nodes++);
      } else if (dice < 17) {
        const std::uint32_t node = rng.below(rng.below(2) == 0 ? nodes : std::min(nodes, 3U));
        log.touch(static_cast<NodeId>(node));
        touches.push_back(node);
      } else {
        Reader& reader = readers[rng.below(4)];
        std::vector<std::uint32_t> expected;
        for (std::size_t k = touches.size(); k-- > reader.seen;) {
          if (std::find(expected.begin(), expected.end(), touches[k]) == expected.end()) expected.push_back(touches[k]);
        }
        std::vector<std::uint32_t> got;
        log.changed_since(reader.cursor, [&](NodeId node) { got.push_back(static_cast<std::uint32_t>(node)); });
        ASSERT_EQ(got, expected);
        reader = {log.now(), touches.size()};
        log.changed_since(reader.cursor, [](NodeId) { FAIL() << "nothing changed since"; });
      }
    }
  }
}

TEST(ChangeLog, LastChangeMovesWithEachTouch) {
  ChangeLog log;
  log.add_node();
  log.add_node();
  const ChangeLog::Cursor before = log.last_change(NodeId{0});
  log.touch(NodeId{1});
  EXPECT_EQ(log.last_change(NodeId{0}), before);
  log.touch(NodeId{0});
  log.touch(NodeId{0});  // The newest again: still a change.
  EXPECT_GT(log.last_change(NodeId{0}), before + 1);
  EXPECT_EQ(log.last_change(NodeId{0}), log.now());
}

}  // namespace
}  // namespace berth
