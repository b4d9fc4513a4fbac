// Faults of a run, as drawn from a plan before it began (workloads/faults): strikes nodes, registries and images when
// their time has come, and lifts them again.
#pragma once

#include <functional>
#include <span>
#include <unordered_map>
#include <utility>
#include <vector>

#include "sim/cluster/event.hpp"
#include "sim/engine/engine.hpp"
#include "sim/nodes.hpp"
#include "workloads/faults/fault_draw.hpp"

namespace berth {

class FaultInjection {
 public:
  // All must outlive this; `strikes` by draw(). Events are scheduled one after another, not all at the start.
  FaultInjection(Engine<Event>& engine, Journal& journal, Nodes& nodes, const RunImages& images, const FaultPlan& plan,
                 std::span<const FaultEvent> strikes, const Cluster& cluster);

  // Nodes that join from now on meet the plan's faults up to `horizon`, too (for_node()); those of the beginning are in
  // `strikes`. A node that was removed is struck no more.
  void follow_joins(Time horizon, FaultSeed seed);

  // Told of each machine that the cloud has taken back for good, once it is off; empty: nobody.
  void set_on_reclaim(std::function<void(NodeId)> on_reclaim) { on_reclaim_ = std::move(on_reclaim); }

  // Of kFaultEvent.
  void handle(const Event& event);
  std::uint64_t struck() const { return struck_; }

 private:
  enum Detail : std::uint16_t { kBegin, kEnd };

  void plan_next();
  void node_joined(NodeId node, Time horizon, FaultSeed seed);
  const FaultEvent& strike_at(std::uint32_t number) const {
    return number < strikes_.size() ? strikes_[number] : joined_[number - strikes_.size()];
  }
  void apply(const FaultEvent& strike, bool begins);
  void record(const FaultEvent& strike, std::uint32_t number, bool begins);
  template <class F>
  void each_node(const FaultEvent& strike, F&& f) const;

  Engine<Event>& engine_;
  Journal& journal_;
  Nodes& nodes_;
  const RunImages& images_;
  const FaultPlan& plan_;
  std::span<const FaultEvent> strikes_;
  std::vector<FaultEvent> joined_;  // Of nodes that joined later, one node's after another's; numbered behind strikes_.
  const Cluster& cluster_;
  std::function<void(NodeId)> on_reclaim_;
  std::size_t next_ = 0;
  std::uint64_t struck_ = 0;
  // Faults overlap: a node is down as long as at least one of them holds it.
  std::vector<std::uint32_t> down_, hung_, cut_;
  std::unordered_map<std::uint32_t, std::uint32_t> missing_,
      silent_;  // By image, by registry. Looked up, never walked.
};

}  // namespace berth
