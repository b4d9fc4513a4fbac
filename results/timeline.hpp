// What happened to whom and for how long, as people look at it: tracks (cluster > node > pod > container) with slices
// (pulling, running), instants (evicted), counters, and arrows from what was waited for to what waited. Folds over the
// journal build a Timeline; it is then written as lines for a terminal, as bars, as JSON, as Chrome's trace JSON, or
// for ui.perfetto.dev (results/perfetto_trace.hpp). Memory is the timeline itself, 32 bytes a slice; every text is kept
// once.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <variant>
#include <vector>

#include "sim/engine/time.hpp"

namespace berth {

enum class TrackId : std::uint32_t {};    // From 0 in order of addition; a parent is below its children.
enum class MarkId : std::uint32_t {};     // A slice or an instant, from 0 in order of addition.
enum class CounterId : std::uint32_t {};  // From 0 in order of addition.
enum class TextId : std::uint32_t {};
inline constexpr TrackId kNoTrack{0xFFFF'FFFF};

constexpr std::size_t index(TrackId id) {
  return static_cast<std::size_t>(id);
}
constexpr std::size_t index(MarkId id) {
  return static_cast<std::size_t>(id);
}
constexpr std::size_t index(CounterId id) {
  return static_cast<std::size_t>(id);
}
constexpr std::size_t index(TextId id) {
  return static_cast<std::size_t>(id);
}

struct ByteCount {
  std::int64_t bytes = 0;
  friend bool operator==(ByteCount, ByteCount) = default;
};

// A detail of a slice or an instant. For people a value has its unit ("12.3MiB", "1.5s"); for machines it is an integer
// and the key ends in the unit ("size_bytes", "back_off_ns").
struct TimelineArg {
  std::string_view key;
  std::variant<std::string_view, std::int64_t, ByteCount, Duration> value;
};

enum class CounterUnit : std::uint8_t { kCount, kBytes, kNanoseconds };

// Times are >= 0 and may be added in any order. Text may be any bytes; each byte that is not part of well-formed UTF-8
// becomes U+FFFD. Misuse (an end before its begin, an unknown id) is a programming error (BERTH_CHECK). All members are
// O(1) plus the text, amortised, where nothing else is said.
class Timeline {
 public:
  struct Track {
    TextId name{};
    TrackId parent = kNoTrack;
    std::uint32_t depth = 0;  // 0 without a parent.
  };
  struct Mark {
    Time begin;
    Time end;  // kNever: a slice that is not over. An instant's is its begin.
    TrackId track{};
    TextId what{};
    std::uint32_t first_arg = 0xFFFF'FFFF;
    bool instant = false;
  };
  struct Counter {
    TrackId track{};
    TextId name{};
    CounterUnit unit = CounterUnit::kCount;
  };
  struct Sample {
    Time at;
    std::int64_t value = 0;
    CounterId counter{};
  };
  struct Arrow {
    MarkId from{};
    MarkId to{};
  };

  Timeline() = default;
  Timeline(Timeline&&) = default;  // Not copied: texts are found by address.
  Timeline& operator=(Timeline&&) = default;

  TrackId add_track(std::string_view name, TrackId parent = kNoTrack);

  MarkId begin(TrackId track, std::string_view what, Time at, std::initializer_list<TimelineArg> args = {});
  // `args` come after those of begin().
  void end(MarkId slice, Time at, std::initializer_list<TimelineArg> args = {});
  MarkId slice(TrackId track, std::string_view what, Time begin, Time end,
               std::initializer_list<TimelineArg> args = {});
  MarkId instant(TrackId track, std::string_view what, Time at, std::initializer_list<TimelineArg> args = {});
  // A key that is there already gets the new value. O(args of the mark).
  void annotate(MarkId mark, const TimelineArg& arg);
  // `to` waited for `from`: both slices, and `from` began no later.
  void arrow(MarkId from, MarkId to);

  CounterId add_counter(TrackId track, std::string_view name, CounterUnit unit);
  void sample(CounterId counter, Time at, std::int64_t value);

  std::span<const Track> tracks() const { return tracks_; }
  std::span<const Mark> marks() const { return marks_; }
  std::span<const Counter> counters() const { return counters_; }
  std::span<const Sample> samples() const { return samples_; }
  std::span<const Arrow> arrows() const { return arrows_; }
  std::string_view text(TextId id) const { return texts_[index(id)]; }
  std::size_t text_count() const { return texts_.size(); }
  Time last() const { return last_; }  // The latest time there is; 0 if none.

  // Calls f(TextId key, value) in order of addition; value is a TextId, std::int64_t, ByteCount or Duration.
  template <class F>
  void each_arg(const Mark& mark, F&& f) const {
    for (std::uint32_t a = mark.first_arg; a != kNoArg; a = args_[a].next) {
      const Arg& arg = args_[a];
      std::visit([&](auto value) { f(arg.key, value); }, arg.value);
    }
  }

 private:
  static constexpr std::uint32_t kNoArg = 0xFFFF'FFFF;
  struct Arg {
    std::variant<TextId, std::int64_t, ByteCount, Duration> value;
    TextId key{};
    std::uint32_t next = kNoArg;
  };

  TextId intern(std::string_view text);
  MarkId add(const Mark& mark, std::initializer_list<TimelineArg> args);

  std::deque<std::string> texts_;  // A deque: the keys of text_ids_ point into it.
  std::unordered_map<std::string_view, TextId> text_ids_;
  std::vector<Track> tracks_;
  std::vector<Mark> marks_;
  std::vector<Arg> args_;
  std::vector<Arrow> arrows_;
  std::vector<Counter> counters_;
  std::vector<Sample> samples_;
  Time last_;
};

// Slices and instants by (begin, order of addition), as indices into marks(). O(n log n).
std::vector<std::uint32_t> marks_in_order(const Timeline& timeline);

// Viewers draw the slices of a track as a stack of calls: two of them lie apart or one within the other. Slices of a
// track that overlap otherwise are put into further lanes of it, each as deep as it fits.
struct TimelineLanes {
  std::vector<std::uint32_t> of_mark;   // By mark: 0 .. lanes of its track - 1; instants are in lane 0.
  std::vector<std::uint32_t> of_track;  // By track: number of lanes; 0 if it has neither slices nor instants.
};
TimelineLanes lanes_of(const Timeline& timeline);  // O(n log n).

// Takes what is written, piece by piece: AtomicFile::write, std::string::append.
using ChunkSink = std::function<void(std::string_view chunk)>;

// One line per slice (at its begin) and instant, in order of time: begin and duration in seconds, track, what, details.
// At most 120 columns; details that do not fit go on below, whole; other texts end in "…". A track is named by as much
// of its path as tells it from the others. Only `root` and what is below it, if given. Counters and arrows are left
// out.
void write_timeline_text(const Timeline& timeline, const ChunkSink& sink, TrackId root = kNoTrack);

inline constexpr std::size_t kBarColumns = 60;
inline constexpr std::size_t kBarRows = 40;

// The slices of `root` and of what is below it as bars under one axis, in plain ASCII: at most kBarRows rows of
// kBarColumns columns, the longest slices if there are more, in order of time. A slice that is not over ends in '>'.
// Empty without slices.
std::string timeline_bars(const Timeline& timeline, TrackId root);

// {"tracks":[…],"slices":[…],"instants":[…],"counters":[…],"arrows":[…]}, one object a line. Times are integers in
// nanoseconds; a slice that is not over has no "end_ns". Marks are in order of time, ids are positions in their list.
void write_timeline_json(const Timeline& timeline, const ChunkSink& sink);

// Chrome's JSON ("Trace Event Format"), for chrome://tracing and what else reads it. That format knows processes and
// threads alone: a track is a thread (a further one per lane) of the process that stands for its parent. Times in
// microseconds with three decimals. No arrows.
void write_chrome_trace(const Timeline& timeline, const ChunkSink& sink);

// Text on its way to a sink, handed on in pieces of at least 64 KiB, and what remains by flush().
class ChunkBuffer {
 public:
  explicit ChunkBuffer(const ChunkSink& sink) : sink_(sink) {}
  std::string& text() {
    if (text_.size() >= kChunkBytes) flush();
    return text_;
  }
  void flush() {
    if (!text_.empty()) sink_(text_);
    text_.clear();
  }

 private:
  static constexpr std::size_t kChunkBytes = std::size_t{64} << 10;
  const ChunkSink& sink_;
  std::string text_;
};

}  // namespace berth
