#include "sim/kubelet/image_gc.hpp"

#include <algorithm>
#include <tuple>

namespace berth {

Time ScanGrid::at_or_after(Time t) const {
  if (t <= start) return start;
  const std::int64_t scans = ((t - start).ns + period.ns - 1) / period.ns;
  return start + period * scans;
}

Time ScanGrid::before(Time t) const {
  if (t <= start) return start - period;
  return start + period * (((t - start).ns - 1) / period.ns);
}

std::int64_t usage_percent(const ImageStore& store, std::int64_t other_bytes) {
  const std::int64_t free = std::max<std::int64_t>(0, store.free_bytes() - other_bytes);
  return 100 - static_cast<std::int64_t>(static_cast<__int128>(free) * 100 / store.capacity_bytes);
}

// 100 · free < (101 - high) · capacity, turned round.
std::int64_t most_without_scan(std::int64_t capacity_bytes, const ImageGcPolicy& policy) {
  return static_cast<std::int64_t>(static_cast<__int128>(capacity_bytes) * (policy.high_threshold_percent - 1) / 100);
}

std::int64_t bytes_to_free(const ImageStore& store, const ImageGcPolicy& policy, std::int64_t other_bytes) {
  const __int128 wanted = static_cast<__int128>(store.capacity_bytes) * (100 - policy.low_threshold_percent) / 100;
  return static_cast<std::int64_t>(wanted) - std::max<std::int64_t>(0, store.free_bytes() - other_bytes);
}

void note_unused(ImageStore::ImageEntry& image, const ScanGrid& grid, Time now) {
  const Time scan = grid.before(now);
  if (scan >= image.in_use_since && scan >= grid.start) image.last_used = std::max(image.last_used, scan);
}

void scan_images(ImageStore& store, const ImageGcPolicy& policy, const ScanGrid& grid, Time now,
                 const std::vector<bool>& pinned, std::vector<ImageId>& out) {
  out.clear();
  for (ImageStore::ImageEntry& image : store.images) {
    if (image.detected == kNever) image.detected = std::min(grid.at_or_after(image.appeared), now);
    if (image.containers > 0) {
      image.last_used = now;
      continue;
    }
    const bool is_pinned = index(image.id) < pinned.size() && pinned[index(image.id)];
    if (image.holds > 0 || is_pinned || now - image.detected < policy.min_age) continue;
    out.push_back(image.id);
  }
  std::sort(out.begin(), out.end(), [&](ImageId a, ImageId b) {
    const ImageStore::ImageEntry& x = store.images[a];
    const ImageStore::ImageEntry& y = store.images[b];
    return std::tie(x.last_used, x.detected, a) < std::tie(y.last_used, y.detected, b);
  });
}

}  // namespace berth
