// Bad input: one line that names the place, what is wrong and what was expected.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/compose/compose_case.hpp"
#include "tests/support/case_name.hpp"

namespace berth::compose {
namespace {

using test::Files;

struct Row {
  const char* name;
  const char* text;
  const char* place;    // line:column in compose.yaml.
  const char* message;  // Behind the place; "…" stands for anything.
};
using RejectsTest = testing::TestWithParam<Row>;

TEST_P(RejectsTest, Says) {
  const std::string error = Files(GetParam().text).error();
  const std::string begin = std::string("compose.yaml:") + GetParam().place + (*GetParam().place == '\0' ? " " : ": ");
  std::string message = GetParam().message;
  const std::size_t gap = message.find("…");
  if (gap == std::string::npos) {
    EXPECT_EQ(error, begin + message);
  } else {
    EXPECT_THAT(error, testing::StartsWith(begin + message.substr(0, gap)));
    EXPECT_THAT(error, testing::EndsWith(message.substr(gap + std::string("…").size())));
  }
  EXPECT_EQ(error.find('\n'), std::string::npos);
  EXPECT_NE(error.find("; expected "), std::string::npos);
}

// Begins "services:\n  a:\n    image: a\n", so that the field is on line 4, its value behind the key.
#define SERVICE(field) "services:\n  a:\n    image: a\n    " field "\n"

INSTANTIATE_TEST_SUITE_P(
    TopLevel, RejectsTest,
    testing::Values(
        Row{"Version1", "web:\n  image: x\n", "1:1",
            "the document has the service \"web\" at the top level, which is Compose's version 1; expected it below "
            "services:"},
        Row{"UnknownTop", "service: {a: {image: a}}\nservices: {a: {image: a}}", "1:1",
            "the document has a field \"service\", which Compose does not know; expected one that it does; did you "
            "mean "
            "\"services\"?"},
        Row{"NotAMap", "- a\n- b\n", "1:1", "the document is no map; expected a Compose file with services"},
        Row{"ServicesIsAList", "services: [a]", "1:11", "services is a list; expected a map"},
        Row{"ServiceIsText", "services:\n  a: x\n", "2:6", "services.a is a single value; expected a map"},
        Row{"ServiceName", "services:\n  a b: {image: x}\n", "2:3",
            "services has the name \"a b\"; expected letters, digits, \".\", \"_\" and \"-\""},
        Row{"NeitherImageNorBuild", "services:\n  a: {command: x}\n", "2:3",
            "services.a has neither an image nor a build; expected one of them"},
        Row{"ProjectName", "name: My App\nservices: {a: {image: a}}", "1:7",
            "name is \"My App\"; expected lower case letters, digits, - and _, a letter or digit first"},
        Row{"KeyTwice", "services:\n  a: {image: x}\n  a: {image: y}\n", "3:3", "key \"a\" comes twice…expected once"},
        Row{"NoYaml", "services: {a: [\n", "2:1", "no valid YAML: …expected a YAML document"},
        Row{"OtherTag", "services: !foo {}\n", "1:11", "tag \"!foo\" means nothing here; expected none"},
        Row{"TagBehindNoKey", SERVICE("ports: [!reset '80']"), "4:13",
            "tag \"!reset\" means nothing here; expected none"},
        Row{"TagInText", SERVICE("configs: |\n      x: !reset y"), "5:10",
            "a tag that stands behind no key; expected \"key: !reset\""},
        Row{"Tab", "services:\n\ta: {image: x}\n", "2:1", "a tab as indentation; expected blanks"},
        Row{"NetworkField", "services: {a: {image: a}}\nnetworks:\n  n: {drivr: bridge}\n", "3:7",
            "networks.n has a field \"drivr\", …did you mean \"driver\"?"},
        Row{"SecretWithoutSource", "services: {a: {image: a}}\nsecrets:\n  s: {labels: {a: b}}\n", "3:6",
            "secrets.s has 0 sources; expected one of file, environment and external"},
        Row{"ConfigWithTwo", "services: {a: {image: a}}\nconfigs:\n  c: {file: x, content: y}\n", "3:6",
            "configs.c has 2 sources; expected one of file, environment, content and external"},
        Row{"Variable", "services:\n  a:\n    image: ${TAG:?no tag}\n", "3:12",
            "services.a.image needs the variable TAG: no tag; expected it in the environment or an env file"},
        Row{"Dollar", "services:\n  a:\n    image: a$ b\n", "3:12",
            "services.a.image is \"a$ b\" and has a \"$\" that begins no variable; expected $NAME, ${NAME}, or $$ for "
            "a "
            "dollar sign"},
        Row{"IncludeIsText", "include: a.yaml\n", "1:10", "include is no list; expected a list of files"},
        Row{"IncludeMissing", "include: [no.yaml]\n", "1:11",
            "include[0] is \"no.yaml\": no such file; expected a Compose file"},
        Row{"IncludeField", "include: [{paht: a.yaml}]\n", "1:12",
            "include[0] has a field \"paht\"; expected path, project_directory or env_file; did you mean \"path\"?"}),
    berth::test::CaseName{});

INSTANTIATE_TEST_SUITE_P(
    Fields, RejectsTest,
    testing::Values(
        Row{"Unknown", SERVICE("comand: x"), "4:5",
            "services.a has a field \"comand\", which Compose does not know; expected one that it does; did you mean "
            "\"command\"?"},
        Row{"ImageIsANumber", "services:\n  a:\n    image: 5\n", "3:12",
            "services.a.image is 5, which YAML takes for no text; expected \"5\", in quotes"},
        Row{"ImageIsAList", "services:\n  a:\n    image: [x]\n", "3:12",
            "services.a.image is a list; expected a single value"},
        Row{"ImageName", "services:\n  a:\n    image: My Image\n", "3:12",
            "services.a.image is \"My Image\"; expected an image's name, such as \"registry.example/app:1.2\""},
        Row{"EmptyTag", "services:\n  a:\n    image: 'a:${TAG}'\n", "3:12", "services.a.image is \"a:\"; expected…"},
        Row{"PortText", SERVICE("ports: ['80:web']"), "4:13",
            "services.a.ports[0] is \"80:web\" and has \"web\" as the container's port; expected [[IP:]HOST:]CONTAINER"
            "[/PROTOCOL], such as \"8080:80\""},
        Row{"PortTooLarge", SERVICE("ports: ['99999:80']"), "4:13",
            "services.a.ports[0] is \"99999:80\" and has \"99999\" as the host's port; expected …"},
        Row{"PortRanges", SERVICE("ports: ['80-81:80-82']"), "4:13",
            "services.a.ports[0] is \"80-81:80-82\" and maps 2 ports of the host to 3 of the container; expected "
            "ranges of "
            "one length"},
        Row{"PortProtocol", SERVICE("ports: ['80/http']"), "4:13",
            "services.a.ports[0] is \"80/http\" and has the protocol \"http\"; expected tcp, udp or sctp"},
        Row{"PortAddress", SERVICE("ports: ['1.2.3:80:80']"), "4:13",
            "services.a.ports[0] is \"1.2.3:80:80\" and has \"1.2.3\" as the host's address; expected …"},
        Row{"LongPortTarget", SERVICE("ports: [{published: 80}]"), "4:13",
            "services.a.ports[0] has no target; expected the container's port"},
        Row{"LongPortField", SERVICE("ports: [{target: 80, host: x}]"), "4:26",
            "services.a.ports[0] has a field \"host\", which Compose does not know; …"},
        Row{"Mode", SERVICE("volumes: ['./a:/b:wo']"), "4:15",
            "services.a.volumes[0] is \"./a:/b:wo\" and has the mode \"wo\"; expected ro, rw, z, Z, nocopy or one of "
            "their "
            "kind"},
        Row{"MountType", SERVICE("volumes: [{type: vol, target: /x}]"), "4:22",
            "services.a.volumes[0].type is \"vol\"; expected one of volume, bind, tmpfs, image, npipe, cluster…"},
        Row{"MountTarget", SERVICE("volumes: [{type: volume}]"), "4:15",
            "services.a.volumes[0] has no target; expected a path in the container"},
        Row{"Command", SERVICE("command: sh -c 'x"), "4:14",
            "services.a.command is \"sh -c 'x\", with a quote that nothing closes; expected a command line"},
        Row{"Environment", SERVICE("environment: x"), "4:18",
            "services.a.environment is a single value; expected a map"},
        Row{"EnvironmentValue", SERVICE("environment: {A: [1]}"), "4:22",
            "services.a.environment.A is no single value; expected a text, a number, true or false"},
        Row{"EnvironmentItem", SERVICE("environment: [{A: 1}]"), "4:19",
            "services.a.environment has an item that is a map; expected a name or NAME=value"},
        Row{"EnvFile", SERVICE("env_file: no.env"), "4:15",
            "services.a.env_file[0] is \"no.env\": no such file; expected lines of NAME=value"},
        Row{"EnvFileInList", SERVICE("env_file: [no.env]"), "4:16",
            "services.a.env_file[0] is \"no.env\": no such file; expected lines of NAME=value"},
        Row{"Restart", SERVICE("restart: allways"), "4:14",
            "services.a.restart is \"allways\"; expected no, always, unless-stopped or on-failure[:COUNT]; did you "
            "mean "
            "\"always\"?"},
        Row{"RestartCount", SERVICE("restart: on-failure:x"), "4:14",
            "services.a.restart is \"on-failure:x\"; expected on-failure or on-failure:COUNT"},
        Row{"PullPolicy", SERVICE("pull_policy: sometimes"), "4:18",
            "services.a.pull_policy is \"sometimes\"; expected missing, always, never, build, daily, weekly or "
            "every_DURATION"},
        Row{"MemLimit", SERVICE("mem_limit: 50q"), "4:16",
            "services.a.mem_limit is \"50q\"; expected a size such as 120MiB, 1.5GB or 4096"},
        Row{"TwoMemLimits", SERVICE("mem_limit: 1m\n    deploy: {resources: {limits: {memory: 2m}}}"), "5:43",
            "services.a.deploy.resources.limits.memory is 2097152 bytes and mem_limit is 1048576; expected one of "
            "them, or "
            "the same"},
        Row{"Cpus", SERVICE("cpus: two"), "4:11", "services.a.cpus is \"two\"; expected a number from 0 to …"},
        Row{"Scale", SERVICE("scale: -1"), "4:12",
            "services.a.scale is \"-1\"; expected a whole number from 0 to 1000"},
        Row{"TwoScales", SERVICE("scale: 2\n    deploy: {replicas: 3}"), "4:12",
            "services.a.scale is 2 and deploy.replicas is 3; expected one of them, or the same"},
        Row{"NameAndScale", SERVICE("container_name: x\n    scale: 2"), "2:3",
            "services.a has 2 containers and the container_name \"x\"; expected one container, or no such name"},
        Row{"StopGrace", SERVICE("stop_grace_period: 10"), "4:24",
            "services.a.stop_grace_period is \"10\"; expected a duration, such as \"1m30s\" or \"500ms\""},
        Row{"Interval", SERVICE("healthcheck: {test: x, interval: soon}"), "4:38",
            "services.a.healthcheck.interval is \"soon\"; expected a duration, such as \"1m30s\" or \"500ms\""},
        Row{"TinyInterval", SERVICE("healthcheck: {test: x, interval: 10us}"), "4:38",
            "services.a.healthcheck.interval is 10us; expected 0 or at least 1ms"},
        Row{"Test", SERVICE("healthcheck: {test: [curl, x]}"), "4:25",
            "services.a.healthcheck.test begins with \"curl\"; expected NONE, CMD or CMD-SHELL first"},
        Row{"TestAlone", SERVICE("healthcheck: {test: [CMD]}"), "4:25",
            "services.a.healthcheck.test has nothing behind CMD; expected a command"},
        Row{"Retries", SERVICE("healthcheck: {test: x, retries: three}"), "4:37",
            "services.a.healthcheck.retries is \"three\"; expected a whole number from 0 to 1000000"},
        Row{"HealthField", SERVICE("healthcheck: {tset: x}"), "4:19",
            "services.a.healthcheck has a field \"tset\", which Compose does not know; expected one that it does; did "
            "you "
            "mean \"test\"?"},
        Row{"Boolean", SERVICE("healthcheck: {disable: maybe}"), "4:28",
            "services.a.healthcheck.disable is \"maybe\"; expected true or false"},
        Row{"DeployMode", SERVICE("deploy: {mode: globl}"), "4:20",
            "services.a.deploy.mode is \"globl\"; expected one of replicated, global, replicated-job, global-job; did "
            "you "
            "mean \"global\"?"},
        Row{"DeployCondition", SERVICE("deploy: {restart_policy: {condition: never}}"), "4:42",
            "services.a.deploy.restart_policy.condition is \"never\"; expected one of any, on-failure, none, …"},
        Row{"BuildField", SERVICE("build: {contxt: .}"), "4:13",
            "services.a.build has a field \"contxt\", which Compose does not know; expected one that it does; did you "
            "mean "
            "\"context\"?"},
        Row{"TwoDockerfiles", SERVICE("build: {dockerfile: x, dockerfile_inline: 'FROM a'}"), "4:25",
            "services.a.build.dockerfile and dockerfile_inline are both there; expected one of them"},
        Row{"Expose", SERVICE("expose: [web]"), "4:14",
            "services.a.expose[0] is \"web\"; expected a port or a range of "
            "ports"},
        Row{"NetworkModeAndNetworks", SERVICE("network_mode: host\n    networks: [x]"), "5:15",
            "services.a.networks and network_mode are both there; expected one of them"},
        Row{"LabelSetting", SERVICE("labels: {berth.dev/run-tme: 5s}"), "4:33",
            "berth.dev/run-tme is no setting of berth.dev; expected one of …did you mean \"run-time\"?"},
        Row{"LabelValue", SERVICE("labels: {berth.dev/exit-code: '300'}"), "4:35",
            "berth.dev/exit-code is \"300\"; expected an exit code from 0 to 255"}),
    berth::test::CaseName{});

INSTANTIATE_TEST_SUITE_P(
    References, RejectsTest,
    testing::Values(
        Row{"Network", SERVICE("networks: [fron]") "networks: {front: }\n", "2:3",
            "services.a refers to the network \"fron\", which is not there; expected it below networks:; did you mean "
            "\"front\"?"},
        Row{"Volume", SERVICE("volumes: ['dat:/x']") "volumes: {data: }\n", "2:3",
            "services.a refers to the volume \"dat\", which is not there; expected it below volumes:; did you mean "
            "\"data\"?"},
        Row{"Config", SERVICE("configs: [c]"), "2:3",
            "services.a refers to the config \"c\", which is not there; expected it below configs:"},
        Row{"Secret", SERVICE("secrets: [{source: s}]"), "2:3",
            "services.a refers to the secret \"s\", which is not there; expected it below secrets:"},
        Row{"Dependency", SERVICE("depends_on: [bd]") "  db: {image: db}\n", "4:18",
            "services.a.depends_on needs the service \"bd\", which is not there; expected one of services…"},
        Row{"Link", SERVICE("links: [db]"), "4:13",
            "services.a needs the service \"db\", which is not there; expected one of services"},
        Row{"Condition", SERVICE("depends_on: {b: {condition: healthy}}") "  b: {image: b}\n", "4:33",
            "services.a.depends_on.b.condition is \"healthy\"; expected one of service_started, service_healthy, "
            "service_completed_successfully"},
        Row{"NoCondition", SERVICE("depends_on: {b: {restart: true}}") "  b: {image: b}\n", "4:21",
            "services.a.depends_on.b has no condition; expected service_started, service_healthy or "
            "service_completed_successfully"},
        Row{"ItselfInACircle", SERVICE("depends_on: [a]"), "4:18",
            "services.a.depends_on goes in a circle: a -> a; expected services that do not wait for each other"},
        Row{"Circle",
            "services:\n  a: {image: a, depends_on: [b]}\n  b: {image: b, depends_on: [c]}\n  c:\n    image: c\n    "
            "depends_on: [a]\n",
            "6:18",
            "services.c.depends_on goes in a circle: a -> b -> c -> a; expected services that do not wait for each "
            "other"},
        Row{"CircleByLinks", "services:\n  a: {image: a, links: [b]}\n  b: {image: b, network_mode: 'service:a'}\n",
            "3:31", "services.b.depends_on goes in a circle: a -> b -> a; expected…each other"},
        Row{"ContainerNameTwice", "services:\n  a: {image: a, container_name: x}\n  b: {image: b, container_name: x}\n",
            "3:3", "services.b has the container_name \"x\", which services.a has too; expected a name of its own"},
        Row{"ExtendsNobody", "services:\n  a:\n    extends: {service: bas}\n  base: {image: x}\n", "3:24",
            "services.a.extends names the service \"bas\", which is not in this file; expected one of its services; "
            "did you "
            "mean \"base\"?"},
        Row{"ExtendsNoFile", "services:\n  a:\n    extends: {service: b, file: no.yaml}\n", "3:14",
            "services.a.extends is in \"no.yaml\": no such file; expected a Compose file"},
        Row{"ExtendsField", "services:\n  a:\n    extends: {servce: b}\n", "3:15",
            "services.a.extends has a field \"servce\"; expected service or file; did you mean \"service\"?"}),
    berth::test::CaseName{});

TEST(Rejects, NoFileAtAll) {
  LoadOptions options;
  options.files = {"/nonexistent/compose.yaml"};
  EXPECT_THROW(load_project(options), InputError);
  EXPECT_THROW(load_project({}), InputError);
}

TEST(Rejects, AMissingEnvFileThatWasNamed) {
  LoadOptions options;
  options.env_files = {"no.env"};
  EXPECT_EQ(Files("services: {a: {image: a}}").error(options),
            "no.env: no such env file; expected lines of NAME=value");
}

TEST(Rejects, AServiceThatIsNotThere) {
  LoadOptions options;
  options.services = {"wbe"};
  EXPECT_EQ(Files("services: {web: {image: a}}").error(options),
            "compose.yaml: no service \"wbe\"; expected one of web; did you mean \"web\"?");
}

// Each service doubles the list of the one that it extends.
TEST(Rejects, BasesThatGrowWithoutLimit) {
  std::string text = "services:\n  s0: {image: a, security_opt: [x, x, x, x, x, x, x, x]}\n";
  for (int i = 1; i < 40; ++i) {
    text += "  s" + std::to_string(i) + ":\n    extends: s" + std::to_string(i - 1) + "\n    security_opt: [y]\n";
  }
  EXPECT_EQ(Files(text).error(), "");  // Grows by one a step: fine.
  std::string includes = "include:\n";
  for (int i = 0; i < 12; ++i) includes += "  - b0.yaml\n";
  Files files(includes);
  for (int level = 0; level < 4; ++level) {
    std::string text_of = "include:\n";
    for (int i = 0; i < 12; ++i) text_of += "  - b" + std::to_string(level + 1) + ".yaml\n";
    files.add("b" + std::to_string(level) + ".yaml", text_of);
  }
  files.add("b4.yaml", "services: {a: {image: a}}");
  EXPECT_THAT(files.error(), testing::HasSubstr("more than 1000 files in one project; expected fewer"));
}

}  // namespace
}  // namespace berth::compose
