// What is rejected and with which words, and what is listed. Expected values: the API's field types and validation
// rules (Kubernetes API reference v1.37, pkg/apis/*/validation), written down by hand.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "sim/engine/error.hpp"
#include "tests/support/case_name.hpp"
#include "tests/support/manifest_case.hpp"
#include "tests/support/temp_dir.hpp"
#include "workloads/manifest/api_schema.hpp"
#include "workloads/manifest/validation.hpp"

namespace berth::test {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

// A good Deployment; each case replaces one piece of it.
const std::string kGood = R"(apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
spec:
  replicas: 2
  selector:
    matchLabels: {app: web}
  template:
    metadata:
      labels: {app: web}
    spec:
      containers:
      - name: main
        image: nginx:1.27
        env: [{name: A, value: "1"}]
        resources:
          requests: {cpu: 100m}
          limits: {cpu: 200m}
        volumeMounts: [{name: data, mountPath: /data}]
      volumes: [{name: data, emptyDir: {}}]
)";

std::string with(const std::string& from, const std::string& to) {
  std::string text = kGood;
  const std::size_t at = text.find(from);
  if (at == std::string::npos) return "no " + from;
  return text.replace(at, from.size(), to);
}

TEST(ManifestRejects, NotTheGoodOne) {
  const manifest::Manifests found = read_text(kGood);
  EXPECT_TRUE(found.rejected.empty());
  EXPECT_EQ(notes_of(found), "");
  EXPECT_EQ(found.objects.size(), 1U);
  EXPECT_EQ(to_string(found.objects[0].place), "f.yaml:1:1");
  EXPECT_EQ(found.objects[0].key, "default/web");
}

struct Case {
  const char* name;
  const char* from;
  const char* to;
  const char* message;
};
class ManifestRejects : public testing::TestWithParam<Case> {};

TEST_P(ManifestRejects, WithPlaceReasonAndExpectation) {
  const Case& c = GetParam();
  const std::string message = rejection(with(c.from, c.to));
  EXPECT_THAT(message, HasSubstr(c.message));
  EXPECT_THAT(message, StartsWith("f.yaml:"));
  EXPECT_EQ(message.find('\n'), std::string::npos);
}
INSTANTIATE_TEST_SUITE_P(
    Table, ManifestRejects,
    testing::Values(
        Case{"TextForNumber", "replicas: 2", "replicas: two",
             "f.yaml:6:13: spec.replicas is \"two\"; expected a whole number"},
        Case{"QuotedNumber", "replicas: 2", "replicas: \"2\"",
             "expected a whole number from 0 to 2147483647 without quotes"},
        Case{"Fraction", "replicas: 2", "replicas: 2.5", "spec.replicas is 2.5; expected a whole number"},
        Case{"Negative", "replicas: 2", "replicas: -1", "spec.replicas is -1; expected a whole number from 0"},
        Case{"NumberForText", "value: \"1\"", "value: 1",
             "f.yaml:16:32: spec.template.spec.containers[0].env[0].value is 1, a number; expected a string (\"1\" in "
             "quotes)"},
        Case{"BooleanForText", "value: \"1\"", "value: yes", "is yes, a boolean; expected a string"},
        Case{"NumberForLabel", "labels: {app: web}", "labels: {app: 1}", "labels.app is 1, a number"},
        Case{"MapForList", "env: [{name: A, value: \"1\"}]", "env: {A: \"1\"}", "env is a map; expected a list"},
        Case{"ListForMap", "matchLabels: {app: web}", "matchLabels: [web]", "matchLabels is a list; expected a map"},
        Case{"BadQuantity", "cpu: 100m", "cpu: 100 m", "requests.cpu is \"100 m\"; expected millicores"},
        Case{"NegativeQuantity", "cpu: 100m", "cpu: -1", "requests.cpu is \"-1\", negative"},
        Case{"RequestAboveLimit", "cpu: 100m", "cpu: 300m",
             "requests.cpu is 300m and the limit 200m; expected at most"},
        Case{"ExtendedWithoutLimit", "cpu: 100m", "nvidia.com/gpu: 1", "is requested without a limit"},
        Case{"MissingImage", "image: nginx:1.27", "imagePullPolicy: Always", "lacks \"image\""},
        Case{"MissingName", "- name: main\n", "- \n", "containers[0] lacks \"name\""},
        Case{"MissingSelector", "  selector:\n    matchLabels: {app: web}\n", "", "spec lacks \"selector\""},
        Case{"SlipInRequiredField",
             "selector:", "selectr:", "spec lacks \"selector\"; expected a value for it; is \"selectr\""},
        Case{"SelectorMisses", "labels: {app: web}", "labels: {app: other}", "spec.selector does not fit the labels"},
        Case{"EmptySelector", "matchLabels: {app: web}", "matchLabels: {}", "spec.selector is empty"},
        Case{"BadName", "name: web", "name: Web_1", "metadata.name is \"Web_1\"; expected a DNS name"},
        Case{"BadLabel", "labels: {app: web}", "labels: {app: web, b: -x}", "expected a label's value"},
        Case{"NoContainers", "volumes: [{name: data, emptyDir: {}}]", "initContainers: [{name: main, image: a}]",
             "which another container has"},
        Case{"UnknownVolume", "mountPath: /data", "mountPath: /data}, {name: dat, mountPath: /b",
             "mounts a volume \"dat\", which the pod lacks; expected one of its volumes; did you mean \"data\"?"},
        Case{"VolumeOfTwoKinds", "emptyDir: {}", "emptyDir: {}, hostPath: {path: /x}", "has more than one source"},
        Case{"RestartNever",
             "volumes:", "restartPolicy: Never\n      volumes:", "restartPolicy is Never; expected Always"},
        Case{"WrongWord", "volumes:", "restartPolicy: never\n      volumes:",
             "is \"never\"; expected one of Always, OnFailure, Never; did you mean \"Never\"?"},
        Case{"ProbeOfNothing", "        volumeMounts",
             "        livenessProbe: {periodSeconds: 5}\n        volumeMounts", "livenessProbe does nothing"},
        Case{"ProbeOfTwo", "        volumeMounts",
             "        livenessProbe: {tcpSocket: {port: 1}, exec: {command: [a]}}\n        volumeMounts",
             "has more than one of exec"},
        Case{"LivenessThreshold", "        volumeMounts",
             "        livenessProbe: {tcpSocket: {port: 1}, successThreshold: 2}\n        volumeMounts",
             "successThreshold is not 1"},
        Case{"NoSurgeNorUnavailable", "replicas: 2", "strategy: {rollingUpdate: {maxSurge: 0, maxUnavailable: 0}}",
             "has maxUnavailable and maxSurge both 0"},
        Case{"BadPercent", "replicas: 2", "strategy: {rollingUpdate: {maxSurge: 25 %}}",
             "maxSurge is \"25 %\"; expected a count (3) or a percentage"},
        Case{"RecreateWithRolling", "replicas: 2", "strategy: {type: Recreate, rollingUpdate: {maxSurge: 1}}",
             "goes with the type RollingUpdate"},
        Case{"OldVersion", "apps/v1", "extensions/v1beta1",
             "f.yaml:1:13: Deployment of extensions/v1beta1 was removed in Kubernetes 1.16; expected apps/v1"},
        Case{"WrongVersion", "apps/v1", "v1", "no kind Deployment in v1; expected apps/v1"},
        Case{"SlipInGroup", "apps/v1", "app/v1", "no kind Deployment in app/v1; expected apps/v1"},
        Case{"SlipInKind", "kind: Deployment", "kind: Deploymnet", "did you mean \"Deployment\"?"},
        Case{"NoKind", "kind: Deployment\n", "", "has no kind; expected a Kubernetes object"},
        Case{"NoVersion", "apiVersion: apps/v1\n", "", "Deployment has no apiVersion"},
        Case{"Template", "replicas: 2", "replicas: {{ .Values.replicas }}", "a template by its \"{{\" at 6:13"},
        Case{"TemplateInName", "name: web", "name: \"{{ .Release.Name }}\"", "as by `helm template`"},
        Case{"TemplateInImage", "image: nginx:1.27", "image: \"{{ .Values.image }}\"", "a placeholder"},
        Case{"UnknownBehavior", "      labels: {app: web}",
             "      labels: {app: web}\n      annotations: {berth.dev/runtime: 5s}", "did you mean \"run-time\"?"},
        Case{"BadBehavior", "      labels: {app: web}",
             "      labels: {app: web}\n      annotations: {berth.dev/memory: \"1m:1Mi, 1m:2Mi\"}",
             "points in rising time"},
        Case{"BehaviorOfNobody", "      labels: {app: web}",
             "      labels: {app: web}\n      annotations: {man.berth.dev/run-time: 5s}",
             "is for a container \"man\"; expected one of main; did you mean \"main\"?"}),
    CaseName{});

struct Whole {
  const char* name;
  const char* text;
  const char* message;
};
class ManifestRejectsWhole : public testing::TestWithParam<Whole> {};
TEST_P(ManifestRejectsWhole, Object) {
  EXPECT_THAT(rejection(GetParam().text), HasSubstr(GetParam().message));
}
#define META "metadata: {name: x}\n"
INSTANTIATE_TEST_SUITE_P(
    Table, ManifestRejectsWhole,
    testing::Values(
        Whole{"JobAlways",
              "apiVersion: batch/v1\nkind: Job\n" META
              "spec: {template: {spec: {containers: [{name: a, image: b}]}}}\n",
              "expected OnFailure or Never for a job"},
        Whole{"IndexedWithoutCompletions",
              "apiVersion: batch/v1\nkind: Job\n" META
              "spec: {completionMode: Indexed, parallelism: 1, template: {spec: {restartPolicy: Never, containers: "
              "[{name: a, image: b}]}}}\n",
              "is Indexed without completions"},
        Whole{"CronSchedule",
              "apiVersion: batch/v1\nkind: CronJob\n" META
              "spec: {schedule: \"61 * * * *\", jobTemplate: {spec: {template: {spec: {restartPolicy: Never, "
              "containers: [{name: a, image: b}]}}}}}\n",
              "spec.schedule is \"61 * * * *\"; expected five fields"},
        Whole{"HpaMinAboveMax",
              "apiVersion: autoscaling/v2\nkind: HorizontalPodAutoscaler\n" META
              "spec: {scaleTargetRef: {kind: Deployment, name: x}, minReplicas: 5, maxReplicas: 3}\n",
              "minReplicas 5 above maxReplicas 3"},
        Whole{
            "HpaTarget",
            "apiVersion: autoscaling/v2\nkind: HorizontalPodAutoscaler\n" META
            "spec: {scaleTargetRef: {kind: Deployment, name: x}, maxReplicas: 3, metrics: [{type: Resource, resource: "
            "{name: cpu, target: {type: Utilization, averageValue: 1}}}]}\n",
            "values that do not go together"},
        Whole{"BudgetOfBoth",
              "apiVersion: policy/v1\nkind: PodDisruptionBudget\n" META
              "spec: {selector: {}, minAvailable: 1, maxUnavailable: 1}\n",
              "has minAvailable and maxUnavailable"},
        Whole{"SecretData", "apiVersion: v1\nkind: Secret\n" META "data: {a: \"not base64!\"}\n",
              "data.a is no base64"},
        Whole{"ServicePorts", "apiVersion: v1\nkind: Service\n" META "spec: {ports: [{port: 80}, {port: 81}]}\n",
              "lacks \"name\"; expected one where there are several ports"},
        Whole{"ServiceWithoutPorts", "apiVersion: v1\nkind: Service\n" META "spec: {selector: {a: b}}\n",
              "has no ports"},
        Whole{"PortRange", "apiVersion: v1\nkind: Service\n" META "spec: {ports: [{port: 70000}]}\n",
              "is 70000; expected a whole number from 1 to 65535"},
        Whole{"ClaimStorage",
              "apiVersion: v1\nkind: PersistentVolumeClaim\n" META "spec: {accessModes: [ReadWriteOnce]}\n",
              "requests no storage"},
        Whole{"LimitOrder",
              "apiVersion: v1\nkind: LimitRange\n" META
              "spec: {limits: [{type: Container, min: {cpu: 2}, max: {cpu: 1}}]}\n",
              "has min of cpu above"},
        Whole{"PriorityTooHigh", "apiVersion: scheduling.k8s.io/v1\nkind: PriorityClass\n" META "value: 2000000000\n",
              "is above 1000000000"},
        Whole{"Toleration",
              "apiVersion: v1\nkind: Pod\n" META "spec: {containers: [{name: a, image: b}], tolerations: [{key: a, "
              "operator: Exists, tolerationSeconds: 5}]}\n",
              "expected them with effect NoExecute only"},
        Whole{"Kustomization",
              "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nresources: [a.yaml]\n",
              "is a kustomization"},
        Whole{"KustomizationWithoutKind", "resources:\n- a.yaml\n", "is a kustomization"},
        Whole{"Compose", "services: {web: {image: a}}\n", "a Compose file?"},
        Whole{"Chart", "apiVersion: v2\nname: shop\nversion: 1.0.0\n", "a Helm chart's own file"},
        Whole{"List", "- a\n- b\n", "no object; expected a map"},
        Whole{"Text", "hello\n", "no object; expected a map"}),
    CaseName{});

TEST(ManifestNotes, ListEachFieldOnceWithItsFirstPlace) {
  manifest::Manifests found;
  const std::string text =
      "apiVersion: v1\nkind: Pod\nmetadata: {name: NAME}\nspec:\n  containers:\n  - name: a\n    image: b\n"
      "    securityContext: {runAsUser: 1}\n    imagePulPolicy: Never\n";
  for (const char* name : {"p1", "p2", "p3"}) {
    std::string one = text;
    one.replace(one.find("NAME"), 4, name);
    manifest::read_manifest(one, std::string(name) + ".yaml", found);
  }
  EXPECT_TRUE(found.rejected.empty());
  EXPECT_EQ(notes_of(found),
            "not modelled: spec.containers[].securityContext (3 files, first p1.yaml:8:5)\n"
            "not known to Kubernetes: spec.containers[].imagePulPolicy (3 files, first p1.yaml:9:5); did you mean "
            "\"imagePullPolicy\"?\n");
}

TEST(ManifestNotes, ListKindsThatAreNotModelled) {
  const manifest::Manifests found = read_text(
      "apiVersion: v1\nkind: ServiceAccount\nmetadata: {name: a}\n---\n"
      "apiVersion: monitoring.coreos.com/v1\nkind: ServiceMonitor\nmetadata: {name: a}\n");
  EXPECT_TRUE(found.rejected.empty());
  EXPECT_EQ(notes_of(found),
            "not modelled: kind ServiceAccount (f.yaml:1:1)\n"
            "not modelled: kind ServiceMonitor (monitoring.coreos.com) (f.yaml:5:1)\n");
}

TEST(ManifestNotes, TheLaterOfTwoCounts) {
  const std::string text = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {k: \"VALUE\"}\n";
  const manifest::Manifests found = read_text(text + "---\n" + std::string(text).replace(text.find("VALUE"), 5, "new"));
  ASSERT_EQ(found.objects.size(), 1U);
  EXPECT_EQ(*std::get<kube::api::ConfigData>(found.objects[0].object).data.find("k"), "new");
  EXPECT_EQ(notes_of(found),
            "comes again: ConfigMap default/a (f.yaml:6:1); the last one counts, not that of f.yaml:1:1\n");
}

TEST(ManifestLists, AreTakenApart) {
  const manifest::Manifests found = read_text(
      "{\"apiVersion\": \"v1\", \"kind\": \"List\", \"metadata\": {\"resourceVersion\": \"\"}, \"items\": [\n"
      "{\"apiVersion\": \"v1\", \"kind\": \"Namespace\", \"metadata\": {\"name\": \"a\"}},\n"
      "{\"apiVersion\": \"v1\", \"kind\": \"List\", \"items\": [{\"apiVersion\": \"v1\", \"kind\": \"Namespace\", "
      "\"metadata\": "
      "{\"name\": \"b\"}}]}]}");
  ASSERT_EQ(found.objects.size(), 2U);
  EXPECT_EQ(found.objects[1].key, "b");
  EXPECT_EQ(to_string(found.objects[0].place), "f.yaml:2:1");
  // PodList leaves out the kind of its items.
  const manifest::Manifests nodes =
      read_text("apiVersion: v1\nkind: NamespaceList\nitems:\n- metadata: {name: c}\n- metadata: {name: d}\n");
  EXPECT_EQ(nodes.objects.size(), 2U);
  std::string deep = "{\"apiVersion\": \"v1\", \"kind\": \"List\", \"items\": []}";
  for (int i = 0; i < 20; ++i) deep = "{\"apiVersion\": \"v1\", \"kind\": \"List\", \"items\": [" + deep + "]}";
  EXPECT_THAT(rejection(deep), HasSubstr("lists in lists"));
}

TEST(ManifestFolders, AreReadInNameOrder) {
  const TempDir folder;
  std::filesystem::create_directories(folder.path() / "b");
  folder.file("b/2.yml", "apiVersion: v1\nkind: Namespace\nmetadata: {name: two}\n");
  folder.file("a.json", "{\"apiVersion\": \"v1\", \"kind\": \"Namespace\", \"metadata\": {\"name\": \"one\"}}");
  folder.file("c.yaml", "# empty\n");
  folder.file("kustomization.yaml", "resources: [a.yaml]\n");
  folder.file("notes.txt", "no manifest");
  const std::vector<std::string> paths = {folder.path().string()};
  const manifest::Manifests found = manifest::load_manifests(paths);
  EXPECT_EQ(found.files, 4U);
  EXPECT_EQ(found.empty_files, 1U);
  ASSERT_EQ(found.objects.size(), 2U);
  EXPECT_EQ(found.objects[0].key, "one");
  EXPECT_EQ(found.objects[1].key, "two");
  ASSERT_EQ(found.rejected.size(), 1U);
  EXPECT_EQ(found.rejected[0].kind, "Kustomization");
  EXPECT_THROW(found.require_good(), InputError);
  const std::vector<std::string> missing = {folder / "none.yaml"};
  EXPECT_THROW(manifest::load_manifests(missing), InputError);
}

TEST(ManifestLooks, TellManifestsFromScenarios) {
  EXPECT_TRUE(manifest::looks_like_manifest("# x\napiVersion: v1\nkind: Pod\n", "a.yaml"));
  EXPECT_TRUE(manifest::looks_like_manifest("{\"apiVersion\": \"v1\"}", "a.yaml"));
  EXPECT_TRUE(manifest::looks_like_manifest("{{ if .Values.x }}\na: b\n{{ end }}\n", "a.yaml"));
  EXPECT_TRUE(manifest::looks_like_manifest("resources: []\n", "x/kustomization.yaml"));
  EXPECT_FALSE(manifest::looks_like_manifest("name: a\nnodes: []\n", "a.yaml"));
  EXPECT_FALSE(manifest::looks_like_manifest("apiVersion: berth.dev/v1alpha1\nkind: Study\n", "a.yaml"));
}

// RFC 1123 labels, the label syntax of the API concepts page, robfig/cron's standard fields.
TEST(ManifestNames, FollowTheirSyntax) {
  const std::string a63(63, 'a');
  for (const std::string& good : {std::string("a"), std::string("a-1"), std::string("0"), a63}) {
    EXPECT_TRUE(manifest::is_dns_label(good)) << good;
  }
  for (const std::string& bad :
       {std::string(), std::string("-a"), std::string("a-"), std::string("A"), std::string("a.b"), a63 + "a"}) {
    EXPECT_FALSE(manifest::is_dns_label(bad)) << bad;
  }
  EXPECT_TRUE(manifest::is_dns_subdomain("a.b-c.d"));
  EXPECT_FALSE(manifest::is_dns_subdomain("a..b"));
  EXPECT_FALSE(manifest::is_dns_subdomain(std::string(254, 'a')));
  EXPECT_TRUE(manifest::is_label_key("app.kubernetes.io/name_x.Y"));
  EXPECT_FALSE(manifest::is_label_key("a/b/c"));
  EXPECT_FALSE(manifest::is_label_key("/a"));
  EXPECT_TRUE(manifest::is_label_value(""));
  EXPECT_FALSE(manifest::is_label_value("a b"));
  for (const char* good : {"* * * * *", "*/5 0-6,12 1 jan-DEC sun", "0 0 ? * MON-FRI", "@hourly", "@every 90s"}) {
    EXPECT_TRUE(manifest::is_cron_schedule(good)) << good;
  }
  for (const char* bad : {"", "* * * *", "* * * * * *", "60 * * * *", "* 24 * * *", "* * 0 * *", "* * * 13 *",
                          "* * * * 7", "5-1 * * * *", "*/0 * * * *", "@sometimes", "@every x"}) {
    EXPECT_FALSE(manifest::is_cron_schedule(bad)) << bad;
  }
}

// Any prefix of a good file is read or rejected, never more than one line a message.
TEST(ManifestFuzz, EveryPrefixAndEverySlip) {
  for (std::size_t n = 0; n <= kGood.size(); ++n) {
    const manifest::Manifests found = read_text(std::string_view(kGood).substr(0, n));
    for (const manifest::Rejected& r : found.rejected) ASSERT_EQ(r.message.find('\n'), std::string::npos) << n;
  }
  std::size_t rejected = 0;
  for (std::size_t n = 0; n < kGood.size(); ++n) {
    for (const char c : {'{', ']', ':', '&', '"', '\t', '-', '\n'}) {
      std::string text = kGood;
      text[n] = c;
      rejected += read_text(text).rejected.size();
    }
  }
  EXPECT_GT(rejected, kGood.size());
}

// What `berth run` may leave out when it is bad, and what not: a word that is no kind may be a Deployment misspelt.
TEST(ManifestRejects, SomeKindsPlayNoPart) {
  const manifest::ApiSchema& schema = manifest::ApiSchema::get();
  for (const char* kind : {"Ingress", "ClusterRole", "NetworkPolicy", "PodSecurityPolicy", "APIService"}) {
    EXPECT_TRUE(schema.plays_no_part(kind)) << kind;
  }
  for (const char* kind : {"Deployment", "Deploymnt", "PersistentVolume", "(no kind)", "(not readable)", ""}) {
    EXPECT_FALSE(schema.plays_no_part(kind)) << kind;
  }
}

}  // namespace
}  // namespace berth::test
