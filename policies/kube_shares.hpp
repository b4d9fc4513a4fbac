// Integer shares as kube-scheduler's NodeResourcesFit computes them.
#pragma once

#include <cstdint>

#include "policies/params.hpp"

namespace berth {

// amount · 100 / capacity, truncated; 0 where there is no capacity. Through 128 bits: 2^63 bytes · 100 must not wrap.
inline std::int64_t percent(std::int64_t amount, std::int64_t capacity) {
  if (capacity == 0) return 0;
  if (amount < (std::int64_t{1} << 56)) [[likely]]
    return amount * 100 / capacity;
  return static_cast<std::int64_t>(static_cast<__int128>(amount) * 100 / capacity);
}

// scoringStrategy.resources: a weight each, 1 by default.
class ResourceWeights {
 public:
  explicit ResourceWeights(const Params& p)
      : cpu_(p.integer("cpu_weight", {.fallback = 1, .min = 0, .max = 100, .help = "weight of cpu"})),
        memory_(p.integer("memory_weight", {.fallback = 1, .min = 0, .max = 100, .help = "weight of memory"})) {}

  std::int64_t mean(std::int64_t cpu, std::int64_t memory) const {
    const std::int64_t sum = cpu_ + memory_;
    return sum == 0 ? 0 : (cpu * cpu_ + memory * memory_) / sum;
  }

 private:
  std::int64_t cpu_;
  std::int64_t memory_;
};

}  // namespace berth
