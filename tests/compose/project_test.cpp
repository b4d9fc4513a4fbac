// What a project is made of: names, profiles, defaults, short and long forms, behaviour, notes.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/compose/compose_case.hpp"
#include "tests/support/case_name.hpp"

namespace berth::compose {
namespace {

using test::Files;
using testing::ElementsAre;

std::vector<std::string> names(const Project& p) {
  std::vector<std::string> out;
  for (const Service& s : p.services) out.push_back(s.name);
  return out;
}

constexpr const char* kProfiles = R"(
services:
  web: {image: web}
  debug: {image: debug, profiles: [debug]}
  both: {image: both, profiles: [debug, test]}
  tool: {image: tool, profiles: [tools], depends_on: [lib]}
  lib: {image: lib, profiles: [tools]}
)";

struct ProfileRow {
  const char* name;
  std::vector<std::string> profiles;
  std::vector<std::string> services;
  const char* variable;  // COMPOSE_PROFILES.
  std::vector<std::string> expected;
};
using ProfilesTest = testing::TestWithParam<ProfileRow>;

TEST_P(ProfilesTest, LetIn) {
  LoadOptions options;
  options.profiles = GetParam().profiles;
  options.services = GetParam().services;
  if (GetParam().variable != nullptr) options.environment = {{"COMPOSE_PROFILES", GetParam().variable}};
  EXPECT_EQ(names(Files(kProfiles).load(options)), GetParam().expected);
}

INSTANTIATE_TEST_SUITE_P(
    Table, ProfilesTest,
    testing::Values(ProfileRow{"None", {}, {}, nullptr, {"web"}},
                    ProfileRow{"One", {"debug"}, {}, nullptr, {"web", "debug", "both"}},
                    ProfileRow{"Other", {"test"}, {}, nullptr, {"web", "both"}},
                    ProfileRow{"Two", {"test", "tools"}, {}, nullptr, {"web", "both", "tool", "lib"}},
                    ProfileRow{"All", {"*"}, {}, nullptr, {"web", "debug", "both", "tool", "lib"}},
                    ProfileRow{"Variable", {}, {}, "debug, test", {"web", "debug", "both"}},
                    ProfileRow{"FlagBeforeVariable", {"test"}, {}, "tools", {"web", "both"}},
                    ProfileRow{"NamedServiceNeedsNoProfile", {}, {"debug"}, nullptr, {"debug"}},
                    ProfileRow{"NamedWithDependencies", {"tools"}, {"tool"}, nullptr, {"tool", "lib"}}),
    berth::test::CaseName{});

TEST(Profiles, ADependencyThatIsLeftOutIsAnError) {
  LoadOptions options;
  options.services = {"tool"};  // lets tool in, not what it depends on
  EXPECT_EQ(
      Files(kProfiles).error(options),
      "compose.yaml:6:55: services.tool.depends_on needs the service \"lib\", which its profiles leave out; expected "
      "one of the profiles tools");
  const Project p = Files(
                        "services:\n  a: {image: a, depends_on: {b: {condition: service_started, required: false}}}\n"
                        "  b: {image: b, profiles: [x]}\n")
                        .load();
  EXPECT_TRUE(p.find("a")->depends_on.empty());
  ASSERT_EQ(p.disabled.size(), 1U);
  EXPECT_EQ(p.disabled[0].name, "b");
}

TEST(Project, NameByPrecedence) {
  const Files files("name: in-file\nservices: {a: {image: a}}");
  LoadOptions options;
  options.files = {files.path("compose.yaml")};
  EXPECT_EQ(load_project(options).name, "in-file");
  options.environment = {{"COMPOSE_PROJECT_NAME", "from_env"}};
  EXPECT_EQ(load_project(options).name, "from_env");
  options.project_name = "given";
  EXPECT_EQ(load_project(options).name, "given");

  Files unnamed("");
  unnamed.add("My App.d/compose.yaml", "services: {a: {image: a}}");
  LoadOptions other;
  other.files = {unnamed.path("My App.d/compose.yaml")};
  EXPECT_EQ(load_project(other).name, "myappd");  // Lower case; what a name may not have is dropped.
}

TEST(Project, EnvFilesFillVariablesInOrder) {
  Files files("services: {a: {image: 'i:${T}', environment: {X: , Y: '${Y}', NONE: }}}");
  files.add(".env", "T=dot\nX=dotx\nY=doty\n").add("one.env", "T=one\n").add("two.env", "T=two\nX=$T-x\n");
  LoadOptions options;
  EXPECT_EQ(files.load(options).find("a")->image, "i:dot");
  EXPECT_THAT(files.load(options).find("a")->environment,
              ElementsAre(testing::Pair("X", "dotx"), testing::Pair("Y", "doty")));
  options.env_files = {"one.env", "two.env"};  // Instead of .env; the later counts.
  EXPECT_EQ(files.load(options).find("a")->image, "i:two");
  EXPECT_THAT(files.load(options).find("a")->environment,
              ElementsAre(testing::Pair("X", "two-x"), testing::Pair("Y", "")));
  options.environment = {{"T", "shell"}};
  EXPECT_EQ(files.load(options).find("a")->image, "i:shell");
}

TEST(Service, EnvironmentCountsBeforeEnvFiles) {
  Files files(
      "services: {a: {image: a, env_file: [one.env, {path: two.env, required: false}, {path: no.env, required: "
      "false}], environment: {B: here}}}");
  files.add("one.env", "A=1\nB=1\n").add("two.env", "A=2\nC='$raw'\n");
  EXPECT_THAT(files.load().find("a")->environment,
              ElementsAre(testing::Pair("A", "2"), testing::Pair("B", "here"), testing::Pair("C", "$raw")));
}

TEST(Service, Defaults) {
  const Project p = Files("services: {a: {image: a}}").load();
  const Service& a = *p.find("a");
  EXPECT_EQ(a.scale, 1U);
  EXPECT_EQ(a.restart, Restart::kNo);
  EXPECT_EQ(a.stop_grace_period, seconds(10));
  EXPECT_EQ(a.pull_policy, PullPolicy::kMissing);
  EXPECT_FALSE(a.healthcheck);
  EXPECT_FALSE(a.command);
  EXPECT_FALSE(a.behavior.run_time);
  ASSERT_EQ(p.networks.size(), 1U);
  EXPECT_EQ(p.networks[0].name, "p_default");
}

TEST(Service, ImplicitDefaultNetworkOnlyWhereItIsUsed) {
  EXPECT_TRUE(Files("services: {a: {image: a, network_mode: host}}").load().networks.empty());
  const Project p =
      Files("services: {a: {image: a, networks: [n]}}\nnetworks: {n: {external: true}, default: {name: x}}").load();
  ASSERT_EQ(p.networks.size(), 2U);
  EXPECT_EQ(p.networks[0].name, "n");
  EXPECT_TRUE(p.networks[0].external);
  EXPECT_EQ(p.networks[1].name, "x");
}

TEST(Service, RestartPolicies) {
  const Project p = Files(R"(
services:
  a: {image: a, restart: always}
  b: {image: a, restart: "no"}
  c: {image: a, restart: no}
  d: {image: a, restart: on-failure}
  e: {image: a, restart: "on-failure:3"}
  f: {image: a, restart: unless-stopped}
  g: {image: a, restart: "no", deploy: {restart_policy: {}}}
  h: {image: a, restart: always, deploy: {restart_policy: {condition: on-failure, max_attempts: 5, delay: 5s}}}
  i: {image: a, restart: always, deploy: {restart_policy: {condition: none}}}
)")
                        .load();
  const auto is = [&p](const char* name) { return std::pair(p.find(name)->restart, p.find(name)->max_attempts); };
  EXPECT_EQ(is("a"), std::pair(Restart::kAlways, 0U));
  EXPECT_EQ(is("b"), std::pair(Restart::kNo, 0U));
  EXPECT_EQ(is("c"), std::pair(Restart::kNo, 0U));
  EXPECT_EQ(is("d"), std::pair(Restart::kOnFailure, 0U));
  EXPECT_EQ(is("e"), std::pair(Restart::kOnFailure, 3U));
  EXPECT_EQ(is("f"), std::pair(Restart::kUnlessStopped, 0U));
  EXPECT_EQ(is("g"), std::pair(Restart::kAlways, 0U));  // condition: any is the default, and deploy counts.
  EXPECT_EQ(is("h"), std::pair(Restart::kOnFailure, 5U));
  EXPECT_EQ(is("i"), std::pair(Restart::kNo, 0U));
}

TEST(Service, SizesAndLimits) {
  const Project p = Files(R"(
services:
  a: {image: a, mem_limit: 50m, cpus: 0.5, mem_reservation: 1gb}
  b: {image: a, deploy: {replicas: 3, resources: {limits: {memory: 1.5G, cpus: '0.25'}, reservations: {memory: 20M}}}}
  c: {image: a, mem_limit: 1000000000, scale: 0}
)")
                        .load();
  EXPECT_EQ(p.find("a")->memory_limit_bytes, 50 << 20);
  EXPECT_EQ(p.find("a")->memory_reservation_bytes, 1 << 30);
  EXPECT_EQ(p.find("a")->cpus, 0.5);
  EXPECT_EQ(p.find("b")->memory_limit_bytes, 1'610'612'736);
  EXPECT_EQ(p.find("b")->memory_reservation_bytes, 20 << 20);
  EXPECT_EQ(p.find("b")->scale, 3U);
  EXPECT_EQ(p.find("c")->memory_limit_bytes, 1'000'000'000);
  EXPECT_EQ(p.find("c")->scale, 0U);
}

TEST(Service, HealthcheckForms) {
  const Project p = Files(R"(
services:
  a: {image: a, healthcheck: {test: curl -f x || exit 1, interval: 1m30s, timeout: 10s, retries: 5, start_period: 40s, start_interval: 5s}}
  b: {image: a, healthcheck: {test: [CMD, curl, x]}}
  c: {image: a, healthcheck: {disable: true}}
  d: {image: a, healthcheck: {test: [NONE]}}
)")
                        .load();
  const Healthcheck& a = *p.find("a")->healthcheck;
  EXPECT_THAT(a.test, ElementsAre("CMD-SHELL", "curl -f x || exit 1"));
  EXPECT_EQ(a.interval, seconds(90));
  EXPECT_EQ(a.start_interval, seconds(5));
  EXPECT_EQ(a.retries, 5);
  EXPECT_FALSE(p.find("b")->healthcheck->interval);
  EXPECT_TRUE(p.find("c")->healthcheck->disable);
  EXPECT_TRUE(p.find("d")->healthcheck->disable);
}

TEST(Service, OtherFieldsMeanADependencyToo) {
  const Project p = Files(R"(
services:
  db: {image: db}
  a: {image: a, links: ['db:database']}
  b: {image: b, volumes_from: [db]}
  c: {image: c, network_mode: service:db}
  d: {image: d, links: [db], depends_on: {db: {condition: service_healthy}}}
)")
                        .load();
  for (const char* name : {"a", "b", "c", "d"}) {
    ASSERT_EQ(p.find(name)->depends_on.size(), 1U) << name;
    EXPECT_EQ(p.find(name)->depends_on[0].index, 0U) << name;
  }
  EXPECT_TRUE(p.find("a")->depends_on[0].restart);
  EXPECT_FALSE(p.find("b")->depends_on[0].restart);
  EXPECT_EQ(p.find("d")->depends_on[0].condition, Condition::kHealthy);
}

TEST(Service, LabelsSayWhatItDoes) {
  const Project p = Files(R"(
services:
  a:
    image: a
    labels:
      berth.dev/run-time: 90s
      a.berth.dev/exit-code: "3"
      berth.dev/exit-code: "4"
      berth.dev/memory: 0s:64Mi, 10s:128Mi
      berth.dev/check-time: 2s
      berth.dev/stop-time: 5s
      other.berth.dev/exit-code: "9"
  task: {image: t}
  b: {image: b, depends_on: {task: {condition: service_completed_successfully}}}
)")
                        .load();
  const Service& a = *p.find("a");
  EXPECT_EQ(a.behavior.run_time, Distribution::constant(90));
  EXPECT_EQ(a.behavior.exit_code, 3);
  EXPECT_EQ(a.behavior.memory.size(), 2U);
  EXPECT_EQ(a.check_time, Distribution::constant(2));
  EXPECT_EQ(a.behavior.stop_time, Distribution::constant(5));
  EXPECT_TRUE(p.find("task")->task);
  EXPECT_EQ(p.find("task")->behavior.run_time, Distribution::constant(1));
  EXPECT_EQ(p.find("b")->behavior.start_up, Distribution::constant(2));
}

TEST(Project, WhatIsNotModelledIsNotedOnceWithItsFirstPlace) {
  const Files files(
      "version: '3'\nservices:\n  a: {image: a, cap_add: [X], tty: true}\n  b: {image: b, cap_add: [X]}\n"
      "x-own: 1\n");
  const Project p = files.load();
  std::vector<std::string> notes;
  for (const std::string& note : p.notes) notes.push_back(files.relative(note));
  EXPECT_THAT(notes, ElementsAre("compose.yaml:1:1: version is ignored: Compose has but one",
                                 "compose.yaml:3:17: services.*.cap_add is not modelled (2 times)",
                                 "compose.yaml:3:31: services.*.tty is not modelled"));
}

TEST(Project, ScaleByFlag) {
  const Files files("services: {a: {image: a}, b: {image: b, container_name: bee}}");
  LoadOptions options;
  options.scale = {{"a", "3"}};
  EXPECT_EQ(files.load(options).find("a")->scale, 3U);
  options.scale = {{"c", "3"}};
  EXPECT_EQ(files.error(options), "--scale c=3: no such service; expected one of a, b; did you mean \"a\"?");
  options.scale = {{"a", "many"}};
  EXPECT_EQ(files.error(options), "--scale a=many: no number of containers; expected 0 to 1000");
  options.scale = {{"b", "2"}};
  EXPECT_THAT(files.error(options), testing::HasSubstr("has 2 containers and the container_name \"bee\""));
}

TEST(LooksLikeCompose, TellsFilesApart) {
  EXPECT_TRUE(looks_like_compose("services:\n  a: {image: x}\n", "any.yaml"));
  EXPECT_TRUE(looks_like_compose("# c\nversion: '3'\n\nservices:\n", "any.yml"));
  EXPECT_TRUE(looks_like_compose("include: [a.yaml]\n", "any.yml"));
  EXPECT_TRUE(looks_like_compose("web:\n  image: x\n", "docker-compose.yml"));
  EXPECT_FALSE(looks_like_compose("apiVersion: v1\nkind: Pod\n", "compose.yaml"));
  EXPECT_FALSE(looks_like_compose("kind: Scenario\nservices:\n", "any.yaml"));
  EXPECT_FALSE(looks_like_compose("a: 1\n", "any.yaml"));
}

TEST(ValidateCompose, CountsOrSaysWhyNot) {
  const Files good(
      "services: {a: {image: a, tty: true, profiles: [x]}, b: {image: b, volumes: ['v:/v']}}\nvolumes: {v: }");
  const ComposeReport report = validate_compose(good.path("compose.yaml"));
  EXPECT_EQ(report.rejected, "");
  EXPECT_EQ(report.services, 1U);
  EXPECT_EQ(report.disabled, 1U);
  EXPECT_EQ(report.volumes, 1U);
  EXPECT_EQ(report.fields_noted, 1U);
  const Files bad("services: {a: {imag: a}}");
  EXPECT_THAT(validate_compose(bad.path("compose.yaml")).rejected, testing::HasSubstr("did you mean \"image\"?"));
}

}  // namespace
}  // namespace berth::compose
