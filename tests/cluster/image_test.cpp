#include "sim/cluster/image.hpp"

#include <gtest/gtest.h>

#include <algorithm>

#include "sim/engine/error.hpp"
#include "tests/support/case_name.hpp"

namespace berth {
namespace {

// Source: distribution/reference, whose rules Docker and containerd share.
struct NameCase {
  const char* name;
  const char* written;
  const char* canonical;
};
using ImageCanonicalName = testing::TestWithParam<NameCase>;
TEST_P(ImageCanonicalName, IsInFull) {
  EXPECT_EQ(canonical_image_name(GetParam().written), GetParam().canonical);
}
INSTANTIATE_TEST_SUITE_P(Table, ImageCanonicalName,
                         testing::Values(NameCase{"Short", "nginx", "docker.io/library/nginx:latest"},
                                         NameCase{"Tagged", "nginx:1.23", "docker.io/library/nginx:1.23"},
                                         NameCase{"User", "grafana/grafana", "docker.io/grafana/grafana:latest"},
                                         NameCase{"Hub", "docker.io/redis", "docker.io/library/redis:latest"},
                                         NameCase{"OldHub", "index.docker.io/redis", "docker.io/library/redis:latest"},
                                         NameCase{"Registry", "registry.k8s.io/pause:3.10",
                                                  "registry.k8s.io/pause:3.10"},
                                         NameCase{"Port", "localhost:5000/app", "localhost:5000/app:latest"},
                                         NameCase{"Localhost", "localhost/app:2", "localhost/app:2"},
                                         NameCase{"Digest", "nginx@sha256:ab", "docker.io/library/nginx@sha256:ab"},
                                         NameCase{"TagAndDigest", "a/b:1@sha256:ab", "docker.io/a/b:1@sha256:ab"},
                                         NameCase{"Deep", "gcr.io/p/q/r", "gcr.io/p/q/r:latest"}),
                         test::CaseName{});

Layer layer(const char* digest, std::int64_t compressed) {
  return {digest, {}, compressed, 3 * compressed};
}

// Three images: a and b share a base; c has a's upper layer above another base, and an empty layer twice.
struct ImageCatalogTest : testing::Test {
  ImageCatalogTest() {
    a = catalog.add({"a", "", {layer("base", 100), layer("x", 10)}});
    b = catalog.add({"b", "", {layer("base", 100), layer("y", 1)}});
    c = catalog.add({"c", "", {layer("other", 1000), layer("x", 10), layer("empty", 5), layer("empty", 5)}});
  }
  ImageCatalog catalog;
  ImageId a, b, c;
};

TEST_F(ImageCatalogTest, EqualLayersHaveOneId) {
  EXPECT_EQ(catalog.layers(), 5U);  // base, x, y, other, empty.
  EXPECT_EQ(catalog.layers(a)[0], catalog.layers(b)[0]);
  EXPECT_EQ(catalog.layers(a)[1], catalog.layers(c)[1]);
  EXPECT_EQ(catalog.compressed_bytes(c), 1015);  // The empty layer once.
  EXPECT_EQ(catalog.unpacked_bytes(c), 3045);
}

// A layer is unpacked anew above other layers: x above base is not x above other.
TEST_F(ImageCatalogTest, SnapshotsDependOnWhatIsBelow) {
  EXPECT_EQ(catalog.snapshots(a)[0], catalog.snapshots(b)[0]);
  EXPECT_NE(catalog.snapshots(a)[1], catalog.snapshots(c)[1]);
  EXPECT_EQ(catalog.layer(catalog.snapshots(a)[1]), catalog.layer(catalog.snapshots(c)[1]));
  EXPECT_NE(catalog.snapshots(c)[2], catalog.snapshots(c)[3]);
  EXPECT_EQ(catalog.snapshots(), 7U);
}

TEST_F(ImageCatalogTest, PullMovesTheUnionInAnyOrder) {
  std::vector<ImageId> order{a, b, c};
  do {
    LayerStore store(catalog);
    std::int64_t moved = 0;
    for (const ImageId image : order) {
      const std::int64_t missing = store.missing_bytes(image);
      const std::int64_t now = store.pull(image);
      EXPECT_EQ(now, missing);
      moved += now;
    }
    EXPECT_EQ(moved, 100 + 10 + 1 + 1000 + 5);
    EXPECT_EQ(store.compressed_bytes(), moved);
    EXPECT_EQ(store.pull(a), 0);  // All there.
  } while (std::next_permutation(order.begin(), order.end()));
}

TEST_F(ImageCatalogTest, RemovingFreesWhatNobodyElseUses) {
  LayerStore store(catalog);
  for (const ImageId image : {a, b, c}) store.pull(image);
  EXPECT_EQ(store.remove(a), 0);  // b has the base, c has x.
  EXPECT_EQ(store.remove(c), 1000 + 10 + 5);
  EXPECT_EQ(store.remove(b), 101);
  EXPECT_EQ(store.compressed_bytes(), 0);
  EXPECT_FALSE(store.holds(catalog.layers(a)[0]));
}

TEST_F(ImageCatalogTest, ATagMayMove) {
  EXPECT_EQ(catalog.add({"a", "", {layer("base", 100), layer("x", 10)}}), a);
  const ImageId pushed = catalog.add({"docker.io/library/a:latest", "", {layer("base", 100), layer("z", 7)}});
  EXPECT_NE(pushed, a);
  EXPECT_EQ(catalog.find("a"), pushed);
  EXPECT_EQ(catalog.layers(a).size(), 2U);
  EXPECT_EQ(catalog.digest(catalog.layers(a)[1]), "x");
  EXPECT_EQ(catalog.find("nobody"), std::nullopt);
  EXPECT_EQ(catalog.image(pushed).layers[1], (Layer{"z", "", 7, 21}));
}

TEST_F(ImageCatalogTest, OneDigestHasOneSize) {
  EXPECT_THROW(catalog.add({"d", "", {layer("base", 99)}}), InputError);
  EXPECT_THROW(catalog.add({"e", "", {layer("new", -1)}}), InputError);
}

}  // namespace
}  // namespace berth
