// Where a node gets an image's layers from. The image manager asks for a route for each layer that a node lacks and
// tells what became of it; it knows nothing of mirrors, peers or lazy loading. Implementations: policies/images.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>

#include "sim/cluster/catalog.hpp"
#include "sim/cluster/image.hpp"
#include "sim/network/flow_network.hpp"

namespace berth {

enum class RegistryId : std::uint32_t {};
constexpr std::size_t index(RegistryId id) {
  return static_cast<std::size_t>(id);
}

// Names one layer's way to one node; harmless after its end.
struct FetchId {
  std::uint32_t slot = 0xFFFF'FFFF;
  std::uint32_t generation = 0;
  friend bool operator==(FetchId, FetchId) = default;
};

struct LayerFetch {
  FetchId id;
  NodeId node = kNoNode;
  LayerId layer{};
  RegistryId registry{};  // Of the image that it is pulled for.
};

enum class FetchSource : std::uint8_t { kRegistry, kMirror, kPeer };
inline constexpr std::size_t kFetchSources = 3;

// The links that the bytes pass. No links: not now; the strategy calls ImageSources::retry() when it is worth asking
// again.
struct FetchRoute {
  std::array<LinkId, FlowNetwork::kMaxPath> path{};
  std::uint8_t length = 0;
  FetchSource source = FetchSource::kRegistry;  // Who the bytes are counted for.
  bool needs_registry = false;                  // Breaks when the registry goes down.
  NodeId peer = kNoNode;                        // Breaks when this node goes down.
};

struct PullPlan {
  double start_share = 1;  // Of a layer's bytes: enough for the container to start; the rest comes afterwards.
  bool unpack = true;      // False: layers are mounted as they are.
};

// What a strategy may look at and ask for.
class ImageSources {
 public:
  virtual const ImageCatalog& catalog() const = 0;
  virtual FlowNetwork& network() = 0;
  virtual LinkId egress(RegistryId registry) const = 0;
  virtual LinkId node_in(NodeId node) const = 0;
  virtual LinkId node_out(NodeId node) const = 0;
  virtual std::uint32_t zone(NodeId node) const = 0;
  virtual std::size_t uploads(NodeId node) const = 0;       // Layers that the node sends to others at present.
  virtual std::span<const ImageId> run_images() const = 0;  // All that the run will use.
  virtual std::uint64_t seed() const = 0;
  virtual std::uint32_t replication() const = 0;
  // Asks route() again for a fetch that got none. Nothing happens for one that is over or under way.
  virtual void retry(FetchId fetch) = 0;
  // Pulls the image to the node without a pod that waits for it, in turn with the node's other pulls but without a
  // token of registryPullQPS; nothing if it is there. What fails is not tried again.
  virtual void prefetch(NodeId node, ImageId image) = 0;

 protected:
  ~ImageSources() = default;
};

class ImageDistribution {
 public:
  static constexpr const char* kKind = "images";
  virtual ~ImageDistribution() = default;

  // Once, before anything else. `sources` outlives the strategy's use.
  virtual void attach(ImageSources& sources) { sources_ = &sources; }
  virtual PullPlan plan() const { return {}; }

  virtual FetchRoute route(const LayerFetch& fetch) = 0;
  // The fetch has left this route: all bytes came, or it was broken off (and may ask for another route).
  virtual void route_over(const LayerFetch&, const FetchRoute&, bool /*complete*/) {}
  // Can tag, manifest and config be had while the registry is down?
  virtual bool resolves_offline(NodeId, ImageId) const { return false; }
  virtual void resolved(NodeId, ImageId) {}

  // The node is up and has all bytes of the layer, or not any more.
  virtual void layer_present(NodeId, LayerId) {}
  virtual void layer_gone(NodeId, LayerId) {}
  virtual void node_joined(NodeId) {}

  // Recounts what the strategy keeps; "" if all is well.
  virtual std::string verify() const { return ""; }

 protected:
  ImageSources* sources_ = nullptr;
};

}  // namespace berth
