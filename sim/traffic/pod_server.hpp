// The queue in a pod: requests with a demand of CPU, a limit to how many are in work at once, and the CPU that the pod
// really gets. One object per pod; a further discipline is a class in a file of its own and a line in make_server().
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "sim/engine/time.hpp"
#include "sim/traffic/traffic_spec.hpp"

namespace berth {

// CPU used, in nanoseconds of one core, exact: thousandths are kept apart.
struct CpuMeter {
  std::int64_t core_ns = 0;
  std::int64_t milli_rest = 0;
  void add(std::int64_t milli, std::int64_t ns) {
    // Up to 10^6 millicores for 10^9 s: beyond 63 bits only after 30 years of a thousand cores.
    const __int128 sum = static_cast<__int128>(milli) * ns + milli_rest;
    core_ns += static_cast<std::int64_t>(sum / 1000);
    milli_rest = static_cast<std::int64_t>(sum % 1000);
  }
};

// Requests are numbers to it. Times given to it never go back.
class PodServer {
 public:
  static constexpr std::uint32_t kNone = 0xFFFF'FFFF;
  virtual ~PodServer() = default;
  // A request with so much to do (nanoseconds of a core, >= 0). It begins at once or waits.
  virtual void add(std::uint32_t request, double work_ns, Time now) = 0;
  // A request that is through with its CPU by `now`, kNone if there is none (any more). It keeps its place.
  virtual std::uint32_t finished(Time now) = 0;
  // A finished request gives its place back; whoever waits takes it.
  virtual void release(Time now) = 0;
  // When finished() will have something, as things stand; kNever if nothing is in work.
  virtual Time next() const = 0;
  virtual void set_cpu(std::int64_t cpu_milli, Time now) = 0;
  virtual void clear(Time now) = 0;  // All requests are gone.
  virtual std::uint32_t waiting() const = 0;
  virtual std::uint32_t held() const = 0;  // Places taken: in work, or finished and not released.
  // CPU used up to `now`.
  virtual const CpuMeter& cpu(Time now) = 0;
};

// concurrency >= 1, cpu_milli >= 1.
std::unique_ptr<PodServer> make_processor_sharing(std::uint32_t concurrency, std::int64_t cpu_milli, Time now);
std::unique_ptr<PodServer> make_fcfs(std::uint32_t concurrency, std::int64_t cpu_milli, Time now);
std::unique_ptr<PodServer> make_server(Discipline discipline, std::uint32_t concurrency, std::int64_t cpu_milli,
                                       Time now);

// A ring of waiting requests; grows, never shrinks.
template <class Item>
class WaitingLine {
 public:
  bool empty() const { return head_ == tail_; }
  std::uint32_t size() const { return static_cast<std::uint32_t>(tail_ - head_); }
  void push(const Item& item);
  Item pop() { return ring_[head_++ & (ring_.size() - 1)]; }
  void clear() { head_ = tail_ = 0; }

 private:
  std::vector<Item> ring_;
  std::size_t head_ = 0;
  std::size_t tail_ = 0;
};

template <class Item>
void WaitingLine<Item>::push(const Item& item) {
  if (tail_ - head_ == ring_.size()) {
    std::vector<Item> larger(ring_.empty() ? 16 : 2 * ring_.size());
    for (std::size_t i = head_; i != tail_; ++i) larger[i & (larger.size() - 1)] = ring_[i & (ring_.size() - 1)];
    ring_.swap(larger);
  }
  ring_[tail_++ & (ring_.size() - 1)] = item;
}

}  // namespace berth
