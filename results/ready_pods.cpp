#include "results/ready_pods.hpp"

#include <utility>

#include "sim/engine/error.hpp"

namespace berth {

void ReadyPods::begin(const JournalContext&) {
  for (const PodOwners::Replicated& workload : owners_.replicated()) workloads_.push_back({0, workload.replicas});
  for (ReadyListener* listener : listeners_) listener->begin(*this);
}

void ReadyPods::finish(Time end) {
  for (ReadyListener* listener : listeners_) listener->finish(end);
}

ReadyPods::Node& ReadyPods::node(NodeId id) {
  if (index(id) >= nodes_.size()) nodes_.resize(index(id) + 1);
  return nodes_[index(id)];
}

void ReadyPods::change(const Pod& pod, Time at, int by, bool by_node) {
  workloads_[pod.workload].ready += by;
  for (ReadyListener* listener : listeners_) listener->ready_changed(at, pod.workload, pod.node, by, by_node);
}

void ReadyPods::place(std::uint32_t ordinal, NodeId id) {
  Pod& pod = pods_[ordinal];
  Node& to = node(id);
  pod.node = id;
  pod.previous = kNone;
  pod.next = std::exchange(to.first, ordinal);
  if (pod.next != kNone) pods_[pod.next].previous = ordinal;
}

void ReadyPods::leave(std::uint32_t ordinal, Time at) {
  Pod& pod = pods_[ordinal];
  if (pod.node == kNoNode) return;
  set(ordinal, at, &Pod::ready, false);
  (pod.previous == kNone ? node(pod.node).first : pods_[pod.previous].next) = pod.next;
  if (pod.next != kNone) pods_[pod.next].previous = pod.previous;
  pod.node = kNoNode;
  pod.next = pod.previous = kNone;
}

void ReadyPods::set(std::uint32_t ordinal, Time at, bool Pod::*flag, bool value) {
  Pod& pod = pods_[ordinal];
  if (pod.node == kNoNode) return;  // It has left already, and its kubelet goes on to tidy up.
  const bool before = pod.counts();
  pod.*flag = value;
  if (before != pod.counts() && nodes_[index(pod.node)].counts()) change(pod, at, before ? -1 : 1, false);
}

void ReadyPods::set(NodeId id, Time at, bool Node::*flag, bool value) {
  Node& to = node(id);
  const bool before = to.counts();
  to.*flag = value;
  if (before == to.counts()) return;
  for (std::uint32_t p = to.first; p != kNone; p = pods_[p].next) {
    if (pods_[p].counts()) change(pods_[p], at, before ? -1 : 1, true);
  }
}

void ReadyPods::write(std::span<const Record> batch) {
  for (const Record& r : batch) {
    switch (r.kind) {
      case RecordKind::kPodCreated: {
        if (r.pod >= pods_.size()) pods_.resize(r.pod + 1);
        const PodOwner owner = owners_.owner(r.value);
        if (owner.kind == PodOwner::Kind::kReplicated) pods_[r.pod].workload = owner.number;
        break;
      }
      case RecordKind::kPodScheduled:
        if (pods_[r.pod].workload != kNone) place(r.pod, r.node);
        break;
      case RecordKind::kPodReady:
        set(r.pod, r.at, &Pod::ready, true);
        break;
      case RecordKind::kPodNotReady:
        set(r.pod, r.at, &Pod::ready, false);
        break;
      case RecordKind::kPodTerminating:
        set(r.pod, r.at, &Pod::going, true);
        break;
      case RecordKind::kPodSucceeded:
      case RecordKind::kPodFailed:
      case RecordKind::kPodEvicted:
      case RecordKind::kPodDeleted:
        leave(r.pod, r.at);
        break;
      case RecordKind::kScaled:
        if (const std::uint32_t w = owners_.scaled(r.container); w != PodOwners::kNone) {
          const std::int64_t before = std::exchange(workloads_[w].wanted, r.value);
          for (ReadyListener* listener : listeners_) listener->wanted_changed(r.at, w, before);
        }
        break;
      case RecordKind::kFaultBegan:
      case RecordKind::kFaultEnded:
        for (ReadyListener* listener : listeners_) listener->node_record(r);
        break;
      case RecordKind::kNodeNotReady:
      case RecordKind::kNodeReadyAgain:
        for (ReadyListener* listener : listeners_) listener->node_record(r);
        set(r.node, r.at, &Node::not_ready, r.kind == RecordKind::kNodeNotReady);
        break;
      case RecordKind::kNodeDown:
      case RecordKind::kNodeUp: {
        const bool down = r.kind == RecordKind::kNodeDown;
        for (ReadyListener* listener : listeners_) listener->node_record(r);
        const auto trouble = static_cast<NodeTrouble>(r.reason);
        if (trouble == NodeTrouble::kCutOff) set(r.node, r.at, &Node::cut_off, down);
        if (trouble != NodeTrouble::kOff) break;
        set(r.node, r.at, &Node::off, down);
        if (!down) break;
        for (std::uint32_t p = node(r.node).first; p != kNone; p = pods_[p].next) pods_[p].ready = false;
        break;
      }
      case RecordKind::kNodeLeft:
        for (ReadyListener* listener : listeners_) listener->node_record(r);
        break;
      default:
        break;
    }
  }
}

}  // namespace berth
