// First come, first served by `concurrency` workers of equal, fixed speed: M/G/c where demands are exponential or what
// else. A worker that waits for a call (release() comes later) uses no CPU and serves nobody.
#include <algorithm>
#include <cmath>
#include <vector>

#include "sim/engine/error.hpp"
#include "sim/traffic/pod_server.hpp"

namespace berth {
namespace {

class Fcfs final : public PodServer {
 public:
  Fcfs(std::uint32_t concurrency, std::int64_t cpu_milli, Time now) : concurrency_(concurrency), at_(now) {
    BERTH_CHECK(concurrency > 0);
    set_cpu(cpu_milli, now);
  }

  void add(std::uint32_t request, double work_ns, Time now) override {
    if (held_ < concurrency_) {
      begin(request, work_ns, now);
    } else {
      line_.push({work_ns, request});
    }
  }

  std::uint32_t finished(Time now) override {
    if (heap_.empty() || heap_.front().finish > now) return kNone;
    advance(now);
    const std::uint32_t request = heap_.front().request;
    std::pop_heap(heap_.begin(), heap_.end(), later);
    heap_.pop_back();
    return request;
  }

  void release(Time now) override {
    BERTH_CHECK(held_ > 0);
    --held_;
    if (line_.empty()) return;
    const Waiting next = line_.pop();
    begin(next.request, next.work, now);
  }

  Time next() const override { return heap_.empty() ? kNever : heap_.front().finish; }

  // Requests in work are through when they would have been; the new speed is for the next ones.
  void set_cpu(std::int64_t cpu_milli, Time now) override {
    BERTH_CHECK(cpu_milli > 0);
    advance(now);
    milli_each_ = std::clamp<std::int64_t>(cpu_milli / concurrency_, 1, 1000);
    speed_ = std::min(1.0, static_cast<double>(cpu_milli) / (1000.0 * concurrency_));
  }

  void clear(Time now) override {
    advance(now);
    heap_.clear();
    line_.clear();
    held_ = 0;
  }

  std::uint32_t waiting() const override { return line_.size(); }
  std::uint32_t held() const override { return held_; }
  const CpuMeter& cpu(Time now) override {
    advance(now);
    return meter_;
  }

 private:
  struct Item {
    Time finish;
    std::uint64_t order;
    std::uint32_t request;
  };
  struct Waiting {
    double work;
    std::uint32_t request;
  };
  static bool later(const Item& a, const Item& b) {
    return a.finish != b.finish ? a.finish > b.finish : a.order > b.order;
  }

  void advance(Time now) {
    const std::int64_t ns = (now - at_).ns;
    at_ = now;
    if (ns > 0) meter_.add(milli_each_ * static_cast<std::int64_t>(heap_.size()), ns);
  }
  void begin(std::uint32_t request, double work, Time now) {
    advance(now);
    ++held_;
    const double ns = work / speed_;
    heap_.push_back({ns > 9e18 ? kNever : now + Duration{static_cast<std::int64_t>(ns + 0.5)}, order_++, request});
    std::push_heap(heap_.begin(), heap_.end(), later);
  }

  std::uint32_t concurrency_;
  std::uint32_t held_ = 0;
  std::int64_t milli_each_ = 0;
  double speed_ = 1;
  Time at_;
  std::uint64_t order_ = 0;
  CpuMeter meter_;
  std::vector<Item> heap_;
  WaitingLine<Waiting> line_;
};

}  // namespace

std::unique_ptr<PodServer> make_fcfs(std::uint32_t concurrency, std::int64_t cpu_milli, Time now) {
  return std::make_unique<Fcfs>(concurrency, cpu_milli, now);
}

}  // namespace berth
