// What the strategies in policies/images have in common. The interface is sim/kubelet/image_distribution.hpp; a
// strategy registers itself with Register<ImageDistribution, …>.
#pragma once

#include "policies/registry.hpp"
#include "sim/kubelet/image_distribution.hpp"

namespace berth {

// Straight from the registry, over its egress link and the node's card.
inline FetchRoute registry_route(const ImageSources& sources, const LayerFetch& fetch) {
  FetchRoute route;
  route.path = {sources.egress(fetch.registry), sources.node_in(fetch.node)};
  route.length = 2;
  route.source = FetchSource::kRegistry;
  route.needs_registry = true;
  return route;
}

}  // namespace berth
