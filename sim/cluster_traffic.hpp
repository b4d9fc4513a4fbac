// Traffic joined to a run: Services and their pods as the traffic model sees them, fed with what kubelets do. A pod
// serves with one container, the first regular one that names a port (or else the first); it can use that container's
// CPU limit, or what its node has if there is none.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "results/metrics.hpp"
#include "results/run_result.hpp"
#include "results/service_table.hpp"
#include "sim/cluster/cluster.hpp"
#include "sim/cluster/event.hpp"
#include "sim/cpu_ledger.hpp"
#include "sim/engine/engine.hpp"
#include "sim/traffic/traffic_model.hpp"
#include "workloads/manifest/manifest.hpp"
#include "workloads/traffic/traffic_file.hpp"

namespace berth {

class ClusterTraffic {
 public:
  // All must outlive this. Services of the file are matched with Service objects by name; one without is InputError.
  ClusterTraffic(Engine<Event>& engine, const Cluster& cluster, const TrafficFile& file,
                 const manifest::Manifests& manifests, std::uint64_t seed, std::uint32_t replication);

  // ---- of pods; `ref` is a small number that is used again once the pod is gone. Pods that serve nobody are ignored.
  // The process of `container` started, and listens from `up_at` on.
  void started(std::uint32_t ref, TemplateId pod_template, NodeId node, std::uint16_t container, Time up_at);
  void closing(std::uint32_t ref, std::uint16_t container);  // SIGTERM.
  void ended(std::uint32_t ref, std::uint16_t container);
  void ready(std::uint32_t ref, bool ready);
  void terminating(std::uint32_t ref);
  void gone(std::uint32_t ref);

  // ---- of nodes
  void node_on(NodeId node);
  void node_off(NodeId node);  // Off the net.

  // ---- activators, one for each workload (by PodScaling's number) whose pods are asked through a Service with an
  // address. Its pods carry these labels. Nothing happens if there is no such Service. Before the first pod.
  void activate(std::uint32_t workload, const std::string& namespace_name, const kube::StringMap& labels,
                std::uint32_t concurrency);
  void set_in_path(std::uint32_t workload, bool in_path);
  std::uint32_t workload_of(ActivatorId activator) const { return activated_[index(activator)]; }
  // Requests held for want of a pod, over time; 0 without an activator.
  std::int64_t held_ns(std::uint32_t workload);

  // Of kTrafficEvent.
  void handle(const Event& event);

  // Usage so far of the pod, if it serves.
  std::optional<PodUsage> usage(std::uint32_t ref);
  TrafficModel& model() { return *model_; }
  std::string verify() { return model_->verify(); }
  // What came of it, under the names of traffic_metrics().
  void add_metrics(RunResult& result);
  // The same by Service and source, in the order of the file: Services first.
  std::vector<ServiceRow> service_rows();

 private:
  static constexpr std::uint16_t kUp = 0x100;  // Event::detail; those below are the model's.
  struct Serving {                             // By template.
    bool known = false;
    std::vector<ServiceId> services;
    std::uint16_t container = 0;
    std::int64_t cpu_milli = 0;  // 0: no limit.
    std::uint32_t concurrency = 0xFFFF'FFFF;
  };
  struct Pod {
    bool added = false;
    bool up = false;
    bool ready = false;
    bool terminating = false;
    std::uint16_t container = 0;
    std::uint32_t generation = 0;  // Counts starts.
    Time added_at;
    std::int64_t request_milli = 0;
  };

  const Serving& serving(TemplateId id);
  std::optional<ActivatorId> activator(std::uint32_t workload) const;
  void charge(std::uint32_t ref, CpuLedger& ledger);
  Pod* find(std::uint32_t ref);
  Pod* find(std::uint32_t ref, std::uint16_t container);

  Engine<Event>& engine_;
  const Cluster& cluster_;
  const TrafficFile& file_;
  std::unique_ptr<TrafficModel> model_;
  struct Selector {
    std::string namespace_name;
    kube::StringMap labels;
    bool any = false;
    bool headless = false;
  };
  std::vector<Selector> selectors_;       // By ServiceId.
  std::vector<std::uint32_t> activated_;  // Workloads, by activator; ascending.
  std::vector<Serving> serving_;
  std::vector<Pod> pods_;
  std::vector<std::uint8_t> on_;  // By node.
  CpuLedger cpu_;                 // Without the pods that are there.
  Names zones_;                   // Of the nodes so far; "" is one.
};

// Names and meaning of what add_metrics() appends.
std::span<const MetricInfo> traffic_metrics();

}  // namespace berth
