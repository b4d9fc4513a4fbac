#include "policies/schedulers/kube/framework.hpp"

#include <algorithm>

namespace berth::kube {

CycleState CycleState::clone_for_filter() const {
  CycleState copy;
  for (std::size_t i = 0; i < kMaxPlugins; ++i) {
    if (filter[i]) copy.filter[i] = filter[i]->clone();
  }
  copy.skip_filter = skip_filter;
  return copy;
}

void default_normalize(std::span<std::int64_t> scores, bool reverse) {
  std::int64_t max = 0;
  for (const std::int64_t score : scores) max = std::max(max, score);
  for (std::int64_t& score : scores) {
    const std::int64_t share = max == 0 ? 0 : kMaxNodeScore * score / max;
    score = reverse ? kMaxNodeScore - share : share;
  }
}

std::int64_t evaluate_shape(std::span<const ShapePoint> shape, std::int64_t utilization) {
  constexpr std::int64_t kScale = kMaxNodeScore / 10;
  for (std::size_t i = 0; i < shape.size(); ++i) {
    if (utilization > shape[i].utilization) continue;
    if (i == 0) return kScale * shape[0].score;
    const ShapePoint& a = shape[i - 1];
    const ShapePoint& b = shape[i];
    return kScale * a.score +
           kScale * (b.score - a.score) * (utilization - a.utilization) / (b.utilization - a.utilization);
  }
  return kScale * shape.back().score;
}

}  // namespace berth::kube
