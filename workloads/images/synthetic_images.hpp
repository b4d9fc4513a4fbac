// Images that nobody lists, made up from their name: the same name gives the same layers on every machine and in every
// run, and names of one repository share layers as versions of one image do.
#pragma once

#include <cstdint>
#include <string_view>

#include "sim/cluster/image.hpp"

namespace berth {

// Unpacked bytes per compressed byte where only one of them is known. Source: the median layer of Zhao et al.,
// "Large-Scale Analysis of the Docker Hub Dataset", CLUSTER 2019.
inline constexpr double kCompressionRatio = 2.6;

// How layers of made-up images are drawn. A base that other images share too, then layers of their own.
//   base       by a word of the name (alpine, slim, ubuntu, …), else one of the bases of image-layers-official in
//              proportion to how many of its 17 listed images stand on it.
//   own layers their number and sizes from the 17 listed images' own layers (quantiles); half of an image's own layers,
//              the lower ones, depend on the repository alone and are shared between its tags.
// `compressed_bytes` > 0: sizes are scaled to that sum (node.status.images knows the total). O(layers).
Image synthetic_image(std::string_view name, std::int64_t compressed_bytes = 0);

}  // namespace berth
