// Plain-text tables for a terminal: a column of labels on the left, columns of values right-aligned, or aligned at
// their ± where they have one. Columns that do not fit are put into a further block below, under the same labels.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace berth {

struct TableColumn {
  std::string header;
  std::vector<std::string> cells;  // As many as the table has labels.
};

struct TextTable {
  std::string label_header;
  std::vector<std::string> labels;
  std::vector<TableColumn> columns;
};

inline constexpr std::size_t kTableWidth = 120;

// Lines of at most `width` characters, unless a single label or column is wider. A label longer than a third of the
// width stands on a line of its own, its values below it. UTF-8; a code point counts as one character. O(text).
std::string to_text(const TextTable& table, std::size_t width = kTableWidth);

// Number of code points in UTF-8 text.
std::size_t display_width(std::string_view text);

}  // namespace berth
