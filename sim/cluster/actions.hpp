// The one door by which policies change the cluster, like the API server. A verb checks, takes effect at once (the next
// pod sees the room gone), is journaled, and schedules what follows.
#pragma once

#include <optional>

#include "sim/cluster/cluster.hpp"
#include "sim/cluster/event.hpp"
#include "sim/cluster/journal.hpp"
#include "sim/engine/engine.hpp"

namespace berth {

enum class Outcome : std::uint8_t {
  kDone,
  kNotPending,  // The pod is bound already, or gone.
  kNotBound,    // The pod holds no node.
  kNoSuchNode,
  kDoesNotFit,     // Too little free, or the node is cordoned.
  kBadGpus,        // The GPUs named are too few, too many, or not free enough.
  kSchedulerBusy,  // The scheduler still decides on its last pod (decision time).
};
std::string_view to_string(Outcome outcome);

// How long the scheduler takes for one pod, of simulated time: base + per_node · nodes. Zero: decisions are free.
struct DecisionTime {
  Duration base{};
  Duration per_node{};
};

class Actions {
 public:
  Actions(Cluster& cluster, Engine<Event>& engine, Journal& journal, DecisionTime decision)
      : cluster_(cluster), engine_(engine), journal_(journal), decision_(decision) {}

  // Binds a pending pod. Without `gpus` the default rule takes them (Cluster::default_gpus). With a decision time the
  // room is taken now, and the pod counts as scheduled when the time is over; until then the scheduler is busy.
  Outcome bind(PodId pod, NodeId node, std::optional<GpuMask> gpus = std::nullopt);
  // Takes a bound pod off its node; its work is lost and it waits again, behind the others of its priority. While its
  // binding is still being decided (decision time) a pod is not bound.
  Outcome evict(PodId pod, EvictReason why);
  // A cordoned node takes no further pods; those on it stay.
  Outcome cordon(NodeId node);
  Outcome uncordon(NodeId node);

  // True if a decision may be made now. Schedulers stop when it turns false; bind() refuses then anyway.
  bool may_decide() const { return engine_.now() >= busy_until_; }
  Time busy_until() const { return busy_until_; }

  // ---- for the simulation's event handlers
  // ---------------------------------------------------------------------------
  PodId create(TemplateId pod_template, Duration run_time, Duration start_delay, std::uint32_t row);
  void unschedulable(PodId pod);  // Only says so.
  void pod_bound(PodId pod);      // The decision time is over.
  void pod_started(PodId pod);    // The start delay is over.
  void pod_succeeded(PodId pod);  // The run time is over.
  void fail(PodId pod, FailReason why);

 private:
  void record(RecordKind kind, PodId pod, std::uint8_t reason = 0);

  Cluster& cluster_;
  Engine<Event>& engine_;
  Journal& journal_;
  DecisionTime decision_;
  Time busy_until_{};
};

}  // namespace berth
