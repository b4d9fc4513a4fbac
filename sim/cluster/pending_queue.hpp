// Pods that wait for a node, in the order of Kubernetes' PrioritySort: higher priority first, then who has waited
// longer. One FIFO per template: pods of one template differ in nothing that a scheduler sees, so if the first of them
// fits nowhere, neither do the others, and a backlog of 10^5 pods costs what its number of templates costs.
#pragma once

#include <algorithm>
#include <cstdint>
#include <span>
#include <vector>

#include "sim/cluster/catalog.hpp"
#include "sim/engine/error.hpp"

namespace berth {

class PendingQueue {
 public:
  std::size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }

  // Templates with at least one waiting pod, in no meaningful but deterministic order.
  std::span<const TemplateId> templates() const { return active_; }
  // The longest-waiting pod of `t`, kNoPod if none; and the one behind `pod`.
  PodId front(TemplateId t) const { return index(t) < fifos_.size() ? fifos_[index(t)].head : kNoPod; }
  PodId next(PodId pod) const { return links_[index(pod)].next; }
  std::size_t waiting(TemplateId t) const { return index(t) < fifos_.size() ? fifos_[index(t)].size : 0; }
  // A pod's place in line: of two waiting pods the one with the lower key goes first.
  std::uint64_t place(PodId pod) const { return links_[index(pod)].place; }

  // All waiting pods in queue order into `out`. O(pods · log templates).
  void in_order(std::vector<PodId>& out) const {
    out.clear();
    std::vector<PodId> heads;
    const auto later = [this](PodId a, PodId b) { return place(a) > place(b); };
    for (const TemplateId t : active_) heads.push_back(front(t));
    std::make_heap(heads.begin(), heads.end(), later);
    while (!heads.empty()) {
      std::pop_heap(heads.begin(), heads.end(), later);
      const PodId pod = heads.back();
      heads.pop_back();
      out.push_back(pod);
      if (const PodId behind = next(pod); behind != kNoPod) {
        heads.push_back(behind);
        std::push_heap(heads.begin(), heads.end(), later);
      }
    }
  }

  // O(1) amortised each.
  void push_back(PodId pod, TemplateId t, std::int32_t priority) {
    if (index(t) >= fifos_.size()) fifos_.resize(index(t) + 1);
    if (index(pod) >= links_.size()) links_.resize(std::max(index(pod) + 1, 2 * links_.size()));
    Fifo& fifo = fifos_[index(t)];
    BERTH_CHECK(arrivals_ < 0xFFFF'FFFF);
    const auto upside_down = static_cast<std::uint64_t>(std::int64_t{0x7FFF'FFFF} - priority);
    links_[index(pod)] = {(upside_down << 32) | arrivals_++, fifo.tail, kNoPod};
    if (fifo.head == kNoPod) {
      fifo.head = pod;
      fifo.position = static_cast<std::uint32_t>(active_.size());
      active_.push_back(t);
    } else {
      links_[index(fifo.tail)].next = pod;
    }
    fifo.tail = pod;
    ++fifo.size;
    ++size_;
  }

  void remove(PodId pod, TemplateId t) {
    Fifo& fifo = fifos_[index(t)];
    const Links links = links_[index(pod)];
    (links.previous == kNoPod ? fifo.head : links_[index(links.previous)].next) = links.next;
    (links.next == kNoPod ? fifo.tail : links_[index(links.next)].previous) = links.previous;
    BERTH_CHECK(fifo.size > 0);
    --fifo.size;
    --size_;
    if (fifo.size == 0) {
      active_[fifo.position] = active_.back();
      fifos_[index(active_.back())].position = fifo.position;
      active_.pop_back();
    }
  }

 private:
  struct Fifo {
    PodId head = kNoPod;
    PodId tail = kNoPod;
    std::uint32_t size = 0;
    std::uint32_t position = 0;  // In active_.
  };
  struct Links {
    std::uint64_t place = 0;
    PodId previous = kNoPod;
    PodId next = kNoPod;
  };
  std::vector<Fifo> fifos_;   // By template.
  std::vector<Links> links_;  // By pod.
  std::vector<TemplateId> active_;
  std::size_t size_ = 0;
  std::uint64_t arrivals_ = 0;
};

}  // namespace berth
