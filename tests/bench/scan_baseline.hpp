// The replay of replay_bench.cpp as a plain program would do it: look at every node for every pod. Same events, same
// answers as Berth's least-allocated and first-fit, and nothing else: no journal, no metrics, no GPUs, one shape of
// node.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "sim/cluster/catalog.hpp"
#include "tests/bench/baselines.hpp"
#include "workloads/workload.hpp"

namespace berth::bench {

// What a replay comes to; equal if and only if (practically) every pod ran on the same node at the same time.
struct Outcome {
  std::uint64_t events = 0;  // Arrivals, departures and scheduling cycles.
  std::uint64_t finished = 0;
  std::uint64_t finish_seconds_sum = 0;  // Whole seconds of each finish, so that 10^6 pods do not overflow.
  std::uint64_t placements = 0;          // Order-independent hash of (pod, node, time).
  friend bool operator==(const Outcome&, const Outcome&) = default;

  void placed(std::uint64_t pod, std::uint64_t node, std::int64_t at_ns) {
    std::uint64_t x = pod * 0x9E37'79B9'7F4A'7C15 + node * 0xC2B2'AE3D'27D4'EB4F + static_cast<std::uint64_t>(at_ns);
    x = (x ^ (x >> 29)) * 0xBF58'476D'1CE4'E5B9;
    placements += x ^ (x >> 32);
  }
  void done(std::int64_t at_ns) {
    ++finished;
    finish_seconds_sum += static_cast<std::uint64_t>(at_ns) / 1'000'000'000;
  }
};

enum class ScanPolicy { kLeastAllocated, kFirstFit };

// `pods` sorted by time, none of which runs for ever. A cycle comes at the next multiple of `period` after pods wait.
class ScanReplay {
 public:
  ScanReplay(std::size_t nodes, Resources node, const Catalog& catalog, std::span<const PodArrival> pods,
             Duration period, ScanPolicy policy)
      : cpu_free_(nodes, static_cast<std::int32_t>(node.cpu_milli)),
        memory_free_(nodes, static_cast<std::int32_t>(node.memory_bytes >> 20)),
        cpu_capacity_(cpu_free_[0]),
        memory_capacity_(memory_free_[0]),
        pods_(pods),
        on_(pods.size()),
        period_(period.ns),
        policy_(policy) {
    for (std::size_t t = 0; t < catalog.templates(); ++t) {
      const Resources& r = catalog[static_cast<TemplateId>(t)].request;
      cpu_.push_back(static_cast<std::int32_t>(r.cpu_milli));
      memory_.push_back(static_cast<std::int32_t>(r.memory_bytes >> 20));
    }
  }

  Outcome run() {
    constexpr std::int64_t kNone = INT64_MAX;
    std::size_t next = 0;
    std::int64_t cycle = kNone;
    for (;;) {
      const std::int64_t arrival = next < pods_.size() ? pods_[next].at.ns : kNone;
      const std::int64_t leave = leaving_.empty() ? kNone : leaving_.top().at;
      if (leave == kNone && arrival == kNone && cycle == kNone) break;
      std::int64_t now = 0;
      if (leave <= arrival && leave <= cycle) {  // At equal times: leave, arrive, schedule.
        now = leave;
        depart(leaving_.pop());
      } else if (arrival <= cycle) {
        now = arrival;
        waiting_.push_back(static_cast<std::uint32_t>(next++));
      } else {
        now = cycle;
        cycle = kNone;
        schedule(now);
        ++out_.events;
        continue;  // Pods that still wait see a new cycle when something has changed.
      }
      ++out_.events;
      if (!waiting_.empty() && cycle == kNone) cycle = (now + period_ - 1) / period_ * period_;
    }
    return out_;
  }

 private:
  void depart(const PlainEvent& event) {
    const std::size_t t = index(pods_[event.what].pod_template);
    cpu_free_[on_[event.what]] += cpu_[t];
    memory_free_[on_[event.what]] += memory_[t];
    out_.done(event.at);
  }

  void schedule(std::int64_t now) {
    std::size_t kept = 0;
    for (const std::uint32_t pod : waiting_) {
      const std::size_t t = index(pods_[pod].pod_template);
      const std::int64_t node = policy_ == ScanPolicy::kLeastAllocated ? least_allocated(cpu_[t], memory_[t])
                                                                       : first_fit(cpu_[t], memory_[t]);
      if (node < 0) {
        waiting_[kept++] = pod;
        continue;
      }
      cpu_free_[static_cast<std::size_t>(node)] -= cpu_[t];
      memory_free_[static_cast<std::size_t>(node)] -= memory_[t];
      on_[pod] = static_cast<std::uint32_t>(node);
      leaving_.push(now + pods_[pod].run_time.ns, pod);
      out_.placed(pod, static_cast<std::uint64_t>(node), now);
    }
    waiting_.resize(kept);
  }

  // Integer shares as Kubernetes computes them; the first of the best. Written so that the compiler vectorises it:
  // the quotient of doubles rounds correctly, and for integers below 2^31 its whole part is the integer quotient.
  std::int64_t least_allocated(std::int32_t cpu, std::int32_t memory) {
    const std::size_t n = cpu_free_.size();
    scores_.resize(n);
    const std::int32_t* const c = cpu_free_.data();
    const std::int32_t* const m = memory_free_.data();
    std::int32_t* const score = scores_.data();
    const double cpu_capacity = cpu_capacity_;
    const double memory_capacity = memory_capacity_;
    std::int32_t best = -1;
    for (std::size_t i = 0; i < n; ++i) {
      const std::int32_t cpu_left = c[i] - cpu;
      const std::int32_t memory_left = m[i] - memory;
      const auto cpu_share = static_cast<std::int32_t>(static_cast<double>(cpu_left) * 100.0 / cpu_capacity);
      const auto memory_share = static_cast<std::int32_t>(static_cast<double>(memory_left) * 100.0 / memory_capacity);
      const std::int32_t s = (cpu_left | memory_left) < 0 ? -1 : (cpu_share + memory_share) >> 1;
      score[i] = s;
      best = s > best ? s : best;
    }
    if (best < 0) return -1;
    std::size_t i = 0;
    while (score[i] != best) ++i;
    return static_cast<std::int64_t>(i);
  }

  std::int64_t first_fit(std::int32_t cpu, std::int32_t memory) const {
    for (std::size_t i = 0; i < cpu_free_.size(); ++i) {
      if (cpu_free_[i] >= cpu && memory_free_[i] >= memory) return static_cast<std::int64_t>(i);
    }
    return -1;
  }

  std::vector<std::int32_t> cpu_free_, memory_free_;  // Per node: millicores, MiB.
  std::int32_t cpu_capacity_, memory_capacity_;
  std::vector<std::int32_t> cpu_, memory_;  // Per template.
  std::span<const PodArrival> pods_;
  std::vector<std::uint32_t> on_;
  std::vector<std::uint32_t> waiting_;
  std::vector<std::int32_t> scores_;
  FourAryHeap leaving_;
  std::int64_t period_;
  ScanPolicy policy_;
  Outcome out_;
};

}  // namespace berth::bench
