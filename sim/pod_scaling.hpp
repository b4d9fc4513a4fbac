// Pod autoscalers in a run: for each HorizontalPodAutoscaler of the manifests, an autoscaler looks at its target's pods
// every so often, and what it wants is written to the target's scale; the controllers do the rest. The policy `hpa`
// carries out the object itself. Any other policy takes the object's place: the object then says what is scaled and,
// where the policy's parameters do not, between which limits.
//
// Which metrics are known: CPU and memory (metrics_server.hpp), of a single container where it is the pod's only one;
// as custom and external metrics, requests in flight and requests per second under the names in pod_scaling.cpp. To ask
// for another one fails, as in a cluster without an adapter for it.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "policies/autoscalers/hpa_spec.hpp"
#include "policies/autoscalers/pod_autoscaler.hpp"
#include "policies/params.hpp"
#include "sim/cluster/event.hpp"
#include "sim/cluster/journal.hpp"
#include "sim/control_plane.hpp"
#include "sim/engine/engine.hpp"
#include "sim/metrics_server.hpp"

namespace berth {

class PodScaling {
 public:
  // Detail of an event that stands for request_waits(subject); beside those of MetricsServer.
  static constexpr std::uint16_t kRequestWaits = 3;

  // All but `policy` must outlive this. Workloads are numbered as the autoscaler objects in `manifests`, from 0. Throws
  // InputError for a policy that cannot be made, and for two objects with one target.
  PodScaling(Engine<Event>& engine, ControlPlane& control_plane, const manifest::Manifests& manifests,
             const PolicySpec& policy, PodMeasurements& measurements, Journal& journal,
             const MetricsServerOptions& options);

  // Finds the targets and schedules the first looks, which are now. Call once, after ControlPlane::start().
  void start();
  // Of kScalingEvent. A look costs O(pods of the workload * metrics).
  void handle(const Event& event);
  // A request of this workload is held back as it has no pod. With a scale of 0, an autoscaler that cares looks at
  // once; with another one, pods are on their way.
  void request_waits(std::uint32_t workload);

  std::size_t workloads() const { return workloads_.size(); }
  // The autoscaler object, "namespace/name".
  const std::string& name(std::uint32_t workload) const { return workloads_[workload].name; }
  // What it scales, "Deployment namespace/name".
  const std::string& target(std::uint32_t workload) const { return workloads_[workload].target; }
  // Of its pods, as its template has them, and where they are.
  const kube::StringMap& labels(std::uint32_t workload) const { return workloads_[workload].labels; }
  const std::string& namespace_name(std::uint32_t workload) const { return workloads_[workload].namespace_name; }
  // Null if its target is not there.
  const PodAutoscaler* autoscaler(std::uint32_t workload) const { return workloads_[workload].autoscaler.get(); }
  // The workload that scales this owner of pods, through its Deployment if need be. O(workloads).
  std::optional<std::uint32_t> workload_of(controllers::Owner owner) const;
  const MetricsServer& metrics_server() const { return metrics_server_; }
  // What has no effect and why, for the user.
  const std::vector<std::string>& notes() const { return notes_; }

 private:
  static constexpr std::uint16_t kLook = 0;
  static_assert(kLook != MetricsServer::kScrape && kRequestWaits != MetricsServer::kNodeAnswers);

  enum class Source : std::uint8_t { kNone, kCpu, kMemory, kConcurrency, kRequests };
  // What a pod requests of a resource, by TemplateId of the store.
  struct Requests {
    std::string resource;
    std::string container;  // Empty: the whole pod.
    std::vector<std::int64_t> of_template;
  };
  struct Metric {
    Source source = Source::kNone;
    bool whole = false;  // One value for all pods, not one for each.
    Requests requests;
    std::vector<std::int64_t> values, request_column;  // By row of the columns.
    std::int64_t total = 0;
  };
  struct Workload {
    std::string name;
    std::string target;
    std::string namespace_name;
    kube::StringMap labels;
    controllers::ObjectKind kind{};
    controllers::ObjectId id = controllers::kNoObject;
    std::unique_ptr<PodAutoscaler> autoscaler;
    std::int32_t least = 0;  // What the policy's answers are kept to.
    std::int32_t most = 0;
    std::vector<Metric> metrics;
    Requests cpu_requests{"cpu", {}, {}};
    Time looked;
    std::int64_t held_ns = 0;  // As of then.
  };
  struct Scale {
    std::int32_t spec = 0;
    std::int32_t status = 0;
  };
  // What was read of a pod when it was looked at last.
  struct Seen {
    std::uint64_t uid = 0;
    Time start = kNever;
    bool read = false;  // At least once.
    bool lost = false;  // It answers no more: what it does meanwhile is not the load of the look that finds it again.
    std::int64_t concurrency_ns = 0;
    std::uint64_t requests = 0;
  };
  // The pods of the workload that is looked at; kept to save allocations.
  struct Columns {
    std::vector<ScaledPods::Phase> phase;
    std::vector<std::uint8_t> deleted;
    std::vector<Time> start;
    std::vector<ScaledPods::Ready> ready;
    std::vector<Time> ready_transition;
    std::vector<Time> time;
    std::vector<Duration> window;
    std::vector<std::int64_t> cpu, cpu_request;
    std::vector<HpaMetricValue> metrics;
    void clear();
  };

  void add(const kube::api::HorizontalPodAutoscaler& object, const manifest::ManifestObject& from,
           const manifest::Manifests& manifests, const PolicySpec& policy);
  void make_autoscaler(Workload& workload, const kube::api::HorizontalPodAutoscaler& object, std::int32_t replicas,
                       const kube::api::Pod& pod, const PolicySpec& policy);
  Metric metric_of(const HpaMetricSpec& spec, const kube::api::MetricSpec* object, const kube::api::Pod& pod,
                   const std::string& who);
  void find_target(Workload& workload);
  void list_pods(std::vector<MetricsServer::Target>& out) const;
  template <class F>
  void each_pod(const Workload& workload, F&& f) const;
  std::optional<Scale> scale(const Workload& workload) const;
  void set_scale(const Workload& workload, std::int32_t replicas);
  void look(std::uint32_t number, bool request_waits);
  void take(Workload& workload, const controllers::Pod& pod, std::int64_t& concurrency_ns, std::uint64_t& requests);
  std::int64_t request_of(Requests& requests, const controllers::Pod& pod);

  Engine<Event>& engine_;
  ControlPlane& control_plane_;
  PodMeasurements& measurements_;
  Journal& journal_;
  MetricsServer metrics_server_;
  std::vector<Workload> workloads_;
  std::vector<Seen> seen_;  // By number of the pod in the store.
  Columns columns_;
  std::vector<std::string> notes_;
};

}  // namespace berth
