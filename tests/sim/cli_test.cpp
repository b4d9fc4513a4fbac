// The command line as a user meets it: whatever is wrong, one line on standard error, exit code 2, and nothing
// half-written.
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <nlohmann/json.hpp>

#include "tests/support/case_name.hpp"
#include "tests/support/process.hpp"
#include "tests/support/small_study.hpp"
#include "tests/support/temp_dir.hpp"

namespace berth::test {
namespace {

constexpr const char* kNodes = "sn,cpu_milli,memory_mib,gpu,model\nn1,4000,8192,1,T4\n";
constexpr const char* kPods = "name,cpu_milli,memory_mib,num_gpu,gpu_milli\np1,1000,1024,1,500\np2,1000,1024,0,0\n";

// One raw block, uncompressed (RFC 8878): a sound frame around any bytes.
std::string zstd_frame(const std::string& content) {
  const auto n = static_cast<unsigned>(content.size());  // < 256.
  const unsigned block = n << 3 | 1;                     // Last block, raw.
  std::string frame("\x28\xB5\x2F\xFD\x20", 5);          // Magic; single segment, one byte of content size.
  for (const unsigned byte : {n, block & 0xFF, block >> 8 & 0xFF, block >> 16}) frame += static_cast<char>(byte);
  return frame + content;
}

void expect_refused(const ProcessResult& r, const std::string& message) {
  EXPECT_FALSE(r.timed_out);
  EXPECT_EQ(r.exit_code, 2) << "signal " << r.signal;
  EXPECT_EQ(r.err.find("berth: "), 0U) << r.err;
  EXPECT_EQ(std::count(r.err.begin(), r.err.end(), '\n'), 1) << r.err;
  EXPECT_TRUE(r.err.ends_with('\n'));
  EXPECT_NE(r.err.find(message), std::string::npos) << r.err << "expected: " << message;
}

// No result, and no temporary. A store may be there: it can be resumed.
void expect_nothing_half_written(const std::filesystem::path& folder) {
  for (const std::string& file : files_below(folder)) {
    EXPECT_EQ(file.find(".tmp"), std::string::npos) << file;
    EXPECT_EQ(file.find(".berth-"), std::string::npos) << file;
    for (const char* result : {"summary", "series", "manifest", "journal", "placements", "trace"})
      EXPECT_EQ(file.find(result), std::string::npos) << file;
  }
}

struct BadCall {
  const char* name;
  std::vector<std::string> arguments;  // "@x" is the file x of the test's folder.
  const char* message;
  const char* file = "";  // This one is written first,
  std::string text = {};  // with this text.
};
class BadCalls : public testing::TestWithParam<BadCall> {};

TEST_P(BadCalls, AreRefusedInOneLine) {
  const BadCall& c = GetParam();
  const TempDir folder;
  folder.file("nodes.csv", kNodes);
  folder.file("pods.csv", kPods);
  folder.file("small.yaml", small_scenario("small", 20));
  if (*c.file != '\0') folder.file(c.file, c.text);
  std::filesystem::create_directory(folder.path() / "out");
  std::vector<std::string> arguments;
  for (const std::string& a : c.arguments) arguments.push_back(a.starts_with("@") ? folder / a.substr(1) : a);
  expect_refused(run_berth(arguments, {.directory = folder.path().string(), .out_path = {}}), c.message);
  expect_nothing_half_written(folder.path() / "out");
}

std::vector<std::string> run_files(const char* nodes = "@nodes.csv", const char* pods = "@pods.csv") {
  return {"run", "--nodes", nodes, "--pods", pods, "--policy", "first-fit", "--journal", "@out/journal.jsonl"};
}
const std::string kApp =
    "apiVersion: v1\nkind: Service\nmetadata: {name: front}\nspec: {selector: {app: front}, ports: [{port: 80}]}\n---\n"
    "apiVersion: v1\nkind: Pod\nmetadata: {name: front, labels: {app: front}}\nspec: {containers: [{name: c, image: "
    "i}]}\n";
const std::string kHead = "name,cpu_milli,memory_mib,num_gpu,gpu_milli\n";
const std::string kNodeHead = "sn,cpu_milli,memory_mib,gpu,model\n";

INSTANTIATE_TEST_SUITE_P(
    Tables, BadCalls,
    testing::Values(
        BadCall{"UnknownCommand", {"comapre", "--example", "mixed-day"}, "did you mean \"compare\"?"},
        BadCall{"TrafficToNobody",
                {"run", "@app.yaml", "--traffic", "frnt=1/s"},
                "did you mean \"front\"?",
                "app.yaml",
                kApp},
        BadCall{"TrafficWithoutUnit",
                {"run", "@app.yaml", "--traffic", "front=1"},
                "expected SERVICE=RATE",
                "app.yaml",
                kApp},
        BadCall{
            "TrafficWithoutServices", {"run", "@small.yaml", "--traffic", "front=1/s"}, "expected Kubernetes objects"},
        BadCall{"TrafficTwice",
                {"run", "@app.yaml", "--traffic", "front=1/s", "--traffic", "t.yaml"},
                "traffic comes from several places",
                "app.yaml",
                kApp},
        BadCall{"TrafficWithoutAnEnd",
                {"run", "@endless.yaml", "--traffic", "front=1/s"},
                "expected --horizon",
                "endless.yaml",
                "apiVersion: berth.dev/v1alpha1\nkind: Scenario\nname: endless\nkubelet: {}\n"
                "nodes: [{name: n, cpu: 1, memory: 1Gi, pods: 10}]\n---\n" +
                    kApp},
        BadCall{"TrafficBesideAStudy",
                {"compare", "@study.yaml", "--traffic", "front=1/s"},
                "is a study",
                "study.yaml",
                "apiVersion: berth.dev/v1alpha1\nkind: Study\nname: s\nscenarios: [{file: small.yaml}]\n"
                "policies: [first-fit]\n"},
        BadCall{"FaultsWithoutKubelets", {"run", "@small.yaml", "--faults", "f.yaml"}, "has no kubelets"},
        BadCall{"FidelityOfNothing",
                {"run", "@app.yaml", "--fidelity", "fluid"},
                "--fidelity without traffic",
                "app.yaml",
                kApp},
        BadCall{"SchedulesNoNodes",
                {"schedule", "@dump.json"},
                "no Node in it",
                "dump.json",
                R"({"kind":"List","apiVersion":"v1","items":[]})"},
        BadCall{"MissingColumn", run_files(), "cpu_milli", "pods.csv", "name,memory_mib,num_gpu,gpu_milli\np,1,0,0\n"},
        BadCall{"ColumnTwice", run_files(), "name", "pods.csv",
                "name,name,cpu_milli,memory_mib,num_gpu,gpu_milli\np,p,1,1,0,0\n"},
        BadCall{"NegativeCpu", run_files(), "pods.csv:2:3: cpu_milli is \"-1\"", "pods.csv", kHead + "p,-1,1,0,0\n"},
        BadCall{"NotANumber", run_files(), "pods.csv:2:3: cpu_milli is \"nan\"", "pods.csv", kHead + "p,nan,1,0,0\n"},
        BadCall{"TwoToThe63", run_files(), "9223372036854775808", "pods.csv", kHead + "p,9223372036854775808,1,0,0\n"},
        BadCall{"MemoryOverflows", run_files(), "pods.csv:2:", "pods.csv", kHead + "p,1,9223372036854775807,0,0\n"},
        BadCall{"FieldMissing", run_files(), "pods.csv:2", "pods.csv", kHead + "p,1,1,0\n"},
        BadCall{"TooManyGpus", run_files(), "nodes.csv:2:", "nodes.csv", kNodeHead + "n,1,1,17,T4\n"},
        BadCall{"PodsOfOneName", run_files(), "pods.csv:3:", "pods.csv", kHead + "p,1,1,0,0\np,1,1,0,0\n"},
        BadCall{"NodesOfOneName", run_files(), "nodes.csv:3:", "nodes.csv", kNodeHead + "n,1,1,0,\nn,1,1,0,\n"},
        BadCall{"EmptyPods", run_files(), "pods.csv", "pods.csv", ""},
        BadCall{"EmptyNodes", run_files(), "nodes.csv", "nodes.csv", ""},
        BadCall{"HeaderOnlyPods", run_files(), "no pods", "pods.csv", kHead},
        BadCall{"HeaderOnlyNodes", run_files(), "no nodes", "nodes.csv", kNodeHead},
        BadCall{"NulByte", run_files(), "pods.csv", "pods.csv", kHead + std::string("p\0,1,1,0,0\n", 12)},
        BadCall{"MissingPods", run_files("@nodes.csv", "@none.csv"), "none.csv"},
        BadCall{"PodsAreAFolder", run_files("@nodes.csv", "@out"), "out"},
        BadCall{"NegativeTime",
                {"import", "gpu-jobs", "@jobs.csv", "-o", "@out/trace.pb.zst"},
                "jobs.csv:2:1: submit_s is \"-5\"",
                "jobs.csv",
                "submit_s,duration_s,gpus,cluster\n-5,1,1,c\n"},
        BadCall{
            "UnknownFormat", {"import", "openbb", "@pods.csv", "-o", "@out/trace.pb.zst"}, "did you mean \"openb\""}),
    CaseName{});

INSTANTIATE_TEST_SUITE_P(
    Traces, BadCalls,
    testing::Values(BadCall{"NoZstd", {"run", "--trace", "@t.pb.zst"}, "t.pb.zst", "t.pb.zst", "this is no trace"},
                    BadCall{"Empty", {"run", "--trace", "@t.pb.zst"}, "t.pb.zst", "t.pb.zst", ""},
                    BadCall{"TruncatedFrame",
                            {"run", "--trace", "@t.pb.zst"},
                            "t.pb.zst",
                            "t.pb.zst",
                            zstd_frame(std::string(200, 'x')).substr(0, 100)},
                    BadCall{"WrongProtobuf",
                            {"run", "--trace", "@t.pb.zst"},
                            "t.pb.zst",
                            "t.pb.zst",
                            zstd_frame(std::string("\x05\xFF\xFF\xFF\xFF\xFF", 6))},
                    BadCall{"EmptyFrame", {"run", "--trace", "@t.pb.zst"}, "t.pb.zst", "t.pb.zst", zstd_frame("")},
                    BadCall{"Missing", {"run", "--trace", "@t.pb.zst"}, "t.pb.zst"}),
    CaseName{});

INSTANTIATE_TEST_SUITE_P(
    Yaml, BadCalls,
    testing::Values(BadCall{"UnknownKey",
                            {"run", "@s.yaml"},
                            "s.yaml:4:1",
                            "s.yaml",
                            "apiVersion: berth.dev/v1alpha1\nkind: Scenario\nname: x\nnods: []\n"},
                    BadCall{"Empty", {"run", "@s.yaml"}, "s.yaml", "s.yaml", ""},
                    BadCall{"NoYaml", {"run", "@s.yaml"}, "s.yaml", "s.yaml", "a: [1, 2\nb: }"},
                    BadCall{"Garbage", {"run", "@s.yaml"}, "s.yaml", "s.yaml", std::string("\x00\xFF\xFE\x01", 4)},
                    BadCall{"Missing", {"run", "@none.yaml"}, "none.yaml"}, BadCall{"Folder", {"run", "@out"}, "out"},
                    BadCall{"StudyForRun",
                            {"run", "@s.yaml"},
                            "s.yaml",
                            "s.yaml",
                            "apiVersion: berth.dev/v1alpha1\nkind: Study\nscenarios: []\n"},
                    BadCall{"StudyUnknownKey",
                            {"compare", "@s.yaml", "--out", "@out"},
                            "s.yaml:3:1",
                            "s.yaml",
                            "apiVersion: berth.dev/v1alpha1\nkind: Study\nscenarioss: []\n"}),
    CaseName{});

INSTANTIATE_TEST_SUITE_P(
    Flags, BadCalls,
    testing::Values(
        BadCall{"NoSubcommand", {}, ""}, BadCall{"UnknownSubcommand", {"rum"}, ""},
        BadCall{"UnknownFlag", {"run", "@small.yaml", "--polcy", "fgd"}, "--polcy"},
        BadCall{"NoInput", {"run"}, "no input"},
        BadCall{"ScenarioAndNodes",
                {"run", "@small.yaml", "--nodes", "@nodes.csv", "--pods", "@pods.csv"},
                "one or the other"},
        BadCall{"ScenarioAndExample", {"run", "@small.yaml", "--example", "mixed-day"}, "expected one"},
        BadCall{"NodesWithoutPods", {"run", "--nodes", "@nodes.csv"}, "--pods"},
        BadCall{"PodsWithoutNodes", {"run", "--pods", "@pods.csv"}, "--nodes"},
        BadCall{"UnknownExample", {"run", "--example", "mixed-dya"}, "did you mean \"mixed-day\""},
        BadCall{"UnknownExampleShown", {"examples", "mixed-dya"}, "did you mean \"mixed-day\""},
        BadCall{"UnknownPolicy", {"run", "@small.yaml", "--policy", "frist-fit"}, "did you mean \"first-fit\""},
        BadCall{"UnknownKind", {"run", "@small.yaml", "--policy", "schedluer=fgd"}, "did you mean \"scheduler\""},
        BadCall{"UnknownParameter", {"run", "@small.yaml", "--policy", "power-of-k(kk=2)"}, "did you mean \"k\""},
        BadCall{"BadParameter", {"run", "@small.yaml", "--policy", "power-of-k(k=0)"}, "1..1000"},
        BadCall{"BadProtocol", {"run", "@small.yaml", "--protocol", "fil"}, "did you mean \"fill\""},
        BadCall{"FillWithoutGpus",
                {"run", "--nodes", "@nodes.csv", "--pods", "@pods.csv", "--protocol", "fill"},
                "GPUs",
                "nodes.csv",
                kNodeHead + "n,1,1,0,\n"},
        BadCall{"PlacementsOfAReplay", {"run", "@small.yaml", "--placements", "@out/placements.csv"}, "--placements"},
        BadCall{"NegativeLoad", {"run", "@small.yaml", "--load", "-1"}, "--load"},
        BadCall{"LoadNan", {"run", "@small.yaml", "--load", "nan"}, "--load"},
        BadCall{"DurationWithoutUnit", {"run", "@small.yaml", "--horizon", "5"}, "--horizon"},
        BadCall{"NegativeDuration", {"run", "@small.yaml", "--scheduling-period", "-1s"}, "--scheduling-period"},
        BadCall{"SeedTooLarge", {"run", "@small.yaml", "--seed", "18446744073709551616"}, "--seed"},
        BadCall{"BadSeeds",
                {"compare", "@small.yaml", "--policies", "fgd", "--seeds", "5..1", "--out", "@out"},
                "runs backwards"},
        BadCall{
            "SeedTwice", {"compare", "@small.yaml", "--policies", "fgd", "--seeds", "1,1", "--out", "@out"}, "twice"},
        BadCall{"PolicyTwice", {"compare", "@small.yaml", "--policies", "fgd,fgd", "--out", "@out"}, "twice"},
        BadCall{"NoPolicies", {"compare", "@small.yaml", "--out", "@out"}, "no policies"},
        BadCall{"ForeignBaseline",
                {"compare", "@small.yaml", "--policies", "fgd", "--baseline", "random", "--out", "@out"},
                "baseline"},
        BadCall{"TooManyJobs",
                {"compare", "@small.yaml", "--policies", "fgd", "--jobs", "99999", "--out", "@out"},
                "--jobs"},
        BadCall{"NoOrderFolder",
                {"compare", "@small.yaml", "--policies", "fgd", "--order-dir", "@none", "--out", "@out"},
                "none"},
        BadCall{"NothingToResume",
                {"compare", "@small.yaml", "--policies", "fgd", "--resume", "--out", "@out"},
                "no study to resume"},
        BadCall{"MissingPlugin", {"policies", "--plugin", "@none.so"}, "none.so"},
        BadCall{"PluginIsNone", {"policies", "--plugin", "@pods.csv"}, "not a plug-in"}),
    CaseName{});

INSTANTIATE_TEST_SUITE_P(
    Outputs, BadCalls,
    testing::Values(
        BadCall{
            "OutIsBelowAFile", {"compare", "@small.yaml", "--policies", "fgd", "--out", "@nodes.csv/x"}, "nodes.csv/x"},
        BadCall{"OutIsAFile", {"compare", "@small.yaml", "--policies", "fgd", "--out", "@nodes.csv"}, "nodes.csv"},
        BadCall{"OutIsNotWritable",
                {"compare", "@small.yaml", "--policies", "fgd", "--out", "/proc/berth-test"},
                "/proc/berth-test"},
        BadCall{"JournalInNoFolder", {"run", "@small.yaml", "--journal", "@none/journal.jsonl"}, "journal.jsonl"},
        BadCall{"JournalIsAFolder", {"run", "@small.yaml", "--journal", "@out"}, "out"},
        BadCall{"TraceInNoFolder", {"generate", "@small.yaml", "-o", "@none/trace.pb.zst"}, "trace.pb.zst"},
        BadCall{"TraceIsAFolder", {"generate", "@small.yaml", "-o", "@out"}, "out"}),
    CaseName{});

// A device that is always full, in the test's own folder where that is allowed: root could replace the real one by
// mistake.
std::string full_device(const TempDir& folder) {
  const std::string path = folder / "full";
  return mknod(path.c_str(), S_IFCHR | 0666, makedev(1, 7)) == 0 ? path : "/dev/full";
}

TEST(FullDisk, Device) {
  const TempDir folder;
  const std::string scenario = folder.file("small.yaml", small_scenario("small", 20)), full = full_device(folder);
  expect_refused(run_berth({"run", scenario, "--journal", full}), full);
  expect_refused(run_berth({"generate", scenario, "-o", full}), full);
  EXPECT_TRUE(std::filesystem::is_character_file(full));  // Still the device: nothing was renamed over it.
  EXPECT_EQ(files_below(folder.path()), std::vector<std::string>{"small.yaml"});
}

// A trace needs a file: its header is written last.
TEST(Cli, TraceIntoAPipeIsRefused) {
  const TempDir folder;
  const std::string scenario = folder.file("small.yaml", small_scenario("small", 20)), pipe = folder / "pipe";
  ASSERT_EQ(mkfifo(pipe.c_str(), 0666), 0);
  expect_refused(run_berth({"generate", scenario, "-o", pipe}), pipe);
  EXPECT_TRUE(std::filesystem::is_fifo(pipe));
}

// A disk that fills up while results are written: the limit on a file's size is the nearest that needs no disk.
TEST(FullDisk, AtAnyPoint) {
  for (const rlim_t limit : {0U, 1000U, 5000U, 20000U, 40000U}) {
    SCOPED_TRACE(limit);
    const TempDir folder;
    const std::string scenario = folder.file("small.yaml", small_scenario("small", 2000));
    const ProcessOptions limited{.directory = {}, .out_path = {}, .file_size_limit = limit};
    const std::vector<std::string> compare{"compare", scenario,     "--policies", "fgd,random",  "--seeds",
                                           "1..3",    "--journals", "--out",      folder / "out"};
    const ProcessResult r = run_berth(compare, limited);
    expect_refused(r, "out");
    for (const std::string& file : files_below(folder.path() / "out")) {
      EXPECT_EQ(file.find(".berth-"), std::string::npos) << file;
      EXPECT_EQ(file.find(".tmp"), std::string::npos) << file;
    }
    // With room again it goes on, or begins, to its end.
    std::vector<std::string> again = compare;
    again.push_back("--resume");
    ProcessResult second = run_berth(again);
    if (second.exit_code == 2) {
      std::filesystem::remove_all(folder.path() / "out");
      second = run_berth(compare);
    }
    EXPECT_EQ(second.exit_code, 0) << second.err;

    expect_refused(run_berth({"run", scenario, "--journal", folder / "journal.jsonl"}, limited), "journal.jsonl");
    if (limit < 5000) {
      expect_refused(run_berth({"generate", scenario, "-o", folder / "trace.pb.zst"}, limited), "trace.pb.zst");
    }
    for (const std::string& file : files_below(folder.path())) EXPECT_EQ(file.find(".tmp"), std::string::npos) << file;
    EXPECT_FALSE(std::filesystem::exists(folder.path() / "journal.jsonl"));
  }
}

TEST(FullDisk, StandardOutput) {
  for (const char* command : {"policies", "metrics", "examples"}) {
    expect_refused(run_berth({command}, {.directory = {}, .out_path = "/dev/full"}), "standard output");
  }
}

// What was there before stays as it was when a new run fails.
TEST(Cli, OldResultsSurviveAFailure) {
  const TempDir folder;
  const std::string scenario = folder.file("small.yaml", small_scenario("small", 2000));
  const std::string journal = folder.file("journal.jsonl", "old\n");
  expect_refused(
      run_berth({"run", scenario, "--journal", journal}, {.directory = {}, .out_path = {}, .file_size_limit = 1000}),
      "journal.jsonl");
  EXPECT_EQ(slurp(journal), "old\n");
  const std::vector<std::string> compare{"compare", scenario, "--policies", "fgd",
                                         "--seeds", "1..2",   "--out",      folder / "out"};
  ASSERT_EQ(run_berth(compare).exit_code, 0);
  const std::string summary = slurp(folder / "out/summary.csv");
  expect_refused(run_berth(compare), "--resume");
  EXPECT_EQ(slurp(folder / "out/summary.csv"), summary);
}

// What is read of a Traffic file and of a plan is told, and each row of a series accounted for.
TEST(Validate, TrafficAndFaultPlans) {
  const TempDir folder;
  folder.file("rate.csv", "minute,who,count\n0,a,5\n1,b,6\n2,a,7\n");
  folder.file(
      "traffic.yaml",
      "apiVersion: berth.dev/v1alpha1\nkind: Traffic\nname: t\nservices: [{name: front, demand: 1ms}]\nsources:\n"
      "- {name: s, service: front, arrivals: {kind: series, file: rate.csv, time: minute, value: count, timeUnit: 1m, "
      "where: {who: a}}}\n");
  folder.file("plan.yaml",
              "apiVersion: berth.dev/v1alpha1\nkind: FaultPlan\nmetadata: {name: p}\nfaults:\n"
              "- {kind: nodeCrash, at: 10m}\n");
  const ProcessResult r = run_berth({"validate", folder / "traffic.yaml", folder / "plan.yaml"});
  EXPECT_EQ(r.exit_code, 0) << r.err;
  EXPECT_NE(r.out.find("traffic \"t\": 1 Services, 1 sources, by requests"), std::string::npos) << r.out;
  EXPECT_NE(r.out.find("rate.csv: 3 rows read, 2 used, 1 skipped; skipped 1: who is not \"a\""), std::string::npos)
      << r.out;
  EXPECT_NE(r.out.find("fault plan \"p\": 1 faults\n  nodeCrash-0"), std::string::npos) << r.out;
}

// Rows whose times run backwards are left out, and said so: they are the trace's fault and no reason to stop.
TEST(Cli, TimesThatRunBackwardsAreAccountedFor) {
  const TempDir folder;
  const std::string pods = folder.file(
      "pods.csv",
      "name,cpu_milli,memory_mib,num_gpu,gpu_milli,gpu_spec,qos,pod_phase,creation_time,deletion_time,scheduled_time\n"
      "a,1000,1024,0,0,,LS,Succeeded,100,50,100\nb,1000,1024,0,0,,LS,Succeeded,100,200,100\n");
  const ProcessResult r = run_berth({"validate", pods});
  EXPECT_EQ(r.exit_code, 0) << r.err;
  EXPECT_NE(r.out.find("2 rows read, 1 used, 1 skipped"), std::string::npos) << r.out;
}

// Such a list under the fill protocol: its rows have gaps.
TEST(Cli, FillOfATraceWithGaps) {
  const TempDir folder;
  const std::string nodes = folder.file("nodes.csv", kNodes);
  std::string text =
      "name,cpu_milli,memory_mib,num_gpu,gpu_milli,gpu_spec,qos,pod_phase,creation_time,deletion_time,scheduled_time\n";
  for (int i = 0; i < 2000; ++i) text += "x" + std::to_string(i) + ",1000,1024,1,500,,LS,Succeeded,100,50,100\n";
  text += "a,1000,1024,1,500,,LS,Succeeded,100,200,100\nb,1000,1024,1,400,,LS,Succeeded,101,200,101\n";
  const std::string pods = folder.file("pods.csv", text);
  ASSERT_EQ(run_berth({"import", "openb", pods, "--nodes", nodes, "-o", folder / "t.pb.zst"}).exit_code, 0);
  const ProcessResult r = run_berth({"run", "--trace", folder / "t.pb.zst", "--protocol", "fill", "--policy",
                                     "first-fit", "--journal", folder / "j.jsonl"});
  ASSERT_EQ(r.exit_code, 0) << "signal " << r.signal << " " << r.err;
  int a = 0, b = 0;
  for (const std::string& line : lines_of(slurp(folder / "j.jsonl"))) {
    if (line.find("\"PodCreated\"") == std::string::npos) continue;
    const auto record = nlohmann::json::parse(line);
    EXPECT_EQ(record["gpu_milli"], record["name"] == "a" ? 500 : 400) << line;
    (record["name"] == "a" ? a : b) += 1;
  }
  EXPECT_GE(a, 1);
  EXPECT_GE(b, 1);
}

TEST(Cli, HelpOfEverything) {
  for (const char* command :
       {"", "run", "compare", "import", "generate", "validate", "policies", "metrics", "examples"}) {
    SCOPED_TRACE(command);
    std::vector<std::string> arguments{"--help"};
    if (*command != '\0') arguments.insert(arguments.begin(), command);
    const ProcessResult r = run_berth(arguments);
    EXPECT_EQ(r.exit_code, 0);
    EXPECT_EQ(r.err, "");
    EXPECT_NE(r.out.find("--help"), std::string::npos);
    EXPECT_NE(r.out.find(command), std::string::npos);
  }
  const ProcessResult version = run_berth({"--version"});
  EXPECT_EQ(version.exit_code, 0);
  EXPECT_EQ(version.out.find("berth 0."), 0U);
}

// What the help says to try works.
TEST(Cli, TheHelpsOwnExample) {
  const ProcessResult r = run_berth({"run", "--example", "gpu-sharing", "--policy", "fgd"});
  EXPECT_EQ(r.exit_code, 0) << r.err;
  EXPECT_NE(r.out.find("alloc_pct_at_100"), std::string::npos);
}

TEST(Cli, NoProgressInAPipe) {
  const TempDir folder;
  const std::string scenario = folder.file("small.yaml", small_scenario("small", 3000));
  for (const std::vector<std::string>& arguments :
       {std::vector<std::string>{"run", scenario},
        {"compare", scenario, "--policies", "fgd,random", "--seeds", "1..3", "--out", folder / "out"}}) {
    const ProcessResult r = run_berth(arguments);
    EXPECT_EQ(r.exit_code, 0) << r.err;
    EXPECT_EQ(r.err, "");
    EXPECT_EQ(r.out.find_first_of("\r\x1b"), std::string::npos);
    EXPECT_FALSE(r.out.empty());
  }
}

TEST(Cli, JsonIsJson) {
  const TempDir folder;
  const ProcessResult r = run_berth(
      {"run", folder.file("s.yaml", small_scenario("small", 200)), "--json", "--seed", "18446744073709551615"});
  ASSERT_EQ(r.exit_code, 0) << r.err;
  const auto result = nlohmann::json::parse(r.out);
  EXPECT_EQ(result["scenario"], "small");
  EXPECT_EQ(result["seed"], UINT64_MAX);
  EXPECT_EQ(result["metrics"]["pods_created"], 200);
  const ProcessResult policies = run_berth({"policies", "--json"});
  ASSERT_EQ(policies.exit_code, 0) << policies.err;
  const auto list = nlohmann::json::parse(policies.out);
  EXPECT_GE(list.size(), 16U);
  std::set<std::string> kinds;
  for (const auto& policy : list) kinds.insert(policy["kind"].get<std::string>());
  EXPECT_EQ(kinds, (std::set<std::string>{"autoscaler", "healer", "images", "nodes", "scheduler"}));
}

// From a scenario to a trace and back: the same pods meet the same policy, so the same numbers come out.
TEST(Cli, ATraceReplaysAsItsScenario) {
  const TempDir folder;
  const std::string scenario = folder.file("small.yaml", small_scenario("small", 1000));
  ASSERT_EQ(run_berth({"generate", scenario, "--seed", "3", "-o", folder / "t.pb.zst"}).exit_code, 0);
  const ProcessResult direct = run_berth({"run", scenario, "--seed", "3", "--policy", "best-fit", "--json"});
  const ProcessResult traced = run_berth(
      {"run", "--trace", folder / "t.pb.zst", "--name", "small", "--seed", "3", "--policy", "best-fit", "--json"});
  EXPECT_EQ(direct.exit_code, 0) << direct.err;
  EXPECT_EQ(direct.out, traced.out);
}

TEST(Cli, ValidateLooksAtEveryFile) {
  const TempDir folder;
  const std::string good = folder.file("nodes.csv", kNodes), bad = folder.file("pods.csv", kHead + "p,x,1,0,0\n");
  const ProcessResult r = run_berth({"validate", bad, good});
  expect_refused(r, "pods.csv:2:3");
  EXPECT_NE(r.out.find("nodes.csv: node list: 1 rows read, 1 used"), std::string::npos) << r.out;
}

}  // namespace
}  // namespace berth::test
