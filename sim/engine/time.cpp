#include "sim/engine/time.hpp"

#include <charconv>
#include <cmath>

#include "sim/engine/error.hpp"

namespace berth {
namespace {

struct Unit {
  std::string_view name;
  std::int64_t ns;
};
// Longer names first: "ms" must not be read as "m".
constexpr Unit kUnits[] = {{"ns", 1},
                           {"us", 1'000},
                           {"µs", 1'000},
                           {"ms", 1'000'000},
                           {"s", 1'000'000'000},
                           {"m", 60'000'000'000},
                           {"h", 3'600'000'000'000}};

[[noreturn]] void bad_duration(std::string_view text, std::string_view what, const char* why) {
  throw InputError(std::string(what) + " is \"" + std::string(text) + "\"" + why +
                   "; expected a duration such as \"90s\", \"1h30m\" or \"250ms\"");
}

}  // namespace

Duration from_seconds(double s) {
  BERTH_CHECK(!std::isnan(s));
  const double ns = s * 1e9;
  if (ns >= 9.2233720368547748e18) return kForever;
  if (ns <= -9.2233720368547748e18) return Duration{-kForever.ns};
  return Duration{std::llround(ns)};
}

Duration parse_duration(std::string_view text, std::string_view what) {
  std::string_view rest = text;
  bool negative = false;
  if (!rest.empty() && (rest.front() == '-' || rest.front() == '+')) {
    negative = rest.front() == '-';
    rest.remove_prefix(1);
  }
  if (rest == "0") return {};
  if (rest.empty()) bad_duration(text, what, "");
  __int128 total_ns = 0;
  while (!rest.empty()) {
    std::int64_t whole = 0;
    const auto [whole_end, whole_error] = std::from_chars(rest.data(), rest.data() + rest.size(), whole);
    std::size_t used = static_cast<std::size_t>(whole_end - rest.data());
    if (whole_error == std::errc::result_out_of_range || whole < 0) bad_duration(text, what, ", too long");
    if (whole_error != std::errc() && (rest.front() != '.')) bad_duration(text, what, "");
    if (whole_error != std::errc()) used = 0;
    rest.remove_prefix(used);
    std::int64_t fraction = 0;
    std::int64_t scale = 1;
    bool digits = used > 0;
    if (!rest.empty() && rest.front() == '.') {
      rest.remove_prefix(1);
      while (!rest.empty() && rest.front() >= '0' && rest.front() <= '9') {
        if (scale < 1'000'000'000'000'000) {  // Further digits are below a nanosecond of an hour.
          fraction = fraction * 10 + (rest.front() - '0');
          scale *= 10;
        }
        digits = true;
        rest.remove_prefix(1);
      }
    }
    if (!digits) bad_duration(text, what, "");
    const Unit* unit = nullptr;
    for (const Unit& candidate : kUnits) {
      if (rest.starts_with(candidate.name)) {
        unit = &candidate;
        break;
      }
    }
    if (unit == nullptr) bad_duration(text, what, rest.empty() ? ", without a unit" : ", with an unknown unit");
    rest.remove_prefix(unit->name.size());
    total_ns += static_cast<__int128>(whole) * unit->ns + static_cast<__int128>(fraction) * unit->ns / scale;
    if (total_ns > kForever.ns) bad_duration(text, what, ", too long");
  }
  const auto ns = static_cast<std::int64_t>(total_ns);
  return Duration{negative ? -ns : ns};
}

std::optional<double> parse_rate(std::string_view text) {
  double rate = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), rate);
  if (error != std::errc() || !(rate >= 0) || std::isinf(rate)) return std::nullopt;
  const std::string_view unit(end, static_cast<std::size_t>(text.data() + text.size() - end));
  if (unit == "/s" || (unit.empty() && rate == 0)) return rate;
  if (unit == "/m") return rate / 60;
  if (unit == "/h") return rate / 3'600;
  if (unit == "/d") return rate / 86'400;
  return std::nullopt;
}

std::string to_string(Duration d) {
  if (d.ns == 0) return "0s";
  const bool negative = d.ns < 0;
  // Unsigned, so that the most negative value has a magnitude.
  std::uint64_t rest = negative ? ~static_cast<std::uint64_t>(d.ns) + 1 : static_cast<std::uint64_t>(d.ns);
  std::string text = negative ? "-" : "";
  const auto with_fraction = [](std::uint64_t value, std::uint64_t unit, const char* name) {
    std::string digits = std::to_string(value / unit);
    if (value % unit != 0) {
      std::string fraction = std::to_string(unit + value % unit).substr(1);
      fraction.erase(fraction.find_last_not_of('0') + 1);
      digits += "." + fraction;
    }
    return digits + name;
  };
  constexpr std::uint64_t kSecond = 1'000'000'000;
  if (rest < 1'000) return text + with_fraction(rest, 1, "ns");
  if (rest < 1'000'000) return text + with_fraction(rest, 1'000, "us");
  if (rest < kSecond) return text + with_fraction(rest, 1'000'000, "ms");
  const std::uint64_t hours = rest / (3'600 * kSecond);
  rest %= 3'600 * kSecond;
  const std::uint64_t minutes = rest / (60 * kSecond);
  rest %= 60 * kSecond;
  if (hours > 0) text += std::to_string(hours) + "h";
  if (hours > 0 || minutes > 0) text += std::to_string(minutes) + "m";
  return text + with_fraction(rest, kSecond, "s");
}

}  // namespace berth
