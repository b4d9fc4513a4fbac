// Everything at once, at random: pods that ask and go, containers, crashes, outages, full disks, under each strategy.
#include <gtest/gtest.h>

#include "policies/image_distribution.hpp"
#include "sim/engine/rng.hpp"
#include "tests/kubelet/image_world.hpp"

namespace berth {
namespace {

using kube::api::PullPolicy;
using test::image_config;
using test::ImageWorld;
using test::kMega;

constexpr std::uint32_t kNodes = 8;
constexpr std::uint32_t kPods = 60;
constexpr std::uint32_t kImages = 24;

struct Pod {
  NodeId node = kNoNode;  // kNoNode: does not exist.
  ImageId image{};
  bool asking = false;
  bool may_create = false;
  std::uint32_t containers = 0;
};

class RandomImages {
 public:
  RandomImages(const char* strategy, std::uint64_t seed)
      : rng_(seed, 0, 0, Purpose::kTest),
        w(config(seed), Registry<ImageDistribution>::instance().make(PolicySpec::parse(strategy, "test"))) {
    // Layers from a small pool: shared bases, shared blobs above different bases, the same blob twice, empty layers.
    for (std::uint32_t i = 0; i < kImages; ++i) {
      std::vector<Layer> layers;
      const std::uint32_t base = rng_.below(3);
      for (std::uint32_t l = 0; l <= base; ++l) layers.push_back(layer(base * 10 + l));
      const std::uint32_t own = 1 + rng_.below(4);
      for (std::uint32_t l = 0; l < own; ++l) layers.push_back(layer(100 + rng_.below(40)));
      std::string name = i % 3 == 0 ? "quay.io/x/i" : "i";
      name += std::to_string(i);
      images_.push_back(w.image(name, layers));
    }
    w.manager.set_pinned(images_[0]);
    w.manager.runtime().set_run_images(images_);
    for (std::uint32_t n = 0; n < kNodes; ++n) join(NodeId{n});
    w.on_answer = [this](std::uint32_t pod, ImageResult result) { answered(pod, result); };
  }

  void step() {
    const std::uint32_t p = rng_.below(kPods);
    Pod& pod = pods_[p];
    switch (rng_.below(24)) {
      case 0:
        w.go_to(w.engine.now() + seconds(rng_.below(400)));
        break;
      case 1:
        if (pod.node != kNoNode) forget(p);
        break;
      case 2: {
        const NodeId node{rng_.below(kNodes)};
        if (rng_.below(4) != 0) break;
        if (!up_[index(node)]) {
          up_[index(node)] = true;
          if (exists_[index(node)]) {
            w.manager.node_up(node, rng_.below(2) == 0);
          } else {
            join(node);
          }
          break;
        }
        up_[index(node)] = false;
        for (Pod& owner : pods_) {  // Who owns the containers removes them, or they would stay on the disk.
          if (owner.node != node) continue;
          for (; owner.containers > 0; --owner.containers) w.manager.container_removed(node, owner.image);
        }
        if (rng_.below(4) == 0) {
          w.manager.remove_node(node);
          exists_[index(node)] = false;
        } else {
          w.manager.node_down(node);
        }
        for (std::uint32_t q = 0; q < kPods; ++q) {
          if (pods_[q].node != node) continue;
          forget(q);
        }
        break;
      }
      case 3: {
        const RegistryId registry = w.manager.runtime().registry_of(images_[rng_.below(2)]);
        if (rng_.below(2) == 0) {
          w.manager.runtime().set_registry_down(registry, rng_.below(3) == 0);
        } else {
          w.manager.runtime().set_registry_bandwidth(registry, rng_.below(4) == 0 ? 0 : (1 + rng_.below(30)) * kMega);
        }
        break;
      }
      case 4: {
        const NodeId node{rng_.below(kNodes)};
        if (!exists_[index(node)]) break;
        const auto draw = [&] { return rng_.below(4) == 0 ? 0 : (1 + rng_.below(20)) * kMega; };
        const std::int64_t in = draw();
        w.manager.runtime().set_node_bandwidth(node, in, draw());
        break;
      }
      case 5:
        w.manager.runtime().set_missing(images_[rng_.below(kImages)], rng_.below(4) == 0);
        break;
      case 6: {
        const NodeId node{rng_.below(kNodes)};
        if (up_[index(node)] && rng_.below(8) == 0) w.manager.remove_unused(node);
        break;
      }
      default:
        if (pod.node == kNoNode) {
          const NodeId node{rng_.below(kNodes)};
          if (!up_[index(node)]) break;
          pod.node = node;
        }
        if (pod.asking) break;
        if (pod.containers > 0 && rng_.below(2) == 0) {
          --pod.containers;
          w.manager.container_removed(pod.node, pod.image);
        } else if (pod.may_create && rng_.below(2) == 0) {
          ++pod.containers;
          w.manager.container_created(pod.node, pod.image);
        } else if (pod.containers == 0) {
          pod.image = images_[rng_.below(kImages)];
          pod.may_create = false;
          pod.asking = true;
          const std::uint32_t policy = rng_.below(10);
          w.ask(p, pod.node, pod.image,
                policy == 0  ? PullPolicy::kNever
                : policy < 4 ? PullPolicy::kAlways
                             : PullPolicy::kIfNotPresent);
        }
        w.go_to(w.engine.now() + milliseconds(rng_.below(1500)));
    }
  }

  std::string verify() {
    for (const Pod& pod : pods_) {
      if ((pod.containers > 0 || pod.may_create) && !w.manager.present(pod.node, pod.image))
        return "an image in use is gone";
    }
    return w.verify();
  }

  // All faults over: everything comes to an end, and no byte is unaccounted for.
  void settle() {
    for (std::uint32_t i = 0; i < kImages; ++i) {
      w.manager.runtime().set_registry_down(w.manager.runtime().registry_of(images_[i]), false);
      w.manager.runtime().set_registry_bandwidth(w.manager.runtime().registry_of(images_[i]), 100 * kMega);
    }
    for (std::uint32_t n = 0; n < kNodes; ++n) {
      if (exists_[n]) w.manager.runtime().set_node_bandwidth(NodeId{n}, 10 * kMega, 10 * kMega);
    }
    // Not for ever: a full disk with nothing to delete is scanned every five minutes.
    w.go_to(w.engine.now() + seconds(10'000));
    ASSERT_EQ(verify(), "");
    for (const Pod& pod : pods_) EXPECT_FALSE(pod.asking);
    EXPECT_EQ(w.network.flows(), 0);
    std::int64_t in = 0;
    std::int64_t from = 0;
    for (std::uint32_t n = 0; n < kNodes; ++n) in += w.network.carried(w.manager.runtime().node_in(NodeId{n}));
    for (const std::int64_t bytes : w.manager.runtime().bytes_from()) from += bytes;
    EXPECT_EQ(in, from);
  }

 private:
  static ImageManagerConfig config(std::uint64_t seed) {
    ImageManagerConfig c = image_config();
    c.pull.default_registry.egress_bytes_per_second = 20 * kMega;
    c.serialize_image_pulls = seed % 3 == 0;
    c.max_parallel_image_pulls = seed % 3 == 1 ? 3 : 0;
    c.pull.seed = seed;
    return c;
  }
  static Layer layer(std::uint32_t number) {
    const std::int64_t bytes = number % 11 == 0 ? 0 : (1 + number * 7919 % 30) * kMega;
    return ImageWorld::layer(std::to_string(number), bytes, number % 13 == 0 ? 0 : 2 * bytes + 1);
  }
  void join(NodeId node) {
    NodeImageSpec spec;
    spec.imagefs_bytes = (400 + 100 * rng_.below(8)) * kMega;
    spec.in_bytes_per_second = spec.out_bytes_per_second = (5 + rng_.below(10)) * kMega;
    spec.unpack_bytes_per_second = 40 * kMega;
    spec.zone = index(node) % 2 == 0 ? 0 : 1;
    w.manager.add_node(node, spec);
    exists_[index(node)] = up_[index(node)] = true;
  }
  void forget(std::uint32_t p) {
    Pod& pod = pods_[p];
    for (; pod.containers > 0; --pod.containers) w.manager.container_removed(pod.node, pod.image);
    w.manager.forget({p, 0}, p, pod.node);
    pod = {};
  }
  void answered(std::uint32_t p, ImageResult result) {
    Pod& pod = pods_[p];
    ASSERT_TRUE(pod.asking);
    pod.asking = false;
    pod.may_create = result == ImageResult::kPresent || result == ImageResult::kPulled;
    if (pod.may_create) {
      ASSERT_TRUE(w.manager.present(pod.node, pod.image));
    }
  }

  Rng rng_;

 public:
  ImageWorld w;

 private:
  std::vector<ImageId> images_;
  std::vector<Pod> pods_ = std::vector<Pod>(kPods);
  std::array<bool, kNodes> up_{}, exists_{};
};

TEST(ImageProperty, HoldsUnderAnything) {
  std::uint64_t events = 0;
  ImageCounts sum;
  for (const char* strategy :
       {"registry", "mirror", "mirror(cache_gib=1,egress_mbit=100,ingress_mbit=50)", "peer-to-peer",
        "peer-to-peer(uploads=1,tries=1)", "pre-pull(images=4)", "lazy(share=0.1)", "lazy"}) {
    for (std::uint64_t seed = 0; seed < 6; ++seed) {
      SCOPED_TRACE(testing::Message() << strategy << " seed=" << seed);
      RandomImages random(strategy, seed);
      for (int step = 0; step < 6'000; ++step) {
        random.step();
        if (step % 40 == 0) {
          ASSERT_EQ(random.verify(), "") << "step " << step;
        }
        if (testing::Test::HasFatalFailure()) return;
      }
      random.settle();
      events += random.w.engine.events_executed();
      const ImageCounts& counts = random.w.manager.counts();
      sum.pulled += counts.pulled;
      sum.unchanged += counts.unchanged;
      sum.failed += counts.failed;
      sum.removed += counts.removed;
    }
  }
  // It did happen.
  EXPECT_GT(events, 200'000U);
  EXPECT_GT(sum.pulled, 5'000U);
  EXPECT_GT(sum.unchanged, 5'000U);
  EXPECT_GT(sum.failed, 5'000U);
  EXPECT_GT(sum.removed, 500U);
  RecordProperty("events", static_cast<int>(events));
}

// The same seed gives the same journal.
TEST(ImageProperty, IsDeterministic) {
  const auto journal = [] {
    RandomImages random("peer-to-peer", 5);
    for (int step = 0; step < 2'000; ++step) random.step();
    return random.w.records();
  };
  const std::vector<Record> a = journal();
  const std::vector<Record> b = journal();
  ASSERT_EQ(a.size(), b.size());
  ASSERT_GT(a.size(), 1'000U);
  for (std::size_t i = 0; i < a.size(); ++i) {
    ASSERT_TRUE(a[i].at == b[i].at && a[i].kind == b[i].kind && a[i].node == b[i].node && a[i].value == b[i].value &&
                a[i].pod == b[i].pod)
        << i;
  }
}

}  // namespace
}  // namespace berth
