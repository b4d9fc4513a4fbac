// Manifests to typed objects, and what containers do. Expected values: written down from the manifests by hand.
#include <gtest/gtest.h>

#include <string>

#include "tests/support/manifest_case.hpp"
#include "workloads/manifest/behavior.hpp"

namespace berth::test {
namespace {

using namespace kube::api;

TEST(ManifestPod, KeepsWhatTheKubeletNeeds) {
  const Pod pod = only<Pod>(R"(
apiVersion: v1
kind: Pod
metadata: {name: p, namespace: shop, annotations: {a: b}}
spec:
  restartPolicy: OnFailure
  terminationGracePeriodSeconds: 45
  activeDeadlineSeconds: 600
  hostNetwork: true
  runtimeClassName: gvisor
  readinessGates: [{conditionType: example.com/up}]
  imagePullSecrets: [{name: reg}]
  tolerations: [{key: k, operator: Exists, effect: NoExecute, tolerationSeconds: 30}]
  initContainers:
  - {name: sidecar, image: "s:1", restartPolicy: Always, startupProbe: {grpc: {port: 90}, failureThreshold: 30}}
  - {name: once, image: "o:1"}
  containers:
  - name: main
    image: m
    command: [sh, -c]
    args: ["exit 3"]
    workingDir: /w
    env:
    - {name: A, value: "x"}
    - {name: B, valueFrom: {configMapKeyRef: {name: cm, key: k, optional: true}}}
    - {name: C, valueFrom: {fieldRef: {fieldPath: spec.nodeName}}}
    - {name: D, valueFrom: {resourceFieldRef: {resource: limits.cpu}}}
    envFrom: [{prefix: P_, secretRef: {name: s}}]
    ports: [{name: web, containerPort: 80}]
    resources: {limits: {cpu: "1500m", memory: 1Gi}, requests: {cpu: 0.25}}
    volumeMounts: [{name: tmp, mountPath: /t, subPath: s, readOnly: true}]
    livenessProbe: {exec: {command: [true.sh]}, initialDelaySeconds: 5, terminationGracePeriodSeconds: 7}
    readinessProbe: {httpGet: {port: web, path: /r, scheme: HTTPS}, periodSeconds: 3, timeoutSeconds: 2, successThreshold: 2}
    lifecycle: {preStop: {sleep: {seconds: 4}}, postStart: {exec: {command: [hi]}}, stopSignal: SIGUSR1}
    restartPolicy: Never
    restartPolicyRules: [{action: Restart, exitCodes: {operator: NotIn, values: [1, 2]}}]
  volumes:
  - {name: tmp, emptyDir: {medium: Memory, sizeLimit: 64Mi}}
  - {name: claim, persistentVolumeClaim: {claimName: data, readOnly: true}}
  - {name: cfg, configMap: {name: cm, optional: true}}
  - {name: nfs, nfs: {server: nas, path: /e}}
  - {name: all, projected: {sources: [{configMap: {name: cm}}, {serviceAccountToken: {path: t}}]}}
  - {name: scratch, ephemeral: {volumeClaimTemplate: {spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 5Gi}}}}}}
)");
  EXPECT_EQ(pod.scheduling.key(), "shop/p");
  EXPECT_EQ(*pod.annotations.find("a"), "b");
  EXPECT_EQ(pod.spec.restart_policy, RestartPolicy::kOnFailure);
  EXPECT_EQ(pod.spec.termination_grace, seconds(45));
  EXPECT_EQ(pod.spec.active_deadline, seconds(600));
  EXPECT_TRUE(pod.spec.host_network);
  EXPECT_EQ(pod.spec.runtime_class, "gvisor");
  EXPECT_EQ(pod.spec.readiness_gates, std::vector<std::string>{"example.com/up"});
  EXPECT_EQ(pod.spec.pull_secrets, std::vector<std::string>{"reg"});
  EXPECT_EQ(pod.scheduling.tolerations.at(0).seconds, 30);

  ASSERT_EQ(pod.scheduling.containers.size(), 1U);
  const kube::Container& sizes = pod.scheduling.containers[0];
  EXPECT_EQ(sizes.requests.find("cpu")->milli_value(), 250);
  EXPECT_EQ(sizes.requests.find("memory")->value(), 1 << 30);  // From the limit.
  EXPECT_EQ(sizes.limits.find("cpu")->milli_value(), 1500);
  EXPECT_EQ(sizes.ports.at(0).host_port, 80);  // The host's network.

  const ContainerSpec& main = pod.spec.containers.at(0);
  EXPECT_EQ(main.command, (std::vector<std::string>{"sh", "-c"}));
  EXPECT_EQ(main.args, std::vector<std::string>{"exit 3"});
  EXPECT_EQ(main.working_dir, "/w");
  EXPECT_EQ(main.pull_policy, PullPolicy::kAlways);  // No tag.
  ASSERT_EQ(main.env.size(), 4U);
  EXPECT_EQ(main.env[0].value, "x");
  EXPECT_EQ(main.env[1].source, EnvVar::Source::kConfigMap);
  EXPECT_EQ(main.env[1].object + "/" + main.env[1].key, "cm/k");
  EXPECT_TRUE(main.env[1].optional);
  EXPECT_EQ(main.env[2].key, "spec.nodeName");
  EXPECT_EQ(main.env[3].source, EnvVar::Source::kResource);
  EXPECT_TRUE(main.env_from.at(0).secret);
  EXPECT_EQ(main.env_from.at(0).prefix, "P_");
  EXPECT_EQ(main.ports.at(0).host_port, 80);
  EXPECT_EQ(main.volume_mounts.at(0).sub_path, "s");
  EXPECT_TRUE(main.volume_mounts.at(0).read_only);
  EXPECT_EQ(main.liveness->handler.kind, Handler::Kind::kExec);
  EXPECT_EQ(main.liveness->initial_delay, seconds(5));
  EXPECT_EQ(main.liveness->termination_grace, seconds(7));
  EXPECT_EQ(main.readiness->handler.port, (PortRef{0, "web"}));
  EXPECT_EQ(main.readiness->handler.scheme, "HTTPS");
  EXPECT_EQ(main.readiness->success_threshold, 2);
  EXPECT_EQ(main.readiness->failure_threshold, 3);
  EXPECT_EQ(main.pre_stop->sleep, seconds(4));
  EXPECT_EQ(main.post_start->command, std::vector<std::string>{"hi"});
  EXPECT_EQ(main.stop_signal, "SIGUSR1");
  EXPECT_EQ(main.restart_policy, RestartPolicy::kNever);
  EXPECT_FALSE(main.restart_rules.at(0).in);
  EXPECT_EQ(main.restart_rules.at(0).exit_codes, (std::vector<std::int32_t>{1, 2}));

  EXPECT_TRUE(pod.scheduling.init_containers.at(0).restart_always);
  EXPECT_EQ(pod.spec.init_containers.at(0).startup->handler.port.number, 90);
  EXPECT_EQ(pod.spec.init_containers.at(0).startup->failure_threshold, 30);

  ASSERT_EQ(pod.spec.volumes.size(), 6U);
  EXPECT_TRUE(pod.spec.volumes[0].in_memory);
  EXPECT_EQ(pod.spec.volumes[0].size_limit->value(), 64 << 20);
  EXPECT_EQ(pod.spec.volumes[1].sources, std::vector<std::string>{"data"});
  EXPECT_TRUE(pod.spec.volumes[1].read_only);
  EXPECT_TRUE(pod.spec.volumes[2].optional);
  EXPECT_EQ(pod.spec.volumes[3].sources, std::vector<std::string>{"nas:/e"});
  EXPECT_EQ(pod.spec.volumes[4].sources, (std::vector<std::string>{"configMap/cm", "serviceAccountToken"}));
  EXPECT_EQ(pod.spec.volumes[5].claim->claim.request->value(), std::int64_t{5} << 30);
}

TEST(ManifestWorkloads, KeepTheirSpecs) {
  const std::string pod = "template: {metadata: {labels: {a: b}}, spec: {containers: [{name: c, image: d}]}}";
  const std::string task = "template: {spec: {restartPolicy: Never, containers: [{name: c, image: d}]}}";
  const auto d = only<Deployment>(
      "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: x, namespace: ns}\nspec:\n  replicas: 7\n  "
      "minReadySeconds: 5\n  "
      "paused: true\n  selector: {matchLabels: {a: b}}\n  strategy: {rollingUpdate: {maxSurge: 10%, maxUnavailable: "
      "2}}\n  " +
      pod);
  EXPECT_EQ(d.replicas, 7);
  EXPECT_EQ(d.min_ready, seconds(5));
  EXPECT_TRUE(d.paused);
  EXPECT_EQ(d.max_surge, (IntOrPercent{10, true}));
  EXPECT_EQ(d.max_unavailable, (IntOrPercent{2, false}));
  EXPECT_EQ(d.progress_deadline, seconds(600));
  EXPECT_EQ(d.pod.scheduling.namespace_name, "ns");
  EXPECT_EQ(d.pod.scheduling.name, "");
  EXPECT_TRUE(d.selector.matches(d.pod.scheduling.labels));

  const auto s = only<StatefulSet>(
      "apiVersion: apps/v1\nkind: StatefulSet\nmetadata: {name: x}\nspec:\n  serviceName: svc\n  podManagementPolicy: "
      "Parallel\n  "
      "ordinals: {start: 3}\n  selector: {matchLabels: {a: b}}\n  updateStrategy: {type: RollingUpdate, rollingUpdate: "
      "{partition: 2}}\n  persistentVolumeClaimRetentionPolicy: {whenScaled: Delete}\n  volumeClaimTemplates: "
      "[{metadata: {name: "
      "data}, spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}}]\n  " +
      pod);
  EXPECT_TRUE(s.parallel);
  EXPECT_EQ(s.first_ordinal, 3);
  EXPECT_EQ(s.partition, 2);
  EXPECT_EQ(s.max_unavailable, (IntOrPercent{1, false}));
  EXPECT_TRUE(s.delete_claims_when_scaled);
  EXPECT_FALSE(s.delete_claims_when_deleted);
  EXPECT_EQ(s.claims.at(0).meta.name, "data");
  EXPECT_EQ(s.claims.at(0).claim.request->value(), 1 << 30);

  const auto j = only<Job>(
      "apiVersion: batch/v1\nkind: Job\nmetadata: {name: x}\nspec:\n  completions: 5\n  parallelism: 2\n  "
      "completionMode: Indexed\n  "
      "backoffLimitPerIndex: 1\n  maxFailedIndexes: 3\n  activeDeadlineSeconds: 100\n  ttlSecondsAfterFinished: 0\n  "
      "podFailurePolicy: {rules: [{action: FailIndex, onExitCodes: {containerName: c, operator: NotIn, values: [0, "
      "7]}}]}\n  "
      "successPolicy: {rules: [{succeededIndexes: 0-2, succeededCount: 2}]}\n  " +
      task);
  EXPECT_EQ(j.spec.completions, 5);
  EXPECT_TRUE(j.spec.indexed);
  EXPECT_EQ(j.spec.backoff_limit, 2147483647);
  EXPECT_EQ(j.spec.pod_failure_rules.at(0).action, PodFailureRule::Action::kFailIndex);
  EXPECT_FALSE(j.spec.pod_failure_rules.at(0).in);
  EXPECT_EQ(j.spec.pod_failure_rules.at(0).exit_codes, (std::vector<std::int32_t>{0, 7}));
  EXPECT_TRUE(j.spec.replace_only_failed);
  EXPECT_EQ(j.spec.success_rules.at(0).succeeded_count, 2);
  EXPECT_EQ(j.spec.ttl_after_finished, seconds(0));

  const auto c = only<CronJob>(
      "apiVersion: batch/v1\nkind: CronJob\nmetadata: {name: x}\nspec:\n  schedule: '*/5 * * * *'\n  timeZone: "
      "Europe/Berlin\n  "
      "concurrencyPolicy: Forbid\n  startingDeadlineSeconds: 30\n  jobTemplate:\n    spec:\n      " +
      task);
  EXPECT_EQ(c.schedule, "*/5 * * * *");
  EXPECT_EQ(c.concurrency, CronJob::Concurrency::kForbid);
  EXPECT_EQ(c.starting_deadline, seconds(30));
  EXPECT_EQ(c.job.pod.scheduling.namespace_name, "default");

  const auto rc = only<ReplicaSet>(
      "apiVersion: v1\nkind: ReplicationController\nmetadata: {name: x}\nspec:\n  replicas: 0\n  " + pod);
  EXPECT_TRUE(rc.replication_controller);
  EXPECT_EQ(rc.replicas, 0);
  EXPECT_TRUE(rc.selector.matches(rc.pod.scheduling.labels));
}

// autoscaling/v1 is served still, and converted: targetCPUUtilizationPercentage is the one metric; 80 without it.
TEST(ManifestAutoscaler, OfTheOlderForm) {
  for (const auto& [line, percent] : {std::pair{"\n  targetCPUUtilizationPercentage: 50", 50}, std::pair{"", 80}}) {
    const auto hpa = only<HorizontalPodAutoscaler>(std::string(R"(
apiVersion: autoscaling/v1
kind: HorizontalPodAutoscaler
metadata: {name: web}
spec:
  scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: web}
  maxReplicas: 7)") + line);
    EXPECT_EQ(hpa.min_replicas, 1);
    EXPECT_EQ(hpa.max_replicas, 7);
    ASSERT_EQ(hpa.metrics.size(), 1U);
    EXPECT_EQ(hpa.metrics[0].name, "cpu");
    EXPECT_EQ(hpa.metrics[0].utilization, percent);
  }
}

TEST(ManifestOthers, KeepTheirSpecs) {
  const auto hpa = only<HorizontalPodAutoscaler>(R"(
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: {name: h}
spec:
  scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: web}
  minReplicas: 2
  maxReplicas: 9
  metrics:
  - {type: ContainerResource, containerResource: {name: cpu, container: c, target: {type: Utilization, averageUtilization: 60}}}
  - {type: External, external: {metric: {name: q, selector: {matchLabels: {a: b}}}, target: {type: AverageValue, averageValue: 500m}}}
  behavior: {scaleDown: {stabilizationWindowSeconds: 60, selectPolicy: Min, tolerance: "0.05", policies: [{type: Pods, value: 1, periodSeconds: 30}]}}
)");
  EXPECT_EQ(hpa.target_kind + "/" + hpa.target_name, "Deployment/web");
  EXPECT_EQ(hpa.metrics.at(0).container, "c");
  EXPECT_EQ(hpa.metrics.at(0).utilization, 60);
  EXPECT_EQ(hpa.metrics.at(1).name, "q");
  EXPECT_EQ(hpa.metrics.at(1).value.milli_value(), 500);
  EXPECT_EQ(hpa.scale_down.stabilization_window, seconds(60));
  EXPECT_EQ(hpa.scale_down.select, ScalingRules::Select::kMin);
  EXPECT_EQ(hpa.scale_down.tolerance->milli_value(), 50);
  EXPECT_EQ(hpa.scale_up.policies.size(), 2U);  // The defaults of the other direction.

  const auto service = only<Service>(
      "apiVersion: v1\nkind: Service\nmetadata: {name: s}\nspec: {clusterIP: None, selector: {a: b}, "
      "trafficDistribution: "
      "PreferSameZone, ports: [{port: 80, targetPort: web, protocol: UDP}]}\n");
  EXPECT_TRUE(service.headless);
  EXPECT_EQ(service.ports.at(0).target, (PortRef{0, "web"}));
  EXPECT_EQ(service.ports.at(0).protocol, "UDP");
  EXPECT_EQ(service.traffic_distribution, "PreferSameZone");

  const auto slice = only<Endpoints>(
      "apiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\nmetadata: {name: s-1, labels: "
      "{kubernetes.io/service-name: "
      "s}}\naddressType: IPv4\nendpoints: [{addresses: [10.0.0.1], conditions: {ready: false}, zone: a}]\nports: "
      "[{port: 80}]\n");
  EXPECT_EQ(slice.service, "s");
  EXPECT_FALSE(slice.addresses.at(0).ready);

  const auto secret = only<ConfigData>(
      "apiVersion: v1\nkind: Secret\nmetadata: {name: s}\ndata: {a: YQ==, b: Yg==}\nstringData: {b: plain}\n");
  EXPECT_TRUE(secret.secret);
  EXPECT_EQ(*secret.data.find("b"), "plain");

  const auto volume = only<PersistentVolume>(
      "apiVersion: v1\nkind: PersistentVolume\nmetadata: {name: v}\nspec: {capacity: {storage: 2Gi}, accessModes: "
      "[ReadWriteOnce], "
      "csi: {driver: d, volumeHandle: h}}\n");
  EXPECT_EQ(volume.type, "csi");
  EXPECT_TRUE(volume.scheduling.available);
  EXPECT_TRUE(volume.retain);

  const auto budget = only<PodDisruptionBudget>(
      "apiVersion: policy/v1\nkind: PodDisruptionBudget\nmetadata: {name: b}\nspec: {selector: {matchLabels: {a: b}}, "
      "maxUnavailable: 30%}\n");
  EXPECT_EQ(budget.max_unavailable, (IntOrPercent{30, true}));

  const auto node = only<Node>(
      "apiVersion: v1\nkind: Node\nmetadata: {name: node}\nspec: {taints: [{key: k, effect: NoSchedule}]}\nstatus: "
      "{capacity: {cpu: "
      "8}}\n");
  EXPECT_EQ(node.scheduling.allocatable.find("cpu")->milli_value(), 8000);  // From capacity.
  EXPECT_EQ(node.scheduling.taints.at(0).key, "k");
}

// Model: intstr.GetScaledValueFromIntOrPercent.
TEST(ManifestPercent, RoundsAsTold) {
  EXPECT_EQ((IntOrPercent{25, true}.of(10, true)), 3);
  EXPECT_EQ((IntOrPercent{25, true}.of(10, false)), 2);
  EXPECT_EQ((IntOrPercent{100, true}.of(7, true)), 7);
  EXPECT_EQ((IntOrPercent{4, false}.of(10, true)), 4);
}

Pod behaving(const std::string& annotations, const std::string& policy = "Always") {
  return only<Pod>(
      "apiVersion: v1\nkind: Pod\nmetadata: {name: p, annotations: {" + annotations + "}}\nspec: {restartPolicy: " +
      policy + ", initContainers: [{name: init, image: i}], containers: [{name: a, image: b}, {name: c, image: d}]}\n");
}

TEST(ManifestBehavior, HasADefaultProfile) {
  const Pod server = behaving("");
  EXPECT_FALSE(server.spec.containers[0].behavior.run_time.has_value());
  EXPECT_EQ(server.spec.init_containers[0].behavior.run_time, Distribution::constant(1));
  const Pod task = behaving("", "Never");
  EXPECT_EQ(task.spec.containers[0].behavior.run_time, Distribution::constant(60));
  EXPECT_EQ(task.spec.containers[0].behavior.exit_code, 0);
  EXPECT_EQ(task.spec.containers[0].behavior.memory_bytes(seconds(5), 77), 77);
}

TEST(ManifestBehavior, ComesFromAnnotationsTheContainersOwnFirst) {
  const Pod pod = behaving(
      "berth.dev/run-time: 90s, a.berth.dev/run-time: forever, berth.dev/exit-code: \"3\", c.berth.dev/crash-hazard: "
      "2/h, "
      "c.berth.dev/crash-exit-code: \"139\", init.berth.dev/run-time: exponential(mean=5m), berth.dev/start-up-time: "
      "8s, "
      "other.example.com/x: z",
      "OnFailure");
  const ContainerBehavior& a = pod.spec.containers[0].behavior;
  const ContainerBehavior& c = pod.spec.containers[1].behavior;
  EXPECT_FALSE(a.run_time.has_value());
  EXPECT_EQ(c.run_time, Distribution::constant(90));
  EXPECT_EQ(a.exit_code, 3);
  EXPECT_EQ(a.start_up, Distribution::constant(8));
  EXPECT_EQ(a.crash_hazard_per_second, 0);
  EXPECT_DOUBLE_EQ(c.crash_hazard_per_second, 2.0 / 3600);
  EXPECT_EQ(c.crash_exit_code, 139);
  EXPECT_DOUBLE_EQ(pod.spec.init_containers[0].behavior.run_time->mean(), 300);
  EXPECT_EQ(pod.spec.init_containers[0].behavior.exit_code, 0);  // berth.dev/ is for regular containers.
}

TEST(ManifestBehavior, MemoryIsLinearBetweenPoints) {
  const Pod pod = behaving("berth.dev/memory: \"10s:100, 20s:200, 30s:50\"");
  const ContainerBehavior& b = pod.spec.containers[0].behavior;
  EXPECT_EQ(b.memory_bytes(seconds(0), 7), 100);
  EXPECT_EQ(b.memory_bytes(seconds(10), 7), 100);
  EXPECT_EQ(b.memory_bytes(seconds(15), 7), 150);
  EXPECT_EQ(b.memory_bytes(seconds(20), 7), 200);
  EXPECT_EQ(b.memory_bytes(seconds(28), 7), 80);
  EXPECT_EQ(b.memory_bytes(seconds(99), 7), 50);
  EXPECT_EQ(behaving("berth.dev/memory: 64Mi").spec.containers[0].behavior.memory_bytes(seconds(9), 7), 64 << 20);
  // 8 EiB over 290 years: no overflow on the way.
  const Pod wide = behaving("berth.dev/memory: \"0s:0, 2500000h:8000000000000000000\"");
  EXPECT_EQ(wide.spec.containers[0].behavior.memory_bytes(seconds(4'500'000'000), 7), 4'000'000'000'000'000'000);
}

// What is written to the layer, and to the first emptyDir on disk that a container mounts.
TEST(ManifestBehavior, DiskIsACurveToo) {
  const Pod pod = behaving("berth.dev/disk: \"0s:64Mi, 10m:2Gi\", c.berth.dev/disk: 5Mi");
  EXPECT_EQ(pod.spec.containers[0].behavior.disk,
            (UseCurve{{seconds(0), 64 << 20}, {seconds(600), std::int64_t{2} << 30}}));
  EXPECT_EQ(pod.spec.containers[1].behavior.disk, (UseCurve{{seconds(0), 5 << 20}}));
  EXPECT_EQ(pod.spec.containers[0].behavior.empty_dir, UseCurve{});

  const auto with_volume = [](const std::string& annotation, const std::string& volume) {
    return "apiVersion: v1\nkind: Pod\nmetadata: {name: p, annotations: {" + annotation +
           "}}\nspec: {containers: [{name: a, image: b, volumeMounts: [{name: v, mountPath: /v}]}, {name: c, image: "
           "d}], "
           "volumes: [{name: v, emptyDir: " +
           volume + "}]}\n";
  };
  EXPECT_EQ(only<Pod>(with_volume("berth.dev/empty-dir: 7Mi", "{}")).spec.containers[0].behavior.empty_dir,
            (UseCurve{{seconds(0), 7 << 20}}));
  EXPECT_EQ(
      rejection(with_volume("c.berth.dev/empty-dir: 7Mi", "{}")),
      "f.yaml:3:58: metadata.annotations.c.berth.dev/empty-dir is for a volume that container \"c\" does not mount; "
      "expected a mount of an emptyDir on disk");
  EXPECT_EQ(
      rejection(with_volume("berth.dev/empty-dir: 7Mi", "{medium: Memory}")),
      "f.yaml:3:56: metadata.annotations.berth.dev/empty-dir is for a volume that no container mounts; expected a "
      "mount of an emptyDir on disk");
}

}  // namespace
}  // namespace berth::test
