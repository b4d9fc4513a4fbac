// What autoscalers know of pods in use: metrics-server, which asks every kubelet every 15 s, keeps the last two answers
// and makes a rate of them. So a sample is up to a scrape old, a new pod has none before it was seen twice, and a pod
// whose node does not answer has none either.
// Source: kubernetes-sigs/metrics-server pkg/scraper/scraper.go (delays), pkg/storage/pod.go and types.go (two points,
// fresh containers), --metric-resolution=15s as in its released manifests. Simplified: a pod is one container to it; a
// node answers with what is true at that moment (kubelets are up to 10 s behind) and after the same delay each time; a
// node that does not answer does not hold up the others' answers.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

#include "sim/cluster/event.hpp"
#include "sim/controllers/store.hpp"
#include "sim/engine/engine.hpp"

namespace berth {

// What a kubelet, or the proxy beside a container, counts of a pod. Integrals begin at 0 with the pod and never fall.
struct PodReading {
  Time started;                     // When the last of its containers started.
  std::int64_t cpu_core_ns = -1;    // CPU used; -1: not measured.
  std::int64_t memory_bytes = -1;   // Working set; -1: not measured.
  std::int64_t concurrency_ns = 0;  // Requests in it, over time.
  std::uint64_t requests = 0;       // That have reached it.
};

// Where measurements come from. Pods are those of the control plane's store, and are there when asked for.
class PodMeasurements {
 public:
  virtual ~PodMeasurements() = default;
  // By now; nothing while none of its containers runs, or its node does not answer. O(1).
  virtual std::optional<PodReading> read(PodId pod) = 0;
  // status.startTime: when the kubelet saw it; kNever: not yet.
  virtual Time start_time(PodId pod) = 0;
  // Requests held back for want of a pod, over time: an integral since the run began. By number of the workload
  // (PodScaling).
  virtual std::int64_t held_ns(std::uint32_t workload) {
    (void)workload;
    return 0;
  }
};

struct MetricsServerOptions {
  std::uint64_t seed = 0;
  std::uint32_t replication = 0;
  Duration resolution = seconds(15);  // From one scrape to the next; > 4 s.
  std::optional<Duration> phase;      // Of the first scrape; absent: drawn, anywhere within the resolution.
};

// When the first scrape is, counted from the start: options.phase, or the draw that stands for it.
Duration first_scrape(const MetricsServerOptions& options);

// PodMetrics of metrics.k8s.io, and beside it what an adapter for custom metrics makes of the same two answers.
struct PodMetrics {
  Time time;  // Whole seconds, as the API has it.
  Duration window;
  std::int64_t cpu_milli = -1;         // Rounded up; -1: not measured.
  std::int64_t memory_bytes = -1;      // -1: not measured.
  std::int64_t concurrency_milli = 0;  // Mean over the window.
  std::int64_t requests_milli = 0;     // Per second.
};

class MetricsServer {
 public:
  struct Target {
    NodeId node = kNoNode;
    PodId pod = kNoPod;
    std::uint64_t uid = 0;
  };
  // Appends the pods that are to be measured, bound ones alone.
  using Lister = std::function<void(std::vector<Target>&)>;
  // Details of its events, which are of kScalingEvent.
  static constexpr std::uint16_t kScrape = 1;
  static constexpr std::uint16_t kNodeAnswers = 2;

  // All must outlive this.
  MetricsServer(Engine<Event>& engine, const controllers::Store& store, PodMeasurements& measurements, Lister lister,
                const MetricsServerOptions& options);

  void start();  // Schedules the first scrape.
  // A scrape costs O(n log n) for the pods that are measured, and an event for each of their nodes.
  void handle(const Event& event);
  // What the API answers; nothing for a pod that was not seen twice without a restart in between. O(1).
  std::optional<PodMetrics> find(PodId pod, std::uint64_t uid) const;

 private:
  struct Point {
    Time at;
    PodReading reading;
  };
  struct Row {  // By number of the pod in the store.
    std::uint64_t uid = 0;
    std::uint64_t stored = 0;  // The scrape that `last` is of.
    std::uint64_t staged = 0;  // The scrape that `next` is of.
    bool has_previous = false;
    Point next, last, previous;
  };

  void scrape();
  void read_node(std::size_t first);
  void store_batch();
  Duration delay(NodeId node) const;

  Engine<Event>& engine_;
  const controllers::Store& store_;
  PodMeasurements& measurements_;
  Lister lister_;
  MetricsServerOptions options_;
  std::vector<Target> targets_;  // Of the scrape under way, by node.
  std::size_t answers_due_ = 0;
  std::uint64_t scrape_ = 0;  // Counted from 1.
  std::uint64_t stored_ = 0;  // The last scrape that is complete.
  std::vector<Row> rows_;
};

}  // namespace berth
