#include "results/table.hpp"

#include <gtest/gtest.h>

#include <sstream>

namespace berth {
namespace {

TEST(TextTable, AlignsAtPlusMinus) {
  const TextTable table{"policy", {"a", "best-fit"}, {{"wait", {"1.5 ± 0.25", "112 ± 3 *"}}, {"n", {"–", "12"}}}};
  EXPECT_EQ(to_text(table),
            "policy          wait   n\n"  // Widths 8, 10 and 2, two spaces between.
            "a         1.5 ± 0.25   –\n"
            "best-fit  112 ± 3 *   12\n");
}

TEST(TextTable, WrapsByColumns) {
  const TextTable table{"p", {"a"}, {{"one", {"1"}}, {"two", {"2"}}, {"three", {"3"}}}};
  EXPECT_EQ(to_text(table, 11),
            "p  one  two\n"
            "a    1    2\n"
            "\n"
            "p  three\n"
            "a      3\n");
  EXPECT_EQ(to_text(table, 3),  // Narrower than any column: one each.
            "p  one\na    1\n\np  two\na    2\n\np  three\na      3\n");
}

TEST(TextTable, LongLabelsStandAlone) {
  const TextTable table{"p", {"a-label-of-20-letters", "b"}, {{"v", {"1", "2"}}}};
  EXPECT_EQ(to_text(table, 30), "p  v\na-label-of-20-letters\n   1\nb  2\n");
}

TEST(TextTable, EmptyAndWidth) {
  EXPECT_EQ(to_text({"p", {}, {}}), "p\n");
  EXPECT_EQ(display_width("± –π"), 4U);
}

}  // namespace
}  // namespace berth
