#include "sim/traffic/service_table.hpp"

#include <algorithm>

#include "sim/engine/error.hpp"

namespace berth {
namespace {

bool by_node(const Endpoint& a, const Endpoint& b) {
  return a.node < b.node;
}

std::span<const Endpoint> on_node(const std::vector<Endpoint>& sorted, NodeId node) {
  const auto [first, last] = std::equal_range(sorted.begin(), sorted.end(), Endpoint{0, 0, node}, by_node);
  return {first, last};
}

}  // namespace

ServiceTable::ServiceTable(const ProxyParams& params, std::uint64_t seed, std::uint32_t replication)
    : params_(params), seed_(seed), replication_(replication), clock_(params, seed, replication) {}

void ServiceTable::add_node(NodeId node, std::uint16_t zone, std::int64_t cpu_milli, bool counts, Time now) {
  if (index(node) >= nodes_.size()) nodes_.resize(index(node) + 1);
  BERTH_CHECK(!nodes_[index(node)].present);
  nodes_[index(node)] = {zone, cpu_milli, counts, true};
  if (counts) {
    if (zone == kNoZone || cpu_milli == 0) {
      ++nodes_unknown_;
    } else {
      if (zone >= zone_cpu_.size()) zone_cpu_.resize(zone + std::size_t{1});
      zone_cpu_[zone] += cpu_milli;
    }
  }
  clock_.add_node(node, now);
}

void ServiceTable::remove_node(NodeId node) {
  Node& n = nodes_[index(node)];
  BERTH_CHECK(n.present);
  n.present = false;
  if (!n.counts) return;
  if (n.zone == kNoZone || n.cpu_milli == 0) {
    --nodes_unknown_;
  } else {
    zone_cpu_[n.zone] -= n.cpu_milli;
  }
}

ServiceId ServiceTable::add_service(const ServicePolicy& policy) {
  const auto id = static_cast<std::uint32_t>(services_.size());
  services_.push_back({policy,
                       {},
                       {},
                       {},
                       nullptr,
                       make_balancer(params_.mode),
                       {},
                       Rng(seed_, replication_, id, Purpose::kEndpointChoice)});
  return static_cast<ServiceId>(id);
}

void ServiceTable::apply(std::vector<Member>& members, const Change& change) {
  const auto it = std::ranges::find_if(members, [&](const Member& m) {
    return m.endpoint.pod == change.member.endpoint.pod && m.endpoint.generation == change.member.endpoint.generation;
  });
  if (change.removed) {
    if (it != members.end()) members.erase(it);
  } else if (it == members.end()) {
    members.push_back(change.member);
  } else {
    it->condition = change.member.condition;
  }
}

void ServiceTable::set(ServiceId id, const Endpoint& endpoint, EndpointCondition condition, Time now) {
  Service& service = services_[index(id)];
  for (const Member& m : service.latest) {
    if (m.endpoint.pod == endpoint.pod && m.endpoint.generation == endpoint.generation && m.condition == condition) {
      return;
    }
  }
  change(service, {{endpoint, condition}, false}, now);
}

void ServiceTable::remove(ServiceId id, const Endpoint& endpoint, Time now) {
  change(services_[index(id)], {{endpoint, {}}, true}, now);
}

void ServiceTable::change(Service& service, const Change& change, Time now) {
  apply(service.latest, change);
  const Time at = now + params_.endpoint_slice_delay;
  // Versions that nobody can ask for any more become the base. A client of a headless Service keeps what DNS said.
  const Duration kept = clock_.max_lag() + (service.policy.headless ? params_.dns_ttl : Duration{});
  while (!service.versions.empty() && service.versions.front().at + kept < now) {
    Version& oldest = service.versions.front();
    for (const Change& c : oldest.changes) apply(service.base, c);
    service.base_lists = std::move(oldest.lists);
    service.versions.pop_front();
  }
  if (!service.versions.empty() && service.versions.back().at == at) {
    service.versions.back().changes.push_back(change);
    service.versions.back().lists.reset();
  } else {
    service.versions.push_back({clock_.publish(at, now), at, {}, nullptr});
    service.versions.back().changes.push_back(change);
  }
  if (service.policy.distribution == ServicePolicy::Preference::kAuto) {
    hint(service);
    service.versions.back().lists = build(service, service.latest);  // Hints depend on the ones before: no later.
  }
}

void ServiceTable::hint(Service& service) {
  std::vector<std::uint16_t> zones;
  std::vector<std::uint16_t> hints;
  for (Member& m : service.latest) {
    if (!m.condition.ready) {
      m.hint = kNoZone;
      continue;
    }
    zones.push_back(nodes_[index(m.endpoint.node)].zone);
    hints.push_back(m.hint);
  }
  allocate_hints(zone_cpu_, nodes_unknown_ == 0, zones, hints);
  std::size_t i = 0;
  for (Member& m : service.latest) {
    if (m.condition.ready) m.hint = hints[i++];
  }
}

std::unique_ptr<EndpointLists> ServiceTable::build(const Service& service, std::span<const Member> members) const {
  using Preference = ServicePolicy::Preference;
  auto lists = std::make_unique<EndpointLists>();
  const Preference distribution = service.policy.distribution;
  std::vector<std::uint16_t> hints;
  bool hinted = distribution != Preference::kNone;
  for (const Member& m : members) {
    if (m.condition.ready) {
      lists->ready.push_back(m.endpoint);
      if (distribution == Preference::kNone) continue;
      hints.push_back(distribution == Preference::kAuto ? m.hint : nodes_[index(m.endpoint.node)].zone);
      hinted = hinted && hints.back() != kNoZone;  // Every ready endpoint, or none.
    } else if (m.condition.serving && m.condition.terminating) {
      lists->fallback.push_back(m.endpoint);
    }
  }
  lists->node_hints = distribution == Preference::kSameNode;
  if (lists->node_hints || service.policy.internal_local || service.policy.external_local) {
    lists->ready_by_node = lists->ready;
    lists->fallback_by_node = lists->fallback;
    std::ranges::stable_sort(lists->ready_by_node, by_node);
    std::ranges::stable_sort(lists->fallback_by_node, by_node);
    for (const Endpoint& e : lists->ready_by_node) {
      if (lists->nodes_with_ready.empty() || lists->nodes_with_ready.back() != e.node) {
        lists->nodes_with_ready.push_back(e.node);
      }
    }
  }
  if (hinted && !hints.empty()) {  // Counting sort by hinted zone.
    const std::uint16_t zones = static_cast<std::uint16_t>(*std::ranges::max_element(hints) + 1);
    lists->zone_begin.assign(zones + std::size_t{1}, 0);
    for (const std::uint16_t z : hints) ++lists->zone_begin[z + std::size_t{1}];
    for (std::size_t z = 1; z <= zones; ++z) lists->zone_begin[z] += lists->zone_begin[z - 1];
    std::vector<std::uint32_t> next = lists->zone_begin;
    std::vector<Endpoint> sorted(lists->ready.size());
    for (std::size_t i = 0; i < hints.size(); ++i) sorted[next[hints[i]]++] = lists->ready[i];
    lists->ready = std::move(sorted);
  }
  return lists;
}

const EndpointLists& ServiceTable::lists(Service& service, std::uint64_t number) {
  std::size_t i = service.versions.size();
  while (i > 0 && service.versions[i - 1].number > number) --i;
  std::unique_ptr<EndpointLists>& slot = i == 0 ? service.base_lists : service.versions[i - 1].lists;
  if (!slot) {
    std::vector<Member> members = service.base;
    for (std::size_t v = 0; v < i; ++v) {
      for (const Change& c : service.versions[v].changes) apply(members, c);
    }
    slot = build(service, members);
  }
  return *slot;
}

std::uint64_t ServiceTable::known(ServiceId, Service& service, NodeId node, Time now) {
  if (!service.policy.headless) return clock_.applied(node, now);
  // A client's resolver keeps the answer for its time to live; CoreDNS answers from its own watch.
  if (index(node) >= service.resolved.size()) service.resolved.resize(index(node) + 1);
  Resolved& resolved = service.resolved[index(node)];
  if (!resolved.any || now >= resolved.at + params_.dns_ttl) resolved = {now, clock_.watched(node, now), true};
  return resolved.number;
}

ServiceTable::Usable ServiceTable::usable(ServiceId id, NodeId node, bool external, Time now) {
  Service& service = services_[index(id)];
  const EndpointLists& lists = this->lists(service, known(id, service, node, now));
  if (service.policy.headless) return {lists.ready, false};  // DNS names ready endpoints alone.
  if (external ? service.policy.external_local : service.policy.internal_local) {
    std::span<const Endpoint> here = on_node(lists.ready_by_node, node);
    if (here.empty()) here = on_node(lists.fallback_by_node, node);
    return {here, !lists.ready.empty() || !lists.fallback.empty()};  // Somewhere else there is one: dropped.
  }
  if (lists.ready.empty()) return {lists.fallback, false};
  if (!lists.zone_begin.empty()) {
    if (lists.node_hints) {
      const std::span<const Endpoint> here = on_node(lists.ready_by_node, node);
      if (!here.empty()) return {here, false};
    }
    const std::size_t zone = nodes_[index(node)].zone;
    if (zone + 1 < lists.zone_begin.size() && lists.zone_begin[zone] < lists.zone_begin[zone + 1]) {
      const std::span<const Endpoint> all(lists.ready);
      return {all.subspan(lists.zone_begin[zone], lists.zone_begin[zone + 1] - lists.zone_begin[zone]), false};
    }
  } else if (lists.node_hints) {  // Zones unknown: the node hints alone.
    const std::span<const Endpoint> here = on_node(lists.ready_by_node, node);
    if (!here.empty()) return {here, false};
  }
  return {lists.ready, false};
}

ServiceTable::Choice ServiceTable::connect(ServiceId id, NodeId node, std::uint32_t client, bool external, Time now) {
  const Usable usable = this->usable(id, node, external, now);
  if (usable.endpoints.empty()) return {usable.drop ? Result::kDropped : Result::kRejected, {}};
  Service& service = services_[index(id)];
  Affinity* affinity = nullptr;
  if (service.policy.client_affinity && !service.policy.headless) {
    const AffinityKey key{std::uint64_t{static_cast<std::uint32_t>(node)} << 32 | static_cast<std::uint32_t>(id),
                          client};
    const auto [it, is_new] = affinity_.try_emplace(key);
    affinity = &it->second;
    if (!is_new && now - affinity->last < service.policy.affinity_timeout) {
      for (const Endpoint& e : usable.endpoints) {
        if (e.pod == affinity->endpoint.pod && e.generation == affinity->endpoint.generation) {
          affinity->last = now;
          service.balancer->opened(node, e);
          return {Result::kChosen, e};
        }
      }
    }
  }
  const Endpoint& chosen = usable.endpoints[service.balancer->pick(node, usable.endpoints, service.rng)];
  if (affinity != nullptr) *affinity = {chosen, now};
  service.balancer->opened(node, chosen);
  return {Result::kChosen, chosen};
}

const EndpointLists& ServiceTable::written(Service& service, Time now) {
  std::uint64_t number = 0;
  for (const Version& v : service.versions) {
    if (v.at <= now) number = v.number;
  }
  return lists(service, number);
}

std::span<const NodeId> ServiceTable::nodes_with_ready(ServiceId id, Time now) {
  return written(services_[index(id)], now).nodes_with_ready;
}

std::span<const Endpoint> ServiceTable::ready_written(ServiceId id, Time now) {
  return written(services_[index(id)], now).ready;
}

std::size_t ServiceTable::ready_now(ServiceId id) const {
  return static_cast<std::size_t>(
      std::ranges::count_if(services_[index(id)].latest, [](const Member& m) { return m.condition.ready; }));
}

}  // namespace berth
