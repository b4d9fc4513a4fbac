// Small clusters for tests: nodes in a line each, a harness that plays the API server's part (Actions, journal, engine)
// without a simulation around it, random clusters with random churn, and the room of a node recounted the naive way.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "sim/cluster/actions.hpp"
#include "sim/cluster/catalog.hpp"
#include "sim/cluster/cluster.hpp"
#include "sim/cluster/event.hpp"
#include "sim/cluster/journal.hpp"
#include "sim/engine/engine.hpp"
#include "sim/engine/rng.hpp"

namespace berth::test {

constexpr std::int64_t operator""_GiB(unsigned long long n) {
  return static_cast<std::int64_t>(n) << 30;
}
constexpr std::int64_t operator""_MiB(unsigned long long n) {
  return static_cast<std::int64_t>(n) << 20;
}

// A node and what is taken of it when the test begins.
struct NodeRow {
  std::string name;
  std::int64_t cpu_milli = 0;
  std::int64_t memory_bytes = 0;
  std::int64_t cpu_used_milli = 0;
  std::int64_t memory_used_bytes = 0;
  std::vector<std::uint16_t> gpus_free_milli = {};  // One per GPU; empty: no GPUs.
  std::string gpu_model = "T4";
};

struct Ask {
  std::int64_t cpu_milli = 0;
  std::int64_t memory_bytes = 0;
  std::uint16_t gpus = 0;
  std::uint16_t gpu_milli = kMilliPerGpu;  // Of each GPU.
  std::vector<std::string> gpu_models = {};
  std::int32_t priority = 0;
  std::string namespace_name = "default";
};

inline PodTemplate template_of(Catalog& catalog, const Ask& ask) {
  PodTemplate t;
  t.request = {ask.cpu_milli, ask.memory_bytes, 0};
  if (ask.gpus > 0) t.gpu = {ask.gpus, ask.gpu_milli, 0};
  for (const std::string& model : ask.gpu_models) {
    t.gpu.models |= std::uint64_t{1} << index(catalog.gpu_model(model));
    t.gpu_spec += (t.gpu_spec.empty() ? "" : "|") + model;
  }
  t.priority = ask.priority;
  t.namespace_id = catalog.namespace_id(ask.namespace_name);
  return t;
}

// Keeps the journal in memory.
class RecordKeeper final : public JournalSink {
 public:
  void begin(const JournalContext&) override {}
  void write(std::span<const Record> batch) override { records.insert(records.end(), batch.begin(), batch.end()); }
  void finish(Time at) override { end = at; }

  std::vector<Record> records;
  Time end{};
};

// A cluster with its Actions. Events are played by step(), as the simulation's main loop would.
class Harness {
 public:
  explicit Harness(DecisionTime decision = {}) : actions(cluster, engine, journal, decision) {
    journal.add_sink(&kept);
  }
  Harness(const Harness&) = delete;
  Harness& operator=(const Harness&) = delete;

  NodeId add_node(const NodeRow& row) {
    NodeSpec spec;
    spec.name = row.name;
    spec.allocatable = {row.cpu_milli, row.memory_bytes, 0};
    spec.gpu_count = static_cast<std::uint16_t>(row.gpus_free_milli.size());
    if (spec.gpu_count > 0) spec.gpu_model = cluster.catalog().gpu_model(row.gpu_model);
    const NodeId node = cluster.add_node(spec);
    if (row.cpu_used_milli > 0 || row.memory_used_bytes > 0) {
      occupy(node, {.cpu_milli = row.cpu_used_milli, .memory_bytes = row.memory_used_bytes}, 0);
    }
    for (std::size_t i = 0; i < row.gpus_free_milli.size(); ++i) {
      const auto taken = static_cast<std::uint16_t>(kMilliPerGpu - row.gpus_free_milli[i]);
      if (taken > 0) occupy(node, {.gpus = 1, .gpu_milli = taken}, static_cast<GpuMask>(1U << i));
    }
    return node;
  }

  PodId create(TemplateId t, Duration run_time = kForever, Duration start_delay = {}) {
    return actions.create(t, run_time, start_delay, row_++);
  }
  PodId create(const Ask& ask, Duration run_time = kForever, Duration start_delay = {}) {
    return create(cluster.catalog().intern(template_of(cluster.catalog(), ask)), run_time, start_delay);
  }

  // Plays one event; false if none is pending.
  bool step(Time horizon = kNever) {
    Event event;
    if (!engine.next(horizon, event)) return false;
    if (cluster.pods().generation[event.subject] != event.generation) return true;
    const auto pod = static_cast<PodId>(event.subject);
    switch (event.kind) {
      case EventKind::kPodBound:
        actions.pod_bound(pod);
        break;
      case EventKind::kPodStarted:
        actions.pod_started(pod);
        break;
      case EventKind::kPodSucceeded:
        actions.pod_succeeded(pod);
        break;
      default:
        BERTH_CHECK(false);
    }
    return true;
  }

  const std::vector<Record>& records() {
    journal.finish(engine.now());
    return kept.records;
  }
  std::string where(PodId pod) const {
    const NodeId node = cluster.pods().node[index(pod)];
    return node == kNoNode ? "<pending>" : cluster.node_spec(node).name;
  }

  Cluster cluster{Catalog{}};
  Engine<Event> engine;
  Journal journal;
  Actions actions;
  RecordKeeper kept;

 private:
  void occupy(NodeId node, const Ask& ask, GpuMask gpus) {
    const PodId pod = create(ask);
    BERTH_CHECK(actions.bind(pod, node, gpus == 0 ? std::optional<GpuMask>() : gpus) == Outcome::kDone);
    while (!actions.may_decide()) BERTH_CHECK(step());
  }
  std::uint32_t row_ = 0;
};

// ---- the naive twin of a node's indexes
// -------------------------------------------------------------------------------

struct Room {
  std::int64_t cpu_milli = 0, memory_bytes = 0, storage_bytes = 0, pods = 0;
  std::vector<std::int64_t> gpus_milli;
  std::vector<std::int64_t> extended;  // By resource.
};

// What is free on the node, from its spec and the pods that say they are on it. O(pods).
inline Room naive_room(const Cluster& cluster, NodeId node) {
  const NodeSpec& spec = cluster.node_spec(node);
  Room room{spec.allocatable.cpu_milli,
            spec.allocatable.memory_bytes,
            spec.allocatable.ephemeral_storage_bytes,
            spec.pods,
            std::vector<std::int64_t>(spec.gpu_count, 1000),
            std::vector<std::int64_t>(cluster.catalog().extended_resources(), 0)};
  for (const ExtendedAmount& e : spec.extended) room.extended[index(e.resource)] = e.amount;
  const PodColumns& pods = cluster.pods();
  for (std::size_t p = 0; p < pods.size(); ++p) {
    if (pods.phase[p] == PodPhase::kFree || pods.phase[p] == PodPhase::kPending || pods.node[p] != node) continue;
    const PodTemplate& t = cluster.catalog()[pods.pod_template[p]];
    room.cpu_milli -= t.request.cpu_milli;
    room.memory_bytes -= t.request.memory_bytes;
    room.storage_bytes -= t.request.ephemeral_storage_bytes;
    room.pods -= 1;
    for (std::size_t i = 0; i < room.gpus_milli.size(); ++i) {
      if (((pods.gpus[p] >> i) & 1) != 0) room.gpus_milli[i] -= t.gpu.milli;
    }
    for (const ExtendedAmount& e : t.extended) room.extended[index(e.resource)] -= e.amount;
  }
  return room;
}

// Kubernetes' NodeResourcesFit and the GPU rules, from a recount.
inline bool naive_fits(const Cluster& cluster, const PodTemplate& t, NodeId node) {
  const Room room = naive_room(cluster, node);
  if (cluster.nodes().schedulable[index(node)] == 0 || room.pods < 1) return false;
  if (room.cpu_milli < t.request.cpu_milli || room.memory_bytes < t.request.memory_bytes ||
      room.storage_bytes < t.request.ephemeral_storage_bytes) {
    return false;
  }
  for (const ExtendedAmount& e : t.extended) {
    if (index(e.resource) >= room.extended.size() || room.extended[index(e.resource)] < e.amount) return false;
  }
  if (t.gpu.count == 0) return true;
  if (room.gpus_milli.empty()) return false;
  const auto model = index(cluster.node_spec(node).gpu_model);
  if (t.gpu.models != 0 && ((t.gpu.models >> model) & 1) == 0) return false;
  const auto enough = [&](std::int64_t free) { return free >= t.gpu.milli; };
  return std::count_if(room.gpus_milli.begin(), room.gpus_milli.end(), enough) >= t.gpu.count;
}

// ---- random clusters
// --------------------------------------------------------------------------------------------------

// A cluster of 1 to 12 unlike nodes and 3 to 10 templates that compete for it, and one random thing after another.
// Amounts are coarse, so that full nodes and ties are common. Two with one seed do the same as long as the same pods
// are bound to the same nodes.
class RandomWorld {
 public:
  explicit RandomWorld(std::uint64_t seed, DecisionTime decision = {})
      : harness(decision), rng_(seed, 0, 0, Purpose::kTest) {
    Catalog& catalog = harness.cluster.catalog();
    const std::array<GpuModelId, 2> models{catalog.gpu_model("T4"), catalog.gpu_model("A100")};
    const ExtendedId nic = catalog.extended("example.com/nic");
    const std::uint32_t nodes = 1 + rng_.below(12);
    for (std::uint32_t i = 0; i < nodes; ++i) {
      NodeSpec spec;
      spec.name = "n" + std::to_string(i);
      spec.allocatable = {2000 * (1 + rng_.below(4)), (4 << rng_.below(4)) * 1_GiB, rng_.below(2) * 64_GiB};
      spec.pods = 2 + rng_.below(8);
      if (rng_.below(2) == 0) {
        spec.gpu_count = static_cast<std::uint16_t>(1U << rng_.below(4));
        spec.gpu_model = models[rng_.below(2)];
      }
      if (rng_.below(3) == 0) spec.extended = {{nic, 1 + rng_.below(3)}};
      harness.cluster.add_node(spec);
    }
    const std::uint32_t templates = 3 + rng_.below(8);
    for (std::uint32_t i = 0; i < templates; ++i) {
      PodTemplate t;
      t.request = {500 * rng_.below(5), rng_.below(5) * 1_GiB, rng_.below(4) == 0 ? 8_GiB : 0};
      switch (rng_.below(4)) {
        case 0:
          t.gpu = {1, static_cast<std::uint16_t>(250 * (1 + rng_.below(3))), 0};
          break;
        case 1:
          t.gpu = {static_cast<std::uint16_t>(1 + rng_.below(4)), 1000, 0};
          break;
        default:
          break;
      }
      if (t.gpu.count > 0 && rng_.below(3) == 0) t.gpu.models = 1 + rng_.below(2);  // T4 or A100.
      if (rng_.below(6) == 0) t.extended = {{nic, 1}};
      t.priority = static_cast<std::int32_t>(rng_.below(3)) - 1;
      t.namespace_id = catalog.namespace_id("ns" + std::to_string(rng_.below(3)));
      templates_.push_back(catalog.intern(t));
    }
  }

  std::span<const TemplateId> templates() const { return templates_; }
  Rng& rng() { return rng_; }
  TemplateId any_template() { return templates_[rng_.below(static_cast<std::uint32_t>(templates_.size()))]; }
  NodeId any_node() {
    return static_cast<NodeId>(rng_.below(static_cast<std::uint32_t>(harness.cluster.nodes().size())));
  }
  // Any pod row in that phase, kNoPod if there is none; by row, so that equal histories draw alike.
  PodId any_pod(PodPhase phase) {
    std::vector<PodId> found;
    for (std::size_t p = 0; p < harness.cluster.pods().size(); ++p) {
      if (harness.cluster.pods().phase[p] == phase) found.push_back(static_cast<PodId>(p));
    }
    return found.empty() ? kNoPod : found[rng_.below(static_cast<std::uint32_t>(found.size()))];
  }

  // What happens to a cluster besides scheduling: pods come, end and are evicted, nodes are cordoned and come back.
  void churn() {
    const std::uint32_t dice = rng_.below(100);
    if (dice < 55) {
      harness.create(any_template());
    } else if (dice < 80) {
      if (const PodId pod = any_pod(PodPhase::kRunning); pod != kNoPod) harness.actions.pod_succeeded(pod);
    } else if (dice < 86) {
      if (const PodId pod = any_pod(PodPhase::kRunning); pod != kNoPod)
        harness.actions.evict(pod, EvictReason::kDrained);
    } else if (dice < 90) {
      if (const PodId pod = any_pod(PodPhase::kPending); pod != kNoPod)
        harness.actions.fail(pod, FailReason::kUnschedulable);
    } else if (dice < 94) {
      harness.actions.cordon(any_node());
    } else {
      harness.actions.uncordon(any_node());
    }
  }

  Harness harness;

 private:
  Rng rng_;
  std::vector<TemplateId> templates_;
};

}  // namespace berth::test
