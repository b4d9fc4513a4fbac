// A scenario: which nodes, which pods, and how they meet, as one YAML file says.
//
//   apiVersion: berth.dev/v1alpha1
//   kind: Scenario
//   name: small-day
//   description: one line for people                  # optional
//   protocol: replay                                  # or fill
//   load: 1.3                                         # of fill: pods' GPUs over the nodes'
//   schedulingPeriod: 10s                             # absent: at every instant with news
//   decisionBase: 1ms                                 # time that a decision takes …
//   decisionPerNode: 1us                              # … plus this for each node
//   horizon: 24h                                      # absent: forever
//   nodes:                                            # absent: those of the trace
//   - {name: cpu, count: 100, cpu: "64", memory: 256Gi, ephemeralStorage: 100Gi, pods: 110, labels: {zone: a}}
//   - {name: gpu, count: 10, cpu: "96", memory: 768Gi, gpus: 8, gpuModel: A100, extended: {example.com/nic: 2}}
//   - {file: nodes.csv, pods: 1001}                   # openb's node list
//   kubelet: {}                                       # pods start as node_model.hpp says, with `images` and `storage`;
//                                                     # absent: after their startDelay
//   manifests: [shop/]                                # Kubernetes objects for the control plane, instead of a workload
//   nodeGroups: [{name: general, instanceType: m5.xlarge, min: 2, max: 20}]   # with kubelet; node_groups.hpp
//   traffic: traffic.yaml                             # with manifests; docs/traffic.md
//   faults: plan.yaml                                 # with kubelet; docs/faults.md
//   workload:                                         # one of these
//     trace: day.pb.zst                               # Berth's own format
//     openb: {file: pods.csv, order: replay, labelQos: false, labelPodPhase: false}
//     batchJobs: {file: jobs.csv, memoryPerCore: 2Gi}
//     vmArrivals: {file: vms.csv, lifetime: draw, seed: 1}         # draw, midpoint, min, max
//     gpuJobs: {file: jobs.csv, gpusPerPod: 8, cpuPerGpu: "8", memoryPerGpu: 32Gi}
//     synthetic:                                      # see synthetic.hpp
//       pods: 50000                                   # and/or duration: 24h
//       arrivals:                                     # one of these, and optionally start: 10s
//         poisson: {rate: 0.5}                        # pods per second
//         constant: {rate: 0.5}
//         diurnal: {rate: 0.5, amplitude: 0.6, period: 24h, peak: 14h}
//         mmpp: [{rate: 0.1, meanSojourn: 1h}, {rate: 5, meanSojourn: 2m}]
//       templates:
//       - weight: 3
//         cpu: 500m                                   # or drawn for each pod, in cores:
//         memory: {draw: "lognormal(median=1, sigma=1)", granularity: 64Mi, min: 64Mi, max: 64Gi}   # in GiB
//         gpus: 1                                     # of one node
//         gpuMilli: 500                               # of that GPU; absent: whole GPUs
//         gpuModels: [A100, H100]                     # absent: any
//         ephemeralStorage: 1Gi
//         extended: {example.com/nic: 1}
//         priority: 0
//         namespace: web
//         labels: {app: front}
//         runTime: lognormal(mean=10m, cv=2)          # or forever; see distribution.hpp
//         startDelay: 2s
//         image: nginx:1.27                           # with kubelet; or several, in proportion to 1 / rank^s:
//         images: {names: [nginx:1.27, redis:7], zipf: 1.1}
//
// Further documents of the file, behind `---`, are its Kubernetes objects, its Traffic and its FaultPlan.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "sim/cluster/catalog.hpp"
#include "sim/engine/time.hpp"
#include "workloads/faults/fault_plan.hpp"
#include "workloads/manifest/manifest.hpp"
#include "workloads/node_groups.hpp"
#include "workloads/node_model.hpp"
#include "workloads/traffic/traffic_file.hpp"
#include "workloads/workload.hpp"

namespace berth {

enum class Protocol {
  kReplay,  // Pods come when the workload says, run, and leave.
  kFill,    // Pods come one by one and stay, until their GPUs are `load` times the nodes'.
};

struct Scenario {
  std::string name;
  std::vector<NodeSpec> nodes;  // Names unique; in the numbers of workload->catalog().
  std::shared_ptr<const Workload> workload;
  Protocol protocol = Protocol::kReplay;
  double load = 1.3;
  Duration scheduling_period{};  // 0: at every instant with news.
  Duration decision_base{};
  Duration decision_per_node{};
  Duration horizon = kForever;
  std::shared_ptr<const NodeModel> node_model;           // Null: a start is one delay.
  std::shared_ptr<const RunImages> images;               // With node_model.
  NodeGroups groups;                                     // With node_model; their first nodes are among `nodes`.
  std::shared_ptr<const manifest::Manifests> manifests;  // Null: no control plane.
  std::shared_ptr<const TrafficFile> traffic;            // With manifests; null: nobody asks for anything.
  std::shared_ptr<const FaultPlan> faults;               // With node_model; null: nothing fails.
  std::vector<std::string> inputs;                       // Files read, the scenario's own first; for hashing.
  std::vector<std::string> notes;                        // What was assumed, and what looks odd without being wrong.
  ImportReport report;                                   // Of the workload's source; empty for generators and traces.
};

// Puts traffic on the scenario, with the files that it was read from and a note of what became of their rows. It needs
// an end (`horizon`) before it is run.
void put_traffic(Scenario& scenario, TrafficFile traffic);

// Both throw InputError, `file:line:column: what is wrong; what was expected`, for anything that is not a scenario:
// unknown and repeated keys, values out of range, two nodes of one name, sources that cannot be read (and what
// parse_yaml refuses). Files named in a scenario are relative to the folder it lies in, `base_dir`.
// O(text + nodes + rows of the sources that are read into memory).
Scenario load_scenario(const std::filesystem::path& path);
Scenario parse_scenario(std::string_view text, const std::string& file_name, const std::filesystem::path& base_dir);

}  // namespace berth
