// Kubernetes objects through the whole chain: controllers, kube-scheduler, volumes, image pulls, kubelets. Each part is
// exact against its own truth elsewhere; here they meet.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "tests/support/manifest_run.hpp"

namespace berth::test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

constexpr const char* kWeb = R"(
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 3
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      initContainers: [{name: migrate, image: "busybox:1.36"}]
      containers:
      - name: web
        image: nginx:1.27
        resources: {requests: {cpu: 500m, memory: 128Mi}}
        readinessProbe: {httpGet: {path: /, port: 80}, periodSeconds: 5}
)";

TEST(ClusterRun, DeploymentBecomesReady) {
  ManifestRun run(kWeb, {});
  EXPECT_EQ(run.count(RecordKind::kPodCreated), 3U);
  EXPECT_EQ(run.count(RecordKind::kPodReady), 3U);
  EXPECT_EQ(run.count(RecordKind::kContainerStarted), 6U);  // An init container and a regular one each.
  EXPECT_EQ(run.simulation->cluster().pods_bound(), 3U);
  const auto& status = run.simulation->control_plane()->store().get<controllers::Deployment>(0).status;
  EXPECT_EQ(status.ready, 3);
  EXPECT_EQ(status.available, 3);
  EXPECT_EQ(run.simulation->nodes()->verify(), "");
  EXPECT_EQ(run.simulation->cluster().verify(), "");
}

// The order in which a pod's life is told, whatever its times. Source: reference, images and containers, section 7.
TEST(ClusterRun, StartPhasesAreInOrder) {
  ManifestRun run(kWeb, {});
  std::vector<RecordKind> kinds;
  for (const Record& r : run.kept.records) {
    if (r.pod == 0 && r.kind != RecordKind::kLayerFound && r.kind != RecordKind::kLayerDownloading &&
        r.kind != RecordKind::kLayerDownloaded && r.kind != RecordKind::kLayerUnpacked) {
      kinds.push_back(r.kind);
    }
  }
  const std::vector<RecordKind> expected{
      RecordKind::kPodCreated,        RecordKind::kPodScheduled,      RecordKind::kPodAdmitted,
      RecordKind::kPodVolumesMounted, RecordKind::kPodSandboxCreated, RecordKind::kImagePulling,
      RecordKind::kImagePulled,       RecordKind::kContainerCreated,  RecordKind::kContainerStarted};
  ASSERT_GE(kinds.size(), expected.size());
  std::size_t at = 0;
  for (const RecordKind kind : expected) {
    while (at < kinds.size() && kinds[at] != kind) ++at;
    EXPECT_LT(at, kinds.size()) << to_string(kind) << " is missing or too early";
  }
  const auto before = [&](RecordKind a, RecordKind b) {
    return run.times(a, "web").front() <= run.times(b, "web").front();
  };
  EXPECT_TRUE(before(RecordKind::kPodSandboxCreated, RecordKind::kPodInitialized));
  EXPECT_TRUE(before(RecordKind::kPodInitialized, RecordKind::kPodReady));
}

TEST(ClusterRun, PendingPodSaysWhyInTheSchedulersWords) {
  ManifestRunOptions options;
  options.explain = true;
  ManifestRun run(R"(
apiVersion: v1
kind: Pod
metadata: {name: big}
spec: {containers: [{name: c, image: "redis:7", resources: {requests: {cpu: "64"}}}]}
)",
                  options);
  EXPECT_EQ(run.count(RecordKind::kPodScheduled), 0U);
  ASSERT_EQ(run.count(RecordKind::kPodUnschedulable), 1U);  // Told once, not at every attempt.
  // As kube-scheduler puts it: schedule_one.go, FitError.
  EXPECT_THAT(run.simulation->message(1), HasSubstr("0/3 nodes are available: 3 Insufficient cpu."));
}

TEST(ClusterRun, JobsEndAndGiveTheirRoomBack) {
  ManifestRun run(R"(
apiVersion: batch/v1
kind: Job
metadata: {name: sums}
spec:
  completions: 4
  parallelism: 2
  template:
    metadata: {annotations: {berth.dev/run-time: 20s}}
    spec:
      restartPolicy: Never
      containers: [{name: c, image: "busybox:1.36", resources: {requests: {cpu: "3"}}}]
)",
                  {});
  EXPECT_EQ(run.count(RecordKind::kPodSucceeded), 4U);
  EXPECT_EQ(run.simulation->cluster().pods_bound(), 0U);
  const auto& job = run.simulation->control_plane()->store().get<controllers::Job>(0);
  EXPECT_EQ(job.status.succeeded, 4);
  EXPECT_TRUE(controllers::succeeded(job));
  EXPECT_EQ(run.simulation->nodes()->verify(), "");
}

TEST(ClusterRun, FailingJobIsTriedAgainAfterItsBackOff) {
  ManifestRun run(R"(
apiVersion: batch/v1
kind: Job
metadata: {name: bad}
spec:
  backoffLimit: 2
  template:
    metadata: {annotations: {berth.dev/run-time: 5s, berth.dev/exit-code: "3"}}
    spec:
      restartPolicy: Never
      containers: [{name: c, image: "busybox:1.36"}]
)",
                  {});
  // backoffLimit 2: the third failure is one too many. Back-off 10 s, then 20 s, from the end of the last container,
  // whose time the API keeps in whole seconds; syncs are batched by 1 s.
  const std::vector<double> created = run.times(RecordKind::kPodCreated);
  const std::vector<double> exited = run.times(RecordKind::kContainerExited);
  ASSERT_EQ(created.size(), 3U);
  ASSERT_EQ(exited.size(), 3U);
  EXPECT_EQ(run.count(RecordKind::kPodFailed), 3U);
  for (const auto& [i, back_off] : {std::pair{0, 10.0}, std::pair{1, 20.0}}) {
    EXPECT_GE(created[i + 1], std::floor(exited[i]) + back_off);
    EXPECT_LE(created[i + 1], exited[i] + back_off + 1);
  }
  EXPECT_TRUE(controllers::finished(run.simulation->control_plane()->store().get<controllers::Job>(0)));
}

TEST(ClusterRun, StatefulSetStartsInOrderWithItsClaims) {
  ManifestRun run(R"(
apiVersion: storage.k8s.io/v1
kind: StorageClass
metadata: {name: disk, annotations: {storageclass.kubernetes.io/is-default-class: "true"}}
provisioner: csi.example.com
volumeBindingMode: WaitForFirstConsumer
---
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: db}
spec:
  replicas: 3
  serviceName: db
  selector: {matchLabels: {app: db}}
  template:
    metadata: {labels: {app: db}}
    spec:
      containers:
      - {name: db, image: "postgres:15", volumeMounts: [{name: data, mountPath: /data}]}
  volumeClaimTemplates:
  - metadata: {name: data}
    spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 10Gi}}}
)",
                  {});
  EXPECT_EQ(run.count(RecordKind::kPodReady), 3U);
  EXPECT_EQ(run.count(RecordKind::kVolumeProvisioned), 3U);
  EXPECT_EQ(run.count(RecordKind::kClaimBound), 3U);
  EXPECT_EQ(run.count(RecordKind::kVolumeAttached), 3U);
  for (int i = 0; i < 2; ++i) {  // OrderedReady: the next is made once the one before is Ready.
    const std::string pod = fmt::format("db-{}", i);
    const std::string next = fmt::format("db-{}", i + 1);
    EXPECT_LE(run.times(RecordKind::kPodReady, pod).front(), run.times(RecordKind::kPodCreated, next).front());
  }
  EXPECT_EQ(run.simulation->nodes()->verify(), "");
}

// A claim of a manifest gets the default class, in time for the scheduler.
TEST(ClusterRun, ClaimWithoutAClassGetsTheDefault) {
  ManifestRun run(R"(
apiVersion: storage.k8s.io/v1
kind: StorageClass
metadata: {name: disk, annotations: {storageclass.kubernetes.io/is-default-class: "true"}}
provisioner: csi.example.com
volumeBindingMode: WaitForFirstConsumer
---
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: data}
spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 10Gi}}}
---
apiVersion: v1
kind: Pod
metadata: {name: db}
spec:
  containers: [{name: db, image: "postgres:15"}]
  volumes: [{name: data, persistentVolumeClaim: {claimName: data}}]
)",
                  {});
  EXPECT_EQ(run.count(RecordKind::kVolumeProvisioned), 1U);
  EXPECT_EQ(run.count(RecordKind::kPodReady), 1U);
}

TEST(ClusterRun, DaemonSetRunsOnEveryNode) {
  ManifestRunOptions options;
  options.nodes = 5;
  ManifestRun run(R"(
apiVersion: apps/v1
kind: DaemonSet
metadata: {name: agent}
spec:
  selector: {matchLabels: {app: agent}}
  template:
    metadata: {labels: {app: agent}}
    spec: {containers: [{name: agent, image: "fluentd:v1.16"}]}
)",
                  options);
  EXPECT_EQ(run.count(RecordKind::kPodReady), 5U);
  std::set<NodeId> nodes;
  for (const Record& r : run.kept.records) {
    if (r.kind == RecordKind::kPodScheduled) nodes.insert(r.node);
  }
  EXPECT_EQ(nodes.size(), 5U);
}

// A pod of a higher priority takes the room of two others, which get their grace period before it is bound.
TEST(ClusterRun, PreemptedPodsTakeTheirGrace) {
  ManifestRunOptions options;
  options.nodes = 1;
  ManifestRun run(R"(
apiVersion: scheduling.k8s.io/v1
kind: PriorityClass
metadata: {name: high}
value: 1000
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: low}
spec:
  replicas: 1
  selector: {matchLabels: {app: low}}
  template:
    metadata: {labels: {app: low}}
    spec:
      terminationGracePeriodSeconds: 20
      containers:
      - name: c
        image: nginx:1.27
        resources: {requests: {cpu: "3"}}
        lifecycle: {preStop: {exec: {command: [sleep, "12"]}}}
---
apiVersion: batch/v1
kind: CronJob
metadata: {name: later}
spec:
  schedule: "* * * * *"
  jobTemplate:
    spec:
      template:
        spec:
          priorityClassName: high
          restartPolicy: Never
          containers: [{name: c, image: "redis:7", resources: {requests: {cpu: "2"}}}]
)",
                  options);
  ASSERT_GE(run.count(RecordKind::kPodScheduled, "later"), 1U);
  ASSERT_GE(run.count(RecordKind::kPodTerminating, "low"), 1U);
  const double told = run.times(RecordKind::kPodTerminating, "low").front();
  const double bound = run.times(RecordKind::kPodScheduled, "later").front();
  EXPECT_GE(bound - told, 12);  // The preStop hook's 12 s.
  EXPECT_LE(bound - told, 20 + 5);
  EXPECT_EQ(run.simulation->nodes()->verify(), "");
}

TEST(ClusterRun, CrashingContainerBacksOff) {
  ManifestRun run(R"(
apiVersion: v1
kind: Pod
metadata: {name: crash, annotations: {berth.dev/run-time: 1s, berth.dev/exit-code: "1"}}
spec: {containers: [{name: c, image: "busybox:1.36"}]}
)",
                  {});
  const std::vector<double> starts = run.times(RecordKind::kContainerStarted);
  const std::vector<double> exits = run.times(RecordKind::kContainerExited);
  ASSERT_GE(starts.size(), 6U);
  // Reference, self-healing section 2: gaps 0, 10, 20, 40, 80 … from the end; on the kubelet's grids (relist 1 s,
  // resync after the rest of the back-off times 1 .. 1.5, at most 60 s times that).
  const double gaps[] = {0, 10, 20, 40, 80};
  for (std::size_t i = 0; i < 5; ++i) {
    EXPECT_GE(starts[i + 1] - exits[i], gaps[i]) << i;
    EXPECT_LE(starts[i + 1] - exits[i], gaps[i] + std::max(4.0, 1.5 * std::min(gaps[i], 60.0))) << i;
  }
}

TEST(ClusterRun, SameSeedSameJournal) {
  const std::string all = std::string(kWeb) + R"(
---
apiVersion: v1
kind: Pod
metadata: {name: crash, annotations: {berth.dev/crash-hazard: "60/h"}}
spec: {containers: [{name: c, image: "busybox:1.36"}]}
)";
  const ManifestRun a(all, {});
  const ManifestRun b(all, {});
  ASSERT_EQ(a.kept.records.size(), b.kept.records.size());
  for (std::size_t i = 0; i < a.kept.records.size(); ++i) {
    const Record& x = a.kept.records[i];
    const Record& y = b.kept.records[i];
    ASSERT_TRUE(x.at == y.at && x.kind == y.kind && x.pod == y.pod && x.value == y.value) << i;
  }
  ManifestRunOptions other;
  other.seed = 2;
  const ManifestRun c(all, other);
  bool differs = c.kept.records.size() != a.kept.records.size();
  for (std::size_t i = 0; !differs && i < a.kept.records.size(); ++i) {
    differs = a.kept.records[i].at != c.kept.records[i].at;
  }
  EXPECT_TRUE(differs);
}

TEST(ClusterRun, ObjectsThatAControllerMakesAreLeftOut) {
  ManifestRun run(std::string(kWeb) + R"(
---
apiVersion: v1
kind: Pod
metadata:
  name: web-old
  ownerReferences: [{apiVersion: apps/v1, kind: Deployment, name: web, uid: a, controller: true}]
spec: {containers: [{name: c, image: "nginx:1.27"}]}
)",
                  {});
  EXPECT_EQ(run.count(RecordKind::kPodCreated), 3U);
  EXPECT_THAT(run.simulation->control_plane()->notes(), ElementsAre(HasSubstr("1 Pods of these files belong")));
}

}  // namespace
}  // namespace berth::test
