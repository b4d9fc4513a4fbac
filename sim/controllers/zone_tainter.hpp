// One zone's line of nodes that are to get a NoExecute taint, and the rate at which they get it.
// Source: pkg/controller/nodelifecycle/scheduler/rate_limited_queue.go; client-go flowcontrol (a token bucket of burst
// 1, golang.org/x/time/rate), with its arithmetic in doubles: at 0.01/s the next token comes a hair late.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <unordered_set>
#include <vector>

#include "sim/cluster/catalog.hpp"
#include "sim/engine/time.hpp"

namespace berth::controllers {

class TokenBucket {
 public:
  // `per_second` > 0, as float like upstream's settings. Begins full.
  explicit TokenBucket(float per_second) : rate_(static_cast<double>(per_second)) {}
  bool try_accept(Time now);
  float rate() const { return static_cast<float>(rate_); }

 private:
  double rate_;
  double tokens_ = 1;
  Time last_;
};

class ZoneTainter {
 public:
  explicit ZoneTainter(float per_second) : bucket_(TokenBucket(per_second)) {}

  // A node that was added stays known, and is not added again, until remove(): also after its turn.
  bool add(NodeId node, Time now);
  void remove(NodeId node);
  // 0: nothing is tainted any more. A rate that is as it was changes nothing; a new one begins with a full bucket, or
  // an empty one if the old one was empty.
  void set_rate(float per_second, Time now);
  // Offers the first node to `taint`, for as long as there are tokens. False: try it again later.
  void run(Time now, const std::function<bool(NodeId)>& taint);
  bool idle() const { return line_.empty() || !bucket_; }

 private:
  struct Item {
    Time due;
    NodeId node;
  };
  std::vector<Item> line_;                   // By due time, equal ones by arrival.
  std::unordered_set<std::uint32_t> known_;  // Looked up, never walked.
  std::optional<TokenBucket> bucket_;        // None: never.
};

}  // namespace berth::controllers
