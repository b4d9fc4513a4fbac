// The RUN model: that it reads commands as a shell would, counts what stays in the layer and nothing else, and gives
// the sizes that Debian's package index says (the table in package_sizes.cpp is its extract).
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "tests/support/case_name.hpp"
#include "workloads/images/run_estimate.hpp"

namespace berth::docker {
namespace {

using testing::ElementsAre;

struct ShellCase {
  const char* name;
  const char* script;
  std::vector<std::vector<std::string>> commands;
};
using RunShellCommands = testing::TestWithParam<ShellCase>;
TEST_P(RunShellCommands, AreSplit) {
  EXPECT_EQ(shell_commands(GetParam().script), GetParam().commands);
}
INSTANTIATE_TEST_SUITE_P(
    Table, RunShellCommands,
    testing::Values(ShellCase{"And", "a b && c || d; e | f", {{"a", "b"}, {"c"}, {"d"}, {"e"}, {"f"}}},
                    ShellCase{"Lines", "a\nb \\\n  c", {{"a"}, {"b", "c"}}},
                    ShellCase{"Quotes", "a 'b && c' \"d \\\" e\" f\\ g", {{"a", "b && c", "d \" e", "f g"}}},
                    ShellCase{"Assignments", "A=1 B=\"2 3\" c D=4", {{"c", "D=4"}}},
                    ShellCase{"Prefixes", "sudo env A=1 b; if c; then d; fi", {{"b"}, {"c"}, {"d"}}},
                    ShellCase{"Redirections", "a > /x 2>&1 b 2>/dev/null < c", {{"a", "b"}}},
                    ShellCase{"Comments", "a # b && c\nd", {{"a"}, {"d"}}},
                    ShellCase{"Groups", "(cd x && make)", {{"cd", "x"}, {"make"}}}, ShellCase{"Nothing", " ; && ", {}}),
    test::CaseName{});

double mib(const std::string& script, std::vector<std::string> mounts = {}) {
  return static_cast<double>(estimate_run(script, {std::move(mounts), {}}).adds_bytes) / (1 << 20);
}

// Installed-Size of Debian 12's index, closures over a bookworm base, in MiB: curl 11.4 (17.7 with recommends), git
// 57.3, build-essential 260.2.
TEST(RunEstimates, AptGetIsDebiansIndex) {
  EXPECT_NEAR(mib("apt-get install -y --no-install-recommends curl"), 11.4, 0.01);
  EXPECT_NEAR(mib("apt-get install -y curl"), 17.7, 0.01);
  EXPECT_NEAR(mib("apt-get install -y -t bookworm-backports --no-install-recommends git=1:2.39*"), 57.3, 0.01);
  // The whole lists' closure is 78.5 MiB, the sum of the single ones 95.3, the largest 57.3: an estimate between.
  const double list = mib("apt-get install -y --no-install-recommends curl git ca-certificates gnupg");
  EXPECT_NEAR(list, 78.5, 0.15 * 78.5);
}

TEST(RunEstimates, WhatTheSameRunRemovesIsNotInTheLayer) {
  const double kept = mib("apt-get update && apt-get install -y curl");
  EXPECT_NEAR(kept - mib("apt-get update && apt-get install -y curl && rm -rf /var/lib/apt/lists/*"), 19, 0.1);
  EXPECT_NEAR(mib("apt-get update", {"/var/lib/apt"}), 0, 1e-9);
  EXPECT_LT(mib("pip install --no-cache-dir flask"), mib("pip install flask"));
  EXPECT_EQ(mib("pip install --no-cache-dir flask"), mib("pip install flask", {"/root/.cache"}));
  EXPECT_EQ(mib("pip install --no-cache-dir flask"), mib("pip install flask && rm -rf ~/.cache"));
  EXPECT_EQ(mib("go mod download", {"/go/pkg/mod"}), 0);
  EXPECT_LT(mib("npm ci && npm cache clean --force"), mib("npm ci"));
  EXPECT_LT(mib("apk add --no-cache git"), mib("apk add git"));
  EXPECT_LT(mib("apk add --no-cache --virtual .d gcc && make && apk del .d"),
            mib("apk add --no-cache --virtual .d gcc && make"));
  EXPECT_LT(mib("dnf install -y git && dnf clean all"), mib("dnf install -y git"));
}

TEST(RunEstimates, ManifestsAreCounted) {
  RunSurroundings around;
  std::map<std::string, std::string> files;
  around.read = [&](const std::string& path) -> std::optional<std::string> {
    const auto it = files.find(path);
    return it == files.end() ? std::nullopt : std::optional(it->second);
  };
  const auto adds = [&](const char* script) {
    return static_cast<double>(estimate_run(script, around).adds_bytes) / (1 << 20);
  };
  files["r.txt"] = "flask==2.0\n# a comment\n-i https://x\nnumpy>=1\n";  // 8 and 65 MiB.
  EXPECT_NEAR(adds("pip install --no-cache-dir -r r.txt"), 73, 0.01);
  files["package.json"] = R"({"dependencies": {"a": "1", "b": "1"}, "devDependencies": {"c": "1"}})";
  EXPECT_NEAR(adds("npm install && npm cache clean --force"), 3 * 6, 0.01);
  EXPECT_NEAR(adds("npm install --omit=dev && npm cache clean --force"), 9, 0.01);
  files["package-lock.json"] = R"({"x": {"resolved": "u"}, "y": {"resolved": "u"}})";
  EXPECT_NEAR(adds("npm ci && npm cache clean --force"), 2 * 0.35, 0.01);
  files["package.json"] = "[ no json";
  EXPECT_GT(adds("npm install"), 0);
  files["go.mod"] = "module m\n\nrequire (\n\ta v1\n\tb v1\n)\n";
  EXPECT_NEAR(adds("go mod download"), 5, 0.01);
  files["Cargo.lock"] = "[[package]]\n[[package]]\n";
  EXPECT_NEAR(adds("cargo fetch"), 1.6, 0.01);
  files["pom.xml"] = "<dependency></dependency>";
  EXPECT_NEAR(adds("mvn dependency:go-offline"), 63, 0.01);
}

TEST(RunEstimates, ToolsAreRecognised) {
  const auto tools = [](const char* script) { return estimate_run(script, {}).tools; };
  EXPECT_THAT(tools("apt-get update && apt install x"), ElementsAre("apt-get"));
  EXPECT_THAT(tools("python3 -m pip install x; /usr/bin/pip3 install y"), ElementsAre("pip"));
  EXPECT_THAT(tools("microdnf install x"), ElementsAre("dnf"));
  EXPECT_THAT(tools("yarn && pnpm install"), ElementsAre("yarn", "pnpm"));
  EXPECT_THAT(tools("./mvnw package && ./gradlew build"), ElementsAre("mvn", "gradle"));
  EXPECT_THAT(tools("dotnet publish -o /app"), ElementsAre("dotnet"));
  EXPECT_THAT(tools("composer install && bundle install && gem install x"), ElementsAre("composer", "bundle", "gem"));
  EXPECT_THAT(tools("curl -fsSL https://x | tar xz && wget y && make -j4"), ElementsAre("curl", "tar", "wget", "make"));
  EXPECT_FALSE(estimate_run("frobnicate --all", {}).known);
  EXPECT_TRUE(estimate_run("mkdir -p /x && echo a > b", {}).known);
}

TEST(RunEstimates, BuildsMakeWhatALaterCopyTakes) {
  for (const char* script : {"go build -o /a .", "cargo build --release", "mvn package", "./gradlew build",
                             "npm run build", "dotnet publish", "make"}) {
    const RunEstimate e = estimate_run(script, {});
    EXPECT_GT(e.artifact_bytes, 0) << script;
    EXPECT_LE(e.artifact_bytes, e.adds_bytes) << script;
    EXPECT_GT(e.takes, seconds(1)) << script;
  }
  EXPECT_EQ(estimate_run("apt-get install -y git", {}).artifact_bytes, 0);
}

}  // namespace
}  // namespace berth::docker
