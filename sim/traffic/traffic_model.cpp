#include "sim/traffic/traffic_model.hpp"

#include <algorithm>

#include "sim/engine/error.hpp"
#include "sim/traffic/activator.hpp"

namespace berth {

std::string_view to_string(RequestFailure reason) {
  switch (reason) {
    case RequestFailure::kNoEndpoints:
      return "NoEndpoints";
    case RequestFailure::kDropped:
      return "Dropped";
    case RequestFailure::kRefused:
      return "Refused";
    case RequestFailure::kReset:
      return "Reset";
    case RequestFailure::kOverflow:
      return "Overflow";
    case RequestFailure::kDependency:
      return "Dependency";
  }
  BERTH_CHECK(false);
}

std::uint64_t TrafficCounts::all_failed() const {
  std::uint64_t all = 0;
  for (const std::uint64_t n : failed) all += n;
  return all;
}

TrafficModel::TrafficModel(Engine<Event>& engine, const Topology& topology, const ProxyParams& params,
                           std::uint64_t seed, std::uint32_t replication)
    : engine_(engine), topology_(topology), table_(params, seed, replication), seed_(seed), replication_(replication) {}

ServiceId TrafficModel::add_service(const ServicePolicy& policy, const ServiceWork& work) {
  BERTH_CHECK(!started_);
  work_.push_back(work);
  return table_.add_service(policy);
}

SourceId TrafficModel::add_source(const SourceSpec& source, std::unique_ptr<RequestArrivals> arrivals) {
  BERTH_CHECK(!started_ && arrivals != nullptr && source.clients > 0);
  sources_.push_back(source);
  arrivals_.push_back(std::move(arrivals));
  return static_cast<SourceId>(sources_.size() - 1);
}

void TrafficModel::start() {
  BERTH_CHECK(!started_);
  started_ = true;
  std::vector<std::uint32_t> callers(work_.size(), 0);  // Calls from services whose place is not known yet.
  for (std::uint32_t s = 0; s < work_.size(); ++s) {
    Groups groups;
    for (const auto& group : work_[s].groups) {
      groups.begin.push_back(static_cast<std::uint32_t>(routes_.size()));
      for (const CallSpec& call : group) {
        BERTH_CHECK(index(call.service) < work_.size() && call.count > 0 && call.requests_per_connection > 0);
        ++callers[index(call.service)];
        routes_.push_back({call, s, kNone});
      }
    }
    groups.begin.push_back(static_cast<std::uint32_t>(routes_.size()));
    groups_.push_back(std::move(groups));
  }
  for (std::uint32_t s = 0; s < sources_.size(); ++s) {
    BERTH_CHECK(index(sources_[s].call.service) < work_.size() && sources_[s].call.requests_per_connection > 0);
    source_route_.push_back(static_cast<std::uint32_t>(routes_.size()));
    routes_.push_back({sources_[s].call, kNone, s});
  }
  for (std::uint32_t s = 0; s < work_.size(); ++s) {
    if (callers[s] == 0) order_.push_back(s);
  }
  for (std::size_t i = 0; i < order_.size(); ++i) {
    const Groups& groups = groups_[order_[i]];
    for (std::uint32_t r = groups.begin.front(); r < groups.begin.back(); ++r) {
      const auto callee = static_cast<std::uint32_t>(routes_[r].call.service);
      if (--callers[callee] == 0) order_.push_back(callee);
    }
  }
  if (order_.size() < work_.size()) {
    const auto stuck = static_cast<std::size_t>(std::ranges::find_if(callers, [](std::uint32_t n) { return n > 0; }) -
                                                callers.begin());
    throw InputError("the calls of Service \"" + table_.policy(static_cast<ServiceId>(stuck)).name +
                     "\", or of one that calls it, come back to where they began; expected calls without a circle");
  }
  activator_of_.assign(work_.size(), kNone);
  on_start();
}

ActivatorId TrafficModel::activate(std::span<const ServiceId> services, std::uint32_t concurrency) {
  BERTH_CHECK(started_ && !services.empty());
  const auto id = static_cast<std::uint32_t>(activators_.size());
  activators_.push_back({concurrency, true});
  for (const ServiceId service : services) {
    BERTH_CHECK(activator_of_[index(service)] == kNone);
    activator_of_[index(service)] = id;
  }
  on_activate();
  return static_cast<ActivatorId>(id);
}

void TrafficModel::set_in_path(ActivatorId activator, bool in_path) {
  ActivatorInfo& info = activators_[index(activator)];
  if (info.in_path == in_path) return;
  before_change();
  info.in_path = in_path;
  after_change();
}

std::uint32_t TrafficModel::slot(std::uint32_t ref) const {
  BERTH_CHECK(ref < slot_of_ref_.size() && slot_of_ref_[ref] != kNone);
  return slot_of_ref_[ref];
}

void TrafficModel::add_node(const TrafficNode& node) {
  before_change();
  if (index(node.node) >= nodes_.size()) nodes_.resize(index(node.node) + 1);
  nodes_[index(node.node)] = {node.location, true};
  table_.add_node(node.node, node.zone, node.cpu_milli, node.counts, now());
  after_change();
}

void TrafficModel::remove_node(NodeId node) {
  before_change();
  nodes_[index(node)].present = false;
  for (const PodInfo& pod : pods_) {
    if (pod.present && pod.node == node) pod_stopped(pod.ref);
  }
  table_.remove_node(node);
  after_change();
}

void TrafficModel::pod_added(const TrafficPod& pod) {
  BERTH_CHECK(started_ && nodes_[index(pod.node)].present && pod.cpu_milli > 0 && pod.concurrency > 0);
  before_change();
  if (pod.ref >= slot_of_ref_.size()) slot_of_ref_.resize(pod.ref + std::size_t{1}, kNone);
  BERTH_CHECK(slot_of_ref_[pod.ref] == kNone);
  std::uint32_t slot = 0;
  if (free_pods_.empty()) {
    slot = static_cast<std::uint32_t>(pods_.size());
    pods_.emplace_back();
  } else {
    slot = free_pods_.back();
    free_pods_.pop_back();
  }
  slot_of_ref_[pod.ref] = slot;
  PodInfo& info = pods_[slot];
  info.node = pod.node;
  info.ref = pod.ref;
  info.ready = info.terminating = false;
  info.present = true;
  info.services.assign(pod.services.begin(), pod.services.end());
  info.seen_ready = false;
  info.activator = kNone;
  TrafficPod limited = pod;
  for (const ServiceId service : pod.services) {
    const std::uint32_t activator = activator_of_[index(service)];
    if (activator == kNone) continue;
    info.activator = activator;
    if (const std::uint32_t limit = activators_[activator].concurrency; limit > 0) {  // Kept by its queue-proxy.
      limited.concurrency = std::min(pod.concurrency, limit);
      limited.queue_limit = std::min(pod.queue_limit, limit * Activator::kQueueProxyDepth);
    }
  }
  on_pod_added(slot, limited);
  update_endpoints(slot);
  after_change();
}

void TrafficModel::pod_ready(std::uint32_t ref, bool ready) {
  before_change();
  pods_[slot(ref)].ready = ready;
  update_endpoints(slot(ref));
  after_change();
}

void TrafficModel::pod_terminating(std::uint32_t ref) {
  before_change();
  pods_[slot(ref)].terminating = true;
  update_endpoints(slot(ref));
  after_change();
}

void TrafficModel::pod_removed(std::uint32_t ref) {
  pod_stopped(ref);
  before_change();
  const std::uint32_t gone = slot(ref);
  for (const ServiceId service : pods_[gone].services) table_.remove(service, endpoint(gone), now());
  tell_activator(gone, false);
  ++pods_[gone].generation;
  pods_[gone].present = false;
  slot_of_ref_[ref] = kNone;
  free_pods_.push_back(gone);
  after_change();
}

void TrafficModel::update_endpoints(std::uint32_t slot) {
  const PodInfo& pod = pods_[slot];
  for (const ServiceId service : pod.services) {
    EndpointCondition condition;
    condition.serving = pod.ready;
    condition.terminating = pod.terminating;
    condition.ready = table_.policy(service).publish_not_ready || (pod.ready && !pod.terminating);
    table_.set(service, endpoint(slot), condition, now());
  }
  tell_activator(slot, pod.ready && !pod.terminating);
}

void TrafficModel::tell_activator(std::uint32_t slot, bool ready) {
  PodInfo& pod = pods_[slot];
  if (pod.activator == kNone || pod.seen_ready == ready) return;
  pod.seen_ready = ready;
  activator_sees(slot, ready);
}

}  // namespace berth
