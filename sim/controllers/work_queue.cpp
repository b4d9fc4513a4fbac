#include "sim/controllers/work_queue.hpp"

#include <algorithm>

#include "sim/engine/error.hpp"

namespace berth::controllers {

void WorkQueue::drop_stale() {
  while (!waiting_.empty() && waiting_.top().queue->state(waiting_.top().key).due != waiting_.top().due) waiting_.pop();
}

Time WorkQueue::next_time() {
  drop_stale();
  return waiting_.empty() ? kNever : waiting_.top().due;
}

void WorkQueue::advance(Time now) {
  BERTH_CHECK(now >= now_);
  now_ = now;
  while (next_time() <= now) {
    const Waiting due = waiting_.top();
    waiting_.pop();
    due.queue->state(due.key).due = kNever;
    due.queue->add(due.key);
  }
}

bool WorkQueue::run_one() {
  for (KeyQueue* queue : queues_) {
    if (queue->run_one()) return true;
  }
  return false;
}

bool KeyQueue::run_one() {
  if (ready_.empty()) return false;
  const Key key = ready_.front();
  ready_.pop_front();
  state(key).ready = false;
  handle_(key);
  return true;
}

KeyQueue::State& KeyQueue::state(Key key) {
  if (key >= states_.size()) states_.resize(std::max<std::size_t>(std::size_t{key} + 1, states_.size() * 2));
  return states_[key];
}

void KeyQueue::add(Key key) {
  State& s = state(key);
  if (s.ready) return;
  s.ready = true;
  ready_.push_back(key);
}

void KeyQueue::add_after(Key key, Duration delay) {
  if (delay.ns <= 0) return add(key);
  State& s = state(key);
  const Time due = work_.now_ + delay;
  if (s.due <= due) return;
  s.due = due;
  work_.waiting_.push({due, work_.sequence_++, this, key});
}

void KeyQueue::add_rate_limited(Key key) {
  State& s = state(key);
  Duration delay = first_;
  for (int i = 0; i < s.failures && delay < longest_; ++i) delay = delay * 2;
  if (s.failures < 255) ++s.failures;
  add_after(key, std::min(delay, longest_));
}

void KeyQueue::forget(Key key) {
  state(key).failures = 0;
}

void KeyQueue::cancel(Key key) {
  state(key).due = kNever;
}

}  // namespace berth::controllers
