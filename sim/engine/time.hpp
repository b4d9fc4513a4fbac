// Simulated time: signed 64-bit nanoseconds since the run began. Integers, so that sums do not depend on their order
// and equal instants compare equal (floating-point clocks drift apart after about 10^7 s).
#pragma once

#include <compare>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>

namespace berth {

// A span of simulated time in nanoseconds; may be negative.
struct Duration {
  std::int64_t ns = 0;

  friend constexpr auto operator<=>(Duration, Duration) = default;
  friend constexpr Duration operator+(Duration a, Duration b) { return {a.ns + b.ns}; }
  friend constexpr Duration operator-(Duration a, Duration b) { return {a.ns - b.ns}; }
  friend constexpr Duration operator*(Duration a, std::int64_t k) { return {a.ns * k}; }
  friend constexpr Duration operator/(Duration a, std::int64_t k) { return {a.ns / k}; }
  constexpr Duration& operator+=(Duration d) {
    ns += d.ns;
    return *this;
  }
  constexpr double seconds() const { return static_cast<double>(ns) * 1e-9; }
};

// An instant: nanoseconds since the start of the run, 0 .. about 292 years.
struct Time {
  std::int64_t ns = 0;

  friend constexpr auto operator<=>(Time, Time) = default;
  friend constexpr Duration operator-(Time a, Time b) { return {a.ns - b.ns}; }
  constexpr double seconds() const { return static_cast<double>(ns) * 1e-9; }
};

inline constexpr Duration kForever{std::numeric_limits<std::int64_t>::max()};
inline constexpr Time kNever{std::numeric_limits<std::int64_t>::max()};

// Saturates at kNever, so that `now + kForever` never wraps into the past.
constexpr Time operator+(Time t, Duration d) {
  std::int64_t sum = 0;
  return __builtin_add_overflow(t.ns, d.ns, &sum) ? kNever : Time{sum};
}
constexpr Time operator-(Time t, Duration d) {
  return t + Duration{-d.ns};
}

constexpr Duration nanoseconds(std::int64_t n) {
  return {n};
}
constexpr Duration microseconds(std::int64_t n) {
  return {n * 1'000};
}
constexpr Duration milliseconds(std::int64_t n) {
  return {n * 1'000'000};
}
constexpr Duration seconds(std::int64_t n) {
  return {n * 1'000'000'000};
}

// Nearest nanosecond to `s` seconds, saturating at ±kForever. NaN is a programming error (BERTH_CHECK).
Duration from_seconds(double s);

// Parses Go's duration syntax as Kubernetes uses it: "1h30m", "10s", "250ms", "1.5us", "0". Throws InputError naming
// `what` (for instance "trace.yaml:3:10: interval") when the text is no duration or does not fit.
Duration parse_duration(std::string_view text, std::string_view what);

// Parses a rate per time, "0.5/h" (units s, m, h, d), to a rate per second; "0" needs no unit. Nothing if the text is
// no finite rate of 0 or more.
std::optional<double> parse_rate(std::string_view text);

// Shortest exact form in the same syntax: "1h30m0s", "250ms", "0s".
std::string to_string(Duration d);

}  // namespace berth
