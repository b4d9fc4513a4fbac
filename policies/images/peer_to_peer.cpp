// peer-to-peer: a layer that other nodes hold whole comes from one of them, drawn uniformly; a node sends to a few at a
// time, and uses its network card for it. If nobody holds it, or all who are drawn are busy, it comes from the
// registry. Source: the shape of Dragonfly, Kraken and Spegel (whole blobs from holders, as Spegel does; no pieces).
#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "policies/image_distribution.hpp"
#include "sim/engine/rng.hpp"

namespace berth {
namespace {

class PeerToPeer final : public ImageDistribution {
 public:
  explicit PeerToPeer(const Params& p)
      : uploads_(p.integer("uploads", {.fallback = 3, .min = 1, .max = 1000, .help = "of a node at a time"})),
        tries_(p.integer("tries", {.fallback = 8, .min = 1, .max = 1000, .help = "holders drawn before giving up"})) {}

  void attach(ImageSources& sources) override {
    ImageDistribution::attach(sources);
    rng_.emplace(sources.seed(), sources.replication(), 0, Purpose::kPeers);
  }

  FetchRoute route(const LayerFetch& fetch) override {
    if (index(fetch.layer) < holders_.size() && !holders_[index(fetch.layer)].empty()) {
      const std::vector<NodeId>& holders = holders_[index(fetch.layer)];
      for (std::int64_t i = 0; i < tries_; ++i) {
        const NodeId peer = holders[rng_->below(static_cast<std::uint32_t>(holders.size()))];
        if (static_cast<std::int64_t>(sources_->uploads(peer)) >= uploads_) continue;
        FetchRoute route;
        route.path = {sources_->node_out(peer), sources_->node_in(fetch.node)};
        route.length = 2;
        route.source = FetchSource::kPeer;
        route.peer = peer;
        return route;
      }
    }
    return registry_route(*sources_, fetch);
  }

  void layer_present(NodeId node, LayerId layer) override {
    if (holders_.size() <= index(layer)) holders_.resize(std::max(index(layer) + 1, sources_->catalog().layers()));
    holders_[index(layer)].push_back(node);
  }
  void layer_gone(NodeId node, LayerId layer) override {
    std::vector<NodeId>& holders = holders_[index(layer)];
    const auto at = std::find(holders.begin(), holders.end(), node);  // O(holders), seldom.
    BERTH_CHECK(at != holders.end());
    *at = holders.back();
    holders.pop_back();
  }

  std::string verify() const override {
    for (std::vector<NodeId> holders : holders_) {
      std::sort(holders.begin(), holders.end());
      if (std::adjacent_find(holders.begin(), holders.end()) != holders.end()) return "peer-to-peer: a holder twice";
    }
    return "";
  }

 private:
  std::int64_t uploads_, tries_;
  std::optional<Rng> rng_;
  std::vector<std::vector<NodeId>> holders_;  // By LayerId; in an order that the run's history gives.
};

const Register<ImageDistribution, PeerToPeer> kRegistered{"peer-to-peer", "layers from nodes that hold them"};

}  // namespace
}  // namespace berth
