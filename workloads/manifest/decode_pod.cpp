// Pods and their templates.
#include <nlohmann/json.hpp>

#include "workloads/kube_json.hpp"
#include "workloads/kube_json_parts.hpp"
#include "workloads/manifest/behavior.hpp"
#include "workloads/manifest/decode.hpp"

namespace berth::manifest {

using namespace kube::api;
using kube::Fields;
using kube::Reader;
using kube::parts::choice;
using kube::parts::kMaxInt32;
using kube::parts::Word;

namespace {

constexpr std::int64_t kMaxSeconds = std::numeric_limits<std::int64_t>::max() / 1'000'000'000;

Duration whole_seconds(const Reader& r) {
  return seconds(r.integer(0, kMaxSeconds));
}

void texts(Fields& f, const char* key, std::vector<std::string>& out) {
  f.get(key, [&out](const Reader& v) { out = v.texts(); });
}

constexpr Word<RestartPolicy> kRestartPolicies[] = {
    {"Always", RestartPolicy::kAlways}, {"OnFailure", RestartPolicy::kOnFailure}, {"Never", RestartPolicy::kNever}};

PortRef port_ref(const Reader& r) {
  PortRef port;
  if (r.json().is_string()) {
    port.name = r.text();
  } else {
    port.number = static_cast<std::int32_t>(r.integer(1, 65535));
  }
  return port;
}

// The one action that is there; which ones a probe or a hook may have, check_object() knows.
std::optional<Handler> handler(const Reader& r) {
  std::optional<Handler> out;
  const auto begin = [&](const Reader& v, Handler::Kind kind) {
    if (out) r.fail("has more than one of exec, httpGet, tcpSocket, grpc and sleep; expected one");
    out.emplace().kind = kind;
    return Fields(v);
  };
  Fields f(r);
  f.get("exec", [&](const Reader& v) {
    Fields a = begin(v, Handler::Kind::kExec);
    texts(a, "command", out->command);
  });
  f.get("httpGet", [&](const Reader& v) {
    Fields a = begin(v, Handler::Kind::kHttpGet);
    a.get("port", [&](const Reader& p) { out->port = port_ref(p); });
    a.text("host", out->host);
    a.text("path", out->path);
    a.text("scheme", out->scheme);
  });
  f.get("tcpSocket", [&](const Reader& v) {
    Fields a = begin(v, Handler::Kind::kTcpSocket);
    a.get("port", [&](const Reader& p) { out->port = port_ref(p); });
    a.text("host", out->host);
  });
  f.get("grpc", [&](const Reader& v) {
    Fields a = begin(v, Handler::Kind::kGrpc);
    a.get("port", [&](const Reader& p) { out->port = port_ref(p); });
    a.text("service", out->service);
  });
  f.get("sleep", [&](const Reader& v) {
    Fields a = begin(v, Handler::Kind::kSleep);
    a.get("seconds", [&](const Reader& s) { out->sleep = whole_seconds(s); });
  });
  return out;
}

std::optional<Probe> probe(const Reader& r) {
  Probe out;
  const std::optional<Handler> action = handler(r);
  if (!action) r.fail("does nothing; expected exec, httpGet, tcpSocket or grpc");
  out.handler = *action;
  Fields f(r);
  f.get("initialDelaySeconds", [&](const Reader& v) { out.initial_delay = whole_seconds(v); });
  f.get("periodSeconds", [&](const Reader& v) { out.period = whole_seconds(v); });
  f.get("timeoutSeconds", [&](const Reader& v) { out.timeout = whole_seconds(v); });
  f.integer("successThreshold", out.success_threshold, 0, kMaxInt32);
  f.integer("failureThreshold", out.failure_threshold, 0, kMaxInt32);
  f.get("terminationGracePeriodSeconds", [&](const Reader& v) { out.termination_grace = whole_seconds(v); });
  return out;
}

EnvVar env_var(const Reader& r) {
  EnvVar out;
  Fields f(r);
  f.text("name", out.name);
  f.text("value", out.value);
  f.get("valueFrom", [&](const Reader& v) {
    int sources = 0;
    Fields from(v);
    const auto source = [&](const char* key, EnvVar::Source kind, const char* object, const char* path) {
      from.get(key, [&](const Reader& ref) {
        ++sources;
        out.source = kind;
        Fields s(ref);
        if (object != nullptr) s.text(object, out.object);
        s.text(path, out.key);
        s.boolean("optional", out.optional);
      });
    };
    source("fieldRef", EnvVar::Source::kField, nullptr, "fieldPath");
    source("resourceFieldRef", EnvVar::Source::kResource, "containerName", "resource");
    source("configMapKeyRef", EnvVar::Source::kConfigMap, "name", "key");
    source("secretKeyRef", EnvVar::Source::kSecret, "name", "key");
    source("fileKeyRef", EnvVar::Source::kFile, "volumeName", "key");
    if (sources != 1) v.fail("names no source, or several; expected one, such as configMapKeyRef");
    if (!out.value.empty()) r.fail("has both value and valueFrom; expected one of them");
  });
  return out;
}

EnvFrom env_from(const Reader& r) {
  EnvFrom out;
  Fields f(r);
  int sources = 0;
  f.text("prefix", out.prefix);
  for (const bool secret : {false, true}) {
    f.get(secret ? "secretRef" : "configMapRef", [&](const Reader& v) {
      ++sources;
      out.secret = secret;
      Fields ref(v);
      ref.text("name", out.object);
      ref.boolean("optional", out.optional);
    });
  }
  if (sources != 1) r.fail("names no source, or two; expected configMapRef or secretRef");
  return out;
}

RestartRule restart_rule(const Reader& r) {
  RestartRule out;
  Fields f(r);
  f.get("action", [&](const Reader& v) { out.restart_all_containers = v.text() == "RestartAllContainers"; });
  if (!f.get("exitCodes", [&](const Reader& v) {
        Fields c(v);
        c.get("operator", [&](const Reader& o) { out.in = o.text() == "In"; });
        c.get("values", [&](const Reader& list) {
          list.each([&](const Reader& n) { out.exit_codes.push_back(static_cast<std::int32_t>(n.integer(0, 255))); });
        });
      })) {
    r.fail("lacks \"exitCodes\"; expected an operator and values");
  }
  return out;
}

ContainerSpec container(const Reader& r) {
  ContainerSpec out;
  Fields f(r);
  texts(f, "command", out.command);
  texts(f, "args", out.args);
  f.text("workingDir", out.working_dir);
  f.get("ports", [&](const Reader& v) {
    v.each([&](const Reader& item) {
      NamedPort& port = out.ports.emplace_back();
      Fields p(item);
      p.text("name", port.name);
      p.integer("containerPort", port.container_port, 0, 65535);
      p.integer("hostPort", port.host_port, 0, 65535);
      p.text("protocol", port.protocol);
    });
  });
  f.get("env", [&](const Reader& v) { v.each([&](const Reader& e) { out.env.push_back(env_var(e)); }); });
  f.get("envFrom", [&](const Reader& v) { v.each([&](const Reader& e) { out.env_from.push_back(env_from(e)); }); });
  f.get("volumeMounts", [&](const Reader& v) {
    v.each([&](const Reader& item) {
      VolumeMount& mount = out.volume_mounts.emplace_back();
      Fields m(item);
      m.text("name", mount.volume);
      m.text("mountPath", mount.mount_path);
      m.text("subPath", mount.sub_path);
      m.boolean("readOnly", mount.read_only);
    });
  });
  f.get("volumeDevices", [&](const Reader& v) {
    v.each([&](const Reader& item) {
      auto& device = out.volume_devices.emplace_back();
      Fields d(item);
      d.text("name", device.first);
      d.text("devicePath", device.second);
    });
  });
  f.get("startupProbe", [&](const Reader& v) { out.startup = probe(v); });
  f.get("livenessProbe", [&](const Reader& v) { out.liveness = probe(v); });
  f.get("readinessProbe", [&](const Reader& v) { out.readiness = probe(v); });
  f.get("lifecycle", [&](const Reader& v) {
    Fields l(v);
    l.get("postStart", [&](const Reader& h) { out.post_start = handler(h); });
    l.get("preStop", [&](const Reader& h) { out.pre_stop = handler(h); });
    l.text("stopSignal", out.stop_signal);
  });
  f.get("restartPolicy", [&](const Reader& v) { out.restart_policy = choice(v, kRestartPolicies); });
  f.get("restartPolicyRules",
        [&](const Reader& v) { v.each([&](const Reader& x) { out.restart_rules.push_back(restart_rule(x)); }); });
  f.get("imagePullPolicy", [&](const Reader& v) {
    static constexpr Word<PullPolicy> kPolicies[] = {
        {"IfNotPresent", PullPolicy::kIfNotPresent}, {"Always", PullPolicy::kAlways}, {"Never", PullPolicy::kNever}};
    out.pull_policy = choice(v, kPolicies);
  });
  return out;
}

void projected_sources(const Reader& r, std::vector<std::string>& out) {
  Fields f(r);
  f.get("sources", [&](const Reader& list) {
    list.each([&](const Reader& item) {
      for (const auto& [key, value] : item.json().items()) {
        std::string name = key;
        if (value.is_object() && value.contains("name")) name.append("/").append(value["name"].get<std::string>());
        out.push_back(std::move(name));
      }
    });
  });
}

VolumeSpec volume(const Reader& r) {
  VolumeSpec out;
  for (const auto& [key, value] : r.json().items()) {
    if (value.is_null()) continue;
    const Reader member(r, key, value);
    if (key == "name") {
      out.name = member.text();
      continue;
    }
    if (!out.type.empty()) r.fail("has more than one source; expected one, such as emptyDir");
    out.type = key;
    if (key == "projected") projected_sources(member, out.sources);
    if (!member.is_object() || key == "projected") continue;
    Fields f(member);
    std::string source;
    for (const char* name :
         {"claimName", "secretName", "name", "path", "driver", "reference", "pdName", "volumeID", "iqn", "image"}) {
      const bool path_of_server = key == "nfs" && std::string_view(name) == "path";
      if (path_of_server || !source.empty() || !value.contains(name) || !value[name].is_string()) continue;
      f.text(name, source);
    }
    if (key == "nfs") source = value.value("server", "") + ":" + value.value("path", "");
    if (!source.empty()) out.sources.push_back(source);
    if (value.contains("readOnly") && value["readOnly"].is_boolean()) f.boolean("readOnly", out.read_only);
    if (value.contains("optional") && value["optional"].is_boolean()) f.boolean("optional", out.optional);
    if (key == "emptyDir") {
      out.in_memory = value.value("medium", "") == "Memory";
      f.get("sizeLimit", [&](const Reader& v) { out.size_limit = v.quantity("memory"); });
    }
    if (key == "ephemeral") {
      f.get("volumeClaimTemplate", [&](const Reader& v) { out.claim = decode_claim_template(v); });
    }
  }
  return out;
}

void pod_spec(const Reader& r, PodSpec& out) {
  Fields f(r);
  f.get("restartPolicy", [&](const Reader& v) { out.restart_policy = choice(v, kRestartPolicies); });
  f.get("terminationGracePeriodSeconds", [&](const Reader& v) {
    // A negative period counts as 1, as in the API server.
    const std::int64_t given = v.integer(-kMaxSeconds, kMaxSeconds);
    out.termination_grace = seconds(given < 0 ? 1 : given);
  });
  f.get("activeDeadlineSeconds", [&](const Reader& v) { out.active_deadline = whole_seconds(v); });
  f.boolean("hostNetwork", out.host_network);
  f.text("hostname", out.hostname);
  f.text("subdomain", out.subdomain);
  f.text("serviceAccountName", out.service_account);
  f.text("runtimeClassName", out.runtime_class);
  f.get("readinessGates", [&](const Reader& v) {
    v.each([&](const Reader& item) { Fields(item).text("conditionType", out.readiness_gates.emplace_back()); });
  });
  f.get("imagePullSecrets", [&](const Reader& v) {
    v.each([&](const Reader& item) { Fields(item).text("name", out.pull_secrets.emplace_back()); });
  });
  f.get("resources", [&](const Reader& v) {
    Fields(v).get("limits", [&](const Reader& limits) { out.pod_limits = limits.resources(); });
  });
  const auto containers = [&](const char* key, std::vector<ContainerSpec>& list) {
    f.get(key, [&](const Reader& v) { v.each([&](const Reader& item) { list.push_back(container(item)); }); });
  };
  containers("containers", out.containers);
  containers("initContainers", out.init_containers);
  f.get("volumes", [&](const Reader& v) { v.each([&](const Reader& item) { out.volumes.push_back(volume(item)); }); });
}

}  // namespace

ClaimTemplate decode_claim_template(const Reader& object) {
  ClaimTemplate out;
  out.meta = decode_meta(object, false);
  kube::decode(object, out.claim);
  out.claim.namespace_name.clear();
  out.claim.uid.clear();
  return out;
}

Pod decode_pod(const Reader& object) {
  Pod out;
  const ObjectMeta meta = decode_meta(object, true);
  out.annotations = meta.annotations;
  out.generate_name = meta.generate_name;
  kube::decode_pod_template(object, out.scheduling);
  Fields f(object);
  f.get("spec", [&](const Reader& v) { pod_spec(v, out.spec); });
  // Host ports of the host's network, as the scheduler's decoder has them.
  const auto host_ports = [](const std::vector<kube::Container>& from, std::vector<ContainerSpec>& to) {
    for (std::size_t i = 0; i < to.size(); ++i) {
      for (std::size_t j = 0; j < to[i].ports.size(); ++j) to[i].ports[j].host_port = from[i].ports[j].host_port;
    }
  };
  host_ports(out.scheduling.containers, out.spec.containers);
  host_ports(out.scheduling.init_containers, out.spec.init_containers);
  bool annotated = false;
  f.get("metadata", [&](const Reader& m) {
    Fields(m).get("annotations", [&](const Reader& a) {
      annotated = true;
      read_behavior(&a, out);
    });
  });
  if (!annotated) read_behavior(nullptr, out);
  return out;
}

}  // namespace berth::manifest
