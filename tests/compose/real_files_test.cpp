// Every Compose file of ../shared/data/compose-apps: it loads and runs until all is started, healthy or completed, or
// is refused for the reason that its own comments or the specification give. The order of starts is checked against the
// parsed graph. And random bytes of them changed: an InputError or a project, never anything else.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>

#include "sim/engine/rng.hpp"
#include "tests/compose/compose_case.hpp"
#include "tests/support/shared_data.hpp"

namespace berth::compose {
namespace {

namespace fs = std::filesystem;
using berth::test::shared_dir;

fs::path apps() {
  return shared_dir() / "data" / "compose-apps";
}

std::vector<std::string> compose_files() {
  std::vector<std::string> files;
  for (const std::string& file : berth::test::files_below(apps())) {
    if (file.ends_with(".yml") || file.ends_with(".yaml")) files.push_back(file);
  }
  return files;
}

Project load(const std::vector<std::string>& files, LoadOptions options = {}) {
  for (const std::string& file : files) options.files.push_back((apps() / file).string());
  return load_project(options);
}

// Nothing starts before what it depends on, in the state that it asked for.
void check_order(const Project& project, const RunResult& result) {
  for (const ContainerReport& container : result.containers) {
    ASSERT_NE(container.started, kNever) << container.name;
    for (const Dependency& dependency : project.services[container.service].depends_on) {
      const Service* on = project.find(dependency.service);
      ASSERT_NE(on, nullptr);
      for (const ContainerReport& other : result.containers) {
        if (&project.services[other.service] != on) continue;
        EXPECT_GE(container.started, other.started) << container.name << " after " << other.name;
        EXPECT_GE(container.created, other.created) << container.name << " after " << other.name;
        if (dependency.condition == Condition::kHealthy) {
          EXPECT_GE(container.started, other.healthy) << container.name << " after " << other.name;
        } else if (dependency.condition == Condition::kCompletedSuccessfully) {
          EXPECT_GE(container.started, other.ended) << container.name << " after " << other.name;
          EXPECT_EQ(other.exit_code, 0);
        }
      }
    }
  }
}

// Files that are no project by themselves, and what is wrong with them then.
const std::vector<std::pair<std::string, std::string>> kRefused = {
    // Layers on top of otel-demo/compose.yaml, as their own comments say; the extras are all comments.
    {"otel-demo/compose.agent.yaml",
     ":51:7: services.agent.depends_on needs the service \"otel-collector\", which is not "},
    {"otel-demo/compose.extras.yaml", ": nothing in it; expected a Compose file with services"},
    {"otel-demo/compose.full.yaml", ":127:3: services.checkout has neither an image nor a build; expected one of them"},
    {"otel-demo/compose.observability.yaml",
     ":169:3: services.frontend-proxy has neither an image nor a build; expected one of them"},
    {"otel-demo/compose.profiling.yaml",
     ":29:9: services.otel-ebpf-profiler.depends_on needs the service \"otel-collector\", which is not there"},
    {"otel-demo/compose.tests.yaml",
     ":22:9: services.frontendTests.depends_on needs the service \"frontend\", which is not there"},
    // Logging for the services of docker-compose.yml.
    {"sock-shop/docker-compose.logging.yml", ":21:3: services.front-end has neither an image nor a build; expected"},
};

TEST(RealFiles, LoadAndRunOrAreRefusedWithReason) {
  BERTH_NEEDS_SHARED("data/compose-apps");
  const ImageLibrary library = load_image_library((shared_dir() / "data").string());
  std::size_t run = 0;
  std::size_t refused = 0;
  for (const std::string& file : compose_files()) {
    SCOPED_TRACE(file);
    const auto known = std::find_if(kRefused.begin(), kRefused.end(), [&](const auto& r) { return r.first == file; });
    try {
      const Project project = load({file});
      EXPECT_EQ(known, kRefused.end());
      const RunResult result = run_project(project, library, {});
      if (file == "voting-app/docker-stack.yml") {  // "trying it in compose will fail because of multiple replicas …".
        EXPECT_EQ(result.failed,
                  "container voting-app-vote-2: Bind for 0.0.0.0:8080 failed: port is already allocated, to container "
                  "voting-app-vote-1");
        continue;
      }
      EXPECT_EQ(result.failed, "");
      EXPECT_TRUE(result.good()) << testing::PrintToString(result.troubles);
      check_order(project, result);
      ++run;
    } catch (const InputError& e) {
      ASSERT_NE(known, kRefused.end()) << e.what();
      EXPECT_THAT(e.what(), testing::HasSubstr(file + known->second));
      ++refused;
    }
  }
  EXPECT_EQ(run, 37U);  // 45 files.
  EXPECT_EQ(refused, kRefused.size());
}

TEST(RealFiles, LayersRunTogether) {
  BERTH_NEEDS_SHARED("data/compose-apps");
  const std::vector<std::vector<std::string>> sets = {
      {"otel-demo/compose.yaml", "otel-demo/compose.full.yaml"},
      {"otel-demo/compose.yaml", "otel-demo/compose.full.yaml", "otel-demo/compose.observability.yaml",
       "otel-demo/compose.extras.yaml"},
      {"otel-demo/compose.yaml", "otel-demo/compose.full.yaml", "otel-demo/compose.observability.yaml",
       "otel-demo/compose.agent.yaml", "otel-demo/compose.extras.yaml"},
      {"otel-demo/compose.yaml", "otel-demo/compose.profiling.yaml"},
      {"otel-demo/compose.yaml", "otel-demo/compose.tests.yaml"},
      {"sock-shop/docker-compose.yml", "sock-shop/docker-compose.logging.yml"},
  };
  for (const std::vector<std::string>& files : sets) {
    SCOPED_TRACE(testing::PrintToString(files));
    const Project project = load(files);
    const RunResult result = run_project(project, ImageLibrary(), {});
    EXPECT_TRUE(result.good()) << result.failed << testing::PrintToString(result.troubles);
    check_order(project, result);
  }
}

// The specification's rules on otel-demo's layers, read off the files by eye.
TEST(RealFiles, OtelDemoMergesAsItsFilesSay) {
  BERTH_NEEDS_SHARED("data/compose-apps");
  const Project project = load({"otel-demo/compose.yaml", "otel-demo/compose.full.yaml"});
  const Service& checkout = *project.find("checkout");
  EXPECT_EQ(checkout.image, "ghcr.io/open-telemetry/demo:latest-checkout");
  EXPECT_EQ(checkout.depends_on.size(), 9U);  // Eight of the first file, kafka of the second.
  EXPECT_EQ(checkout.depends_on.back().service, "kafka");
  EXPECT_EQ(checkout.memory_limit_bytes, 20 << 20);
  const Service& collector = *project.find("otel-collector");
  ASSERT_TRUE(collector.command);
  EXPECT_EQ(collector.command->size(), 4U);  // The second file's, not both.
  EXPECT_EQ(collector.mounts.size(), 5U);    // Four, two of them again with the same target, and one.
  const auto kafka = std::find_if(checkout.environment.begin(), checkout.environment.end(),
                                  [](const auto& pair) { return pair.first == "KAFKA_ADDR"; });
  ASSERT_NE(kafka, checkout.environment.end());
  EXPECT_EQ(kafka->second, "kafka:9092");  // ${KAFKA_HOST}:${KAFKA_PORT} of .env.
}

TEST(RealFiles, VotingAppSeedsUnderItsProfile) {
  BERTH_NEEDS_SHARED("data/compose-apps");
  LoadOptions options;
  options.profiles = {"seed"};
  const Project project = load({"voting-app/docker-compose.yml"}, options);
  ASSERT_EQ(project.services.size(), 6U);
  const RunResult result = run_project(project, ImageLibrary(), {});
  EXPECT_TRUE(result.good()) << result.failed;
  check_order(project, result);
}

TEST(RealFiles, SurviveRandomChanges) {
  BERTH_NEEDS_SHARED("data/compose-apps");
  constexpr std::string_view kBytes = ":-{}[]\"'\n \t#&*!|>%$?,0aZ~\\/.=\x01\xff";
  const berth::test::TempDir folder;
  std::size_t loaded = 0;
  std::size_t refused = 0;
  std::uint32_t number = 0;
  for (const std::string& file : compose_files()) {
    const std::string text = berth::test::slurp(apps() / file);
    for (std::uint32_t round = 0; round < 20; ++round) {
      Rng rng(1, round, number, Purpose::kTest);
      std::string changed = text;
      for (std::uint32_t edits = 1 + rng.below(3); edits > 0; --edits) {
        const std::size_t at = rng.below(static_cast<std::uint32_t>(changed.size()));
        const char byte = kBytes[rng.below(static_cast<std::uint32_t>(kBytes.size()))];
        switch (rng.below(4)) {
          case 0:
            changed[at] = byte;
            break;
          case 1:
            changed.insert(at, 1, byte);
            break;
          case 2:
            changed.erase(at, 1 + rng.below(20));
            break;
          default:
            changed.insert(at, changed.substr(rng.below(static_cast<std::uint32_t>(changed.size())), rng.below(40)));
            break;
        }
        if (changed.empty()) changed = "x";
      }
      LoadOptions options;
      options.files = {folder.file("compose.yaml", changed)};
      options.profiles = {"*"};
      try {
        load_project(options);
        ++loaded;
      } catch (const InputError& e) {
        ++refused;
        ASSERT_EQ(std::string_view(e.what()).find('\n'), std::string_view::npos) << e.what();
      }
    }
    ++number;
  }
  EXPECT_GT(loaded, 50U);  // Both ways were taken.
  EXPECT_GT(refused, 50U);
}

}  // namespace
}  // namespace berth::compose
