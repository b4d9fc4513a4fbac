// lazy: a container may start when a share of each layer's bytes is there; layers are mounted as they are, and the rest
// comes in the background when the image is usable. The container runs as if everything were there: what it would
// wait for during its run is not modelled.
// Source: Harter et al., "Slacker: Fast Distribution with Lazy Docker Containers", FAST 2016 (6.4 % of the pulled data
// is read before a container is up); eStargz and OverlayBD snapshotters.
#include "policies/image_distribution.hpp"

namespace berth {
namespace {

class Lazy final : public ImageDistribution {
 public:
  explicit Lazy(const Params& p)
      : share_(p.number("share", {.fallback = 0.064, .min = 0.0001, .max = 1, .help = "of a layer, to start with"})) {}

  PullPlan plan() const override { return {share_, false}; }
  FetchRoute route(const LayerFetch& fetch) override { return registry_route(*sources_, fetch); }

 private:
  double share_;
};

const Register<ImageDistribution, Lazy> kRegistered{"lazy", "start with a share of the bytes, the rest later"};

}  // namespace
}  // namespace berth
