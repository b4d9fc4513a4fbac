// The rules of ImageLocality that do not depend on who asks: shared by the naive plugin and by the fast pass.
#pragma once

#include <cstddef>
#include <cstdint>

#include "policies/schedulers/kube/cluster_state.hpp"

namespace berth::kube {

// What an image that the node holds adds to the node's sum: its size times the share of all nodes that hold it.
std::int64_t image_part(const ImageState& image, std::size_t nodes);
// 0..100, from the sum and from how many images the pod names (PodInfo::images).
std::int64_t image_score(std::int64_t sum, std::size_t named);

}  // namespace berth::kube
