// The manifests of six real applications. Expected values: the data set's own README, which counts its objects and
// containers.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/support/manifest_case.hpp"
#include "tests/support/shared_data.hpp"

namespace berth::test {
namespace {

using namespace kube::api;

constexpr const char* kFolder = "data/k8s-manifests";

std::size_t all_of(const manifest::Manifests& found, const std::string& kind) {
  const auto at = found.kinds.find(kind);
  if (at == found.kinds.end()) return 0;
  return at->second.modelled + at->second.not_modelled + at->second.rejected;
}

TEST(ManifestData, EveryFileIsAccountedFor) {
  BERTH_NEEDS_SHARED(kFolder);
  const std::vector<std::string> paths = {(shared_dir() / kFolder).string()};
  manifest::Manifests found = manifest::load_manifests(paths);
  manifest::note_refusals(found);
  EXPECT_EQ(found.files, 356U);
  EXPECT_EQ(found.empty_files, 0U);
  EXPECT_EQ(all_of(found, "Service"), 189U);
  EXPECT_EQ(all_of(found, "Pod"), 56U);
  EXPECT_EQ(all_of(found, "ReplicationController"), 34U);
  EXPECT_EQ(all_of(found, "HorizontalPodAutoscaler"), 10U);
  // Five files have a key twice, which the README's reader let pass: three with Deployments, one with a Secret and one
  // with a claim.
  const std::size_t unreadable = all_of(found, "(not readable)");
  EXPECT_EQ(unreadable, 5U);
  EXPECT_EQ(all_of(found, "Deployment") + 3, 159U);
  EXPECT_EQ(all_of(found, "PersistentVolumeClaim") + 1, 26U);
  for (const manifest::Rejected& r : found.rejected) {
    EXPECT_EQ(r.message.find('\n'), std::string::npos) << r.message;
    EXPECT_THAT(r.message, testing::HasSubstr("expected")) << r.message;
    if (r.kind != "(not readable)") continue;
    EXPECT_THAT(r.message, testing::HasSubstr("comes twice"));
  }
}

TEST(ManifestData, OnlineBoutiqueIsReadWhole) {
  BERTH_NEEDS_SHARED(kFolder);
  const std::vector<std::string> paths = {
      (shared_dir() / kFolder / "online-boutique/kubernetes-manifests.yaml").string()};
  const manifest::Manifests found = manifest::load_manifests(paths);
  EXPECT_TRUE(found.rejected.empty());
  // The file itself: 12 Deployments; the frontend asks for 100m and 64Mi, at most 200m and 128Mi, and is probed over
  // HTTP.
  std::size_t deployments = 0;
  found.each<Deployment>([&](const Deployment& d, const manifest::ManifestObject& o) {
    ++deployments;
    if (o.key != "default/frontend") return;
    ASSERT_EQ(d.pod.scheduling.containers.size(), 1U);
    const kube::Container& c = d.pod.scheduling.containers[0];
    EXPECT_EQ(c.requests.find("cpu")->milli_value(), 100);
    EXPECT_EQ(c.requests.find("memory")->value(), 64 << 20);
    EXPECT_EQ(c.limits.find("cpu")->milli_value(), 200);
    const ContainerSpec& spec = d.pod.spec.containers[0];
    ASSERT_TRUE(spec.readiness.has_value());
    EXPECT_EQ(spec.readiness->handler.kind, Handler::Kind::kHttpGet);
    EXPECT_EQ(spec.readiness->handler.path, "/_healthz");
    EXPECT_EQ(spec.readiness->handler.port.number, 8080);
    EXPECT_EQ(spec.readiness->initial_delay, seconds(10));
    EXPECT_EQ(spec.readiness->period, seconds(10));
  });
  EXPECT_EQ(deployments, 12U);
}

}  // namespace
}  // namespace berth::test
