// CrashLoopBackOff and image failures: the rests themselves are exact; a restart is the first sync after one, and syncs
// come after min(rest, 60 s), stretched by 1 to 1.5, on the grid of whole seconds.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "sim/kubelet/crash_back_off.hpp"
#include "tests/kubelet/kubelet_world.hpp"

namespace berth {
namespace {

using kube::api::RestartPolicy;

Time s(double at) {
  return World::at(at);
}

TEST(CrashBackOffTest, DoublesTo300) {
  CrashBackOff b;
  double now = 0;
  for (const int gap : {0, 10, 20, 40, 80, 160, 300, 300, 300}) {
    EXPECT_EQ(b.rest(s(now), s(now), s(now)), seconds(gap));
    EXPECT_EQ(b.rest(s(now + gap), s(now), s(now)), Duration{});
    if (gap > 0) {
      EXPECT_EQ(b.rest(s(now + gap - 1), s(now), s(now)), seconds(1));
    }
    now += gap;
    b.started(s(now), s(now - gap), s(now));
    now += 1;  // Runs for a second.
  }
}

TEST(CrashBackOffTest, ForgetsAfterARunOfMoreThan600Seconds) {
  for (const int run : {600, 601}) {
    CrashBackOff b;
    b.started(s(0), s(0), s(0));    // Rest 10.
    b.started(s(10), s(0), s(10));  // Rest 20, recorded at 10.
    const Time finished = s(10 + run);
    // The pass that collects runs every 2 s, here at odd seconds: it has not been since.
    const Duration rest = b.rest(finished, finished, s(609));
    EXPECT_EQ(rest, run > 600 ? Duration{} : seconds(20));
    b.started(finished, finished, s(609));
    EXPECT_EQ(b.delay(), run > 600 ? seconds(10) : seconds(40));
  }
}

TEST(CrashBackOffTest, CollectionForgetsEvenDuringARest) {
  CrashBackOff b;
  double now = 0;
  for (int i = 0; i < 7; ++i) b.started(s(now), s(now), s(now));  // 10, 20 … 160, 300.
  EXPECT_EQ(b.delay(), seconds(300));
  now = 310;  // It ran for 310 s, so it would rest until 610.
  EXPECT_EQ(b.rest(s(now), s(now), s(now)), seconds(300));
  EXPECT_EQ(b.rest(s(600), s(now), s(600)), seconds(10));
  EXPECT_EQ(b.rest(s(602), s(now), s(602)), Duration{});  // More than 600 s since the record at 0.
}

struct Restart {
  double finished, created;
};

// The time from each end of container 0 to its next creation's sync.
std::vector<Restart> restarts(World& w) {
  w.lines();
  std::vector<Restart> out;
  double finished = -1;
  for (const Record& r : w.records) {
    if (r.kind == RecordKind::kContainerExited) finished = World::clock(r.at);
    if (r.kind == RecordKind::kContainerCreated && finished >= 0) out.push_back({finished, World::clock(r.at) - 0.125});
  }
  return out;
}

TEST(KubeletRestart, GapsOfACrashLoop) {
  for (std::uint64_t seed = 1; seed <= 10; ++seed) {
    PodMaker p;
    kube::api::ContainerSpec& c = p.add();
    c.behavior.run_time = Distribution::constant(1);
    c.behavior.exit_code = 1;
    World w(seed);
    w.node();
    const PodSlot pod = w.pod(p.pod);
    w.run_to(2500);
    const std::vector<double> gaps = {0, 10, 20, 40, 80, 160, 300, 300};
    const std::vector<Restart> seen = restarts(w);
    ASSERT_GE(seen.size(), gaps.size());
    for (std::size_t i = 0; i < gaps.size(); ++i) {
      SCOPED_TRACE(testing::Message() << "seed " << seed << " restart " << i);
      const double wait = seen[i].created - seen[i].finished;
      EXPECT_GE(wait, gaps[i]);
      // The last resync before was asked for with at most 60 s to go, and is at most half of that and a tick late.
      EXPECT_LE(wait, gaps[i] + std::min(gaps[i], 60.0) / 2 + 2);
      EXPECT_EQ(seen[i].created, std::floor(seen[i].created));
    }
    // What is recorded is the whole rest of each restart, when it begins.
    std::vector<std::uint32_t> recorded;
    for (const Record& r : w.records) {
      if (r.kind != RecordKind::kContainerWaiting) continue;
      EXPECT_EQ(static_cast<WaitingReason>(r.reason), WaitingReason::kCrashLoopBackOff);
      if (recorded.size() < 7) recorded.push_back(r.value);
    }
    EXPECT_THAT(recorded, testing::ElementsAre(10U, 20U, 40U, 80U, 160U, 300U, 300U));
    EXPECT_EQ(w.kubelet.container_status(pod, 0).restarts, seen.size());
    EXPECT_EQ(w.kubelet.status(pod).phase, StatusPhase::kRunning);  // Also while it rests.
    EXPECT_EQ(w.images.containers, 2);                              // This instance and one dead one.
  }
}

TEST(KubeletRestart, LongRunsRestartAtOnce) {
  PodMaker p;
  p.add().behavior.run_time = Distribution::constant(601);
  World w;
  w.node();
  w.pod(p.pod);
  w.run_to(6000);
  const std::vector<Restart> seen = restarts(w);
  ASSERT_GE(seen.size(), 9U);
  for (const Restart& r : seen) EXPECT_LE(r.created - r.finished, 1.0);  // The next relist.
}

TEST(KubeletRestart, RunsOf595SecondsRestAlwaysTen) {
  PodMaker p;
  p.add().behavior.run_time = Distribution::constant(595);
  World w;
  w.node();
  w.pod(p.pod);
  w.run_to(7000);
  // Recorded at the sync that starts it, the end is 595.25 s later: rest 10 s. When that is over, 605 s have passed and
  // the entry has been collected: the next rest is the first one again.
  const std::vector<Restart> seen = restarts(w);
  ASSERT_GE(seen.size(), 8U);
  EXPECT_LE(seen[0].created - seen[0].finished, 1.0);
  for (std::size_t i = 1; i < seen.size(); ++i) {
    // The collection (every 2 s, when more than 600 s have passed) comes 6.75 s after the end at the latest.
    EXPECT_GE(seen[i].created - seen[i].finished, 4.75);
    EXPECT_LE(seen[i].created - seen[i].finished, 17.0);
  }
  for (const Record& r : w.records) {
    if (r.kind == RecordKind::kContainerWaiting) {
      EXPECT_EQ(r.value, 10U);
    }
  }
}

TEST(KubeletRestart, OnFailureStopsAfterSuccess) {
  PodMaker p(RestartPolicy::kOnFailure);
  p.add().behavior.run_time = Distribution::constant(2);
  World w;
  w.node();
  const PodSlot pod = w.pod(p.pod);
  w.run_to(30);
  EXPECT_EQ(w.kubelet.status(pod).phase, StatusPhase::kSucceeded);
  EXPECT_EQ(w.kubelet.container_status(pod, 0).restarts, 0U);
}

TEST(KubeletRestart, FailedInitContainerWithoutRestartFailsThePod) {
  PodMaker p(RestartPolicy::kNever);
  p.init().behavior.exit_code = 1;
  p.add();
  World w;
  w.node();
  const PodSlot pod = w.pod(p.pod);
  w.run_to(30);
  EXPECT_EQ(w.kubelet.status(pod).phase, StatusPhase::kFailed);
  EXPECT_EQ(w.kubelet.container_status(pod, 1).state, ContainerStatus::State::kWaiting);
}

struct ImageCase {
  const char* name;
  ImageResult answer;
  WaitingReason reason;
};

TEST(KubeletRestart, ImageErrorsAreTriedAgainAfter10To15Seconds) {
  const ImageCase cases[] = {
      {"pull", ImageResult::kErrImagePull, WaitingReason::kErrImagePull},
      {"back-off", ImageResult::kImagePullBackOff, WaitingReason::kImagePullBackOff},
      {"never", ImageResult::kErrImageNeverPull, WaitingReason::kErrImageNeverPull},
  };
  for (const ImageCase& c : cases) {
    std::set<double> tried;
    for (std::uint64_t seed = 1; seed <= 40; ++seed) {
      SCOPED_TRACE(testing::Message() << c.name << " seed " << seed);
      PodMaker p;
      p.add();
      p.add();
      World w(seed);
      w.node();
      w.images.answers = {c.answer, ImageResult::kPresent, ImageResult::kPresent};
      const PodSlot pod = w.pod(p.pod);
      w.run_to(1.1);
      // The second container starts whatever befalls the first one. The status of 1 s has the reason.
      EXPECT_EQ(w.kubelet.container_status(pod, 1).state, ContainerStatus::State::kRunning);
      EXPECT_EQ(w.kubelet.container_status(pod, 0).reason, c.reason);
      EXPECT_EQ(w.kubelet.status(pod).phase, StatusPhase::kPending);
      w.run_to(30);
      // 0.75: the second one has started, seen at 1: that sync tries the first one again, at once.
      EXPECT_EQ(w.kubelet.status(pod).phase, StatusPhase::kRunning);
      ASSERT_EQ(w.images.asks.size(), 3U);
    }
    // Alone in its pod it has nothing to wake it but the resync.
    for (std::uint64_t seed = 1; seed <= 40; ++seed) {
      PodMaker p;
      p.add();
      World w(seed);
      w.node();
      w.images.answers = {c.answer, c.answer};
      w.pod(p.pod);
      w.run_to(40);
      const std::vector<std::string> created = w.lines({RecordKind::kContainerCreated});
      ASSERT_EQ(created.size(), 1U);
      // Failed at 0.5; the sandbox is seen at 1, where it is tried again and fails; then 11 to 16.
      for (const Record& r : w.records) {
        if (r.kind == RecordKind::kContainerCreated) tried.insert(World::clock(r.at) - 0.125);
      }
    }
    EXPECT_GE(*tried.begin(), 11);
    EXPECT_LE(*tried.rbegin(), 16);
    EXPECT_GT(tried.size(), 3U);
    for (const double t : tried) EXPECT_EQ(t, std::floor(t));
  }
}

}  // namespace
}  // namespace berth
