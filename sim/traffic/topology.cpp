#include "sim/traffic/topology.hpp"

#include <algorithm>
#include <boost/graph/adjacency_list.hpp>
#include <boost/graph/dijkstra_shortest_paths.hpp>

namespace berth {
namespace {

constexpr Duration kSameHost = microseconds(20);
constexpr Duration kWithin = microseconds(100);

}  // namespace

Topology::Topology() : same_host_{kSameHost, 0} {}

LocationId Topology::location(std::string_view name) {
  const std::uint32_t id = names_.intern(name);
  BERTH_CHECK(id < 0xFFFF);
  if (id == within_.size()) within_.push_back({kWithin, 0});
  return static_cast<LocationId>(id);
}

void Topology::link(LocationId a, LocationId b, Hop hop) {
  links_.push_back({static_cast<std::uint32_t>(a), static_cast<std::uint32_t>(b), hop});
}

void Topology::finish() {
  using Weight = boost::property<boost::edge_weight_t, std::int64_t, boost::property<boost::edge_index_t, std::size_t>>;
  using Graph = boost::adjacency_list<boost::vecS, boost::vecS, boost::undirectedS, boost::no_property, Weight>;
  const std::size_t n = names_.size();
  Graph graph(n);
  for (std::size_t i = 0; i < links_.size(); ++i) {
    boost::add_edge(links_[i].a, links_[i].b, Weight(links_[i].hop.latency.ns, i), graph);
  }
  matrix_.assign(n * n, {});
  std::vector<std::size_t> before(n);
  std::vector<std::int64_t> far(n);
  std::vector<std::size_t> order;
  for (std::size_t from = 0; from < n; ++from) {
    boost::dijkstra_shortest_paths(graph, from, boost::predecessor_map(before.data()).distance_map(far.data()));
    order.clear();
    for (std::size_t to = 0; to < n; ++to) order.push_back(to);
    // Nearest first, so that the way to a predecessor is known; ties (links of no latency) by following the way back.
    for (const std::size_t to : order) {
      if (to == from) {
        matrix_[from * n + to] = within_[from];
        continue;
      }
      if (before[to] == to) {
        throw InputError("locations \"" + names_[static_cast<std::uint32_t>(from)] + "\" and \"" +
                         names_[static_cast<std::uint32_t>(to)] + "\" are not linked; expected a way between any two");
      }
      Hop hop{{far[to]}, 0};
      for (std::size_t at = to; at != from; at = before[at]) {
        double narrowest = -1;  // Of parallel links, one of those that the way may take.
        for (const Link& link : links_) {
          const bool joins = (link.a == at && link.b == before[at]) || (link.b == at && link.a == before[at]);
          if (joins && far[before[at]] + link.hop.latency.ns == far[at] &&
              (narrowest < 0 || link.hop.ns_per_byte < narrowest)) {
            narrowest = link.hop.ns_per_byte;
          }
        }
        hop.ns_per_byte = std::max(hop.ns_per_byte, narrowest);
      }
      matrix_[from * n + to] = hop;
    }
  }
}

}  // namespace berth
