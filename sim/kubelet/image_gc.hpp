// Which images the kubelet's garbage collection deletes. Whether an image was seen, and whether it is used, the kubelet
// learns only at scans, every five minutes from its start; both are worked out from the grid of these instants, so
// that no scan has to happen on a node whose disk is far from full.
// Source: pkg/kubelet/images/image_gc_manager.go, detectImages and freeSpace.
#pragma once

#include <cstdint>
#include <vector>

#include "sim/cluster/image.hpp"
#include "sim/engine/time.hpp"
#include "sim/kubelet/image_store.hpp"

namespace berth {

struct ImageGcPolicy {
  std::int64_t high_threshold_percent = 85;
  std::int64_t low_threshold_percent = 80;
  Duration period = seconds(300);
  Duration min_age = seconds(120);
};

// start, start + period, …
struct ScanGrid {
  Time start;
  Duration period;
  Time at_or_after(Time t) const;  // The first scan at t or later.
  Time before(Time t) const;       // The last scan earlier than t, or a time before `start`.
};

// 100 - floor(100 * free / capacity). `other_bytes` are on the disk beside the store.
std::int64_t usage_percent(const ImageStore& store, std::int64_t other_bytes = 0);
// The most bytes in use with which usage_percent() is below the high threshold.
std::int64_t most_without_scan(std::int64_t capacity_bytes, const ImageGcPolicy& policy);
// Bytes to delete, <= 0 for none: what is missing to (100 - low) % free.
std::int64_t bytes_to_free(const ImageStore& store, const ImageGcPolicy& policy, std::int64_t other_bytes = 0);

// The image has lost its last container at `now`: what the scans so far have seen of its use.
void note_unused(ImageStore::ImageEntry& image, const ScanGrid& grid, Time now);

// A scan at `now`, of the grid or (under disk pressure) between. Fills `out` with what may be deleted, first things
// first: least recently used, then first detected, then lowest id; without images in use, held, pinned or younger than
// min_age. `pinned` by ImageId, may be short. O(images log images).
void scan_images(ImageStore& store, const ImageGcPolicy& policy, const ScanGrid& grid, Time now,
                 const std::vector<bool>& pinned, std::vector<ImageId>& out);

}  // namespace berth
