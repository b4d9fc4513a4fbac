#include "sim/controllers/index_intervals.hpp"

#include <algorithm>
#include <charconv>
#include <optional>

namespace berth::controllers {
namespace {

std::optional<std::int32_t> number(std::string_view text) {
  std::int32_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

void append(std::vector<IndexIntervals::Interval>& to, IndexIntervals::Interval next) {
  if (to.empty() || next.first > to.back().last + 1) {
    to.push_back(next);
  } else {
    to.back().last = std::max(to.back().last, next.last);
  }
}

}  // namespace

IndexIntervals IndexIntervals::parse(std::string_view text, std::int32_t completions) {
  IndexIntervals out;
  while (!text.empty()) {
    const std::size_t comma = std::min(text.find(','), text.size());
    const std::string_view part = text.substr(0, comma);
    text.remove_prefix(std::min(comma + 1, text.size()));
    const std::size_t dash = std::min(part.find('-'), part.size());
    const std::optional<std::int32_t> first = number(part.substr(0, dash));
    if (!first) continue;
    if (*first >= completions) break;
    const std::optional<std::int32_t> last = dash == part.size() ? first : number(part.substr(dash + 1));
    if (!last) continue;
    append(out.intervals_, {*first, std::min(*last, completions - 1)});
  }
  return out;
}

void IndexIntervals::merge(const IndexIntervals& other) {
  std::vector<Interval> merged;
  merged.reserve(intervals_.size() + other.intervals_.size());
  auto a = intervals_.begin();
  auto b = other.intervals_.begin();
  while (a != intervals_.end() || b != other.intervals_.end()) {
    const bool take_a = b == other.intervals_.end() || (a != intervals_.end() && a->first < b->first);
    append(merged, take_a ? *a++ : *b++);
  }
  intervals_ = std::move(merged);
}

void IndexIntervals::add(std::int32_t index) {
  IndexIntervals one;
  one.intervals_.push_back({index, index});
  merge(one);
}

bool IndexIntervals::has(std::int32_t index) const {
  const auto it =
      std::partition_point(intervals_.begin(), intervals_.end(), [index](const Interval& i) { return i.last < index; });
  return it != intervals_.end() && it->first <= index;
}

std::int32_t IndexIntervals::total() const {
  std::int32_t count = 0;
  for (const Interval& i : intervals_) count += i.last - i.first + 1;
  return count;
}

std::int32_t IndexIntervals::common(const IndexIntervals& other) const {
  std::int32_t count = 0;
  auto a = intervals_.begin();
  auto b = other.intervals_.begin();
  while (a != intervals_.end() && b != other.intervals_.end()) {
    count += std::max(0, std::min(a->last, b->last) - std::max(a->first, b->first) + 1);
    if (a->last < b->last) {
      ++a;
    } else {
      ++b;
    }
  }
  return count;
}

std::string IndexIntervals::text() const {
  std::string out;
  for (const Interval& i : intervals_) {
    if (!out.empty()) out += ',';
    out += std::to_string(i.first);
    if (i.last == i.first) continue;
    out += i.last == i.first + 1 ? ',' : '-';
    out += std::to_string(i.last);
  }
  return out;
}

}  // namespace berth::controllers
