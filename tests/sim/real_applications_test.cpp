// Applications as their authors publish them, run unmodified on nodes made up for them: every pod becomes Ready.
#include <gtest/gtest.h>

#include "results/pod_table.hpp"
#include "sim/manifest_scenario.hpp"
#include "sim/run.hpp"
#include "tests/support/case_name.hpp"
#include "tests/support/shared_data.hpp"

namespace berth {
namespace {

struct Application {
  const char* name;
  const char* folder;
};
using RealApplications = testing::TestWithParam<Application>;

TEST_P(RealApplications, BecomesReady) {
  const std::string relative = std::string("data/k8s-manifests/") + GetParam().folder;
  BERTH_NEEDS_SHARED(relative);
  ManifestScenarioOptions options;
  options.nodes = 10;
  const std::vector<std::string> paths{(test::shared_dir() / relative).string()};
  const Scenario scenario = scenario_of_manifests(paths, options);
  ScenarioInputs inputs(scenario, {});
  PodTableFold pods;
  RunFiles files;
  files.pods = &pods;
  run_once(inputs, PolicySet::parse("kube-scheduler", "test"), 1, Time{} + options.horizon, files);
  EXPECT_GE(pods.pods().size(), 5U);
  for (const PodTableFold::Pod& pod : pods.pods()) {
    if (!pod.there) continue;
    EXPECT_TRUE(pod.ready || pod.status == "Completed") << pod.name << " " << pod.status << " " << pod.message;
  }
}

INSTANTIATE_TEST_SUITE_P(Table, RealApplications,
                         testing::Values(Application{"OnlineBoutique", "online-boutique"},
                                         Application{"SockShop", "sock-shop"}, Application{"VotingApp", "voting-app"},
                                         Application{"HotelReservation", "hotel-reservation"}),
                         test::CaseName{});

}  // namespace
}  // namespace berth
