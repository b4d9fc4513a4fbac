// What the controllers still have to look at: keys that are ready, in the order in which they came, and keys that wait
// for a time. One WorkQueue serves all controllers of a run, so that their turns are totally ordered; each has its own
// KeyQueue on it. Of several queues with ready keys the one that was made first comes first: make a Deployment
// controller before that of the ReplicaSets, a CronJob's before the Jobs', and it sees every status on the way, as it
// does upstream, where all run side by side. Source: client-go util/workqueue (a key is queued once however often it is
// added; of several delays the earliest counts; failures wait 5 ms, 10 ms … up to 1000 s).
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <queue>
#include <utility>
#include <vector>

#include "sim/engine/time.hpp"

namespace berth::controllers {

class KeyQueue;

class WorkQueue {
 public:
  explicit WorkQueue(Time now = {}) : now_(now) {}
  WorkQueue(const WorkQueue&) = delete;
  WorkQueue& operator=(const WorkQueue&) = delete;

  Time now() const { return now_; }
  // The clock goes on to `now`, >= now(); keys whose delay is over become ready, in the order of their times, equal
  // times in the order in which they were added. O(log n) each.
  void advance(Time now);
  // The earliest time at which a waiting key becomes ready; kNever if none waits. Amortised O(log n).
  Time next_time();
  // Handles one ready key; false if there is none. O(queues).
  bool run_one();

 private:
  friend class KeyQueue;
  struct Waiting {
    Time due;
    std::uint64_t sequence;
    KeyQueue* queue;
    std::uint32_t key;
    bool operator>(const Waiting& other) const {
      return due != other.due ? due > other.due : sequence > other.sequence;
    }
  };
  void drop_stale();

  Time now_;
  std::uint64_t sequence_ = 0;
  std::vector<KeyQueue*> queues_;
  std::priority_queue<Waiting, std::vector<Waiting>, std::greater<>> waiting_;
};

// The queue of one kind of key. Keys are small dense numbers: 16 bytes each up to the highest one used.
class KeyQueue {
 public:
  using Key = std::uint32_t;
  // `handle` gets each key in its turn. Neither may outlive `work`.
  KeyQueue(WorkQueue& work, std::function<void(Key)> handle) : work_(work), handle_(std::move(handle)) {
    work.queues_.push_back(this);
  }
  KeyQueue(const KeyQueue&) = delete;
  KeyQueue& operator=(const KeyQueue&) = delete;

  void add(Key key);
  void add_after(Key key, Duration delay);  // At once if delay <= 0.
  void add_rate_limited(Key key);
  void forget(Key key);  // Failures start again at the shortest delay.
  void cancel(Key key);  // Takes back a delay that is not over.
  // Handles one ready key of this queue out of turn; false if there is none.
  bool run_one();
  // The delays of failures: `first`, doubled up to `longest`.
  void set_back_off(Duration first, Duration longest) {
    first_ = first;
    longest_ = longest;
  }

 private:
  friend class WorkQueue;
  struct State {
    Time due = kNever;  // Of the waiting entry that counts.
    bool ready = false;
    std::uint8_t failures = 0;
  };
  State& state(Key key);

  WorkQueue& work_;
  std::function<void(Key)> handle_;
  std::deque<Key> ready_;
  std::vector<State> states_;
  Duration first_ = milliseconds(5);
  Duration longest_ = seconds(1000);
};

}  // namespace berth::controllers
