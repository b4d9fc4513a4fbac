// Requests that an activator holds, as amounts: what one route sent in one interval is a lot, with the middle of that
// interval as its time of arrival. So ages are known to half an interval, and a timeout takes the lots that are older.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

namespace berth {

class HeldBacklog {
 public:
  struct Lot {
    std::uint32_t route = 0;
    double at = 0;  // Seconds.
    double count = 0;
  };

  void add(std::uint32_t route, double at, double count) {
    if (count <= 0) return;
    lots_.push_back({route, at, count});
    total_ += count;
  }
  // Takes `count` of the oldest out, and calls f(lot) for each part of them.
  template <class F>
  void take(double count, F&& f) {
    std::size_t done = 0;
    for (; done < lots_.size() && count > 0; ++done) {
      Lot part = lots_[done];
      part.count = std::min(part.count, count);
      count -= part.count;
      f(part);
      if (part.count < lots_[done].count) {
        lots_[done].count -= part.count;
        break;
      }
    }
    remove(done);
  }
  template <class F>
  void take_all(F&& f) {
    for (const Lot& lot : lots_) f(lot);
    remove(lots_.size());
  }
  // Takes out what `late(lot)` says is too late, and calls f(lot) for it.
  template <class Late, class F>
  void expire(Late&& late, F&& f) {
    std::erase_if(lots_, [&](const Lot& lot) {
      if (!late(lot)) return false;
      f(lot);
      return true;
    });
    recount();
  }
  double total() const { return total_; }
  double of(std::uint32_t route) const {
    double sum = 0;
    for (const Lot& lot : lots_) sum += lot.route == route ? lot.count : 0;
    return sum;
  }
  double oldest() const { return lots_.front().at; }  // There must be one.

 private:
  void remove(std::size_t first) {
    lots_.erase(lots_.begin(), lots_.begin() + static_cast<std::ptrdiff_t>(first));
    recount();
  }
  // From the lots, so that rounding does not add up.
  void recount() {
    total_ = 0;
    for (const Lot& lot : lots_) total_ += lot.count;
  }

  std::vector<Lot> lots_;  // Oldest first.
  double total_ = 0;
};

}  // namespace berth
