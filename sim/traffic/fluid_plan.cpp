// FluidModel: who sends to whom. Worked out when something changed, and now and then for mixes of callers that drift.
#include <algorithm>

#include "sim/traffic/fluid_model.hpp"

namespace berth {

// Where a route's requests come from. Weights sum to 1 (or to 0, where the caller has no pods).
void FluidModel::clients_of(std::uint32_t r, Time at, std::vector<Client>& clients) {
  clients.clear();
  const Route& route = routes_[r];
  if (route.source != kNone) {
    const SourceSpec& source = sources_[route.source];
    std::span<const NodeId> nodes = source.nodes;
    if (source.external && table_.policy(route.call.service).external_local) {
      const std::span<const NodeId> healthy = table_.nodes_with_ready(route.call.service, at);
      if (!healthy.empty()) nodes = healthy;
    }
    for (const NodeId node : nodes) clients.push_back({node, 1 / static_cast<double>(nodes.size())});
    return;
  }
  if (of_node_.size() < nodes_.size()) of_node_.resize(nodes_.size());
  for (const Share& share : services_[route.service].shares) {
    if (share.pod == kNone) continue;
    const NodeId node = pods_[share.pod].node;
    if (of_node_[index(node)] == 0) clients.push_back({node, 0});
    of_node_[index(node)] += share.share;
  }
  for (Client& client : clients) {
    client.weight = of_node_[index(client.node)];
    of_node_[index(client.node)] = 0;
  }
}

// Who may be chosen from `node`. An activator has the ready pods of its own, of wherever they are.
ServiceTable::Usable FluidModel::usable(const Route& route, NodeId node, bool external, Time at) {
  const ServiceId service = route.call.service;
  const std::uint32_t activator = activator_of_[index(service)];
  if (!in_path(activator)) {
    const ServiceTable::Usable direct = table_.usable(service, node, external, at);
    if (!direct.endpoints.empty() || direct.drop || activator == kNone) return direct;
  }
  return {table_.ready_written(service, at - table_.params().watch_delay_max), false};
}

// Spreads `weight` of the Service over its pods (of_pod_), and finds the mean travel.
void FluidModel::plan_route(std::uint32_t r, Time at, std::span<const Client> clients, double weight) {
  const Route& route = routes_[r];
  RouteState& flow = flows_[r];
  const bool external = route.source != kNone && sources_[route.source].external;
  flow.rejected = flow.dropped = flow.travel = 0;
  double reached = 0;
  std::span<const Endpoint> list;  // What from_, to_ stand for.
  if (of_node_.size() < nodes_.size()) of_node_.resize(nodes_.size());
  const auto forget = [&] {
    for (const Endpoint& e : list) {
      of_node_[index(e.node)] = 0;
      to_[index(nodes_[index(e.node)].location)] = 0;
    }
  };
  const double connections = 1.0 / route.call.requests_per_connection;
  const auto round_trip = [&](const Hop& hop) {
    return (hop.delay(route.call.request_bytes) + hop.delay(route.call.response_bytes)).seconds() +
           2 * hop.latency.seconds() * connections;
  };
  for (const Client& client : clients) {
    const ServiceTable::Usable usable = this->usable(route, client.node, external, at);
    if (usable.endpoints.empty()) {
      (usable.drop ? flow.dropped : flow.rejected) += client.weight;
      continue;
    }
    const auto n = static_cast<double>(usable.endpoints.size());
    if (usable.endpoints.data() != list.data() || usable.endpoints.size() != list.size()) {
      forget();
      list = usable.endpoints;
      for (const Endpoint& e : list) {
        ++of_node_[index(e.node)];
        ++to_[index(nodes_[index(e.node)].location)];
      }
    }
    for (const Endpoint& e : list) {
      (e.generation == pods_[e.pod].generation ? of_pod_[e.pod] : gone_) += weight * client.weight / n;
    }
    const LocationId here = nodes_[index(client.node)].location;
    double mean = 0;
    for (std::size_t l = 0; l < to_.size(); ++l) {
      if (to_[l] > 0) mean += to_[l] / n * round_trip(topology_.hop(here, static_cast<LocationId>(l)));
    }
    const double same = of_node_[index(client.node)] / n;
    mean -= same * round_trip(topology_.hop(here, here));
    if (!external) mean += same * round_trip(topology_.same_host());
    if (external) mean += round_trip(topology_.hop(sources_[route.source].location, here));
    flow.travel += client.weight * mean;
    reached += client.weight;
  }
  forget();
  if (reached > 0) flow.travel /= reached;
  if (clients.empty()) flow.rejected = 1;
}

void FluidModel::plan(Time at) {
  std::vector<Client> clients;
  for (const std::uint32_t s : order_) {
    Service& service = services_[s];
    double all = 0;
    for (const std::uint32_t r : callers_[s]) all += flows_[r].rate * flows_[r].attempts;
    service.shares.clear();
    std::ranges::fill(of_pod_, 0.0);
    gone_ = 0;
    for (const std::uint32_t r : callers_[s]) {
      clients_of(r, at, clients);
      const double weight =
          all > 0 ? flows_[r].rate * flows_[r].attempts / all : 1.0 / static_cast<double>(callers_[s].size());
      // A trickle of weight keeps the endpoints of an idle route known.
      plan_route(r, at, clients, std::max(weight, 1e-12));
    }
    double sum = gone_;
    if (gone_ > 0) service.shares.push_back({kNone, 0, gone_});
    for (std::uint32_t p = 0; p < of_pod_.size(); ++p) {
      if (of_pod_[p] == 0) continue;
      service.shares.push_back({p, pods_[p].generation, of_pod_[p]});
      sum += of_pod_[p];
    }
    for (Share& share : service.shares) share.share /= sum;
  }
}

}  // namespace berth
