#include "workloads/example.hpp"

#include <fmt/format.h>

#include <string>

#include "sim/engine/error.hpp"

namespace berth {
namespace {

// As in workloads/examples/, byte by byte: example_test compares.
constexpr std::string_view kMixedDay =
    R"yaml(# Berth's example mixed-day.
# One working day of a mixed cluster: services, batch, CI and GPU work, with shared GPUs. 305 nodes, 50,000 pods.
# If every pod ran at once when it came, the busiest minutes would take about 87 % of the CPUs and 84 % of the GPUs:
# how pods are packed decides who waits. CPU pods may land on GPU nodes and strand GPUs there.
apiVersion: berth.dev/v1alpha1
kind: Scenario
name: mixed-day
description: one diurnal day, 50,000 pods of services, batch, CI and shared-GPU work on 305 nodes
protocol: replay
nodes:
- {name: cpu, count: 265, cpu: "32", memory: 128Gi, ephemeralStorage: 200Gi, labels: {pool: cpu}}
- {name: a100, count: 20, cpu: "96", memory: 768Gi, ephemeralStorage: 1Ti, gpus: 8, gpuModel: A100, labels: {pool: gpu}}
- {name: t4, count: 20, cpu: "32", memory: 256Gi, ephemeralStorage: 400Gi, gpus: 4, gpuModel: T4, labels: {pool: gpu}}
workload:
  synthetic:
    pods: 50000
    arrivals:
      diurnal: {rate: 0.5787, amplitude: 0.6, period: 24h, peak: 14h}   # 50,000 a day
    templates:
    # Services: small, for hours.
    - {weight: 18, namespace: web, labels: {app: frontend}, priority: 1000, cpu: 500m, memory: 1Gi,
       runTime: "lognormal(mean=2h, cv=1.5)", startDelay: "lognormal(mean=3s, cv=0.5)"}
    - {weight: 12, namespace: web, labels: {app: api}, priority: 1000, cpu: "2", memory: 4Gi,
       runTime: "lognormal(mean=2h, cv=1.5)", startDelay: "lognormal(mean=4s, cv=0.5)"}
    - {weight: 3, namespace: web, labels: {app: cache}, priority: 1000, cpu: "2", memory: 24Gi,
       runTime: "lognormal(mean=4h, cv=1)", startDelay: "lognormal(mean=3s, cv=0.5)"}
    # Batch: sizes with a heavy tail, on a grid so that they stay a few hundred templates.
    - weight: 35
      namespace: batch
      labels: {app: batch}
      cpu: {draw: "lognormal(median=1.5, sigma=0.9)", granularity: 250m, min: 250m, max: "24"}
      memory: {draw: "lognormal(median=4, sigma=1)", granularity: 512Mi, min: 512Mi, max: 96Gi}
      runTime: lognormal(median=25m, sigma=1.2)
      startDelay: lognormal(mean=5s, cv=1)
    - {weight: 7, namespace: batch, labels: {app: analytics}, cpu: "8", memory: 40Gi, ephemeralStorage: 20Gi,
       runTime: "lognormal(mean=90m, cv=1)", startDelay: "lognormal(mean=8s, cv=1)"}
    # CI: many, short, together.
    - {weight: 24, namespace: ci, labels: {app: build}, cpu: "4", memory: 8Gi, ephemeralStorage: 10Gi,
       runTime: exponential(mean=9m), startDelay: "lognormal(mean=6s, cv=1)"}
    # GPUs: most pods share one.
    - {weight: 1.8, namespace: ml, labels: {app: inference}, priority: 1000, cpu: "4", memory: 16Gi,
       gpus: 1, gpuMilli: 250, runTime: "lognormal(mean=3h, cv=1)", startDelay: "lognormal(mean=20s, cv=0.5)"}
    - {weight: 0.9, namespace: ml, labels: {app: notebook}, cpu: "2", memory: 16Gi, gpus: 1, gpuMilli: 500,
       runTime: "lognormal(mean=2h, cv=1)", startDelay: "lognormal(mean=20s, cv=0.5)"}
    - {weight: 0.5, namespace: ml, labels: {app: notebook}, cpu: "2", memory: 16Gi,
       gpus: 1, gpuMilli: 700, gpuModels: [T4],
       runTime: "lognormal(mean=2h, cv=1)", startDelay: "lognormal(mean=20s, cv=0.5)"}
    - {weight: 0.55, namespace: ml, labels: {app: train}, cpu: "8", memory: 64Gi, gpus: 1,
       runTime: "lognormal(mean=2h, cv=1)", startDelay: "lognormal(mean=30s, cv=0.5)"}
    - {weight: 0.12, namespace: ml, labels: {app: train}, cpu: "16", memory: 128Gi, gpus: 2, gpuModels: [A100],
       runTime: "lognormal(mean=3h, cv=1)", startDelay: "lognormal(mean=30s, cv=0.5)"}
    - {weight: 0.05, namespace: ml, labels: {app: train}, cpu: "64", memory: 512Gi, gpus: 8, gpuModels: [A100],
       runTime: "lognormal(mean=3h, cv=1)", startDelay: "lognormal(mean=30s, cv=0.5)"}
)yaml";

constexpr std::string_view kGpuSharing =
    R"yaml(# Berth's example gpu-sharing.
# Packing GPUs until nothing more fits: pods come one by one, stay for good, and mostly ask for a part of a GPU. What a
# policy could still allocate near the end is what it did not fragment. 28 nodes, 176 GPUs of three models; the pods ask
# for more than 1.3 times that.
apiVersion: berth.dev/v1alpha1
kind: Scenario
name: gpu-sharing
description: a small cluster is filled to 130 % of its 176 GPUs with pods that mostly share them
protocol: fill
load: 1.3
nodes:
- {name: a100, count: 12, cpu: "96", memory: 768Gi, gpus: 8, gpuModel: A100}
- {name: v100, count: 8, cpu: "96", memory: 512Gi, gpus: 8, gpuModel: V100}
- {name: t4, count: 8, cpu: "32", memory: 128Gi, gpus: 2, gpuModel: T4}
workload:
  synthetic:
    pods: 340
    arrivals:
      constant: {rate: 1}
    templates:
    # Without a GPU, but in the way of those with.
    - {weight: 12, namespace: web, cpu: "4", memory: 16Gi, runTime: forever}
    # Parts of a GPU.
    - {weight: 8, namespace: inference, cpu: "2", memory: 8Gi, gpus: 1, gpuMilli: 100, runTime: forever}
    - {weight: 10, namespace: inference, cpu: "4", memory: 16Gi, gpus: 1, gpuMilli: 250, runTime: forever}
    - {weight: 6, namespace: inference, cpu: "4", memory: 16Gi, gpus: 1, gpuMilli: 330, runTime: forever}
    - {weight: 12, namespace: notebooks, cpu: "3", memory: 16Gi, gpus: 1, gpuMilli: 500, runTime: forever}
    - {weight: 6, namespace: notebooks, cpu: "6", memory: 24Gi, gpus: 1, gpuMilli: 700,
       gpuModels: [V100, A100], runTime: forever}
    # Whole GPUs.
    - {weight: 36, namespace: training, cpu: "6", memory: 40Gi, gpus: 1, runTime: forever}
    - {weight: 3, namespace: training, cpu: "12", memory: 96Gi, gpus: 2, gpuModels: [V100, A100], runTime: forever}
    - {weight: 1.5, namespace: training, cpu: "24", memory: 192Gi, gpus: 4, gpuModels: [A100], runTime: forever}
    - {weight: 1, namespace: training, cpu: "48", memory: 384Gi, gpus: 8, gpuModels: [A100], runTime: forever}
)yaml";

constexpr std::string_view kSyntheticDay =
    R"yaml(# Berth's example synthetic-day.
# A million pods in a day on 5,000 nodes, all CPU and memory: for speed. If every pod ran at once when it came, the
# busiest minutes would take about 94 % of the CPUs and 75 % of the memory.
apiVersion: berth.dev/v1alpha1
kind: Scenario
name: synthetic-day
description: one diurnal day, 1,000,000 pods on 5,000 nodes of 64 cores and 256 GiB
protocol: replay
nodes:
- {name: node, count: 5000, cpu: "64", memory: 256Gi}
workload:
  synthetic:
    pods: 1000000
    arrivals:
      diurnal: {rate: 11.5741, amplitude: 0.6, period: 24h, peak: 14h}   # 1,000,000 a day
    templates:
    - {weight: 24, namespace: web, cpu: 500m, memory: 1Gi, runTime: "lognormal(mean=45m, cv=1.5)"}
    - {weight: 20, namespace: web, cpu: "1", memory: 4Gi, runTime: "lognormal(mean=68m, cv=1.5)"}
    - {weight: 16, namespace: batch, cpu: "2", memory: 4Gi, runTime: "lognormal(mean=68m, cv=2)"}
    - {weight: 14, namespace: batch, cpu: "4", memory: 16Gi, runTime: "lognormal(mean=68m, cv=2)"}
    - {weight: 9, namespace: batch, cpu: "8", memory: 16Gi, runTime: "lognormal(mean=90m, cv=1.5)"}
    - {weight: 6, namespace: data, cpu: "16", memory: 64Gi, runTime: "lognormal(mean=100m, cv=1)"}
    - {weight: 1, namespace: data, cpu: "32", memory: 96Gi, runTime: "lognormal(mean=135m, cv=1)"}
    - {weight: 10, namespace: ci, cpu: "2", memory: 8Gi, runTime: exponential(mean=11m)}
)yaml";

}  // namespace

std::vector<EmbeddedExample> embedded_examples() {
  return {{"mixed-day", kMixedDay}, {"gpu-sharing", kGpuSharing}, {"synthetic-day", kSyntheticDay}};
}

Scenario embedded_example(std::string_view name) {
  std::vector<std::string> names;
  for (const EmbeddedExample& example : embedded_examples()) {
    if (example.name == name) return parse_scenario(example.yaml, fmt::format("example:{}", name), {});
    names.emplace_back(example.name);
  }
  throw InputError(fmt::format("there is no example \"{}\"; expected one of {}{}", name, fmt::join(names, ", "),
                               did_you_mean(name, names)));
}

}  // namespace berth
