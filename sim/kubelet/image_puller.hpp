// The container runtime's part of a pull: resolve, download, unpack, on all nodes. The kubelet's part (who may pull
// when, back-off, garbage collection) is image_manager.hpp.
//
// A pull resolves its image, goes up the image's ChainIDs past those that are there, and from the first that is missing
// asks for all blobs that the node lacks. Blobs are downloaded through the node's slots, in order of asking, whoever
// asks first; a layer is unpacked when its blob is there and the one below is committed. Blobs and ChainIDs are locked,
// so that each is worked on once.
// Source: containerd core/unpack/unpacker.go, core/transfer/local, core/remotes/docker; see image_distribution.hpp for
// where blobs come from. Not modelled: retries of a single request, bytes of manifests and configs, chunked fetches.
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "sim/cluster/event.hpp"
#include "sim/cluster/image.hpp"
#include "sim/cluster/journal.hpp"
#include "sim/engine/engine.hpp"
#include "sim/kubelet/image_distribution.hpp"
#include "sim/kubelet/image_store.hpp"
#include "sim/network/flow_network.hpp"

namespace berth {

struct NodeImageSpec {
  std::int64_t imagefs_bytes = 0;        // > 0.
  std::int64_t in_bytes_per_second = 0;  // The network card; full duplex.
  std::int64_t out_bytes_per_second = 0;
  std::int64_t unpack_bytes_per_second = 0;  // Of uncompressed bytes; concurrent unpacks share it.
  std::uint32_t zone = 0;                    // Small numbers.
};

struct RegistrySpec {
  std::string host;  // "docker.io"
  std::int64_t egress_bytes_per_second = 0;
  Duration resolve;  // Tag to manifest to config.
};

struct ImagePullConfig {
  std::uint32_t max_concurrent_downloads = 3;  // Open requests of all pulls of a node.
  Duration progress_timeout = seconds(300);    // A pull with open requests and no bytes for so long is aborted.
  RegistrySpec default_registry;               // For hosts that were not added; `host` is not read.
  std::uint64_t seed = 0;
  std::uint32_t replication = 0;
};

// Names a pull; harmless after its end.
struct PullId {
  std::uint32_t slot = 0xFFFF'FFFF;
  std::uint32_t generation = 0;
};

enum class PullOutcome : std::uint8_t { kPulled, kUnchanged, kFailed };

class ImagePullListener {
 public:
  virtual void pull_finished(std::uint32_t tag, PullOutcome outcome) = 0;
  virtual void disk_grew(NodeId node) = 0;
  virtual std::int64_t local_bytes(NodeId) const { return 0; }  // On the disk beside images, now.
  virtual void prefetch_wanted(NodeId node, ImageId image) = 0;

 protected:
  ~ImagePullListener() = default;
};

// What a pull's records say besides.
struct PullOwner {
  std::uint32_t pod = 0xFFFF'FFFF;  // As in Record; none for a prefetch.
  std::uint16_t container = 0;
};

class ImagePuller final : public ImageSources, private FlowListener {
 public:
  enum Detail : std::uint16_t { kResolved, kNoProgress, kRetry, kFirstFree };  // Event::detail of kImageEvent.

  // All outlive the puller. `catalog` may grow.
  ImagePuller(Engine<Event>& engine, Journal& journal, FlowNetwork& network, const ImageCatalog& catalog,
              ImageDistribution& distribution, ImagePullListener& listener, const ImagePullConfig& config);

  RegistryId add_registry(const RegistrySpec& spec);
  RegistryId registry(std::string_view host);  // By name, new with the default's figures if not known.
  RegistryId registry_of(ImageId image);
  // Down: resolving fails, running downloads break off. Bandwidth 0: everything hangs.
  void set_registry_down(RegistryId registry, bool down);
  void set_registry_bandwidth(RegistryId registry, std::int64_t bytes_per_second);
  void set_missing(ImageId image, bool missing);  // The registry knows no such image.
  void set_run_images(std::vector<ImageId> images) { run_images_ = std::move(images); }

  // A node that joins with an empty disk; a number may be used again after remove_node().
  void add_node(NodeId node, const NodeImageSpec& spec);
  // All pulls of the node end without a word.
  void node_down(NodeId node);
  void node_up(NodeId node, bool keep_disk);
  void remove_node(NodeId node);
  void set_node_bandwidth(NodeId node, std::int64_t in_bytes_per_second, std::int64_t out_bytes_per_second);
  bool node_exists(NodeId node) const { return index(node) < nodes_.size() && nodes_[index(node)].exists; }

  // The answer comes later, by pull_finished. The node is up.
  PullId start(NodeId node, ImageId image, PullOwner owner, std::uint32_t tag);
  // Without a word. Nothing for a pull that is over.
  void cancel(PullId pull);
  // An image that is there without being pulled (preloaded). False if the disk has no room.
  bool preload(NodeId node, ImageId image);
  // Frees what no other image or pull refers to; the image is there.
  void remove_image(NodeId node, ImageId image);

  ImageStore& store(NodeId node) { return nodes_[index(node)].store; }
  const ImageStore& store(NodeId node) const { return nodes_[index(node)].store; }
  // Compressed bytes of layers that have come, by where they came from; also of downloads that were broken off.
  const std::array<std::int64_t, kFetchSources>& bytes_from() const { return bytes_from_; }

  // Of kImageEvent, with a detail < kFirstFree.
  void handle(const Event& event);
  std::string verify() const;

  // ImageSources
  const ImageCatalog& catalog() const override { return *catalog_; }
  FlowNetwork& network() override { return *network_; }
  LinkId egress(RegistryId registry) const override { return registries_[index(registry)].egress; }
  LinkId node_in(NodeId node) const override { return nodes_[index(node)].in; }
  LinkId node_out(NodeId node) const override { return nodes_[index(node)].out; }
  std::uint32_t zone(NodeId node) const override { return nodes_[index(node)].zone; }
  std::size_t uploads(NodeId node) const override { return nodes_[index(node)].uploads.size(); }
  std::span<const ImageId> run_images() const override { return run_images_; }
  std::uint64_t seed() const override { return config_.seed; }
  std::uint32_t replication() const override { return config_.replication; }
  void retry(FetchId fetch) override;
  void prefetch(NodeId node, ImageId image) override { listener_->prefetch_wanted(node, image); }

 private:
  static constexpr std::uint32_t kNone = ImageStore::kNone;

  struct Registry {
    std::string host;
    LinkId egress{};
    Duration resolve;
    bool down = false;
  };
  struct SlotAsk {
    std::uint32_t number;  // Of a pull or a fetch.
    bool resolve;
  };
  struct Node {
    ImageStore store;
    LinkId in{}, out{}, disk{};
    std::uint32_t zone = 0;
    std::uint32_t free_slots = 0;
    bool exists = false;
    bool up = false;
    bool granting = false;
    std::vector<SlotAsk> slot_queue;     // First come, first served.
    std::vector<std::uint32_t> pulls;    // Running, in order of their start.
    std::vector<std::uint32_t> uploads;  // Fetches of other nodes from this one.
  };
  enum class PullState : std::uint8_t {
    kFree,
    kWantsSlot,  // To resolve.
    kResolving,
    kBusy,  // In the middle of a step: not to be woken.
    kWaitsForSnapshot,
    kWaitsForBlob,
    kUnpacking,
  };
  struct Pull {
    NodeId node = kNoNode;
    ImageId image{};
    RegistryId registry{};
    PullOwner owner;
    std::uint32_t tag = 0;
    std::uint32_t generation = 0;
    PullState state = PullState::kFree;
    bool refers = false;    // Counted in the references of its layers and snapshots.
    bool fetching = false;  // Has asked for its blobs.
    bool watched = false;
    std::uint32_t next = 0;  // Layer to unpack.
    FlowId unpack;
    EventHandle timer;               // Of the resolving.
    EventHandle watchdog;            // See watch().
    std::int64_t bytes = 0;          // Of fetches that are over.
    std::int64_t watched_bytes = 0;  // When the watchdog was set.
  };
  enum class FetchState : std::uint8_t { kFree, kWantsSlot, kOpen, kPaused, kBackground };
  struct Fetch {
    NodeId node = kNoNode;
    LayerId layer{};
    RegistryId registry{};
    std::uint32_t pull = kNone;  // Whose it is; none in the background.
    std::uint32_t generation = 0;
    FetchState state = FetchState::kFree;
    bool routed = false;
    std::int64_t left = 0;  // Bytes, as of the flow's start.
    std::int64_t rest = 0;  // Bytes for afterwards.
    FlowId flow;
    FetchRoute route;
  };

  Node& node_of(const Pull& pull) { return nodes_[index(pull.node)]; }
  std::size_t layer_count(const Pull& pull) const { return catalog_->layers(pull.image).size(); }
  LayerFetch describe(std::uint32_t f) const;
  void record(RecordKind kind, const Pull& pull, std::uint32_t value, std::uint8_t reason = 0);
  bool take(NodeId node, std::int64_t bytes);

  // Pulls
  void resolved(std::uint32_t p);
  void advance(std::uint32_t p);
  bool request_layers(std::uint32_t p);
  void unpacked(std::uint32_t p);
  void complete(std::uint32_t p);
  void fail(std::uint32_t p);
  void end(std::uint32_t p, bool keep_references);
  void wake_waiting(NodeId node);
  bool can_go_on(const Pull& pull) const;
  void hand_over(NodeId node, LayerId layer);
  void refer(NodeId node, ImageId image);
  void unrefer(NodeId node, ImageId image);
  void watch(std::uint32_t p);
  std::int64_t progress(std::uint32_t p, bool& open, bool& moving) const;

  // Slots and fetches
  void grant(NodeId node);
  void queue_fetch(std::uint32_t p, LayerId layer);
  void begin_fetch(std::uint32_t f);
  void open_route(std::uint32_t f);
  void close_route(std::uint32_t f, bool complete);
  void stop_flow(std::uint32_t f);
  void fetched(std::uint32_t f);
  void background(std::uint32_t f);
  void drop_fetch(std::uint32_t f);
  void free_fetch(std::uint32_t f);
  void pause(std::uint32_t f);
  void resume_paused();
  void flow_finished(FlowId flow, std::uint32_t tag) override;

  Engine<Event>* engine_;
  Journal* journal_;
  FlowNetwork* network_;
  const ImageCatalog* catalog_;
  ImageDistribution* distribution_;
  ImagePullListener* listener_;
  ImagePullConfig config_;
  PullPlan plan_;
  std::vector<Registry> registries_;
  std::vector<RegistryId> registry_of_;  // By ImageId.
  std::vector<bool> missing_;            // By ImageId.
  std::vector<ImageId> run_images_;
  std::vector<Node> nodes_;  // By NodeId.
  std::deque<Pull> pulls_;   // Deques: references stay good while more are added.
  std::deque<Fetch> fetches_;
  std::vector<std::uint32_t> free_pulls_, free_fetches_;
  std::array<std::int64_t, kFetchSources> bytes_from_{};
};

}  // namespace berth
