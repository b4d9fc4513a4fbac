// The engine allocates nothing per event once its arrays have grown. Counts every operator new of this executable, so
// it is left out under sanitizers, which count for themselves.
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)

#include <gtest/gtest.h>

#include <cstdlib>
#include <new>
#include <vector>

#include "sim/engine/distribution.hpp"
#include "sim/engine/engine.hpp"

namespace {
std::size_t allocations = 0;
}

void* operator new(std::size_t size) {
  ++allocations;
  if (void* p = std::malloc(size == 0 ? 1 : size)) return p;
  throw std::bad_alloc();
}
void operator delete(void* p) noexcept {
  std::free(p);
}
void operator delete(void* p, std::size_t) noexcept {
  std::free(p);
}

namespace berth {

struct AllocationTick {  // Not in the unnamed namespace: g++ 12 then sees that nobody derives its stream, and warns.
  std::uint32_t id;
};

namespace {

using Tick = AllocationTick;

// Hold model with N pending, a third of the events cancellable, one in ten moved. After a warm-up of 20 turnovers the
// arrays have met their largest populations but for rare records; a per-event allocation would count 200,000.
TEST(EngineAllocation, NonePerEventInSteadyState) {
  for (const std::uint32_t n : {1u, 30u, 1'000u, 20'000u}) {
    SCOPED_TRACE(n);
    Rng rng(5, 0, n, Purpose::kTest);
    Engine<Tick> engine;
    std::vector<EventHandle> handles(64);
    const auto later = [&] { return engine.now() + from_seconds(exponential(rng, 1)); };
    const auto step = [&](Tick tick) {
      if (tick.id % 3 == 0) {
        handles[tick.id % 64] = engine.schedule_cancellable(later(), 0, tick);
      } else {
        engine.schedule(later(), 0, tick);
      }
      if (tick.id % 10 == 0) engine.reschedule(handles[rng.below(64)], later(), 0, tick);
    };
    for (std::uint32_t i = 0; i < n; ++i) step({i});
    Tick tick{};
    for (std::uint32_t i = 0; i < 20 * n + 100'000; ++i) {
      ASSERT_TRUE(engine.next(kNever, tick));
      step(tick);
    }
    const std::size_t before = allocations;
    for (std::uint32_t i = 0; i < 200'000; ++i) {
      engine.next(kNever, tick);
      step(tick);
    }
    EXPECT_LE(allocations - before, 5u);
  }
}

TEST(EngineAllocation, TheCountCounts) {
  const std::size_t before = allocations;
  const std::vector<int> one(100);
  EXPECT_EQ(allocations - before, 1u);
  EXPECT_EQ(one.size(), 100u);
}

}  // namespace
}  // namespace berth

#endif
