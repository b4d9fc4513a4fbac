#include "results/table.hpp"

#include <algorithm>

#include "sim/engine/error.hpp"

namespace berth {
namespace {

constexpr std::string_view kGap = "  ";
constexpr std::string_view kPlusMinus = " ± ";

std::string pad_left(std::string_view text, std::size_t width) {
  const std::size_t have = display_width(text);
  return std::string(width > have ? width - have : 0, ' ') + std::string(text);
}

std::string pad_right(std::string_view text, std::size_t width) {
  const std::size_t have = display_width(text);
  return std::string(text) + std::string(width > have ? width - have : 0, ' ');
}

// Header and cells of a column, brought to one width.
std::vector<std::string> aligned(const TableColumn& column) {
  std::size_t before = 0;
  std::size_t after = 0;
  for (const std::string& cell : column.cells) {
    const std::size_t at = cell.find(kPlusMinus);
    if (at == std::string::npos) continue;
    before = std::max(before, display_width(std::string_view(cell).substr(0, at)));
    after = std::max(after, display_width(std::string_view(cell).substr(at)));
  }
  std::vector<std::string> lines{column.header};
  std::size_t width = display_width(column.header);
  for (const std::string& cell : column.cells) {
    const std::size_t at = cell.find(kPlusMinus);
    std::string line = cell;
    if (at != std::string::npos) line = pad_left(cell.substr(0, at), before) + pad_right(cell.substr(at), after);
    width = std::max(width, display_width(line));
    lines.push_back(std::move(line));
  }
  for (std::string& line : lines) line = pad_left(line, width);
  return lines;
}

void append_line(std::string& text, std::string line) {
  line.erase(line.find_last_not_of(' ') + 1);
  text += line + '\n';
}

}  // namespace

std::size_t display_width(std::string_view text) {
  return static_cast<std::size_t>(
      std::ranges::count_if(text, [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }));
}

std::string to_text(const TextTable& table, std::size_t width) {
  const std::size_t longest_label = width / 3;
  std::size_t label_width = display_width(table.label_header);
  for (const std::string& label : table.labels) {
    if (display_width(label) <= longest_label) label_width = std::max(label_width, display_width(label));
  }
  std::vector<std::vector<std::string>> columns;
  for (const TableColumn& column : table.columns) {
    BERTH_CHECK(column.cells.size() == table.labels.size());
    columns.push_back(aligned(column));
  }
  std::string text;
  std::size_t first = 0;
  do {
    std::size_t last = first;
    std::size_t used = label_width;
    while (last < columns.size()) {
      const std::size_t more = kGap.size() + display_width(columns[last].front());
      if (last > first && used + more > width) break;
      used += more;
      ++last;
    }
    if (first > 0) text += '\n';
    for (std::size_t row = 0; row <= table.labels.size(); ++row) {
      const std::string& label = row == 0 ? table.label_header : table.labels[row - 1];
      std::string line = pad_right(label, label_width);
      if (display_width(label) > label_width) {
        append_line(text, label);
        line = std::string(label_width, ' ');
      }
      for (std::size_t c = first; c < last; ++c) line += std::string(kGap) + columns[c][row];
      append_line(text, std::move(line));
    }
    first = last;
  } while (first < columns.size());
  return text;
}

}  // namespace berth
