// The amounts by which packing scores are normalised: the largest node's, so that scores of unlike nodes compare.
#pragma once

#include <algorithm>

#include "sim/cluster/cluster.hpp"

namespace berth {

struct LargestNode {
  std::int64_t cpu_milli = 1;
  std::int64_t gpu_milli = 1;  // At least 1: divisors. A cluster without GPUs has 0 of 1 free everywhere.

  LargestNode() = default;
  explicit LargestNode(const NodeColumns& nodes) {
    for (std::size_t i = 0; i < nodes.size(); ++i) {
      cpu_milli = std::max(cpu_milli, nodes.cpu_capacity_milli[i]);
      gpu_milli = std::max(gpu_milli, nodes.gpu_count[i] * kMilliPerGpu);
    }
  }
};

}  // namespace berth
