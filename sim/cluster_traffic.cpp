#include "sim/cluster_traffic.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <limits>
#include <type_traits>

#include "results/metrics.hpp"
#include "sim/engine/error.hpp"
#include "sim/traffic/fluid_model.hpp"
#include "sim/traffic/request_model.hpp"

namespace berth {

namespace api = kube::api;

namespace {

constexpr std::array kMetrics{
    MetricInfo{"requests", "requests that sources sent, retries not counted"},
    MetricInfo{"requests_served", "of them answered in time"},
    MetricInfo{"requests_lost", "of them failed or timed out for good"},
    MetricInfo{"availability_pct", "served, of all that are over"},
    MetricInfo{"request_seconds_mean", "from the first attempt to the answer, of served requests"},
    MetricInfo{"request_seconds_p50", "its median, within 0.8 % as all quantiles"},
    MetricInfo{"request_seconds_p95", "its 95th percentile"},
    MetricInfo{"request_seconds_p99", "its 99th percentile"},
    MetricInfo{"request_seconds_p999", "its 99.9th percentile"},
    MetricInfo{"attempts_no_endpoints", "attempts at a Service without a ready endpoint, of sources and Services"},
    MetricInfo{"attempts_refused", "attempts at an endpoint where nobody listened"},
    MetricInfo{"attempts_reset", "attempts whose process went away with them"},
    MetricInfo{"attempts_dropped", "attempts that nothing came back from"},
    MetricInfo{"attempts_overflow", "attempts that a full line refused"},
    MetricInfo{"attempts_timed_out", "attempts that took longer than their caller waits"},
    MetricInfo{"error_budget_used_pct",
               "what went wrong, of what the objective allows (docs/traffic.md); of the worst Service or source"},
    MetricInfo{"cpu_used_core_seconds", "CPU time of requests in pods that serve (container_cpu_usage_seconds_total)"},
    MetricInfo{"cpu_used_of_requests_pct", "the same, of what these pods request for as long as they are there"},
    MetricInfo{"cpu_used_pct_mean", "the same, of all CPU of nodes that are on and reachable"},
};

ServicePolicy policy_of(const api::Service& service) {
  ServicePolicy out;
  out.name = service.meta.key();
  out.headless = service.headless;
  out.publish_not_ready = service.publish_not_ready;
  out.internal_local = service.internal_local;
  out.external_local = service.external_local;
  out.client_affinity = service.client_affinity;
  if (service.affinity_timeout.ns > 0) out.affinity_timeout = service.affinity_timeout;
  using Preference = ServicePolicy::Preference;
  if (service.traffic_distribution == "PreferSameNode") out.distribution = Preference::kSameNode;
  if (service.traffic_distribution == "PreferSameZone" || service.traffic_distribution == "PreferClose") {
    out.distribution = Preference::kSameZone;
  }
  const std::string* mode = service.meta.annotations.find("service.kubernetes.io/topology-mode");
  if (mode != nullptr && (*mode == "Auto" || *mode == "auto")) out.distribution = Preference::kAuto;
  return out;
}

// "front" or "shop/front"; null if no object has that name.
const api::Service* find_service(const manifest::Manifests& manifests, const std::string& name,
                                 std::vector<std::string>& known) {
  const api::Service* found = nullptr;
  manifests.each<api::Service>([&](const api::Service& service, const auto&) {
    known.push_back(service.meta.name);
    if (found == nullptr && (service.meta.name == name || service.meta.key() == name)) found = &service;
  });
  return found;
}

}  // namespace

std::span<const MetricInfo> traffic_metrics() {
  return kMetrics;
}

ClusterTraffic::ClusterTraffic(Engine<Event>& engine, const Cluster& cluster, const TrafficFile& file,
                               const manifest::Manifests& manifests, std::uint64_t seed, std::uint32_t replication)
    : engine_(engine), cluster_(cluster), file_(file) {
  if (file.fluid) {
    FluidParams fluid;
    fluid.interval = file.interval;
    model_ = std::make_unique<FluidModel>(engine, file.topology, ProxyParams{}, fluid, seed, replication);
  } else {
    model_ = std::make_unique<RequestModel>(engine, file.topology, ProxyParams{}, seed, replication);
  }
  for (const TrafficService& service : file.services) {
    std::vector<std::string> known;
    const api::Service* object = find_service(manifests, service.name, known);
    if (object == nullptr) {
      throw InputError(
          fmt::format("traffic \"{}\" names the Service \"{}\", which is not among the objects; expected "
                      "one of them{}",
                      file.name, service.name, did_you_mean(service.name, known)));
    }
    model_->add_service(policy_of(*object), service.work);
    selectors_.push_back({object->meta.namespace_name, object->selector, object->has_selector, object->headless});
  }
  for (std::uint32_t s = 0; s < file.sources.size(); ++s) {
    SourceSpec spec = file.sources[s].spec;
    for (std::size_t n = 0; n < cluster.nodes().size(); ++n) spec.nodes.push_back(static_cast<NodeId>(n));
    model_->add_source(spec, file.sources[s].arrivals->open(seed, replication, s));
  }
  for (std::size_t n = 0; n < cluster.nodes().size(); ++n) node_on(static_cast<NodeId>(n));
  model_->start();
}

void ClusterTraffic::node_on(NodeId node) {
  if (index(node) >= on_.size()) on_.resize(index(node) + 1, 0);
  if (std::exchange(on_[index(node)], std::uint8_t{1}) != 0) return;
  const NodeSpec& spec = cluster_.node_spec(node);
  cpu_.node(engine_.now(), spec.allocatable.cpu_milli, true);
  TrafficNode out;
  out.node = node;
  out.cpu_milli = spec.allocatable.cpu_milli;
  std::string_view place = label_of(spec, "berth.dev/location");
  const std::string_view zone = label_of(spec, kZoneLabel);
  if (place.empty()) place = zone;
  for (std::size_t l = 0; l < file_.topology.locations(); ++l) {
    if (file_.topology.name(static_cast<LocationId>(l)) == place) out.location = static_cast<LocationId>(l);
  }
  const std::uint32_t number = zones_.intern(zone);  // Nodes come in order, each once before it can come back.
  if (!zone.empty()) out.zone = static_cast<std::uint16_t>(number);
  model_->add_node(out);
}

void ClusterTraffic::node_off(NodeId node) {
  if (std::exchange(on_[index(node)], std::uint8_t{0}) == 0) return;
  cpu_.node(engine_.now(), cluster_.node_spec(node).allocatable.cpu_milli, false);
  model_->remove_node(node);
}

const ClusterTraffic::Serving& ClusterTraffic::serving(TemplateId id) {
  if (index(id) >= serving_.size()) serving_.resize(index(id) + 1);
  Serving& out = serving_[index(id)];
  if (out.known) return out;
  out.known = true;
  const auto& pod = cluster_.catalog()[id].pod;
  if (pod == nullptr) return out;
  for (std::size_t s = 0; s < selectors_.size(); ++s) {
    const Selector& selector = selectors_[s];
    if (!selector.any || selector.namespace_name != pod->scheduling.namespace_name) continue;
    if (!pod->scheduling.labels.has_all(selector.labels)) continue;
    out.services.push_back(static_cast<ServiceId>(s));
    out.concurrency = std::min(out.concurrency, file_.services[s].work.concurrency);
  }
  std::size_t chosen = 0;
  for (std::size_t c = pod->spec.containers.size(); c-- > 0;) {
    if (!pod->spec.containers[c].ports.empty()) chosen = c;
  }
  out.container = static_cast<std::uint16_t>(pod->scheduling.init_containers.size() + chosen);
  if (const kube::Quantity* limit = pod->scheduling.containers[chosen].limits.find("cpu")) {
    out.cpu_milli = limit->milli_value();
  }
  return out;
}

ClusterTraffic::Pod* ClusterTraffic::find(std::uint32_t ref) {
  return ref < pods_.size() && pods_[ref].added ? &pods_[ref] : nullptr;
}
ClusterTraffic::Pod* ClusterTraffic::find(std::uint32_t ref, std::uint16_t container) {
  Pod* pod = find(ref);
  return pod != nullptr && pod->container == container ? pod : nullptr;
}

void ClusterTraffic::started(std::uint32_t ref, TemplateId pod_template, NodeId node, std::uint16_t container,
                             Time up_at) {
  const Serving& work = serving(pod_template);
  if (work.services.empty() || work.container != container) return;
  if (ref >= pods_.size()) pods_.resize(ref + 1);
  Pod& pod = pods_[ref];
  if (!pod.added) {
    const std::uint32_t generation = pod.generation;
    pod = {};
    pod.generation = generation;
    pod.added = true;
    pod.container = container;
    pod.added_at = engine_.now();
    pod.request_milli = cluster_.catalog()[pod_template].request.cpu_milli;
    const std::int64_t cpu =
        work.cpu_milli > 0 ? work.cpu_milli : std::max<std::int64_t>(1, cluster_.node_spec(node).allocatable.cpu_milli);
    model_->pod_added({ref, work.services, node, cpu, work.concurrency});
    model_->pod_stopped(ref);  // It has an address; nobody listens yet.
  }
  ++pod.generation;
  if (up_at > engine_.now()) {
    engine_.schedule(up_at, kPhaseChange, {ref, pod.generation, EventKind::kTrafficEvent, kUp});
    return;
  }
  pod.up = true;
  model_->pod_restarted(ref);
}

void ClusterTraffic::closing(std::uint32_t ref, std::uint16_t container) {
  Pod* pod = find(ref, container);
  if (pod != nullptr && pod->up) model_->pod_closed(ref);
}

void ClusterTraffic::ended(std::uint32_t ref, std::uint16_t container) {
  Pod* pod = find(ref, container);
  if (pod == nullptr) return;
  ++pod->generation;
  if (std::exchange(pod->up, false)) model_->pod_stopped(ref);
}

void ClusterTraffic::ready(std::uint32_t ref, bool ready) {
  Pod* pod = find(ref);
  if (pod != nullptr && std::exchange(pod->ready, ready) != ready) model_->pod_ready(ref, ready);
}

void ClusterTraffic::terminating(std::uint32_t ref) {
  Pod* pod = find(ref);
  if (pod != nullptr && !std::exchange(pod->terminating, true)) model_->pod_terminating(ref);
}

void ClusterTraffic::gone(std::uint32_t ref) {
  Pod* pod = find(ref);
  if (pod == nullptr) return;
  charge(ref, cpu_);
  pod->added = pod->up = false;
  ++pod->generation;
  model_->pod_removed(ref);
}

void ClusterTraffic::activate(std::uint32_t workload, const std::string& namespace_name, const kube::StringMap& labels,
                              std::uint32_t concurrency) {
  BERTH_CHECK(activated_.empty() || activated_.back() < workload);
  std::vector<ServiceId> services;
  for (std::size_t s = 0; s < selectors_.size(); ++s) {
    Selector& selector = selectors_[s];
    // A headless Service has no address that could lead to an activator; one is one workload's.
    if (!selector.any || selector.headless || selector.namespace_name != namespace_name) continue;
    if (!labels.has_all(selector.labels) || model_->activated(ServiceId(s))) continue;
    services.push_back(ServiceId(s));
  }
  if (services.empty()) return;
  model_->activate(services, concurrency);
  activated_.push_back(workload);
}

std::optional<ActivatorId> ClusterTraffic::activator(std::uint32_t workload) const {
  const auto it = std::ranges::lower_bound(activated_, workload);
  if (it == activated_.end() || *it != workload) return std::nullopt;
  return ActivatorId(it - activated_.begin());
}

void ClusterTraffic::set_in_path(std::uint32_t workload, bool in_path) {
  if (const auto id = activator(workload)) model_->set_in_path(*id, in_path);
}

std::int64_t ClusterTraffic::held_ns(std::uint32_t workload) {
  const auto id = activator(workload);
  return id ? model_->held_ns(*id) : 0;
}

void ClusterTraffic::handle(const Event& event) {
  if (event.detail != kUp) return model_->handle(event);
  Pod* pod = find(event.subject);
  if (pod == nullptr || pod->generation != event.generation) return;
  pod->up = true;
  model_->pod_restarted(event.subject);
}

std::optional<PodUsage> ClusterTraffic::usage(std::uint32_t ref) {
  if (find(ref) == nullptr) return std::nullopt;
  return model_->usage(ref);
}

void ClusterTraffic::charge(std::uint32_t ref, CpuLedger& ledger) {
  const Pod& pod = pods_[ref];
  ledger.pod(engine_.now() - pod.added_at, pod.request_milli, model_->usage(ref).cpu_core_ns);
}

std::vector<ServiceRow> ClusterTraffic::service_rows() {
  std::vector<ServiceRow> rows;
  const auto add = [&](const std::string& name, const TrafficObjective& objective, auto id) {
    const TrafficCounts counts = model_->counts(id);
    const LatencyHistogram& latency = model_->latency(id);
    const auto quantile = [&](double q) {
      return latency.count() == 0 ? std::numeric_limits<double>::quiet_NaN() : latency.quantile(q).seconds();
    };
    ServiceRow& row = rows.emplace_back();
    row.name = name;
    row.source = std::is_same_v<decltype(id), SourceId>;
    row.served = counts.served;
    row.lost = counts.all_failed() + counts.timed_out;
    row.mean_s = latency.count() == 0 ? std::numeric_limits<double>::quiet_NaN() : latency.mean_seconds();
    row.p50_s = quantile(0.5);
    row.p95_s = quantile(0.95);
    row.p99_s = quantile(0.99);
    row.p999_s = quantile(0.999);
    row.availability_pct = objective.availability;
    row.latency = objective.latency;
    row.percentile_pct = objective.percentile;
    if (objective.latency != kForever) row.slow = latency.count_above(objective.latency);
  };
  for (std::uint32_t s = 0; s < file_.services.size(); ++s) {
    add(file_.services[s].name, file_.services[s].objective, ServiceId{s});
  }
  for (std::uint32_t s = 0; s < file_.sources.size(); ++s) {
    add(file_.sources[s].spec.name, file_.sources[s].objective, SourceId{s});
  }
  return rows;
}

void ClusterTraffic::add_metrics(RunResult& result) {
  constexpr double kNone = std::numeric_limits<double>::quiet_NaN();
  TrafficCounts sources;
  LatencyHistogram latency;
  for (std::uint32_t s = 0; s < file_.sources.size(); ++s) {
    const TrafficCounts c = model_->counts(SourceId{s});
    sources.issued += c.issued;
    sources.served += c.served;
    sources.timed_out += c.timed_out;
    sources.in_flight += c.in_flight;
    for (std::size_t r = 0; r < kRequestFailures; ++r) sources.failed[r] += c.failed[r];
    latency.merge(model_->latency(SourceId{s}));
  }
  std::array<std::uint64_t, kRequestFailures> failed{};
  std::uint64_t timed_out = 0;
  for (std::uint32_t s = 0; s < file_.services.size(); ++s) {
    const TrafficCounts c = model_->counts(ServiceId{s});
    for (std::size_t r = 0; r < kRequestFailures; ++r) failed[r] += c.failed[r];
    timed_out += c.timed_out;
  }
  const auto count = [&](RequestFailure reason) {
    return static_cast<double>(failed[static_cast<std::size_t>(reason)]);
  };
  const auto quantile = [&](double q) {
    return latency.count() == 0 ? kNone : static_cast<double>(latency.quantile(q).ns) * 1e-9;
  };
  CpuLedger cpu = cpu_;
  cpu.advance(engine_.now());
  for (std::uint32_t ref = 0; ref < pods_.size(); ++ref) {
    if (pods_[ref].added) charge(ref, cpu);
  }
  const auto of = [&](double all) { return all > 0 ? 100 * cpu.used() / all : kNone; };
  const std::uint64_t lost = sources.all_failed() + sources.timed_out;
  const double over = static_cast<double>(sources.served + lost);
  const double values[] = {
      static_cast<double>(sources.issued),
      static_cast<double>(sources.served),
      static_cast<double>(lost),
      over == 0 ? kNone : 100 * static_cast<double>(sources.served) / over,
      latency.count() == 0 ? kNone : latency.mean_seconds(),
      quantile(0.5),
      quantile(0.95),
      quantile(0.99),
      quantile(0.999),
      count(RequestFailure::kNoEndpoints),
      count(RequestFailure::kRefused),
      count(RequestFailure::kReset),
      count(RequestFailure::kDropped),
      count(RequestFailure::kOverflow),
      static_cast<double>(timed_out),
      error_budget_used_pct(service_rows()),
      cpu.used(),
      of(cpu.requested()),
      of(cpu.there()),
  };
  berth::add_metrics(result, kMetrics, values);
}

}  // namespace berth
