// Defaults of the API server. Expected values: objects recorded from Kubernetes 1.37.2 after its defaulting
// (conformance/ controllers), the reference pages, and the API reference.
#include <gtest/gtest.h>

#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "tests/support/case_name.hpp"
#include "tests/support/process.hpp"
#include "tests/support/shared_data.hpp"
#include "tests/support/temp_dir.hpp"
#include "workloads/manifest/check.hpp"
#include "workloads/manifest/defaults.hpp"
#include "workloads/manifest/documents.hpp"

namespace berth::manifest {
namespace {

using Json = nlohmann::json;
using Pointer = Json::json_pointer;

// The object as the reader has it before defaults.
Json checked(const std::string& text) {
  const std::vector<Document> documents = parse_documents(text, "f.yaml");
  const YamlNode& root = *documents.at(0).root;
  std::string kind, version;
  for (std::size_t i = 0; i < root.items.size(); i += 2) {
    if (root.items[i].text == "kind") kind = root.items[i + 1].text;
    if (root.items[i].text == "apiVersion") version = root.items[i + 1].text;
  }
  Notes notes;
  Json json = check_object(root, "f.yaml", *ApiSchema::get().find(version, kind)->type, notes);
  json["kind"] = kind;
  return json;
}
Json defaulted(Json object) {
  set_defaults(object["kind"].get<std::string>(), object);
  return object;
}

// Every workload object of one recorded file.
std::vector<Json> recorded(const std::filesystem::path& file) {
  std::vector<Json> objects;
  for (const std::string& line : test::lines_of(test::run({"gzip", "-dc", file.string()}).out)) {
    const Json step = Json::parse(line);
    if (step["kind"] != "Scenario") continue;
    for (const Json& object : step["objects"]) {
      const std::string kind = object["kind"];
      // ReplicaSets, Pods and Nodes were put in without the API server's pass.
      if (kind == "Deployment" || kind == "StatefulSet" || kind == "DaemonSet" || kind == "Job" || kind == "CronJob") {
        objects.push_back(checked(object.dump()));
      }
    }
  }
  return objects;
}

// Where the reference pages give a default: a recorded object that has this value gets it back when it is taken away.
struct Default {
  const char* kind;
  const char* path;
  Json value;
};

TEST(ManifestDefaults, AreThoseOfTheRecordedObjects) {
  BERTH_NEEDS_SHARED("conformance/controllers");
  const std::vector<Default> defaults = {
      {"Deployment", "/spec/revisionHistoryLimit", 10},
      {"Deployment", "/spec/progressDeadlineSeconds", 600},
      {"Deployment", "/spec/strategy/type", "RollingUpdate"},
      {"Deployment", "/spec/strategy/rollingUpdate/maxSurge", "25%"},
      {"Deployment", "/spec/strategy/rollingUpdate/maxUnavailable", "25%"},
      {"StatefulSet", "/spec/podManagementPolicy", "OrderedReady"},
      {"StatefulSet", "/spec/revisionHistoryLimit", 10},
      {"StatefulSet", "/spec/updateStrategy/rollingUpdate/partition", 0},
      {"StatefulSet", "/spec/persistentVolumeClaimRetentionPolicy/whenDeleted", "Retain"},
      {"StatefulSet", "/spec/persistentVolumeClaimRetentionPolicy/whenScaled", "Retain"},
      {"DaemonSet", "/spec/updateStrategy/type", "RollingUpdate"},
      {"DaemonSet", "/spec/updateStrategy/rollingUpdate/maxUnavailable", 1},
      {"DaemonSet", "/spec/updateStrategy/rollingUpdate/maxSurge", 0},
      {"DaemonSet", "/spec/revisionHistoryLimit", 10},
      {"Job", "/spec/completionMode", "NonIndexed"},
      {"Job", "/spec/suspend", false},
      {"Job", "/spec/manualSelector", false},
      {"Job", "/spec/podReplacementPolicy", "TerminatingOrFailed"},
      {"CronJob", "/spec/concurrencyPolicy", "Allow"},
      {"CronJob", "/spec/suspend", false},
      {"CronJob", "/spec/successfulJobsHistoryLimit", 3},
      {"CronJob", "/spec/failedJobsHistoryLimit", 1},
      {"Deployment", "/spec/template/spec/restartPolicy", "Always"},
      {"Deployment", "/spec/template/spec/terminationGracePeriodSeconds", 30},
      {"Deployment", "/spec/template/spec/schedulerName", "default-scheduler"},
      {"Deployment", "/spec/template/spec/containers/0/imagePullPolicy", "IfNotPresent"},
      {"Job", "/spec/template/spec/containers/0/imagePullPolicy", "Always"},
  };
  std::map<std::string, int> seen;
  std::vector<int> restored(defaults.size());
  for (const auto& entry : std::filesystem::directory_iterator(test::shared_dir() / "conformance/controllers")) {
    if (entry.path().extension() != ".gz") continue;
    for (const Json& object : recorded(entry.path())) {
      ++seen[object["kind"]];
      ASSERT_EQ(defaulted(object), object) << entry.path();  // Nothing is left to be filled in.
      for (std::size_t i = 0; i < defaults.size(); ++i) {
        const Pointer path(defaults[i].path);
        if (object["kind"] != defaults[i].kind || !object.contains(path) || object[path] != defaults[i].value) continue;
        Json stripped = object;
        stripped[path.parent_pointer()].erase(path.back());
        ASSERT_EQ(defaulted(stripped), object) << defaults[i].path;
        ++restored[i];
      }
    }
  }
  EXPECT_EQ(seen.size(), 5U);
  for (std::size_t i = 0; i < defaults.size(); ++i) EXPECT_GT(restored[i], 0) << defaults[i].kind << defaults[i].path;
}

struct Case {
  const char* name;
  const char* text;
  std::vector<std::pair<const char*, Json>> expected;  // Path, value; null: absent.
};
class ManifestDefaultsOf : public testing::TestWithParam<Case> {};
TEST_P(ManifestDefaultsOf, TheApiReference) {
  const Json object = defaulted(checked(GetParam().text));
  for (const auto& [path, value] : GetParam().expected) {
    const Pointer pointer{std::string(path)};
    EXPECT_EQ(object.contains(pointer) ? object[pointer] : Json(), value) << path;
  }
  EXPECT_EQ(defaulted(object), object);
}
INSTANTIATE_TEST_SUITE_P(
    Table, ManifestDefaultsOf,
    testing::Values(
        Case{"Service",
             "{apiVersion: v1, kind: Service, metadata: {name: a}, spec: {ports: [{port: 80}, {port: 81, targetPort: "
             "web}]}}",
             {{"/spec/type", "ClusterIP"},
              {"/spec/sessionAffinity", "None"},
              {"/spec/ports/0/protocol", "TCP"},
              {"/spec/ports/0/targetPort", 80},
              {"/spec/ports/1/targetPort", "web"},
              {"/spec/internalTrafficPolicy", "Cluster"},
              {"/spec/externalTrafficPolicy", nullptr}}},
        Case{"NodePortWithAffinity",
             "{apiVersion: v1, kind: Service, metadata: {name: a}, spec: {type: NodePort, sessionAffinity: ClientIP, "
             "ports: "
             "[{port: 80}]}}",
             {{"/spec/externalTrafficPolicy", "Cluster"},
              {"/spec/sessionAffinityConfig/clientIP/timeoutSeconds", 10800}}},
        Case{"ExternalName",
             "{apiVersion: v1, kind: Service, metadata: {name: a}, spec: {type: ExternalName, externalName: b.c}}",
             {{"/spec/internalTrafficPolicy", nullptr}}},
        Case{"Probe",
             "{apiVersion: v1, kind: Pod, metadata: {name: a}, spec: {containers: [{name: a, image: b, readinessProbe: "
             "{httpGet: {port: 80}}}]}}",
             {{"/spec/containers/0/readinessProbe/timeoutSeconds", 1},
              {"/spec/containers/0/readinessProbe/periodSeconds", 10},
              {"/spec/containers/0/readinessProbe/successThreshold", 1},
              {"/spec/containers/0/readinessProbe/failureThreshold", 3},
              {"/spec/containers/0/readinessProbe/httpGet/path", "/"},
              {"/spec/containers/0/readinessProbe/httpGet/scheme", "HTTP"}}},
        Case{"ZeroPeriodIsUnset",
             "{apiVersion: v1, kind: Pod, metadata: {name: a}, spec: {containers: [{name: a, image: b, livenessProbe: "
             "{tcpSocket: {port: 80}, periodSeconds: 0}}]}}",
             {{"/spec/containers/0/livenessProbe/periodSeconds", 10}}},
        Case{"VolumeWithoutSource",
             "{apiVersion: v1, kind: Pod, metadata: {name: a}, spec: {containers: [{name: a, image: b}], volumes: "
             "[{name: v}]}}",
             {{"/spec/volumes/0/emptyDir", Json::object()}}},
        Case{"JobOfNothing",
             "{apiVersion: batch/v1, kind: Job, metadata: {name: a}, spec: {template: {metadata: {labels: {x: z}}, "
             "spec: "
             "{containers: []}}}}",
             {{"/spec/completions", 1},
              {"/spec/parallelism", 1},
              {"/spec/backoffLimit", 6},
              {"/metadata/labels/x", "z"}}},
        Case{"WorkQueue",
             "{apiVersion: batch/v1, kind: Job, metadata: {name: a}, spec: {parallelism: 3, template: {spec: "
             "{containers: []}}}}",
             {{"/spec/completions", nullptr}, {"/spec/parallelism", 3}}},
        Case{"BackoffPerIndex",
             "{apiVersion: batch/v1, kind: Job, metadata: {name: a}, spec: {backoffLimitPerIndex: 1, podFailurePolicy: "
             "{rules: "
             "[{action: Ignore, onPodConditions: [{type: DisruptionTarget}]}]}, template: {spec: {containers: []}}}}",
             {{"/spec/backoffLimit", 2147483647},
              {"/spec/podReplacementPolicy", "Failed"},
              {"/spec/podFailurePolicy/rules/0/onPodConditions/0/status", "True"}}},
        Case{"Recreate",
             "{apiVersion: apps/v1, kind: Deployment, metadata: {name: a}, spec: {selector: {}, strategy: {type: "
             "Recreate}, "
             "template: {spec: {containers: []}}}}",
             {{"/spec/replicas", 1}, {"/spec/strategy/rollingUpdate", nullptr}}},
        Case{
            "OnDelete",
            "{apiVersion: apps/v1, kind: StatefulSet, metadata: {name: a}, spec: {selector: {}, updateStrategy: {type: "
            "OnDelete}, template: {spec: {containers: []}}}}",
            {{"/spec/updateStrategy/rollingUpdate", nullptr}}},
        Case{"ReplicationController",
             "{apiVersion: v1, kind: ReplicationController, metadata: {name: a}, spec: {template: {metadata: {labels: "
             "{x: z}}, "
             "spec: {containers: []}}}}",
             {{"/spec/selector/x", "z"}, {"/metadata/labels/x", "z"}, {"/spec/replicas", 1}}},
        // Limits from max, requests from limits, then from min.
        Case{"LimitRange",
             "{apiVersion: v1, kind: LimitRange, metadata: {name: a}, spec: {limits: [{type: Container, max: {cpu: 2}, "
             "min: "
             "{memory: 1Mi}, default: {memory: 8Mi}}, {type: Pod, max: {cpu: 3}}]}}",
             {{"/spec/limits/0/default/cpu", "2"},
              {"/spec/limits/0/defaultRequest/cpu", "2"},
              {"/spec/limits/0/defaultRequest/memory", "8Mi"},
              {"/spec/limits/1/default", nullptr}}},
        // reference/autoscaling.md: no metrics is CPU at 80 %; up 4 pods or 100 % in 15 s at once, down 100 % in 15 s.
        Case{"Autoscaler",
             "{apiVersion: autoscaling/v2, kind: HorizontalPodAutoscaler, metadata: {name: a}, spec: {scaleTargetRef: "
             "{kind: "
             "Deployment, name: a}, maxReplicas: 3, behavior: {}}}",
             {{"/spec/minReplicas", 1},
              {"/spec/metrics/0/resource/target/averageUtilization", 80},
              {"/spec/behavior/scaleUp/stabilizationWindowSeconds", 0},
              {"/spec/behavior/scaleUp/policies/0/value", 4},
              {"/spec/behavior/scaleUp/policies/1/value", 100},
              {"/spec/behavior/scaleUp/selectPolicy", "Max"},
              {"/spec/behavior/scaleDown/stabilizationWindowSeconds", nullptr},
              {"/spec/behavior/scaleDown/policies/0/type", "Percent"}}},
        // reference/networking-and-storage.md §6.
        Case{"StorageClass",
             "{apiVersion: storage.k8s.io/v1, kind: StorageClass, metadata: {name: a}, provisioner: p}",
             {{"/reclaimPolicy", "Delete"}, {"/volumeBindingMode", "Immediate"}}},
        Case{"PersistentVolume",
             "{apiVersion: v1, kind: PersistentVolume, metadata: {name: a}, spec: {capacity: {storage: 1Gi}, "
             "accessModes: "
             "[ReadWriteOnce], hostPath: {path: /x}}}",
             {{"/spec/persistentVolumeReclaimPolicy", "Retain"}, {"/spec/volumeMode", "Filesystem"}}},
        Case{"Namespace",
             "{apiVersion: v1, kind: Namespace, metadata: {name: a}}",
             {{"/metadata/labels/kubernetes.io~1metadata.name", "a"}}},
        Case{"Node",
             "{apiVersion: v1, kind: Node, metadata: {name: a}, status: {capacity: {cpu: 4}}}",
             {{"/status/allocatable/cpu", "4"}}}),
    test::CaseName{});

// reference/images-and-containers.md §4: tag latest or none is Always; other tags and digests IfNotPresent.
TEST(ManifestDefaults, PullPolicyGoesByTheTag) {
  for (const char* image : {"nginx", "nginx:latest", "a.b:5000/c", "a.b:5000/c:latest", "n:latest@sha256:0"}) {
    EXPECT_TRUE(pulls_always(image)) << image;
  }
  for (const char* image : {"nginx:1", "a.b:5000/c:1", "nginx@sha256:0", "nginx:1@sha256:0"}) {
    EXPECT_FALSE(pulls_always(image)) << image;
  }
}

}  // namespace
}  // namespace berth::manifest
