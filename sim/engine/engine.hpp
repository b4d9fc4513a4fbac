// The clock and what happens next. Events are plain values in a total order (time, phase, sequence); the engine knows
// nothing of what they mean. Three sources are merged: scheduled events, a FIFO for events of the present instant, and
// sorted streams (traces), which are read in batches as time goes on instead of being pushed up front.
#pragma once

#include <array>
#include <cstdint>
#include <limits>
#include <memory>
#include <span>
#include <vector>

#include "sim/engine/error.hpp"
#include "sim/engine/pending_events.hpp"
#include "sim/engine/time.hpp"

namespace berth {

template <class Event>
class EventStream {
 public:
  struct Item {
    Time at;
    Event event;
  };
  virtual ~EventStream() = default;
  // Fills the front of `out` with the next events in time order; returns how many, 0 = the end. Called once per batch.
  virtual std::size_t fill(std::span<Item> out) = 0;
};

template <class Event>
class Engine {
 public:
  using Entry = typename PendingEvents<Event>::Entry;

  Time now() const { return now_; }
  std::uint64_t events_executed() const { return executed_; }
  // Scheduled and not yet happened; streams not counted.
  std::size_t pending() const { return pending_.size() + (fifo_end_ - fifo_begin_); }

  // `at` >= now(). Equal times: lower phase first, then in the order of the calls. Amortised O(1) typically, O(log n)
  // at worst, no allocation in steady state.
  void schedule(Time at, Phase phase, const Event& event) {
    BERTH_CHECK(at >= now_ && phase < kPhases);
    const Entry entry{at.ns, next_order(phase), PendingEvents<Event>::kNoSlot, event};
    if (at == now_ && (fifo_begin_ == fifo_end_ || fifo_[(fifo_end_ - 1) & fifo_mask()].order < entry.order)) {
      fifo_push(entry);
    } else {
      pending_.push(entry);
    }
  }

  // The same, with a handle to cancel or reschedule it.
  EventHandle schedule_cancellable(Time at, Phase phase, const Event& event) {
    BERTH_CHECK(at >= now_ && phase < kPhases);
    return pending_.push_cancellable({at.ns, next_order(phase), PendingEvents<Event>::kNoSlot, event});
  }

  // Both return false, and change nothing, if the event has happened or was cancelled. A rescheduled event counts as
  // scheduled now: it comes after what is already there for the same time and phase.
  bool cancel(EventHandle handle) { return pending_.cancel(handle); }
  bool reschedule(EventHandle handle, Time at, Phase phase, const Event& event) {
    BERTH_CHECK(at >= now_ && phase < kPhases);
    if (!pending_.live(handle)) return false;
    return pending_.move(handle, {at.ns, next_order(phase), PendingEvents<Event>::kNoSlot, event});
  }

  // Merges a sorted stream; it must outlive the engine's use. At equal time and phase its events come before scheduled
  // ones, and before those of streams added later: as if the whole trace had been pushed first. Cost per event:
  // O(number of streams), meant for a handful.
  void add_stream(EventStream<Event>* stream, Phase phase) {
    BERTH_CHECK(phase < kPhases && streams_.size() < kFirstSequence);
    const std::uint64_t order = (std::uint64_t{phase} << kSequenceBits) | streams_.size();
    streams_.push_back({stream, order, 0, 0, std::vector<typename EventStream<Event>::Item>(kBatch)});
    refill(streams_.back());
    pick_stream();
  }

  // Takes the next event at or before `horizon` and moves the clock to it; false, with the clock unmoved, if there is
  // none.
  bool next(Time horizon, Event& out) {
    const Source source = first();
    if (source == Source::kNone || first_at_ > horizon.ns) return false;
    BERTH_CHECK(first_at_ >= now_.ns);
    now_.ns = first_at_;
    ++executed_;
    switch (source) {
      case Source::kPending:
        out = top_->event;
        pending_.pop(top_);
        break;
      case Source::kFifo:
        out = fifo_[fifo_begin_ & fifo_mask()].event;
        ++fifo_begin_;
        break;
      case Source::kStream: {
        Stream& stream = streams_[best_stream_];
        out = stream.items[stream.next].event;
        if (++stream.next == stream.count) refill(stream);
        pick_stream();
        break;
      }
      case Source::kNone:
        break;
    }
    return true;
  }

  // True if nothing more is pending for the present instant.
  bool instant_over() { return first() == Source::kNone || first_at_ > now_.ns; }

  // Time of the next event, kNever if there is none.
  Time next_time() { return first() == Source::kNone ? kNever : Time{first_at_}; }

 private:
  enum class Source : std::uint8_t { kNone, kPending, kFifo, kStream };
  static constexpr unsigned kSequenceBits = 60;
  static constexpr std::uint64_t kFirstSequence = 1024;  // Below: the streams' own numbers.
  static constexpr std::size_t kBatch = 256;

  struct Stream {
    EventStream<Event>* stream;
    std::uint64_t order;
    std::size_t next;
    std::size_t count;
    std::vector<typename EventStream<Event>::Item> items;
  };

  std::uint64_t next_order(Phase phase) { return (std::uint64_t{phase} << kSequenceBits) | sequence_++; }

  // Which source has the first event of all; leaves its time in first_at_.
  [[gnu::always_inline]] Source first() {
    Source source = Source::kNone;
    std::int64_t at = std::numeric_limits<std::int64_t>::max();
    std::uint64_t order = std::numeric_limits<std::uint64_t>::max();
    const auto earlier = [&](std::int64_t other_at, std::uint64_t other_order) {
      return other_at < at || (other_at == at && other_order < order);
    };
    if (const Entry* top = pending_.top()) {
      source = Source::kPending;
      top_ = top;
      at = top->at;
      order = top->order;
    }
    if (fifo_begin_ != fifo_end_) [[unlikely]] {
      const Entry& head = fifo_[fifo_begin_ & fifo_mask()];
      if (earlier(head.at, head.order)) {
        source = Source::kFifo;
        at = head.at;
        order = head.order;
      }
    }
    if (best_stream_ != kNoStream && earlier(stream_at_, stream_order_)) {
      source = Source::kStream;
      at = stream_at_;
    }
    first_at_ = at;
    return source;
  }

  [[gnu::noinline]] void fifo_push(const Entry& entry) {
    if (fifo_end_ - fifo_begin_ == fifo_.size()) {  // Full: unroll into a ring of twice the size.
      std::vector<Entry> larger(fifo_.empty() ? 16 : 2 * fifo_.size());
      const std::size_t n = fifo_end_ - fifo_begin_;
      for (std::size_t i = 0; i < n; ++i) larger[i] = fifo_[(fifo_begin_ + i) & fifo_mask()];
      fifo_.swap(larger);
      fifo_begin_ = 0;
      fifo_end_ = n;
    }
    fifo_[fifo_end_ & fifo_mask()] = entry;
    ++fifo_end_;
  }
  std::size_t fifo_mask() const { return fifo_.size() - 1; }

  [[gnu::noinline]] void refill(Stream& stream) {
    const std::int64_t last = stream.count == 0 ? now_.ns : stream.items[stream.count - 1].at.ns;
    stream.next = 0;
    const std::span<typename EventStream<Event>::Item> batch(stream.items);
    stream.count = stream.stream->fill(batch);
    std::int64_t previous = last;
    for (std::size_t i = 0; i < stream.count; ++i) {
      BERTH_CHECK(stream.items[i].at.ns >= previous);  // A stream is sorted, and does not reach into the past.
      previous = stream.items[i].at.ns;
    }
  }

  void pick_stream() {
    if (streams_.size() == 1 && streams_[0].count > 0) [[likely]] {
      best_stream_ = 0;
      stream_at_ = streams_[0].items[streams_[0].next].at.ns;
      stream_order_ = streams_[0].order;
      return;
    }
    best_stream_ = kNoStream;
    for (std::size_t i = 0; i < streams_.size(); ++i) {
      const Stream& s = streams_[i];
      if (s.count == 0) continue;
      const std::int64_t at = s.items[s.next].at.ns;
      if (best_stream_ == kNoStream || at < stream_at_ || (at == stream_at_ && s.order < stream_order_)) {
        best_stream_ = i;
        stream_at_ = at;
        stream_order_ = s.order;
      }
    }
  }

  static constexpr std::size_t kNoStream = ~std::size_t{0};

  Time now_{};
  std::uint64_t sequence_ = kFirstSequence;
  std::uint64_t executed_ = 0;
  PendingEvents<Event> pending_;
  const Entry* top_ = nullptr;  // What first() found last, and when it is due.
  std::int64_t first_at_ = 0;
  std::vector<Entry> fifo_;  // A ring; indexes grow for ever and are masked.
  std::size_t fifo_begin_ = 0;
  std::size_t fifo_end_ = 0;
  std::vector<Stream> streams_;
  std::size_t best_stream_ = kNoStream;
  std::int64_t stream_at_ = 0;
  std::uint64_t stream_order_ = 0;
};

}  // namespace berth
