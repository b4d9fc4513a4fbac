// Limited processor sharing. All requests in work have the same rate, min(1, cpu / in work) of a core, so they finish
// in the order of (what they had got when they came + what they need): "virtual time" is what a request that was always
// there would have got. A request costs O(log in work), however often the rate changes.
// Source: Kleinrock, "Time-shared systems: a theoretical treatment", J. ACM 14, 1967; the virtual time as in Parekh,
// Gallager, "A generalized processor sharing approach to flow control", IEEE/ACM ToN 1(3), 1993.
#include <algorithm>
#include <cmath>
#include <vector>

#include "sim/engine/error.hpp"
#include "sim/traffic/pod_server.hpp"

namespace berth {
namespace {

class ProcessorSharing final : public PodServer {
 public:
  ProcessorSharing(std::uint32_t concurrency, std::int64_t cpu_milli, Time now)
      : concurrency_(concurrency), cpu_milli_(cpu_milli), at_(now) {
    BERTH_CHECK(concurrency > 0 && cpu_milli > 0);
  }

  void add(std::uint32_t request, double work_ns, Time now) override {
    advance(now);
    if (held_ < concurrency_) {
      begin(request, work_ns);
    } else {
      line_.push({work_ns, request});
    }
  }

  std::uint32_t finished(Time now) override {
    if (heap_.empty()) return kNone;
    advance(now);
    // Within one nanosecond at the present rate: the event was rounded to the clock.
    if (heap_.front().finish - virtual_ > rate_) return kNone;
    const std::uint32_t request = heap_.front().request;
    pop();
    if (heap_.empty()) virtual_ = 0;  // Nobody remembers: begin anew, with all digits.
    set_rate();
    return request;
  }

  void release(Time now) override {
    BERTH_CHECK(held_ > 0);
    --held_;
    if (line_.empty()) return;
    advance(now);
    const Waiting next = line_.pop();
    begin(next.request, next.work);
  }

  Time next() const override {
    if (heap_.empty()) return kNever;
    const double left = std::max(0.0, heap_.front().finish - virtual_) / rate_;
    if (left > 9e18) return kNever;  // Past 292 years (a demand may be infinite).
    return at_ + Duration{static_cast<std::int64_t>(left + 0.5)};
  }

  void set_cpu(std::int64_t cpu_milli, Time now) override {
    BERTH_CHECK(cpu_milli > 0);
    advance(now);
    cpu_milli_ = cpu_milli;
    set_rate();
  }

  void clear(Time now) override {
    advance(now);
    heap_.clear();
    line_.clear();
    held_ = 0;
    virtual_ = 0;
  }

  std::uint32_t waiting() const override { return line_.size(); }
  std::uint32_t held() const override { return held_; }
  const CpuMeter& cpu(Time now) override {
    advance(now);
    return meter_;
  }

 private:
  struct Item {
    double finish;  // In virtual time.
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
    if (ns == 0) return;
    at_ = now;
    if (heap_.empty()) return;
    virtual_ += rate_ * static_cast<double>(ns);
    meter_.add(std::min(static_cast<std::int64_t>(heap_.size()) * 1000, cpu_milli_), ns);
  }
  void set_rate() {
    const auto all = static_cast<std::int64_t>(heap_.size()) * 1000;
    rate_ = all <= cpu_milli_ ? 1.0 : static_cast<double>(cpu_milli_) / static_cast<double>(all);
  }
  void begin(std::uint32_t request, double work) {
    ++held_;
    heap_.push_back({virtual_ + work, order_++, request});
    std::push_heap(heap_.begin(), heap_.end(), later);
    set_rate();
  }
  void pop() {
    std::pop_heap(heap_.begin(), heap_.end(), later);
    heap_.pop_back();
  }

  std::uint32_t concurrency_;
  std::uint32_t held_ = 0;
  std::int64_t cpu_milli_;
  Time at_;             // Of virtual_ and meter_.
  double virtual_ = 0;  // Nanoseconds of a core.
  double rate_ = 1;
  std::uint64_t order_ = 0;
  CpuMeter meter_;
  std::vector<Item> heap_;  // In work.
  WaitingLine<Waiting> line_;
};

}  // namespace

std::unique_ptr<PodServer> make_processor_sharing(std::uint32_t concurrency, std::int64_t cpu_milli, Time now) {
  return std::make_unique<ProcessorSharing>(concurrency, cpu_milli, now);
}

std::unique_ptr<PodServer> make_server(Discipline discipline, std::uint32_t concurrency, std::int64_t cpu_milli,
                                       Time now) {
  switch (discipline) {
    case Discipline::kProcessorSharing:
      return make_processor_sharing(concurrency, cpu_milli, now);
    case Discipline::kFcfs:
      return make_fcfs(concurrency, cpu_milli, now);
  }
  BERTH_CHECK(false);
}

}  // namespace berth
