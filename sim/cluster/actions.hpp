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

// Brings bound pods to life where a start is more than a delay, and stops them where an eviction takes time.
class NodeAgent {
 public:
  // The scheduler has decided, and the pod's room is taken. True: it may be bound. False: Actions::bound() follows
  // later, or Actions::unassume().
  virtual bool pre_bind(PodId pod) = 0;
  virtual void pod_bound(PodId pod) = 0;
  // The pod is told to go; it keeps its room until it has.
  virtual void evict(PodId pod, EvictReason why) = 0;

 protected:
  ~NodeAgent() = default;
};

class Actions {
 public:
  Actions(Cluster& cluster, Engine<Event>& engine, Journal& journal, DecisionTime decision)
      : cluster_(cluster), engine_(engine), journal_(journal), decision_(decision) {}

  // Binds a pending pod. Without `gpus` the default rule takes them (Cluster::default_gpus). With a decision time the
  // room is taken now, and the pod counts as scheduled when the time is over; until then the scheduler is busy.
  Outcome bind(PodId pod, NodeId node, std::optional<GpuMask> gpus = std::nullopt);
  // Takes a bound pod off its node; its work is lost and it waits again, behind the others of its priority. While its
  // binding is still being decided (decision time) a pod is not bound. With a node agent it takes its grace period.
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
  void unschedulable(PodId pod, std::uint32_t message = 0);  // Only says so; Record::value.
  void pod_bound(PodId pod);                                 // The decision time is over.
  void bound(PodId pod);                                     // What else there was to wait for, too.
  void unassume(PodId pod);                                  // It cannot be bound after all, and waits again.
  void pod_started(PodId pod);                               // The start delay is over.
  void pod_succeeded(PodId pod);                             // The run time is over.
  void fail(PodId pod, FailReason why);                      // Frees its room, if it had any.
  void pod_deleted(PodId pod);                               // Likewise; it is wanted no more.
  void pod_evicted(PodId pod, EvictReason why);              // It has gone, and waits again.

  // Null: a start is the pod's start delay, its end the run time, and evicted pods are gone at once. It must outlive
  // this.
  void set_node_agent(NodeAgent* agent) { agent_ = agent; }

 private:
  void record(RecordKind kind, PodId pod, std::uint8_t reason = 0, std::uint32_t value = 0);

  Cluster& cluster_;
  Engine<Event>& engine_;
  Journal& journal_;
  DecisionTime decision_;
  Time busy_until_{};
  NodeAgent* agent_ = nullptr;
};

}  // namespace berth
