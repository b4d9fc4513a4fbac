#include "sim/kubelet/image_manager.hpp"

#include <gtest/gtest.h>

#include "tests/kubelet/image_world.hpp"

namespace berth {
namespace {

using kube::api::PullPolicy;
using test::at_seconds;
using test::image_config;
using test::ImageWorld;
using test::kImageNode;
using test::kMega;

constexpr NodeId kNode{0};

// The node takes 100 Mbyte/s in and unpacks 200 Mbyte/s; resolving takes 0.5 s: this image is there after 2.5 s.
ImageId simple(ImageWorld& w, const std::string& name) {
  return w.image(name, {ImageWorld::layer(name, 100 * kMega, 200 * kMega)});
}

TEST(ImageManager, PullPolicies) {
  struct Case {
    PullPolicy policy;
    bool there;
    ImageResult expected;
    double seconds;
  };
  for (const Case c : {Case{PullPolicy::kIfNotPresent, true, ImageResult::kPresent, 0},
                       Case{PullPolicy::kIfNotPresent, false, ImageResult::kPulled, 2.5},
                       Case{PullPolicy::kNever, true, ImageResult::kPresent, 0},
                       Case{PullPolicy::kNever, false, ImageResult::kErrImageNeverPull, 0},
                       Case{PullPolicy::kAlways, true, ImageResult::kPresent, 0.5},
                       Case{PullPolicy::kAlways, false, ImageResult::kPulled, 2.5}}) {
    SCOPED_TRACE(testing::Message() << static_cast<int>(c.policy) << c.there);
    ImageWorld w;
    const ImageId image = simple(w, "nginx:1");
    w.manager.add_node(kNode, kImageNode);
    if (c.there) {
      ASSERT_TRUE(w.manager.runtime().preload(kNode, image));
    }
    w.ask(0, kNode, image, c.policy);
    w.run();
    EXPECT_EQ(w.result(0), c.expected);
    EXPECT_NEAR(w.answers.at(0).at.seconds(), c.seconds, 1e-6);
    EXPECT_EQ(w.bytes_in(kNode), c.expected == ImageResult::kPulled ? 100 * kMega : 0);
    EXPECT_EQ(w.verify(), "");
  }
}

TEST(ImageManager, SerialPullsAreFirstComeFirstServed) {
  ImageWorld w;
  w.manager.add_node(kNode, kImageNode);
  for (std::uint32_t i = 0; i < 4; ++i) w.ask(i, kNode, simple(w, "i" + std::to_string(i)));
  w.run();
  for (std::uint32_t i = 0; i < 4; ++i) EXPECT_NEAR(w.answers.at(i).at.seconds(), 2.5 * (i + 1), 1e-6);
}

// Two at a time: both share the card (2 s instead of 1) and the disk (2 s instead of 1).
TEST(ImageManager, ParallelPullsShareTheNode) {
  ImageManagerConfig config = image_config();
  config.serialize_image_pulls = false;
  config.max_parallel_image_pulls = 2;
  ImageWorld w(config);
  w.manager.add_node(kNode, kImageNode);
  for (std::uint32_t i = 0; i < 3; ++i) w.ask(i, kNode, simple(w, "i" + std::to_string(i)));
  w.run();
  EXPECT_NEAR(w.answers.at(0).at.seconds(), 4.5, 1e-6);
  EXPECT_NEAR(w.answers.at(1).at.seconds(), 4.5, 1e-6);
  EXPECT_NEAR(w.answers.at(2).at.seconds(), 4.5 + 2.5, 1e-6);
}

// The decision to pull falls before the queue: the second pull runs, and finds all there.
TEST(ImageManager, ADuplicatePullIsAManifestCheck) {
  ImageWorld w;
  const ImageId image = simple(w, "nginx:1");
  w.manager.add_node(kNode, kImageNode);
  w.ask(0, kNode, image);
  w.ask(1, kNode, image);
  w.run();
  EXPECT_EQ(w.result(0), ImageResult::kPulled);
  EXPECT_EQ(w.result(1), ImageResult::kPresent);
  EXPECT_NEAR(w.answers.at(1).at.seconds(), 3.0, 1e-6);
  EXPECT_EQ(w.bytes_in(kNode), 100 * kMega);
}

// registryPullQPS 5, registryBurst 10: over the limit a pull fails at once.
TEST(ImageManager, PullsOverTheRateFailAtOnce) {
  ImageManagerConfig config = image_config();
  config.serialize_image_pulls = false;
  ImageWorld w(config);
  w.manager.add_node(kNode, kImageNode);
  std::vector<ImageId> images;
  for (int i = 0; i < 16; ++i) images.push_back(simple(w, "i" + std::to_string(i)));
  for (std::uint32_t i = 0; i < 12; ++i) {
    w.ask(i, kNode, images[i]);
    EXPECT_EQ(w.result(i), i < 10 ? std::optional<ImageResult>{} : ImageResult::kErrImagePull) << i;
  }
  w.go_to(at_seconds(0.2));
  w.ask(12, kNode, images[12]);
  w.ask(13, kNode, images[13]);
  EXPECT_EQ(w.result(12), std::nullopt);
  EXPECT_EQ(w.result(13), ImageResult::kErrImagePull);
  w.ask(11, kNode, images[11]);
  EXPECT_EQ(w.result(11), ImageResult::kImagePullBackOff);
  EXPECT_EQ(w.verify(), "");
}

// A pod whose image does not exist asks every second. A pull fails 0.5 s after it began; the next may begin 10, 20, …
// 300 s after that.
TEST(ImageManager, BackOffGaps) {
  ImageWorld w;
  const ImageId image = simple(w, "no-such:1");
  w.manager.runtime().set_missing(image, true);
  w.manager.add_node(kNode, kImageNode);
  const auto ask_until = [&](int from, int to) {
    for (int s = from; s < to; ++s) {
      w.at(at_seconds(s), [&w, image] { w.ask(0, kNode, image); });
    }
    w.run_to(at_seconds(to) - nanoseconds(1));
  };
  ask_until(0, 950);
  EXPECT_EQ(w.times(RecordKind::kImagePulling), (std::vector<double>{0, 11, 32, 73, 154, 315, 616, 917}));
  EXPECT_EQ(w.count(RecordKind::kImagePulled), 0U);
  // More than 600 s after the failure at 917.5 all is forgotten.
  ask_until(1519, 1545);
  const std::vector<double> all = w.times(RecordKind::kImagePulling);
  EXPECT_EQ(std::vector<double>(all.begin() + 8, all.end()), (std::vector<double>{1519, 1530}));
  // Another pod has its own back-off.
  w.ask(1, kNode, image);
  EXPECT_EQ(w.result(1), std::nullopt);
  // Once the tag is there, the next try succeeds.
  w.manager.runtime().set_missing(image, false);
  w.go_to(at_seconds(1600));
  w.ask(0, kNode, image);
  w.run();
  EXPECT_EQ(w.result(0), ImageResult::kPresent);  // Pod 1 had pulled it.
  EXPECT_EQ(w.result(1), ImageResult::kPulled);
}

TEST(ImageManager, AForgottenPodsPullEnds) {
  ImageWorld w;
  const ImageId a = simple(w, "a");
  const ImageId b = simple(w, "b");
  const ImageId c = simple(w, "c");
  w.manager.add_node(kNode, kImageNode);
  w.ask(0, kNode, a);
  w.ask(1, kNode, b);
  w.ask(2, kNode, c);
  w.go_to(at_seconds(1));
  w.manager.forget({0, 0}, 0, kNode);  // 50 Mbyte of a have come.
  w.manager.forget({1, 0}, 1, kNode);
  EXPECT_EQ(w.verify(), "");
  EXPECT_EQ(w.manager.runtime().store(kNode).used_bytes(), 0);
  w.run();
  EXPECT_EQ(w.result(0), std::nullopt);
  EXPECT_EQ(w.result(1), std::nullopt);
  EXPECT_NEAR(w.answers.at(2).at.seconds(), 1 + 2.5, 1e-6);
  EXPECT_EQ(w.bytes_in(kNode), 150 * kMega);
}

TEST(ImageManager, ACrashEndsPullsAndKeepsTheDisk) {
  ImageWorld w;
  const ImageId a = simple(w, "a");
  const ImageId b = simple(w, "b");
  w.manager.add_node(kNode, kImageNode);
  w.ask(0, kNode, a);
  w.ask(1, kNode, b);
  w.go_to(at_seconds(3.5));
  EXPECT_EQ(w.result(0), ImageResult::kPulled);
  w.manager.container_created(kNode, a);
  w.manager.node_down(kNode);
  EXPECT_EQ(w.verify(), "");
  w.go_to(at_seconds(100));
  EXPECT_EQ(w.result(1), std::nullopt);
  w.manager.forget({0, 0}, 0, kNode);
  w.manager.forget({1, 0}, 1, kNode);
  w.manager.node_up(kNode, true);
  EXPECT_TRUE(w.manager.present(kNode, a));
  EXPECT_EQ(w.manager.runtime().store(kNode).used_bytes(), 300 * kMega);
  w.manager.node_down(kNode);
  w.manager.node_up(kNode, false);
  EXPECT_FALSE(w.manager.present(kNode, a));
  w.ask(2, kNode, a);
  w.run();
  EXPECT_NEAR(w.answers.at(2).at.seconds(), 102.5, 1e-6);
  w.manager.remove_node(kNode);
  w.manager.add_node(kNode, kImageNode);
  EXPECT_FALSE(w.manager.present(kNode, a));
  EXPECT_EQ(w.verify(), "");
}

TEST(ImageManager, WhatDoesNotFitFails) {
  ImageWorld w;
  const ImageId small = simple(w, "small");
  const ImageId packed = w.image("packed", {ImageWorld::layer("p", 100 * kMega, 700 * kMega)});
  const ImageId large = w.image("large", {ImageWorld::layer("l", 900 * kMega, 1)});
  NodeImageSpec spec = kImageNode;
  spec.imagefs_bytes = 1000 * kMega;
  w.manager.add_node(kNode, spec);
  w.ask(0, kNode, small);
  w.ask(1, kNode, packed);  // Downloads, and fails when it is to be unpacked: 300 + 100 + 700 > 1000.
  w.ask(2, kNode, large);   // Does not begin: 300 + 900 > 1000.
  w.run_to(at_seconds(20));
  EXPECT_EQ(w.result(0), ImageResult::kPulled);
  EXPECT_EQ(w.result(1), ImageResult::kErrImagePull);
  EXPECT_EQ(w.result(2), ImageResult::kErrImagePull);
  EXPECT_EQ(w.manager.runtime().store(kNode).used_bytes(), 300 * kMega);
  EXPECT_EQ(w.bytes_in(kNode), 200 * kMega);
  EXPECT_EQ(w.verify(), "");
}

}  // namespace
}  // namespace berth
