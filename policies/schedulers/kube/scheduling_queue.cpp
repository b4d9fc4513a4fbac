#include "policies/schedulers/kube/scheduling_queue.hpp"

#include <algorithm>

#include "sim/engine/error.hpp"

namespace berth::kube {
namespace {

constexpr Duration kFlushAfter = seconds(300);
constexpr Duration kFlushEvery = seconds(30);

Time whole_second(Time t) {
  return Time{t.ns / 1'000'000'000 * 1'000'000'000};
}

}  // namespace

Duration SchedulingQueue::backoff(std::uint32_t attempts) {
  constexpr std::uint32_t kMost = 10;
  return seconds(attempts > 4 ? kMost : std::min(kMost, 1U << (attempts - 1)));
}

bool SchedulingQueue::later(const Item& a, const Item& b) {
  if (a.expiry != b.expiry) return a.expiry > b.expiry;
  if (a.order != b.order) return a.order > b.order;
  if (a.stamp != b.stamp) return a.stamp > b.stamp;
  return a.sequence > b.sequence;
}

SchedulingQueue::Item SchedulingQueue::item(Handle pod, Time expiry) {
  Entry& e = entries_[pod];
  return {expiry,     static_cast<std::uint64_t>(std::int64_t{0x7FFF'FFFF} - e.priority), e.stamp, e.sequence, pod,
          ++e.version};
}

void SchedulingQueue::push(std::vector<Item>& heap, Handle pod, Time expiry, Where where) {
  heap.push_back(item(pod, expiry));
  std::push_heap(heap.begin(), heap.end(), later);
  entries_[pod].where = where;
}

void SchedulingQueue::drop_stale(std::vector<Item>& heap) {
  while (!heap.empty() && entries_[heap.front().pod].version != heap.front().version) {
    std::pop_heap(heap.begin(), heap.end(), later);
    heap.pop_back();
  }
}

std::optional<SchedulingQueue::Handle> SchedulingQueue::pop_heap(std::vector<Item>& heap) {
  drop_stale(heap);
  if (heap.empty()) return std::nullopt;
  const Handle pod = heap.front().pod;
  std::pop_heap(heap.begin(), heap.end(), later);
  heap.pop_back();
  entries_[pod].where = Where::kInFlight;
  return pod;
}

void SchedulingQueue::add(Handle pod, std::int32_t priority, Time now) {
  if (pod >= entries_.size()) entries_.resize(std::max<std::size_t>(pod + 1, 2 * entries_.size()));
  Entry& e = entries_[pod];
  BERTH_CHECK(e.where == Where::kNowhere);
  e = {now, sequence_++, priority, 0, 0, 0, e.version, Where::kNowhere};
  push(active_, pod, Time{}, Where::kActive);
  ++size_;
}

std::optional<SchedulingQueue::Handle> SchedulingQueue::pop(Time now) {
  // What is over is active, in the active queue's order.
  for (drop_stale(backing_off_); !backing_off_.empty() && backing_off_.front().expiry < whole_second(now);
       drop_stale(backing_off_)) {
    const Handle pod = backing_off_.front().pod;
    std::pop_heap(backing_off_.begin(), backing_off_.end(), later);
    backing_off_.pop_back();
    push(active_, pod, Time{}, Where::kActive);
  }
  if (const std::optional<Handle> pod = pop_heap(active_)) return pod;
  return pop_heap(backing_off_);
}

Time SchedulingQueue::expiry_of(const Entry& entry) const {
  return whole_second(entry.stamp + backoff(entry.attempts));
}

void SchedulingQueue::failed(Handle pod, std::uint32_t refused_by, bool changed, Time now) {
  Entry& e = entries_[pod];
  BERTH_CHECK(e.where == Where::kInFlight && refused_by != 0);
  e.stamp = now;
  e.sequence = sequence_++;
  ++e.attempts;
  e.refused_by = refused_by;
  if (changed) {
    push(backing_off_, pod, expiry_of(e), Where::kBackoff);
    return;
  }
  std::vector<Handle>& pods = unschedulable_[refused_by];
  e.place = static_cast<std::uint32_t>(pods.size());
  pods.push_back(pod);
  Item oldest = item(pod, Time{});
  oldest.order = 0;
  oldest_.push_back(oldest);
  std::push_heap(oldest_.begin(), oldest_.end(), later);
  e.where = Where::kUnschedulable;
}

void SchedulingQueue::leave_unschedulable(std::vector<Handle>& pods, std::size_t i, Time now) {
  const Handle pod = pods[i];
  pods[i] = pods.back();
  entries_[pods[i]].place = static_cast<std::uint32_t>(i);
  pods.pop_back();
  const Time expiry = expiry_of(entries_[pod]);
  if (expiry >= whole_second(now)) {
    push(backing_off_, pod, expiry, Where::kBackoff);
  } else {
    push(active_, pod, Time{}, Where::kActive);
  }
}

void SchedulingQueue::remove(Handle pod) {
  if (pod >= entries_.size() || entries_[pod].where == Where::kNowhere) return;
  Entry& e = entries_[pod];
  if (e.where == Where::kUnschedulable) {
    std::vector<Handle>& pods = unschedulable_[e.refused_by];
    pods[e.place] = pods.back();
    entries_[pods[e.place]].place = e.place;
    pods.pop_back();
  }
  ++e.version;
  e.where = Where::kNowhere;
  --size_;
}

void SchedulingQueue::flush(Time now) {
  const Time looked{now.ns / kFlushEvery.ns * kFlushEvery.ns};  // When upstream looked last.
  for (drop_stale(oldest_); !oldest_.empty() && oldest_.front().stamp + kFlushAfter < looked; drop_stale(oldest_)) {
    const Handle pod = oldest_.front().pod;
    std::pop_heap(oldest_.begin(), oldest_.end(), later);
    oldest_.pop_back();
    leave_unschedulable(unschedulable_[entries_[pod].refused_by], entries_[pod].place, now);
  }
}

}  // namespace berth::kube
