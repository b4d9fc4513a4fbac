// Reads a trace that is a table: a header, then rows. Columns are found by name, so their order does not matter and a
// file may have more of them than we read. Every complaint is one line that names file, line and character column.
// Format: RFC 4180 (quoted fields, doubled quotes, line breaks inside quotes), with LF or CRLF, an optional byte order
// mark and blank lines at the end. A quote inside an unquoted field stands for itself.
#pragma once

#include <cstdint>
#include <filesystem>
#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "sim/engine/error.hpp"
#include "sim/engine/time.hpp"

namespace berth {

inline constexpr std::int64_t kMaxInteger = std::numeric_limits<std::int64_t>::max();

// The text in quotes for a message: control characters as \x0d, cut after 60 bytes.
std::string in_quotes(std::string_view text);

// Holds the text in memory and hands out views into it: no allocation per field, about 5 * 10^7 short fields a second
// (numbers converted, one core of a 2020s x86-64).
class CsvReader {
 public:
  // Columns are known by their number in `required` followed by `optional`. Throws InputError for an empty file, NUL
  // bytes, a header that names a column twice and a required column that is missing.
  CsvReader(const std::filesystem::path& path, std::vector<std::string> required, std::vector<std::string> optional);
  // The same for text at hand; `name` stands for the file in messages.
  CsvReader(std::string name, std::string text, std::vector<std::string> required, std::vector<std::string> optional);

  CsvReader(const CsvReader&) = delete;  // The fields are views into this very object.
  CsvReader& operator=(const CsvReader&) = delete;

  // Goes to the next row; false at the end. Throws InputError if it has not as many fields as the header.
  bool next();
  std::uint32_t row() const { return row_; }      // 0-based, of the row next() went to.
  std::size_t line() const { return row_line_; }  // 1-based, where that row begins.
  const std::string& file() const { return file_; }

  bool has(std::size_t column) const { return source_[column] != kAbsent; }
  const std::vector<std::string>& extra_columns() const { return extra_; }  // In the file, but not asked for.

  // The field in the current row; `column` must be one that the file has. text() is valid until the next call of
  // next() or, for a field with doubled quotes, of text() for the same column.
  std::string_view text(std::size_t column) const;
  bool empty(std::size_t column) const { return text(column).empty(); }
  // A whole number in [min, max]; throws InputError for anything else.
  std::int64_t integer(std::size_t column, std::int64_t min = 0, std::int64_t max = kMaxInteger) const;
  // A finite decimal number in [min, max].
  double number(std::size_t column, double min, double max) const;
  // Seconds since the trace began, >= 0, whole or decimal; whole ones are exact.
  Duration seconds(std::size_t column) const;

  Place place(std::size_t column) const;  // Of the field in the current row. O(length of the row).
  // Throws InputError `file:line:column: <column's name> is "<field>"<why>; expected <expected>`. `why` is empty or
  // begins with a comma.
  [[noreturn]] void fail(std::size_t column, std::string_view why, std::string_view expected) const;

 private:
  struct Field {
    std::string_view text;  // Without the quotes around it.
    bool doubled = false;   // Has doubled quotes, which text() must halve.
  };
  static constexpr std::size_t kAbsent = static_cast<std::size_t>(-1);

  void read_header();
  void read_row();  // Splits the row at next_ into fields_.
  Place place_of(const char* where) const;

  std::string file_;
  std::string text_;
  std::vector<std::string> names_;   // By column number.
  std::vector<std::size_t> source_;  // By column number: position in the row, or kAbsent.
  std::vector<std::string> extra_;
  std::vector<Field> fields_;  // Of the current row.
  std::size_t required_ = 0;
  std::size_t header_fields_ = 0;
  const char* row_begin_ = nullptr;
  const char* next_ = nullptr;
  const char* end_ = nullptr;
  std::size_t row_line_ = 0;
  std::size_t next_line_ = 1;
  std::uint32_t row_ = 0;
  bool before_first_ = true;
  mutable std::vector<std::string> unescaped_;  // By column number, for fields with doubled quotes.
};

struct ImportReport;

// The notes that every importer owes: the columns that it did not read, and that the file has no rows.
void note_columns_not_read(const CsvReader& csv, ImportReport& report);

}  // namespace berth
