// ImageLocality: better the node that holds the pod's images already, the larger and the wider spread the better.
// Source: pkg/scheduler/framework/plugins/imagelocality, v1.37.
#include <algorithm>

#include "policies/schedulers/kube/plugins.hpp"

namespace berth::kube {
namespace {

constexpr std::int64_t kMiB = 1 << 20;
constexpr std::int64_t kMinThreshold = 23 * kMiB;
constexpr std::int64_t kMaxContainerThreshold = 1000 * kMiB;

class ImageLocality final : public Plugin {
 public:
  ImageLocality() : Plugin("ImageLocality") {}

  Scope scope() const override { return Scope::kNodeObject; }

  std::int64_t score(const Cycle& cycle, const CycleState&, const NodeInfo& node) const override {
    const Pod& pod = cycle.pod.pod;
    const auto nodes = static_cast<double>(cycle.cluster.nodes().size());
    std::int64_t images = 0;
    std::int64_t sum = 0;
    const auto add = [&](const std::string& image) {
      ++images;
      const auto it = node.images->find(normalized_image_name(image));
      if (it == node.images->end()) return;
      const double spread = static_cast<double>(it->second.nodes) / nodes;
      sum = wrapping_add(sum, static_cast<std::int64_t>(static_cast<double>(it->second.size_bytes) * spread));
    };
    for (const Container& container : pod.init_containers) add(container.image);
    for (const Container& container : pod.containers) add(container.image);
    for (const Volume& volume : pod.volumes) {
      if (volume.kind == Volume::Kind::kImage) add(volume.source);
    }
    const std::int64_t max = kMaxContainerThreshold * images;
    if (max <= kMinThreshold) return 0;  // No image at all.
    return kMaxNodeScore * (std::clamp(sum, kMinThreshold, max) - kMinThreshold) / (max - kMinThreshold);
  }
};

}  // namespace

std::unique_ptr<Plugin> make_image_locality() {
  return std::make_unique<ImageLocality>();
}

}  // namespace berth::kube
