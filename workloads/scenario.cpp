#include "workloads/scenario.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <set>
#include <unordered_set>
#include <utility>

#include "sim/engine/error.hpp"
#include "workloads/batch_jobs.hpp"
#include "workloads/gpu_jobs.hpp"
#include "workloads/nodes_csv.hpp"
#include "workloads/openb.hpp"
#include "workloads/scenario_documents.hpp"
#include "workloads/synthetic.hpp"
#include "workloads/trace.hpp"
#include "workloads/vm_arrivals.hpp"
#include "workloads/yaml.hpp"

namespace berth {
namespace {

constexpr std::int64_t kMaxNodes = 1'000'000;
constexpr double kMostRate = 1e9;

std::vector<ExtendedAmount> read_extended(const YamlValue& value, Catalog& catalog) {
  std::vector<ExtendedAmount> list;
  for (const auto& [name, amount] : value.entries()) {
    for (const char* own : {"cpu", "memory", "ephemeral-storage", "pods"}) {
      if (name == own) amount.fail("is no extended resource; expected it as a key of its own, beside \"extended\"");
    }
    const std::int64_t n = amount.count();
    if (n > 0) list.push_back({catalog.extended(name), n});
  }
  std::ranges::sort(list, {}, &ExtendedAmount::resource);
  return list;
}

std::vector<Label> read_labels(const YamlValue& value) {
  std::vector<Label> list;
  for (const auto& [key, text] : value.entries()) {
    list.push_back({key, text.kind() == YamlNode::Kind::kNull ? std::string() : text.text()});
  }
  std::ranges::sort(list, {}, &Label::key);
  return list;
}

GpuModelId read_model(const YamlValue& value, Catalog& catalog) {
  return at_place(value, [&] { return catalog.gpu_model(value.text()); });
}

// A pod of one container that runs for the template's run time and is not started again.
std::shared_ptr<const kube::api::Pod> task_pod(const SyntheticTemplate& t, const std::string& image,
                                               const Catalog& catalog) {
  const auto amount = [](std::int64_t value, std::int64_t nano) {
    return kube::Quantity{kube::Quantity::Nano{value} * nano};
  };
  auto pod = std::make_shared<kube::api::Pod>();
  pod->scheduling.namespace_name = catalog.namespace_name(t.base.namespace_id);
  for (const Label& label : t.base.labels) pod->scheduling.labels.set(label.key, label.value);
  pod->scheduling.priority = t.base.priority;
  kube::Container& container = pod->scheduling.containers.emplace_back();
  container.name = "main";
  container.image = image;
  container.requests.set("cpu", amount(t.base.request.cpu_milli, 1'000'000));
  container.requests.set("memory", amount(t.base.request.memory_bytes, 1'000'000'000));
  if (t.base.request.ephemeral_storage_bytes > 0) {
    container.requests.set("ephemeral-storage", amount(t.base.request.ephemeral_storage_bytes, 1'000'000'000));
  }
  for (const ExtendedAmount& e : t.base.extended) {
    container.requests.set(catalog.extended_name(e.resource), amount(e.amount, 1'000'000'000));
  }
  pod->spec.restart_policy = kube::api::RestartPolicy::kNever;
  kube::api::ContainerSpec& spec = pod->spec.containers.emplace_back();
  spec.restart_policy.reset();
  spec.pull_policy = kube::api::PullPolicy::kIfNotPresent;
  spec.behavior.run_time = t.run_time;
  return pod;
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
      take_traffic(read_traffic_file(input(*v)));
    }
    if (scenario_.traffic) require_horizon(map.value());
    if (const auto v = map.find("faults")) {
      if (scenario_.horizon == kForever) v->fail("is given without an end; expected \"horizon\" beside it");
      scenario_.faults = std::make_shared<FaultPlan>(read_fault_plan(input(*v)));
    }
    const auto workload = map.find("workload");
    if (workload && scenario_.manifests) workload->fail("is given beside \"manifests\"; expected one of the two");
    if (!scenario_.manifests) {
      read_workload(map.at("workload"));
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
    for (const std::string& note : report.notes) scenario_.notes.push_back(file.text() + ": " + note);
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
      node.gpu_model = read_model(map.at("gpuModel"), catalog_);
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

  void read_workload(const YamlValue& value) {
    const YamlMap map = value.map({"synthetic", "trace", "openb", "batchJobs", "vmArrivals", "gpuJobs"});
    const auto all = value.entries();
    if (all.size() != 1) {
      value.fail(
          fmt::format("has {} sources of pods; expected one of synthetic, trace, openb, batchJobs, vmArrivals, gpuJobs",
                      all.size()));
    }
    const YamlValue source = map.at(all[0].first);
    const std::string& kind = all[0].first;
    if (kind == "synthetic") read_synthetic(source);
    if (kind == "trace") read_trace(source);
    if (kind == "openb") read_openb(source);
    if (kind == "batchJobs") read_batch_jobs(source);
    if (kind == "vmArrivals") read_vm_arrivals(source);
    if (kind == "gpuJobs") read_gpu_jobs(source);
  }

  // What stands in the scenario's own file behind it.
  void read_further_documents(const YamlMap& map) {
    if (parts_.manifests.empty() && parts_.traffic.empty() && parts_.faults.empty()) return;
    if (!node_model_) map.value().fail("has further documents behind it, but no kubelet; expected \"kubelet: {}\"");
    const auto once = [&map](const char* key) {
      if (const auto v = map.find(key)) v->fail("is given twice: here, and as a document of this file; expected one");
    };
    if (!parts_.manifests.empty()) {
      once("manifests");
      auto manifests = std::make_shared<manifest::Manifests>();
      manifest::read_manifest(parts_.manifests, file_, *manifests);
      manifests->require_good();
      scenario_.manifests = std::move(manifests);
    }
    if (!parts_.traffic.empty()) {
      once("traffic");
      if (!scenario_.manifests)
        map.value().fail("has a Traffic document without Services; expected them in this file, or \"manifests\"");
      take_traffic(read_traffic(parts_.traffic, file_, base_));
    }
    if (!parts_.faults.empty()) {
      once("faults");
      require_horizon(map.value());
      scenario_.faults = std::make_shared<FaultPlan>(read_fault_plan(parts_.faults, file_, base_));
    }
  }
  void take_traffic(TrafficFile traffic) {
    for (const std::string& file : traffic.inputs) scenario_.inputs.push_back(file);
    scenario_.traffic = std::make_shared<TrafficFile>(std::move(traffic));
  }
  void require_horizon(const YamlValue& place) const {
    if (scenario_.horizon == kForever) place.fail("has faults or traffic without an end; expected \"horizon\"");
  }

  void read_manifests(const YamlValue& value) {
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

  // `trace: file` is short for `trace: {file: file}`, and likewise for the others.
  std::filesystem::path input_of(const YamlValue& source, std::initializer_list<const char*> known) {
    return input(source.is_scalar() ? source : source.map(known).at("file"));
  }
  template <class Read>
  void option(const YamlValue& source, std::string_view key, Read read) {
    if (source.is_scalar()) return;
    for (const auto& [name, value] : source.entries()) {
      if (name == key && value.kind() != YamlNode::Kind::kNull) read(value);
    }
  }
  void take(MemoryWorkload workload) { scenario_.workload = std::make_shared<MemoryWorkload>(std::move(workload)); }

  void read_trace(const YamlValue& source) {
    auto trace = std::make_shared<TraceWorkload>(input_of(source, {"file"}), catalog_);
    if (scenario_.nodes.empty()) {
      for (const NodeSpec& node : trace->nodes()) add_node(source, node);
    } else if (!trace->nodes().empty()) {
      scenario_.notes.push_back(
          fmt::format("the trace's own {} nodes are not used: the scenario has nodes", trace->nodes().size()));
    }
    for (const std::string& note : trace->info().notes) scenario_.notes.push_back(note);
    scenario_.workload = std::move(trace);
  }

  void read_openb(const YamlValue& source) {
    const auto path = input_of(source, {"file", "order", "labelQos", "labelPodPhase"});
    OpenbOptions options;
    options.order = scenario_.protocol == Protocol::kFill ? OpenbOrder::kFill : OpenbOrder::kReplay;
    option(source, "order", [&](const YamlValue& v) {
      options.order = v.choice({"replay", "fill"}) == 0 ? OpenbOrder::kReplay : OpenbOrder::kFill;
    });
    option(source, "labelQos", [&](const YamlValue& v) { options.label_qos = v.boolean(); });
    option(source, "labelPodPhase", [&](const YamlValue& v) { options.label_pod_phase = v.boolean(); });
    take(import_openb(path, catalog_, options, scenario_.report));
  }

  void read_batch_jobs(const YamlValue& source) {
    const auto path = input_of(source, {"file", "memoryPerCore"});
    BatchJobsOptions options;
    option(source, "memoryPerCore", [&](const YamlValue& v) { options.memory_per_core_bytes = v.bytes(); });
    take(import_batch_jobs(path, catalog_, options, scenario_.report));
  }

  void read_vm_arrivals(const YamlValue& source) {
    const auto path = input_of(source, {"file", "lifetime", "seed"});
    VmArrivalsOptions options;
    constexpr BinnedLifetime kWays[] = {BinnedLifetime::kDraw, BinnedLifetime::kMidpoint, BinnedLifetime::kMin,
                                        BinnedLifetime::kMax};
    option(source, "lifetime", [&](const YamlValue& v) {
      options.lifetime = kWays[v.choice({"draw", "midpoint", "min", "max"})];
    });
    option(source, "seed", [&](const YamlValue& v) {
      options.seed = static_cast<std::uint64_t>(v.integer(0, std::numeric_limits<std::int64_t>::max()));
    });
    take(import_vm_arrivals(path, catalog_, options, scenario_.report));
  }

  void read_gpu_jobs(const YamlValue& source) {
    const auto path = input_of(source, {"file", "gpusPerPod", "cpuPerGpu", "memoryPerGpu"});
    GpuJobsOptions options;
    option(source, "gpusPerPod", [&](const YamlValue& v) { options.gpus_per_pod = v.integer(1, kMaxGpusPerNode); });
    option(source, "cpuPerGpu", [&](const YamlValue& v) { options.cpu_milli_per_gpu = v.cpu_milli(); });
    option(source, "memoryPerGpu", [&](const YamlValue& v) { options.memory_bytes_per_gpu = v.bytes(); });
    take(import_gpu_jobs(path, catalog_, options, scenario_.report));
  }

  void read_synthetic(const YamlValue& source) {
    const YamlMap map = source.map({"pods", "duration", "arrivals", "templates"});
    SyntheticSpec spec;
    if (const auto v = map.find("pods")) spec.pods = static_cast<std::uint64_t>(v->integer(0, 0xFFFF'FFFF));
    if (const auto v = map.find("duration")) spec.duration = v->duration();
    spec.arrivals = read_arrivals(map.at("arrivals"));
    for (const YamlValue& item : map.at("templates").list()) read_template_with_images(item, spec.templates);
    scenario_.workload =
        at_place(source, [&] { return std::make_shared<SyntheticWorkload>(std::move(spec), std::move(catalog_)); });
  }

  static ArrivalSpec read_arrivals(const YamlValue& value) {
    using Kind = ArrivalSpec::Kind;
    const YamlMap map = value.map({"poisson", "constant", "diurnal", "mmpp", "start"});
    ArrivalSpec arrivals;
    if (const auto v = map.find("start")) arrivals.start = v->duration();
    int kinds = 0;
    const auto rate_of = [](const YamlMap& m) {
      const YamlValue v = m.at("rate");
      const double rate = v.number(0, kMostRate);
      if (rate == 0) v.fail("is 0; expected pods per second, above 0");
      return rate;
    };
    for (const auto& [key, kind] : {std::pair{"poisson", Kind::kPoisson}, std::pair{"constant", Kind::kConstant}}) {
      if (const auto v = map.find(key)) {
        arrivals.kind = kind;
        arrivals.rate = rate_of(v->map({"rate"}));
        ++kinds;
      }
    }
    if (const auto v = map.find("diurnal")) {
      const YamlMap wave = v->map({"rate", "amplitude", "period", "peak"});
      arrivals.kind = Kind::kDiurnal;
      arrivals.rate = rate_of(wave);
      arrivals.amplitude = wave.at("amplitude").number(0, 1);
      if (const auto p = wave.find("period")) arrivals.period = p->duration();
      if (const auto p = wave.find("peak")) arrivals.peak = p->duration();
      ++kinds;
    }
    if (const auto v = map.find("mmpp")) {
      arrivals.kind = Kind::kMmpp;
      for (const YamlValue& item : v->list()) {
        const YamlMap state = item.map({"rate", "meanSojourn"});
        arrivals.states.push_back({state.at("rate").number(0, kMostRate), state.at("meanSojourn").duration()});
      }
      ++kinds;
    }
    if (kinds != 1)
      value.fail(fmt::format("has {} processes; expected one of poisson, constant, diurnal, mmpp", kinds));
    return arrivals;
  }

  // A template with several images is one template for each of them.
  void read_template_with_images(const YamlValue& item, std::vector<SyntheticTemplate>& out) {
    const SyntheticTemplate t = read_template(item);
    std::optional<YamlValue> image;
    std::optional<YamlValue> images;
    for (const auto& [key, value] : item.entries()) {
      if (key == "image") image = value;
      if (key == "images") images = value;
    }
    if (!node_model_) {
      if (image || images)
        (image ? image : images)->fail("is given without \"kubelet\"; expected \"kubelet: {}\" beside \"nodes\"");
      out.push_back(t);
      return;
    }
    if (image.has_value() == images.has_value()) {
      item.fail(
          "has no image, or both \"image\" and \"images\"; expected one of them, since the scenario has a kubelet");
    }
    if (t.cpu || t.memory)
      item.fail("draws its size; expected a cpu and memory of its own, since the scenario has a kubelet");
    std::vector<YamlValue> names;
    double s = 0;
    if (image) {
      names = {*image};
    } else {
      const YamlMap map = images->map({"names", "zipf"});
      names = map.at("names").list();
      if (names.empty()) images->fail("names no image; expected at least one");
      if (const auto v = map.find("zipf")) s = v->number(0, 10);
    }
    double all = 0;
    for (std::size_t i = 0; i < names.size(); ++i) all += std::pow(static_cast<double>(i + 1), -s);
    for (std::size_t i = 0; i < names.size(); ++i) {
      SyntheticTemplate one = t;
      one.weight = t.weight * std::pow(static_cast<double>(i + 1), -s) / all;
      one.base.pod = task_pod(one, names[i].text(), catalog_);
      image_names_.insert(names[i].text());
      out.push_back(std::move(one));
    }
  }

  SyntheticTemplate read_template(const YamlValue& item) {
    const YamlMap map = item.map({"image", "images", "weight", "cpu", "memory", "ephemeralStorage", "gpus", "gpuMilli",
                                  "gpuModels", "extended", "priority", "namespace", "labels", "runTime", "startDelay"});
    SyntheticTemplate t;
    if (const auto v = map.find("weight")) t.weight = v->number(0, 1e12);
    if (const auto v = map.find("cpu")) {
      if (v->is_map()) {
        t.cpu = read_size(*v, 1'000, 100, 64'000, &YamlValue::cpu_milli);
      } else {
        t.base.request.cpu_milli = v->cpu_milli();
      }
    }
    if (const auto v = map.find("memory")) {
      if (v->is_map()) {
        t.memory =
            read_size(*v, std::int64_t{1} << 30, std::int64_t{64} << 20, std::int64_t{256} << 30, &YamlValue::bytes);
      } else {
        t.base.request.memory_bytes = v->bytes();
      }
    }
    if (const auto v = map.find("ephemeralStorage")) t.base.request.ephemeral_storage_bytes = v->bytes();
    read_gpus(map, t.base.gpu);
    if (const auto v = map.find("extended")) t.base.extended = read_extended(*v, catalog_);
    if (const auto v = map.find("priority")) {
      t.base.priority = static_cast<std::int32_t>(
          v->integer(std::numeric_limits<std::int32_t>::min(), std::numeric_limits<std::int32_t>::max()));
    }
    if (const auto v = map.find("namespace")) t.base.namespace_id = catalog_.namespace_id(v->text());
    if (const auto v = map.find("labels")) t.base.labels = read_labels(*v);
    const YamlValue run_time = map.at("runTime");
    if (run_time.text() != "forever") t.run_time = run_time.distribution();
    if (const auto v = map.find("startDelay")) t.start_delay = v->distribution();
    return t;
  }

  static SizeSpec read_size(const YamlValue& value, std::int64_t unit, std::int64_t granularity, std::int64_t max,
                            std::int64_t (YamlValue::*quantity)() const) {
    const YamlMap map = value.map({"draw", "granularity", "min", "max"});
    SizeSpec size;
    size.value = map.at("draw").distribution();
    size.unit = unit;
    size.granularity = granularity;
    size.max = max;
    if (const auto v = map.find("granularity")) size.granularity = ((*v).*quantity)();
    if (size.granularity <= 0) map.at("granularity").fail("is 0; expected more");
    size.min = size.granularity;
    if (const auto v = map.find("min")) size.min = ((*v).*quantity)();
    if (const auto v = map.find("max")) size.max = ((*v).*quantity)();
    if (size.max < size.min) value.fail("has a max below its min; expected min <= max");
    return size;
  }

  void read_gpus(const YamlMap& map, GpuRequest& gpu) {
    if (const auto v = map.find("gpus")) gpu.count = static_cast<std::uint16_t>(v->integer(0, kMaxGpusPerNode));
    if (gpu.count > 0) gpu.milli = kMilliPerGpu;
    if (const auto v = map.find("gpuMilli")) {
      if (gpu.count == 0) v->fail("is given without GPUs; expected \"gpus: 1\" beside it");
      gpu.milli = static_cast<std::uint16_t>(v->integer(1, kMilliPerGpu));
      if (gpu.count > 1 && gpu.milli != kMilliPerGpu) {
        v->fail(fmt::format("is {} of {} GPUs; expected 1000, or a share of one GPU", gpu.milli, gpu.count));
      }
    }
    if (const auto v = map.find("gpuModels")) {
      if (gpu.count == 0) v->fail("is given without GPUs; expected \"gpus\" above 0 beside it");
      for (const YamlValue& name : v->list()) gpu.models |= std::uint64_t{1} << index(read_model(name, catalog_));
    }
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
