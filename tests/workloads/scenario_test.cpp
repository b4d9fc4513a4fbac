// Scenario files: what a good one means, and that a bad one is answered with its place in one line.
#include "workloads/scenario.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>

#include "sim/engine/error.hpp"
#include "sim/engine/rng.hpp"
#include "tests/support/shared_data.hpp"
#include "workloads/synthetic.hpp"
#include "workloads/trace.hpp"
#include "workloads/yaml.hpp"

namespace berth {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

constexpr const char* kGood = R"yaml(apiVersion: berth.dev/v1alpha1
kind: Scenario
name: everything
description: all there is
protocol: fill
load: 0.9
schedulingPeriod: 10s
decisionBase: 1ms
decisionPerNode: 1us
horizon: 1h30m
nodes:
- {name: c, count: 3, cpu: "64", memory: 256Gi, ephemeralStorage: 1Ti, pods: 250, labels: {zone: b, arch: arm64}}
- {name: g, cpu: 96500m, memory: 1Ti, gpus: 8, gpuModel: A100, extended: {example.com/nic: 2, example.com/zero: 0}}
workload:
  synthetic:
    pods: 10
    arrivals: {constant: {rate: 4}, start: 1s}
    templates:
    - weight: 2.5
      cpu: 500m
      memory: {draw: "constant(value=3)", granularity: 1Gi, min: 1Gi, max: 4Gi}
      ephemeralStorage: 1Gi
      gpus: 1
      gpuMilli: 250
      gpuModels: [H100, A100]
      extended: {example.com/nic: 1}
      priority: -5
      namespace: ml
      labels: {app: x, tier: ~}
      runTime: 1m
      startDelay: 2s
)yaml";

TEST(ScenarioTest, ReadsAllThereIs) {
  const Scenario s = parse_scenario(kGood, "good.yaml", ".");
  EXPECT_EQ(s.name, "everything");
  EXPECT_EQ(s.protocol, Protocol::kFill);
  EXPECT_EQ(s.load, 0.9);
  EXPECT_EQ(s.scheduling_period, seconds(10));
  EXPECT_EQ(s.decision_base, milliseconds(1));
  EXPECT_EQ(s.decision_per_node, microseconds(1));
  EXPECT_EQ(s.horizon, seconds(5'400));
  EXPECT_TRUE(s.inputs.empty());
  EXPECT_THAT(s.notes, ElementsAre("all there is", "the workload names the GPU model \"H100\", which no node has"));

  ASSERT_EQ(s.nodes.size(), 4U);
  EXPECT_EQ(s.nodes[2].name, "c-2");
  EXPECT_EQ(s.nodes[2].allocatable, (Resources{64'000, 256LL << 30, 1LL << 40}));
  EXPECT_EQ(s.nodes[2].pods, 250);
  EXPECT_EQ(s.nodes[2].gpu_count, 0);
  EXPECT_EQ(s.nodes[2].gpu_model, kNoGpuModel);
  EXPECT_THAT(s.nodes[2].labels, ElementsAre(Label{"arch", "arm64"}, Label{"zone", "b"}));
  EXPECT_EQ(s.nodes[3].name, "g");
  EXPECT_EQ(s.nodes[3].allocatable, (Resources{96'500, 1LL << 40, 0}));
  EXPECT_EQ(s.nodes[3].pods, 110);
  EXPECT_EQ(s.nodes[3].gpu_count, 8);

  Catalog catalog = s.workload->catalog();
  EXPECT_EQ(catalog.gpu_model_name(s.nodes[3].gpu_model), "A100");
  ASSERT_EQ(s.nodes[3].extended.size(), 1U);
  EXPECT_EQ(catalog.extended_name(s.nodes[3].extended[0].resource), "example.com/nic");

  std::vector<PodArrival> pods(20);
  ASSERT_EQ(s.workload->open(catalog, 1, 0)->next(pods), 10U);
  EXPECT_EQ(pods[2].at, Time{} + milliseconds(1'500));
  EXPECT_EQ(pods[2].run_time, seconds(60));
  EXPECT_EQ(pods[2].start_delay, seconds(2));
  const PodTemplate& t = catalog[pods[2].pod_template];
  EXPECT_EQ(t.request, (Resources{500, 3LL << 30, 1LL << 30}));
  EXPECT_EQ(t.gpu, (GpuRequest{1, 250, 0b11}));
  EXPECT_EQ(t.priority, -5);
  EXPECT_EQ(catalog.namespace_name(t.namespace_id), "ml");
  EXPECT_THAT(t.labels, ElementsAre(Label{"app", "x"}, Label{"tier", ""}));
  ASSERT_EQ(t.extended.size(), 1U);
  EXPECT_EQ(t.extended[0], (ExtendedAmount{s.nodes[3].extended[0].resource, 1}));
}

// The good scenario with the first `from` replaced by `to`.
std::string changed(const std::string& from, const std::string& to) {
  std::string text = kGood;
  const std::size_t at = text.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  return text.replace(at, from.size(), to);
}

std::string message(const std::string& text) {
  try {
    parse_scenario(text, "s.yaml", "/nonexistent");
  } catch (const InputError& error) {
    return error.what();
  }
  return "accepted";
}

TEST(ScenarioTest, DefaultsAndProcesses) {
  const std::string head =
      "apiVersion: berth.dev/v1alpha1\nkind: Scenario\nname: n\nhorizon: forever\nload:\n"
      "nodes: [{name: n, cpu: 1, memory: 1}]\nworkload: {synthetic: {duration: 1h, arrivals: ";
  const std::string tail = ", templates: [{runTime: forever}]}}\n";
  const auto arrivals = [&](const std::string& text) {
    const Scenario s = parse_scenario(head + text + tail, "s.yaml", ".");
    return dynamic_cast<const SyntheticWorkload&>(*s.workload).spec().arrivals;
  };
  const Scenario s = parse_scenario(head + "{poisson: {rate: 2e-1}}" + tail, "s.yaml", ".");
  EXPECT_EQ(s.protocol, Protocol::kReplay);
  EXPECT_EQ(s.load, 1.3);  // `load:` without a value counts as absent.
  EXPECT_EQ(s.horizon, kForever);
  EXPECT_EQ(s.scheduling_period, Duration{});
  EXPECT_TRUE(s.notes.empty());
  EXPECT_EQ(dynamic_cast<const SyntheticWorkload&>(*s.workload).spec().templates[0].run_time, std::nullopt);
  EXPECT_EQ(arrivals("{poisson: {rate: 2e-1}}").rate, 0.2);
  const ArrivalSpec wave = arrivals("{diurnal: {rate: 1, amplitude: .5, peak: 9h}}");
  EXPECT_EQ(wave.kind, ArrivalSpec::Kind::kDiurnal);
  EXPECT_EQ(wave.amplitude, 0.5);
  EXPECT_EQ(wave.period, seconds(86'400));
  EXPECT_EQ(wave.peak, seconds(9 * 3'600));
  const ArrivalSpec bursts = arrivals("{mmpp: [{rate: 0, meanSojourn: 1h}, {rate: 9, meanSojourn: 2m}]}");
  EXPECT_EQ(bursts.kind, ArrivalSpec::Kind::kMmpp);
  ASSERT_EQ(bursts.states.size(), 2U);
  EXPECT_EQ(bursts.states[1].rate, 9);
  EXPECT_EQ(bursts.states[1].mean_sojourn, seconds(120));
}

struct Bad {
  const char* name;
  std::string from;
  std::string to;
  const char* message;  // The beginning of the error.
};
class BadScenario : public testing::TestWithParam<Bad> {};

TEST_P(BadScenario, SaysWhereAndWhat) {
  const std::string text = message(changed(GetParam().from, GetParam().to));
  EXPECT_TRUE(text.starts_with(GetParam().message)) << text;
  EXPECT_EQ(text.find('\n'), std::string::npos);
}

INSTANTIATE_TEST_SUITE_P(
    Table, BadScenario,
    testing::Values(
        Bad{"Version", "v1alpha1", "v2",
            "s.yaml:1:13: apiVersion is \"berth.dev/v2\"; expected one of berth.dev/v1alpha1"},
        Bad{"Kind", "Scenario", "Senario",
            "s.yaml:2:7: kind is \"Senario\"; expected one of Scenario; did you mean \"Scenario\"?"},
        Bad{"NoName", "name: everything\n", "", "s.yaml:1:1: the document lacks \"name\""},
        Bad{"UnknownKey", "horizon:", "horizont:",
            "s.yaml:10:1: the document has an unknown key \"horizont\"; expected apiVersion, kind, name, description, "
            "protocol, load, schedulingPeriod, decisionBase, decisionPerNode, horizon, nodes, nodeGroups, kubelet, "
            "images, storage, faults, traffic, manifests, workload; did you mean "
            "\"horizon\"?"},
        Bad{"UnknownNodeKey", "gpuModel: A100", "gpumodel: A100",
            "s.yaml:13:48: nodes[1] has an unknown key \"gpumodel\""},
        Bad{"RepeatedKey", "load: 0.9", "protocol: replay", "s.yaml:6:1: key \"protocol\" comes twice in one map"},
        Bad{"Protocol", "fill", "fil", "s.yaml:5:11: protocol is \"fil\"; expected one of replay, fill; did you mean"},
        Bad{"NanLoad", "0.9", ".nan", "s.yaml:6:7: load is \".nan\"; expected a number from 0.001 to 100"},
        Bad{"NanWord", "0.9", "nan", "s.yaml:6:7: load is \"nan\"; expected a number"},
        Bad{"NegativeLoad", "0.9", "-1", "s.yaml:6:7: load is \"-1\"; expected a number"},
        Bad{"OverflowingLoad", "0.9", "1e999", "s.yaml:6:7: load is \"1e999\"; expected a number"},
        Bad{"LoadWithUnit", "0.9", "90%", "s.yaml:6:7: load is \"90%\"; expected a number"},
        Bad{"Duration", "10s", "10", "s.yaml:7:19: schedulingPeriod is \"10\", without a unit; expected a duration"},
        Bad{"NegativeDuration", "1ms", "-1ms",
            "s.yaml:8:15: decisionBase is \"-1ms\"; expected a duration that is not neg"},
        Bad{"ListForScalar", "1h30m", "[1h]", "s.yaml:10:10: horizon is a list; expected a single value"},
        Bad{"Count", "count: 3", "count: 0",
            "s.yaml:12:20: nodes[0].count is \"0\"; expected a whole number from 1 to 1000000"},
        Bad{"HugeCount", "count: 3", "count: 99999999999999999999",
            "s.yaml:12:20: nodes[0].count is \"99999999999999999999\""},
        Bad{"FractionalCount", "count: 3", "count: 2.5",
            "s.yaml:12:20: nodes[0].count is \"2.5\"; expected a whole number"},
        Bad{"Cpu", "\"64\"", "2 cores", "s.yaml:12:28: nodes[0].cpu is \"2 cores\"; expected"},
        Bad{"NegativeMemory", "256Gi", "-1Gi", "s.yaml:12:42: nodes[0].memory is \"-1Gi\""},
        Bad{"NoMemory", "memory: 256Gi, ", "", "s.yaml:12:3: nodes[0] lacks \"memory\""},
        Bad{"SameNames", "name: g,", "name: c-1,", "s.yaml:13:3: nodes[1] makes a second node \"c-1\""},
        Bad{"NoModel", ", gpuModel: A100", "", "s.yaml:13:3: nodes[1] lacks \"gpuModel\""},
        Bad{"ModelWithoutGpus", "gpus: 8, ", "", "s.yaml:13:49: nodes[1].gpuModel is given, but the node has no GPUs"},
        Bad{"TooManyGpus", "gpus: 8", "gpus: 17",
            "s.yaml:13:45: nodes[1].gpus is \"17\"; expected a whole number from 0 to 16"},
        Bad{"CpuAsExtended", "example.com/zero", "cpu", "s.yaml:13:100: nodes[1].extended.cpu is no extended resource"},
        Bad{"NodesNoList", "nodes:\n", "nodes: {}\nx:\n", "s.yaml:12:1: the document has an unknown key \"x\""},
        Bad{"TwoSources",
            "  synthetic:", "  trace: x\n  synthetic:", "s.yaml:15:3: workload has 2 sources of pods; expected one"},
        Bad{"UnknownSource", "  synthetic:", "  syntetic:", "s.yaml:15:3: workload has an unknown key \"syntetic\""},
        Bad{"NoEnd", "    pods: 10\n", "", "s.yaml:16:5: workload.synthetic: neither pods nor duration is given"},
        Bad{"NoProcess", "constant: {rate: 4}, ", "", "s.yaml:17:15: workload.synthetic.arrivals has 0 processes"},
        Bad{"RateZero", "rate: 4", "rate: 0",
            "s.yaml:17:33: workload.synthetic.arrivals.constant.rate is 0; expected pods per"},
        Bad{"NegativeWeight", "2.5", "-2.5", "s.yaml:19:15: workload.synthetic.templates[0].weight is \"-2.5\""},
        Bad{"ZeroWeights", "2.5", "0", "s.yaml:16:5: workload.synthetic: sum of weights is 0"},
        Bad{"DrawMaxBelowMin", "max: 4Gi", "max: 1Mi",
            "s.yaml:21:15: workload.synthetic.templates[0].memory has a max below"},
        Bad{"DrawNoDistribution", "constant(value=3)", "zeta(s=3)",
            "s.yaml:21:22: workload.synthetic.templates[0].memory.draw is"},
        Bad{"GpuMilli", "gpuMilli: 250", "gpuMilli: 1001",
            "s.yaml:24:17: workload.synthetic.templates[0].gpuMilli is \"1001\""},
        Bad{"ShareOfTwo", "gpus: 1", "gpus: 2",
            "s.yaml:24:17: workload.synthetic.templates[0].gpuMilli is 250 of 2 GPUs"},
        Bad{"ShareOfNone", "      gpus: 1\n", "",
            "s.yaml:23:17: workload.synthetic.templates[0].gpuMilli is given without GPUs"},
        Bad{"Priority", "-5", "3000000000", "s.yaml:27:17: workload.synthetic.templates[0].priority is \"3000000000\""},
        Bad{"RunTime", "1m\n", "soon\n", "s.yaml:30:16: workload.synthetic.templates[0].runTime is \"soon\""},
        Bad{"MissingFile",
            "  synthetic:", "  openb: pods.csv\n  gone:", "s.yaml:16:3: workload has an unknown key \"gone\""},
        Bad{"Tag", "everything", "!exec everything", "s.yaml:3:7: tag \"!exec\" means nothing here"},
        Bad{"NotYaml", "name: everything", "name: [everything", "s.yaml:"},
        Bad{"SecondDocument", "      startDelay: 2s\n", "---\nkind: Scenario\n",
            "s.yaml:1:1: the document has further documents behind it, but no kubelet; expected \"kubelet: {}\""},
        Bad{"SelfAlias", "load: 0.9", "load: &a [*a]", "s.yaml:6:11: an alias stands within its own anchor"},
        Bad{"UnknownAlias", "0.9", "*nowhere", "s.yaml:6:7: no valid YAML"}),
    [](const auto& bad) { return std::string(bad.param.name); });

TEST(ScenarioTest, NothingAndNonsense) {
  EXPECT_EQ(message(""), "s.yaml: nothing in it; expected a YAML document");
  EXPECT_EQ(message("# only a comment\n"), "s.yaml: nothing in it; expected a YAML document");
  EXPECT_EQ(message("just text"), "s.yaml:1:1: the document is no map; expected \"key: value\" lines");
  EXPECT_EQ(message("- a\n- b\n"), "s.yaml:1:1: the document is no map; expected \"key: value\" lines");
  EXPECT_THAT(message("{[a]: b}"), HasSubstr("a key that is no plain text"));
  EXPECT_NE(message(std::string("\0\xFF\xFE\x01: {", 7)), "accepted");
  EXPECT_EQ(message(changed(
                std::string(kGood).substr(std::string(kGood).find("nodes:"),
                                          std::string(kGood).find("workload:") - std::string(kGood).find("nodes:")),
                "nodes: []\n")),
            "s.yaml:11:8: nodes has no node in it; expected one or more");
}

TEST(YamlLimits, DepthAliasesSizes) {
  const auto nested = [](std::size_t depth) { return "a: " + std::string(depth, '[') + std::string(depth, ']'); };
  EXPECT_NO_THROW(parse_yaml(nested(kMaxYamlDepth - 1), "s.yaml"));
  EXPECT_THAT(message(nested(kMaxYamlDepth)), HasSubstr("s.yaml:1:103: nested too deep; expected at most 100 levels"));
  EXPECT_THAT(message(std::string(1'000'000, '[')), HasSubstr("nested too deep"));
  EXPECT_THAT(message("x: &a " + std::string(60, '[') + std::string(60, ']') + "\ny: " + std::string(60, '[') + "*a" +
                      std::string(60, ']')),
              HasSubstr("s.yaml:2:64: nested too deep"));

  std::string bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n";  // 10^10 x if written out.
  for (int i = 1; i < 10; ++i) {
    const std::string it = "*a" + std::to_string(i - 1);
    bomb += "a" + std::to_string(i) + ": &a" + std::to_string(i) + " [" + it;
    for (int k = 1; k < 10; ++k) bomb += ", " + it;
    bomb += "]\n";
  }
  EXPECT_THAT(message(bomb),
              HasSubstr("too much in one document; expected at most 1000000 values, aliases written out"));
  std::string text_bomb = "a: &a \"" + std::string(1'000'000, 'x') + "\"\nb: [";
  for (int i = 0; i < 1'000; ++i) text_bomb += "*a,";
  EXPECT_THAT(message(text_bomb + "]"), HasSubstr("too much in one document"));

  const YamlValue copies = parse_yaml("a: &a {k: [1, 2]}\nb: *a\n", "s.yaml");
  EXPECT_EQ(copies.map({"a", "b"}).at("b").map({"k"}).at("k").list()[1].integer(0, 9), 2);

  EXPECT_NO_THROW(parse_yaml("a: " + std::string(kMaxYamlScalarBytes, 'x'), "s.yaml"));
  EXPECT_EQ(message("a: " + std::string(kMaxYamlScalarBytes + 1, 'x')),
            "s.yaml:1:4: a value of 1048577 bytes; expected at most 1048576");
  EXPECT_EQ(message(std::string(kMaxYamlBytes + 1, '#')), "s.yaml: 67108865 bytes; expected at most 67108864");
}

TEST(YamlLimits, MutilatedScenariosReadOrThrow) {
  Rng rng(1, 0, 0, Purpose::kTest);
  const std::string good = kGood;
  const auto somewhere = [&] { return rng.below(static_cast<std::uint32_t>(good.size())); };
  int thrown = 0;
  for (int i = 0; i < 1'500; ++i) {
    std::string text = good;
    for (std::uint32_t edits = 1 + rng.below(3); edits > 0; --edits) {
      constexpr std::string_view kCharacters{"[]{}&*!|>'\"%@`,:?#-~ \n\t\0\xFF\xC3x", 27};
      const std::size_t at = std::min<std::size_t>(somewhere(), text.size() - 1);
      if (rng.below(3) == 0) {
        text.erase(at, rng.below(40));
      } else if (rng.below(2) == 0) {
        text[at] = kCharacters[rng.below(static_cast<std::uint32_t>(kCharacters.size()))];
      } else {
        text.insert(at, good.substr(somewhere(), rng.below(40)));
      }
    }
    try {
      parse_scenario(text, "s.yaml", "/nonexistent");
    } catch (const InputError& error) {
      ++thrown;
      ASSERT_TRUE(std::string_view(error.what()).starts_with("s.yaml:")) << error.what() << "\n" << text;
      ASSERT_EQ(std::string_view(error.what()).find('\n'), std::string_view::npos) << error.what();
    }
  }
  EXPECT_GT(thrown, 750);
}

TEST(YamlLimits, BooleansAreNotText) {
  const YamlValue v = parse_yaml("{a: true, b: \"true\", c: yes, d: false}", "s.yaml");
  const YamlMap map = v.map({"a", "b", "c", "d"});
  EXPECT_TRUE(map.at("a").boolean());
  EXPECT_FALSE(map.at("d").boolean());
  EXPECT_THROW(map.at("b").boolean(), InputError);
  EXPECT_THROW(map.at("c").boolean(), InputError);
}

class ScenarioFiles : public testing::Test {
 protected:
  ScenarioFiles()
      : folder_(std::filesystem::temp_directory_path() / ("berth-scenario-test-" + std::to_string(::getpid()))) {
    std::filesystem::create_directories(folder_ / "data");
  }
  ~ScenarioFiles() override { std::filesystem::remove_all(folder_); }

  void write(const std::string& name, std::string_view text) { std::ofstream(folder_ / name) << text; }
  Scenario load(const std::string& rest) {
    write("s.yaml", "apiVersion: berth.dev/v1alpha1\nkind: Scenario\nname: n\n" + rest);
    return load_scenario(folder_ / "s.yaml");
  }
  std::string at(const char* name) const { return (folder_ / name).string(); }

  std::filesystem::path folder_;
};

constexpr const char* kNodes = "sn,cpu_milli,memory_mib,gpu,model\nn0,64000,1024,2,T4\nn1,32000,2048,0,\n";

TEST_F(ScenarioFiles, OpenbBesideTheScenario) {
  write("data/nodes.csv", kNodes);
  write("data/pods.csv",
        "name,cpu_milli,memory_mib,num_gpu,gpu_milli,gpu_spec,qos,pod_phase,creation_time,deletion_time,"
        "scheduled_time\np0,1000,512,1,500,T4,LS,Running,5,9,6\np1,2000,512,0,0,,BE,Running,3,4,3\n");
  const std::string yaml =
      "nodes: [{file: data/nodes.csv, pods: 50}]\nworkload: {openb: {file: data/pods.csv, labelQos: true}}\n";
  const Scenario s = load(yaml);
  EXPECT_THAT(s.inputs, ElementsAre(at("s.yaml"), at("data/nodes.csv"), at("data/pods.csv")));
  ASSERT_EQ(s.nodes.size(), 2U);
  EXPECT_EQ(s.nodes[0].name, "n0");
  EXPECT_EQ(s.nodes[0].pods, 50);
  EXPECT_EQ(s.nodes[0].gpu_count, 2);
  EXPECT_EQ(s.workload->catalog().gpu_model_name(s.nodes[0].gpu_model), "T4");
  EXPECT_EQ(s.report.rows_read, 2U);
  Catalog catalog = s.workload->catalog();
  std::vector<PodArrival> pods(5);
  ASSERT_EQ(s.workload->open(catalog, 1, 0)->next(pods), 2U);
  EXPECT_EQ(s.workload->pod_name(pods[0].row), "p1");  // Created first.
  EXPECT_EQ(catalog[pods[1].pod_template].gpu.models, std::uint64_t{1} << index(s.nodes[0].gpu_model));
  EXPECT_THAT(catalog[pods[0].pod_template].labels, ElementsAre(Label{"qos", "BE"}));

  const Scenario fill = load("protocol: fill\n" + yaml);  // File order, and pods stay.
  Catalog filled = fill.workload->catalog();
  ASSERT_EQ(fill.workload->open(filled, 1, 0)->next(pods), 2U);
  EXPECT_EQ(fill.workload->pod_name(pods[0].row), "p0");
  EXPECT_EQ(pods[0].run_time, kForever);
}

TEST_F(ScenarioFiles, OtherTables) {
  const std::string nodes = "nodes: [{name: n, cpu: 8, memory: 8Gi}]\n";
  Catalog catalog;
  std::vector<PodArrival> pods(5);
  const auto first = [&](const Scenario& s) -> const PodTemplate& {
    catalog = s.workload->catalog();
    EXPECT_GT(s.workload->open(catalog, 1, 0)->next(pods), 0U);
    return catalog[pods[0].pod_template];
  };
  write("jobs.csv", "job,submit_s,duration_s,cores\n1,10,60,4\n");
  EXPECT_EQ(first(load(nodes + "workload: {batchJobs: {file: jobs.csv, memoryPerCore: 2Gi}}\n")).request,
            (Resources{4'000, 8LL << 30, 0}));
  EXPECT_EQ(pods[0].at, Time{} + seconds(10));
  write("vms.csv",
        "arrival_s,batch,vcpu,mem_gb,lifetime_min_s,lifetime_max_s,still_running_at_end\n7,1,2,3.5,100,200,0\n");
  EXPECT_EQ(first(load(nodes + "workload: {vmArrivals: {file: vms.csv, lifetime: max}}\n")).request.cpu_milli, 2'000);
  EXPECT_EQ(pods[0].run_time, seconds(200));
  write("gpus.csv", "submit_s,duration_s,gpus,cluster\n1,2,3,vc\n");
  EXPECT_EQ(first(load(nodes + "workload: {gpuJobs: {file: gpus.csv, cpuPerGpu: 500m, memoryPerGpu: 1Gi}}\n")).request,
            (Resources{1'500, 3LL << 30, 0}));
  EXPECT_THAT([&] { load(nodes + "workload: {vmArrivals: {file: vms.csv, lifetime: mix}}\n"); },
              testing::ThrowsMessage<InputError>(HasSubstr("s.yaml:5:50: workload.vmArrivals.lifetime is \"mix\"")));
  EXPECT_THAT([&] { load(nodes + "workload: {batchJobs: gone.csv}\n"); },
              testing::ThrowsMessage<InputError>(HasSubstr("gone.csv")));
}

TEST_F(ScenarioFiles, TraceBringsItsNodesUnlessTheScenarioHasSome) {
  Catalog catalog;
  PodTemplate t;
  t.request.cpu_milli = 250;
  std::vector<NodeSpec> nodes(1);
  nodes[0].name = "traced";
  nodes[0].gpu_count = 1;
  nodes[0].gpu_model = catalog.gpu_model("L4");
  const TemplateId id = catalog.intern(t);
  write_trace(folder_ / "t.pb.zst", {"x", "y", {"a note"}}, nodes,
              MemoryWorkload(catalog, {{Time{5}, seconds(1), {}, id, 0}}, {}), 1, 0);
  const Scenario with = load("workload: {trace: t.pb.zst}\n");
  ASSERT_EQ(with.nodes.size(), 1U);
  EXPECT_EQ(with.nodes[0].name, "traced");
  EXPECT_EQ(with.workload->catalog().gpu_model_name(with.nodes[0].gpu_model), "L4");
  EXPECT_THAT(with.notes, ElementsAre("a note"));
  const Scenario own =
      load("nodes: [{name: mine, cpu: 1, memory: 1, gpus: 1, gpuModel: K80}]\nworkload: {trace: {file: t.pb.zst}}\n");
  ASSERT_EQ(own.nodes.size(), 1U);
  EXPECT_EQ(own.nodes[0].name, "mine");
  EXPECT_EQ(own.workload->catalog().gpu_model_name(own.nodes[0].gpu_model), "K80");
  EXPECT_THAT(own.notes, testing::Contains(HasSubstr("the trace's own 1 nodes are not used")));

  write_trace(folder_ / "bare.pb.zst", {}, {}, MemoryWorkload({}, {}, {}), 1, 0);
  EXPECT_THAT(
      [&] { load("workload: {trace: bare.pb.zst}\n"); },
      testing::ThrowsMessage<InputError>(at("s.yaml") + ":1:1: the document lacks \"nodes\"; expected a value for it"));
}

TEST_F(ScenarioFiles, UnreadableFilesSayWhy) {
  EXPECT_THAT([&] { load_scenario(folder_ / "gone.yaml"); },
              testing::ThrowsMessage<InputError>(at("gone.yaml") + ": cannot read: No such file or directory"));
  EXPECT_THAT([&] { load_scenario(folder_); },
              testing::ThrowsMessage<InputError>(folder_.string() + ": cannot read: Is a directory"));
  EXPECT_THAT([&] { load_scenario("/dev/zero"); },
              testing::ThrowsMessage<InputError>(HasSubstr("longer than 67108864 bytes")));
}

TEST(ScenarioShared, OpenbFills) {
  BERTH_NEEDS_SHARED("data/openb");
  const Scenario s = parse_scenario(
      "apiVersion: berth.dev/v1alpha1\nkind: Scenario\nname: openb\nprotocol: fill\n"
      "nodes: [{file: openb_node_list_gpu_node.csv}]\nworkload: {openb: openb_pod_list_gpuspec10.csv}\n",
      "s.yaml", test::shared_dir() / "data/openb");
  EXPECT_EQ(s.nodes.size(), 1'213U);  // Both from data/openb/README.md.
  EXPECT_EQ(survey(*s.workload, 1, 0).pods, 8'152U);
}

}  // namespace
}  // namespace berth
