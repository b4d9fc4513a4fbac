// Pods, and what the API server fills in before a scheduler sees them.
#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "workloads/kube_json.hpp"
#include "workloads/kube_json_parts.hpp"

namespace berth::kube {

using namespace parts;

namespace {

constexpr std::int64_t kMaxInt64 = std::numeric_limits<std::int64_t>::max();
constexpr std::int64_t kMinInt64 = std::numeric_limits<std::int64_t>::min();

// The API server's step for matchLabelKeys and mismatchLabelKeys: the pod's own value of each key it has.
void merge_label_keys(const std::vector<std::string>& keys, SelectorOperator op, const StringMap& pod_labels,
                      LabelSelector& selector) {
  if (selector.nothing) return;
  for (const std::string& key : keys) {
    if (const std::string* value = pod_labels.find(key)) selector.requirements.push_back({key, op, {*value}});
  }
}

PodAffinityTerm affinity_term(const Reader& r, const StringMap& pod_labels) {
  PodAffinityTerm out;
  std::vector<std::string> match;
  std::vector<std::string> mismatch;
  Fields f(r);
  f.get("labelSelector", [&](const Reader& v) { out.selector = label_selector(v); });
  f.get("namespaces", [&](const Reader& v) { out.namespaces = v.texts(); });
  f.get("namespaceSelector", [&](const Reader& v) { out.namespace_selector = label_selector(v); });
  if (!f.text("topologyKey", out.topology_key))
    r.fail("lacks \"topologyKey\"; expected a node label such as kubernetes.io/hostname");
  f.get("matchLabelKeys", [&](const Reader& v) { match = v.texts(); });
  f.get("mismatchLabelKeys", [&](const Reader& v) { mismatch = v.texts(); });
  merge_label_keys(match, SelectorOperator::kIn, pod_labels, out.selector);
  merge_label_keys(mismatch, SelectorOperator::kNotIn, pod_labels, out.selector);
  return out;
}

void pod_affinity(const Reader& r, const StringMap& pod_labels, std::vector<PodAffinityTerm>& required,
                  std::vector<WeightedPodAffinityTerm>& preferred) {
  Fields f(r);
  f.get("requiredDuringSchedulingIgnoredDuringExecution", [&](const Reader& v) {
    v.each([&](const Reader& item) { required.push_back(affinity_term(item, pod_labels)); });
  });
  f.get("preferredDuringSchedulingIgnoredDuringExecution", [&](const Reader& v) {
    v.each([&](const Reader& item) {
      Fields w(item);
      WeightedPodAffinityTerm& out = preferred.emplace_back();
      w.integer("weight", out.weight, 0, 100);
      w.get("podAffinityTerm", [&](const Reader& t) { out.term = affinity_term(t, pod_labels); });
    });
  });
}

void node_affinity(const Reader& r, Pod& out) {
  Fields f(r);
  f.get("requiredDuringSchedulingIgnoredDuringExecution", [&](const Reader& v) {
    out.has_node_affinity_terms = true;
    node_selector_terms(v, out.required_node_terms);
  });
  f.list("preferredDuringSchedulingIgnoredDuringExecution", out.preferred_node_terms);
}

Container container(const Reader& r, bool host_network) {
  Container out;
  Fields f(r);
  f.text("name", out.name);
  f.text("image", out.image);
  f.get("resources", [&](const Reader& v) { requests_and_limits(v, out.requests, out.limits); });
  // A limit without a request is a request.
  for (const auto& [name, amount] : out.limits) {
    if (out.requests.find(name) == nullptr) out.requests.set(name, amount);
  }
  f.get("ports", [&](const Reader& v) {
    v.each([&](const Reader& item) {
      ContainerPort& port = out.ports.emplace_back();
      std::int32_t container_port = 0;
      Fields p(item);
      p.integer("containerPort", container_port, 0, 65535);
      p.integer("hostPort", port.host_port, 0, 65535);
      p.text("hostIP", port.host_ip);
      p.text("protocol", port.protocol);
      p.ignore({"name"});
      if (port.protocol.empty()) port.protocol = "TCP";
      if (host_network && port.host_port == 0) port.host_port = container_port;
    });
  });
  f.get("restartPolicy", [&](const Reader& v) { out.restart_always = v.text() == "Always"; });
  f.ignore({"args", "command", "env", "envFrom", "imagePullPolicy", "lifecycle", "livenessProbe", "readinessProbe",
            "resizePolicy", "securityContext", "startupProbe", "stdin", "stdinOnce", "terminationMessagePath",
            "terminationMessagePolicy", "tty", "volumeDevices", "volumeMounts", "workingDir"});
  return out;
}

Volume volume(const Reader& r) {
  Volume out;
  Fields f(r);
  f.text("name", out.name);
  const auto source = [&](const char* member, Volume::Kind kind, const char* name, const char* second = nullptr) {
    f.get(member, [&](const Reader& v) {
      out.kind = kind;
      Fields s(v);
      s.text(name, out.source);
      if (second != nullptr) {
        std::string part = "rbd";
        s.text("pool", part);
        out.source = part + "/" + out.source;
        s.get(second, [&](const Reader& m) { out.monitors = m.texts(); });
      }
      s.boolean("readOnly", out.read_only);
      s.ignore_rest();
    });
  };
  source("persistentVolumeClaim", Volume::Kind::kClaim, "claimName");
  source("gcePersistentDisk", Volume::Kind::kGcePersistentDisk, "pdName");
  source("awsElasticBlockStore", Volume::Kind::kAwsElasticBlockStore, "volumeID");
  source("iscsi", Volume::Kind::kIscsi, "iqn");
  source("rbd", Volume::Kind::kRbd, "image", "monitors");
  source("image", Volume::Kind::kImage, "reference");
  f.get("ephemeral", [&](const Reader&) { out.kind = Volume::Kind::kEphemeral; });
  f.ignore({"configMap", "downwardAPI", "emptyDir", "hostPath", "nfs", "projected", "secret"});
  return out;
}

void pod_metadata(const Reader& r, Pod& out) {
  Fields f(r);
  f.text("name", out.name);
  if (!f.text("namespace", out.namespace_name)) out.namespace_name = "default";
  f.text("uid", out.uid);
  f.map("labels", out.labels);
  f.get("deletionTimestamp", [&](const Reader&) { out.deleting = true; });
  f.get("ownerReferences", [&](const Reader& v) {
    v.each([&](const Reader& item) {
      OwnerReference owner;
      bool controller = false;
      Fields o(item);
      o.text("apiVersion", owner.api_version);
      o.text("kind", owner.kind);
      o.text("name", owner.name);
      o.boolean("controller", controller);
      o.ignore({"uid", "blockOwnerDeletion"});
      if (controller && !out.controller) out.controller = owner;
    });
  });
  f.ignore_rest();
}

// Pod-level requests that are left out: the containers' sum, or else the pod-level limit.
void default_pod_requests(Pod& pod, const ResourceList& limits) {
  if (limits.empty()) {
    // Requests alone stay as they are.
  } else {
    Pod bare;
    bare.containers = pod.containers;
    bare.init_containers = pod.init_containers;
    for (const auto& [name, amount] : kube::pod_requests(bare, {.pod_level = false})) {
      if ((name == "cpu" || name == "memory") && pod.pod_requests.find(name) == nullptr)
        pod.pod_requests.set(name, amount);
    }
    for (const auto& [name, amount] : limits) {
      if (pod.pod_requests.find(name) == nullptr) pod.pod_requests.set(name, amount);
    }
  }
  for (const auto& [name, amount] : pod.pod_requests) {
    if (name == "cpu" || name == "memory" || name.starts_with("hugepages-")) pod.has_pod_requests = true;
  }
}

void pod_spec(const Reader& r, Pod& out) {
  Fields f(r);
  bool host_network = false;
  f.boolean("hostNetwork", host_network);
  f.text("nodeName", out.node_name);
  f.map("nodeSelector", out.node_selector);
  f.get("affinity", [&](const Reader& v) {
    Fields a(v);
    a.get("nodeAffinity", [&](const Reader& n) { node_affinity(n, out); });
    a.get("podAffinity",
          [&](const Reader& n) { pod_affinity(n, out.labels, out.required_affinity, out.preferred_affinity); });
    a.get("podAntiAffinity", [&](const Reader& n) {
      pod_affinity(n, out.labels, out.required_anti_affinity, out.preferred_anti_affinity);
    });
  });
  f.list("tolerations", out.tolerations);
  f.get("topologySpreadConstraints", [&](const Reader& v) {
    v.each([&](const Reader& item) {
      TopologySpreadConstraint& constraint = out.spread_constraints.emplace_back();
      decode(item, constraint);
      const auto keys = item.json().find("matchLabelKeys");
      if (keys == item.json().end() || keys->is_null()) return;
      merge_label_keys(Reader(item, "matchLabelKeys", *keys).texts(), SelectorOperator::kIn, out.labels,
                       constraint.selector);
    });
  });
  f.get("containers", [&](const Reader& v) {
    v.each([&](const Reader& item) { out.containers.push_back(container(item, host_network)); });
  });
  f.get("initContainers", [&](const Reader& v) {
    v.each([&](const Reader& item) { out.init_containers.push_back(container(item, host_network)); });
  });
  f.get("overhead", [&](const Reader& v) { out.overhead = v.resources(); });
  f.get("resources", [&](const Reader& v) {
    ResourceList limits;
    requests_and_limits(v, out.pod_requests, limits);
    default_pod_requests(out, limits);
  });
  f.get("volumes", [&](const Reader& v) { v.each([&](const Reader& item) { out.volumes.push_back(volume(item)); }); });
  f.get("schedulingGates", [&](const Reader& v) {
    v.each([&](const Reader& item) { Fields(item).text("name", out.scheduling_gates.emplace_back()); });
  });
  f.text("schedulerName", out.scheduler_name);
  f.text("priorityClassName", out.priority_class_name);
  f.get("priority",
        [&](const Reader& v) { out.given_priority = static_cast<std::int32_t>(v.integer(kMinInt32, kMaxInt32)); });
  f.get("preemptionPolicy", [&](const Reader& v) {
    static constexpr Word<bool> kPolicies[] = {{"Never", true}, {"PreemptLowerPriority", false}};
    out.never_preempts = choice(v, kPolicies);
    out.has_preemption_policy = true;
  });
  f.ignore({"activeDeadlineSeconds",
            "automountServiceAccountToken",
            "dnsConfig",
            "dnsPolicy",
            "enableServiceLinks",
            "hostAliases",
            "hostIPC",
            "hostname",
            "hostPID",
            "hostUsers",
            "imagePullSecrets",
            "os",
            "readinessGates",
            "restartPolicy",
            "runtimeClassName",
            "securityContext",
            "serviceAccount",
            "serviceAccountName",
            "setHostnameAsFQDN",
            "shareProcessNamespace",
            "subdomain",
            "terminationGracePeriodSeconds"});
}

void pod_status(const Reader& r, Pod& out) {
  Fields f(r);
  f.text("phase", out.phase);
  f.text("nominatedNodeName", out.nominated_node_name);
  f.get("startTime", [&](const Reader& v) { out.start_time_s = v.unix_seconds(); });
  f.get("conditions", [&](const Reader& v) {
    v.each([&](const Reader& item) {
      std::string type, reason;
      Fields c(item);
      c.text("type", type);
      c.text("reason", reason);
      c.ignore_rest();
      if (type == "DisruptionTarget" && reason == "PreemptionByScheduler") out.disrupted_by_preemption = true;
    });
  });
  f.ignore_rest();
}

}  // namespace

void decode(const Reader& value, Toleration& out) {
  using Op = Toleration::Operator;
  static constexpr Word<Op> kOperators[] = {
      {"Equal", Op::kEqual}, {"Exists", Op::kExists}, {"Lt", Op::kLt}, {"Gt", Op::kGt}, {"", Op::kEqual}};
  Fields f(value);
  f.text("key", out.key);
  f.get("operator", [&](const Reader& v) { out.op = choice(v, kOperators); });
  f.text("value", out.value);
  f.get("effect", [&](const Reader& v) {
    if (!v.text().empty()) out.effect = choice(v, kEffects);
  });
  f.get("tolerationSeconds", [&](const Reader& v) { out.seconds = v.integer(kMinInt64, kMaxInt64); });
}

void decode(const Reader& value, TopologySpreadConstraint& out) {
  static constexpr Word<bool> kActions[] = {{"DoNotSchedule", false}, {"ScheduleAnyway", true}};
  static constexpr Word<bool> kPolicies[] = {{"Honor", true}, {"Ignore", false}};
  Fields f(value);
  f.integer("maxSkew", out.max_skew, 1, kMaxInt32);
  if (!f.text("topologyKey", out.topology_key))
    value.fail("lacks \"topologyKey\"; expected a node label such as topology.kubernetes.io/zone");
  if (!f.get("whenUnsatisfiable", [&](const Reader& v) { out.schedule_anyway = choice(v, kActions); })) {
    value.fail("lacks \"whenUnsatisfiable\"; expected DoNotSchedule or ScheduleAnyway");
  }
  f.get("labelSelector", [&](const Reader& v) { out.selector = label_selector(v); });
  f.integer("minDomains", out.min_domains, 1, kMaxInt32);
  f.get("nodeAffinityPolicy", [&](const Reader& v) { out.honor_node_affinity = choice(v, kPolicies); });
  f.get("nodeTaintsPolicy", [&](const Reader& v) { out.honor_node_taints = choice(v, kPolicies); });
  f.ignore({"matchLabelKeys"});  // The pod's decoder merges them.
}

void decode_pod_template(const Reader& value, Pod& out) {
  Fields f(value);
  f.ignore({"apiVersion", "kind"});
  out.namespace_name = "default";
  f.get("metadata", [&](const Reader& v) { pod_metadata(v, out); });
  f.get("spec", [&](const Reader& v) { pod_spec(v, out); });
  f.get("status", [&](const Reader& v) { pod_status(v, out); });
}

void decode(const Reader& value, Pod& out) {
  decode_pod_template(value, out);
  if (out.name.empty()) value.fail("has no metadata.name; expected a name");
  if (out.uid.empty()) out.uid = out.key();
}

}  // namespace berth::kube
