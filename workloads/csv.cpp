#include "workloads/csv.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstring>
#include <fstream>
#include <utility>

#include "workloads/workload.hpp"

namespace berth {
namespace {

// "a, b and c"
std::string listed(std::span<const std::string> names) {
  std::string text;
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (i > 0) text += i + 1 == names.size() ? " and " : ", ";
    text += names[i];
  }
  return text;
}

// Halves the doubled quotes.
void unescape(std::string_view field, std::string& plain) {
  plain.clear();
  for (std::size_t i = 0; i < field.size(); ++i) {
    plain += field[i];
    if (field[i] == '"') ++i;  // Its twin.
  }
}

// The whole file. Throws InputError if it cannot be read.
std::string read_file(const std::filesystem::path& path) {
  std::error_code error;
  if (!std::filesystem::exists(path, error)) throw InputError(path.string() + ": no such file; expected a CSV file");
  if (std::filesystem::is_directory(path, error)) {
    throw InputError(path.string() + ": is a folder; expected a CSV file");
  }
  std::ifstream in(path, std::ios::binary | std::ios::ate);
  std::string text;
  if (in) {
    text.resize(static_cast<std::size_t>(std::max<std::streamoff>(0, in.tellg())));
    in.seekg(0);
    in.read(text.data(), static_cast<std::streamsize>(text.size()));
  }
  if (!in) throw InputError(path.string() + ": cannot be read; expected a readable CSV file");
  return text;
}

}  // namespace

std::string in_quotes(std::string_view text) {
  constexpr std::size_t kShown = 60;
  std::string shown = "\"";
  for (const char c : text.substr(0, kShown)) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte == 0x7F) {
      shown += fmt::format("\\x{:02x}", byte);
    } else {
      shown += c;
    }
  }
  return shown + (text.size() > kShown ? "…\"" : "\"");
}

CsvReader::CsvReader(const std::filesystem::path& path, std::vector<std::string> required,
                     std::vector<std::string> optional)
    : CsvReader(path.string(), read_file(path), std::move(required), std::move(optional)) {}

CsvReader::CsvReader(std::string name, std::string text, std::vector<std::string> required,
                     std::vector<std::string> optional)
    : file_(std::move(name)), text_(std::move(text)), names_(std::move(required)), required_(names_.size()) {
  names_.insert(names_.end(), std::make_move_iterator(optional.begin()), std::make_move_iterator(optional.end()));
  next_ = text_.data();
  end_ = text_.data() + text_.size();
  if (text_.starts_with("\xEF\xBB\xBF")) next_ += 3;
  row_begin_ = next_;
  row_line_ = 1;
  if (const void* nul = std::memchr(next_, '\0', static_cast<std::size_t>(end_ - next_))) {
    const char* where = static_cast<const char*>(nul);
    row_line_ = 1 + static_cast<std::size_t>(std::count(next_, where, '\n'));
    row_begin_ = where;
    while (row_begin_ > next_ && row_begin_[-1] != '\n') --row_begin_;
    throw InputError(to_string(place_of(where)) + ": a NUL byte; expected text");
  }
  // Blank lines at the end are no rows.
  while (end_ > next_ && (end_[-1] == '\n' || end_[-1] == '\r')) --end_;
  if (next_ == end_) {
    throw InputError(file_ + ":1: the file is empty; expected a header with the columns " +
                     listed(std::span(names_).first(required_)));
  }
  read_header();
  unescaped_.resize(names_.size());
}

void CsvReader::read_header() {
  read_row();
  header_fields_ = fields_.size();
  std::vector<std::string> header;
  for (const Field& field : fields_) {
    std::string name(field.text);
    if (field.doubled) unescape(field.text, name);
    if (std::find(header.begin(), header.end(), name) != header.end()) {
      throw InputError(to_string(place_of(field.text.data())) + ": column " + in_quotes(name) +
                       " is named twice; expected each column once");
    }
    header.push_back(std::move(name));
  }
  source_.assign(names_.size(), kAbsent);
  for (std::size_t column = 0; column < names_.size(); ++column) {
    const auto found = std::find(header.begin(), header.end(), names_[column]);
    if (found != header.end()) source_[column] = static_cast<std::size_t>(found - header.begin());
  }
  for (const std::string& name : header) {
    if (std::find(names_.begin(), names_.end(), name) == names_.end()) extra_.push_back(name);
  }
  for (std::size_t column = 0; column < required_; ++column) {
    if (!has(column)) {
      throw InputError(file_ + ":1: no column " + in_quotes(names_[column]) + "; expected the columns " +
                       listed(std::span(names_).first(required_)) + did_you_mean(names_[column], extra_));
    }
  }
}

// One pass over the bytes of the row. A field is a view into the text.
void CsvReader::read_row() {
  row_begin_ = next_;
  row_line_ = next_line_;
  fields_.clear();
  const char* at = next_;
  while (true) {
    Field field;
    if (at != end_ && *at == '"') {
      const char* const open = at++;
      while (at != end_ && (*at != '"' || (at + 1 != end_ && at[1] == '"'))) {
        if (*at == '\n') ++next_line_;
        if (*at == '"') {
          field.doubled = true;
          ++at;
        }
        ++at;
      }
      if (at == end_) {
        throw InputError(to_string(place_of(open)) + ": a quoted field does not end; expected a closing quote");
      }
      field.text = {open + 1, at};
      ++at;
      if (at != end_ && *at == '\r' && at + 1 != end_ && at[1] == '\n') ++at;
      if (at != end_ && *at != ',' && *at != '\n') {
        throw InputError(to_string(place_of(at)) + ": text after a closing quote; expected a comma or the line's end");
      }
    } else {
      const char* const begin = at;
      while (at != end_ && *at != ',' && *at != '\n') ++at;
      const char* const stop = at != end_ && *at == '\n' && at != begin && at[-1] == '\r' ? at - 1 : at;
      field.text = {begin, stop};
    }
    fields_.push_back(field);
    if (at == end_ || *at == '\n') break;
    ++at;  // The comma: another field follows, if only an empty one.
  }
  if (at != end_) {
    ++at;
    ++next_line_;
  }
  next_ = at;
}

bool CsvReader::next() {
  if (next_ == end_) return false;
  if (!before_first_) {
    if (row_ == std::numeric_limits<std::uint32_t>::max()) {
      throw InputError(fmt::format("{}:{}: too many rows; expected fewer than 2^32", file_, next_line_));
    }
    ++row_;
  }
  before_first_ = false;
  read_row();
  if (fields_.size() != header_fields_) {
    throw InputError(fmt::format("{}:{}: the row has {} field{}; expected {} as in the header", file_, row_line_,
                                 fields_.size(), fields_.size() == 1 ? "" : "s", header_fields_));
  }
  return true;
}

std::string_view CsvReader::text(std::size_t column) const {
  const Field& field = fields_[source_[column]];
  if (!field.doubled) return field.text;
  unescape(field.text, unescaped_[column]);
  return unescaped_[column];
}

std::int64_t CsvReader::integer(std::size_t column, std::int64_t min, std::int64_t max) const {
  const std::string_view field = text(column);
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(field.data(), field.data() + field.size(), value);
  if (error != std::errc() || end != field.data() + field.size() || value < min || value > max) {
    fail(column, "", fmt::format("a whole number from {} to {}", min, max));
  }
  return value;
}

double CsvReader::number(std::size_t column, double min, double max) const {
  const std::string_view field = text(column);
  double value = 0;
  const auto [end, error] = std::from_chars(field.data(), field.data() + field.size(), value);
  if (error != std::errc() || end != field.data() + field.size() || !std::isfinite(value) || value < min ||
      value > max) {
    fail(column, "", fmt::format("a number from {} to {}", min, max));
  }
  return value;
}

Duration CsvReader::seconds(std::size_t column) const {
  constexpr std::int64_t kMaxSeconds = kMaxInteger / 1'000'000'000;
  const std::string_view field = text(column);
  std::int64_t whole = 0;
  const auto [end, error] = std::from_chars(field.data(), field.data() + field.size(), whole);
  if (error == std::errc() && end == field.data() + field.size() && whole >= 0 && whole <= kMaxSeconds) {
    return berth::seconds(whole);
  }
  double value = 0;
  const auto [decimal_end, decimal_error] = std::from_chars(field.data(), field.data() + field.size(), value);
  if (decimal_error != std::errc() || decimal_end != field.data() + field.size() || !(value >= 0) ||
      !(value <= static_cast<double>(kMaxSeconds))) {
    fail(column, "", fmt::format("seconds from 0 to {}", kMaxSeconds));
  }
  return from_seconds(value);
}

Place CsvReader::place(std::size_t column) const {
  const Field& field = fields_[source_[column]];
  const char* where = field.text.data();
  // The field of a quoted text begins at its quote.
  if (where > row_begin_ && where[-1] == '"') --where;
  return place_of(where);
}

Place CsvReader::place_of(const char* where) const {
  Place place{file_, row_line_, 1};
  for (const char* at = row_begin_; at < where; ++at) {
    if (*at == '\n') {
      ++place.line;
      place.column = 1;
    } else if ((static_cast<unsigned char>(*at) & 0xC0) != 0x80) {  // UTF-8 continuation bytes are no characters.
      ++place.column;
    }
  }
  return place;
}

void CsvReader::fail(std::size_t column, std::string_view why, std::string_view expected) const {
  throw InputError(fmt::format("{}: {} is {}{}; expected {}", to_string(place(column)), names_[column],
                               in_quotes(text(column)), why, expected));
}

void note_columns_not_read(const CsvReader& csv, ImportReport& report) {
  if (!csv.extra_columns().empty()) {
    report.notes.push_back("columns not read: " + listed(csv.extra_columns()));
  }
  if (report.rows_read == 0) report.notes.push_back("the file has a header and no rows");
}

}  // namespace berth
