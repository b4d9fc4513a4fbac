// The kubelet's part of images, for all nodes: who needs a pull, in which order pulls run, what happens when one fails,
// and which images are deleted when the disk fills up. What a pull itself does: image_puller.hpp.
// Source: pkg/kubelet/images/image_manager.go, puller.go, image_gc_manager.go; pkg/kubelet/kuberuntime (throttling).
// Not modelled: credentials, retries within one pull, image volumes.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "sim/cluster/node_services.hpp"
#include "sim/kubelet/image_gc.hpp"
#include "sim/kubelet/image_limits.hpp"
#include "sim/kubelet/image_puller.hpp"

namespace berth {

// KubeletConfiguration, by its names.
struct ImageManagerConfig {
  bool serialize_image_pulls = true;
  std::uint32_t max_parallel_image_pulls = 0;  // Where not serialized; 0 = without limit.
  std::int64_t registry_pull_qps = 5;          // 0 = without limit.
  std::int64_t registry_burst = 10;
  ImageGcPolicy gc;
  ImagePullConfig pull;
};

struct ImageCounts {
  std::uint64_t pulled = 0;     // With bytes or without, but a new image on the node.
  std::uint64_t unchanged = 0;  // Manifest checks.
  std::uint64_t failed = 0;
  std::uint64_t removed = 0;  // By garbage collection.
};

class ImageManager final : public PodImages, private ImagePullListener {
 public:
  // All outlive the manager. `network` is shared with whoever else moves bytes.
  ImageManager(Engine<Event>& engine, Journal& journal, FlowNetwork& network, const ImageCatalog& catalog,
               ImageDistribution& distribution, NodeServicesListener& listener, const ImageManagerConfig& config);

  // Registries, bandwidths, faults of the registry, and what is on the disks.
  ImagePuller& runtime() { return puller_; }
  const ImagePuller& runtime() const { return puller_; }

  // A node joins with an empty disk. A number may be used again after remove_node().
  void add_node(NodeId node, const NodeImageSpec& spec);
  // The node is gone (crash): its pulls end and its asks get no answer. Its containers stay, ended, on its disk.
  // forget() for its pods may still come. The disk waits for node_up(), as it was or empty.
  void node_down(NodeId node);
  void node_up(NodeId node, bool keep_disk);
  void remove_node(NodeId node);

  // Never deleted by garbage collection (the pause image).
  void set_pinned(ImageId image);

  // PodImages. ensure(): the node is up.
  std::optional<ImageResult> ensure(const ImageAsk& ask) override;
  void forget(PodSlot pod, std::uint32_t pod_ordinal, NodeId node) override;
  void container_created(NodeId node, ImageId image) override;
  void container_removed(NodeId node, ImageId image) override;

  bool present(NodeId node, ImageId image) const { return puller_.store(node).has(image); }
  std::int64_t remove_unused(NodeId node) override;
  Disk disk(NodeId node) const override;
  void local_bytes_grew(NodeId node) override { plan_scan(node); }
  const ImageCounts& counts() const { return counts_; }

  // Of kImageEvent.
  void handle(const Event& event);
  // Recounts everything down to the flows; "" if all is well. O(everything).
  std::string verify() const;

 private:
  static constexpr std::uint32_t kNone = ImageStore::kNone;
  static constexpr std::uint16_t kScan = ImagePuller::kFirstFree;  // Event::detail.

  struct Node {
    ScanGrid grid;
    Time last_scan{-1};
    TokenBucket tokens;
    std::vector<std::uint32_t> queue;  // Asks that wait for their turn, in order.
    std::uint32_t running = 0;
    std::uint32_t life = 0;  // Counts node_down(), so that holds of a former life are not released.
    bool up = false;
    bool scan_due = false;
  };
  struct Ask {
    ImageAsk what;
    PullId pull;
    bool prefetch = false;
    bool running = false;
    bool live = false;
  };
  struct Pod {
    std::uint32_t generation = 0;
    std::uint32_t ask = kNone;
    std::uint32_t back_offs = ImageBackOff::kNone;
    bool holds = false;
    NodeId held_on = kNoNode;
    ImageId held{};
    std::uint32_t life = 0;  // Of the node.
  };

  Pod& pod_of(PodSlot pod);
  void hold(Pod& pod, const ImageAsk& ask);
  void release(Pod& pod);
  std::uint32_t new_ask(const ImageAsk& what);
  void drop_ask(std::uint32_t a);
  void start_next(NodeId node);
  void answer(std::uint32_t a, ImageResult result);
  void record(RecordKind kind, const ImageAsk& ask, std::uint8_t reason = 0);
  void plan_scan(NodeId node);
  void scan(NodeId node);
  void delete_image(NodeId node, ImageId image);

  void pull_finished(std::uint32_t tag, PullOutcome outcome) override;
  void disk_grew(NodeId node) override;
  std::int64_t local_bytes(NodeId node) const override { return listener_->local_bytes(node); }
  void prefetch_wanted(NodeId node, ImageId image) override;

  Engine<Event>* engine_;
  Journal* journal_;
  const ImageCatalog* catalog_;
  NodeServicesListener* listener_;
  ImageManagerConfig config_;
  std::vector<Node> nodes_;  // By NodeId.
  std::vector<Pod> pods_;    // By PodSlot::slot.
  std::vector<Ask> asks_;
  std::vector<std::uint32_t> free_asks_;
  ImageBackOff back_offs_;
  std::vector<bool> pinned_;
  std::vector<ImageId> candidates_;
  std::uint32_t ensuring_ = kNone;  // The ask that ensure() is busy with, and its answer if it came at once.
  std::optional<ImageResult> ensured_;
  ImageCounts counts_;
  ImagePuller puller_;  // Last: its constructor may call back.
};

}  // namespace berth
