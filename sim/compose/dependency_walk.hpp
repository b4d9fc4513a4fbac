// Services one after another along their dependencies, as many at once as there may be: each when all that it needs are
// done. Source: docker compose, pkg/compose/dependencies.go (InDependencyOrder, InReverseDependencyOrder).
#pragma once

#include <cstdint>
#include <vector>

#include "sim/engine/error.hpp"

namespace berth::compose {

class DependencyWalk {
 public:
  DependencyWalk() = default;
  // `needs[i]`: what has to be done before i; no circles. Only `members` take part, and what they need beside members
  // does not count.
  DependencyWalk(const std::vector<std::vector<std::uint32_t>>& needs, const std::vector<bool>& members)
      : open_(needs.size()), followers_(needs.size()) {
    for (std::uint32_t i = 0; i < needs.size(); ++i) {
      if (!members[i]) continue;
      ++left_;
      for (const std::uint32_t need : needs[i]) {
        if (!members[need]) continue;
        ++open_[i];
        followers_[need].push_back(i);
      }
      if (open_[i] == 0) first_.push_back(i);
    }
  }

  // In ascending order.
  const std::vector<std::uint32_t>& first() const { return first_; }
  // `service` is done: those that need nothing else any more.
  std::vector<std::uint32_t> done(std::uint32_t service) {
    BERTH_CHECK(left_ > 0);
    --left_;
    std::vector<std::uint32_t> ready;
    for (const std::uint32_t follower : followers_[service]) {
      if (--open_[follower] == 0) ready.push_back(follower);
    }
    return ready;
  }
  bool over() const { return left_ == 0; }

 private:
  std::vector<std::uint32_t> open_;  // Needs that are not done.
  std::vector<std::vector<std::uint32_t>> followers_;
  std::vector<std::uint32_t> first_;
  std::size_t left_ = 0;
};

}  // namespace berth::compose
