#include "workloads/images/image_library.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "sim/cluster/kube_objects.hpp"
#include "sim/engine/error.hpp"
#include "sim/engine/rng.hpp"
#include "tests/support/shared_data.hpp"
#include "tests/support/temp_dir.hpp"
#include "workloads/csv.hpp"
#include "workloads/images/synthetic_images.hpp"

namespace berth {
namespace {

using testing::HasSubstr;

ImageLibrary official() {
  ImageLibrary library;
  library.read(test::shared_dir() / "data/image-layers-official");
  return library;
}

// The folder's README: 27 images, 157 references to 120 distinct layers, 1.71 GB distinct of 3.15 GB referenced.
TEST(ImageLibrary, OfficialIsWhatItsPageSays) {
  BERTH_NEEDS_SHARED("data/image-layers-official");
  const ImageLibrary library = official();
  EXPECT_EQ(library.size(), 27U);
  ImageCatalog catalog;
  std::size_t references = 0;
  std::int64_t referenced = 0;
  for (const Image* image : library.images()) {
    catalog.add(*image);
    references += image->layers.size();
    for (const Layer& layer : image->layers) referenced += layer.compressed_bytes;
  }
  EXPECT_EQ(references, 157U);
  EXPECT_EQ(catalog.layers(), 120U);
  EXPECT_NEAR(static_cast<double>(referenced), 3.15e9, 5e6);
}

// Pulling the whole catalogue onto one node, in any order, moves the bytes of the union of its layers: what a plain
// scan of layers.csv adds up to.
TEST(ImageLibrary, PullsMoveTheUnionOfLayers) {
  BERTH_NEEDS_SHARED("data/image-layers-official");
  std::map<std::string, std::int64_t> distinct;
  CsvReader rows(test::shared_dir() / "data/image-layers-official/layers.csv", {"layer_digest", "compressed_bytes"},
                 {});
  while (rows.next()) distinct[std::string(rows.text(0))] = rows.integer(1);
  std::int64_t expected = 0;
  for (const auto& [digest, bytes] : distinct) expected += bytes;
  EXPECT_NEAR(static_cast<double>(expected), 1.71e9, 5e6);

  ImageCatalog catalog;
  std::vector<ImageId> ids;
  const ImageLibrary library = official();
  for (const Image* image : library.images()) ids.push_back(catalog.add(*image));
  for (std::uint32_t n = 0; n < 50; ++n) {
    Rng rng(1, 0, n, Purpose::kTest);
    rng.shuffle(std::span(ids));
    LayerStore store(catalog);
    std::int64_t moved = 0;
    for (const ImageId id : ids) moved += store.pull(id);
    ASSERT_EQ(moved, expected) << "order " << n;
    rng.shuffle(std::span(ids));
    for (const ImageId id : ids) moved -= store.remove(id);
    ASSERT_EQ(moved, 0) << "order " << n;
  }
}

// The folder's README: 1,715 distinct layers in the newest snapshot's listings, 117.6 GB of 364.7 GB referenced; a
// listed base is a prefix of its image.
TEST(ImageLibrary, DotnetIsWhatItsPageSays) {
  BERTH_NEEDS_SHARED("data/image-layers-dotnet");
  ImageLibrary library;
  library.read(test::shared_dir() / "data/image-layers-dotnet");
  std::map<std::string, const Image*> by_digest;
  for (const Image* image : library.images()) by_digest.emplace(image->digest, image);

  CsvReader rows(test::shared_dir() / "data/image-layers-dotnet/images.csv",
                 {"snapshot", "image_digest", "base_image_digest", "layers", "compressed_bytes"}, {});
  ImageCatalog catalog;
  std::int64_t referenced = 0;
  std::size_t prefixes = 0;
  while (rows.next()) {
    const auto it = by_digest.find(std::string(rows.text(1)));
    ASSERT_NE(it, by_digest.end()) << rows.text(1);
    const Image& image = *it->second;
    ASSERT_EQ(static_cast<std::int64_t>(image.layers.size()), rows.integer(3));
    const auto base = by_digest.find(std::string(rows.text(2)));
    if (base != by_digest.end()) {
      const auto& below = base->second->layers;
      prefixes += below.size() <= image.layers.size() && std::equal(below.begin(), below.end(), image.layers.begin());
    }
    if (rows.text(0) != "2026-08-21") continue;
    referenced += rows.integer(4);
    catalog.add(image);
  }
  EXPECT_EQ(catalog.layers(), 1715U);
  EXPECT_NEAR(static_cast<double>(referenced), 364.7e9, 0.1e9);
  LayerStore store(catalog);
  for (std::uint32_t i = 0; i < catalog.images(); ++i) store.pull(ImageId(i));
  EXPECT_NEAR(static_cast<double>(store.compressed_bytes()), 117.6e9, 0.1e9);
  EXPECT_EQ(prefixes, 1594U);
}

TEST(ImageLibrary, ResolvesNamesAndSaysHow) {
  BERTH_NEEDS_SHARED("data/image-layers-official");
  const ImageLibrary library = official();
  const FoundImage listed = library.resolve("redis:7.0");
  EXPECT_EQ(listed.origin, ImageOrigin::kListed);
  EXPECT_EQ(listed.note, "");
  const FoundImage latest = library.resolve("docker.io/library/ubuntu");  // 22.04 is above 20.04.
  EXPECT_EQ(latest.image.name, "docker.io/library/ubuntu:22.04");
  EXPECT_EQ(latest.origin, ImageOrigin::kStandIn);
  const FoundImage refined = library.resolve("python:3.11");
  EXPECT_EQ(refined.image.name, "docker.io/library/python:3.11-bullseye");
  EXPECT_THAT(refined.note,
              HasSubstr("docker.io/library/python:3.11: not listed; docker.io/library/python:3.11-bullseye"));
  EXPECT_EQ(library.resolve("python:3.1").origin, ImageOrigin::kSynthetic);  // No tag "3.1.…" or "3.1-…".
  EXPECT_EQ(library.resolve("redis:7.0", "arm64").origin, ImageOrigin::kListed);
  EXPECT_EQ(library.resolve("redis:7", "arm64").origin, ImageOrigin::kSynthetic);  // Listed for amd64 alone.
}

TEST(ImageLibrary, NodesTellNamesAndSizes) {
  ImageLibrary library;
  library.add({"known:1", "sha256:k", {{"sha256:l", {}, 10, 20}}}, ImageOrigin::kListed);
  kube::Node node;
  node.images = {{{"registry.k8s.io/pause@sha256:ab", "registry.k8s.io/pause:3.9"}, 321520},
                 {{"docker.io/library/known:1"}, 999},
                 {{"big:1", "big:2"}, 500'000'000},
                 {{}, 5}};
  library.add_node(node);
  const FoundImage pause = library.resolve("registry.k8s.io/pause:3.9");
  EXPECT_EQ(pause.origin, ImageOrigin::kNode);
  EXPECT_THAT(pause.note, HasSubstr("layers made up"));
  EXPECT_EQ(library.resolve("registry.k8s.io/pause@sha256:ab").image.layers, pause.image.layers);
  EXPECT_EQ(library.resolve("known:1").image.layers.size(), 1U);
  ImageCatalog catalog;
  EXPECT_EQ(catalog.compressed_bytes(catalog.add(pause.image)), 321520);
  EXPECT_EQ(catalog.compressed_bytes(catalog.add(library.resolve("big:2").image)), 500'000'000);
}

TEST(ImageLibrary, BadCatalogues) {
  const test::TempDir folder;
  ImageLibrary library;
  EXPECT_THROW(library.read(folder.path()), InputError);
  folder.file("layers.csv", "image,position,layer_digest,compressed_bytes\na:1,1,sha256:x,5\n");
  folder.file("images.csv", "image,arch,image_digest\na:1,amd64,\n");
  EXPECT_THROW(library.read(folder.path()), InputError);  // The first position is 0.
  folder.file("layers.csv", "image,position,layer_digest,compressed_bytes\nb:1,0,sha256:x,5\n");
  EXPECT_THROW(library.read(folder.path()), InputError);  // a:1 has no layers.
  folder.file("layers.csv", "image,position,layer_digest,compressed_bytes\na:1,0,sha256:x,5\n");
  library.read(folder.path());
  EXPECT_EQ(library.resolve("a:1").image.layers.at(0).compressed_bytes, 5);
}

TEST(SyntheticImages, AreAFunctionOfTheName) {
  EXPECT_EQ(synthetic_image("x/y:1").layers, synthetic_image("docker.io/x/y:1").layers);
  EXPECT_NE(synthetic_image("x/y:1").layers, synthetic_image("x/z:1").layers);
  EXPECT_NE(synthetic_image("x/y:1").digest, synthetic_image("x/y:2").digest);
}

// What the model promises (synthetic_images.hpp): 4 to 13 layers, a base that others have too, tags that share their
// lower layers; and, over many names, no layer shared between repositories but bases.
TEST(SyntheticImages, ShareAsPromised) {
  std::map<std::string, std::set<std::string>> repositories;  // By digest.
  std::set<std::string> bases;
  for (int i = 0; i < 400; ++i) {
    const std::string repository = "team/app" + std::to_string(i);
    const Image one = synthetic_image(repository + ":1");
    const Image two = synthetic_image(repository + ":2");
    ASSERT_GE(one.layers.size(), 4U);
    ASSERT_LE(one.layers.size(), 13U);
    ASSERT_EQ(one.layers[0], two.layers[0]);
    bases.insert(one.layers[0].digest);
    ASSERT_EQ(one.layers[1], two.layers[1]);
    ASSERT_NE(one.layers.back(), two.layers.back());
    for (std::size_t k = 1; k < one.layers.size(); ++k) repositories[one.layers[k].digest].insert(repository);
  }
  EXPECT_EQ(bases.size(), 6U);
  for (const auto& [digest, users] : repositories) ASSERT_EQ(users.size(), 1U) << digest;
}

TEST(SyntheticImages, AlpineIsAlpine) {
  BERTH_NEEDS_SHARED("data/image-layers-official");
  const ImageLibrary library = official();
  EXPECT_EQ(synthetic_image("team/app:1-alpine").layers[0].digest,
            library.resolve("alpine:3.17").image.layers[0].digest);
  EXPECT_EQ(synthetic_image("team/app:1-slim").layers[0].digest,
            library.resolve("debian:bullseye-slim").image.layers[0].digest);
}

}  // namespace
}  // namespace berth
