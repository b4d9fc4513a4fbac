// registry: every node fetches every layer from the image's registry. What Kubernetes does by itself.
#include "policies/image_distribution.hpp"

namespace berth {
namespace {

class FromRegistry final : public ImageDistribution {
 public:
  FetchRoute route(const LayerFetch& fetch) override { return registry_route(*sources_, fetch); }
};

const Register<ImageDistribution, FromRegistry> kRegistered{"registry", "every layer from the image's registry"};

}  // namespace
}  // namespace berth
