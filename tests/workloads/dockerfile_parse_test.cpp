// What a Dockerfile means, against expectations written by hand from the Dockerfile reference.
#include <gtest/gtest.h>

#include "tests/support/case_name.hpp"
#include "workloads/images/dockerfile.hpp"

namespace berth::docker {
namespace {

// One line per instruction: "line:column KEYWORD --flag=value … exec|word|word NAME=value <<NAME{body}".
std::string show(const Instruction& i) {
  std::string out = std::to_string(i.place.line);
  out += ':';
  out += std::to_string(i.place.column);
  out += ' ';
  out += to_string(i.keyword);
  for (const Flag& f : i.flags) out += " --" + f.name + "=" + f.value;
  if (i.health) {
    out += i.health->none ? " NONE" : "";
    for (const auto& [name, d] : {std::pair{" interval=", i.health->interval},
                                  {" timeout=", i.health->timeout},
                                  {" start-period=", i.health->start_period},
                                  {" start-interval=", i.health->start_interval}}) {
      if (d.ns != 0) out += name + to_string(d);
    }
    if (i.health->retries != 0) out += " retries=" + std::to_string(i.health->retries);
  }
  if (i.exec_form) out += " exec";
  for (const Word& w : i.words) out += "|" + w.text;
  for (const KeyValue& p : i.pairs) {
    out += " {" + p.key + (p.value ? (p.legacy ? " " : "=") + *p.value : "") + "}";
  }
  for (const Heredoc& h : i.heredocs) {
    out += h.expand ? " <<" : " <<'";
    out += h.name + "{" + h.body() + "}";
    if (h.descriptor != 0) out += "fd" + std::to_string(h.descriptor);
  }
  for (const Instruction& t : i.trigger) out += " -> " + show(t);
  return out;
}

std::string show(const Dockerfile& file) {
  std::string out;
  for (const Directive& d : file.directives) out += "# " + d.name + "=" + d.value + "\n";
  for (const Instruction& a : file.global_args) out += show(a) + "\n";
  for (const Stage& s : file.stages) {
    out += show(s.from) + (s.name.empty() ? "" : " (" + s.name + ")") + "\n";
    for (const Instruction& i : s.instructions) out += "  " + show(i) + "\n";
  }
  return out;
}

struct Case {
  const char* name;
  std::string text;
  std::string expected;
};
using DockerfileParse = testing::TestWithParam<Case>;
TEST_P(DockerfileParse, Gives) {
  EXPECT_EQ(show(parse_dockerfile(GetParam().text, "D")), GetParam().expected);
}

// The instruction alone, in line 2.
Case one(const char* name, const std::string& instruction, const std::string& expected) {
  return {name, "FROM a\n" + instruction, "1:1 FROM|a\n  2:1 " + expected + "\n"};
}

INSTANTIATE_TEST_SUITE_P(
    Lines, DockerfileParse,
    testing::Values(
        Case{
            "Directives",
            "# syntax = docker/dockerfile:1\n#escape=`\n# check=skip=all;error=true\nFROM a\nRUN dir `\n c:\\",
            "# syntax=docker/dockerfile:1\n# escape=`\n# check=skip=all;error=true\n4:1 FROM|a\n  5:1 RUN|dir  c:\\\n"},
        Case{"DirectiveCase", "# ESCAPE=`\nFROM a", "# escape=`\n2:1 FROM|a\n"},
        Case{"DirectiveAfterComment", "# about\n# escape=`\nFROM a", "3:1 FROM|a\n"},
        Case{"DirectiveAfterUnknown", "# unknown=1\n# escape=`\nFROM a", "3:1 FROM|a\n"},
        Case{"DirectiveAfterBlank", "\n# escape=`\nFROM a", "3:1 FROM|a\n"},
        Case{"DirectiveAfterFrom", "FROM a\n# escape=`\nRUN x `", "1:1 FROM|a\n  3:1 RUN|x `\n"},
        Case{"Bom",
             "\xEF\xBB\xBF"
             "FROM a",
             "1:1 FROM|a\n"},
        Case{"CrLf", "FROM a\r\nRUN b \\\r\n  c\r\n", "1:1 FROM|a\n  2:1 RUN|b   c\n"},
        Case{"LowerCase", "from a as B\nrun x", "1:1 FROM|a|as|B (b)\n  2:1 RUN|x\n"},
        one("Continuation", "RUN a && \\\n    b", "RUN|a &&     b"),
        one("ContinuationBlanks", "RUN a \\ \t\nb", "RUN|a b"),
        one("CommentInside", "RUN a \\\n# why\n  # also\n b", "RUN|a  b"),
        one("BlankInside", "RUN a \\\n\n b", "RUN|a  b"),
        one("TwoEscapes", "RUN a \\\\\nRUN b", "RUN|a \\\\\n  3:1 RUN|b"),
        one("HashInside", "RUN echo # not a comment", "RUN|echo # not a comment"),
        Case{"Indented", "FROM a\n  RUN a", "1:1 FROM|a\n  2:3 RUN|a\n"}, one("KeywordSplit", "RU\\\nN a", "RUN|a"),
        one("LastLineEscape", "RUN a \\", "RUN|a")),
    test::CaseName{});

INSTANTIATE_TEST_SUITE_P(
    Heredocs, DockerfileParse,
    testing::Values(
        one("Run", "RUN <<EOF\na\n# b\nEOF\nRUN c", "RUN|<<EOF <<EOF{a\n# b\n}\n  6:1 RUN|c"),
        one("Program", "RUN <<EOT bash\n  set -ex\nEOT", "RUN|<<EOT bash <<EOT{  set -ex\n}"),
        one("Tabs", "RUN <<-EOF\n\t\ta\n\tb\n\tEOF", "RUN|<<-EOF <<EOF{a\nb\n}"),
        one("Quoted", "COPY <<\"EOF\" /x\n$a\nEOF", "COPY|<<\"EOF\"|/x <<'EOF{$a\n}"),
        one("SingleQuoted", "COPY <<-'E F' /x\n\ta\n\tE F", "COPY|<<-'E|F'|/x <<'E F{a\n}"),
        one("Several", "COPY <<one <<two /d/\n1\none\n2\ntwo", "COPY|<<one|<<two|/d/ <<one{1\n} <<two{2\n}"),
        one("Mixed", "ADD a <<b /d/\n1\nb", "ADD|a|<<b|/d/ <<b{1\n}"),
        one("Descriptor", "RUN cat 3<<EOF\nx\nEOF", "RUN|cat 3<<EOF <<EOF{x\n}fd3"),
        one("Blank", "RUN cat << EOF\nx\nEOF", "RUN|cat << EOF <<EOF{x\n}"),
        one("Empty", "RUN <<EOF\nEOF", "RUN|<<EOF <<EOF{}"), one("HereString", "RUN cat <<<EOF", "RUN|cat <<<EOF"),
        one("InsideWord", "RUN cat a<<EOF", "RUN|cat a<<EOF"), one("InQuotes", "RUN echo '<<EOF'", "RUN|echo '<<EOF'"),
        one("NotForEnv", "ENV A=<<EOF", "ENV {A=<<EOF}"), one("NotForJson", "RUN [\"<<EOF\"]", "RUN exec|<<EOF"),
        one("Onbuild", "ONBUILD RUN <<EOF\na\nEOF", "ONBUILD -> 2:9 RUN|<<EOF <<EOF{a\n}"),
        one("ContinuationInBody", "RUN <<EOF\na \\\nEOF", "RUN|<<EOF <<EOF{a \\\n}"),
        one("AfterContinuation", "RUN a \\\n <<EOF\nb\nEOF\nRUN c", "RUN|a  <<EOF <<EOF{b\n}\n  6:1 RUN|c")),
    test::CaseName{});

INSTANTIATE_TEST_SUITE_P(
    Instructions, DockerfileParse,
    testing::Values(
        Case{"GlobalArgs", "ARG V=1 W\nFROM a:${V}\nARG V", "1:1 ARG {V=1} {W}\n2:1 FROM|a:${V}\n  3:1 ARG {V}\n"},
        Case{"FromPlatform", "FROM --platform=$BUILDPLATFORM a AS b",
             "1:1 FROM --platform=$BUILDPLATFORM|a|AS|b (b)\n"},
        Case{"Stages", "FROM a AS x\nFROM x\nFROM b", "1:1 FROM|a|AS|x (x)\n2:1 FROM|x\n3:1 FROM|b\n"},
        one("EnvMany", "ENV A=1 B=\"two words\" C=a\\ b", "ENV {A=1} {B=\"two words\"} {C=a\\ b}"),
        one("EnvOld", "ENV A b  c=d ", "ENV {A b  c=d}"), one("EnvEmpty", "ENV A=", "ENV {A=}"),
        one("EnvEqualsInside", "ENV A=b=c", "ENV {A=b=c}"),
        one("Label", "LABEL \"com.example\"=\"A B\" v=1", "LABEL {\"com.example\"=\"A B\"} {v=1}"),
        one("LabelLines", "LABEL a=1 \\\n      b=2", "LABEL {a=1} {b=2}"),
        one("ArgQuoted", "ARG A=\"b c\" D", "ARG {A=\"b c\"} {D}"),
        one("RunExec", "RUN [\"a\", \"b c\", \"\\u0041\\\\\"]", "RUN exec|a|b c|A\\"),
        one("RunBadJson", "RUN ['a', 'b']", "RUN|['a', 'b']"), one("RunOpenJson", "RUN [\"a\",", "RUN|[\"a\","),
        one("RunJsonTail", "RUN [\"a\"] && b", "RUN|[\"a\"] && b"), one("CmdShell", "CMD a $B", "CMD|a $B"),
        one("CmdEmptyJson", "CMD []", "CMD exec"), one("Entrypoint", "ENTRYPOINT [\"a\"]", "ENTRYPOINT exec|a"),
        one("RunMounts",
            "RUN --mount=type=cache,target=/c --mount=type=secret,id=s --network=none --security=insecure a",
            "RUN --mount=type=cache,target=/c --mount=type=secret,id=s --network=none --security=insecure|a"),
        one("RunDevice", "RUN --device=vendor.com/gpu=all a", "RUN --device=vendor.com/gpu=all|a"),
        one("RunQuotedMount", "RUN --mount=\"type=bind,target=/a b\" c", "RUN --mount=type=bind,target=/a b|c"),
        one("RunDashes", "RUN -- a", "RUN|a"),
        one("Copy", "COPY --from=0 --chown=1:2 --chmod=u=rwX,g=r --link a b /c/",
            "COPY --from=0 --chown=1:2 --chmod=u=rwX,g=r --link=true|a|b|/c/"),
        one("CopyExclude", "COPY --exclude=*.md --exclude=t/* --parents --link=false a /b",
            "COPY --exclude=*.md --exclude=t/* --parents=true --link=false|a|/b"),
        one("CopyJson", "COPY [\"a b\", \"c\", \"/d/\"]", "COPY exec|a b|c|/d/"),
        one("Add", "ADD --checksum=sha256:ab --keep-git-dir=true --unpack=false https://x/y.git#v1 /z",
            "ADD --checksum=sha256:ab --keep-git-dir=true --unpack=false|https://x/y.git#v1|/z"),
        one("Expose", "EXPOSE 80 443/udp 8000-8010", "EXPOSE|80|443/udp|8000-8010"),
        one("Healthcheck",
            "HEALTHCHECK --interval=5m --timeout=3s --start-period=1m30s --start-interval=2s --retries=4 \\\n CMD curl "
            "-f x || exit 1",
            "HEALTHCHECK --interval=5m --timeout=3s --start-period=1m30s --start-interval=2s --retries=4 interval=5m0s "
            "timeout=3s start-period=1m30s start-interval=2s retries=4|curl -f x || exit 1"),
        one("HealthcheckExec", "HEALTHCHECK cmd [\"a\"]", "HEALTHCHECK exec|a"),
        one("HealthcheckNone", "HEALTHCHECK NONE", "HEALTHCHECK NONE"),
        one("Shell", "SHELL [\"powershell\", \"-command\"]", "SHELL exec|powershell|-command"),
        one("Stopsignal", "STOPSIGNAL SIGQUIT", "STOPSIGNAL|SIGQUIT"), one("User", "USER a:b", "USER|a:b"),
        one("VolumeJson", "VOLUME [\"/a b\"]", "VOLUME exec|/a b"), one("VolumeWords", "VOLUME /a /b", "VOLUME|/a|/b"),
        one("Workdir", "WORKDIR /a b", "WORKDIR|/a b"), one("Maintainer", "MAINTAINER A <a@b>", "MAINTAINER|A <a@b>"),
        one("Onbuild", "ONBUILD  COPY --from=x . /a", "ONBUILD -> 2:10 COPY --from=x|.|/a")),
    test::CaseName{});

struct ErrorCase {
  const char* name;
  std::string text;
  std::string message;  // Its beginning.
};
using DockerfileParseError = testing::TestWithParam<ErrorCase>;
TEST_P(DockerfileParseError, IsOneLineWithThePlace) {
  try {
    parse_dockerfile(GetParam().text, "D");
    FAIL() << "no error";
  } catch (const InputError& e) {
    EXPECT_EQ(std::string(e.what()).substr(0, GetParam().message.size()), GetParam().message);
    EXPECT_EQ(std::string(e.what()).find('\n'), std::string::npos);
    EXPECT_NE(std::string(e.what()).find("; expected "), std::string::npos) << e.what();
  }
}
INSTANTIATE_TEST_SUITE_P(
    Table, DockerfileParseError,
    testing::Values(
        ErrorCase{"Nothing", "", "D:"}, ErrorCase{"CommentsOnly", "# a\n", "D:1: the Dockerfile has no FROM"},
        ErrorCase{"RunFirst", "RUN a\nFROM b", "D:1:1: RUN stands before the first FROM"},
        ErrorCase{"Unknown", "FROM a\n  RUNN b",
                  "D:2:3: \"RUNN\" is no instruction; expected FROM, RUN, COPY and the like; did you mean \"RUN\"?"},
        ErrorCase{"DirectiveTwice", "# escape=`\n# escape=`\nFROM a", "D:2:1: directive \"escape\" is there twice"},
        ErrorCase{"EscapeBad", "# escape=x\nFROM a", "D:1:1: escape is \"x\""},
        ErrorCase{"FromTwo", "FROM a b", "D:1:1: FROM has 2 arguments"},
        ErrorCase{"FromNone", "FROM", "D:1:1: FROM has 0"},
        ErrorCase{"StageName", "FROM a AS 1b", "D:1:11: the stage is named \"1b\""},
        ErrorCase{"UnknownFlag", "FROM a\nCOPY --form=x a b",
                  "D:2:6: COPY has no flag \"--form\"; expected --from, --chown, --chmod, --link, --parents, "
                  "--exclude; did you mean \"from\"?"},
        ErrorCase{"FlagTwice", "FROM a\nCOPY --from=x --from=y a b", "D:2:15: --from is there twice"},
        ErrorCase{"FlagValue", "FROM a\nCOPY --from a b", "D:2:6: --from has no value"},
        ErrorCase{"SwitchValue", "FROM a\nCOPY --link=maybe a b", "D:2:6: --link is \"maybe\""},
        ErrorCase{"CopyOne", "FROM a\nCOPY b", "D:2:1: COPY has 1 argument"},
        ErrorCase{"CopyHeredocTarget", "FROM a\nCOPY x <<E\nE", "D:2:8: COPY has a heredoc as its destination"},
        ErrorCase{"HeredocOpen", "FROM a\nRUN cat <<EOF\nb\n", "D:2:9: heredoc \"EOF\" never ends"},
        ErrorCase{"JsonNumbers", "FROM a\nCMD [\"a\", 1]", "D:2:5: CMD has a JSON array of other things"},
        ErrorCase{"EnvNone", "FROM a\nENV", "D:2:1: ENV has no arguments"},
        ErrorCase{"EnvName", "FROM a\nENV A", "D:2:5: ENV has a name without"},
        ErrorCase{"EnvMixed", "FROM a\nENV A=1 B", "D:2:9: ENV has \"B\" without ="},
        ErrorCase{"EnvContinued", "FROM a\nENV A=1 \\\n    B", "D:3:5: ENV has \"B\" without ="},
        ErrorCase{"ArgName", "FROM a\nARG =b", "D:2:5: ARG has an empty name"},
        ErrorCase{"ShellForm", "FROM a\nSHELL bash", "D:2:7: SHELL is no JSON array"},
        ErrorCase{"HealthType", "FROM a\nHEALTHCHECK RUN a", "D:2:13: HEALTHCHECK has type \"RUN\""},
        ErrorCase{"HealthNone", "FROM a\nHEALTHCHECK NONE a", "D:2:13: HEALTHCHECK NONE has arguments"},
        ErrorCase{"HealthTime", "FROM a\nHEALTHCHECK --interval=5 CMD a",
                  "D:2:13: --interval is \"5\", without a unit"},
        ErrorCase{"HealthShort", "FROM a\nHEALTHCHECK --timeout=1us CMD a", "D:2:13: --timeout is \"1us\""},
        ErrorCase{"HealthRetries", "FROM a\nHEALTHCHECK --retries=-1 CMD a", "D:2:13: --retries is \"-1\""},
        ErrorCase{"OnbuildTwice", "FROM a\nONBUILD ONBUILD RUN b", "D:2:9: ONBUILD stands after ONBUILD"},
        ErrorCase{"OnbuildFrom", "FROM a\nONBUILD FROM b", "D:2:9: FROM is no ONBUILD trigger"},
        ErrorCase{"LoneEscape", "FROM a\n  \\\n", "D:2:3: an escape character continues nothing"},
        ErrorCase{"VolumeEmpty", "FROM a\nVOLUME [\" \"]", "D:2:9: VOLUME has an empty path"},
        ErrorCase{"Hint", "FROM a\n# berth: add=1MiB\nRUN b", "D:3: the comment above has \"add=1MiB\""},
        ErrorCase{"HintSize", "FROM a\n# berth: adds=much\nRUN b", "D:3: adds is \"much\""}),
    test::CaseName{});

TEST(DockerfileHints, StandAboveTheInstruction) {
  const Dockerfile file =
      parse_dockerfile("FROM a\n# berth: adds=120MiB takes=35s\nRUN b\nRUN c\n# why\n# berth: takes=1m\nRUN d\n", "D");
  const auto& i = file.stages[0].instructions;
  EXPECT_EQ(i[0].hint.adds_bytes, 120 << 20);
  EXPECT_EQ(i[0].hint.takes, seconds(35));
  EXPECT_FALSE(i[1].hint.adds_bytes || i[1].hint.takes);
  EXPECT_EQ(i[2].hint.takes, seconds(60));
}

TEST(DockerfileWarnings, EmptyContinuationLine) {
  const Dockerfile file = parse_dockerfile("FROM a\nRUN b \\\n\n c\n", "D");
  ASSERT_EQ(file.warnings.size(), 1U);
  EXPECT_EQ(file.warnings[0].place.line, 3U);
}

struct MountCase {
  const char* name;
  const char* value;
  const char* expected;  // type from source target id sharing ro required; "error: …" for the message's part.
};
using DockerfileMounts = testing::TestWithParam<MountCase>;
TEST_P(DockerfileMounts, Gives) {
  constexpr const char* kTypes[] = {"bind", "cache", "tmpfs", "secret", "ssh"};
  std::string got;
  try {
    const Mount m = parse_mount(GetParam().value, {"D", 1, 5});
    got = kTypes[static_cast<int>(m.type)];
    for (const auto& [name, text] : {std::pair{" from=", m.from},
                                     {" source=", m.source},
                                     {" target=", m.target},
                                     {" id=", m.id},
                                     {" sharing=", m.sharing},
                                     {" env=", m.env}}) {
      if (!text.empty()) got += name + text;
    }
    got += m.read_only ? " ro" : " rw";
    if (m.required) got += " required";
    if (m.size_bytes) got += " size=" + std::to_string(*m.size_bytes);
    if (m.mode) got += " mode=" + std::to_string(*m.mode);
    if (m.uid) got += " uid=" + std::to_string(*m.uid);
  } catch (const InputError& e) {
    got = std::string("error: ") + e.what();
  }
  const std::string expected = GetParam().expected;
  if (expected.starts_with("error: ")) {
    EXPECT_NE(got.find(expected.substr(7)), std::string::npos) << got;
  } else {
    EXPECT_EQ(got, expected);
  }
}
INSTANTIATE_TEST_SUITE_P(
    Table, DockerfileMounts,
    testing::Values(
        MountCase{"Bind", "target=/a", "bind target=/a ro"},
        MountCase{"BindFrom", "type=bind,from=b,src=/c,dst=/d,rw", "bind from=b source=/c target=/d rw"},
        MountCase{"Cache", "type=cache,target=/a,id=b,sharing=locked,mode=0750,uid=7",
                  "cache target=/a id=b sharing=locked rw mode=488 uid=7"},
        MountCase{"CacheReadOnly", "type=cache,target=/a,readonly=true", "cache target=/a ro"},
        MountCase{"Tmpfs", "type=tmpfs,target=/a,size=64m", "tmpfs target=/a rw size=67108864"},
        MountCase{"Secret", "type=secret,id=a,target=/b,required", "secret target=/b id=a ro required"},
        MountCase{"SecretEnv", "type=secret,id=a,env=B", "secret id=a env=B ro"},
        MountCase{"Ssh", "type=ssh", "ssh ro"}, MountCase{"Quoted", "type=bind,\"target=/a,b\"", "bind target=/a,b ro"},
        MountCase{"Type", "type=binds,target=/a",
                  "error: has type \"binds\"; expected bind, cache, tmpfs, secret or ssh; did you mean \"bind\"?"},
        MountCase{"BareQuote", "target=/a\"b\"", "error: a quote inside an option"},
        MountCase{"Empty", "", "error: is empty"},
        MountCase{"Key", "target=/a,form=b", "error: unknown option \"form=b\""},
        MountCase{"NoTarget", "type=bind", "bind ro"},
        MountCase{"NoValue", "type=cache,target", "error: \"target\" without a value"},
        MountCase{"Sharing", "type=cache,target=/a,sharing=all", "error: sharing \"all\""},
        MountCase{"SharingBind", "target=/a,sharing=shared", "error: sharing with type bind"},
        MountCase{"SizeBind", "target=/a,size=1", "error: size with type bind"},
        MountCase{"ModeBind", "target=/a,mode=0755", "error: mode, uid or gid with type bind"},
        MountCase{"ModeOctal", "type=cache,target=/a,mode=9", "error: expected an octal number"},
        MountCase{"SecretFrom", "type=secret,id=a,from=b", "error: from with type secret"},
        MountCase{"SecretNone", "type=secret", "error: names none"},
        MountCase{"SecretBoth", "type=secret,id=a,source=b", "error: both source and id"},
        MountCase{"RequiredBind", "target=/a,required", "error: required with type bind"}),
    test::CaseName{});

}  // namespace
}  // namespace berth::docker
