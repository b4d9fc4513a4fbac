// The kubelet's two brakes on pulls: a token bucket for the registry, and a back-off by pod and image.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "sim/cluster/image.hpp"
#include "sim/engine/time.hpp"

namespace berth {

// Full at first. Source: client-go util/flowcontrol NewTokenBucketRateLimiter, TryAccept.
class TokenBucket {
 public:
  // `per_second` 0: without limit.
  bool take(Time now, std::int64_t per_second, std::int64_t burst) {
    if (per_second == 0) return true;
    const std::int64_t token = 1'000'000'000 / per_second;  // In nanoseconds of waiting.
    spent_ = std::max<std::int64_t>(0, spent_ - (now - last_).ns);
    last_ = now;
    if (spent_ + token > burst * token) return false;
    spent_ += token;
    return true;
  }

 private:
  Time last_;
  std::int64_t spent_ = 0;
};

// Back-offs of many pods, a short list for each. Source: client-go util/flowcontrol Backoff, without jitter.
class ImageBackOff {
 public:
  static constexpr std::uint32_t kNone = 0xFFFF'FFFF;
  static constexpr Duration kFirst = seconds(10);
  static constexpr Duration kMost = seconds(300);

  // `list`: a pod's list, kNone at first.
  bool active(std::uint32_t list, ImageId image, Time now) const {
    for (std::uint32_t i = list; i != kNone; i = items_[i].next) {
      if (items_[i].image == image) return now - items_[i].last < items_[i].delay;
    }
    return false;
  }
  // A pull has failed.
  void failed(std::uint32_t& list, ImageId image, Time now) {
    for (std::uint32_t i = list; i != kNone; i = items_[i].next) {
      Item& item = items_[i];
      if (item.image != image) continue;
      item.delay = now - item.last > kMost * 2 ? kFirst : std::min(item.delay * 2, kMost);
      item.last = now;
      return;
    }
    std::uint32_t at = free_;
    if (at == kNone) {
      at = static_cast<std::uint32_t>(items_.size());
      items_.emplace_back();
    } else {
      free_ = items_[at].next;
    }
    items_[at] = {image, list, kFirst, now};
    list = at;
  }
  void forget(std::uint32_t& list) {
    while (list != kNone) {
      const std::uint32_t next = items_[list].next;
      items_[list].next = free_;
      free_ = list;
      list = next;
    }
  }

 private:
  struct Item {
    ImageId image{};
    std::uint32_t next = kNone;
    Duration delay;
    Time last;
  };
  std::vector<Item> items_;
  std::uint32_t free_ = kNone;
};

}  // namespace berth
