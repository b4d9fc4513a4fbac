// The plain things that Berth's engine has to beat: written with care, and nothing but what the work needs.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
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

// A 4-ary heap in an array: half the levels of a binary one, and the four children lie in one cache line.
class FourAryHeap {
 public:
  bool empty() const { return heap_.empty(); }
  std::size_t size() const { return heap_.size(); }
  const PlainEvent& top() const { return heap_[0]; }
  std::uint32_t next_sequence() { return sequence_++; }

  void push(std::int64_t at, std::uint32_t what) {
    const PlainEvent event{at, sequence_++, what};
    std::size_t i = heap_.size();
    heap_.push_back(event);
    while (i > 0) {
      const std::size_t parent = (i - 1) / 4;
      if (!before(event, heap_[parent])) break;
      heap_[i] = heap_[parent];
      i = parent;
    }
    heap_[i] = event;
  }

  PlainEvent pop() {
    const PlainEvent first = heap_[0];
    const PlainEvent last = heap_.back();
    heap_.pop_back();
    if (!heap_.empty()) sift_down(last);
    return first;
  }

  // pop() and push() in one: the new event takes the root's place and sinks.
  void replace_top(std::int64_t at, std::uint32_t what) { sift_down({at, sequence_++, what}); }

 private:
  // One comparison of 96 bits instead of two with a branch between.
  static unsigned __int128 key(const PlainEvent& e) {
    return (static_cast<unsigned __int128>(static_cast<std::uint64_t>(e.at)) << 32) | e.sequence;
  }
  static bool before(const PlainEvent& a, const PlainEvent& b) { return key(a) < key(b); }

  void sift_down(const PlainEvent event) {
    PlainEvent* const heap = heap_.data();
    const std::size_t n = heap_.size();
    std::size_t i = 0;
    for (;;) {
      const std::size_t child = 4 * i + 1;
      if (child >= n) break;
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

  std::vector<PlainEvent> heap_;
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
