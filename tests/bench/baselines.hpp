// The plain things that Berth's engine has to beat: written with care, and nothing but what the work needs.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <new>
#include <queue>
#include <utility>
#include <vector>

namespace berth::bench {

// 16 bytes: a time, a number that keeps equal times in order of insertion, and what happens.
struct PlainEvent {
  std::int64_t at;
  std::uint32_t sequence;  // Wraps after 4.3 · 10^9 events: enough here.
  std::uint32_t what;
};
static_assert(sizeof(PlainEvent) == 16);

template <class T>
struct LineAllocator {
  using value_type = T;
  static constexpr std::align_val_t kLine{64};
  LineAllocator() = default;
  template <class U>
  LineAllocator(const LineAllocator<U>&) {}
  T* allocate(std::size_t n) { return static_cast<T*>(::operator new(n * sizeof(T), kLine)); }
  void deallocate(T* p, std::size_t) { ::operator delete(p, kLine); }
  friend bool operator==(LineAllocator, LineAllocator) { return true; }
};

// A 4-ary heap in an array: half the levels of a binary one, and the four children of an event share a cache line
// (event i lies in slot i + 3, so they do). Large heaps fetch the grandchildren ahead: without that the plain heap is
// only half as fast at 10^6 events, and Berth would look better than it is.
class FourAryHeap {
 public:
  FourAryHeap() : slots_(kPadding) {}
  bool empty() const { return size() == 0; }
  std::size_t size() const { return slots_.size() - kPadding; }
  const PlainEvent& top() const { return slots_[kPadding]; }

  void push(std::int64_t at, std::uint32_t what) {
    const PlainEvent event{at, sequence_++, what};
    std::size_t i = size();
    slots_.push_back(event);
    PlainEvent* const heap = slots_.data() + kPadding;
    while (i > 0) {
      const std::size_t parent = (i - 1) / 4;
      if (!before(event, heap[parent])) break;
      heap[i] = heap[parent];
      i = parent;
    }
    heap[i] = event;
  }

  PlainEvent pop() {
    const PlainEvent first = top();
    const PlainEvent last = slots_.back();
    slots_.pop_back();
    if (!empty()) sift_down(last);
    return first;
  }

  // pop() and push() in one: the new event takes the root's place and sinks.
  void replace_top(std::int64_t at, std::uint32_t what) { sift_down({at, sequence_++, what}); }

 private:
  static constexpr std::size_t kPadding = 3;
  static constexpr std::size_t kLarge = 4096;  // 64 KiB: beyond the first-level cache.

  // One comparison of 96 bits instead of two with a branch between.
  static unsigned __int128 key(const PlainEvent& e) {
    return (static_cast<unsigned __int128>(static_cast<std::uint64_t>(e.at)) << 32) | e.sequence;
  }
  static bool before(const PlainEvent& a, const PlainEvent& b) { return key(a) < key(b); }

  void sift_down(const PlainEvent event) {
    PlainEvent* const heap = slots_.data() + kPadding;
    const std::size_t n = size();
    std::size_t i = 0;
    for (;;) {
      const std::size_t child = 4 * i + 1;
      if (child >= n) break;
      if (n > kLarge && 4 * child + 16 < n) {
        for (std::size_t line = 0; line < 4; ++line) __builtin_prefetch(&heap[4 * child + 1 + 4 * line]);
      }
      std::size_t best = child;
      if (child + 4 <= n) [[likely]] {  // As a tournament of selections: a branch here would be a coin toss.
        const std::size_t left = child + (before(heap[child + 1], heap[child]) ? 1 : 0);
        const std::size_t right = child + 2 + (before(heap[child + 3], heap[child + 2]) ? 1 : 0);
        best = before(heap[right], heap[left]) ? right : left;
      } else {
        for (std::size_t c = child + 1; c < n; ++c) best = before(heap[c], heap[best]) ? c : best;
      }
      if (!before(heap[best], event)) break;
      heap[i] = heap[best];
      i = best;
    }
    heap[i] = event;
  }

  std::vector<PlainEvent, LineAllocator<PlainEvent>> slots_;
  std::uint32_t sequence_ = 0;
};

// What one writes first: std::priority_queue of (time, id, callback).
class CallbackQueue {
 public:
  void schedule(std::int64_t at, std::function<void()> callback) { queue_.push({at, next_id_++, std::move(callback)}); }
  std::int64_t now() const { return now_; }
  // Runs the first event.
  void step() {
    // top() is const; the item leaves at once, so moving out of it is safe and spares a copy.
    std::function<void()> callback = std::move(const_cast<Item&>(queue_.top()).callback);
    now_ = queue_.top().at;
    queue_.pop();
    callback();
  }

 private:
  struct Item {
    std::int64_t at;
    std::uint64_t id;
    std::function<void()> callback;
    bool operator<(const Item& other) const { return at != other.at ? at > other.at : id > other.id; }
  };
  std::priority_queue<Item> queue_;
  std::uint64_t next_id_ = 0;
  std::int64_t now_ = 0;
};

}  // namespace berth::bench
