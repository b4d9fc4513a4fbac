// Files upon files, bases and included files. Expectations are the examples of the Compose specification (13-merge.md,
// 14-include.md, 05-services.md "extends") and what follows from its rules.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/compose/compose_case.hpp"
#include "tests/support/case_name.hpp"

namespace berth::compose {
namespace {

using test::Files;

// A service's fields on one line each, sorted by what the test looks at.
std::string show(const Service& s) {
  std::string out = "image=" + s.image;
  if (s.command) out += fmt::format(" command={}", fmt::join(*s.command, ","));
  for (const auto& [name, value] : s.environment) out += fmt::format(" {}={}", name, value);
  for (const Port& p : s.ports) {
    out += fmt::format(" port={}:{}:{}/{}", p.host_ip, p.first_published, p.target, p.protocol);
  }
  for (const Mount& m : s.mounts) out += fmt::format(" mount={}:{}", m.source, m.target);
  for (const Dependency& d : s.depends_on) out += fmt::format(" on={}:{}", d.service, to_string(d.condition));
  for (const Attachment& a : s.networks) {
    if (a.network != "default") out += " net=" + a.network;
  }
  for (const auto& [name, value] : s.labels) out += fmt::format(" label:{}={}", name, value);
  if (s.healthcheck) {
    out += fmt::format(" test={}", fmt::join(s.healthcheck->test, ","));
    if (s.healthcheck->interval) out += " interval=" + to_string(*s.healthcheck->interval);
    if (s.healthcheck->retries) out += fmt::format(" retries={}", *s.healthcheck->retries);
  }
  return out;
}

struct Row {
  const char* name;
  const char* base;  // Below services.a.
  const char* over;
  const char* expected;
};
using MergeTest = testing::TestWithParam<Row>;

TEST_P(MergeTest, Merges) {
  const std::string rest = "\nvolumes: {foo: , bar: }\nnetworks: {n1: , n2: }\n";
  const std::string others = "\n  b: {image: b}\n  c: {image: c}\n";
  Files files("services:\n  a:\n" + std::string(GetParam().base) + others + rest);
  files.add("over.yaml", "services:\n  a:\n" + std::string(GetParam().over));
  LoadOptions options;
  options.files = {"compose.yaml", "over.yaml"};
  EXPECT_EQ(show(*files.load(options).find("a")), GetParam().expected);
}

INSTANTIATE_TEST_SUITE_P(
    Table, MergeTest,
    testing::Values(
        Row{"ScalarsReplace", "    image: x", "    image: y", "image=y"},
        Row{"MapsMerge", "    image: x\n    environment: {A: 1, B: 2}", "    environment: {B: 3, C: 4}",
            "image=x A=1 B=3 C=4"},
        Row{"EnvironmentListOnMap", "    image: x\n    environment: {A: 1, B: 2}", "    environment: [B=3, C=4]",
            "image=x A=1 B=3 C=4"},
        Row{"EnvironmentMapOnList", "    image: x\n    environment: [A=1, B=2]", "    environment: {B: 3}",
            "image=x A=1 B=3"},
        Row{"LabelsListOnMap", "    image: x\n    labels: {l: 1}", "    labels: [l=2, m=3]",
            "image=x label:l=2 label:m=3"},
        Row{"CommandReplaces", "    image: x\n    command: [echo, foo]", "    command: [echo, bar]",
            "image=x command=echo,bar"},
        Row{"CommandListOnString", "    image: x\n    command: echo foo", "    command: [bar]", "image=x command=bar"},
        Row{"PortsAppend", "    image: x\n    ports: ['80:80']", "    ports: ['81:81']",
            "image=x port=0.0.0.0:80:80/tcp port=0.0.0.0:81:81/tcp"},
        Row{"SamePortIsOne", "    image: x\n    ports: ['80:80']", "    ports: ['0.0.0.0:80:80/tcp']",
            "image=x port=0.0.0.0:80:80/tcp"},
        Row{"OtherProtocolIsAnother", "    image: x\n    ports: ['80:80']", "    ports: ['80:80/udp']",
            "image=x port=0.0.0.0:80:80/tcp port=0.0.0.0:80:80/udp"},
        Row{"LongPortIsTheSame", "    image: x\n    ports: ['80:80']", "    ports: [{target: 80, published: 80}]",
            "image=x port=0.0.0.0:80:80/tcp"},
        Row{"MountsByTarget", "    image: x\n    volumes: ['foo:/work']", "    volumes: ['bar:/work']",
            "image=x mount=bar:/work"},
        Row{"LongMountByTarget", "    image: x\n    volumes: ['foo:/work']",
            "    volumes: [{type: volume, source: bar, target: /work}]", "image=x mount=bar:/work"},
        Row{"MountsAppend", "    image: x\n    volumes: ['foo:/work']", "    volumes: ['bar:/play']",
            "image=x mount=foo:/work mount=bar:/play"},
        Row{"DependsShortOnLong", "    image: x\n    depends_on: {b: {condition: service_healthy}}",
            "    depends_on: [c]", "image=x on=b:service_healthy on=c:service_started"},
        Row{"DependsLongOnShort", "    image: x\n    depends_on: [b]",
            "    depends_on: {b: {condition: service_healthy}}", "image=x on=b:service_healthy"},
        Row{"NetworksListOnMap", "    image: x\n    networks: {n1: }", "    networks: [n2]", "image=x net=n1 net=n2"},
        Row{"TestReplaces", "    image: x\n    healthcheck: {test: [CMD, a], interval: 5s}",
            "    healthcheck: {test: [CMD, b], retries: 7}", "image=x test=CMD,b interval=5s retries=7"},
        Row{"ResetList", "    image: x\n    ports: ['8080:80']\n    environment: {FOO: BAR}",
            "    ports: !reset []\n    environment:\n      FOO: !reset null", "image=x"},
        Row{"OverrideList", "    image: x\n    ports: ['8080:80']", "    ports: !override\n      - '8443:443'",
            "image=x port=0.0.0.0:8443:443/tcp"},
        Row{"TagsInAFlowMap", "    image: x\n    ports: ['80:80']\n    command: x",
            "    {ports: !reset [], command: !override [y]}", "image=x command=y"},
        Row{"NullChangesNothing", "    image: x\n    ports: ['80:80']",
            "    ports:", "image=x port=0.0.0.0:80:80/tcp"}),
    berth::test::CaseName{});

TEST(Merge, ThirdFileCountsLast) {
  Files files("services: {a: {image: one}}");
  files.add("b.yaml", "services: {a: {image: two}}").add("c.yaml", "services: {a: {image: three}}");
  LoadOptions options;
  options.files = {"compose.yaml", "b.yaml", "c.yaml"};
  EXPECT_EQ(files.load(options).find("a")->image, "three");
}

TEST(Merge, DocumentsOfOneFileMergeToo) {
  EXPECT_EQ(Files("services: {a: {image: one}}\n---\nservices: {a: {image: two}}").load().find("a")->image, "two");
}

TEST(Merge, AnEmptyFileAddsNothing) {
  Files files("services: {a: {image: one}}");
  files.add("b.yaml", "# nothing\n");
  LoadOptions options;
  options.files = {"compose.yaml", "b.yaml"};
  EXPECT_EQ(files.load(options).services.size(), 1U);
}

TEST(Merge, AnErrorIsInTheFileItIsIn) {
  Files files("services: {a: {image: one}}");
  files.add("b.yaml", "services:\n  a:\n    ports: 80\n");
  LoadOptions options;
  options.files = {"compose.yaml", "b.yaml"};
  EXPECT_THAT(files.error(options), testing::StartsWith("b.yaml:3:12: services.a.ports is a single value"));
}

TEST(Merge, KindsMustAgree) {
  Files files("services: {a: {image: one, ports: ['80']}}");
  files.add("b.yaml", "services:\n  a:\n    ports: {x: 1}\n");
  LoadOptions options;
  options.files = {"compose.yaml", "b.yaml"};
  EXPECT_THAT(files.error(options),
              testing::AllOf(testing::StartsWith("b.yaml:3:12: services.a.ports is a map here and a list at "),
                             testing::HasSubstr("compose.yaml:1:35; expected one kind")));
}

TEST(Merge, PathsMeanTheProjectsFolder) {
  Files files("services: {a: {image: one}}");
  files.add("sub/b.yaml", "services: {a: {volumes: ['./x:/x']}}");
  LoadOptions options;
  options.files = {"compose.yaml", "sub/b.yaml"};
  EXPECT_EQ(files.relative(files.load(options).find("a")->mounts.at(0).source), "x");
}

TEST(Extends, TakesTheBaseInTheSameFile) {
  const Project p = Files(R"(
services:
  base: {image: x, command: [one], environment: {A: 1, B: 2}, ports: ['80:80']}
  a: {extends: {service: base}, command: [two], environment: [B=3]}
  b: {extends: a, image: y}
)")
                        .load();
  EXPECT_EQ(show(*p.find("a")), "image=x command=two A=1 B=3 port=0.0.0.0:80:80/tcp");
  EXPECT_EQ(show(*p.find("b")), "image=y command=two A=1 B=3 port=0.0.0.0:80:80/tcp");
  EXPECT_EQ(show(*p.find("base")), "image=x command=one A=1 B=2 port=0.0.0.0:80:80/tcp");
}

TEST(Extends, TakesTheBaseOfAnotherFileWithItsOwnFolder) {
  Files files("services: {a: {extends: {file: common/base.yaml, service: web}, volumes: ['./here:/y']}}");
  files.add("common/base.yaml", R"(
services:
  root: {image: img:1, volumes: ['./there:/x']}
  web: {extends: {service: root}}
)");
  const Project p = files.load();
  EXPECT_EQ(files.relative(show(*p.find("a"))), "image=img:1 mount=common/there:/x mount=here:/y");
  EXPECT_EQ(p.services.size(), 1U);  // The other file's services do not come along.
}

TEST(Extends, CirclesAreNamed) {
  EXPECT_EQ(Files("services:\n  a: {image: x, extends: b}\n  b: {extends: c}\n  c: {extends: a}\n").error(),
            "compose.yaml:4:16: services.c.extends goes in a circle: a -> b -> c -> a; expected a base that does not "
            "extend it");
  EXPECT_THAT(Files("services:\n  a: {extends: a}\n").error(), testing::HasSubstr("in a circle: a -> a;"));
  Files two("services:\n  a: {extends: {file: b.yaml, service: b}}\n");
  two.add("b.yaml", "services:\n  b: {extends: {file: compose.yaml, service: a}}\n");
  EXPECT_THAT(two.error(),
              testing::HasSubstr("goes in a circle: a in compose.yaml -> b in b.yaml -> a in compose.yaml;"));
}

TEST(Include, BringsServicesWithTheirOwnFolderAndVariables) {
  Files files("include: [sub/compose.yaml]\nservices: {a: {image: 'a:${TAG}', depends_on: [db]}}");
  files.add(".env", "TAG=mine\n");
  files.add("sub/compose.yaml", "services: {db: {image: 'db:${TAG}-${SUB}', volumes: ['./data:/d']}}");
  files.add("sub/.env", "TAG=theirs\nSUB=sub\n");
  const Project p = files.load();
  EXPECT_EQ(p.find("a")->image, "a:mine");
  EXPECT_EQ(p.find("db")->image, "db:mine-sub");  // The including project's variables count first.
  EXPECT_EQ(files.relative(p.find("db")->mounts.at(0).source), "sub/data");
}

TEST(Include, LongFormSetsFolderAndEnvFile) {
  Files files(
      "include:\n  - path: [sub/a.yaml, sub/b.yaml]\n    project_directory: other\n    env_file: sub/x.env\n"
      "services: {c: {image: c}}");
  files.add("sub/a.yaml", "services: {db: {image: 'db:${V}', volumes: ['./d:/d']}}");
  files.add("sub/b.yaml", "services: {db: {command: two}}");
  files.add("sub/x.env", "V=9\n");
  const Project p = files.load();
  EXPECT_EQ(files.relative(show(*p.find("db"))), "image=db:9 command=two mount=other/d:/d");
}

TEST(Include, AnOverrideFileMergesWithWhatIsIncluded) {
  Files files("include: [db.yaml]\nservices: {a: {image: a}}");
  files.add("db.yaml", "services: {db: {image: 'db:1'}}").add("over.yaml", "services: {db: {image: 'db:2'}}");
  LoadOptions options;
  options.files = {"compose.yaml", "over.yaml"};
  EXPECT_EQ(files.load(options).find("db")->image, "db:2");
}

TEST(Include, SameNameWithOtherContentIsRefusedAndWithEqualIsNot) {
  Files files("include: [sub.yaml]\nservices:\n  a: {image: 'a:1'}\n");
  files.add("sub.yaml", "services: {a: {image: 'a:2'}}");
  EXPECT_EQ(files.error(),
            "compose.yaml:1:11: include[0] brings services.a, which stands at compose.yaml:3:6 too; expected a name of "
            "its own");
  files.add("sub.yaml", "services: {a: {image: 'a:1'}}");
  EXPECT_EQ(files.error(), "");
}

TEST(Include, CirclesAreNamed) {
  Files files("include: [b.yaml]\nservices: {a: {image: a}}");
  files.add("b.yaml", "include: [c.yaml]\n").add("c.yaml", "include: [b.yaml]\n");
  EXPECT_THAT(files.error(), testing::AllOf(testing::StartsWith("c.yaml:1:11: include[0] goes in a circle: "),
                                            testing::HasSubstr("b.yaml -> c.yaml -> b.yaml;")));
}

}  // namespace
}  // namespace berth::compose
