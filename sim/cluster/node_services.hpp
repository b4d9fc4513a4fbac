// What the kubelet of a node asks of the parts beside it, images and volumes, and how they answer: at once where there
// is nothing to wait for, else later through the listener. Interfaces, so that each part can be tested alone.
#pragma once

#include <cstdint>
#include <optional>

#include "sim/cluster/catalog.hpp"
#include "sim/cluster/image.hpp"
#include "sim/cluster/pod_spec.hpp"

namespace berth {

// A pod as a kubelet holds it: a slot that is used again under another generation.
struct PodSlot {
  std::uint32_t slot = 0;
  std::uint32_t generation = 0;
  friend bool operator==(PodSlot, PodSlot) = default;
};

enum class ImageResult : std::uint8_t {
  kPresent,            // Was there (or a manifest check found it unchanged).
  kPulled,             //
  kErrImagePull,       // The pull failed: no such image, registry down, or pull QPS exceeded.
  kImagePullBackOff,   // Not tried: a failure of this pod and image is too recent.
  kErrImageNeverPull,  // imagePullPolicy Never and not there.
};

// One container's start that needs its image (EnsureImageExists).
struct ImageAsk {
  PodSlot pod;
  std::uint32_t pod_ordinal = 0;  // The journal's number of the pod; also what back-off is kept by (its UID).
  NodeId node = kNoNode;
  ImageId image{};
  std::uint16_t container = 0;  // As in Record::container.
  kube::api::PullPolicy policy = kube::api::PullPolicy::kIfNotPresent;
};

class PodImages {
 public:
  // Empty: the answer comes later, by NodeServicesListener::image_ensured. One ask of a pod at a time.
  virtual std::optional<ImageResult> ensure(const ImageAsk& ask) = 0;
  // The pod is gone: no answer is wanted any more, and its back-offs are forgotten.
  virtual void forget(PodSlot pod, std::uint32_t pod_ordinal, NodeId node) = 0;
  // A container of this image exists from now on, running or dead; until it is removed. The image is present.
  virtual void container_created(NodeId node, ImageId image) = 0;
  virtual void container_removed(NodeId node, ImageId image) = 0;
  // The node's disk, which holds images and all else. Capacity 0: without end.
  struct Disk {
    std::int64_t capacity = 0;
    std::int64_t image_bytes = 0;    // Of it, what images and pulls take now.
    std::int64_t collect_above = 0;  // With more in use than this, unused images are garbage.
  };
  virtual Disk disk(NodeId) const { return {}; }
  // Deletes all unused images that are old enough; bytes freed. What the eviction manager does under disk pressure.
  virtual std::int64_t remove_unused(NodeId) { return 0; }
  // What is beside the images has passed Disk::collect_above.
  virtual void local_bytes_grew(NodeId) {}

 protected:
  ~PodImages() = default;
};

class PodVolumes {
 public:
  // All volumes of the pod that others provide (claims); `true`: mounted already, or there are none. False: later, by
  // NodeServicesListener::volumes_mounted.
  virtual bool mount(PodSlot pod, std::uint32_t pod_ordinal, NodeId node) = 0;
  // All containers have stopped. True: unmounted already; false: later, by volumes_unmounted. Also for a pod whose
  // mounting is still under way, which is then given up.
  virtual bool unmount(PodSlot pod, std::uint32_t pod_ordinal, NodeId node) = 0;

 protected:
  ~PodVolumes() = default;
};

class NodeServicesListener {
 public:
  virtual void image_ensured(PodSlot pod, ImageResult result) = 0;
  virtual void volumes_mounted(PodSlot pod) = 0;
  virtual void volumes_unmounted(PodSlot pod) = 0;
  // An image came to the node's disk or went from it: the node's status will say so.
  virtual void images_changed(NodeId) {}
  // Images take more of the disk than before, or garbage was looked for.
  virtual void images_grew(NodeId) {}
  // What is on the disk beside images, now.
  virtual std::int64_t local_bytes(NodeId) const { return 0; }

 protected:
  ~NodeServicesListener() = default;
};

}  // namespace berth
