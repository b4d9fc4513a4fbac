// pre-pull: a node that joins pulls the run's images before any pod asks for them, one after another in the order of
// the run's list; otherwise as `registry`. A node that came back with its disk pulls only what it lacks.
// Source: what DaemonSet pre-pullers and images baked into machine images do.
#include <algorithm>
#include <cstdint>

#include "policies/image_distribution.hpp"

namespace berth {
namespace {

class PrePull final : public ImageDistribution {
 public:
  explicit PrePull(const Params& p)
      : images_(p.integer("images", {.fallback = 0, .min = 0, .help = "how many of the run's images; 0 = all"})) {}

  FetchRoute route(const LayerFetch& fetch) override { return registry_route(*sources_, fetch); }

  void node_joined(NodeId node) override {
    const std::span<const ImageId> all = sources_->run_images();
    const std::size_t count = images_ == 0 ? all.size() : std::min(all.size(), static_cast<std::size_t>(images_));
    for (const ImageId image : all.first(count)) sources_->prefetch(node, image);
  }

 private:
  std::int64_t images_;
};

const Register<ImageDistribution, PrePull> kRegistered{"pre-pull", "pull the run's images when a node joins"};

}  // namespace
}  // namespace berth
