// From HorizontalPodAutoscaler objects to workloads with an autoscaler each.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <limits>
#include <utility>

#include "policies/autoscalers/hpa_autoscaler.hpp"
#include "policies/registry.hpp"
#include "sim/engine/error.hpp"
#include "sim/pod_scaling.hpp"

namespace berth {

namespace api = kube::api;
using controllers::ObjectKind;

namespace {

// Names under which adapters commonly offer what a model of traffic measures; "-" counts as "_".
constexpr std::array kInFlightNames{"concurrency", "requests_in_flight", "http_requests_in_flight",
                                    "inflight_requests"};
constexpr std::array kPerSecondNames{"requests_per_second", "http_requests_per_second", "http_requests", "rps"};

template <class Names>
bool one_of(const Names& names, std::string name) {
  std::replace(name.begin(), name.end(), '-', '_');
  return std::find(names.begin(), names.end(), name) != names.end();
}

std::optional<ObjectKind> kind_of(const std::string& kind) {
  if (kind == "Deployment") return ObjectKind::kDeployment;
  if (kind == "ReplicaSet" || kind == "ReplicationController") return ObjectKind::kReplicaSet;
  if (kind == "StatefulSet") return ObjectKind::kStatefulSet;
  return std::nullopt;
}

// Calls f(replicas, pod) for what has a scale.
template <class F>
void with_scale(const manifest::Object& object, F&& f) {
  if (const auto* d = std::get_if<api::Deployment>(&object)) f(d->replicas, d->pod);
  if (const auto* r = std::get_if<api::ReplicaSet>(&object)) f(r->replicas, r->pod);
  if (const auto* s = std::get_if<api::StatefulSet>(&object)) f(s->replicas, s->pod);
}

// Measurements are of whole pods, so a container's are known where there is no other.
bool has_other_containers(const api::Pod& pod, const std::string& name) {
  const kube::Pod& p = pod.scheduling;
  return p.containers.size() != 1 || p.containers.front().name != name ||
         std::any_of(p.init_containers.begin(), p.init_containers.end(),
                     [](const kube::Container& c) { return c.restart_always; });
}

std::int32_t whole_seconds(Duration d) {
  return static_cast<std::int32_t>(d.ns / seconds(1).ns);
}

HpaScalingRules rules_of(const api::ScalingRules& from) {
  HpaScalingRules out;
  if (from.stabilization_window) out.stabilization_window_seconds = whole_seconds(*from.stabilization_window);
  using From = api::ScalingRules::Select;
  using To = HpaScalingRules::Select;
  out.select = from.select == From::kMax ? To::kMax : from.select == From::kMin ? To::kMin : To::kDisabled;
  for (const api::ScalingRules::Policy& p : from.policies) {
    out.policies.push_back({p.percent ? HpaScalingPolicy::Type::kPercent : HpaScalingPolicy::Type::kPods, p.value,
                            whole_seconds(p.period)});
  }
  if (from.tolerance) out.tolerance = static_cast<double>(from.tolerance->nano) / 1e9;
  return out;
}

HpaMetricSpec metric_spec(const api::MetricSpec& from) {
  using From = api::MetricSpec::Type;
  HpaMetricSpec out;
  switch (from.type) {
    case From::kResource:
      out.type = HpaMetricType::kResource;
      break;
    case From::kContainerResource:
      out.type = HpaMetricType::kContainerResource;
      break;
    case From::kPods:
      out.type = HpaMetricType::kPods;
      break;
    case From::kObject:
      out.type = HpaMetricType::kObject;
      break;
    case From::kExternal:
      out.type = HpaMetricType::kExternal;
      break;
  }
  switch (from.target) {
    case api::MetricSpec::Target::kUtilization:
      out.target = HpaTargetType::kUtilization;
      break;
    case api::MetricSpec::Target::kValue:
      out.target = HpaTargetType::kValue;
      break;
    case api::MetricSpec::Target::kAverageValue:
      out.target = HpaTargetType::kAverageValue;
      break;
  }
  out.target_value = out.target == HpaTargetType::kUtilization ? from.utilization : from.value.milli_value();
  out.cpu = from.name == "cpu";
  return out;
}

// What the API server's validation refuses.
void check(const HpaMetricSpec& metric, const std::string& name, const std::string& who) {
  const bool outer = metric.type == HpaMetricType::kObject || metric.type == HpaMetricType::kExternal;
  const bool goes = metric.target != (outer ? HpaTargetType::kUtilization : HpaTargetType::kValue) &&
                    (metric.type != HpaMetricType::kPods || metric.target == HpaTargetType::kAverageValue);
  if (metric.target_value > 0 && goes) return;
  throw InputError(fmt::format("HorizontalPodAutoscaler {}: the target of metric \"{}\" {}; expected {}", who, name,
                               goes ? "is not above 0" : "is of a type that does not go with the metric",
                               goes ? "more"
                                    : "Utilization or AverageValue of resources, AverageValue of pods, Value or "
                                      "AverageValue of the rest"));
}

bool declares(const Registry<PodAutoscaler>::Info& info, const char* name) {
  return std::any_of(info.params.begin(), info.params.end(), [name](const auto& p) { return p.name == name; });
}

}  // namespace

PodScaling::PodScaling(Engine<Event>& engine, ControlPlane& control_plane, const manifest::Manifests& manifests,
                       const PolicySpec& policy, PodMeasurements& measurements, Journal& journal,
                       const MetricsServerOptions& options)
    : engine_(engine),
      control_plane_(control_plane),
      measurements_(measurements),
      journal_(journal),
      metrics_server_(
          engine, control_plane.store(), measurements,
          [this](std::vector<MetricsServer::Target>& out) { list_pods(out); }, options) {
  Registry<PodAutoscaler>::instance().make(policy);  // Wrong is wrong, even if nothing is to be scaled.
  manifests.each<api::HorizontalPodAutoscaler>(
      [&](const api::HorizontalPodAutoscaler& object, const manifest::ManifestObject& from) {
        add(object, from, manifests, policy);
      });
}

void PodScaling::add(const api::HorizontalPodAutoscaler& object, const manifest::ManifestObject& from,
                     const manifest::Manifests& manifests, const PolicySpec& policy) {
  BERTH_CHECK(workloads_.size() < 0xFFFF);  // Record::container.
  Workload workload;
  workload.name = object.meta.key();
  api::ObjectMeta target;
  target.namespace_name = object.meta.namespace_name;
  target.name = object.target_name;
  workload.target = object.target_kind + " " + target.key();
  const std::optional<ObjectKind> kind = kind_of(object.target_kind);
  const auto at = manifests.by_key.find(workload.target);
  if (!kind || at == manifests.by_key.end()) {
    notes_.push_back(fmt::format("HorizontalPodAutoscaler {}: {} {}; it scales nothing", workload.name, workload.target,
                                 kind ? "is not in these files" : "is of a kind without a scale here"));
    workloads_.push_back(std::move(workload));
    return;
  }
  for (const Workload& other : workloads_) {
    if (other.target != workload.target) continue;
    throw InputError(fmt::format(
        "{}: HorizontalPodAutoscalers {} and {} both scale {}, so Kubernetes lets neither; expected one for a target",
        to_string(from.place), other.name, workload.name, workload.target));
  }
  workload.kind = *kind;
  workload.least = object.min_replicas;
  workload.most = object.max_replicas;
  workload.namespace_name = object.meta.namespace_name;
  with_scale(manifests.objects[at->second].object, [&](std::int32_t replicas, const api::Pod& pod) {
    workload.labels = pod.scheduling.labels;
    make_autoscaler(workload, object, replicas, pod, policy);
  });
  BERTH_CHECK(workload.autoscaler != nullptr);
  workloads_.push_back(std::move(workload));
}

void PodScaling::make_autoscaler(Workload& workload, const api::HorizontalPodAutoscaler& object, std::int32_t replicas,
                                 const api::Pod& pod, const PolicySpec& policy) {
  const Registry<PodAutoscaler>& registry = Registry<PodAutoscaler>::instance();
  const auto given = [&policy](const char* name) { return policy.params.contains(name); };
  workload.autoscaler = registry.make(policy);
  if (auto* hpa = dynamic_cast<HpaAutoscaler*>(workload.autoscaler.get())) {
    // What the user gave to the policy counts before what the object says, so that a study may vary it.
    HpaSpec spec = hpa->hpa().spec();
    if (!given("min_replicas")) spec.min_replicas = object.min_replicas;
    if (!given("max_replicas")) spec.max_replicas = object.max_replicas;
    if (object.has_behavior) spec.behavior = HpaBehavior{rules_of(object.scale_up), rules_of(object.scale_down)};
    if (given("metric") || given("cpu_percent") || given("concurrency")) {
      workload.metrics.push_back(metric_of(spec.metrics.front(), nullptr, pod, workload.name));
      // A minimum of 0 stands only with a metric that is known without pods.
      if (!given("min_replicas") && !workload.metrics.front().whole) spec.min_replicas = std::max(1, spec.min_replicas);
    } else {
      spec.metrics.clear();
      for (const api::MetricSpec& metric : object.metrics) {
        spec.metrics.push_back(metric_spec(metric));
        check(spec.metrics.back(), metric.name, workload.name);
        workload.metrics.push_back(metric_of(spec.metrics.back(), &metric, pod, workload.name));
      }
    }
    if (spec.min_replicas > spec.max_replicas) {
      throw InputError(fmt::format(
          "policy \"{}\": with HorizontalPodAutoscaler {} the replicas are {} at least and {} at most; expected a "
          "range",
          policy.to_string(), workload.name, spec.min_replicas, spec.max_replicas));
    }
    const bool outer =
        std::any_of(workload.metrics.begin(), workload.metrics.end(), [](const Metric& m) { return m.whole; });
    if (spec.min_replicas == 0 && !outer) {
      throw InputError(fmt::format(
          "policy \"{}\": min_replicas is 0, but HorizontalPodAutoscaler {} has no Object or External metric; expected "
          "1 or more, or metric=concurrency",
          policy.to_string(), workload.name));
    }
    workload.least = 0;  // It keeps to its limits itself.
    workload.most = std::numeric_limits<std::int32_t>::max();
    hpa->set_spec(std::move(spec));
    return;
  }
  for (const auto& info : registry.list()) {
    if (info.name != policy.name) continue;
    PolicySpec own = policy;
    bool limits = false;
    const auto fill = [&](const char* name, std::int32_t value) {
      if (!declares(info, name)) return;
      own.params.try_emplace(name, std::to_string(value));
      limits = true;
    };
    fill("min_replicas", object.min_replicas);
    fill("max_replicas", object.max_replicas);
    fill("min_scale", object.min_replicas);
    fill("max_scale", object.max_replicas);
    fill("replicas", replicas);
    for (const api::MetricSpec& metric : object.metrics) {
      const HpaMetricSpec spec = metric_spec(metric);
      if (spec.type != HpaMetricType::kResource || metric.name != "cpu") continue;
      if (spec.target == HpaTargetType::kUtilization && declares(info, "cpu_percent")) {
        own.params.try_emplace("cpu_percent", std::to_string(spec.target_value));
      }
    }
    if (limits) {
      workload.least = 0;
      workload.most = std::numeric_limits<std::int32_t>::max();
    }
    workload.autoscaler = registry.make(own);
    return;
  }
  BERTH_CHECK(false);
}

PodScaling::Metric PodScaling::metric_of(const HpaMetricSpec& spec, const api::MetricSpec* object, const api::Pod& pod,
                                         const std::string& who) {
  Metric out;
  out.whole = spec.type == HpaMetricType::kObject || spec.type == HpaMetricType::kExternal;
  if (spec.type == HpaMetricType::kResource || spec.type == HpaMetricType::kContainerResource) {
    out.requests.resource = object != nullptr ? object->name : "cpu";
    if (object != nullptr) out.requests.container = object->container;
    if (out.requests.resource == "cpu") out.source = Source::kCpu;
    if (out.requests.resource == "memory") out.source = Source::kMemory;
    if (spec.type == HpaMetricType::kContainerResource && has_other_containers(pod, out.requests.container)) {
      notes_.push_back(
          fmt::format("HorizontalPodAutoscaler {}: {} of container \"{}\" is not measured apart from the "
                      "pod's other containers; the metric is missing",
                      who, out.requests.resource, out.requests.container));
      out.source = Source::kNone;
      return out;
    }
  } else if (object == nullptr || one_of(kInFlightNames, object->name)) {
    out.source = Source::kConcurrency;
  } else if (one_of(kPerSecondNames, object->name)) {
    out.source = Source::kRequests;
  }
  if (out.source == Source::kNone) {
    notes_.push_back(
        fmt::format("HorizontalPodAutoscaler {}: the metric \"{}\" is not modelled; it is missing, as in a "
                    "cluster that has no adapter for it",
                    who, object->name));
  }
  return out;
}

}  // namespace berth
