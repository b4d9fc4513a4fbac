#include "sim/kubelet/image_gc.hpp"

#include <gtest/gtest.h>

#include "tests/kubelet/image_world.hpp"

namespace berth {
namespace {

using test::at_seconds;
using test::ImageWorld;
using test::kImageNode;
using test::kMega;

constexpr NodeId kNode{0};

TEST(ScanGrid, NextAndPrevious) {
  const ScanGrid grid{at_seconds(100), seconds(300)};
  EXPECT_EQ(grid.at_or_after(at_seconds(0)), at_seconds(100));
  EXPECT_EQ(grid.at_or_after(at_seconds(100)), at_seconds(100));
  EXPECT_EQ(grid.at_or_after(at_seconds(100.5)), at_seconds(400));
  EXPECT_EQ(grid.at_or_after(at_seconds(400)), at_seconds(400));
  EXPECT_EQ(grid.before(at_seconds(400)), at_seconds(100));
  EXPECT_EQ(grid.before(at_seconds(400.5)), at_seconds(400));
  EXPECT_LT(grid.before(at_seconds(100)), at_seconds(100));
}

// 100 - floor(100 * free / capacity): 84.x % used is 85 as soon as less than 16 % are free.
TEST(ImageGc, UsageIsRoundedUp) {
  struct Case {
    std::int64_t used, expected;
  };
  for (const Case c :
       {Case{0, 0}, Case{1, 1}, Case{840, 84}, Case{841, 85}, Case{850, 85}, Case{851, 86}, Case{1000, 100}}) {
    ImageStore store;
    store.capacity_bytes = 1000;
    ASSERT_TRUE(store.take(c.used));
    EXPECT_EQ(usage_percent(store), c.expected) << c.used;
  }
}

TEST(ImageGc, FreesDownToTheLowThreshold) {
  ImageStore store;
  store.capacity_bytes = 1001;
  ASSERT_TRUE(store.take(900));
  EXPECT_EQ(bytes_to_free(store, {}), 200 - 101);  // floor(1001 * 20 / 100) = 200; 101 are free.
}

TEST(ImageGc, UseIsSeenAtScansOnly) {
  const ScanGrid grid{at_seconds(0), seconds(300)};
  struct Case {
    double from, to;
    Time expected;
  };
  for (const Case c : {Case{100, 200, Time{-1}}, Case{100, 450, at_seconds(300)}, Case{100, 300, Time{-1}},
                       Case{350, 1000, at_seconds(900)}}) {
    ImageStore::ImageEntry image;
    image.in_use_since = at_seconds(c.from);
    note_unused(image, grid, at_seconds(c.to));
    EXPECT_EQ(image.last_used, c.expected) << c.from << " to " << c.to;
  }
}

NodeImageSpec disk(std::int64_t mega) {
  NodeImageSpec spec = kImageNode;
  spec.imagefs_bytes = mega * kMega;
  return spec;
}

// Four images of 100 Mbyte, 250 on disk each, on a disk of 1,000: full. What is used is looked at every 300 s only.
TEST(ImageGc, LeastRecentlySeenInUseGoesFirst) {
  ImageWorld w;
  std::vector<ImageId> images;
  for (const char* name : {"a", "b", "c", "d"}) {
    images.push_back(w.image(name, {ImageWorld::layer(name, 100 * kMega, 150 * kMega)}));
  }
  w.manager.add_node(kNode, disk(1000));
  for (std::uint32_t i = 0; i < 4; ++i) w.ask(i, kNode, images[i]);
  w.go_to(at_seconds(100));
  for (std::uint32_t i = 0; i < 4; ++i) EXPECT_EQ(w.result(i), ImageResult::kPulled);
  for (std::uint32_t i = 0; i < 3; ++i) w.manager.forget({i, 0}, i, kNode);
  EXPECT_EQ(w.manager.runtime().store(kNode).used_bytes(), 1000 * kMega);
  // c is used when nobody looks; b is seen at 300; d stays in use.
  w.manager.container_created(kNode, images[2]);
  w.go_to(at_seconds(200));
  w.manager.container_removed(kNode, images[2]);
  w.manager.container_created(kNode, images[1]);
  w.manager.container_created(kNode, images[3]);
  w.go_to(at_seconds(350));
  w.manager.container_removed(kNode, images[1]);
  // All were first seen at 300, so none was old enough then.
  EXPECT_EQ(w.manager.counts().removed, 0U);
  ASSERT_EQ(w.verify(), "");
  // At 600: 200 - 0 Mbyte to delete, by the images' sizes: a and c, which were never seen in use.
  w.go_to(at_seconds(601));
  EXPECT_FALSE(w.manager.present(kNode, images[0]));
  EXPECT_TRUE(w.manager.present(kNode, images[1]));
  EXPECT_FALSE(w.manager.present(kNode, images[2]));
  EXPECT_TRUE(w.manager.present(kNode, images[3]));
  EXPECT_EQ(w.times(RecordKind::kImageRemoved), (std::vector<double>{600, 600}));
  EXPECT_EQ(w.manager.runtime().store(kNode).used_bytes(), 500 * kMega);
  ASSERT_EQ(w.verify(), "");
  // Half full: nothing is scheduled any more.
  EXPECT_EQ(w.engine.next_time(), kNever);
}

// Sizes count shared layers in each image: two deletions are thought to free 2 * 310, and free 20 (10 of each).
TEST(ImageGc, SharedLayersOverstateSizes) {
  ImageWorld w;
  const Layer base = ImageWorld::layer("base", 300 * kMega, 0);
  std::vector<ImageId> images;
  for (const char* name : {"a", "b", "c"}) {
    images.push_back(w.image(name, {base, ImageWorld::layer(name, 10 * kMega, 0)}));
  }
  w.manager.add_node(kNode, disk(360));
  for (const ImageId image : images) ASSERT_TRUE(w.manager.runtime().preload(kNode, image));
  EXPECT_EQ(w.manager.runtime().store(kNode).used_bytes(), 330 * kMega);  // 92 %.
  w.go_to(at_seconds(1));
  // 72 - 30 = 42 to free at the first scan: `a` counts 310, and that is that.
  EXPECT_EQ(w.manager.counts().removed, 1U);
  EXPECT_FALSE(w.manager.present(kNode, images[0]));
  EXPECT_EQ(w.manager.runtime().store(kNode).used_bytes(), 320 * kMega);
  w.go_to(at_seconds(301));  // Still 89 %: the next scan takes `b`.
  EXPECT_EQ(w.manager.counts().removed, 2U);
  EXPECT_EQ(w.manager.runtime().store(kNode).used_bytes(), 310 * kMega);
  w.go_to(at_seconds(601));  // 87 %: and `c`, with the base.
  EXPECT_EQ(w.manager.runtime().store(kNode).used_bytes(), 0);
  ASSERT_EQ(w.verify(), "");
}

TEST(ImageGc, PinnedUsedAndHeldStay) {
  ImageWorld w;
  std::vector<ImageId> images;
  for (const char* name : {"pause", "used", "held", "idle"}) {
    images.push_back(w.image(name, {ImageWorld::layer(name, 100 * kMega, 140 * kMega)}));
  }
  w.manager.set_pinned(images[0]);
  w.manager.add_node(kNode, disk(1000));
  for (const ImageId image : images) ASSERT_TRUE(w.manager.runtime().preload(kNode, image));
  w.manager.container_created(kNode, images[1]);
  w.ask(0, kNode, images[2]);
  EXPECT_EQ(w.result(0), ImageResult::kPresent);
  w.go_to(at_seconds(1));
  EXPECT_TRUE(w.manager.present(kNode, images[0]));
  EXPECT_TRUE(w.manager.present(kNode, images[1]));
  EXPECT_TRUE(w.manager.present(kNode, images[2]));
  EXPECT_FALSE(w.manager.present(kNode, images[3]));
  // Under disk pressure, too, until the pod is forgotten.
  EXPECT_EQ(w.manager.remove_unused(kNode), 0);
  w.manager.forget({0, 0}, 0, kNode);
  EXPECT_EQ(w.manager.remove_unused(kNode), 240 * kMega);
  ASSERT_EQ(w.verify(), "");
}

// Disk pressure between two scans: an image that nobody has seen yet is seen now, and too young for two minutes.
TEST(ImageGc, DiskPressureKeepsTheMinimumAge) {
  ImageWorld w;
  const ImageId image = w.image("a", {ImageWorld::layer("a", 100 * kMega, 100 * kMega)});
  w.manager.add_node(kNode, disk(1000));
  w.ask(0, kNode, image);
  w.go_to(at_seconds(10));
  w.manager.forget({0, 0}, 0, kNode);
  EXPECT_EQ(w.manager.remove_unused(kNode), 0);
  w.go_to(at_seconds(129.9));
  EXPECT_EQ(w.manager.remove_unused(kNode), 0);
  w.go_to(at_seconds(130));
  EXPECT_EQ(w.manager.remove_unused(kNode), 200 * kMega);
}

}  // namespace
}  // namespace berth
