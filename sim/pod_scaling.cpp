#include "sim/pod_scaling.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "sim/engine/error.hpp"

namespace berth {

namespace api = kube::api;
using controllers::Deployment;
using controllers::ObjectKind;
using controllers::ReplicaSet;
using controllers::StatefulSet;

namespace {

constexpr std::int64_t kUnknownTemplate = -2;  // Not yet worked out; kNoRequest is -1.

// Calls f with the type of the kind's objects.
template <class F>
auto with_type(ObjectKind kind, F&& f) {
  if (kind == ObjectKind::kDeployment) return f(std::type_identity<Deployment>{});
  if (kind == ObjectKind::kReplicaSet) return f(std::type_identity<ReplicaSet>{});
  BERTH_CHECK(kind == ObjectKind::kStatefulSet);
  return f(std::type_identity<StatefulSet>{});
}

ScaledPods::Phase phase_of(controllers::Phase phase) {
  switch (phase) {
    case controllers::Phase::kPending:
      return ScaledPods::Phase::kPending;
    case controllers::Phase::kRunning:
      return ScaledPods::Phase::kRunning;
    case controllers::Phase::kSucceeded:
      return ScaledPods::Phase::kSucceeded;
    case controllers::Phase::kFailed:
      return ScaledPods::Phase::kFailed;
    case controllers::Phase::kUnknown:
      return ScaledPods::Phase::kUnknown;
  }
  BERTH_CHECK(false);
}

}  // namespace

void PodScaling::start() {
  for (std::uint32_t i = 0; i < workloads_.size(); ++i) {
    Workload& workload = workloads_[i];
    if (workload.autoscaler == nullptr) continue;
    find_target(workload);
    if (workload.id == controllers::kNoObject) {
      notes_.push_back(
          fmt::format("HorizontalPodAutoscaler {}: {} belongs to another object that scales it; it scales "
                      "nothing",
                      workload.name, workload.target));
      workload.autoscaler.reset();
      continue;
    }
    workload.looked = engine_.now();
    engine_.schedule(engine_.now(), kPhaseChange, {i, 0, EventKind::kScalingEvent, kLook});
  }
  const bool any =
      std::any_of(workloads_.begin(), workloads_.end(), [](const Workload& w) { return w.autoscaler != nullptr; });
  if (any) metrics_server_.start();
}

void PodScaling::find_target(Workload& workload) {
  const std::string key = workload.target.substr(workload.target.find(' ') + 1);
  const controllers::ObjectId end =
      with_type(workload.kind, [this]<class T>(std::type_identity<T>) { return control_plane_.store().end_id<T>(); });
  for (controllers::ObjectId id = 0; id < end && workload.id == controllers::kNoObject; ++id) {
    if (control_plane_.name_of(workload.kind, id) == key) workload.id = id;
  }
}

std::optional<std::uint32_t> PodScaling::workload_of(controllers::Owner owner) const {
  const controllers::Store& store = control_plane_.store();
  if (owner.kind == ObjectKind::kReplicaSet) {
    const auto* set = store.find<ReplicaSet>(owner.id);
    if (set != nullptr && set->meta.owner.kind != ObjectKind::kNone) owner = set->meta.owner;
  }
  for (std::uint32_t i = 0; i < workloads_.size(); ++i) {
    const Workload& w = workloads_[i];
    if (w.autoscaler != nullptr && w.kind == owner.kind && w.id == owner.id) return i;
  }
  return std::nullopt;
}

void PodScaling::handle(const Event& event) {
  if (event.detail == kRequestWaits) return request_waits(event.subject);
  if (event.detail != kLook) return metrics_server_.handle(event);
  look(event.subject, false);
  engine_.schedule(engine_.now() + workloads_[event.subject].autoscaler->period(), kPhaseChange, event);
}

void PodScaling::request_waits(std::uint32_t workload) {
  const Workload& w = workloads_[workload];
  if (w.autoscaler == nullptr || !w.autoscaler->wakes_on_request()) return;
  const std::optional<Scale> now = scale(w);
  if (now && now->spec == 0) look(workload, true);
}

template <class F>
void PodScaling::each_pod(const Workload& workload, F&& f) const {
  if (workload.id == controllers::kNoObject) return;
  const controllers::Store& store = control_plane_.store();
  const controllers::Owner owner{workload.kind, workload.id};
  if (workload.kind != ObjectKind::kDeployment) return store.each_owned(owner, f);
  for (const controllers::ObjectId set : store.owned<ReplicaSet>(owner)) {
    store.each_owned({ObjectKind::kReplicaSet, set}, f);
  }
}

void PodScaling::list_pods(std::vector<MetricsServer::Target>& out) const {
  for (const Workload& workload : workloads_) {
    each_pod(workload, [&out](const controllers::Pod& pod) {
      if (pod.node != kNoNode && !finished(pod.status.phase)) out.push_back({pod.node, pod.id, pod.uid});
    });
  }
}

std::optional<PodScaling::Scale> PodScaling::scale(const Workload& workload) const {
  return with_type(workload.kind, [&]<class T>(std::type_identity<T>) -> std::optional<Scale> {
    const T* object = control_plane_.store().find<T>(workload.id);
    if (object == nullptr) return std::nullopt;
    return Scale{object->spec.replicas, object->status.replicas};
  });
}

void PodScaling::set_scale(const Workload& workload, std::int32_t replicas) {
  control_plane_.advance(engine_.now());
  with_type(workload.kind, [&]<class T>(std::type_identity<T>) {
    control_plane_.store().edit<T>(workload.id, [replicas](T& object) { object.spec.replicas = replicas; });
  });
}

void PodScaling::Columns::clear() {
  for (auto* column : {&cpu, &cpu_request}) column->clear();
  phase.clear();
  deleted.clear();
  start.clear();
  ready.clear();
  ready_transition.clear();
  time.clear();
  window.clear();
  metrics.clear();
}

void PodScaling::look(std::uint32_t number, bool request_waits) {
  Workload& w = workloads_[number];
  const std::optional<Scale> before = scale(w);
  if (!before) return;
  Columns& c = columns_;
  c.clear();
  for (Metric& metric : w.metrics) {
    metric.values.clear();
    metric.request_column.clear();
  }
  const Time now = engine_.now();
  std::int64_t concurrency_ns = 0;
  std::uint64_t requests = 0;
  ScaleObservation o;
  each_pod(w, [&](const controllers::Pod& pod) {
    take(w, pod, concurrency_ns, requests);
    if (pod.status.phase == controllers::Phase::kRunning && pod.status.ready && !pod.terminating) ++o.ready_replicas;
  });
  const std::int64_t held_ns = measurements_.held_ns(number);
  const Duration since = now - std::exchange(w.looked, now);
  concurrency_ns += held_ns - std::exchange(w.held_ns, held_ns);
  if (since.ns > 0) o.concurrency = static_cast<double>(concurrency_ns) / static_cast<double>(since.ns);
  if (request_waits) o.concurrency = std::max(o.concurrency, 1.0);

  o.now = now;
  o.spec_replicas = before->spec;
  o.status_replicas = before->status;
  o.pods = {c.phase, c.deleted, c.start, c.ready, c.ready_transition};
  o.cpu = {c.cpu, c.time, c.window, c.cpu_request};
  for (Metric& metric : w.metrics) {
    HpaMetricValue& value = c.metrics.emplace_back();
    if (metric.whole) {
      const double per_second = since.ns > 0 ? static_cast<double>(requests) / since.seconds() : 0;
      metric.total = std::llround((metric.source == Source::kRequests ? per_second : o.concurrency) * 1000);
      if (metric.source != Source::kNone) value.values_milli = {&metric.total, 1};
      continue;
    }
    value.samples = {metric.values, c.time, c.window, metric.request_column};
  }
  o.metrics = c.metrics;

  const std::int32_t wanted = std::clamp(w.autoscaler->observe(o), w.least, w.most);
  BERTH_CHECK(wanted >= 0);
  if (wanted == before->spec) return;
  set_scale(w, wanted);
  Record record;
  record.at = now;
  record.kind = RecordKind::kScaled;
  record.value = static_cast<std::uint32_t>(wanted);
  record.container = static_cast<std::uint16_t>(number);
  journal_.append(record);
}

// One row of the columns, and what the pod has done since the last look.
void PodScaling::take(Workload& w, const controllers::Pod& pod, std::int64_t& concurrency_ns, std::uint64_t& requests) {
  if (index(pod.id) >= seen_.size()) seen_.resize(index(pod.id) + 1);
  Seen& seen = seen_[index(pod.id)];
  if (seen.uid != pod.uid) {
    seen = {};
    seen.uid = pod.uid;
  }
  if (seen.start == kNever) {
    const Time start = measurements_.start_time(pod.id);
    if (start != kNever) seen.start = controllers::api_time(start);
  }
  const std::optional<PodReading> reading = measurements_.read(pod.id);
  if (reading) {
    if (!seen.lost) {
      concurrency_ns += reading->concurrency_ns - seen.concurrency_ns;
      requests += reading->requests - seen.requests;
    }
    seen.concurrency_ns = reading->concurrency_ns;
    seen.requests = reading->requests;
    seen.read = true;
  }
  seen.lost = !reading && seen.read;

  Columns& c = columns_;
  const bool has_ready = pod.status.ready_since != kNever;
  c.phase.push_back(phase_of(pod.status.phase));
  c.deleted.push_back(pod.terminating ? 1 : 0);
  c.start.push_back(seen.start);
  c.ready.push_back(!has_ready         ? ScaledPods::Ready::kAbsent
                    : pod.status.ready ? ScaledPods::Ready::kTrue
                                       : ScaledPods::Ready::kFalse);
  c.ready_transition.push_back(has_ready ? pod.status.ready_since : Time{});
  const PodMetrics metrics = metrics_server_.find(pod.id, pod.uid).value_or(PodMetrics{});
  const bool known = metrics.window.ns > 0;
  c.time.push_back(metrics.time);
  c.window.push_back(metrics.window);
  c.cpu.push_back(known && metrics.cpu_milli >= 0 ? metrics.cpu_milli : kNoSample);
  c.cpu_request.push_back(request_of(w.cpu_requests, pod));
  for (Metric& metric : w.metrics) {
    if (metric.whole) continue;
    std::int64_t value = kNoSample;
    if (known && metric.source == Source::kCpu) value = c.cpu.back();
    if (known && metric.source == Source::kMemory && metrics.memory_bytes >= 0) value = metrics.memory_bytes * 1000;
    if (known && metric.source == Source::kConcurrency) value = metrics.concurrency_milli;
    if (known && metric.source == Source::kRequests) value = metrics.requests_milli;
    metric.values.push_back(value);
    metric.request_column.push_back(request_of(metric.requests, pod));
  }
}

// Source: replica_calculator.go, calculatePodRequests: a pod-level request, else the sum over containers and sidecars,
// which all must have one.
std::int64_t PodScaling::request_of(Requests& requests, const controllers::Pod& pod) {
  if (requests.resource.empty()) return kNoRequest;  // Of a metric that is no resource.
  std::vector<std::int64_t>& known = requests.of_template;
  if (index(pod.pod_template) >= known.size()) known.resize(index(pod.pod_template) + 1, kUnknownTemplate);
  std::int64_t& request = known[index(pod.pod_template)];
  if (request != kUnknownTemplate) return request;
  const std::shared_ptr<const api::Pod> spec = control_plane_.spec_of(pod.id);
  const kube::Pod& p = spec->scheduling;
  if (const kube::Quantity* whole = p.pod_requests.find(requests.resource);
      whole != nullptr && requests.container.empty()) {
    return request = whole->milli_value();
  }
  std::int64_t sum = 0;
  bool all = true;
  const auto add = [&](const kube::Container& container) {
    if (!requests.container.empty() && container.name != requests.container) return;
    const kube::Quantity* amount = container.requests.find(requests.resource);
    all = all && amount != nullptr;
    if (amount != nullptr) sum += amount->milli_value();
  };
  for (const kube::Container& container : p.containers) add(container);
  for (const kube::Container& container : p.init_containers) {
    if (container.restart_always) add(container);
  }
  return request = all ? sum : kNoRequest;
}

}  // namespace berth
