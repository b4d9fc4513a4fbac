// The engine against the simplest thing that could be right: a std::set of (time, phase, sequence).
#include "sim/engine/engine.hpp"

#include <gtest/gtest.h>

#include <array>
#include <cstdlib>
#include <map>
#include <new>
#include <tuple>

#include "sim/engine/rng.hpp"

namespace berth {
namespace {

struct Tag {
  std::uint32_t id;
};
using TagEngine = Engine<Tag>;

std::vector<std::uint32_t> drain(TagEngine& engine, Time horizon = kNever) {
  std::vector<std::uint32_t> ids;
  for (Tag tag; engine.next(horizon, tag);) ids.push_back(tag.id);
  return ids;
}

TEST(Engine, OrdersByTimeThenPhaseThenSequence) {
  TagEngine engine;
  engine.schedule(Time{5}, 1, {1});
  engine.schedule(Time{5}, 0, {2});
  engine.schedule(Time{3}, 7, {3});
  engine.schedule(Time{5}, 1, {4});
  EXPECT_EQ(drain(engine), (std::vector<std::uint32_t>{3, 2, 1, 4}));
  EXPECT_EQ(engine.now(), Time{5});
}

TEST(Engine, HorizonStopsWithoutMovingTheClock) {
  TagEngine engine;
  engine.schedule(Time{10}, 0, {1});
  Tag tag{};
  EXPECT_FALSE(engine.next(Time{9}, tag));
  EXPECT_EQ(engine.now(), Time{0});
  EXPECT_TRUE(engine.next(Time{10}, tag));
}

TEST(Engine, EventsForNowKeepTheTotalOrder) {
  TagEngine engine;
  engine.schedule(Time{1}, 2, {1});
  engine.schedule(Time{1}, 4, {2});
  Tag tag{};
  ASSERT_TRUE(engine.next(kNever, tag));  // 1, at phase 2; 2 still pends at phase 4.
  engine.schedule(Time{1}, 4, {3});       // After 2: same phase, later sequence.
  engine.schedule(Time{1}, 3, {4});       // Before both.
  EXPECT_FALSE(engine.instant_over());
  EXPECT_EQ(drain(engine), (std::vector<std::uint32_t>{4, 2, 3}));
  EXPECT_TRUE(engine.instant_over());
}

TEST(Engine, CancelAndRescheduleByHandle) {
  TagEngine engine;
  const EventHandle a = engine.schedule_cancellable(Time{1}, 0, {1});
  const EventHandle b = engine.schedule_cancellable(Time{2}, 0, {2});
  engine.schedule(Time{3}, 0, {3});
  EXPECT_TRUE(engine.cancel(a));
  EXPECT_FALSE(engine.cancel(a));
  EXPECT_TRUE(engine.reschedule(b, Time{3}, 0, {2}));                  // Now behind 3: scheduled later.
  const EventHandle c = engine.schedule_cancellable(Time{4}, 0, {4});  // Takes a's slot; a stays dead.
  EXPECT_FALSE(engine.cancel(a));
  EXPECT_EQ(engine.pending(), 3u);
  EXPECT_EQ(drain(engine), (std::vector<std::uint32_t>{3, 2, 4}));
  EXPECT_FALSE(engine.cancel(b));
  EXPECT_FALSE(engine.reschedule(c, Time{9}, 0, {9}));
  EXPECT_EQ(engine.pending(), 0u);
}

class Fixed final : public EventStream<Tag> {
 public:
  explicit Fixed(std::vector<Item> items) : items_(std::move(items)) {}
  std::size_t fill(std::span<Item> out) override {
    std::size_t n = 0;
    while (n < out.size() && next_ < items_.size()) out[n++] = items_[next_++];
    return n;
  }

 private:
  std::vector<Item> items_;
  std::size_t next_ = 0;
};

TEST(Engine, StreamsMergeAsIfPushedFirst) {
  Fixed first({{Time{1}, {10}}, {Time{4}, {11}}});
  Fixed second({{Time{1}, {20}}, {Time{2}, {21}}, {Time{4}, {22}}});
  TagEngine engine;
  engine.schedule(Time{1}, 3, {1});
  engine.schedule(Time{4}, 2, {2});
  engine.add_stream(&first, 3);
  engine.add_stream(&second, 3);
  EXPECT_EQ(drain(engine), (std::vector<std::uint32_t>{10, 20, 1, 21, 2, 11, 22}));
}

TEST(EngineDeathTest, RefusesThePastAndUnsortedStreams) {
  TagEngine engine;
  engine.schedule(Time{5}, 0, {1});
  drain(engine);
  EXPECT_DEATH(engine.schedule(Time{4}, 0, {2}), "internal error");
  Fixed unsorted({{Time{9}, {1}}, {Time{8}, {2}}});
  EXPECT_DEATH(engine.add_stream(&unsorted, 0), "internal error");
}

// Random schedules, cancels, moves and pops of many shapes: every pop must be the least of the twin.
void against_twin(std::uint64_t seed, int shape, int steps) {
  Rng rng(seed, 0, static_cast<std::uint32_t>(shape), Purpose::kTest);
  TagEngine engine;
  using Key = std::tuple<std::int64_t, unsigned, std::uint64_t>;
  std::map<Key, std::uint32_t> twin;
  struct Live {
    EventHandle handle;
    Key key;
  };
  std::vector<Live> handles;
  std::uint64_t sequence = 0;
  std::uint32_t id = 0;
  const auto delay = [&]() -> std::int64_t {
    switch (shape) {
      case 0:
        return static_cast<std::int64_t>(rng.below(8));  // Ties everywhere.
      case 1:
        return static_cast<std::int64_t>(rng.below(1'000'000));  // Uniform.
      case 2:
        return rng.below(100) == 0 ? 4'000'000'000'000'000LL + rng.below(9) : rng.below(50);  // Two far clusters.
      case 3:
        return std::int64_t{1} << rng.below(60);  // Every scale at once.
      default:
        return static_cast<std::int64_t>(rng.below(3)) * 1'000'000'007;  // Few distinct instants.
    }
  };
  bool growing = true;
  for (int step = 0; step < steps; ++step) {
    if (twin.size() > 3000) growing = false;
    if (twin.size() < 10) growing = true;
    const std::uint32_t dice = rng.below(100);
    if (dice < (growing ? 55u : 25u)) {
      const Time at = engine.now() + Duration{delay()};
      const unsigned phase = rng.below(3);
      const Key key{at.ns, phase, sequence++};
      ++id;
      if (rng.below(2) == 0) {
        engine.schedule(at, static_cast<Phase>(phase), {id});
      } else {
        handles.push_back({engine.schedule_cancellable(at, static_cast<Phase>(phase), {id}), key});
      }
      twin.emplace(key, id);
    } else if (dice < 65 && !handles.empty()) {
      const std::size_t pick = rng.below(static_cast<std::uint32_t>(handles.size()));
      const auto it = twin.find(handles[pick].key);
      if (rng.below(2) == 0) {
        ASSERT_EQ(engine.cancel(handles[pick].handle), it != twin.end());
        if (it != twin.end()) twin.erase(it);
        handles[pick] = handles.back();
        handles.pop_back();
      } else {
        const Time at = engine.now() + Duration{delay()};
        ASSERT_EQ(engine.reschedule(handles[pick].handle, at, 1, {it == twin.end() ? 0 : it->second}),
                  it != twin.end());
        if (it != twin.end()) {
          const Key key{at.ns, 1, sequence++};
          twin.emplace(key, it->second);
          twin.erase(it);
          handles[pick].key = key;
        } else {
          handles[pick] = handles.back();
          handles.pop_back();
        }
      }
    } else {
      Tag tag{};
      ASSERT_EQ(engine.next(kNever, tag), !twin.empty());
      if (!twin.empty()) {
        ASSERT_EQ(tag.id, twin.begin()->second) << "step " << step;
        ASSERT_EQ(engine.now().ns, std::get<0>(twin.begin()->first));
        twin.erase(twin.begin());
      }
    }
    ASSERT_EQ(engine.pending(), twin.size());
    if (step % 64 == 0) {
      ASSERT_EQ(engine.next_time(), twin.empty() ? kNever : Time{std::get<0>(twin.begin()->first)});
    }
  }
  while (!twin.empty()) {
    Tag tag{};
    ASSERT_TRUE(engine.next(kNever, tag));
    ASSERT_EQ(tag.id, twin.begin()->second);
    twin.erase(twin.begin());
  }
}

TEST(EngineProperty, EqualsASortedSetUnderRandomUse) {
  for (int shape = 0; shape < 5; ++shape) {
    for (std::uint64_t seed = 0; seed < 6; ++seed) {
      SCOPED_TRACE(testing::Message() << "shape=" << shape << " seed=" << seed);
      against_twin(seed, shape, 20'000);
      if (HasFatalFailure()) return;
    }
  }
}

TEST(EngineProperty, ManyEventsOfOneInstantStayFifo) {
  TagEngine engine;
  constexpr std::uint32_t kEvents = 100'000;
  for (std::uint32_t i = 0; i < kEvents; ++i) engine.schedule(Time{1'000}, 0, {i});
  const std::vector<std::uint32_t> order = drain(engine);
  ASSERT_EQ(order.size(), kEvents);
  for (std::uint32_t i = 0; i < kEvents; ++i) ASSERT_EQ(order[i], i);
}

}  // namespace
}  // namespace berth
