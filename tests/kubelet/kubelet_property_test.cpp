// Whatever happens to pods and nodes, what the kubelet keeps agrees with a recount, and nothing is left over.
#include <gtest/gtest.h>

#include "tests/kubelet/kubelet_world.hpp"

namespace berth {
namespace {

using kube::api::RestartPolicy;

kube::api::Pod random_pod(Rng& rng) {
  const RestartPolicy policies[] = {RestartPolicy::kAlways, RestartPolicy::kOnFailure, RestartPolicy::kNever};
  PodMaker p(policies[rng.below(3)]);
  p.pod.spec.termination_grace = seconds(rng.below(40));
  if (rng.below(8) == 0) p.pod.spec.active_deadline = seconds(1 + rng.below(200));
  const std::uint32_t inits = rng.below(3);
  for (std::uint32_t i = 0; i < inits; ++i) p.init(rng.below(2) == 0);
  for (std::uint32_t i = 0, n = 1 + rng.below(3); i < n; ++i) p.add();
  const auto decorate = [&](kube::api::ContainerSpec& c, kube::Container& named, bool init) {
    if (rng.below(2) == 0 || (init && !c.restart_policy)) {
      c.behavior.run_time = Distribution::parse("exponential(mean=40)", "test");
    }
    c.behavior.exit_code = rng.below(2) == 0 ? 0 : static_cast<std::int32_t>(1 + rng.below(3));
    if (rng.below(2) == 0) c.behavior.start_up = Distribution::constant(rng.below(20));
    if (rng.below(2) == 0) c.behavior.stop_time = Distribution::parse("exponential(mean=10)", "test");
    if (rng.below(4) == 0) c.behavior.crash_hazard_per_second = 0.02;
    if (rng.below(4) == 0) c.behavior.memory = {{seconds(0), 10}, {seconds(1 + rng.below(60)), rng.below(200)}};
    if (rng.below(4) == 0) named.limits.set("memory", quantity(100));
    if (rng.below(4) == 0) c.behavior.disk = {{seconds(0), 5}, {seconds(1 + rng.below(90)), rng.below(300)}};
    if (rng.below(4) == 0) c.behavior.empty_dir = {{seconds(0), 5}, {seconds(1 + rng.below(90)), rng.below(100)}};
    if (rng.below(8) == 0) named.limits.set("ephemeral-storage", quantity(150));
    c.volume_mounts.push_back({"volume", "/volume", "", false});
    if (rng.below(3) == 0) c.pre_stop = sleep_hook(rng.below(20));
    if (rng.below(4) == 0) c.post_start = sleep_hook(rng.below(5));
    if (rng.below(8) == 0) c.post_start.emplace().kind = kube::api::Handler::Kind::kHttpGet;
    if (rng.below(8) == 0) c.restart_rules = {{.restart_all_containers = true, .in = true, .exit_codes = {2}}};
    if (init && !c.restart_policy) return;
    if (rng.below(3) == 0) c.startup = probe_every(1 + rng.below(5), 5);
    if (rng.below(2) == 0) c.liveness = probe_every(1 + rng.below(10), 1 + static_cast<std::int32_t>(rng.below(3)));
    if (rng.below(2) == 0) c.readiness = probe_every(1 + rng.below(10));
  };
  for (std::size_t i = 0; i < p.pod.spec.init_containers.size(); ++i) {
    decorate(p.pod.spec.init_containers[i], p.pod.scheduling.init_containers[i], true);
  }
  for (std::size_t i = 0; i < p.pod.spec.containers.size(); ++i) {
    decorate(p.pod.spec.containers[i], p.pod.scheduling.containers[i], false);
  }
  kube::api::VolumeSpec& volume = p.pod.spec.volumes.emplace_back();
  volume.name = "volume";
  volume.type = "emptyDir";
  if (rng.below(3) == 0) volume.size_limit = quantity(60);
  return p.pod;
}

// Images and volumes that answer later, or badly, at random.
class SlowServices final : public PodImages, public PodVolumes {
 public:
  explicit SlowServices(std::uint64_t seed) : rng(seed, 0, 1, Purpose::kTest) {}
  std::optional<ImageResult> ensure(const ImageAsk& ask) override {
    if (rng.below(2) == 0) return ImageResult::kPresent;
    if (rng.below(4) == 0) return ImageResult::kErrImagePull;
    images.push_back(ask.pod);
    return std::nullopt;
  }
  void forget(PodSlot pod, std::uint32_t, NodeId) override { std::erase(images, pod); }
  void container_created(NodeId, ImageId) override { ++containers; }
  void container_removed(NodeId, ImageId) override { --containers; }
  Disk disk(NodeId node) const override { return {index(node) % 3 == 0 ? 0 : 1500, 100, 1000}; }
  bool mount(PodSlot pod, std::uint32_t, NodeId) override { return put(mounts, pod); }
  bool unmount(PodSlot pod, std::uint32_t, NodeId) override {
    std::erase(mounts, pod);
    return put(unmounts, pod);
  }
  bool put(std::vector<PodSlot>& list, PodSlot pod) {
    if (rng.below(2) == 0) return true;
    std::erase(list, pod);
    list.push_back(pod);
    return false;
  }
  static PodSlot take(std::vector<PodSlot>& list) {
    const PodSlot pod = list.front();
    list.erase(list.begin());
    return pod;
  }
  Rng rng;
  std::vector<PodSlot> images, mounts, unmounts;
  std::int64_t containers = 0;
};

// Keeps the pods that the API server knows.
class Api final : public KubeletListener, public JournalSink {
 public:
  void pod_status_changed(PodSlot pod, std::uint32_t) override {
    ++changes;
    if (std::find(pods.begin(), pods.end(), pod) == pods.end()) ++strangers;
    const PodStatus& status = kubelet->status(pod);
    if (status.ready && status.phase != StatusPhase::kRunning) ++wrong;
  }
  void pod_gone(PodSlot pod, std::uint32_t) override {
    if (std::erase(pods, pod) != 1) ++strangers;
  }
  void memory_pressure_changed(NodeId, bool) override {}
  void disk_pressure_changed(NodeId, bool pressure) override { full_disks += pressure ? 1 : 0; }
  void begin(const JournalContext&) override {}
  void write(std::span<const Record> batch) override { records.insert(records.end(), batch.begin(), batch.end()); }
  void finish(Time) override {}
  Kubelet* kubelet = nullptr;
  std::vector<PodSlot> pods;
  std::vector<Record> records;
  std::size_t changes = 0, strangers = 0, wrong = 0, full_disks = 0;
};

struct Outcome {
  std::uint64_t events = 0;
  std::size_t records = 0;
  std::size_t changes = 0;
  std::uint64_t digest = 14695981039346656037ULL;  // FNV-1a over the records.
  std::array<std::size_t, static_cast<std::size_t>(KillReason::kEvicted) + 1> kills{};
  std::size_t out_of_memory = 0;
  std::size_t full_disks = 0;
  friend bool operator==(const Outcome&, const Outcome&) = default;
};

void run(std::uint64_t seed, std::uint32_t steps, bool look, Outcome& out) {
  constexpr std::uint32_t kNodes = 6;
  Engine<Event> engine;
  Journal journal;
  SlowServices services(seed);
  Api api;
  journal.add_sink(&api);
  KubeletOptions options;
  options.seed = seed;
  options.eviction_memory_bytes = 200;
  Kubelet kubelet(engine, journal, services, services, api, options);
  api.kubelet = &kubelet;
  Rng rng(seed, 0, 0, Purpose::kTest);
  for (std::uint32_t n = 0; n < kNodes; ++n) {
    kubelet.add_node(NodeId{n}, {{1000, 1 << 20, 0}, 12, n % 2 == 0 ? 600 : 2000},
                     Time{-static_cast<std::int64_t>(rng.below(100)) * 777'000});
  }
  std::vector<ProgramId> programs;
  for (int i = 0; i < 30; ++i) {
    programs.push_back(kubelet.add_program(compile_pod(random_pod(rng), [](std::string_view) { return ImageId{0}; })));
  }
  std::uint32_t ordinal = 0;
  std::vector<bool> down(kNodes);
  const auto turn = [&](NodeId node) {
    const auto i = index(node);
    switch (rng.below(3)) {
      case 0:
        if (down[i]) {
          kubelet.node_up(node);
        } else {
          kubelet.node_down(node);
        }
        down[i] = !down[i];
        break;
      case 1:
        if (!down[i] && rng.below(2) == 0) {
          kubelet.hang(node);
        } else {
          kubelet.resume(node);
        }
        break;
      default:
        if (rng.below(2) == 0) {
          kubelet.disconnect(node);
        } else {
          kubelet.reconnect(node);
        }
        break;
    }
  };
  const auto pass = [&](Duration d) {  // The marker moves the clock, whatever else happens.
    engine.schedule(engine.now() + d, kPhaseArrive, {0, 0, EventKind::kPodArrived, 0});
    for (Event event; engine.next(engine.now() + d, event) && event.kind != EventKind::kPodArrived;) {
      kubelet.handle(event);
    }
  };
  for (std::uint32_t step = 0; step < steps; ++step) {
    const std::uint32_t what = rng.below(100);
    const PodSlot some =
        api.pods.empty() ? PodSlot{} : api.pods[rng.below(static_cast<std::uint32_t>(api.pods.size()))];
    if (what < 25 && api.pods.size() < 90) {
      const NodeId node{rng.below(kNodes)};
      api.pods.push_back(kubelet.add_pod(node, programs[rng.below(30)], ordinal++, 0));
    } else if (what < 40 && !api.pods.empty()) {
      kubelet.delete_pod(some, rng.below(4) == 0 ? std::optional<std::int64_t>(rng.below(20)) : std::nullopt);
    } else if (what < 43 && !api.pods.empty()) {
      kubelet.force_remove(some);
    } else if (what < 60 && !api.pods.empty()) {
      kubelet.set_unhealthy(some, 0, rng.below(3) != 0);
    } else if (what < 64) {
      turn(NodeId{rng.below(kNodes)});
    } else if (what < 80 && !services.images.empty()) {
      kubelet.image_ensured(SlowServices::take(services.images),
                            rng.below(3) == 0 ? ImageResult::kImagePullBackOff : ImageResult::kPulled);
    } else if (what < 88 && !services.mounts.empty()) {
      kubelet.volumes_mounted(SlowServices::take(services.mounts));
    } else if (what < 96 && !services.unmounts.empty()) {
      kubelet.volumes_unmounted(SlowServices::take(services.unmounts));
    }
    pass(milliseconds(rng.below(4000)));
    if (look && step % 16 == 0) {
      ASSERT_EQ(kubelet.verify(), "") << "seed " << seed << " step " << step;
    }
  }
  // All goes well again, and everything is deleted: nothing may be left.
  for (std::uint32_t n = 0; n < kNodes; ++n) {
    if (down[n]) kubelet.node_up(NodeId{n});
    kubelet.resume(NodeId{n});
    kubelet.reconnect(NodeId{n});
  }
  for (const PodSlot pod : std::vector<PodSlot>(api.pods)) kubelet.delete_pod(pod);
  for (int round = 0; round < 400; ++round) {
    while (!services.unmounts.empty()) kubelet.volumes_unmounted(SlowServices::take(services.unmounts));
    pass(seconds(1));
  }
  journal.finish(engine.now());
  EXPECT_EQ(kubelet.pods(), 0U) << seed;
  EXPECT_TRUE(api.pods.empty()) << seed;
  EXPECT_EQ(services.containers, 0) << seed;
  EXPECT_EQ(api.strangers, 0U);
  EXPECT_EQ(api.wrong, 0U);
  EXPECT_EQ(kubelet.verify(), "");
  for (std::uint32_t n = 0; n < kNodes; ++n) {
    EXPECT_EQ(kubelet.memory_bytes(NodeId{n}), 0);
    EXPECT_EQ(kubelet.local_bytes(NodeId{n}), 0);
  }
  out.events += engine.events_executed();
  out.records += api.records.size();
  out.changes += api.changes;
  out.full_disks += api.full_disks;
  for (const Record& r : api.records) {
    if (r.kind == RecordKind::kContainerKilling) ++out.kills[r.reason];
    if (r.kind == RecordKind::kContainerExited && static_cast<ExitReason>(r.reason) == ExitReason::kOomKilled) {
      ++out.out_of_memory;
    }
    for (const std::uint64_t word :
         {static_cast<std::uint64_t>(r.at.ns), std::uint64_t{r.pod}, std::uint64_t{r.value},
          std::uint64_t{static_cast<std::uint8_t>(r.kind)}, std::uint64_t{r.reason}, std::uint64_t{r.container}}) {
      out.digest = (out.digest ^ word) * 1099511628211ULL;
    }
  }
}

TEST(KubeletProperty, RecountsAgreeAndNothingIsLeftOver) {
  Outcome all;
  for (std::uint64_t seed = 1; seed <= 22; ++seed) {
    run(seed, 4000, true, all);
    if (HasFatalFailure()) return;
  }
  EXPECT_GE(all.events, 300'000U);
  // The random walk goes everywhere.
  for (std::size_t reason = 0; reason < all.kills.size(); ++reason) EXPECT_GT(all.kills[reason], 0U) << reason;
  EXPECT_GT(all.out_of_memory, 0U);
  EXPECT_GT(all.full_disks, 0U);
}

TEST(KubeletProperty, EqualSeedsGiveEqualRuns) {
  Outcome once, again, other;
  run(7, 800, false, once);
  run(7, 800, false, again);
  run(8, 800, false, other);
  EXPECT_EQ(once, again);
  EXPECT_NE(once.digest, other.digest);
}

}  // namespace
}  // namespace berth
