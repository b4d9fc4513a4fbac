#include "workloads/scenario_workload.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>
#include <utility>

#include "sim/cluster/pod_spec.hpp"
#include "sim/engine/error.hpp"
#include "workloads/batch_jobs.hpp"
#include "workloads/gpu_jobs.hpp"
#include "workloads/openb.hpp"
#include "workloads/synthetic.hpp"
#include "workloads/trace.hpp"
#include "workloads/vm_arrivals.hpp"

namespace berth {

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

GpuModelId read_gpu_model(const YamlValue& value, Catalog& catalog) {
  return at_place(value, [&] { return catalog.gpu_model(value.text()); });
}

namespace {

constexpr double kMostRate = 1e9;

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

class WorkloadReader {
 public:
  WorkloadReader(Catalog catalog, const ScenarioGiven& given) : given_(given), catalog_(std::move(catalog)) {}

  ScenarioWorkload read(const YamlValue& value) {
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
    return std::move(out_);
  }

 private:
  std::filesystem::path input(const YamlValue& value) {
    std::filesystem::path path = given_.base / value.text();
    out_.inputs.push_back(path.string());
    return path;
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
  void take(MemoryWorkload workload) { out_.workload = std::make_shared<MemoryWorkload>(std::move(workload)); }

  void read_trace(const YamlValue& source) {
    auto trace = std::make_shared<TraceWorkload>(input_of(source, {"file"}), catalog_);
    if (!given_.nodes) {
      out_.nodes = trace->nodes();
    } else if (!trace->nodes().empty()) {
      out_.notes.push_back(
          fmt::format("the trace's own {} nodes are not used: the scenario has nodes", trace->nodes().size()));
    }
    for (const std::string& note : trace->info().notes) out_.notes.push_back(note);
    out_.workload = std::move(trace);
  }

  void read_openb(const YamlValue& source) {
    const auto path = input_of(source, {"file", "order", "labelQos", "labelPodPhase"});
    OpenbOptions options;
    options.order = given_.fill ? OpenbOrder::kFill : OpenbOrder::kReplay;
    option(source, "order", [&](const YamlValue& v) {
      options.order = v.choice({"replay", "fill"}) == 0 ? OpenbOrder::kReplay : OpenbOrder::kFill;
    });
    option(source, "labelQos", [&](const YamlValue& v) { options.label_qos = v.boolean(); });
    option(source, "labelPodPhase", [&](const YamlValue& v) { options.label_pod_phase = v.boolean(); });
    take(import_openb(path, catalog_, options, out_.report));
  }

  void read_batch_jobs(const YamlValue& source) {
    const auto path = input_of(source, {"file", "memoryPerCore"});
    BatchJobsOptions options;
    option(source, "memoryPerCore", [&](const YamlValue& v) { options.memory_per_core_bytes = v.bytes(); });
    take(import_batch_jobs(path, catalog_, options, out_.report));
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
    take(import_vm_arrivals(path, catalog_, options, out_.report));
  }

  void read_gpu_jobs(const YamlValue& source) {
    const auto path = input_of(source, {"file", "gpusPerPod", "cpuPerGpu", "memoryPerGpu"});
    GpuJobsOptions options;
    option(source, "gpusPerPod", [&](const YamlValue& v) { options.gpus_per_pod = v.integer(1, kMaxGpusPerNode); });
    option(source, "cpuPerGpu", [&](const YamlValue& v) { options.cpu_milli_per_gpu = v.cpu_milli(); });
    option(source, "memoryPerGpu", [&](const YamlValue& v) { options.memory_bytes_per_gpu = v.bytes(); });
    take(import_gpu_jobs(path, catalog_, options, out_.report));
  }

  void read_synthetic(const YamlValue& source) {
    const YamlMap map = source.map({"pods", "duration", "arrivals", "templates"});
    SyntheticSpec spec;
    if (const auto v = map.find("pods")) spec.pods = static_cast<std::uint64_t>(v->integer(0, 0xFFFF'FFFF));
    if (const auto v = map.find("duration")) spec.duration = v->duration();
    spec.arrivals = read_arrivals(map.at("arrivals"));
    for (const YamlValue& item : map.at("templates").list()) read_template_with_images(item, spec.templates);
    out_.workload =
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
    if (!given_.kubelet) {
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
      out_.images.insert(names[i].text());
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
      for (const YamlValue& name : v->list()) gpu.models |= std::uint64_t{1} << index(read_gpu_model(name, catalog_));
    }
  }

  const ScenarioGiven& given_;
  Catalog catalog_;
  ScenarioWorkload out_;
};

}  // namespace

ScenarioWorkload read_scenario_workload(const YamlValue& value, Catalog catalog, const ScenarioGiven& given) {
  return WorkloadReader(std::move(catalog), given).read(value);
}

}  // namespace berth
