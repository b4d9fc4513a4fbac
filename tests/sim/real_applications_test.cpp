// Applications as their authors publish them, run unmodified on nodes made up for them: every pod becomes Ready, and
// customers are served for a day.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <memory>

#include "results/pod_table.hpp"
#include "sim/manifest_scenario.hpp"
#include "sim/run.hpp"
#include "tests/support/case_name.hpp"
#include "tests/support/shared_data.hpp"
#include "workloads/traffic/service_calls.hpp"

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

struct Customers {
  const char* name;
  const char* folder;
  const char* traffic;  // File of the examples, or SERVICE=RATE.
  double peak = 0;      // Requests per second.
  bool fluid = false;
};
using RealApplicationsDay = testing::TestWithParam<Customers>;

TEST_P(RealApplicationsDay, ServesItsFrontEnd) {
  const std::string relative = std::string("data/k8s-manifests/") + GetParam().folder;
  BERTH_NEEDS_SHARED(relative);
  ManifestScenarioOptions options;
  options.horizon = seconds(86'400);
  const std::vector<std::string> paths{(test::shared_dir() / relative).string()};
  Scenario scenario = scenario_of_manifests(paths, options);
  const std::string from = GetParam().traffic;
  TrafficFile traffic =
      from.find('=') == std::string::npos
          ? read_traffic_file(std::filesystem::path(BERTH_SOURCE_DIR) / "workloads/examples/apps" / from)
          : plain_traffic(find_service_calls(*scenario.manifests), {parse_plain_source(from, "test")});
  traffic.fluid = GetParam().fluid;
  scenario.traffic = std::make_shared<TrafficFile>(std::move(traffic));
  ScenarioInputs inputs(scenario, {});
  PodTableFold pods;
  RunFiles files;
  files.pods = &pods;
  const RunOutcome outcome =
      run_once(inputs, PolicySet::parse("kube-scheduler", "test"), 1, Time{} + options.horizon, files);
  const auto metric = [&](const char* name) {
    for (const Metric& m : outcome.result.metrics) {
      if (m.name == name) return m.value;
    }
    ADD_FAILURE() << name;
    return 0.0;
  };
  double last_ready = 0;
  for (const PodTableFold::Pod& pod : pods.pods()) {
    if (!pod.there) continue;
    EXPECT_TRUE(pod.ready || pod.status == "Completed") << pod.name << " " << pod.status << " " << pod.message;
    if (pod.ready) last_ready = std::max(last_ready, (pod.ready_at - Time{}).seconds());
  }
  // Nothing goes wrong once all are there; what comes before may be lost, plus 2 s for what nodes know of them.
  EXPECT_GT(metric("requests_served"), 86'400 * GetParam().peak / 2);
  EXPECT_LE(metric("requests_lost"), GetParam().peak * (last_ready + 2) * 1.1);
  EXPECT_NEAR(metric("requests"), metric("requests_served") + metric("requests_lost"), GetParam().peak * 10);
}

INSTANTIATE_TEST_SUITE_P(
    Table, RealApplicationsDay,
    testing::Values(Customers{"OnlineBoutique", "online-boutique", "online-boutique.yaml", 32, true},
                    Customers{"SockShop", "sock-shop", "sock-shop.yaml", 32, true},
                    Customers{"SockShopRequests", "sock-shop", "sock-shop.yaml", 32, false},
                    Customers{"OnlineBoutiqueByEnvironment", "online-boutique", "frontend=10/s", 10, true},
                    Customers{"HotelReservation", "hotel-reservation", "frontend=20/s", 20, false},
                    Customers{"TrainTicket", "train-ticket", "ts-ui-dashboard=20/s", 20, false}),
    test::CaseName{});

}  // namespace
}  // namespace berth
