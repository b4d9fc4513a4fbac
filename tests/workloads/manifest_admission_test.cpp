// Admission by hand-derived cases. Source of the rules and words: plugin/pkg/admission and pkg/quota/v1 of Kubernetes
// v1.37.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "tests/support/manifest_case.hpp"
#include "workloads/manifest/admission.hpp"

namespace berth::test {
namespace {

using namespace kube::api;
using testing::HasSubstr;

const char* const kRules = R"(
apiVersion: v1
kind: LimitRange
metadata: {name: bounds}
spec:
  limits:
  - type: Container
    default: {cpu: 500m}
    defaultRequest: {cpu: 200m}
    min: {cpu: 100m}
    max: {cpu: "1"}
    maxLimitRequestRatio: {cpu: "5"}
  - {type: Pod, max: {cpu: 1500m}}
  - {type: PersistentVolumeClaim, min: {storage: 1Gi}, max: {storage: 10Gi}}
---
apiVersion: scheduling.k8s.io/v1
kind: PriorityClass
metadata: {name: high}
value: 1000
preemptionPolicy: Never
---
apiVersion: scheduling.k8s.io/v1
kind: PriorityClass
metadata: {name: usual}
value: 5
globalDefault: true
---
apiVersion: node.k8s.io/v1
kind: RuntimeClass
metadata: {name: kata}
handler: kata
overhead: {podFixed: {cpu: 250m, memory: 120Mi}}
scheduling: {nodeSelector: {runtime: kata}, tolerations: [{key: kata, operator: Exists}]}
---
apiVersion: storage.k8s.io/v1
kind: StorageClass
metadata: {name: b, annotations: {storageclass.kubernetes.io/is-default-class: "true"}}
provisioner: p
---
apiVersion: storage.k8s.io/v1
kind: StorageClass
metadata: {name: a, annotations: {storageclass.kubernetes.io/is-default-class: "false"}}
provisioner: p
)";

Pod pod_with(const std::string& resources, const std::string& spec = "",
             const std::string& namespace_name = "default") {
  return only<Pod>("{apiVersion: v1, kind: Pod, metadata: {name: p, namespace: " + namespace_name +
                   "}, spec: {containers: [{name: c, image: i, resources: {" + resources + "}}]" +
                   (spec.empty() ? "" : ", " + spec) + "}}");
}

class ManifestAdmission : public testing::Test {
 protected:
  ManifestAdmission() : rules_(read_text(kRules)), admission_(rules_) { EXPECT_TRUE(rules_.rejected.empty()); }
  std::string refusal(Pod pod) const { return admission_.admit(pod); }

  manifest::Manifests rules_;
  manifest::Admission admission_;
};

TEST_F(ManifestAdmission, FillsInLimitsPriorityAndTolerations) {
  Pod pod = pod_with("");
  EXPECT_EQ(admission_.admit(pod), "");
  const kube::Container& c = pod.scheduling.containers[0];
  EXPECT_EQ(c.limits.find("cpu")->milli_value(), 500);
  EXPECT_EQ(c.requests.find("cpu")->milli_value(), 200);
  EXPECT_EQ(pod.scheduling.priority, 5);
  ASSERT_EQ(pod.scheduling.tolerations.size(), 2U);
  EXPECT_EQ(pod.scheduling.tolerations[0].key, "node.kubernetes.io/not-ready");
  EXPECT_EQ(pod.scheduling.tolerations[1].key, "node.kubernetes.io/unreachable");
  EXPECT_EQ(pod.scheduling.tolerations[1].seconds, 300);
  EXPECT_EQ(admission_.admit(pod), "");  // A second time changes nothing.
  EXPECT_EQ(pod.scheduling.tolerations.size(), 2U);
}

TEST_F(ManifestAdmission, KeepsOwnTolerationsOfUnreadyNodes) {
  Pod pod = pod_with("",
                     "tolerations: [{key: node.kubernetes.io/not-ready, operator: Exists, effect: NoExecute, "
                     "tolerationSeconds: 10}]");
  EXPECT_EQ(admission_.admit(pod), "");
  ASSERT_EQ(pod.scheduling.tolerations.size(), 2U);
  EXPECT_EQ(pod.scheduling.tolerations[0].seconds, 10);
  Pod all = pod_with("", "tolerations: [{operator: Exists}]");
  EXPECT_EQ(admission_.admit(all), "");
  EXPECT_EQ(all.scheduling.tolerations.size(), 1U);
}

TEST_F(ManifestAdmission, HoldsContainersAndPodsToTheirBounds) {
  EXPECT_EQ(refusal(pod_with("requests: {cpu: 50m}, limits: {cpu: 100m}")),
            "minimum cpu usage per Container is 100m, but request is 50m");
  EXPECT_THAT(refusal(pod_with("requests: {cpu: 900m}, limits: {cpu: 1100m}")),
              HasSubstr("maximum cpu usage per Container is 1, but limit is 1100m"));
  EXPECT_THAT(refusal(pod_with("requests: {cpu: 100m}, limits: {cpu: 600m}")),
              HasSubstr("cpu max limit to request ratio per Container is 5, but provided ratio is 6.000000"));
  EXPECT_EQ(refusal(pod_with("requests: {cpu: 100m}, limits: {cpu: 500m}")), "");
  // Two containers of 800m limit: 1600m for the pod.
  Pod two = pod_with("requests: {cpu: 800m}, limits: {cpu: 800m}");
  two.scheduling.containers.push_back(two.scheduling.containers[0]);
  two.spec.containers.push_back(two.spec.containers[0]);
  EXPECT_EQ(refusal(two), "maximum cpu usage per Pod is 1500m, but limit is 1600m");
  EXPECT_EQ(refusal(pod_with("requests: {cpu: 50m}", "", "elsewhere")), "");  // Bounds are a namespace's.
}

TEST_F(ManifestAdmission, ResolvesPriorityClasses) {
  Pod pod = pod_with("", "priorityClassName: high");
  EXPECT_EQ(admission_.admit(pod), "");
  EXPECT_EQ(pod.scheduling.priority, 1000);
  EXPECT_TRUE(pod.scheduling.never_preempts);
  EXPECT_EQ(refusal(pod_with("", "priorityClassName: hgh")), "no PriorityClass with name hgh was found");
}

TEST_F(ManifestAdmission, AppliesRuntimeClasses) {
  Pod pod = pod_with("requests: {cpu: 100m}, limits: {cpu: 100m}", "runtimeClassName: kata");
  EXPECT_EQ(admission_.admit(pod), "");
  EXPECT_EQ(pod.scheduling.overhead.find("memory")->value(), 120 << 20);
  EXPECT_EQ(*pod.scheduling.node_selector.find("runtime"), "kata");
  EXPECT_EQ(pod.scheduling.tolerations.back().key, "kata");
  EXPECT_EQ(kube::pod_requests(pod.scheduling, {}).find("cpu")->milli_value(), 350);
  EXPECT_EQ(refusal(pod_with("", "runtimeClassName: none")), "pod rejected: RuntimeClass \"none\" not found");
  EXPECT_THAT(refusal(pod_with("", "runtimeClassName: kata, nodeSelector: {runtime: runc}")), HasSubstr("conflict"));
  EXPECT_THAT(refusal(pod_with("", "overhead: {cpu: 1m}")), HasSubstr("Pod Overhead set without"));
}

PersistentVolumeClaim claim_of(const std::string& storage, const std::string& more = "") {
  return only<PersistentVolumeClaim>(
      "{apiVersion: v1, kind: PersistentVolumeClaim, metadata: {name: c}, spec: {accessModes: [ReadWriteOnce], "
      "resources: "
      "{requests: {storage: " +
      storage + "}}" + more + "}}");
}

TEST_F(ManifestAdmission, GivesClaimsTheDefaultClass) {
  PersistentVolumeClaim claim = claim_of("2Gi");
  EXPECT_EQ(admission_.admit(claim), "");
  EXPECT_EQ(claim.scheduling.storage_class, "b");
  PersistentVolumeClaim none = claim_of("2Gi", ", storageClassName: \"\"");  // Explicitly without a class.
  EXPECT_EQ(admission_.admit(none), "");
  EXPECT_EQ(none.scheduling.storage_class, "");
  PersistentVolumeClaim small = claim_of("1Mi");
  EXPECT_EQ(admission_.admit(small), "minimum storage usage per PersistentVolumeClaim is 1Gi, but request is 1Mi");
}

ResourceQuota quota(const std::string& spec) {
  return only<ResourceQuota>("{apiVersion: v1, kind: ResourceQuota, metadata: {name: q}, spec: {" + spec + "}}");
}

TEST(ManifestQuota, CountsAndGivesBack) {
  manifest::QuotaLedger ledger({quota("hard: {requests.cpu: \"1\", pods: 3, count/pods: 9}")});
  const Pod pod = pod_with("requests: {cpu: 400m}");
  EXPECT_EQ(ledger.charge(pod), "");
  EXPECT_EQ(ledger.charge(pod), "");
  EXPECT_EQ(ledger.charge(pod),
            "exceeded quota: q, requested: requests.cpu=400m, used: requests.cpu=800m, limited: requests.cpu=1");
  EXPECT_EQ(ledger.used("default/q")->find("pods")->value(), 2);
  ledger.release(pod);
  EXPECT_EQ(ledger.used("default/q")->find("requests.cpu")->milli_value(), 400);
  EXPECT_EQ(ledger.charge(pod), "");
  EXPECT_EQ(ledger.charge(pod_with("", "", "elsewhere")), "");
}

TEST(ManifestQuota, WantsEveryContainerToSayWhatItTakes) {
  manifest::QuotaLedger ledger({quota("hard: {limits.memory: 1Gi, cpu: 2}")});
  EXPECT_EQ(ledger.charge(pod_with("requests: {cpu: 1}")), "failed quota: q: must specify limits.memory for: c");
  EXPECT_EQ(ledger.charge(pod_with("")), "failed quota: q: must specify cpu for: c; limits.memory for: c");
  manifest::QuotaLedger gpus({quota("hard: {requests.nvidia.com/gpu: 2}")});
  const Pod pod = pod_with("limits: {nvidia.com/gpu: 2}");
  EXPECT_EQ(gpus.charge(pod_with("")), "");  // Only cpu and memory must be said.
  EXPECT_EQ(gpus.charge(pod), "");
  EXPECT_THAT(gpus.charge(pod), HasSubstr("exceeded quota"));
}

struct ScopeCase {
  const char* scopes;
  const char* resources;
  const char* spec;
  bool counts;
};
TEST(ManifestQuota, ScopesPickPods) {
  const ScopeCase cases[] = {
      {"scopes: [BestEffort]", "", "", true},
      {"scopes: [BestEffort]", "requests: {cpu: 1m}", "", false},
      {"scopes: [NotBestEffort]", "limits: {memory: 1Mi}", "", true},
      {"scopes: [BestEffort]", "requests: {ephemeral-storage: 1Mi}", "", true},  // QoS looks at cpu and memory.
      {"scopes: [Terminating]", "", "activeDeadlineSeconds: 5", true},
      {"scopes: [Terminating]", "", "", false},
      {"scopes: [NotTerminating, BestEffort]", "", "", true},
      {"scopeSelector: {matchExpressions: [{scopeName: PriorityClass, operator: In, values: [high]}]}", "",
       "priorityClassName: high", true},
      {"scopeSelector: {matchExpressions: [{scopeName: PriorityClass, operator: In, values: [high]}]}", "", "", false},
      {"scopeSelector: {matchExpressions: [{scopeName: PriorityClass, operator: DoesNotExist}]}", "", "", true},
      {"scopes: [CrossNamespacePodAffinity]", "",
       "affinity: {podAffinity: {requiredDuringSchedulingIgnoredDuringExecution: [{topologyKey: k, namespaces: [x]}]}}",
       true},
  };
  for (const ScopeCase& c : cases) {
    manifest::QuotaLedger ledger({quota(std::string("hard: {pods: 0}, ") + c.scopes)});
    EXPECT_EQ(!ledger.charge(pod_with(c.resources, c.spec)).empty(), c.counts)
        << c.scopes << " " << c.resources << c.spec;
  }
}

TEST(ManifestQuota, CountsClaimsByClass) {
  manifest::QuotaLedger ledger(
      {quota("hard: {requests.storage: 5Gi, persistentvolumeclaims: 9, "
             "fast.storageclass.storage.k8s.io/requests.storage: 2Gi}")});
  EXPECT_EQ(ledger.charge(claim_of("2Gi", ", storageClassName: fast")), "");
  EXPECT_THAT(ledger.charge(claim_of("1Gi", ", storageClassName: fast")), HasSubstr("fast.storageclass"));
  EXPECT_EQ(ledger.charge(claim_of("3Gi")), "");
  EXPECT_EQ(
      ledger.charge(claim_of("1Gi")),
      "exceeded quota: q, requested: requests.storage=1Gi, used: requests.storage=5Gi, limited: requests.storage=5Gi");
}

TEST(ManifestRefusals, AreNotedWithTheFirstPodThatFails) {
  manifest::Manifests found = read_text(R"(
apiVersion: v1
kind: ResourceQuota
metadata: {name: q}
spec: {hard: {pods: 3}}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 5
  selector: {matchLabels: {a: b}}
  template: {metadata: {labels: {a: b}}, spec: {containers: [{name: c, image: i}]}}
)");
  manifest::note_refusals(found);
  EXPECT_EQ(
      notes_of(found),
      "admission refuses: Deployment default/web from its pod number 4 on (f.yaml:7:1); exceeded quota: q, requested: "
      "pods=1, used: pods=3, limited: pods=3\n");
}

}  // namespace
}  // namespace berth::test
