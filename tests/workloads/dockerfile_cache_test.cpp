// What comes from the cache and why not. Expected values: the rules of BuildKit's solver and Dockerfile frontend as the
// reference tells them, worked out by hand for each case.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>

#include "tests/support/case_name.hpp"
#include "tests/workloads/dockerfile_builder.hpp"

namespace berth::docker {
namespace {

using testing::ElementsAre;

struct CacheCase {
  const char* name;
  std::string first;
  std::string second;
  std::string expected;  // Of the second build: line, then = (cached) or ! (built).
};
using DockerfileCacheRules = testing::TestWithParam<CacheCase>;
TEST_P(DockerfileCacheRules, Hold) {
  Builder builder;
  builder.build(GetParam().first);
  EXPECT_EQ(builder.again(GetParam().second), GetParam().expected);
}
INSTANTIATE_TEST_SUITE_P(
    Table, DockerfileCacheRules,
    testing::Values(
        CacheCase{"Same", "FROM base\nRUN a\nCOPY a.txt /\n", "FROM base\nRUN a\nCOPY a.txt /\n", "1= 2= 3="},
        CacheCase{"BlanksAndCase", "FROM base\nRUN a\n", "FROM base\n\n# why\nrun    a\n", "1= 4="},
        CacheCase{"CommandText", "FROM base\nRUN a\nRUN b\n", "FROM base\nRUN a2\nRUN b\n", "1= 2! 3!"},
        CacheCase{"ShellAndExecDiffer", "FROM base\nRUN a\n", "FROM base\nRUN [\"a\"]\n", "1= 2!"},
        CacheCase{"OtherBase", "FROM base\nRUN a\n", "FROM tool\nRUN a\n", "1! 2!"},
        CacheCase{"LabelIsNoInput", "FROM base\nLABEL a=1\nRUN a\nCOPY a.txt /\n",
                  "FROM base\nLABEL a=2\nRUN a\nCOPY a.txt /\n", "1= 3= 4="},
        CacheCase{"CmdExposeUserAreNone", "FROM base\nRUN a\nCMD x\nEXPOSE 1\n", "FROM base\nRUN a\nCMD y\nEXPOSE 2\n",
                  "1= 2="},
        CacheCase{"EnvMissesAtRun", "FROM base\nENV A=1\nRUN a\n", "FROM base\nENV A=2\nRUN a\n", "1= 3!"},
        CacheCase{"EnvIsNoInputOfCopy", "FROM base\nENV A=1\nCOPY a.txt /\n", "FROM base\nENV A=2\nCOPY a.txt /\n",
                  "1= 3="},
        CacheCase{"EnvInCopyPath", "FROM base\nENV A=1\nCOPY a.txt /$A\n", "FROM base\nENV A=2\nCOPY a.txt /$A\n",
                  "1= 3!"},
        CacheCase{"EnvBelowRun", "FROM base\nRUN a\nENV A=1\n", "FROM base\nRUN a\nENV A=2\n", "1= 2="},
        CacheCase{"UserMissesAtRun", "FROM base\nUSER u\nRUN a\n", "FROM base\nUSER v\nRUN a\n", "1= 3!"},
        CacheCase{"ShellMissesAtRun", "FROM base\nSHELL [\"s\"]\nRUN a\n", "FROM base\nSHELL [\"t\"]\nRUN a\n",
                  "1= 3!"},
        CacheCase{"ShellIsNoInputOfExec", "FROM base\nSHELL [\"s\"]\nRUN [\"a\"]\n",
                  "FROM base\nSHELL [\"t\"]\nRUN [\"a\"]\n", "1= 3="},
        CacheCase{"Workdir", "FROM base\nWORKDIR /a\nRUN a\n", "FROM base\nWORKDIR /b\nRUN a\n", "1= 2! 3!"},
        CacheCase{"CopyDestination", "FROM base\nCOPY a.txt /x\n", "FROM base\nCOPY a.txt /y\n", "1= 2!"},
        CacheCase{"CopyChown", "FROM base\nCOPY a.txt /x\n", "FROM base\nCOPY --chown=1 a.txt /x\n", "1= 2!"},
        CacheCase{"LinkSurvivesTheParent", "FROM base\nRUN a\nCOPY --link a.txt /\nRUN b\n",
                  "FROM base\nRUN a2\nCOPY --link a.txt /\nRUN b\n", "1= 2! 3= 4!"},
        CacheCase{"NoLinkDoesNot", "FROM base\nRUN a\nCOPY a.txt /\n", "FROM base\nRUN a2\nCOPY a.txt /\n", "1= 2! 3!"},
        CacheCase{"CacheMountTarget", "FROM base\nRUN --mount=type=cache,target=/a x\n",
                  "FROM base\nRUN --mount=type=cache,target=/b x\n", "1= 2!"},
        CacheCase{"Heredoc", "FROM base\nRUN <<E\na\nE\n", "FROM base\nRUN <<E\nb\nE\n", "1= 2!"},
        CacheCase{"HeredocIsTheCommand", "FROM base\nRUN <<E\na\nE\n", "FROM base\nRUN <<OTHER\na\nOTHER\n", "1= 2="},
        CacheCase{"CopyHeredocContent", "FROM base\nCOPY <<E /x\na\nE\n", "FROM base\nCOPY <<E /x\nb\nE\n", "1= 2!"},
        CacheCase{"HeredocSubstitutes", "FROM base\nARG V=1\nCOPY <<E /x\n$V\nE\n",
                  "FROM base\nARG V=2\nCOPY <<E /x\n$V\nE\n", "1= 3!"},
        CacheCase{"QuotedHeredocDoesNot", "FROM base\nARG V=1\nCOPY <<'E' /x\n$V\nE\n",
                  "FROM base\nARG V=2\nCOPY <<'E' /x\n$V\nE\n", "1= 3="},
        CacheCase{"AddChecksum", "FROM base\nADD --checksum=sha256:1 https://x/y /z\n",
                  "FROM base\nADD --checksum=sha256:2 https://x/y /z\n", "1= 2!"},
        // The copied file is the same, so the copy hits though its stage was built anew.
        CacheCase{"CopyFromByContent",
                  "FROM base AS s\nENV A=1\nRUN a\nCOPY a.txt /a\nFROM tool\nCOPY --from=s /a /b\n",
                  "FROM base AS s\nENV A=2\nRUN a\nCOPY a.txt /a\nFROM tool\nCOPY --from=s /a /b\n", "1= 3! 4! 5= 6="},
        // What RUN made is not known, so it counts as new.
        CacheCase{"CopyFromOfRunOutput", "FROM base AS s\nRUN a\nFROM tool\nCOPY --from=s /out /b\n",
                  "FROM base AS s\nRUN a2\nFROM tool\nCOPY --from=s /out /b\n", "1= 2! 3= 4!"},
        CacheCase{
            "BindMountOfStage", "FROM base AS s\nCOPY a.txt /f\nFROM tool\nRUN --mount=from=s,source=/f,target=/f x\n",
            "FROM base AS s\nCOPY b.txt /f\nFROM tool\nRUN --mount=from=s,source=/f,target=/f x\n", "1= 2! 3= 4!"}),
    test::CaseName{});

struct ArgCase {
  const char* name;
  const char* text;
  std::map<std::string, std::string> first, second;
  const char* expected;
};
using DockerfileArgRules = testing::TestWithParam<ArgCase>;
TEST_P(DockerfileArgRules, Hold) {
  Builder builder;
  BuildOptions options;
  options.build_args = GetParam().first;
  builder.build(GetParam().text, options);
  options.build_args = GetParam().second;
  EXPECT_EQ(builder.again(GetParam().text, options), GetParam().expected);
}
INSTANTIATE_TEST_SUITE_P(
    Table, DockerfileArgRules,
    testing::Values(
        ArgCase{"UsedOrNot", "FROM base\nRUN a\nARG V\nRUN b\n", {{"V", "1"}}, {{"V", "2"}}, "1= 2= 4!"},
        ArgCase{"NotAtCopy", "FROM base\nARG V\nCOPY a.txt /\nRUN b\n", {{"V", "1"}}, {{"V", "2"}}, "1= 3= 4!"},
        ArgCase{"NotDeclared", "FROM base\nRUN a\n", {{"V", "1"}}, {{"V", "2"}}, "1= 2="},
        ArgCase{"GlobalNotRedeclared", "ARG V=0\nFROM base\nRUN a\n", {{"V", "1"}}, {{"V", "2"}}, "2= 3="},
        ArgCase{"GlobalRedeclared", "ARG V=0\nFROM base\nARG V\nRUN a\n", {{"V", "1"}}, {{"V", "2"}}, "2= 4!"},
        ArgCase{"OtherStage",
                "FROM base AS s\nARG V\nRUN a\nFROM tool\nRUN b\nCOPY --from=s /x /\n",
                {{"V", "1"}},
                {{"V", "2"}},
                "1= 3! 4= 5= 6!"},
        ArgCase{"InFrom", "ARG V=base\nFROM $V\nRUN a\n", {}, {{"V", "tool"}}, "2! 3!"},
        ArgCase{"Proxy", "FROM base\nRUN a\n", {{"HTTP_PROXY", "x"}}, {{"HTTP_PROXY", "y"}}, "1= 2="},
        ArgCase{"ProxyDeclared",
                "FROM base\nARG HTTP_PROXY\nRUN a\n",
                {{"HTTP_PROXY", "x"}},
                {{"HTTP_PROXY", "y"}},
                "1= 3!"},
        ArgCase{"Default", "FROM base\nARG V=1\nRUN a\n", {}, {{"V", "1"}}, "1= 3="}),
    test::CaseName{});

struct FileCase {
  const char* name;
  const char* text;
  std::function<void(Builder&)> change;
  const char* expected;
};
using DockerfileFileRules = testing::TestWithParam<FileCase>;
TEST_P(DockerfileFileRules, Hold) {
  Builder builder;
  builder.build(GetParam().text);
  GetParam().change(builder);
  EXPECT_EQ(builder.again(GetParam().text), GetParam().expected);
}
INSTANTIATE_TEST_SUITE_P(
    Table, DockerfileFileRules,
    testing::Values(
        FileCase{"Content", "FROM base\nCOPY a.txt /\nRUN a\n", [](Builder& b) { b.write("a.txt", "new"); },
                 "1= 2! 3!"},
        FileCase{"OtherFile", "FROM base\nCOPY a.txt /\nRUN a\n", [](Builder& b) { b.write("b.txt", "new"); },
                 "1= 2= 3="},
        FileCase{"TimeStamp", "FROM base\nCOPY a.txt /\n",
                 [](Builder& b) {
                   fs::last_write_time(b.path("a.txt"), fs::file_time_type::clock::now() - std::chrono::hours(9));
                 },
                 "1= 2="},
        FileCase{"Mode", "FROM base\nCOPY a.txt /\n",
                 [](Builder& b) { fs::permissions(b.path("a.txt"), fs::perms::owner_exec, fs::perm_options::add); },
                 "1= 2!"},
        FileCase{"ModeWithChmod", "FROM base\nCOPY --chmod=644 a.txt /\n",
                 [](Builder& b) { fs::permissions(b.path("a.txt"), fs::perms::owner_exec, fs::perm_options::add); },
                 "1= 2="},
        FileCase{"FolderNewFile", "FROM base\nCOPY src /s\n", [](Builder& b) { b.write("src/new", "x"); }, "1= 2!"},
        FileCase{"FolderLessFile", "FROM base\nCOPY src /s\n", [](Builder& b) { fs::remove(b.path("src/main.go")); },
                 "1= 2!"},
        FileCase{"Excluded", "FROM base\nCOPY --exclude=**/*.md . /s\n",
                 [](Builder& b) { b.write("src/sub/x.md", "new"); }, "1= 2="},
        FileCase{"Pattern", "FROM base\nCOPY *.txt /s/\n", [](Builder& b) { b.write("b.txt", "new"); }, "1= 2!"},
        FileCase{"PatternOther", "FROM base\nCOPY a*.txt /s/\n", [](Builder& b) { b.write("b.txt", "new"); }, "1= 2="},
        FileCase{"BindMount", "FROM base\nRUN --mount=target=/x,source=src a\n",
                 [](Builder& b) { b.write("src/main.go", "n"); }, "1= 2!"},
        FileCase{"BindMountOther", "FROM base\nRUN --mount=target=/x,source=src a\n",
                 [](Builder& b) { b.write("a.txt", "n"); }, "1= 2="},
        FileCase{"LinkTarget", "FROM base\nCOPY l /\n",
                 [](Builder& b) {
                   fs::remove(b.path("l"));
                   fs::create_symlink("b.txt", b.path("l"));
                 },
                 "1= 2!"}),
    test::CaseName{});

TEST(DockerfileBuild, IgnoredFilesDoNotCount) {
  Builder builder;
  builder.write(".dockerignore", "**/*.md\n.dockerignore\n");
  const char* text = "FROM base\nCOPY . /s\n";
  builder.build(text);
  builder.write("src/sub/x.md", "new");
  EXPECT_EQ(builder.again(text), "1= 2=");
}

TEST(DockerfileBuild, RenamingTheNamedSourceMissesMovingDoesNot) {
  Builder builder;
  builder.build("FROM base\nCOPY a.txt /f\n");
  fs::copy_file(builder.path("a.txt"), builder.path("src/a.txt"));
  fs::copy_file(builder.path("a.txt"), builder.path("c.txt"));
  EXPECT_EQ(builder.again("FROM base\nCOPY c.txt /f\n"), "1= 2!");
}

TEST(DockerfileBuild, NoCacheRunsAll) {
  Builder builder;
  const char* text = "FROM base\nRUN a\nCOPY a.txt /\n";
  builder.build(text);
  BuildOptions options;
  options.no_cache = true;
  EXPECT_EQ(builder.again(text, options), "1! 2! 3!");
  EXPECT_EQ(builder.again(text), "1= 2= 3=");
}

TEST(DockerfileBuild, APrunedRecordLeavesLaterOnes) {
  Builder builder;
  const char* text = "FROM base\nRUN a\nRUN b\n";
  const BuildResult first = builder.build(text);
  BuildCache pruned;
  pruned.store(first.steps[0].key);
  pruned.store(first.steps[2].key);
  builder.cache = pruned;
  EXPECT_EQ(builder.again(text), "1= 2! 3=");
}

TEST(DockerfileBuild, ABasePushedAgainWithTheSameLayersStillHits) {
  Builder builder;
  builder.build("FROM base\nRUN a\n");
  Image again = builder.library.resolve("base").image;
  again.digest = sha256_digest("another manifest");
  builder.library.add(again, ImageOrigin::kListed);
  EXPECT_EQ(builder.again("FROM base\nRUN a\n"), "1! 2=");
  again.layers[0].digest = "sha256:other";
  builder.library.add(again, ImageOrigin::kListed);
  EXPECT_EQ(builder.again("FROM base\nRUN a\n"), "1= 2!");  // The digest alone decides for FROM itself.
}

TEST(DockerfileBuild, SaysWhyAStepMissed) {
  Builder builder;
  const char* text = "FROM base\nARG V\nCOPY src /s\nRUN a\nRUN b\n";
  BuildOptions options;
  options.build_args["V"] = "1";
  EXPECT_THAT(builder.build(text, options).steps[2].reasons, ElementsAre("not built before"));
  options.build_args["V"] = "2";
  builder.write("src/new.go", "x");
  const BuildResult second = builder.build(text, options);
  EXPECT_THAT(second.steps[2].reasons, ElementsAre("file src/new.go is new"));
  EXPECT_THAT(second.steps[3].reasons, ElementsAre("the step above changed", "variable V changed: \"1\" is now \"2\""));
  fs::remove(builder.path("src/main.go"));
  EXPECT_THAT(builder.build(text, options).steps[2].reasons, ElementsAre("file src/main.go is gone"));
}

TEST(DockerfileBuild, ChangedFilesWithoutTouchingTheDisk) {
  Builder builder;
  const char* text = "FROM base\nCOPY src /s\nCOPY a.txt /\n";
  builder.build(text);
  builder.before_build = [](BuildContext& context) { ASSERT_TRUE(context.files.change("./src/main.go")); };
  EXPECT_EQ(builder.again(text), "1= 2! 3!");
  builder.before_build = [](BuildContext& context) { ASSERT_FALSE(context.files.change("nothing")); };
  EXPECT_EQ(builder.again(text), "1= 2= 3=");
}

}  // namespace
}  // namespace berth::docker
