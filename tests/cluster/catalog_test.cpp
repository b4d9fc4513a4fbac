// Catalog: equal things get one number, unlike things different ones, and copies live on their own.
#include "sim/cluster/catalog.hpp"

#include <gtest/gtest.h>

#include <functional>

#include "sim/engine/error.hpp"

namespace berth {
namespace {

PodTemplate example() {
  PodTemplate t;
  t.request = {1000, 2048, 4096};
  t.gpu = {1, 500, 3};
  t.gpu_spec = "T4|P100";
  t.extended = {{ExtendedId{0}, 2}};
  t.priority = 5;
  t.namespace_id = NamespaceId{1};
  t.labels = {{"app", "front"}};
  return t;
}

TEST(Catalog, TemplatesThatDifferInAnythingAreDifferent) {
  Catalog catalog;
  const TemplateId first = catalog.intern(example());
  EXPECT_EQ(catalog.intern(example()), first);
  const std::function<void(PodTemplate&)> changes[] = {
      [](PodTemplate& t) { ++t.request.cpu_milli; },
      [](PodTemplate& t) { ++t.request.memory_bytes; },
      [](PodTemplate& t) { ++t.request.ephemeral_storage_bytes; },
      [](PodTemplate& t) { t.gpu.milli = 501; },
      [](PodTemplate& t) {
        t.gpu = {2, 1000, 3};
      },
      [](PodTemplate& t) { t.gpu.models = 1; },
      [](PodTemplate& t) { t.gpu_spec = "P100|T4"; },
      [](PodTemplate& t) { t.extended[0].amount = 3; },
      [](PodTemplate& t) { t.extended.clear(); },
      [](PodTemplate& t) { t.priority = -5; },
      [](PodTemplate& t) { t.namespace_id = NamespaceId{0}; },
      [](PodTemplate& t) { t.labels[0].value = "back"; },
      [](PodTemplate& t) { t.labels.clear(); },
  };
  std::size_t expected = 1;
  for (const auto& change : changes) {
    PodTemplate t = example();
    change(t);
    EXPECT_EQ(index(catalog.intern(t)), expected++);
    EXPECT_EQ(catalog[catalog.intern(t)], t);
  }
  EXPECT_EQ(catalog.templates(), expected);
  EXPECT_EQ(catalog[first], example());
}

TEST(Catalog, NamesAreDenseInOrderOfFirstSight) {
  Catalog catalog;
  EXPECT_EQ(index(catalog.namespace_id("default")), 0U);
  EXPECT_EQ(index(catalog.namespace_id("web")), 1U);
  EXPECT_EQ(index(catalog.namespace_id("batch")), 2U);
  EXPECT_EQ(index(catalog.namespace_id("web")), 1U);
  EXPECT_EQ(catalog.namespace_name(NamespaceId{2}), "batch");
  EXPECT_EQ(catalog.namespaces(), 3U);
  EXPECT_EQ(index(catalog.extended("example.com/nic")), 0U);
  EXPECT_EQ(catalog.extended_name(ExtendedId{0}), "example.com/nic");
}

TEST(Catalog, SixtyFourGpuModelsAndNoMore) {
  Catalog catalog;
  for (std::size_t i = 0; i < kMaxGpuModels; ++i) EXPECT_EQ(index(catalog.gpu_model("m" + std::to_string(i))), i);
  EXPECT_EQ(index(catalog.gpu_model("m63")), 63U);
  EXPECT_THROW(catalog.gpu_model("m64"), InputError);
}

// Copies must not look into the strings of the catalog they were copied from.
TEST(Catalog, CopiesAreIndependent) {
  Catalog copy;
  {
    Catalog original;
    for (int i = 0; i < 1000; ++i) original.namespace_id("namespace-with-a-long-name-" + std::to_string(i));
    original.intern(example());
    copy = original;
    original.namespace_id("only-there");
  }
  EXPECT_EQ(copy.namespaces(), 1001U);
  EXPECT_EQ(index(copy.namespace_id("namespace-with-a-long-name-999")), 1000U);
  EXPECT_EQ(index(copy.namespace_id("only-here")), 1001U);
  EXPECT_EQ(index(copy.intern(example())), 0U);
}

}  // namespace
}  // namespace berth
