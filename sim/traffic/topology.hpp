// How far apart machines are: a graph of locations (racks, zones, regions, the outside) and links with latency and
// bandwidth, boiled down to one matrix. Nodes are attached to a location; two nodes of one location are `within` it.
#pragma once

#include <cmath>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "sim/cluster/catalog.hpp"
#include "sim/engine/error.hpp"
#include "sim/engine/time.hpp"

namespace berth {

enum class LocationId : std::uint16_t {};

struct Hop {
  Duration latency{};      // One way.
  double ns_per_byte = 0;  // Of the narrowest link on the way.
  Duration delay(std::int64_t bytes) const {
    return bytes == 0 ? latency
                      : latency + Duration{static_cast<std::int64_t>(static_cast<double>(bytes) * ns_per_byte + 0.5)};
  }
};

class Topology {
 public:
  // The defaults are what a data centre shows, not constants of Kubernetes: 20 us over the host's own bridge, 100 us
  // within a location, no limit to bandwidth.
  Topology();

  // A new location, or the one of this name. At most 65,535.
  LocationId location(std::string_view name);
  const std::string& name(LocationId id) const { return names_[static_cast<std::uint32_t>(id)]; }
  std::size_t locations() const { return names_.size(); }
  void set_same_host(Hop hop) { same_host_ = hop; }
  void set_within(LocationId id, Hop hop) { within_[index(id)] = hop; }
  void link(LocationId a, LocationId b, Hop hop);

  // Works out the matrix: least latency (of equal ones any, by the order of links). Throws InputError if a location
  // cannot be reached from another. O(V (V + E) log V).
  void finish();

  // After finish(). O(1).
  const Hop& hop(LocationId a, LocationId b) const { return matrix_[index(a) * names_.size() + index(b)]; }
  const Hop& same_host() const { return same_host_; }

 private:
  struct Link {
    std::uint32_t a;
    std::uint32_t b;
    Hop hop;
  };
  Names names_;
  std::vector<Hop> within_;
  std::vector<Link> links_;
  std::vector<Hop> matrix_;  // Row major, by LocationId.
  Hop same_host_;
};

}  // namespace berth
