#include "results/timeline.hpp"

#include <algorithm>
#include <numeric>
#include <queue>
#include <set>
#include <tuple>
#include <type_traits>
#include <utility>

#include "sim/engine/error.hpp"

namespace berth {
namespace {

// Length of the well-formed UTF-8 sequence (Unicode 15, table 3-7) that `text` begins with; 0 if there is none.
std::size_t utf8_length(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(i < text.size() ? text[i] : 0); };
  const auto within = [](unsigned char b, unsigned low, unsigned high) { return b >= low && b <= high; };
  const unsigned char lead = byte(0);
  if (lead < 0x80) return 1;
  if (within(lead, 0xC2, 0xDF)) return within(byte(1), 0x80, 0xBF) ? 2 : 0;
  if (within(lead, 0xE0, 0xEF)) {
    const bool second = within(byte(1), lead == 0xE0 ? 0xA0 : 0x80, lead == 0xED ? 0x9F : 0xBF);
    return second && within(byte(2), 0x80, 0xBF) ? 3 : 0;
  }
  if (within(lead, 0xF0, 0xF4)) {
    const bool second = within(byte(1), lead == 0xF0 ? 0x90 : 0x80, lead == 0xF4 ? 0x8F : 0xBF);
    return second && within(byte(2), 0x80, 0xBF) && within(byte(3), 0x80, 0xBF) ? 4 : 0;
  }
  return 0;
}

std::string as_utf8(std::string_view text) {
  std::string valid;
  while (!text.empty()) {
    const std::size_t length = utf8_length(text);
    valid += length > 0 ? text.substr(0, length) : std::string_view("\uFFFD");
    text.remove_prefix(std::max<std::size_t>(length, 1));
  }
  return valid;
}

bool is_ascii(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return static_cast<unsigned char>(c) < 0x80; });
}

}  // namespace

TextId Timeline::intern(std::string_view text) {
  std::string valid;
  if (!is_ascii(text)) text = valid = as_utf8(text);
  if (const auto found = text_ids_.find(text); found != text_ids_.end()) return found->second;
  const TextId id{static_cast<std::uint32_t>(texts_.size())};
  text_ids_.emplace(texts_.emplace_back(text), id);
  return id;
}

TrackId Timeline::add_track(std::string_view name, TrackId parent) {
  BERTH_CHECK(parent == kNoTrack || index(parent) < tracks_.size());
  const std::uint32_t depth = parent == kNoTrack ? 0 : tracks_[index(parent)].depth + 1;
  tracks_.push_back({intern(name), parent, depth});
  return TrackId{static_cast<std::uint32_t>(tracks_.size() - 1)};
}

MarkId Timeline::add(const Mark& mark, std::initializer_list<TimelineArg> args) {
  BERTH_CHECK(index(mark.track) < tracks_.size() && mark.begin.ns >= 0 && mark.begin != kNever);
  BERTH_CHECK(mark.end >= mark.begin);
  marks_.push_back(mark);
  last_ = std::max(last_, mark.end == kNever ? mark.begin : mark.end);
  const MarkId id{static_cast<std::uint32_t>(marks_.size() - 1)};
  for (const TimelineArg& arg : args) annotate(id, arg);
  return id;
}

MarkId Timeline::begin(TrackId track, std::string_view what, Time at, std::initializer_list<TimelineArg> args) {
  return add({.begin = at, .end = kNever, .track = track, .what = intern(what)}, args);
}

void Timeline::end(MarkId slice, Time at, std::initializer_list<TimelineArg> args) {
  BERTH_CHECK(index(slice) < marks_.size());
  Mark& mark = marks_[index(slice)];
  BERTH_CHECK(!mark.instant && mark.end == kNever && at >= mark.begin && at != kNever);
  mark.end = at;
  last_ = std::max(last_, at);
  for (const TimelineArg& arg : args) annotate(slice, arg);
}

MarkId Timeline::slice(TrackId track, std::string_view what, Time begin, Time end,
                       std::initializer_list<TimelineArg> args) {
  return add({.begin = begin, .end = end, .track = track, .what = intern(what)}, args);
}

MarkId Timeline::instant(TrackId track, std::string_view what, Time at, std::initializer_list<TimelineArg> args) {
  return add({.begin = at, .end = at, .track = track, .what = intern(what), .instant = true}, args);
}

void Timeline::annotate(MarkId mark, const TimelineArg& arg) {
  BERTH_CHECK(index(mark) < marks_.size());
  Arg added;
  added.key = intern(arg.key);
  std::visit(
      [&](auto value) {
        if constexpr (std::is_same_v<decltype(value), std::string_view>) {
          added.value = intern(value);
        } else {
          added.value = value;
        }
      },
      arg.value);
  std::uint32_t* link = &marks_[index(mark)].first_arg;
  for (; *link != kNoArg; link = &args_[*link].next) {
    if (args_[*link].key != added.key) continue;
    args_[*link].value = added.value;
    return;
  }
  *link = static_cast<std::uint32_t>(args_.size());  // Before args_ moves: the link may be in it.
  args_.push_back(added);
}

void Timeline::arrow(MarkId from, MarkId to) {
  BERTH_CHECK(index(from) < marks_.size() && index(to) < marks_.size());
  const Mark& source = marks_[index(from)];
  const Mark& target = marks_[index(to)];
  BERTH_CHECK(!source.instant && !target.instant && source.begin <= target.begin);
  arrows_.push_back({from, to});
}

CounterId Timeline::add_counter(TrackId track, std::string_view name, CounterUnit unit) {
  BERTH_CHECK(index(track) < tracks_.size());
  counters_.push_back({track, intern(name), unit});
  return CounterId{static_cast<std::uint32_t>(counters_.size() - 1)};
}

void Timeline::sample(CounterId counter, Time at, std::int64_t value) {
  BERTH_CHECK(index(counter) < counters_.size() && at.ns >= 0 && at != kNever);
  samples_.push_back({at, value, counter});
  last_ = std::max(last_, at);
}

std::vector<std::uint32_t> marks_in_order(const Timeline& timeline) {
  const std::span<const Timeline::Mark> marks = timeline.marks();
  std::vector<std::uint32_t> order(marks.size());
  std::iota(order.begin(), order.end(), 0U);
  std::ranges::stable_sort(order, {}, [&](std::uint32_t m) { return marks[m].begin; });
  return order;
}

TimelineLanes lanes_of(const Timeline& timeline) {
  const std::span<const Timeline::Mark> marks = timeline.marks();
  TimelineLanes lanes{std::vector<std::uint32_t>(marks.size()), std::vector<std::uint32_t>(timeline.tracks().size())};
  std::vector<std::uint32_t> slices;
  for (std::uint32_t m = 0; m < marks.size(); ++m) {
    if (marks[m].instant) {
      lanes.of_track[index(marks[m].track)] = 1;
    } else {
      slices.push_back(m);
    }
  }
  // Of slices that begin together the longer one comes first, so that the others find room within it.
  std::ranges::sort(slices, [&](std::uint32_t a, std::uint32_t b) {
    return std::tuple(marks[a].track, marks[a].begin, marks[b].end, a) <
           std::tuple(marks[b].track, marks[b].begin, marks[a].end, b);
  });

  using EndInLane = std::pair<Time, std::uint32_t>;
  for (std::size_t next = 0; next < slices.size();) {
    const TrackId track = marks[slices[next]].track;
    std::vector<std::vector<Time>> stacks;  // By lane: the ends of the slices that are open, innermost last.
    std::set<EndInLane> innermost;          // Of each lane; kNever where nothing is open.
    std::priority_queue<EndInLane, std::vector<EndInLane>, std::greater<>> open;
    const auto end_within = [&](std::uint32_t lane) { return stacks[lane].empty() ? kNever : stacks[lane].back(); };
    for (; next < slices.size() && marks[slices[next]].track == track; ++next) {
      const Timeline::Mark& slice = marks[slices[next]];
      for (; !open.empty() && open.top().first <= slice.begin; open.pop()) {
        const std::uint32_t lane = open.top().second;
        innermost.erase({end_within(lane), lane});
        stacks[lane].pop_back();
        innermost.insert({end_within(lane), lane});
      }
      const auto tightest = innermost.lower_bound({slice.end, 0});
      auto lane = static_cast<std::uint32_t>(stacks.size());
      if (tightest == innermost.end()) {
        stacks.emplace_back();
      } else {
        lane = tightest->second;
        innermost.erase(tightest);
      }
      stacks[lane].push_back(slice.end);
      innermost.insert({slice.end, lane});
      if (slice.end != kNever) open.push({slice.end, lane});
      lanes.of_mark[slices[next]] = lane;
    }
    lanes.of_track[index(track)] = static_cast<std::uint32_t>(stacks.size());
  }
  return lanes;
}

}  // namespace berth
