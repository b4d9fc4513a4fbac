#include "sim/network/flow_network.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <vector>

#include "sim/engine/rng.hpp"

namespace berth {
namespace {

constexpr std::int64_t kMega = 1'000'000;

class Recorder final : public FlowListener {
 public:
  explicit Recorder(Engine<Event>& engine) : engine_(&engine) {}
  void flow_finished(FlowId, std::uint32_t tag) override { finished[tag] = engine_->now().ns; }
  std::map<std::uint32_t, std::int64_t> finished;

 private:
  Engine<Event>* engine_;
};

struct World {
  Engine<Event> engine;
  FlowNetwork network{engine};
  Recorder recorder{engine};
  void run_to(std::int64_t ns) {
    for (Event event; engine.next(Time{ns}, event);) {
      if (event.kind == EventKind::kFlowEvent) network.handle(event);
    }
  }
  void run() { run_to(kNever.ns); }
  // Moves the clock, too.
  void go_to(std::int64_t ns) {
    engine.schedule(Time{ns}, kPhaseCycle, {0, 0, EventKind::kPodArrived, 0});
    run_to(ns);
  }
  FlowId start(std::vector<LinkId> path, std::int64_t bytes, std::uint32_t tag) {
    return network.start(path, bytes, &recorder, tag);
  }
};

TEST(FlowNetwork, OneFlowTakesBytesOverCapacityRoundedUp) {
  World w;
  const LinkId link = w.network.add_link(3);
  w.start({link}, 10, 0);  // 10/3 s.
  w.run();
  EXPECT_EQ(w.recorder.finished.at(0), 3'333'333'334);
  EXPECT_EQ(w.network.carried(link), 10);
}

TEST(FlowNetwork, EqualFlowsTakeSoManyTimesAsLong) {
  for (const int k : {1, 2, 3, 7, 64, 1000}) {
    SCOPED_TRACE(k);
    World w;
    const LinkId trunk = w.network.add_link(100 * kMega);
    for (int i = 0; i < k; ++i) {
      w.start({trunk, w.network.add_link(1000 * kMega)}, 50 * kMega, static_cast<std::uint32_t>(i));
    }
    ASSERT_EQ(w.network.verify(), "");
    w.run();
    ASSERT_EQ(w.recorder.finished.size(), static_cast<std::size_t>(k));
    // Levels are rounded down to 2^-20 bytes/s: less than 1 part in 10^10 of these rates.
    for (const auto& [tag, at] : w.recorder.finished)
      EXPECT_NEAR(static_cast<double>(at), k * 0.5e9, k * 0.5e9 * 1e-10 + 1);
    EXPECT_EQ(w.network.carried(trunk), k * 50 * kMega);
  }
}

// The textbook's example: A (1 Mbyte/s) carries x and y, B (3 Mbyte/s) carries y and z: x = y = 0.5, z = 2.5.
TEST(FlowNetwork, SharesMaxMinFairly) {
  World w;
  const LinkId a = w.network.add_link(kMega);
  const LinkId b = w.network.add_link(3 * kMega);
  const FlowId x = w.start({a}, 100 * kMega, 0);
  const FlowId y = w.start({a, b}, 100 * kMega, 1);
  const FlowId z = w.start({b}, 100 * kMega, 2);
  EXPECT_DOUBLE_EQ(w.network.rate(x), 0.5e6);
  EXPECT_DOUBLE_EQ(w.network.rate(y), 0.5e6);
  EXPECT_DOUBLE_EQ(w.network.rate(z), 2.5e6);
  w.network.set_capacity(b, kMega / 2);  // Now B holds y and z: 0.25 each, and x has the rest of A.
  EXPECT_DOUBLE_EQ(w.network.rate(x), 0.75e6);
  EXPECT_DOUBLE_EQ(w.network.rate(y), 0.25e6);
  EXPECT_DOUBLE_EQ(w.network.rate(z), 0.25e6);
  EXPECT_EQ(w.network.verify(), "");
}

TEST(FlowNetwork, AnOutageStallsAndGoesOn) {
  World w;
  const LinkId link = w.network.add_link(kMega);
  const FlowId flow = w.start({link}, 2 * kMega, 0);
  w.go_to(500'000'000);
  w.network.set_capacity(link, 0);
  EXPECT_EQ(w.network.rate(flow), 0);
  w.go_to(10'000'000'000);
  EXPECT_EQ(w.network.delivered(flow), kMega / 2);
  w.network.set_capacity(link, kMega);
  w.run();
  EXPECT_EQ(w.recorder.finished.at(0), 11'500'000'000);  // 9.5 s late.
}

TEST(FlowNetwork, WhatIsCancelledCountsAsFarAsItCame) {
  World w;
  const LinkId link = w.network.add_link(10);
  const FlowId flow = w.start({link}, 100, 0);
  w.go_to(1'050'000'000);  // 10.5 bytes.
  EXPECT_EQ(w.network.cancel(flow), 10);
  EXPECT_EQ(w.network.carried(link), 10);
  EXPECT_FALSE(w.network.live(flow));
  w.run();
  EXPECT_TRUE(w.recorder.finished.empty());
}

// Starting or ending one of k flows that one full link holds back looks at a few classes, however many there are.
TEST(FlowNetwork, AStartAndAnEndAreCheapBehindOneFullLink) {
  double per_change[2] = {};
  int row = 0;
  for (const std::uint32_t k : {500U, 5000U}) {
    World w;
    const LinkId trunk = w.network.add_link(100 * kMega);
    for (std::uint32_t i = 0; i < k; ++i) {
      const LinkId node = w.network.add_link(1000 * kMega);
      for (std::uint32_t j = 0; j < 3; ++j) w.start({trunk, node}, (1 + (i * 7919 + j) % 100) * kMega, 3 * i + j);
    }
    w.run();
    EXPECT_EQ(w.recorder.finished.size(), 3U * k);
    per_change[row++] = static_cast<double>(w.network.touched()) / (6.0 * k);
  }
  EXPECT_LT(per_change[1], 8);
  EXPECT_LT(per_change[1], 1.5 * per_change[0]);
}

// The same by brute force: progressive filling over all flows after every change, in floating point, and a fluid that
// is moved from change to change.
class Naive {
 public:
  struct Flow {
    std::vector<std::size_t> path;
    long double left = 0;
    long double rate = 0;
    bool live = true;
  };
  std::vector<long double> capacity;
  std::vector<Flow> flows;
  std::map<std::uint32_t, long double> finished;  // Seconds.
  long double now = 0;

  void fill() {
    std::vector<bool> fixed(flows.size());
    std::vector<long double> room = capacity;
    for (;;) {
      std::vector<int> count(capacity.size());
      for (std::size_t f = 0; f < flows.size(); ++f) {
        if (flows[f].live && !fixed[f]) {
          for (const std::size_t l : flows[f].path) ++count[l];
        }
      }
      std::size_t tightest = capacity.size();
      for (std::size_t l = 0; l < capacity.size(); ++l) {
        if (count[l] > 0 && (tightest == capacity.size() || room[l] / count[l] < room[tightest] / count[tightest])) {
          tightest = l;
        }
      }
      if (tightest == capacity.size()) return;
      const long double share = std::max(0.0L, room[tightest] / count[tightest]);
      for (std::size_t f = 0; f < flows.size(); ++f) {
        if (!flows[f].live || fixed[f]) continue;
        if (std::find(flows[f].path.begin(), flows[f].path.end(), tightest) == flows[f].path.end()) continue;
        flows[f].rate = share;
        fixed[f] = true;
        for (const std::size_t l : flows[f].path) room[l] -= share;
      }
    }
  }
  void go_to(long double to) {
    for (;;) {
      fill();
      std::size_t first = flows.size();
      long double at = to;
      for (std::size_t f = 0; f < flows.size(); ++f) {
        if (!flows[f].live || flows[f].rate <= 0) continue;
        const long double end = now + flows[f].left / flows[f].rate;
        if (end <= at) {
          at = end;
          first = f;
        }
      }
      for (Flow& flow : flows) {
        if (flow.live) flow.left -= flow.rate * (at - now);
      }
      now = at;
      if (first == flows.size()) return;
      flows[first].live = false;
      finished[static_cast<std::uint32_t>(first)] = now;
    }
  }
};

TEST(FlowNetworkProperty, AgreesWithProgressiveFilling) {
  std::size_t compared = 0;
  for (std::uint32_t seed = 0; seed < 1000; ++seed) {
    SCOPED_TRACE(testing::Message() << "seed=" << seed);
    Rng rng(seed, 0, 0, Purpose::kTest);
    World w;
    Naive naive;
    const std::uint32_t links = 1 + rng.below(6);
    // Few different capacities, so that ties are common.
    const auto draw_capacity = [&] { return rng.below(12) == 0 ? 0 : std::int64_t{1 + rng.below(8)} * 1'000; };
    for (std::uint32_t l = 0; l < links; ++l) {
      const std::int64_t capacity = draw_capacity();
      w.network.add_link(capacity);
      naive.capacity.push_back(static_cast<long double>(capacity));
    }
    std::vector<FlowId> ids;
    std::vector<std::int64_t> delivered(links);
    std::vector<bool> cancelled;
    std::int64_t at = 0;
    for (int step = 0; step < 40; ++step) {
      at += rng.below(4) == 0 ? 0 : std::int64_t{rng.below(2'000)} * 1'000'000 + rng.below(1'000'000);
      w.go_to(at);
      naive.go_to(static_cast<long double>(at) * 1e-9L);
      naive.fill();
      switch (rng.below(6)) {
        case 0: {
          const std::uint32_t l = rng.below(links);
          const std::int64_t capacity = draw_capacity();
          w.network.set_capacity(LinkId{l}, capacity);
          naive.capacity[l] = static_cast<long double>(capacity);
          break;
        }
        case 1: {
          if (ids.empty()) break;
          const std::uint32_t f = rng.below(static_cast<std::uint32_t>(ids.size()));
          if (!w.network.live(ids[f]) || !naive.flows[f].live) break;
          const std::int64_t bytes = w.network.cancel(ids[f]);
          for (const std::size_t l : naive.flows[f].path) delivered[l] += bytes;
          naive.flows[f].live = false;
          cancelled[f] = true;
          break;
        }
        default: {
          std::vector<std::size_t> path;
          std::vector<LinkId> link_path;
          const std::uint32_t want = 1 + rng.below(std::min(links, 3U));
          while (path.size() < want) {
            const std::size_t l = rng.below(links);
            if (std::find(path.begin(), path.end(), l) != path.end()) continue;
            path.push_back(l);
            link_path.push_back(LinkId{static_cast<std::uint32_t>(l)});
          }
          const std::int64_t bytes = 1 + rng.below(8'000);
          ids.push_back(w.start(link_path, bytes, static_cast<std::uint32_t>(ids.size())));
          cancelled.push_back(false);
          naive.flows.push_back({path, static_cast<long double>(bytes), 0, true});
          break;
        }
      }
      ASSERT_EQ(w.network.verify(), "");
      naive.fill();
      for (std::size_t f = 0; f < ids.size(); ++f) {
        // A flow may be over here and not there for the length of the rounding.
        if (!w.network.live(ids[f]) || !naive.flows[f].live) continue;
        ASSERT_NEAR(w.network.rate(ids[f]), static_cast<double>(naive.flows[f].rate), 1e-3) << "flow " << f;
        ++compared;
      }
    }
    for (std::uint32_t l = 0; l < links; ++l) {
      w.network.set_capacity(LinkId{l}, 1'000);
      naive.capacity[l] = 1'000;
    }
    w.run();
    naive.go_to(1e9L);
    EXPECT_EQ(w.network.flows(), 0);
    for (std::size_t f = 0; f < ids.size(); ++f) {
      if (cancelled[f]) continue;
      const auto tag = static_cast<std::uint32_t>(f);
      ASSERT_TRUE(w.recorder.finished.contains(tag));
      // Levels are off by up to 2^-20 bytes/s and the fluid by its rounding: a microsecond in these seconds.
      EXPECT_NEAR(static_cast<double>(w.recorder.finished[tag]) * 1e-9, static_cast<double>(naive.finished[tag]), 1e-5);
    }
    EXPECT_EQ(w.network.verify(), "");
  }
  EXPECT_GT(compared, 100'000U);
}

// Bytes carried by each link are exactly those of the flows that ended, plus what the cancelled ones had got.
TEST(FlowNetworkProperty, BytesAreConserved) {
  for (std::uint32_t seed = 0; seed < 20; ++seed) {
    SCOPED_TRACE(testing::Message() << "seed=" << seed);
    Rng rng(seed, 1, 0, Purpose::kTest);
    World w;
    std::vector<LinkId> up, down;
    // Seldom, always or sometimes what holds its flows back.
    const LinkId trunk = w.network.add_link(std::int64_t{1'000'000} * (1 + rng.below(20)));
    for (int i = 0; i < 40; ++i) {
      up.push_back(w.network.add_link(1'000'000 + rng.below(1'000'000)));
      down.push_back(w.network.add_link(1'000'000 + rng.below(1'000'000)));
    }
    struct Kept {
      FlowId id;
      std::size_t from, to;
      std::int64_t bytes;
      bool over_trunk;
    };
    std::vector<Kept> kept;
    std::vector<std::int64_t> out(40), in(40);
    for (int step = 0; step < 2'000; ++step) {
      w.go_to(w.engine.now().ns + rng.below(50'000'000));
      if (!kept.empty() && rng.below(5) == 0) {
        const std::size_t k = rng.below(static_cast<std::uint32_t>(kept.size()));
        if (w.network.live(kept[k].id)) {
          const std::int64_t bytes = w.network.cancel(kept[k].id);
          ASSERT_LE(bytes, kept[k].bytes);
          kept[k].bytes = bytes;
        }
      } else {
        Kept flow{{}, rng.below(40), rng.below(40), 1 + std::int64_t{rng.below(1'000'000)}, rng.below(2) == 0};
        const LinkId source = flow.over_trunk ? trunk : up[flow.from];
        flow.id = w.start({source, down[flow.to]}, flow.bytes, static_cast<std::uint32_t>(step));
        kept.push_back(flow);
      }
      if (rng.below(20) == 0) w.network.set_capacity(trunk, std::int64_t{1'000'000} * rng.below(20));
      if (step % 10 == 0) {
        ASSERT_EQ(w.network.verify(), "");
      }
    }
    w.network.set_capacity(trunk, 1'000'000);
    w.run();
    std::int64_t over_trunk = 0;
    for (const Kept& flow : kept) {
      (flow.over_trunk ? over_trunk : out[flow.from]) += flow.bytes;
      in[flow.to] += flow.bytes;
    }
    EXPECT_EQ(w.network.carried(trunk), over_trunk);
    for (std::size_t i = 0; i < 40; ++i) {
      EXPECT_EQ(w.network.carried(up[i]), out[i]);
      EXPECT_EQ(w.network.carried(down[i]), in[i]);
    }
  }
}

}  // namespace
}  // namespace berth
