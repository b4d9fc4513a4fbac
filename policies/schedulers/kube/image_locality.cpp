// ImageLocality: better the node that holds the pod's images already, the larger and the wider spread the better.
// Source: pkg/scheduler/framework/plugins/imagelocality, v1.37.
#include "policies/schedulers/kube/image_locality.hpp"

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

  Scope scope() const override { return Scope::kImages; }

  std::int64_t score(const Cycle& cycle, const CycleState&, const NodeInfo& node) const override {
    std::int64_t sum = 0;
    for (const std::string& name : cycle.pod.images) {
      const auto id = cycle.cluster.image_names().find(name);
      if (!id || !std::binary_search(node.images->begin(), node.images->end(), *id)) continue;
      sum = wrapping_add(sum, image_part(cycle.cluster.image(*id), cycle.cluster.nodes().size()));
    }
    return image_score(sum, cycle.pod.images.size());
  }
};

}  // namespace

std::int64_t image_part(const ImageState& image, std::size_t nodes) {
  const double spread = static_cast<double>(image.nodes) / static_cast<double>(nodes);
  return static_cast<std::int64_t>(static_cast<double>(image.size_bytes) * spread);
}

std::int64_t image_score(std::int64_t sum, std::size_t named) {
  const std::int64_t max = kMaxContainerThreshold * static_cast<std::int64_t>(named);
  if (max <= kMinThreshold) return 0;  // No image at all.
  return kMaxNodeScore * (std::clamp(sum, kMinThreshold, max) - kMinThreshold) / (max - kMinThreshold);
}

std::unique_ptr<Plugin> make_image_locality() {
  return std::make_unique<ImageLocality>();
}

}  // namespace berth::kube
