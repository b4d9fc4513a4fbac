// Whole clusters at random: Deployments, Jobs and StatefulSets with claims, containers that crash, nodes that crash,
// hang, lose the network and come back, full disks. A million events in all; every part recounts itself on a sample of
// them.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include "tests/support/manifest_run.hpp"

namespace berth::test {
namespace {

std::string random_objects(Rng& rng) {
  std::string text = R"(
apiVersion: storage.k8s.io/v1
kind: StorageClass
metadata: {name: disk, annotations: {storageclass.kubernetes.io/is-default-class: "true"}}
provisioner: csi.example.com
volumeBindingMode: WaitForFirstConsumer
)";
  const auto behaviour = [&rng](bool ends) {
    return fmt::format("berth.dev/start-up-time: {}s, berth.dev/crash-hazard: \"{}/h\"{}", rng.below(20), rng.below(12),
                       ends ? fmt::format(", berth.dev/run-time: exponential(mean={}s), berth.dev/exit-code: \"{}\"",
                                          5 + rng.below(200), rng.below(4) == 0 ? 1 : 0)
                            : std::string());
  };
  const auto container = [&rng](const std::string& probes, const std::string& mounts) {
    return fmt::format(
        "{{name: c, image: \"app-{}:1\", resources: {{requests: {{cpu: {}m, memory: {}Mi}}}}, lifecycle: {{preStop: "
        "{{exec: {{command: [sleep, \"{}\"]}}}}}}{}{}}}",
        rng.below(12), 50 + rng.below(800), 16 + rng.below(512), rng.below(8), probes, mounts);
  };
  const char* const kProbes =
      ", readinessProbe: {tcpSocket: {port: 80}, periodSeconds: 4}, livenessProbe: {tcpSocket: {port: 80}, "
      "initialDelaySeconds: 30}";
  for (int i = 0; i < 6; ++i) {
    text += fmt::format(
        "---\napiVersion: apps/v1\nkind: Deployment\nmetadata: {{name: d{0}}}\nspec:\n  replicas: {1}\n  selector: "
        "{{matchLabels: {{app: d{0}}}}}\n  template:\n    metadata: {{labels: {{app: d{0}}}, annotations: {{{2}}}}}\n  "
        "  "
        "spec: {{terminationGracePeriodSeconds: {3}, containers: [{4}]}}\n",
        i, 1 + rng.below(8), behaviour(false), rng.below(40), container(rng.below(2) == 0 ? kProbes : "", ""));
  }
  for (int i = 0; i < 2; ++i) {
    text += fmt::format(
        "---\napiVersion: apps/v1\nkind: StatefulSet\nmetadata: {{name: s{0}}}\nspec:\n  replicas: {1}\n  serviceName: "
        "s{0}\n  selector: {{matchLabels: {{app: s{0}}}}}\n  template:\n    metadata: {{labels: {{app: s{0}}}, "
        "annotations: {{{2}}}}}\n    spec: {{containers: [{3}]}}\n  volumeClaimTemplates:\n  - metadata: {{name: "
        "data}}\n    "
        "spec: {{accessModes: [ReadWriteOnce], resources: {{requests: {{storage: 1Gi}}}}}}\n",
        i, 1 + rng.below(4), behaviour(false), container(kProbes, ", volumeMounts: [{name: data, mountPath: /data}]"));
  }
  for (int i = 0; i < 4; ++i) {
    text += fmt::format(
        "---\napiVersion: batch/v1\nkind: CronJob\nmetadata: {{name: j{0}}}\nspec:\n  schedule: \"*/{1} * * * *\"\n  "
        "jobTemplate:\n    spec:\n      parallelism: {2}\n      completions: {3}\n      template:\n        metadata: "
        "{{annotations: {{{4}}}}}\n        spec: {{restartPolicy: {5}, containers: [{6}]}}\n",
        i, 1 + rng.below(5), 1 + rng.below(4), 1 + rng.below(8), behaviour(true),
        rng.below(2) == 0 ? "Never" : "OnFailure", container("", ""));
  }
  return text;
}

constexpr const char* kPlan = R"yaml(
apiVersion: berth.dev/v1alpha1
kind: FaultPlan
metadata: {name: all}
faults:
- {kind: nodeCrash, ratePerHour: 0.3, duration: "uniform(min=10s, max=30m)"}
- {kind: nodeReboot, ratePerHour: 0.3, duration: 90s}
- {kind: nodeHang, ratePerHour: 0.3, duration: "uniform(min=10s, max=20m)"}
- {kind: nodePartition, ratePerHour: 0.3, duration: "uniform(min=1s, max=20m)"}
- {kind: zoneOutage, zone: a, ratePerHour: 0.1, duration: 10m}
- {kind: containerCrash, hazard: exponential(mean=2h)}
- {kind: containerCrash, at: 3h, exitCode: 9}
- {kind: containerCrash, at: 5h, pods: {count: 2}}
- {kind: memoryLeak, bytesPerSecond: 1Mi, from: 30m, to: 4h}
- {kind: badImage, image: "app-3:1", from: 1h, to: 2h}
- {kind: registryOutage, host: docker.io, ratePerHour: 0.3, duration: 5m}
)yaml";

TEST(ClusterProperty, NothingIsLostOrCountedTwice) {
  constexpr std::uint64_t kEvents = 1'000'000;
  std::uint64_t events = 0;
  std::uint64_t restarts = 0;
  for (std::uint64_t seed = 1; events < kEvents; ++seed) {
    SCOPED_TRACE(testing::Message() << "seed=" << seed);
    Rng rng(seed, 0, 0, Purpose::kTest);
    ManifestRunOptions options;
    options.nodes = 3 + rng.below(6);
    options.seed = seed;
    options.horizon = seconds(12 * 3'600);
    options.model.node_images.imagefs_bytes = std::int64_t{2 + rng.below(8)} << 30;  // Image garbage is collected.
    options.policy = seed % 3 == 0   ? "scheduler=kube-scheduler+images=peer-to-peer"
                     : seed % 3 == 1 ? "scheduler=best-fit+images=mirror"
                                     : "kube-scheduler";
    const FaultPlan plan = read_fault_plan(kPlan, "plan.yaml", {});
    options.plan = &plan;
    options.strikes = draw(plan, default_nodes(options.nodes), Time{} + options.horizon, {seed, 0});
    options.verify_every = 997;
    const ManifestRun run(random_objects(rng), options);
    EXPECT_EQ(run.trouble, "");
    EXPECT_EQ(run.simulation->nodes()->verify(), "");
    EXPECT_EQ(run.simulation->cluster().verify(), "");
    EXPECT_EQ(run.simulation->control_plane()->store().verify(), "");
    events += run.simulation->events_executed();
    // A pod's records end with its last one: nothing happens to containers of a pod that is gone.
    std::set<std::uint32_t> gone;
    for (const Record& r : run.kept.records) {
      if (r.kind == RecordKind::kContainerStarted) {
        EXPECT_FALSE(gone.contains(r.pod)) << "pod " << r.pod;
        restarts += r.value > 0 ? 1 : 0;
      }
      if (r.kind == RecordKind::kPodRemoved) gone.insert(r.pod);
    }
    if (HasFailure()) return;
  }
  EXPECT_GT(restarts, 1'000U);  // The faults did strike.
}

}  // namespace
}  // namespace berth::test
