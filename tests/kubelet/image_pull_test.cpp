#include <gtest/gtest.h>

#include <set>

#include "sim/engine/rng.hpp"
#include "tests/kubelet/image_world.hpp"
#include "tests/support/shared_data.hpp"
#include "workloads/images/image_library.hpp"

namespace berth {
namespace {

using test::at_seconds;
using test::image_config;
using test::ImageWorld;
using test::kImageNode;
using test::kMega;

constexpr NodeId kNode{0};

ImageManagerConfig parallel() {
  ImageManagerConfig config = image_config();
  config.serialize_image_pulls = false;
  config.registry_pull_qps = 0;
  return config;
}

// T = resolve + max-plus of downloads (at most `slots` at a time, in order, sharing `bandwidth` equally) and unpacks in
// order, by simulation of this one thing in floating point.
double pull_seconds(const Image& image, double resolve, double bandwidth, double unpack_rate, std::size_t slots) {
  std::vector<double> left, done(image.layers.size());
  std::map<std::string, std::size_t> first;  // A blob that is there twice is downloaded once.
  std::vector<std::size_t> waiting, running;
  for (std::size_t i = 0; i < image.layers.size(); ++i) {
    left.push_back(static_cast<double>(image.layers[i].compressed_bytes));
    if (left[i] > 0 && first.emplace(image.layers[i].digest, i).second) waiting.push_back(i);
  }
  double now = 0;
  while (!waiting.empty() || !running.empty()) {
    while (!waiting.empty() && running.size() < slots) {
      running.push_back(waiting.front());
      waiting.erase(waiting.begin());
    }
    double least = left[running[0]];
    for (const std::size_t i : running) least = std::min(least, left[i]);
    now += least * static_cast<double>(running.size()) / bandwidth;
    std::erase_if(running, [&](std::size_t i) {
      left[i] -= least;
      if (left[i] < 0.5) done[i] = now;
      return left[i] < 0.5;
    });
  }
  double unpacked = 0;
  for (std::size_t i = 0; i < image.layers.size(); ++i) {
    if (const auto at = first.find(image.layers[i].digest); at != first.end()) done[i] = done[at->second];
    unpacked = std::max(unpacked, done[i]) + static_cast<double>(image.layers[i].unpacked_bytes) / unpack_rate;
  }
  return resolve + unpacked;
}

std::vector<Image> real_images(std::size_t most) {
  ImageLibrary library;
  library.read(test::shared_dir() / "data/image-layers-official");
  library.read(test::shared_dir() / "data/image-layers-dotnet");
  std::vector<Image> images;
  const std::vector<const Image*> all = library.images();
  const std::size_t stride = std::max<std::size_t>(1, all.size() / most);
  for (std::size_t i = 0; i < all.size(); i += stride) images.push_back(*all[i]);
  // An image may be listed under two names.
  std::sort(images.begin(), images.end(), [](const Image& a, const Image& b) { return a.name < b.name; });
  const auto same = [](const Image& a, const Image& b) { return a.name == b.name; };
  images.erase(std::unique(images.begin(), images.end(), same), images.end());
  return images;
}

TEST(ImagePullRealImages, TimeOnAnIdleNodeIsTheClosedForm) {
  BERTH_NEEDS_SHARED("data/image-layers-dotnet");
  const std::vector<Image> images = real_images(300);
  ASSERT_GT(images.size(), 200U);
  for (const Image& image : images) {
    SCOPED_TRACE(image.name);
    ImageWorld w;
    const ImageId id = w.catalog.add(image);
    w.manager.add_node(kNode, kImageNode);
    w.ask(0, kNode, id);
    w.run();
    ASSERT_EQ(w.result(0), ImageResult::kPulled);
    EXPECT_NEAR(w.answers.at(0).at.seconds(), pull_seconds(image, 0.5, 100e6, 200e6, 3), 1e-6);
    EXPECT_EQ(w.bytes_in(kNode), w.catalog.compressed_bytes(id));
  }
}

TEST(ImagePullRealImages, MovesTheUnionOfLayersInAnyOrder) {
  BERTH_NEEDS_SHARED("data/image-layers-dotnet");
  std::vector<Image> images = real_images(100);
  std::map<std::string, std::int64_t> layers;
  for (const Image& image : images) {
    for (const Layer& layer : image.layers) layers[layer.digest] = layer.compressed_bytes;
  }
  std::int64_t expected = 0;
  for (const auto& [digest, bytes] : layers) expected += bytes;
  for (std::uint32_t order = 0; order < 6; ++order) {
    SCOPED_TRACE(order);
    Rng rng(order, 0, 0, Purpose::kTest);
    rng.shuffle(std::span<Image>(images));
    ImageWorld w(order % 2 == 0 ? image_config() : parallel());
    NodeImageSpec spec = kImageNode;
    spec.imagefs_bytes = 10'000'000 * kMega;
    w.manager.add_node(kNode, spec);
    for (std::uint32_t i = 0; i < images.size(); ++i) {
      // Not all at once, so that serial pulls keep below the QPS limit.
      w.at(at_seconds(i * 0.3), [&w, i, id = w.catalog.add(images[i])] { w.ask(i, kNode, id); });
    }
    w.run_to(at_seconds(3));
    ASSERT_EQ(w.verify(), "");
    w.run();
    ASSERT_EQ(w.verify(), "");
    ASSERT_EQ(w.manager.counts().pulled, images.size());
    EXPECT_EQ(w.bytes_in(kNode), expected);
  }
}

// One layer of 100 Mbyte for each of k nodes with 100 Mbyte/s cards, behind a registry of 100 Mbyte/s.
TEST(ImagePull, NodesBehindOneRegistryLinkShareIt) {
  for (const std::uint32_t k : {1U, 4U, 100U}) {
    SCOPED_TRACE(k);
    ImageManagerConfig config = image_config();
    config.pull.default_registry.egress_bytes_per_second = 100 * kMega;
    ImageWorld w(config);
    const ImageId image = w.image("a", {ImageWorld::layer("a", 100 * kMega, 200 * kMega)});
    for (std::uint32_t n = 0; n < k; ++n) {
      w.manager.add_node(NodeId{n}, kImageNode);
      w.ask(n, NodeId{n}, image);
    }
    w.run();
    for (std::uint32_t n = 0; n < k; ++n) EXPECT_NEAR(w.answers.at(n).at.seconds(), 0.5 + k * 1.0 + 1.0, 1e-5);
  }
}

// Two pulls of different images with one blob in common, not at the bottom: it comes once, and both use it.
TEST(ImagePull, ABlobIsDownloadedOnce) {
  ImageWorld w(parallel());
  const Layer shared = ImageWorld::layer("shared", 100 * kMega, 2 * kMega);
  const ImageId a = w.image("a", {ImageWorld::layer("a", 10 * kMega, 2 * kMega), shared});
  const ImageId b = w.image("b", {ImageWorld::layer("b", 10 * kMega, 2 * kMega), shared});
  w.manager.add_node(kNode, kImageNode);
  w.ask(0, kNode, a);
  w.ask(1, kNode, b);
  w.go_to(at_seconds(0.6));
  ASSERT_EQ(w.verify(), "");
  w.run();
  EXPECT_EQ(w.bytes_in(kNode), 120 * kMega);
  // All 120 Mbyte through the card by 0.5 + 1.2 s; the two unpacks of `shared` then share the disk: 4 Mbyte, 20 ms.
  EXPECT_NEAR(w.answers.at(0).at.seconds(), 1.72, 1e-6);
  EXPECT_NEAR(w.answers.at(1).at.seconds(), 1.72, 1e-6);
  EXPECT_EQ(w.count(RecordKind::kLayerDownloaded), 3U);
  EXPECT_EQ(w.count(RecordKind::kLayerUnpacked), 4U);  // Above different layers it is another snapshot.
  // 10 + 10 + 100 compressed and 4 * 2 unpacked.
  EXPECT_EQ(w.manager.runtime().store(kNode).used_bytes(), 128 * kMega);
  w.go_to(at_seconds(1000));
  w.manager.forget({0, 0}, 0, kNode);
  w.manager.forget({1, 0}, 1, kNode);
  w.manager.runtime().remove_image(kNode, a);
  EXPECT_EQ(w.manager.runtime().store(kNode).used_bytes(), 114 * kMega);
  w.manager.runtime().remove_image(kNode, b);
  EXPECT_EQ(w.manager.runtime().store(kNode).used_bytes(), 0);
}

// Who shares its first missing layer with a running pull starts no download until that layer is committed.
TEST(ImagePull, WaitsForAChainThatAnotherPullBuilds) {
  ImageWorld w(parallel());
  const Layer base = ImageWorld::layer("base", 100 * kMega, 200 * kMega);
  const ImageId a = w.image("a", {base, ImageWorld::layer("a", 1 * kMega, 2 * kMega)});
  const ImageId b = w.image("b", {base, ImageWorld::layer("b", 100 * kMega, 2 * kMega)});
  w.manager.add_node(kNode, kImageNode);
  w.ask(0, kNode, a);
  w.at(at_seconds(0.1), [&] { w.ask(1, kNode, b); });
  w.run();
  // Pull a: base and a share the card: a's 1 Mbyte is there at 0.52, base's last byte at 0.5 + 1.01, committed at 2.51.
  // Only then b's own layer is asked for: 1 s, and 10 ms of unpacking.
  EXPECT_NEAR(w.answers.at(0).at.seconds(), 2.52, 1e-6);
  EXPECT_NEAR(w.answers.at(1).at.seconds(), 2.51 + 1.01, 1e-6);
  EXPECT_EQ(w.bytes_in(kNode), 201 * kMega);
}

// Three open requests for the whole node, manifests among them.
TEST(ImagePull, SlotsAreTheNodes) {
  ImageWorld w(parallel());
  std::vector<Layer> layers;
  for (const char* digest : {"1", "2", "3", "4"}) layers.push_back(ImageWorld::layer(digest, 100 * kMega, 0));
  const ImageId a = w.image("a", layers);
  const ImageId b = w.image("b", {ImageWorld::layer("b", 10 * kMega, 0)});
  w.manager.add_node(kNode, kImageNode);
  w.ask(0, kNode, a);
  w.at(at_seconds(1), [&] { w.ask(1, kNode, b); });
  w.run();
  // Layers 1 to 3 end together at 3.5; layer 4 was in the queue before b's manifest. Both get their slots then: the
  // manifest comes at 4.0, b's blob shares the card with layer 4: 10 Mbyte at 50 Mbyte/s.
  EXPECT_NEAR(w.answers.at(1).at.seconds(), 4.2, 1e-6);
  EXPECT_NEAR(w.answers.at(0).at.seconds(), 4.6, 1e-6);
}

// The node has the blobs, but above another base: nothing to download, all to unpack.
TEST(ImagePull, ABlobThatIsThereIsUnpackedAgain) {
  ImageWorld w;
  const Layer x = ImageWorld::layer("x", 100 * kMega, 200 * kMega);
  const Layer y = ImageWorld::layer("y", 100 * kMega, 200 * kMega);
  const ImageId xy = w.image("xy", {x, y});
  const ImageId yx = w.image("yx", {y, x});
  w.manager.add_node(kNode, kImageNode);
  ASSERT_TRUE(w.manager.runtime().preload(kNode, xy));
  w.ask(0, kNode, yx);
  w.run();
  EXPECT_NEAR(w.answers.at(0).at.seconds(), 2.5, 1e-6);
  EXPECT_EQ(w.bytes_in(kNode), 0);
  EXPECT_EQ(w.count(RecordKind::kLayerFound), 2U);
}

TEST(ImagePull, ARegistryThatGoesDownBreaksPullsOff) {
  ImageWorld w;
  const ImageId image = w.image("a", {ImageWorld::layer("a", 100 * kMega, 0)});
  w.manager.add_node(kNode, kImageNode);
  const RegistryId registry = w.manager.runtime().registry_of(image);
  w.ask(0, kNode, image);
  w.go_to(at_seconds(1));
  w.manager.runtime().set_registry_down(registry, true);
  EXPECT_EQ(w.result(0), ImageResult::kErrImagePull);
  EXPECT_EQ(w.manager.runtime().store(kNode).used_bytes(), 0);
  w.ask(1, kNode, image);  // Fails when it resolves.
  w.run();
  EXPECT_EQ(w.result(1), ImageResult::kErrImagePull);
  EXPECT_NEAR(w.answers.at(1).at.seconds(), 1.5, 1e-6);
  w.manager.runtime().set_registry_down(registry, false);
  w.ask(2, kNode, image);
  w.run();
  EXPECT_EQ(w.result(2), ImageResult::kPulled);
  EXPECT_EQ(w.verify(), "");
}

// Five minutes with open requests and no bytes, from the last byte on.
TEST(ImagePull, AHangingPullIsAborted) {
  ImageWorld w;
  const ImageId image = w.image("a", {ImageWorld::layer("a", 100 * kMega, 0)});
  w.manager.add_node(kNode, kImageNode);
  ImagePuller& runtime = w.manager.runtime();
  const RegistryId registry = runtime.registry_of(image);
  w.ask(0, kNode, image);
  w.at(at_seconds(1), [&] { runtime.set_registry_bandwidth(registry, 0); });
  w.at(at_seconds(200), [&] { runtime.set_registry_bandwidth(registry, 1000); });  // A few bytes in time.
  w.at(at_seconds(201), [&] { runtime.set_registry_bandwidth(registry, 0); });
  w.run();
  EXPECT_EQ(w.result(0), ImageResult::kErrImagePull);
  EXPECT_NEAR(w.answers.at(0).at.seconds(), 501, 1e-6);
  // A pull that begins while everything hangs.
  w.ask(1, kNode, image);
  const double began = w.engine.now().seconds();
  w.run();
  EXPECT_EQ(w.result(1), ImageResult::kErrImagePull);
  EXPECT_NEAR(w.answers.at(1).at.seconds(), began + 0.5 + 300, 1e-6);
  EXPECT_EQ(w.verify(), "");
}

// The first pull of two that share a blob fails over its own disk space: the other takes the blob over.
TEST(ImagePull, ABlobIsHandedOverWhenItsPullEnds) {
  ImageWorld w(parallel());
  const Layer shared = ImageWorld::layer("shared", 100 * kMega, 2 * kMega);
  const ImageId a = w.image("a", {ImageWorld::layer("a", 10 * kMega, 2 * kMega), shared});
  const ImageId b = w.image("b", {ImageWorld::layer("b", 10 * kMega, 2 * kMega), shared});
  w.manager.add_node(kNode, kImageNode);
  w.ask(0, kNode, a);
  w.ask(1, kNode, b);
  w.go_to(at_seconds(1));
  w.manager.forget({0, 0}, 0, kNode);
  ASSERT_EQ(w.verify(), "");
  w.run();
  EXPECT_EQ(w.result(1), ImageResult::kPulled);
  // The three shared the card until 0.8, when a and b were there; 10 + 20 Mbyte of `shared` had come at 1.0, all of it
  // dropped; 1 s for the blob again and 10 ms to unpack.
  EXPECT_NEAR(w.answers.at(1).at.seconds(), 2.01, 1e-6);
  EXPECT_NEAR(static_cast<double>(w.bytes_in(kNode)), 150e6, 1);  // A byte under way is lost.
}

}  // namespace
}  // namespace berth
