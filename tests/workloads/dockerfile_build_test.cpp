// What a build makes of stages, files and instructions. Expected values: the Dockerfile reference and BuildKit's
// frontend, worked out by hand for each case.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/case_name.hpp"
#include "tests/workloads/dockerfile_builder.hpp"

namespace berth::docker {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

std::string error_of(const std::string& text, const BuildOptions& options = {}) {
  try {
    Builder().build(text, options);
  } catch (const InputError& e) {
    return e.what();
  }
  return "no error";
}

// --- Stages ---------------------------------------------------------------------------------------------------------

TEST(DockerfileStages, OnlyWhatTheTargetNeeds) {
  const std::string text =
      "FROM base AS a\nRUN a\nFROM base AS b\nRUN b\nFROM a AS c\nRUN c\nFROM tool AS d\nCOPY --from=c /x /\n"
      "FROM tool\nRUN --mount=from=b,target=/b e\n";
  BuildOptions options;
  const auto built = [&](const char* target) {
    options.target = target;
    return testing::PrintToString(Builder().build(text, options).skipped_stages);
  };
  const auto list = [](std::vector<std::string> names) { return testing::PrintToString(names); };
  EXPECT_EQ(built(""), list({"a", "c", "d"}));
  EXPECT_EQ(built("D"), list({"b", "stage-4"}));
  EXPECT_EQ(built("c"), list({"b", "d", "stage-4"}));
  EXPECT_EQ(built("0"), list({"b", "c", "d", "stage-4"}));
}

TEST(DockerfileStages, IndependentOnesRunAtOnce) {
  const BuildResult r = Builder().build(
      "FROM scratch AS a\n# berth: takes=30s adds=1\nRUN a\nFROM scratch AS b\n# berth: takes=20s adds=1\nRUN b\n"
      "FROM scratch\n# berth: takes=1s\nCOPY --from=a /x /x\n# berth: takes=1s\nCOPY --from=b /x /y\n");
  EXPECT_EQ(r.elapsed, seconds(32));  // 30 of the longer one, then the two copies.
  EXPECT_EQ(r.work, seconds(52));
}

TEST(DockerfileStages, OneBaseIsFetchedOnce) {
  const BuildResult r = Builder().build("FROM base AS a\nRUN a\nFROM base\nRUN a\nCOPY --from=a /x /\n");
  EXPECT_EQ(Builder::show(r), "1! 2! 3= 4= 5!");
  EXPECT_EQ(r.steps[2].finish, r.steps[0].finish);  // It waits for the same fetch.
}

TEST(DockerfileStages, ALinkedCopyDoesNotWaitForWhatIsAbove) {
  const char* text = "FROM scratch\n# berth: takes=30s adds=1\nRUN a\n# berth: takes=5s\nCOPY%s a.txt /\n";
  const auto elapsed = [&](const char* flag) {
    std::string t = text;
    t.replace(t.find("%s"), 2, flag);
    return Builder().build(t).elapsed;
  };
  EXPECT_EQ(elapsed(""), seconds(35));
  EXPECT_EQ(elapsed(" --link"), seconds(30));
}

TEST(DockerfileStages, OnbuildRunsInTheStageAbove) {
  const BuildResult r = Builder().build("FROM base AS a\nONBUILD COPY a.txt /t\nFROM a\nRUN x\nFROM 1\nRUN y\n",
                                        {.name = "i", .target = "1", .build_args = {}});
  ASSERT_EQ(r.steps.size(), 3U);
  EXPECT_TRUE(r.steps[1].onbuild);
  EXPECT_EQ(r.steps[1].text, "COPY a.txt /t");
  EXPECT_EQ(r.image.layers.size(), 3U);
  EXPECT_TRUE(r.config.on_build.empty());
}

TEST(DockerfileStages, LayersOfTheTargetAlone) {
  const BuildResult r = Builder().build("FROM base AS a\nRUN x\nFROM tool\nCOPY a.txt /\nENV A=1\nWORKDIR /w\nRUN y\n");
  ASSERT_EQ(r.image.layers.size(), 5U);  // Two of tool, COPY, WORKDIR, RUN.
  EXPECT_EQ(r.image.layers[0].digest, "sha256:t0");
  std::size_t layers = 0;
  for (const HistoryEntry& h : r.history) layers += h.empty_layer ? 0 : 1;
  EXPECT_EQ(layers, 5U);
}

// --- Sizes ----------------------------------------------------------------------------------------------------------

// A tar: a header of 512 bytes and whole blocks for each file, two empty blocks at the end.
TEST(DockerfileSizes, CopyIsTheFilesTar) {
  Builder builder;
  EXPECT_EQ(builder.build("FROM scratch\nCOPY a.txt /\n").steps[0].unpacked_bytes, 512 + 1024 + 1024);
  EXPECT_EQ(builder.build("FROM scratch\nCOPY src /s\n").steps[0].unpacked_bytes, 3 * 512 + 2 * 512 + 1024);
  EXPECT_EQ(builder.build("FROM scratch\nCOPY --exclude=sub src /s\n").steps[0].unpacked_bytes, 512 + 512 + 1024);
  const BuildStep copy = builder.build("FROM scratch\nCOPY a.txt /\n").steps[0];
  EXPECT_LT(copy.compressed_bytes, 200);  // A thousand times one letter.
  EXPECT_FALSE(copy.estimated);
}

TEST(DockerfileSizes, HintsOverrideTheModel) {
  const BuildResult r = Builder().build("FROM base\n# berth: adds=120MiB takes=35s\nRUN make\n");
  EXPECT_EQ(r.steps[1].unpacked_bytes, 120 << 20);
  EXPECT_EQ(r.steps[1].takes, seconds(35));
  EXPECT_FALSE(r.steps[1].estimated);
}

TEST(DockerfileSizes, TheBaseIsTheLibrarys) {
  const BuildResult r = Builder().build("FROM base\n");
  EXPECT_EQ(r.steps[0].compressed_bytes, 50'000'000);
  EXPECT_EQ(r.elapsed, seconds(1) + seconds(1) + milliseconds(500));  // 50 MB/s down, 100 MB/s unpacked.
  EXPECT_TRUE(r.notes.empty());
  EXPECT_THAT(Builder().build("FROM nobody:1\n").notes,
              ElementsAre(HasSubstr("docker.io/library/nobody:1: not listed")));
}

TEST(DockerfileSizes, AddUnpacksArchives) {
  Builder builder;
  std::string tar(10240, '\0');  // An empty tar is all zeros; this one has a header that says so.
  tar.replace(257, 5, "ustar");
  builder.write("x.tar", tar);
  // gzip: the last four bytes are the length of what it unpacks to, here 1 MiB.
  builder.write("x.tgz", std::string("\x1F\x8B\x08", 3) + std::string(97, 'z') + std::string("\x00\x00\x10\x00", 4));
  EXPECT_EQ(builder.build("FROM scratch\nADD x.tar /\n").steps[0].unpacked_bytes, 512 + 10240 + 1024);
  const auto add = builder.build("FROM scratch\nADD x.tgz /\n").steps[0].unpacked_bytes;
  const auto kept = builder.build("FROM scratch\nADD --unpack=false x.tgz /\n").steps[0].unpacked_bytes;
  EXPECT_EQ(kept, 512 + 512 + 1024);
  EXPECT_EQ(add, kept - 104 + (1 << 20));
  EXPECT_EQ(builder.build("FROM scratch\nCOPY x.tgz /\n").steps[0].unpacked_bytes, kept);
}

TEST(DockerfileSizes, EqualContentIsOneLayerAnywhere) {
  Builder builder;
  const BuildResult a = builder.build("FROM base\nCOPY a.txt /x\n");
  const BuildResult b = builder.build("FROM tool\nRUN y\nCOPY a.txt /x\n");
  EXPECT_EQ(a.image.layers.back(), b.image.layers.back());
  EXPECT_NE(a.image.digest, b.image.digest);
}

// --- Configuration --------------------------------------------------------------------------------------------------

TEST(DockerfileConfig, IsWhatTheInstructionsSay) {
  const BuildResult r = Builder().build(
      "ARG G=g\nFROM base\nENV A=1 B=\"two words\" C=$A\nENV A=9 D=$A\nENV OLD old way\nARG X=$B\nARG G TARGETARCH\n"
      "ENV FROM_ARG=$X-$G-$TARGETARCH\nLABEL l=\"$A\" \"k\"='$A'\nWORKDIR /a\nWORKDIR b/../c\nUSER $A:0\n"
      "EXPOSE 80 $A/udp 7-8\nVOLUME /v $A\nSTOPSIGNAL SIGINT\nENTRYPOINT [\"e\", \"$A\"]\nCMD run $A\n"
      "HEALTHCHECK --retries=2 CMD check\nMAINTAINER me\n");
  const std::vector<std::pair<std::string, std::string>> env{
      {"PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"},
      {"A", "9"},
      {"B", "two words"},
      {"C", ""},  // All of one ENV see the values from before it.
      {"D", "1"},
      {"OLD", "old way"},
      {"FROM_ARG", "two words-g-amd64"}};
  EXPECT_EQ(r.config.env, env);
  EXPECT_EQ(r.config.labels, (std::map<std::string, std::string>{{"l", "9"}, {"k", "$A"}}));
  EXPECT_EQ(r.config.working_dir, "/a/c");
  EXPECT_EQ(r.config.user, "9:0");
  EXPECT_THAT(r.config.exposed_ports, ElementsAre("7/tcp", "8/tcp", "80/tcp", "9/udp"));
  EXPECT_THAT(r.config.volumes, ElementsAre("/v", "9"));
  EXPECT_EQ(r.config.stop_signal, "SIGINT");
  EXPECT_THAT(r.config.entrypoint, ElementsAre("e", "$A"));
  EXPECT_THAT(r.config.cmd, ElementsAre("/bin/sh", "-c", "run $A"));
  EXPECT_THAT(r.config.health->test, ElementsAre("CMD-SHELL", "check"));
  EXPECT_EQ(r.config.author, "me");
}

TEST(DockerfileConfig, EntrypointTakesTheBasesCommandAway) {
  const std::string base = "FROM base AS a\nCMD [\"x\"]\nFROM a\n";
  EXPECT_THAT(Builder().build(base + "ENTRYPOINT [\"e\"]\n").config.cmd, ElementsAre());
  EXPECT_THAT(Builder().build(base + "USER u\n").config.cmd, ElementsAre("x"));
  EXPECT_THAT(Builder().build(base + "CMD [\"y\"]\nENTRYPOINT [\"e\"]\n").config.cmd, ElementsAre("y"));
  EXPECT_THAT(Builder().build("FROM base\nSHELL [\"/bin/bash\", \"-ec\"]\nCMD a\n").config.cmd,
              ElementsAre("/bin/bash", "-ec", "a"));
}

TEST(DockerfileConfig, ArgumentsReachHistoryButNotTheEnvironment) {
  const BuildResult r = Builder().build("FROM base\nARG V=1\nRUN x\n");
  EXPECT_EQ(r.history.back().created_by, "RUN |1 V=1 /bin/sh -c x # buildkit");
  EXPECT_EQ(r.config.env.size(), 1U);
}

// Source: OCI image-spec, config.md: ChainID(L0|…|Ln) = SHA256(ChainID(L0|…|Ln-1) + " " + DiffID(Ln)); the digests here
// were computed with Python's hashlib.
TEST(DockerfileConfig, ChainIds) {
  std::vector<Layer> layers;
  for (const char c : {'a', 'b', 'c'}) layers.push_back({"blob", "sha256:" + std::string(64, c), 0, 0});
  EXPECT_THAT(chain_ids(layers),
              ElementsAre(layers[0].diff_id, "sha256:ccd722928bd92476ba1745586fed6e45a102504185ad88cd89e01ff116fd146c",
                          "sha256:c1377126441fb2f5ec2c21ae2a60255331d639e830f0ee1b40a36e52d4c40588"));
  EXPECT_EQ(sha256_digest("abc"),  // FIPS 180-4's example.
            "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

TEST(DockerfileConfig, EqualBuildsHaveEqualDigests) {
  const char* text = "FROM base\nCOPY . /x\nRUN a\n";
  Builder builder;
  const BuildResult first = builder.build(text);
  EXPECT_EQ(first.image.digest, builder.build(text).image.digest);
  EXPECT_NE(first.image.digest, builder.build(std::string(text) + "LABEL a=1\n").image.digest);
}

// --- Errors ---------------------------------------------------------------------------------------------------------

struct ErrorCase {
  const char* name;
  const char* text;
  const char* message;
};
using DockerfileBuildError = testing::TestWithParam<ErrorCase>;
TEST_P(DockerfileBuildError, NamesThePlace) {
  EXPECT_THAT(error_of(GetParam().text), HasSubstr(GetParam().message));
}
INSTANTIATE_TEST_SUITE_P(
    Table, DockerfileBuildError,
    testing::Values(
        ErrorCase{"NoFile", "FROM base\nCOPY a.tx /\n",
                  "D:2:6: \"a.tx\" is not in the context; expected a file or folder that is; did you mean \"a.txt\"?"},
        ErrorCase{"NoFileInStage", "FROM scratch AS s\nCOPY a.txt /f\nFROM base\nCOPY --from=s /g /\n",
                  "D:4:15: \"/g\" is not in stage s"},
        ErrorCase{"SeveralToFile", "FROM base\nCOPY a.txt b.txt /x\n",
                  "D:2:18: the destination \"/x\" of several sources is no folder"},
        ErrorCase{"LaterStage", "FROM base\nCOPY --from=b /x /\nFROM base AS b\nCOPY --from=0 /y /\n",
                  "D:2:6: stage \"b\" is not there yet"},
        ErrorCase{"OwnStage", "FROM base AS a\nCOPY --from=a /x /\n", "D:2:6: stage \"a\" is not there yet"},
        ErrorCase{"StageNumber", "FROM base\nCOPY --from=3 /x /\n", "D:2:6: stage 3 is none before this one"},
        ErrorCase{"FromVariable", "FROM base\nARG A=0\nCOPY --from=$A /x /\n",
                  "D:3:6: --from is \"$A\", with a variable"},
        ErrorCase{"EmptyBase", "ARG V\nFROM $V\n", "D:2:6: FROM $V is empty"},
        ErrorCase{"Unset", "FROM base\nENV A=\"${B:?set B}\"\n", "D:2:5: B is unset: set B"},
        ErrorCase{"Port", "FROM base\nEXPOSE http\n", "D:2:8: port \"http\" is none"},
        ErrorCase{"PortLarge", "FROM base\nEXPOSE 70000\n", "port \"70000\" is none"},
        ErrorCase{"PortRange", "FROM base\nEXPOSE 9-8\n", "port \"9-8\" is none"},
        ErrorCase{"Signal", "FROM base\nSTOPSIGNAL term!\n", "D:2:12: signal \"term!\" is none"},
        ErrorCase{"Mount", "FROM base\nRUN --mount=type=cash,target=/x a\n", "D:2:5: --mount has type \"cash\""},
        ErrorCase{"MountRoot", "FROM base\nRUN --mount=target=/ a\n", "D:2:5: --mount covers /"},
        ErrorCase{"MountSource", "FROM base\nRUN --mount=source=nope,target=/x a\n", "\"nope\" is not in the context"}),
    test::CaseName{});

TEST(DockerfileBuildErrors, UnknownTarget) {
  BuildOptions options;
  options.target = "buidl";
  EXPECT_EQ(error_of("FROM base AS build\n", options),
            "D: has no stage \"buidl\"; expected one of build; did you mean \"build\"?");
}

TEST(DockerfileBuildNotes, UnusedArgumentsAndUnknownCommands) {
  BuildOptions options;
  options.build_args["NOBODY"] = "1";
  EXPECT_THAT(Builder().build("FROM base\nRUN frobnicate\n", options).notes,
              ElementsAre(HasSubstr("D:2:1: RUN has commands"), HasSubstr("build argument NOBODY is not used")));
}

}  // namespace
}  // namespace berth::docker
