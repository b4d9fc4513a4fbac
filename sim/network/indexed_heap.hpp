// A binary heap whose items can be found again: the least key on top, and any item moved or taken out by its id. Where
// each id stands is kept outside, in a column that several heaps may share as long as no id is in two of them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace berth {

// Ties go to the lower id. All operations O(log items); nothing is allocated once the arrays have grown.
template <class Key>
class IndexedHeap {
 public:
  struct Item {
    Key key;
    std::uint32_t id;
  };
  using Places = std::vector<std::uint32_t>;  // By id; grown by the owner.

  bool empty() const { return items_.empty(); }
  std::size_t size() const { return items_.size(); }
  const Item& top() const { return items_.front(); }
  const std::vector<Item>& items() const { return items_; }  // In no order that means anything.
  void clear() { items_.clear(); }

  void push(Key key, std::uint32_t id, Places& places) {
    items_.push_back({key, id});
    up(items_.size() - 1, places);
  }
  void erase(std::uint32_t id, Places& places) {
    const std::size_t at = places[id];
    const Item last = items_.back();
    items_.pop_back();
    if (at == items_.size()) return;
    items_[at] = last;
    settle(at, places);
  }
  void change(std::uint32_t id, Key key, Places& places) {
    const std::size_t at = places[id];
    items_[at].key = key;
    settle(at, places);
  }

 private:
  static bool before(const Item& a, const Item& b) { return a.key < b.key || (a.key == b.key && a.id < b.id); }

  void settle(std::size_t at, Places& places) {
    if (at > 0 && before(items_[at], items_[(at - 1) / 2])) {
      up(at, places);
    } else {
      down(at, places);
    }
  }
  void up(std::size_t at, Places& places) {
    const Item item = items_[at];
    while (at > 0 && before(item, items_[(at - 1) / 2])) {
      put(at, items_[(at - 1) / 2], places);
      at = (at - 1) / 2;
    }
    put(at, item, places);
  }
  void down(std::size_t at, Places& places) {
    const Item item = items_[at];
    for (std::size_t child = 2 * at + 1; child < items_.size(); child = 2 * at + 1) {
      if (child + 1 < items_.size() && before(items_[child + 1], items_[child])) ++child;
      if (!before(items_[child], item)) break;
      put(at, items_[child], places);
      at = child;
    }
    put(at, item, places);
  }
  void put(std::size_t at, const Item& item, Places& places) {
    items_[at] = item;
    places[item.id] = static_cast<std::uint32_t>(at);
  }

  std::vector<Item> items_;
};

}  // namespace berth
