// The set of pending events: a queue by (time, phase, sequence).
//
// Near events are taken from a sorted run and from a small 4-ary heap; far events lie unsorted in buckets of equal
// width, and beyond the last bucket in an overflow list. When the run and the heap are empty the next bucket is sorted
// into the run; when the buckets are empty the overflow is dealt out anew, with a width that fits what is there. An
// event is so moved a few times, each time to the end of an array, instead of through log n levels of a heap whose
// lower ones miss the cache. Whatever the times look like, no event costs more than O(log n) amortised: a bucket that
// is too full is sorted, an arrival into the near region goes through the heap. With few events the heap alone serves.
// Related: ladder queue [Tang, Goh, Thng 2005], calendar queue [Brown 1988].
//
// Cancelling leaves the entry where it is and makes it stale; stale entries are dropped when met, and swept out when
// they outnumber the live ones. Nothing is allocated once the arrays have grown to the largest population.
#pragma once

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <type_traits>
#include <vector>

#include "sim/engine/error.hpp"
#include "sim/engine/time.hpp"

namespace berth {

// Names a cancellable event. Stays harmless for ever: a handle whose event has happened, or was cancelled, is refused.
struct EventHandle {
  std::uint32_t slot = 0xFFFF'FFFF;
  std::uint32_t generation = 0;
};

// At equal times lower phases come first; at equal phases what was scheduled first.
using Phase = std::uint8_t;
inline constexpr unsigned kPhases = 16;

template <class Event>
class PendingEvents {
  static_assert(std::is_trivially_copyable_v<Event>, "events are plain data, held by value");

 public:
  // An event's place in the total order: time, then phase (top 4 bits of `order`), then sequence.
  struct Entry {
    std::int64_t at;
    std::uint64_t order;
    std::uint32_t slot;  // kNoSlot, or the slot that says whether the entry is still live.
    Event event;
  };
  static constexpr std::uint32_t kNoSlot = 0xFFFF'FFFF;
  static constexpr bool before(const Entry& a, const Entry& b) { return key(a) < key(b); }

  PendingEvents() : heap_(4 * kSmall) {}

  // Live events. O(1).
  std::size_t size() const { return stored_ - stale_; }

  // O(1) typically, O(log n) amortised at worst.
  void push(const Entry& entry) {
    ++stored_;
    if (entry.at < near_end_) {
      heap_push(entry);
      // Relative to the rest, so that dealing everything out is paid for by as many arrivals.
      if (heap_size_ > kSpill && heap_size_ > (stored_ - heap_size_) / 2) [[unlikely]]
        spill();
    } else {
      far_push(entry);
    }
  }

  // The same, by a handle that can cancel or move it.
  EventHandle push_cancellable(Entry entry) {
    if (free_slot_ == kNoSlot) {
      free_slot_ = static_cast<std::uint32_t>(slots_.size());
      slots_.push_back({0, 0, kNoSlot});
    }
    entry.slot = free_slot_;
    Slot& slot = slots_[entry.slot];
    free_slot_ = slot.next_free;
    slot.order = entry.order;
    push(entry);
    return {entry.slot, slot.generation};
  }

  bool live(EventHandle handle) const {
    return handle.slot < slots_.size() && slots_[handle.slot].generation == handle.generation &&
           slots_[handle.slot].order != kNoOrder;
  }

  // False if the event is gone already. O(1) amortised.
  bool cancel(EventHandle handle) {
    if (!live(handle)) return false;
    release(handle.slot);
    became_stale();
    return true;
  }

  // Moves a live event to `entry.at` and `entry.order`; its handle stays good. False if the event is gone already.
  bool move(EventHandle handle, Entry entry) {
    if (!live(handle)) return false;
    entry.slot = handle.slot;
    slots_[handle.slot].order = entry.order;
    became_stale();
    push(entry);
    return true;
  }

  // The first live event, or nullptr. Valid until the next call that is not const. O(1) amortised.
  const Entry* top() {
    if (run_next_ == run_end_ && heap_size_ > 0 && heap_[0].slot == kNoSlot) [[likely]]
      return &heap_[0];
    return look_for_top();
  }

  // Removes what top() returned. O(log n) at worst in the near heap, which is small.
  void pop(const Entry* first) {
    if (first->slot != kNoSlot) [[unlikely]]
      release(first->slot);
    remove(first);
  }

  // Visits every live entry in no particular order; for checks and tests. O(n).
  template <class Visit>
  void for_each(Visit visit) const {
    const auto see = [&](const Entry& e) {
      if (e.slot == kNoSlot || slots_[e.slot].order == e.order) visit(e);
    };
    for (std::size_t i = run_next_; i < run_end_; ++i) see(run_[i]);
    for (std::size_t i = 0; i < heap_size_; ++i) see(heap_[i]);
    for (const Entry& e : overflow_) see(e);
    for (std::size_t b = bucket_; b < buckets_.size(); ++b) for_each_in(buckets_[b], see);
  }

 private:
  static constexpr std::size_t kSmall = 48;      // Up to here the heap alone is fastest (it stays in L1).
  static constexpr std::size_t kSpill = 160;     // A near heap beyond this is dealt out into buckets.
  static constexpr std::size_t kPerBucket = 10;  // Aimed at; sorting ten entries costs less than a deep heap.
  static constexpr std::size_t kMaxBuckets = std::size_t{1} << 20;
  static constexpr std::size_t kChunk = 15;
  static constexpr std::uint32_t kNoChunk = 0xFFFF'FFFF;
  static constexpr std::uint64_t kNoOrder = 0;  // The engine's orders begin above 0.

  struct Slot {
    std::uint64_t order;  // Of the live entry; an entry with another order is stale.
    std::uint32_t generation;
    std::uint32_t next_free;
  };
  struct Bucket {
    std::uint32_t chunk = kNoChunk;  // The chunk being filled; full ones hang behind it.
    std::uint32_t count = 0;
  };
  struct Chunk {
    std::uint32_t next;
    Entry entries[kChunk];
  };

  static constexpr unsigned __int128 key(const Entry& e) {
    return (static_cast<unsigned __int128>(static_cast<std::uint64_t>(e.at)) << 64) | e.order;
  }

  // ---- slots -------------------------------------------------------------------------------------------------------
  void release(std::uint32_t index) {
    Slot& slot = slots_[index];
    slot.order = kNoOrder;
    ++slot.generation;
    slot.next_free = free_slot_;
    free_slot_ = index;
  }
  void became_stale() {
    ++stale_;
    if (stale_ > 64 && stale_ > stored_ / 2) sweep();
  }

  // ---- near: sorted run and heap ------------------------------------------------------------------------------------
  [[gnu::noinline]] const Entry* look_for_top() {
    for (;;) {
      const Entry* first = nullptr;
      if (run_next_ < run_end_) first = &run_[run_next_];
      if (heap_size_ > 0 && (first == nullptr || before(heap_[0], *first))) first = &heap_[0];
      if (first == nullptr) {
        if (far_ == 0) return nullptr;
        advance();
        continue;
      }
      if (first->slot == kNoSlot || slots_[first->slot].order == first->order) return first;
      remove(first);
      --stale_;
    }
  }

  void remove(const Entry* first) {
    --stored_;
    if (first != heap_.data()) {
      ++run_next_;
    } else {
      heap_pop();
    }
  }

  void heap_push(const Entry& entry) {
    if (heap_size_ == heap_.size()) [[unlikely]]
      heap_.resize(2 * heap_size_);
    std::size_t i = heap_size_++;
    Entry* const heap = heap_.data();
    while (i > 0) {
      const std::size_t parent = (i - 1) / 4;
      if (!before(entry, heap[parent])) break;
      heap[i] = heap[parent];
      i = parent;
    }
    heap[i] = entry;
  }

  void heap_pop() {
    if (--heap_size_ > 0) sift_down(0, heap_[heap_size_]);
  }

  void sift_down(std::size_t i, const Entry entry) {
    const std::size_t n = heap_size_;
    Entry* const heap = heap_.data();
    for (;;) {
      const std::size_t child = 4 * i + 1;
      if (child >= n) break;
      std::size_t best = child;
      unsigned __int128 best_key = key(heap[child]);
      const std::size_t end = std::min(child + 4, n);
      for (std::size_t c = child + 1; c < end; ++c) {
        const unsigned __int128 k = key(heap[c]);
        if (k < best_key) {
          best = c;
          best_key = k;
        }
      }
      if (!(best_key < key(entry))) break;
      heap[i] = heap[best];
      i = best;
    }
    heap[i] = entry;
  }

  // ---- far: buckets and overflow ------------------------------------------------------------------------------------
  void far_push(const Entry& entry) {
    ++far_;
    const auto bucket = static_cast<std::uint64_t>(entry.at - base_) >> shift_;
    if (bucket < buckets_.size()) {
      bucket_push(buckets_[bucket], entry);
    } else {
      overflow_.push_back(entry);
    }
  }

  void bucket_push(Bucket& bucket, const Entry& entry) {
    const std::uint32_t place = bucket.count % kChunk;
    if (place == 0) {
      std::uint32_t fresh = free_chunk_;
      if (fresh == kNoChunk) {
        fresh = static_cast<std::uint32_t>(chunks_.size());
        chunks_.emplace_back();
      } else {
        free_chunk_ = chunks_[fresh].next;
      }
      chunks_[fresh].next = bucket.chunk;
      bucket.chunk = fresh;
    }
    chunks_[bucket.chunk].entries[place] = entry;
    ++bucket.count;
  }

  template <class Visit>
  void for_each_in(const Bucket& bucket, Visit visit) const {
    std::uint32_t in_chunk = bucket.count == 0 ? 0 : (bucket.count - 1) % kChunk + 1;
    for (std::uint32_t c = bucket.chunk; c != kNoChunk; c = chunks_[c].next) {
      for (std::uint32_t i = 0; i < in_chunk; ++i) visit(chunks_[c].entries[i]);
      in_chunk = kChunk;
    }
  }

  // Empties `bucket` into `visit` and gives its chunks back.
  template <class Visit>
  void drain(Bucket& bucket, Visit visit) {
    for_each_in(bucket, visit);
    for (std::uint32_t c = bucket.chunk; c != kNoChunk;) {
      const std::uint32_t next = chunks_[c].next;
      chunks_[c].next = free_chunk_;
      free_chunk_ = c;
      c = next;
    }
    bucket = {};
  }

  // The run and the heap are empty: brings the next far events near.
  void advance() {
    for (; bucket_ < buckets_.size(); ++bucket_) {
      Bucket& bucket = buckets_[bucket_];
      if (bucket.count == 0) continue;
      far_ -= bucket.count;
      run_.clear();
      drain(bucket, [&](const Entry& e) { run_.push_back(e); });
      run_next_ = 0;
      run_end_ = run_.size();
      sort_run();
      ++bucket_;
      near_end_ = bucket_ < buckets_.size() ? end_of(bucket_ - 1) : far_end();
      prefetch_next();
      return;
    }
    deal(overflow_);
  }

  void prefetch_next() const {
    for (std::size_t b = bucket_, end = std::min(bucket_ + 4, buckets_.size()); b < end; ++b) {
      if (buckets_[b].count == 0) continue;
      const char* chunk = reinterpret_cast<const char*>(&chunks_[buckets_[b].chunk]);
      const std::size_t bytes = std::min<std::size_t>(buckets_[b].count, kChunk) * sizeof(Entry);
      for (std::size_t i = 0; i < bytes; i += 64) __builtin_prefetch(chunk + i);
      return;
    }
  }

  void sort_run() {
    if (run_.size() > 24) {
      std::sort(run_.begin(), run_.end(), before);
      return;
    }
    for (std::size_t i = 1; i < run_.size(); ++i) {
      const Entry entry = run_[i];
      std::size_t j = i;
      for (; j > 0 && before(entry, run_[j - 1]); --j) run_[j] = run_[j - 1];
      run_[j] = entry;
    }
  }

  std::int64_t end_of(std::size_t bucket) const {
    const auto offset = static_cast<unsigned __int128>(bucket + 1) << shift_;
    const auto end = static_cast<unsigned __int128>(base_) + offset;
    constexpr auto kMax = static_cast<unsigned __int128>(std::numeric_limits<std::int64_t>::max());
    return end > kMax ? std::numeric_limits<std::int64_t>::max() : static_cast<std::int64_t>(end);
  }
  std::int64_t far_end() const { return end_of(buckets_.size() - 1); }

  // The near heap has grown too large: everything is dealt out anew.
  [[gnu::noinline]] void spill() {
    scratch_.clear();
    gather(scratch_);
    deal(scratch_);
  }

  // Stale entries outnumber the live ones: drops them all.
  [[gnu::noinline]] void sweep() {
    scratch_.clear();
    gather(scratch_);
    stored_ = scratch_.size();
    stale_ = 0;
    deal(scratch_);
  }

  // Takes all live entries out; what is stale is dropped and no longer counted.
  void gather(std::vector<Entry>& out) {
    const auto take = [&](const Entry& e) {
      if (e.slot == kNoSlot || slots_[e.slot].order == e.order) out.push_back(e);
    };
    for (std::size_t i = run_next_; i < run_end_; ++i) take(run_[i]);
    for (std::size_t i = 0; i < heap_size_; ++i) take(heap_[i]);
    for (const Entry& e : overflow_) take(e);
    for (std::size_t b = bucket_; b < buckets_.size(); ++b) drain(buckets_[b], take);
    run_next_ = run_end_ = 0;
    heap_size_ = 0;
    overflow_.clear();
    stored_ = out.size();
    stale_ = 0;
    far_ = 0;
  }

  // Deals `entries` (all that are far now; the run, the heap and the buckets are empty) out over new buckets, narrow
  // enough for about kPerBucket entries each. At least about three quarters find a bucket, so that an entry is dealt
  // out O(1) times amortised.
  void deal(std::vector<Entry>& entries) {
    if (&entries != &dealt_) dealt_.swap(entries);
    entries.clear();
    far_ = 0;
    if (dealt_.size() <= kSmall) {
      buckets_.clear();
      bucket_ = 0;
      near_end_ = std::numeric_limits<std::int64_t>::max();
      for (const Entry& e : dealt_) heap_push(e);
      dealt_.clear();
      return;
    }
    std::int64_t first = dealt_[0].at;
    for (const Entry& e : dealt_) first = std::min(first, e.at);
    const std::int64_t upper = upper_quartile();
    const auto range = static_cast<std::uint64_t>(upper - first) + 1;
    const std::size_t aim = std::clamp<std::size_t>(dealt_.size() * 3 / 4 / kPerBucket, 1, kMaxBuckets);
    const std::uint64_t width = std::max<std::uint64_t>(range / aim, 1);
    shift_ = static_cast<unsigned>(std::bit_width(width) - 1);  // Rounded down to a power of two.
    const std::size_t count = std::min<std::uint64_t>(((range - 1) >> shift_) + 1, 2 * kMaxBuckets);
    base_ = first;
    bucket_ = 0;
    buckets_.assign(count, Bucket{});
    near_end_ = first;  // Nothing is near yet; advance() follows.
    for (const Entry& e : dealt_) far_push(e);
    dealt_.clear();
    advance();
  }

  // Of the times in dealt_, from at most 256 evenly spaced samples.
  std::int64_t upper_quartile() {
    constexpr std::size_t kSamples = 256;
    std::int64_t samples[kSamples];
    const std::size_t n = std::min(dealt_.size(), kSamples);
    for (std::size_t i = 0; i < n; ++i) samples[i] = dealt_[i * dealt_.size() / n].at;
    std::nth_element(samples, samples + n * 3 / 4, samples + n);
    return std::max(samples[n * 3 / 4], dealt_[0].at);
  }

  std::vector<Entry> run_;  // Sorted; [run_next_, run_end_) are still to come.
  std::size_t run_next_ = 0;
  std::size_t run_end_ = 0;
  std::vector<Entry>
      heap_;  // 4-ary, in the first heap_size_ places: what came for the near region after its bucket was
  std::size_t heap_size_ = 0;                                         // sorted, or everything while there is little.
  std::int64_t near_end_ = std::numeric_limits<std::int64_t>::max();  // Exclusive: later times are far.

  std::vector<Bucket> buckets_;  // Bucket i holds [base_ + i·2^shift_, base_ + (i+1)·2^shift_).
  std::size_t bucket_ = 0;       // The first that may hold anything.
  std::int64_t base_ = 0;
  unsigned shift_ = 0;
  std::vector<Chunk> chunks_;
  std::uint32_t free_chunk_ = kNoChunk;
  std::vector<Entry> overflow_;  // Behind the last bucket.
  std::size_t far_ = 0;          // Entries in buckets and overflow.

  std::vector<Slot> slots_;
  std::uint32_t free_slot_ = kNoSlot;
  std::size_t stored_ = 0;  // All entries, stale ones included.
  std::size_t stale_ = 0;

  std::vector<Entry> scratch_;
  std::vector<Entry> dealt_;
};

}  // namespace berth
