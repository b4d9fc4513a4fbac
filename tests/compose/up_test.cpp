// `docker compose up` on the clock, by hand: containers are created in 0.1 s and started in 0.2 s (compose_case.hpp).
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "sim/compose/compose_timeline.hpp"
#include "tests/compose/compose_case.hpp"

namespace berth::compose {
namespace {

using test::Files;
using testing::ElementsAre;
using testing::IsEmpty;
using Kind = RunEventKind;

std::vector<std::string> starts(const RunResult& result) {
  return test::lines(result, {Kind::kContainerStarted});
}

// Created one after the other (0.1, 0.2), and only then started, one after the other.
TEST(Up, CreatesThenStartsInDependencyOrder) {
  const RunResult result = test::run("services: {b: {image: b:1, depends_on: [a]}, a: {image: a:1}}");
  EXPECT_THAT(test::lines(result, {Kind::kContainerCreated, Kind::kContainerStarted}),
              ElementsAre("0.100 ContainerCreated 1 0", "0.200 ContainerCreated 0 0", "0.400 ContainerStarted 1 0",
                          "0.600 ContainerStarted 0 0"));
  EXPECT_TRUE(result.good());
  EXPECT_EQ(result.settled, Time{600'000'000});
  EXPECT_THAT(result.start_order, ElementsAre(1, 0));
}

// a is started at 0.4 and healthy at 5.5. b looks at 0.9, 1.4 …: the first tick at or after 5.5 is 5.9.
TEST(Up, WaitsForHealthAtTicksOfHalfASecond) {
  const RunResult result = test::run(R"(
services:
  a: {image: a:1, healthcheck: {test: x, interval: 5s}}
  b: {image: b:1, depends_on: {a: {condition: service_healthy}}}
)");
  EXPECT_THAT(starts(result), ElementsAre("0.400 ContainerStarted 0 0", "6.100 ContainerStarted 1 0"));
  ASSERT_EQ(result.waits.size(), 1U);
  EXPECT_EQ(result.waits[0].begin, Time{400'000'000});
  EXPECT_EQ(result.waits[0].end, Time{5'900'000'000});
}

// The check takes 0.5 s, so a is healthy at 5.9, the very instant of a tick.
TEST(Up, ATickSeesWhatHappensAtItsInstant) {
  EXPECT_THAT(starts(test::run(R"(
services:
  a: {image: a:1, healthcheck: {test: x, interval: 5s}, labels: {berth.dev/check-time: 500ms}}
  b: {image: b:1, depends_on: {a: {condition: service_healthy}}}
)")),
              ElementsAre("0.400 ContainerStarted 0 0", "6.100 ContainerStarted 1 0"));
}

// A task runs for 1 s: from 0.4 to 1.4, a tick of b's (0.4 + 2 * 0.5).
TEST(Up, WaitsForCompletion) {
  const RunResult result = test::run(R"(
services:
  a: {image: a:1}
  b: {image: b:1, depends_on: {a: {condition: service_completed_successfully}}}
)");
  EXPECT_THAT(test::lines(result, {Kind::kContainerStarted, Kind::kContainerExited}),
              ElementsAre("0.400 ContainerStarted 0 0", "1.400 ContainerExited 0 0", "1.600 ContainerStarted 1 0"));
  EXPECT_TRUE(result.good());
  EXPECT_EQ(result.containers[0].state, "exited");
}

// All conditions at once; the last of them counts.
TEST(Up, WaitsForAllOfSeveral) {
  const RunResult result = test::run(R"(
services:
  quick: {image: a:1}
  slow: {image: a:1, labels: {berth.dev/run-time: 3s}}
  b: {image: b:1, depends_on: {quick: {condition: service_completed_successfully}, slow: {condition: service_completed_successfully}}}
)");
  EXPECT_THAT(starts(result), testing::Contains("3.600 ContainerStarted 2 0"));  // 0.4 + 3 = 3.4, a tick.
}

TEST(Up, AnUnhealthyDependencyFailsIt) {
  const RunResult result = test::run(R"(
services:
  a: {image: a:1, healthcheck: {test: x, interval: 1s, retries: 2}, labels: {berth.dev/start-up-time: 1h}}
  b: {image: b:1, depends_on: {a: {condition: service_healthy}}}
)");
  // Checks end at 1.5 and 2.6; the next tick of 0.4 + k/2 is 2.9.
  EXPECT_EQ(result.failed, "dependency failed to start: container p-a-1 is unhealthy");
  EXPECT_EQ(result.end, Time{2'900'000'000});
  EXPECT_FALSE(result.up);
  EXPECT_EQ(result.containers[1].state, "created");
}

TEST(Up, AnExitedDependencyFailsIt) {
  EXPECT_EQ(test::run(R"(
services:
  a: {image: a:1, healthcheck: {test: x}, labels: {berth.dev/run-time: 1s, berth.dev/exit-code: '3'}}
  b: {image: b:1, depends_on: {a: {condition: service_healthy}}}
)")
                .failed,
            "dependency failed to start: container p-a-1 exited (3)");
  EXPECT_EQ(test::run(R"(
services:
  a: {image: a:1, labels: {berth.dev/exit-code: '3'}}
  b: {image: b:1, depends_on: {a: {condition: service_completed_successfully}}}
)")
                .failed,
            "service \"a\" didn't complete successfully: exit 3");
}

TEST(Up, ADependencyWithoutAHealthcheckFailsIt) {
  EXPECT_EQ(test::run(R"(
services:
  a: {image: a:1}
  b: {image: b:1, depends_on: {a: {condition: service_healthy}}}
)")
                .failed,
            "dependency failed to start: container p-a-1 has no healthcheck configured");
}

// Ends at 1.6, back-off 0.1 + start 0.2: running again at 1.9, a tick, and starting. Ends at 3.1, then 0.2 + 0.2: at
// the tick of 3.4 it is not running, and a monitor that is closed counts as unhealthy.
TEST(Up, ADependencyBetweenTwoRunsIsUnhealthy) {
  const RunResult result = test::run(R"(
services:
  a: {image: a:1, restart: always, healthcheck: {test: x}, labels: {berth.dev/run-time: 1200ms, berth.dev/exit-code: '1'}}
  b: {image: b:1, depends_on: {a: {condition: service_healthy}}}
)");
  EXPECT_EQ(result.failed, "dependency failed to start: container p-a-1 is unhealthy");
  EXPECT_EQ(result.end, Time{3'400'000'000});
}

TEST(Up, CanDoWithoutAnOptionalDependency) {
  const RunResult result = test::run(R"(
services:
  a: {image: a:1, labels: {berth.dev/exit-code: '3', berth.dev/run-time: 1s}}
  b: {image: b:1, depends_on: {a: {condition: service_completed_successfully, required: false}}}
)");
  EXPECT_EQ(result.failed, "");
  EXPECT_THAT(starts(result), ElementsAre("0.400 ContainerStarted 0 0", "1.600 ContainerStarted 1 0"));
  EXPECT_THAT(result.troubles, ElementsAre("container p-a-1 exited (3)"));
}

// What waits for nothing that failed is running; what would have come later is not started.
TEST(Up, LeavesWhatRunsWhenItFails) {
  const RunResult result = test::run(R"(
services:
  a: {image: a:1, labels: {berth.dev/exit-code: '1'}}
  other: {image: a:1}
  b: {image: b:1, depends_on: {a: {condition: service_completed_successfully}}}
  c: {image: c:1, depends_on: [b]}
)");
  EXPECT_EQ(result.containers[1].state, "running");
  EXPECT_EQ(result.containers[2].state, "created");
  EXPECT_EQ(result.containers[3].state, "created");
}

TEST(Up, ContainersOfAServiceAreStartedOneAfterAnother) {
  const RunResult result = test::run("services: {a: {image: a:1, scale: 3}, b: {image: b:1, depends_on: [a]}}");
  EXPECT_EQ(result.containers[2].name, "p-a-3");
  // All three are created at 0.1, b's at 0.2.
  EXPECT_THAT(starts(result), ElementsAre("0.400 ContainerStarted 0 0", "0.600 ContainerStarted 1 0",
                                          "0.800 ContainerStarted 2 0", "1.000 ContainerStarted 3 0"));
}

TEST(Up, AServiceWithoutContainersHoldsNobodyUp) {
  const RunResult result = test::run(
      "services: {a: {image: a:1, scale: 0}, b: {image: b:1, depends_on: {a: {condition: service_healthy}}}}");
  EXPECT_TRUE(result.good());
}

TEST(Up, TwoContainersOnOnePortFailIt) {
  EXPECT_EQ(test::run("services: {a: {image: a:1, scale: 2, ports: ['8080:80']}}").failed,
            "container p-a-2: Bind for 0.0.0.0:8080 failed: port is already allocated, to container p-a-1");
  for (const char* fine :
       {"services: {a: {image: a:1, scale: 2, ports: ['8080-8081:80']}}",
        "services: {a: {image: a:1, scale: 2, ports: ['80']}}",
        "services: {a: {image: a:1, ports: ['80:80']}, b: {image: a:1, ports: ['80:80/udp']}}",
        "services: {a: {image: a:1, ports: ['127.0.0.1:80:80']}, b: {image: a:1, ports: ['127.0.0.2:80:80']}}",
        "services: {a: {image: a:1, ports: ['80:80']}, b: {image: a:1, ports: ['80:80'], network_mode: host}}"}) {
    EXPECT_EQ(test::run(fine).failed, "") << fine;
  }
  EXPECT_NE(
      test::run("services: {a: {image: a:1, ports: ['127.0.0.1:80:80']}, b: {image: a:1, ports: ['80:80']}}").failed,
      "");
}

TEST(Up, NetworksAndVolumesComeFirstOneAfterAnother) {
  const Project project = Files(
                              "services: {a: {image: a:1, networks: [n, m], volumes: ['v:/v']}}\n"
                              "networks: {n: , m: , e: {external: true}}\nvolumes: {v: }\n")
                              .load();
  RunOptions options = test::round_times(project);
  options.network_time = milliseconds(100);
  options.volume_time = milliseconds(10);
  EXPECT_THAT(
      test::lines(test::run(project, options), {Kind::kNetworkCreated, Kind::kVolumeCreated, Kind::kContainerCreated}),
      ElementsAre("0.100 NetworkCreated 0 0", "0.200 NetworkCreated 1 0", "0.210 VolumeCreated 0 0",
                  "0.310 ContainerCreated 0 0"));
}

// Resolved after 0.5 s; two layers of 50 MB share 50 MB/s and come at 2.5 s; unpacking 100 MB at 100 MB/s takes 1 s
// each, one after the other: 4.5 s. Then 0.1 to create.
TEST(Up, PullsWhatIsMissing) {
  ImageLibrary library;
  Image image;
  image.name = "big:1";
  image.layers = {{"sha256:a", "", 50'000'000, 100'000'000}, {"sha256:b", "", 50'000'000, 100'000'000}};
  library.add(image, ImageOrigin::kListed);
  const Project project = Files("services: {a: {image: big:1}, b: {image: big:1}}").load();
  RunOptions options = test::round_times(project);
  options.present.clear();
  const RunResult result = run_project(project, library, options);
  ASSERT_EQ(result.images.size(), 1U);  // Pulled once for both.
  EXPECT_EQ(result.images[0].end, Time{4'500'000'000});
  EXPECT_EQ(result.images[0].compressed_bytes, 100'000'000);
  EXPECT_EQ(result.containers[0].created, Time{4'600'000'000});
}

TEST(Up, PullPolicies) {
  const auto run_policy = [](const char* image, const char* policy, bool present) {
    const Project project =
        Files(std::string("services: {a: {image: '") + image + "', pull_policy: " + policy + "}}").load();
    RunOptions options = test::round_times(project);
    if (!present) options.present.clear();
    return test::run(project, options);
  };
  const auto end = [&](const char* image, const char* policy, bool present) {
    return run_policy(image, policy, present).images[0].end;
  };
  EXPECT_EQ(end("a:1", "missing", true), Time{});
  EXPECT_EQ(end("a:latest", "missing", true), Time{500'000'000});  // The registry is asked, nothing has changed.
  EXPECT_EQ(end("a", "missing", true), Time{500'000'000});
  EXPECT_EQ(end("a:1", "always", true), Time{500'000'000});
  EXPECT_EQ(end("a:1", "never", true), Time{});
  EXPECT_GT(end("a:1", "missing", false), Time{500'000'000});
  EXPECT_EQ(run_policy("a:1", "never", false).failed, "no such image: a:1, and pull_policy never");
}

// The image's own HEALTHCHECK counts where the file has none, and its fields where the file leaves them out.
TEST(Up, BuildsAndTakesTheImagesHealthcheck) {
  Files files("services:\n  a: {build: ./app}\n  b: {build: ./app, healthcheck: {interval: 7s}}\n");
  files.add("app/Dockerfile", "FROM alpine:3.19\nHEALTHCHECK --interval=4s CMD true\nRUN echo hi\n");
  const Project project = files.load();
  const RunResult result = test::run(project, test::round_times(project));
  ASSERT_TRUE(result.good()) << result.failed;
  EXPECT_EQ(result.images[0].origin, ImageReport::Origin::kBuilt);
  EXPECT_GT(result.images[0].end, Time{});
  EXPECT_EQ(result.containers[0].healthy - result.containers[0].started, milliseconds(4100));
  EXPECT_EQ(result.containers[1].healthy - result.containers[1].started, milliseconds(7100));
}

TEST(Up, AFolderThatIsNotHereIsNotedAndStoodInFor) {
  const Project project = Files("services: {a: {build: ./nowhere}}").load();
  const RunResult result = test::run(project, test::round_times(project));
  EXPECT_TRUE(result.good());
  EXPECT_THAT(result.notes, testing::Contains(testing::HasSubstr("a made-up image stands for what is built")));
}

// b stops at once after 3 s of its own; a would take 60 s and is killed after its 5 s of grace.
TEST(Stop, InReverseOrderWithinTheGracePeriod) {
  const Project project = Files(R"(
services:
  a: {image: a:1, stop_grace_period: 5s, labels: {berth.dev/stop-time: 60s}}
  b: {image: b:1, depends_on: [a], restart: always, labels: {berth.dev/stop-time: 3s}}
)")
                              .load();
  RunOptions options = test::round_times(project);
  options.run_for = seconds(20);
  options.stop_at_end = true;
  const RunResult result = test::run(project, options);
  EXPECT_THAT(test::lines(result, {Kind::kContainerStopping, Kind::kContainerExited}),
              ElementsAre("20.000 ContainerStopping 1 0", "23.000 ContainerExited 1 143",
                          "23.000 ContainerStopping 0 0", "28.000 ContainerExited 0 137"));
  EXPECT_THAT(result.troubles, IsEmpty());
  EXPECT_EQ(result.end, Time{28'000'000'000});
}

// `docker compose restart db` at 10 s: db stops at once and starts in 0.2 s. b says restart: true and is next, as soon
// as db is healthy again: checks begin at 10.2 + 2, so 12.3; b looks at 10.7, 11.2 … 12.7. c says nothing and stays.
TEST(RestartCommand, TakesThoseAlongThatAskForIt) {
  const Project project = Files(R"(
services:
  db: {image: db:1, healthcheck: {test: x, interval: 2s}, labels: {berth.dev/start-up-time: 1s}}
  b: {image: b:1, depends_on: {db: {condition: service_healthy, restart: true}}}
  c: {image: c:1, depends_on: {db: {condition: service_healthy}}}
)")
                              .load();
  RunOptions options = test::round_times(project);
  options.restarts = {{seconds(10), "db"}};
  const RunResult result = test::run(project, options);
  // At first: created by 0.2, db started at 0.4, healthy at 2.5; b and c look at 0.9 … 2.9.
  EXPECT_THAT(starts(result),
              ElementsAre("0.400 ContainerStarted 0 0", "3.100 ContainerStarted 1 0", "3.100 ContainerStarted 2 0",
                          "10.200 ContainerStarted 0 0", "12.900 ContainerStarted 1 0"));
  EXPECT_TRUE(result.good()) << testing::PrintToString(result.troubles);
}

TEST(Run, SameSeedSameEvents) {
  const Project project = Files(R"(
services:
  a: {image: a:1, restart: always, healthcheck: {test: x, interval: 1s}, labels: {berth.dev/crash-hazard: 60/h, berth.dev/start-up-time: exponential(mean=2s)}}
  b: {image: b:1, depends_on: [a]}
)")
                              .load();
  RunOptions options;
  options.run_for = seconds(3600);
  const RunResult one = test::run(project, options);
  EXPECT_EQ(one.events, test::run(project, options).events);
  options.seed = 2;
  EXPECT_NE(one.events, test::run(project, options).events);
}

TEST(ComposeTimeline, HasWaitsAndRuns) {
  const Project project = Files(R"(
services:
  a: {image: a:1}
  b: {image: b:1, depends_on: {a: {condition: service_completed_successfully}}}
)")
                              .load();
  const Timeline timeline = compose_timeline(project, test::run(project, test::round_times(project)));
  std::vector<std::string> slices;
  for (const std::uint32_t m : marks_in_order(timeline)) {
    const Timeline::Mark& mark = timeline.marks()[m];
    if (mark.instant) continue;
    slices.push_back(std::string(timeline.text(timeline.tracks()[index(mark.track)].name)) + " " +
                     std::string(timeline.text(mark.what)) + " " + std::to_string(mark.begin.ns / 100'000'000) + " " +
                     (mark.end == kNever ? "open" : std::to_string(mark.end.ns / 100'000'000)));
  }
  EXPECT_THAT(slices, ElementsAre("p-a-1 starting 2 4", "b wait 4 14", "p-a-1 running 4 14", "p-a-1 start-up 4 4",
                                  "p-b-1 starting 14 16", "p-b-1 running 16 open", "p-b-1 start-up 16 open"));
  EXPECT_EQ(timeline.arrows().size(), 1U);
}

}  // namespace
}  // namespace berth::compose
