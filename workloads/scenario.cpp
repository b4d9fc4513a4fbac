#include "workloads/scenario.hpp"

#include <fmt/format.h>

#include <optional>
#include <set>
#include <unordered_set>
#include <utility>

#include "sim/engine/error.hpp"
#include "workloads/nodes_csv.hpp"
#include "workloads/scenario_documents.hpp"
#include "workloads/scenario_workload.hpp"
#include "workloads/yaml.hpp"

namespace berth {
namespace {

constexpr std::int64_t kMaxNodes = 1'000'000;

void note_rows(Scenario& scenario, const std::string& file, const ImportReport& report) {
  scenario.notes.push_back(std::filesystem::path(file).filename().string() + ": " + report.line());
}

class ScenarioReader {
 public:
  ScenarioReader(const std::filesystem::path& base, const std::string& file, const ScenarioDocuments& parts)
      : base_(base), file_(file), parts_(parts) {}

  Scenario read(const YamlValue& document) {
    const YamlMap map =
        document.map({"apiVersion", "kind", "name", "description", "protocol", "load", "schedulingPeriod",
                      "decisionBase", "decisionPerNode", "horizon", "nodes", "nodeGroups", "kubelet", "images",
                      "storage", "faults", "traffic", "manifests", "workload"});
    map.at("apiVersion").choice({"berth.dev/v1alpha1"});
    map.at("kind").choice({"Scenario"});
    scenario_.name = map.at("name").text();
    if (const auto v = map.find("description")) scenario_.notes.push_back(v->text());
    if (const auto v = map.find("protocol")) {
      scenario_.protocol = v->choice({"replay", "fill"}) == 0 ? Protocol::kReplay : Protocol::kFill;
    }
    if (const auto v = map.find("load")) scenario_.load = v->number(0.001, 100);
    if (const auto v = map.find("schedulingPeriod")) scenario_.scheduling_period = v->duration();
    if (const auto v = map.find("decisionBase")) scenario_.decision_base = v->duration();
    if (const auto v = map.find("decisionPerNode")) scenario_.decision_per_node = v->duration();
    if (const auto v = map.find("horizon")) scenario_.horizon = v->duration_or_forever();
    // Nodes before pods: the catalog that the workload begins with knows the nodes' GPU models.
    const auto nodes = map.find("nodes");
    if (nodes) read_nodes(*nodes);
    if (const auto v = map.find("nodeGroups")) {
      scenario_.groups = read_node_groups(*v, catalog_, base_);
      for (const std::string& file : scenario_.groups.inputs) scenario_.inputs.push_back(file);
      for (NodeSpec& node : scenario_.groups.initial_nodes()) add_node(*v, std::move(node));
    }
    if (const auto v = map.find("kubelet")) {
      node_model_ = read_node_model(v, map.find("images"), map.find("storage"), base_);
    } else {
      for (const char* key : {"images", "storage", "faults", "traffic", "manifests", "nodeGroups"}) {
        if (const auto alone = map.find(key))
          alone->fail("is given without \"kubelet\"; expected \"kubelet: {}\" beside it");
      }
    }
    if (const auto v = map.find("manifests")) read_manifests(*v);
    read_further_documents(map);
    if (const auto v = map.find("traffic")) {
      if (!scenario_.manifests)
        v->fail("is given without \"manifests\"; expected the Services and their pods beside it");
      put_traffic(scenario_, read_traffic_file(input(*v)));
    }
    if (scenario_.traffic) require_horizon(map.value());
    if (const auto v = map.find("faults")) {
      if (scenario_.horizon == kForever) v->fail("is given without an end; expected \"horizon\" beside it");
      scenario_.faults = std::make_shared<FaultPlan>(read_fault_plan(input(*v)));
    }
    const auto workload = map.find("workload");
    if (workload && scenario_.manifests) workload->fail("is given beside \"manifests\"; expected one of the two");
    if (!scenario_.manifests) {
      take_workload(map.at("workload"));
    } else {
      scenario_.workload =
          std::make_shared<MemoryWorkload>(catalog_, std::vector<PodArrival>(), std::vector<std::string>());
    }
    finish_node_model(map.value());
    if (!nodes && scenario_.nodes.empty()) map.at("nodes");
    if (scenario_.nodes.empty()) (nodes ? *nodes : map.value()).fail("has no node in it; expected one or more");
    note_missing_models();
    return std::move(scenario_);
  }

 private:
  std::filesystem::path input(const YamlValue& value) {
    std::filesystem::path path = base_ / value.text();
    scenario_.inputs.push_back(path.string());
    return path;
  }

  void add_node(const YamlValue& place, NodeSpec node) {
    if (scenario_.nodes.size() >= static_cast<std::size_t>(kMaxNodes)) {
      place.fail(fmt::format("makes too many nodes; expected at most {}", kMaxNodes));
    }
    if (!names_.insert(node.name).second) {
      place.fail(fmt::format("makes a second node \"{}\"; expected names that differ", node.name));
    }
    scenario_.nodes.push_back(std::move(node));
  }

  void read_nodes(const YamlValue& value) {
    for (const YamlValue& item : value.list()) {
      const YamlMap any = item.map({"file", "name", "count", "cpu", "memory", "ephemeralStorage", "pods", "gpus",
                                    "gpuModel", "labels", "extended"});
      if (any.has("file")) {
        read_node_file(item);
      } else {
        read_node_group(item);
      }
    }
  }

  void read_node_file(const YamlValue& item) {
    const YamlMap map = item.map({"file", "pods"});
    NodesCsvOptions options;
    if (const auto v = map.find("pods")) options.pods = v->integer(0, kMaxNodes);
    ImportReport report;
    const YamlValue file = map.at("file");
    for (NodeSpec& node : read_nodes_csv(input(file), catalog_, options, report)) add_node(file, std::move(node));
    note_rows(scenario_, file.text(), report);
  }

  void read_node_group(const YamlValue& item) {
    const YamlMap map = item.map(
        {"name", "count", "cpu", "memory", "ephemeralStorage", "pods", "gpus", "gpuModel", "labels", "extended"});
    NodeSpec node;
    const std::string prefix = map.at("name").text();
    node.allocatable.cpu_milli = map.at("cpu").cpu_milli();
    node.allocatable.memory_bytes = map.at("memory").bytes();
    if (const auto v = map.find("ephemeralStorage")) node.allocatable.ephemeral_storage_bytes = v->bytes();
    if (const auto v = map.find("pods")) node.pods = v->integer(0, kMaxNodes);
    if (const auto v = map.find("gpus")) node.gpu_count = static_cast<std::uint16_t>(v->integer(0, kMaxGpusPerNode));
    if (node.gpu_count > 0) {
      node.gpu_model = read_gpu_model(map.at("gpuModel"), catalog_);
    } else if (const auto v = map.find("gpuModel")) {
      v->fail("is given, but the node has no GPUs; expected \"gpus\" above 0 beside it");
    }
    if (const auto v = map.find("labels")) node.labels = read_labels(*v);
    if (const auto v = map.find("extended")) node.extended = read_extended(*v, catalog_);
    const auto count = map.find("count");
    node.name = prefix;
    if (!count) return add_node(item, std::move(node));
    const std::int64_t n = count->integer(1, kMaxNodes);
    for (std::int64_t i = 0; i < n; ++i) {
      node.name = fmt::format("{}-{}", prefix, i);
      add_node(item, node);
    }
  }

  void take_workload(const YamlValue& value) {
    ScenarioWorkload read = read_scenario_workload(value, catalog_,
                                                   {.base = base_,
                                                    .fill = scenario_.protocol == Protocol::kFill,
                                                    .kubelet = node_model_.has_value(),
                                                    .nodes = !scenario_.nodes.empty()});
    for (NodeSpec& node : read.nodes) add_node(value, std::move(node));
    scenario_.workload = std::move(read.workload);
    if (read.report.rows_read > 0) note_rows(scenario_, read.inputs.front(), read.report);
    scenario_.report = std::move(read.report);
    scenario_.inputs.insert(scenario_.inputs.end(), read.inputs.begin(), read.inputs.end());
    scenario_.notes.insert(scenario_.notes.end(), read.notes.begin(), read.notes.end());
    image_names_.merge(read.images);
  }

  // What stands in the scenario's own file behind it.
  void read_further_documents(const YamlMap& map) {
    if (parts_.manifests.empty() && parts_.traffic.empty() && parts_.faults.empty()) return;
    if (!node_model_) map.value().fail("has further documents behind it, but no kubelet; expected \"kubelet: {}\"");
    const auto once = [&map](const char* key) {
      if (const auto v = map.find(key)) fail_as_twice(*v);
    };
    if (!parts_.manifests.empty()) {
      auto manifests = std::make_shared<manifest::Manifests>();
      manifest::read_manifest(parts_.manifests, file_, *manifests);
      manifests->require_good();
      scenario_.manifests = std::move(manifests);
    }
    if (!parts_.traffic.empty()) {
      once("traffic");
      if (!scenario_.manifests)
        map.value().fail("has a Traffic document without Services; expected them in this file, or \"manifests\"");
      put_traffic(scenario_, read_traffic(parts_.traffic, file_, base_));
    }
    if (!parts_.faults.empty()) {
      once("faults");
      require_horizon(map.value());
      scenario_.faults = std::make_shared<FaultPlan>(read_fault_plan(parts_.faults, file_, base_));
    }
  }
  [[noreturn]] static void fail_as_twice(const YamlValue& value) {
    value.fail("is given twice: here, and as a document of this file; expected one");
  }
  void require_horizon(const YamlValue& place) const {
    if (scenario_.horizon == kForever) place.fail("has faults or traffic without an end; expected \"horizon\"");
  }

  void read_manifests(const YamlValue& value) {
    if (!parts_.manifests.empty()) fail_as_twice(value);
    std::vector<std::string> paths;
    for (const YamlValue& item : value.list()) paths.push_back((base_ / item.text()).string());
    auto manifests =
        std::make_shared<manifest::Manifests>(at_place(value, [&] { return manifest::load_manifests(paths); }));
    manifests->require_good();
    for (const manifest::ManifestObject& o : manifests->objects) {
      if (scenario_.inputs.empty() || scenario_.inputs.back() != o.place.file) scenario_.inputs.push_back(o.place.file);
    }
    scenario_.manifests = std::move(manifests);
  }

  // All images that pods may run, by name.
  void finish_node_model(const YamlValue& place) {
    if (!node_model_) return;
    if (scenario_.manifests) add_image_names(*scenario_.manifests, image_names_);
    const bool pods_without = !scenario_.manifests && image_names_.empty();
    if (pods_without) {
      place.fail(
          "has a kubelet, but its pods have no images; expected \"image\" in the templates of a synthetic workload");
    }
    auto images = std::make_shared<RunImages>(find_images(*node_model_, image_names_));
    for (const std::string& note : images->notes) scenario_.notes.push_back(note);
    scenario_.node_model = std::make_shared<NodeModel>(std::move(*node_model_));
    scenario_.images = std::move(images);
  }

  // A model that no node has is no error (a trace may say so on purpose), but it is rarely meant.
  void note_missing_models() {
    std::uint64_t there = 0;
    for (const NodeSpec& node : scenario_.nodes) {
      if (node.gpu_count > 0) there |= std::uint64_t{1} << index(node.gpu_model);
    }
    const Catalog& catalog = scenario_.workload->catalog();
    for (std::size_t model = 0; model < catalog.gpu_models(); ++model) {
      if ((there >> model & 1) != 0) continue;
      scenario_.notes.push_back(fmt::format("the workload names the GPU model \"{}\", which no node has",
                                            catalog.gpu_model_name(static_cast<GpuModelId>(model))));
    }
  }

  std::filesystem::path base_;
  const std::string& file_;
  const ScenarioDocuments& parts_;
  std::optional<NodeModel> node_model_;
  std::set<std::string> image_names_;
  Catalog catalog_;
  Scenario scenario_;
  std::unordered_set<std::string> names_;  // Of nodes; never iterated.
};

}  // namespace

void put_traffic(Scenario& scenario, TrafficFile traffic) {
  scenario.inputs.insert(scenario.inputs.end(), traffic.inputs.begin(), traffic.inputs.end());
  for (const auto& [file, report] : traffic.reports) note_rows(scenario, file, report);
  scenario.traffic = std::make_shared<TrafficFile>(std::move(traffic));
}

Scenario parse_scenario(std::string_view text, const std::string& file_name, const std::filesystem::path& base_dir) {
  const ScenarioDocuments parts = split_scenario_documents(text);
  return ScenarioReader(base_dir, file_name, parts).read(parse_yaml(parts.scenario, file_name));
}

Scenario load_scenario(const std::filesystem::path& path) {
  Scenario scenario = parse_scenario(read_text_file(path), path.string(), path.parent_path());
  scenario.inputs.insert(scenario.inputs.begin(), path.string());
  return scenario;
}

}  // namespace berth
