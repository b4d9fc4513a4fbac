// Random pods, claims, crashes and repairs, with a recount of everything now and then. The test plays scheduler,
// kubelets, node controllers and pod GC, each as simply as it may.
#include <gtest/gtest.h>

#include <algorithm>
#include <deque>

#include "sim/engine/rng.hpp"
#include "tests/storage/storage_world.hpp"

namespace berth {
namespace {

using test::StorageWorld;

constexpr std::uint32_t kNodes = 12;
constexpr std::uint32_t kSharedClaims = 20;

enum class Act : std::uint16_t { kSchedule, kKubeletSees, kStop, kRemove, kArrive, kFault, kRepair, kTinker };

class RandomCluster final : public StorageListener, public NodeServicesListener {
 public:
  explicit RandomCluster(std::uint32_t seed)
      : storage_(engine_, journal_, options(seed)), rng_(seed, 0, 0, Purpose::kTest) {
    journal_.add_sink(&sink_);
    storage_.listen(this, this);
    storage_.add_driver("share.example.com", false, "");
    for (std::uint32_t i = 0; i < kNodes; ++i) add_node(i);
    storage_.add_class(StorageWorld::class_object("wait", true, "disk.example.com"));
    storage_.add_class(StorageWorld::class_object("now", false, "disk.example.com"));
    kube::api::StorageClass kept = StorageWorld::class_object("kept", true, "share.example.com");
    kept.retain = true;
    storage_.add_class(kept);
    storage_.add_class(StorageWorld::class_object("static", true, "kubernetes.io/no-provisioner"));
    for (std::uint32_t i = 0; i < 30; ++i) {
      std::string name = "pv";
      name += std::to_string(i);
      storage_.add_volume(StorageWorld::volume_object(name, 5 + i, "static", {"ReadWriteOnce", "ReadOnlyMany"}));
    }
    for (std::uint32_t i = 0; i < kSharedClaims; ++i) add_shared(i);
    act(Act::kArrive, 0, 0.01);
    act(Act::kFault, 0, 20);
    act(Act::kTinker, 0, 5);
  }

  // Events handled, with a recount every `every`-th; stops at the first that is wrong.
  std::string run(std::uint64_t events, std::uint64_t every) {
    Event event;
    for (std::uint64_t i = 1; i <= events && engine_.next(kNever, event); ++i) {
      if (event.kind == EventKind::kStorageEvent) {
        storage_.handle(event);
      } else {
        do_act(static_cast<Act>(event.detail), event.subject);
      }
      drain();
      if (i % every != 0) continue;
      std::string wrong = storage_.verify();
      if (!wrong.empty()) return wrong + " after " + std::to_string(i) + " events";
    }
    return "";
  }
  // Everybody goes; then nothing may be left but what outlives pods.
  std::string run_dry() {
    arriving_ = false;
    storage_.driver_failing("disk.example.com", false);
    for (std::uint32_t n = 0; n < kNodes; ++n) {
      if (!node_up_[n]) repair(n);
    }
    for (std::uint32_t p = 0; p < pods_.size(); ++p) remove(p);
    drain();
    Event event;
    while (engine_.next(kNever, event)) {
      const Act what = static_cast<Act>(event.detail);
      if (event.kind == EventKind::kStorageEvent) {
        storage_.handle(event);
      } else if (what == Act::kStop || what == Act::kRemove) {
        do_act(what, event.subject);
      }
      drain();
    }
    if (storage_.pods() != 0) return std::to_string(storage_.pods()) + " pods are left";
    return storage_.verify();
  }
  std::uint64_t digest() {
    journal_.finish(engine_.now());
    std::uint64_t hash = 14695981039346656037ULL;
    const auto mix = [&hash](std::uint64_t word) { hash = (hash ^ word) * 1099511628211ULL; };
    for (const Record& r : sink_.records) {
      mix(static_cast<std::uint64_t>(r.at.ns));
      mix(std::uint64_t{r.pod} << 32 | index(r.node));
      mix(std::uint64_t{r.value} << 32 | static_cast<std::uint32_t>(r.kind) << 8 | r.reason);
    }
    mix(mounts_);
    return hash;
  }
  std::uint64_t mounts() const { return mounts_; }
  std::size_t count(RecordKind kind) const {
    return static_cast<std::size_t>(
        std::count_if(sink_.records.begin(), sink_.records.end(), [kind](const Record& r) { return r.kind == kind; }));
  }

  void prebind_done(std::uint32_t pod, bool ok) override { notes_.push_back({Note::kPreBind, pod, ok}); }
  void claim_changed(ClaimId) override {}
  void volume_changed(VolumeId) override {}
  void image_ensured(PodSlot, ImageResult) override {}
  void volumes_mounted(PodSlot slot) override { notes_.push_back({Note::kMounted, slot.slot, slot.generation == 1}); }
  void volumes_unmounted(PodSlot slot) override { notes_.push_back({Note::kUnmounted, slot.slot, true}); }

 private:
  struct Pod {
    enum class At : std::uint8_t { kPending, kAssumed, kBound, kMounting, kRunning, kUnmounting, kGone };
    At at = At::kPending;
    bool object = true;
    std::uint32_t node = 0;
    std::uint32_t tries = 0;
  };
  struct Note {
    enum Kind { kPreBind, kMounted, kUnmounted } kind;
    std::uint32_t pod;
    bool ok;
  };

  static StorageOptions options(std::uint32_t seed) {
    StorageOptions o;
    o.seed = seed;
    o.times.provision = Distribution::parse("exponential(mean=3)", "test");
    o.times.attach = Distribution::parse("lognormal(mean=6, cv=1)", "test");
    o.times.detach = Distribution::parse("uniform(min=0, max=8)", "test");
    return o;
  }

  void act(Act what, std::uint32_t subject, double after) {
    engine_.schedule(engine_.now() + from_seconds(after), kPhaseArrive,
                     {subject, 0, EventKind::kPodArrived, static_cast<std::uint16_t>(what)});
  }
  void add_node(std::uint32_t i) {
    kube::Node object;
    object.name = "n";
    object.name += std::to_string(i);
    object.labels.set("topology.kubernetes.io/zone", i % 3 == 0 ? "z0" : i % 3 == 1 ? "z1" : "z2");
    storage_.add_node(NodeId{i}, object, seconds(i % 10));
    kube::CsiNode limits;
    limits.drivers = {{"disk.example.com", 6}};
    storage_.set_csi_node(NodeId{i}, limits);
  }
  void add_shared(std::uint32_t i) {
    static constexpr const char* kClasses[] = {"wait", "now", "kept", "static"};
    static constexpr const char* kModes[] = {"ReadWriteOnce", "ReadWriteMany", "ReadWriteOncePod", "ReadWriteOnce"};
    const char* type = kClasses[i % 4];
    std::string name = "shared";
    name += std::to_string(i);
    storage_.add_claim(
        StorageWorld::claim_object(name, 1 + i, type, {i % 4 == 3 ? "ReadOnlyMany" : kModes[i / 4 % 4]}));
  }
  void drain() {
    while (!notes_.empty()) {
      const Note note = notes_.front();
      notes_.pop_front();
      Pod& pod = pods_[note.pod];
      switch (note.kind) {
        case Note::kPreBind:
          ASSERT_EQ(pod.at, Pod::At::kAssumed);
          if (note.ok) {
            bind(note.pod);
          } else {
            pod.at = Pod::At::kPending;
            act(Act::kSchedule, note.pod, 1);
          }
          break;
        case Note::kMounted:
          ASSERT_EQ(pod.at, Pod::At::kMounting);
          ++mounts_;
          pod.at = Pod::At::kRunning;
          act(Act::kStop, note.pod, 1 + 60 * rng_.uniform());
          break;
        case Note::kUnmounted:
          ASSERT_EQ(pod.at, Pod::At::kUnmounting);
          unmounted(note.pod);
          break;
      }
    }
  }
  void bind(std::uint32_t p) {
    pods_[p].at = Pod::At::kBound;
    storage_.pod_bound(p, NodeId{pods_[p].node});
    act(Act::kKubeletSees, p, 0.2 * rng_.uniform());
  }
  void arrive() {
    const std::uint32_t p = static_cast<std::uint32_t>(pods_.size());
    pods_.emplace_back();
    std::string name = "p";
    name += std::to_string(p % 50);  // Names come again, and with them those of ephemeral claims.
    kube::api::Pod object = StorageWorld::pod_object(name, {});
    const std::uint32_t volumes = 1 + rng_.below(2);
    for (std::uint32_t i = 0; i < volumes; ++i) {
      kube::api::VolumeSpec volume;
      volume.name = "v";
      volume.name += std::to_string(i);
      if (rng_.below(3) == 0) {
        volume.type = "ephemeral";
        volume.claim = kube::api::ClaimTemplate{{}, StorageWorld::claim_object("", 3, "wait").scheduling};
      } else {
        volume.type = "persistentVolumeClaim";
        std::string claim = "shared";
        claim += std::to_string(rng_.below(kSharedClaims + 2));  // Two that never exist.
        volume.sources = {claim};
      }
      object.spec.volumes.push_back(volume);
    }
    storage_.register_pod(p, kNoTemplate, object);
    act(Act::kSchedule, p, 0);
  }
  void schedule(std::uint32_t p) {
    Pod& pod = pods_[p];
    if (pod.at != Pod::At::kPending || !pod.object) return;
    const std::uint32_t first = rng_.below(kNodes);
    for (std::uint32_t i = 0; i < kNodes; ++i) {
      const std::uint32_t n = (first + i) % kNodes;
      if (!node_exists_[n] || !node_up_[n] || !storage_.can_run_on(p, NodeId{n})) continue;
      pod.node = n;
      pod.at = Pod::At::kAssumed;
      const PreBind answer = storage_.pod_assumed(p, NodeId{n});
      ASSERT_NE(answer, PreBind::kFailed);  // can_run_on said so.
      if (answer == PreBind::kDone) bind(p);
      return;
    }
    if (++pod.tries < 30) {
      act(Act::kSchedule, p, 3);
    } else {
      remove(p);
    }
  }
  void kubelet_sees(std::uint32_t p) {
    Pod& pod = pods_[p];
    if (pod.at != Pod::At::kBound || !node_up_[pod.node] || !pod.object) return;
    pod.at = Pod::At::kMounting;
    if (storage_.mount({p, 1}, p, NodeId{pod.node})) pod.at = Pod::At::kGone;
    if (rng_.below(10) == 0) act(Act::kStop, p, 20 * rng_.uniform());    // Deleted while it waits.
    if (rng_.below(20) == 0) act(Act::kRemove, p, 20 * rng_.uniform());  // Deleted by force.
  }
  void stop(std::uint32_t p) {
    Pod& pod = pods_[p];
    if (pod.at != Pod::At::kMounting && pod.at != Pod::At::kRunning) return;
    pod.at = Pod::At::kUnmounting;
    if (rng_.below(2) == 0) storage_.pod_finished(p);
    if (storage_.unmount({p, 1}, p, NodeId{pod.node})) unmounted(p);
  }
  void unmounted(std::uint32_t p) {
    pods_[p].at = Pod::At::kGone;
    storage_.pod_stopped(p);
    remove(p);
  }
  void remove(std::uint32_t p) {
    Pod& pod = pods_[p];
    if (!pod.object) return;
    pod.object = false;
    storage_.pod_removed(p);
    if (pod.at == Pod::At::kMounting || pod.at == Pod::At::kRunning) {
      act(Act::kStop, p, 5);
    } else if (pod.at != Pod::At::kUnmounting) {
      pod.at = Pod::At::kGone;
    }
  }
  void fault() {
    const std::uint32_t n = rng_.below(kNodes);
    act(Act::kFault, 0, 60 * rng_.uniform());
    if (!node_up_[n]) return;
    node_up_[n] = false;
    storage_.node_down(NodeId{n});
    storage_.node_ready(NodeId{n}, false);
    for (std::uint32_t p = 0; p < pods_.size(); ++p) {
      Pod& pod = pods_[p];
      const bool held = pod.at == Pod::At::kMounting || pod.at == Pod::At::kRunning || pod.at == Pod::At::kUnmounting;
      if (pod.node != n || !(held || pod.at == Pod::At::kBound)) continue;
      pod.at = Pod::At::kGone;
      if (pod.object) act(Act::kRemove, p, 400 * rng_.uniform());
    }
    if (rng_.below(3) == 0) {
      node_exists_[n] = false;
      storage_.node_removed(NodeId{n});
    } else if (rng_.below(3) == 0) {
      storage_.node_out_of_service(NodeId{n}, true);
    }
    act(Act::kRepair, n, 500 * rng_.uniform());
  }
  void repair(std::uint32_t n) {
    if (node_up_[n]) return;
    node_up_[n] = true;
    if (!node_exists_[n]) {
      node_exists_[n] = true;
      add_node(n);
      return;
    }
    storage_.node_up(NodeId{n});
    storage_.node_ready(NodeId{n}, true);
    storage_.node_out_of_service(NodeId{n}, false);
  }
  // Claims are deleted and made anew, retained volumes cleared, drivers fail for a while.
  void tinker() {
    act(Act::kTinker, 0, 4 * rng_.uniform());
    const std::uint32_t i = rng_.below(kSharedClaims);
    std::string name = "shared";
    name += std::to_string(i);
    if (!storage_.find_claim("default", name)) {
      add_shared(i);
    } else if (rng_.below(4) == 0) {
      storage_.delete_claim("default", name);
    }
    std::string volume = "pv";
    volume += std::to_string(rng_.below(30));
    storage_.clear_claim_ref(volume);
    storage_.driver_failing("disk.example.com", rng_.below(5) == 0);
  }
  void do_act(Act what, std::uint32_t subject) {
    switch (what) {
      case Act::kArrive:
        if (!arriving_) return;
        arrive();
        act(Act::kArrive, 0, 2 * rng_.uniform());
        return;
      case Act::kSchedule:
        return schedule(subject);
      case Act::kKubeletSees:
        return kubelet_sees(subject);
      case Act::kStop:
        return stop(subject);
      case Act::kRemove:
        return remove(subject);
      case Act::kFault:
        return fault();
      case Act::kRepair:
        return repair(subject);
      case Act::kTinker:
        return tinker();
    }
  }

  Engine<Event> engine_;
  Journal journal_;
  test::NotingSink sink_;
  Storage storage_;
  Rng rng_;
  std::deque<Pod> pods_;
  std::deque<Note> notes_;
  std::vector<bool> node_up_ = std::vector<bool>(kNodes, true);
  std::vector<bool> node_exists_ = std::vector<bool>(kNodes, true);
  std::uint64_t mounts_ = 0;
  bool arriving_ = true;
};

TEST(StorageProperty, RecountsAgreeWhateverHappens) {
  std::uint64_t mounts = 0;
  std::size_t detached = 0;
  for (std::uint32_t seed = 0; seed < 6; ++seed) {
    SCOPED_TRACE(testing::Message() << "seed=" << seed);
    RandomCluster cluster(seed);
    ASSERT_EQ(cluster.run(40'000, 97), "");
    ASSERT_EQ(cluster.run_dry(), "");
    (void)cluster.digest();
    mounts += cluster.mounts();
    detached += cluster.count(RecordKind::kVolumeDetached);
  }
  EXPECT_GT(mounts, 3000U);  // The run has done something worth counting.
  EXPECT_GT(detached, 1000U);
}

TEST(StorageProperty, SameSeedSameJournal) {
  RandomCluster first(7), second(7), other(8);
  for (RandomCluster* cluster : {&first, &second, &other}) ASSERT_EQ(cluster->run(20'000, 100'000), "");
  const std::uint64_t digest = first.digest();
  EXPECT_EQ(digest, second.digest());
  EXPECT_NE(digest, other.digest());
}

}  // namespace
}  // namespace berth
