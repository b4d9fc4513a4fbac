// Which pods are of use to anybody at a time, counted by workload, folded from the journal. A pod counts from
// PodReady on, until it is not Ready, is told to go or has ended; and not while its node is off or cut off, nor while
// the API server shows its node as not Ready, since then its pods are out of all Services. Pods whose machine went off
// count again when they are Ready anew.
#pragma once

#include <cstdint>
#include <vector>

#include "results/pod_owners.hpp"
#include "sim/cluster/journal.hpp"

namespace berth {

class ReadyPods;

class ReadyListener {
 public:
  virtual ~ReadyListener() = default;
  // One pod of the workload, on `node`, counts from now on, or no longer. `by_node`: for something about its node.
  virtual void ready_changed(Time at, std::uint32_t workload, NodeId node, int change, bool by_node) = 0;
  virtual void wanted_changed(Time at, std::uint32_t workload, std::int64_t before) = 0;
  // A record about a node, or a fault, that is about to take effect.
  virtual void node_record(const Record& record) { (void)record; }
  virtual void begin(const ReadyPods& pods) = 0;
  virtual void finish(Time end) = 0;
};

// O(1) per record, but for what befalls a node: O(its pods). 24 bytes per pod.
class ReadyPods final : public JournalSink {
 public:
  // `owners` must outlive this.
  explicit ReadyPods(const PodOwners& owners) : owners_(owners) {}
  // Before the run. It must outlive the run.
  void listen(ReadyListener* listener) { listeners_.push_back(listener); }

  void begin(const JournalContext& context) override;
  void write(std::span<const Record> batch) override;
  void finish(Time end) override;

  // By number in PodOwners::replicated().
  std::size_t workloads() const { return workloads_.size(); }
  std::int64_t ready(std::uint32_t workload) const { return workloads_[workload].ready; }
  std::int64_t wanted(std::uint32_t workload) const { return workloads_[workload].wanted; }
  bool node_ready(NodeId node) const { return index(node) >= nodes_.size() || !nodes_[index(node)].not_ready; }
  // Calls f(workload) for each pod on the node that counts.
  template <class F>
  void each_ready_on(NodeId node, F&& f) const {
    if (index(node) >= nodes_.size() || !nodes_[index(node)].counts()) return;
    for (std::uint32_t p = nodes_[index(node)].first; p != kNone; p = pods_[p].next) {
      if (pods_[p].counts()) f(pods_[p].workload);
    }
  }

 private:
  static constexpr std::uint32_t kNone = 0xFFFF'FFFF;
  struct Pod {
    std::uint32_t workload = kNone;
    NodeId node = kNoNode;
    std::uint32_t next = kNone, previous = kNone;  // On its node.
    bool ready = false;
    bool going = false;
    bool counts() const { return ready && !going; }
  };
  struct Node {
    std::uint32_t first = kNone;
    bool off = false, cut_off = false, not_ready = false;
    bool counts() const { return !off && !cut_off && !not_ready; }
  };
  struct Workload {
    std::int64_t ready = 0;
    std::int64_t wanted = 0;
  };

  Node& node(NodeId id);
  void place(std::uint32_t pod, NodeId node);
  void leave(std::uint32_t pod, Time at);
  void set(std::uint32_t pod, Time at, bool Pod::*flag, bool value);
  void set(NodeId id, Time at, bool Node::*flag, bool value);
  void change(const Pod& pod, Time at, int by, bool by_node);

  const PodOwners& owners_;
  std::vector<ReadyListener*> listeners_;
  std::vector<Pod> pods_;    // By ordinal.
  std::vector<Node> nodes_;  // As far as they are known.
  std::vector<Workload> workloads_;
};

}  // namespace berth
