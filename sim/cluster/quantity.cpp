// A quantity is a row of decimal digits with a point and a power of 1000, 1024 or 10. The point is moved by the decimal
// exponent, the powers of 1024 are multiplied in digit by digit, and what is left behind the point rounds up. Exact at
// any length, and small enough to check by eye.
#include "sim/cluster/quantity.hpp"

#include <charconv>
#include <limits>
#include <vector>

#include "sim/engine/error.hpp"

namespace berth {
namespace {

constexpr std::int64_t kMax = std::numeric_limits<std::int64_t>::max();
constexpr std::int64_t kMaxIntegerDigits = 19;  // 10^19 > 2^63: a longer integer part cannot fit.
// 10^-20 * 1024^6 < 1: a smaller value is above 0 and at most 1 whatever its suffix, so its zeros need not be written.
constexpr std::int64_t kMinPoint = -20;

constexpr std::string_view kCpuForms = "millicores (\"500m\") or cores (\"2\", \"0.5\")";
constexpr std::string_view kByteForms = "bytes (\"128Mi\", \"1G\" or \"1048576\")";
constexpr std::string_view kCountForms = "a count (\"1\", \"4\" or \"2k\")";

struct Suffix {
  std::string_view text;
  int exponent10;
  int exponent1024;
};
constexpr Suffix kSuffixes[] = {{"", 0, 0},   {"n", -9, 0}, {"u", -6, 0}, {"m", -3, 0}, {"k", 3, 0},  {"M", 6, 0},
                                {"G", 9, 0},  {"T", 12, 0}, {"P", 15, 0}, {"E", 18, 0}, {"Ki", 0, 1}, {"Mi", 0, 2},
                                {"Gi", 0, 3}, {"Ti", 0, 4}, {"Pi", 0, 5}, {"Ei", 0, 6}};

struct Field {  // What is being read, for the message.
  std::string_view text;
  std::string_view what;
  std::string_view expected;
};

[[noreturn]] void fail(const Field& field, std::string_view why) {
  constexpr std::size_t kShown = 60;
  std::string shown;
  for (const char c : field.text.substr(0, kShown)) {
    shown += static_cast<unsigned char>(c) < 0x20 || c == 0x7F ? '?' : c;  // The message stays one line.
  }
  if (field.text.size() > kShown) shown += "…";
  throw InputError(std::string(field.what) + " is \"" + shown + "\"" + std::string(why) + "; expected " +
                   std::string(field.expected));
}

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

// Reads the suffix; false if it is none.
bool read_suffix(std::string_view text, std::int64_t& exponent10, int& exponent1024) {
  for (const Suffix& suffix : kSuffixes) {
    if (suffix.text == text) {
      exponent10 = suffix.exponent10;
      exponent1024 = suffix.exponent1024;
      return true;
    }
  }
  if (text.size() < 2 || (text.front() != 'e' && text.front() != 'E')) return false;
  text.remove_prefix(1);
  if (text.front() == '+') {
    text.remove_prefix(1);
    if (text.empty() || !is_digit(text.front())) return false;  // "e+-3"
  }
  std::int32_t exponent = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), exponent);
  exponent10 = exponent;
  exponent1024 = 0;
  return error == std::errc() && end == text.data() + text.size();
}

std::int64_t parse(const Field& field, int decimals) {
  std::string_view rest = field.text;
  bool negative = false;
  if (!rest.empty() && (rest.front() == '-' || rest.front() == '+')) {
    negative = rest.front() == '-';
    rest.remove_prefix(1);
  }
  std::vector<std::uint8_t> digits;  // Without leading zeros; the value is 0.d1d2d3… * 10^point.
  std::int64_t point = 0;
  bool any = false;
  bool fraction = false;
  while (!rest.empty() && (is_digit(rest.front()) || (rest.front() == '.' && !fraction))) {
    const char c = rest.front();
    rest.remove_prefix(1);
    if (c == '.') {
      fraction = true;
      continue;
    }
    any = true;
    if (!fraction && (c != '0' || !digits.empty())) ++point;
    if (fraction && c == '0' && digits.empty()) --point;
    if (c != '0' || !digits.empty()) digits.push_back(static_cast<std::uint8_t>(c - '0'));
  }
  std::int64_t exponent10 = 0;
  int exponent1024 = 0;
  if (!any || !read_suffix(rest, exponent10, exponent1024)) fail(field, "");
  while (!digits.empty() && digits.back() == 0) digits.pop_back();
  if (digits.empty()) return 0;

  point += exponent10 + decimals;
  if (point > kMaxIntegerDigits) fail(field, ", too large");
  if (point <= kMinPoint) return negative ? -1 : 1;
  if (point < 0) {
    digits.insert(digits.begin(), static_cast<std::size_t>(-point), 0);
    point = 0;
  }
  unsigned __int128 whole = 0;
  for (std::int64_t i = 0; i < point; ++i) {
    const auto at = static_cast<std::size_t>(i);
    whole = whole * 10 + (at < digits.size() ? digits[at] : 0);
  }
  const auto first = static_cast<std::size_t>(point);  // Of the digits behind the point.
  for (int power = 0; power < exponent1024; ++power) {
    std::uint32_t carry = 0;
    for (std::size_t i = digits.size(); i > first; --i) {
      const std::uint32_t product = digits[i - 1] * 1024U + carry;
      digits[i - 1] = static_cast<std::uint8_t>(product % 10);
      carry = product / 10;
    }
    whole = whole * 1024 + carry;
    if (whole > static_cast<unsigned __int128>(kMax)) fail(field, ", too large");
  }
  for (std::size_t i = first; i < digits.size(); ++i) {
    if (digits[i] != 0) {
      ++whole;
      break;
    }
  }
  if (whole > static_cast<unsigned __int128>(kMax)) fail(field, ", too large");
  const auto value = static_cast<std::int64_t>(whole);
  return negative ? -value : value;
}

std::int64_t parse_not_negative(const Field& field, int decimals) {
  const std::int64_t value = parse(field, decimals);
  if (value < 0) fail(field, ", negative");
  return value;
}

// Divides out `base` while it divides, at most as often as there are suffixes.
std::string with_suffix(std::int64_t value, std::int64_t base, const std::string_view* suffixes, std::size_t count) {
  std::size_t power = 0;
  while (value != 0 && power + 1 < count && value % base == 0) {
    value /= base;
    ++power;
  }
  return std::to_string(value) + (value == 0 ? std::string() : std::string(suffixes[power]));
}

constexpr std::string_view kMilli[] = {"m", "", "k", "M", "G", "T", "P", "E"};
constexpr std::string_view kBinary[] = {"", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei"};

}  // namespace

std::int64_t parse_quantity(std::string_view text, std::string_view what, int decimals) {
  BERTH_CHECK(decimals >= 0 && decimals <= 9);
  return parse({text, what, "a quantity (\"500m\", \"1.5\", \"128Mi\" or \"2e3\")"}, decimals);
}

std::int64_t parse_cpu_milli(std::string_view text, std::string_view what) {
  return parse_not_negative({text, what, kCpuForms}, 3);
}

std::int64_t parse_bytes(std::string_view text, std::string_view what) {
  return parse_not_negative({text, what, kByteForms}, 0);
}

std::int64_t parse_count(std::string_view text, std::string_view what) {
  return parse_not_negative({text, what, kCountForms}, 0);
}

std::string format_cpu(std::int64_t milli) {
  return with_suffix(milli, 1000, kMilli, std::size(kMilli));
}

std::string format_bytes(std::int64_t bytes) {
  if (bytes > -1024 && bytes < 1024) return with_suffix(bytes, 1000, kMilli + 1, std::size(kMilli) - 1);
  return with_suffix(bytes, 1024, kBinary, std::size(kBinary));
}

}  // namespace berth
