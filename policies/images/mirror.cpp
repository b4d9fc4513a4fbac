// mirror: a pull-through cache in each zone. The first node that asks for a layer gets it from the registry through the
// mirror, which keeps it; who asks meanwhile waits for that, who asks later gets it from the mirror. While the registry
// is down, the mirror still answers for images that were resolved through it. A full cache drops the least recently
// asked-for layers.
// Source: CNCF distribution, "Registry as a pull through cache". Not modelled: its own look at the upstream tag.
#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

#include "policies/image_distribution.hpp"

namespace berth {
namespace {

class Mirror final : public ImageDistribution {
 public:
  explicit Mirror(const Params& p)
      : egress_(p.integer("egress_mbit", {.fallback = 10'000, .min = 1, .max = 8'000'000, .help = "to the nodes"})),
        ingress_(
            p.integer("ingress_mbit", {.fallback = 10'000, .min = 1, .max = 8'000'000, .help = "from registries"})),
        cache_gib_(p.integer("cache_gib", {.fallback = 0, .min = 0, .max = 1 << 20, .help = "0 = without limit"})) {}

  FetchRoute route(const LayerFetch& fetch) override {
    Zone& zone = zone_of(fetch.node);
    Cached& layer = cached(zone, fetch.layer);
    FetchRoute route;
    if (layer.state == State::kFetching) {
      layer.waiting.push_back(fetch.id);
      return route;
    }
    route.source = FetchSource::kMirror;
    if (layer.state == State::kPresent) {
      layer.asked = ++clock_;
      route.path = {zone.egress, sources_->node_in(fetch.node)};
      route.length = 2;
      return route;
    }
    layer.state = State::kFetching;
    layer.fetcher = fetch.id;
    route.path = {sources_->egress(fetch.registry), zone.ingress, zone.egress, sources_->node_in(fetch.node)};
    route.length = 4;
    route.needs_registry = true;
    return route;
  }

  void route_over(const LayerFetch& fetch, const FetchRoute&, bool complete) override {
    Zone& zone = zone_of(fetch.node);
    Cached& layer = cached(zone, fetch.layer);
    if (layer.state != State::kFetching || !(layer.fetcher == fetch.id)) return;
    layer.state = complete ? State::kPresent : State::kAbsent;
    if (complete) {
      layer.asked = ++clock_;
      zone.bytes += sources_->catalog().compressed_bytes(fetch.layer);
      make_room(zone, fetch.layer);
    }
    for (const FetchId waiting : layer.waiting) sources_->retry(waiting);
    layer.waiting.clear();
  }

  bool resolves_offline(NodeId node, ImageId image) const override {
    const std::uint32_t z = sources_->zone(node);
    return z < zones_.size() && index(image) < zones_[z].resolved.size() && zones_[z].resolved[index(image)];
  }
  void resolved(NodeId node, ImageId image) override {
    std::vector<bool>& known = zone_of(node).resolved;
    if (known.size() <= index(image)) known.resize(index(image) + 1);
    known[index(image)] = true;
  }

  std::string verify() const override {
    for (const Zone& zone : zones_) {
      std::int64_t bytes = 0;
      for (std::size_t l = 0; l < zone.layers.size(); ++l) {
        const Cached& layer = zone.layers[l];
        if (layer.state == State::kPresent) {
          bytes += sources_->catalog().compressed_bytes(LayerId{static_cast<std::uint32_t>(l)});
        }
        if (layer.state != State::kFetching && !layer.waiting.empty()) return "mirror: waiting for nothing";
      }
      if (bytes != zone.bytes) return "mirror: cached bytes";
    }
    return "";
  }

 private:
  enum class State : std::uint8_t { kAbsent, kFetching, kPresent };
  struct Cached {
    State state = State::kAbsent;
    FetchId fetcher;
    std::uint64_t asked = 0;
    std::vector<FetchId> waiting;
  };
  struct Zone {
    LinkId ingress{}, egress{};
    bool open = false;
    std::int64_t bytes = 0;
    std::vector<Cached> layers;  // By LayerId.
    std::vector<bool> resolved;  // By ImageId.
  };

  Zone& zone_of(NodeId node) {
    const std::uint32_t z = sources_->zone(node);
    if (zones_.size() <= z) zones_.resize(z + 1);
    Zone& zone = zones_[z];
    if (!zone.open) {
      constexpr std::int64_t kBytesPerMbit = 125'000;
      zone.ingress = sources_->network().add_link(ingress_ * kBytesPerMbit);
      zone.egress = sources_->network().add_link(egress_ * kBytesPerMbit);
      zone.open = true;
    }
    return zone;
  }
  Cached& cached(Zone& zone, LayerId layer) {
    if (zone.layers.size() <= index(layer)) {
      zone.layers.resize(std::max(index(layer) + 1, sources_->catalog().layers()));
    }
    return zone.layers[index(layer)];
  }
  // Scans the cache, which only a full one pays for.
  void make_room(Zone& zone, LayerId keep) {
    const std::int64_t limit = cache_gib_ << 30;
    while (limit > 0 && zone.bytes > limit) {
      std::size_t oldest = zone.layers.size();
      for (std::size_t l = 0; l < zone.layers.size(); ++l) {
        if (zone.layers[l].state != State::kPresent || l == index(keep)) continue;
        if (oldest == zone.layers.size() || zone.layers[l].asked < zone.layers[oldest].asked) oldest = l;
      }
      if (oldest == zone.layers.size()) return;  // A layer larger than the cache stays until the next one.
      zone.layers[oldest].state = State::kAbsent;
      zone.bytes -= sources_->catalog().compressed_bytes(LayerId{static_cast<std::uint32_t>(oldest)});
    }
  }

  std::int64_t egress_, ingress_, cache_gib_;
  std::vector<Zone> zones_;
  std::uint64_t clock_ = 0;
};

const Register<ImageDistribution, Mirror> kRegistered{"mirror", "a pull-through cache in each zone"};

}  // namespace
}  // namespace berth
