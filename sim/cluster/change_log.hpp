// Which nodes changed since somebody last looked: nodes in a list by their last change, newest first. A reader keeps a
// cursor and walks back to it, so it meets each changed node once, however often it changed.
#pragma once

#include <cstdint>
#include <vector>

#include "sim/cluster/catalog.hpp"

namespace berth {

class ChangeLog {
 public:
  using Cursor = std::uint64_t;  // 0 = has seen nothing.

  // Nodes are added in order of their ids and count as changed. Amortised O(1).
  void add_node() {
    const auto id = static_cast<std::uint32_t>(nodes_.size());
    nodes_.push_back({0, kNone, kNone});
    push_front(id);
  }
  // O(1).
  void touch(NodeId node) {
    const auto id = static_cast<std::uint32_t>(node);
    if (newest_ != id) {
      unlink(id);
      push_front(id);
    } else {
      nodes_[id].changed = ++clock_;
    }
  }
  Cursor now() const { return clock_; }
  Cursor last_change(NodeId node) const { return nodes_[index(node)].changed; }

  // Calls visit(NodeId) for each node changed after `since`, newest first. O(changed nodes).
  template <class Visit>
  void changed_since(Cursor since, Visit visit) const {
    for (std::uint32_t id = newest_; id != kNone && nodes_[id].changed > since; id = nodes_[id].older) {
      visit(static_cast<NodeId>(id));
    }
  }

 private:
  static constexpr std::uint32_t kNone = 0xFFFF'FFFF;
  struct Link {
    Cursor changed;
    std::uint32_t newer;
    std::uint32_t older;
  };

  void push_front(std::uint32_t id) {
    nodes_[id] = {++clock_, kNone, newest_};
    if (newest_ != kNone) nodes_[newest_].newer = id;
    newest_ = id;
  }
  void unlink(std::uint32_t id) {
    const Link link = nodes_[id];
    if (link.newer != kNone) nodes_[link.newer].older = link.older;
    if (link.older != kNone) nodes_[link.older].newer = link.newer;
    if (newest_ == id) newest_ = link.older;
  }

  std::vector<Link> nodes_;
  std::uint32_t newest_ = kNone;
  Cursor clock_ = 0;
};

}  // namespace berth
