// Against std::set, and the spelling of status.completedIndexes ("1,3-5,7") from the API documentation.
#include "sim/controllers/index_intervals.hpp"

#include <gtest/gtest.h>

#include <set>

#include "sim/engine/rng.hpp"

namespace berth::controllers {
namespace {

struct TextCase {
  const char* text;
  std::int32_t completions;
  const char* expected;
  std::int32_t total;
};
class IndexIntervalsTest : public testing::TestWithParam<TextCase> {};

TEST_P(IndexIntervalsTest, ReadsAndWrites) {
  const IndexIntervals i = IndexIntervals::parse(GetParam().text, GetParam().completions);
  EXPECT_EQ(i.text(), GetParam().expected);
  EXPECT_EQ(i.total(), GetParam().total);
}
INSTANTIATE_TEST_SUITE_P(Table, IndexIntervalsTest,
                         testing::Values(TextCase{"", 5, "", 0}, TextCase{"1,3-5,7", 10, "1,3-5,7", 5},
                                         TextCase{"3,4", 10, "3,4", 2}, TextCase{"3-4", 10, "3,4", 2},
                                         TextCase{"3,4,5", 10, "3-5", 3}, TextCase{"1,3-5,7", 5, "1,3,4", 3},
                                         TextCase{"0,x,2", 5, "0,2", 2}, TextCase{"9", 5, "", 0}));

TEST(IndexIntervalsProperty, AgreesWithASet) {
  for (std::uint32_t seed = 0; seed < 200; ++seed) {
    SCOPED_TRACE(testing::Message() << "seed=" << seed);
    Rng rng(seed, 0, 0, Purpose::kTest);
    IndexIntervals a, b;
    std::set<std::int32_t> x, y;
    for (int i = 0; i < 30; ++i) {
      const auto p = static_cast<std::int32_t>(rng.below(40));
      const auto q = static_cast<std::int32_t>(rng.below(40));
      a.add(p);
      x.insert(p);
      b.add(q);
      y.insert(q);
    }
    std::int32_t common = 0;
    for (const std::int32_t v : x) common += y.contains(v) ? 1 : 0;
    EXPECT_EQ(a.common(b), common);
    a.merge(b);
    x.insert(y.begin(), y.end());
    EXPECT_EQ(a.total(), static_cast<std::int32_t>(x.size()));
    for (std::int32_t v = -1; v < 42; ++v) EXPECT_EQ(a.has(v), x.contains(v)) << v;
    EXPECT_EQ(IndexIntervals::parse(a.text(), 40), a);
  }
}

}  // namespace
}  // namespace berth::controllers
