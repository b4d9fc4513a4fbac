// Who is tried next: kube-scheduler's queue on the virtual clock. Active pods by priority, then by how long they wait;
// pods that failed wait, unschedulable, for an event that may help them, and are then held back for a while.
// Source: pkg/scheduler/backend/queue (scheduling_queue.go, active_queue.go, backoff_queue.go), v1.37.
// Not modelled: gated pods (who owns the queue keeps them out), pod groups, errors other than refusals, the one-second
// granularity of the moves to the active queue (a pod moves when it is asked for).
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include "sim/engine/time.hpp"

namespace berth::kube {

class SchedulingQueue {
 public:
  // pods' handles are small numbers that may be used again once removed.
  using Handle = std::uint32_t;

  // A new pod: active at once. It must not be there.
  void add(Handle pod, std::int32_t priority, Time now);
  // Takes the next pod off the queue for an attempt: the first active one, or, when there is none, the one whose
  // back-off ends first. O(log n).
  std::optional<Handle> pop(Time now);
  // The attempt failed: the pod was refused by these plugins (a bit each, not 0) and waits for an event that one of
  // them cares for. `changed`: such an event came during the attempt.
  void failed(Handle pod, std::uint32_t refused_by, bool changed, Time now);
  // Bound, or gone: forgotten. O(1) amortised; no-op for an unknown pod.
  void remove(Handle pod);

  // An event happened. Asks wanted(pod) of each unschedulable pod that was refused by one of `plugins`; those for whom
  // it is true move to the active queue, or to back-off while that lasts. O(pods asked · log n).
  template <class Wanted>
  void moved(std::uint32_t plugins, Time now, Wanted wanted) {
    for (auto& [refused_by, pods] : unschedulable_) {
      if ((refused_by & plugins) == 0) continue;
      for (std::size_t i = pods.size(); i-- > 0;) {
        if (wanted(pods[i])) leave_unschedulable(pods, i, now);
      }
    }
  }
  // Moves the pods that have been unschedulable for more than five minutes. Upstream looks every 30 s; call it before
  // pop(). O(1) while none is due.
  void flush(Time now);

  // 1, 2, 4, 8, 10, 10 … s for the 1st, 2nd … failed attempt.
  static Duration backoff(std::uint32_t attempts);
  bool idle() const { return active_.empty() && backing_off_.empty(); }
  std::size_t size() const { return size_; }

 private:
  enum class Where : std::uint8_t { kNowhere, kActive, kBackoff, kUnschedulable, kInFlight };
  struct Entry {
    Time stamp;  // Queued first, or failed last.
    std::uint32_t sequence = 0;
    std::int32_t priority = 0;
    std::uint32_t attempts = 0;
    std::uint32_t refused_by = 0;
    std::uint32_t place = 0;    // In its list of unschedulable_.
    std::uint32_t version = 0;  // Of its place in a heap: items with another one are stale.
    Where where = Where::kNowhere;
  };
  struct Item {
    Time expiry;  // Of back-off; 0 in the active heap.
    std::uint64_t order = 0;
    Time stamp;
    std::uint32_t sequence = 0;
    Handle pod = 0;
    std::uint32_t version = 0;
  };
  static bool later(const Item& a, const Item& b);

  Item item(Handle pod, Time expiry);
  void push(std::vector<Item>& heap, Handle pod, Time expiry, Where where);
  std::optional<Handle> pop_heap(std::vector<Item>& heap);
  void drop_stale(std::vector<Item>& heap);
  void leave_unschedulable(std::vector<Handle>& pods, std::size_t i, Time now);
  Time expiry_of(const Entry& entry) const;

  std::vector<Entry> entries_;  // By handle.
  std::vector<Item> active_;    // Heaps.
  std::vector<Item> backing_off_;
  std::map<std::uint32_t, std::vector<Handle>> unschedulable_;  // By who refused.
  std::vector<Item> oldest_;                                    // Heap of the unschedulable by stamp; may be stale.
  std::size_t size_ = 0;
  std::uint32_t sequence_ = 0;
};

}  // namespace berth::kube
