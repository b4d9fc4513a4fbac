// A node's image file system: blobs by digest, snapshots by ChainID, and the images that use them. Blobs and snapshots
// are counted by the images and running pulls that refer to them; what nobody refers to is freed at once.
// Source: containerd's content store, snapshotter and garbage collection by leases and labels.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "sim/cluster/image.hpp"
#include "sim/engine/error.hpp"
#include "sim/engine/time.hpp"

namespace berth {

// A map in one sorted array: a node holds some tens of these. Pointers are good until the next insert or erase.
template <class Id, class Entry>
class SortedEntries {
 public:
  Entry* find(Id id) {
    const auto at = lower(id);
    return at != entries_.end() && at->id == id ? &*at : nullptr;
  }
  const Entry* find(Id id) const { return const_cast<SortedEntries*>(this)->find(id); }
  // The entry, which must exist.
  Entry& operator[](Id id) {
    Entry* entry = find(id);
    BERTH_CHECK(entry != nullptr);
    return *entry;
  }
  Entry& insert(Id id) {  // Or what is there.
    const auto at = lower(id);
    if (at != entries_.end() && at->id == id) return *at;
    Entry entry;
    entry.id = id;
    return *entries_.insert(at, entry);
  }
  void erase(Id id) { entries_.erase(lower(id)); }
  void clear() { entries_.clear(); }
  std::size_t size() const { return entries_.size(); }
  auto begin() { return entries_.begin(); }
  auto end() { return entries_.end(); }
  auto begin() const { return entries_.begin(); }
  auto end() const { return entries_.end(); }

 private:
  auto lower(Id id) {
    return std::lower_bound(entries_.begin(), entries_.end(), id, [](const Entry& e, Id i) { return e.id < i; });
  }
  std::vector<Entry> entries_;
};

class ImageStore {
 public:
  static constexpr std::uint32_t kNone = 0xFFFF'FFFF;
  static constexpr Time kBeforeStart{-(std::int64_t{1} << 62)};  // Of images that the kubelet found when it started.

  struct LayerEntry {
    LayerId id{};
    std::uint32_t references = 0;  // By images and running pulls, once for each time the layer is in the image.
    std::uint32_t fetch = kNone;   // That brings it, or the rest of it.
    std::int64_t stored = 0;       // Bytes taken on disk: all from the beginning of the download.
    bool present = false;          // Usable.
  };
  struct SnapshotEntry {
    SnapshotId id{};
    std::uint32_t references = 0;
    std::uint32_t builder = kNone;  // The pull that has locked this ChainID.
    std::int64_t stored = 0;        // All from the beginning of the unpacking.
    bool committed = false;
  };
  struct ImageEntry {
    ImageId id{};
    std::uint32_t containers = 0;  // Running or dead.
    std::uint32_t holds = 0;       // Pods that were told that it is there, and have not asked for another since.
    Time appeared;
    Time detected = kNever;  // By a scan of the image GC; kNever: not yet.
    Time last_used{-1};      // As of the last scan that saw it in use; -1: never.
    Time in_use_since;       // If containers > 0.
  };

  std::int64_t capacity_bytes = 0;
  SortedEntries<LayerId, LayerEntry> layers;
  SortedEntries<SnapshotId, SnapshotEntry> snapshots;
  SortedEntries<ImageId, ImageEntry> images;

  bool has(ImageId image) const { return images.find(image) != nullptr; }
  std::int64_t used_bytes() const { return used_bytes_; }
  std::int64_t free_bytes() const { return capacity_bytes - used_bytes_; }
  // False, and nothing changed, if there is no room.
  bool take(std::int64_t bytes) {
    if (bytes > free_bytes()) return false;
    used_bytes_ += bytes;
    return true;
  }
  void give_back(std::int64_t bytes) {
    used_bytes_ -= bytes;
    BERTH_CHECK(used_bytes_ >= 0);
  }
  void clear() {
    layers.clear();
    snapshots.clear();
    images.clear();
    used_bytes_ = 0;
  }

 private:
  std::int64_t used_bytes_ = 0;
};

}  // namespace berth
