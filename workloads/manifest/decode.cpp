// Everything but workloads: services, configuration, storage, rules of a namespace, and the dispatch by kind.
#include "workloads/manifest/decode.hpp"

#include <nlohmann/json.hpp>

#include "sim/engine/error.hpp"
#include "workloads/kube_json.hpp"
#include "workloads/kube_json_parts.hpp"
#include "workloads/manifest/decode_workload.hpp"

namespace berth::manifest {

using namespace kube::api;
using kube::Fields;
using kube::Reader;
using kube::ResourceList;
using kube::parts::choice;
using kube::parts::kMaxInt32;
using kube::parts::Word;

namespace {

// The members of `spec`, if there is one.
template <class F>
void spec_of(const Reader& object, F&& f) {
  Fields fields(object);
  fields.get("spec", [&f](const Reader& spec) {
    Fields members(spec);
    f(members);
  });
}

void resources(Fields& f, const char* key, ResourceList& out) {
  f.get(key, [&out](const Reader& v) { out = v.resources(); });
}

PortRef port_ref(const Reader& r) {
  if (r.json().is_string()) return {0, r.text()};
  return {static_cast<std::int32_t>(r.integer(0, 65535)), {}};
}

Service service(const Reader& object) {
  static constexpr Word<Service::Type> kTypes[] = {{"ClusterIP", Service::Type::kClusterIp},
                                                   {"NodePort", Service::Type::kNodePort},
                                                   {"LoadBalancer", Service::Type::kLoadBalancer},
                                                   {"ExternalName", Service::Type::kExternalName}};
  Service out;
  out.meta = decode_meta(object, true);
  spec_of(object, [&](Fields& f) {
    std::string text;
    f.get("type", [&](const Reader& v) { out.type = choice(v, kTypes); });
    out.has_selector = f.map("selector", out.selector);
    f.get("ports", [&](const Reader& v) {
      v.each([&](const Reader& item) {
        ServicePort& port = out.ports.emplace_back();
        Fields p(item);
        p.text("name", port.name);
        p.text("protocol", port.protocol);
        p.integer("port", port.port, 1, 65535);
        p.get("targetPort", [&](const Reader& t) { port.target = port_ref(t); });
        p.integer("nodePort", port.node_port, 0, 65535);
      });
    });
    if (f.text("clusterIP", text)) out.headless = text == "None";
    f.text("externalName", out.external_name);
    if (f.text("sessionAffinity", text)) out.client_affinity = text == "ClientIP";
    f.get("sessionAffinityConfig", [&](const Reader& v) {
      Fields(v).get("clientIP", [&](const Reader& c) {
        Fields(c).get("timeoutSeconds",
                      [&](const Reader& t) { out.affinity_timeout = seconds(t.integer(1, kMaxInt32)); });
      });
    });
    if (f.text("externalTrafficPolicy", text)) out.external_local = text == "Local";
    if (f.text("internalTrafficPolicy", text)) out.internal_local = text == "Local";
    f.text("trafficDistribution", out.traffic_distribution);
    f.boolean("publishNotReadyAddresses", out.publish_not_ready);
  });
  return out;
}

void endpoint_ports(Fields& f, std::vector<ServicePort>& out) {
  f.get("ports", [&](const Reader& v) {
    v.each([&](const Reader& item) {
      ServicePort& port = out.emplace_back();
      Fields p(item);
      p.text("name", port.name);
      p.text("protocol", port.protocol);
      p.integer("port", port.port, 0, 65535);
    });
  });
}

Endpoints endpoints(const Reader& object) {
  Endpoints out;
  out.meta = decode_meta(object, true);
  out.service = out.meta.name;
  Fields(object).get("subsets", [&](const Reader& v) {
    v.each([&](const Reader& subset) {
      Fields s(subset);
      for (const bool ready : {true, false}) {
        s.get(ready ? "addresses" : "notReadyAddresses", [&](const Reader& list) {
          list.each([&](const Reader& item) {
            Endpoints::Address& address = out.addresses.emplace_back();
            Fields a(item);
            a.text("ip", address.ip);
            a.text("nodeName", address.node);
            address.ready = ready;
          });
        });
      }
      endpoint_ports(s, out.ports);
    });
  });
  return out;
}

Endpoints endpoint_slice(const Reader& object) {
  Endpoints out;
  out.meta = decode_meta(object, true);
  if (const std::string* name = out.meta.labels.find("kubernetes.io/service-name")) out.service = *name;
  Fields f(object);
  f.get("endpoints", [&](const Reader& v) {
    v.each([&](const Reader& item) {
      Endpoints::Address one;
      Fields e(item);
      e.text("nodeName", one.node);
      e.text("zone", one.zone);
      e.get("conditions", [&](const Reader& c) { Fields(c).boolean("ready", one.ready); });
      e.get("addresses", [&](const Reader& list) {
        for (const std::string& ip : list.texts()) {
          one.ip = ip;
          out.addresses.push_back(one);
        }
      });
    });
  });
  endpoint_ports(f, out.ports);
  return out;
}

ConfigData config_data(const Reader& object, bool secret) {
  ConfigData out;
  out.meta = decode_meta(object, true);
  out.secret = secret;
  Fields f(object);
  f.map("data", out.data);
  f.get("stringData", [&](const Reader& v) {  // Written over data of the same name.
    for (const auto& [key, value] : v.string_map()) out.data.set(key, value);
  });
  f.get("binaryData", [&](const Reader& v) {
    for (const auto& [key, value] : v.string_map()) out.binary_keys.push_back(key);
  });
  return out;
}

StorageClass storage_class(const Reader& object) {
  StorageClass out;
  out.meta = decode_meta(object, false);
  kube::decode(object, out.scheduling);
  for (const char* key :
       {"storageclass.kubernetes.io/is-default-class", "storageclass.beta.kubernetes.io/is-default-class"}) {
    const std::string* value = out.meta.annotations.find(key);
    if (value != nullptr && *value == "true") out.is_default = true;
  }
  Fields f(object);
  std::string text;
  if (f.text("reclaimPolicy", text)) out.retain = text == "Retain";
  f.boolean("allowVolumeExpansion", out.allow_expansion);
  return out;
}

PersistentVolume persistent_volume(const Reader& object) {
  PersistentVolume out;
  out.meta = decode_meta(object, false);
  kube::decode(object, out.scheduling);
  // The volume controller makes a new volume Available at once.
  const std::string phase = object.json().value("/status/phase"_json_pointer, "");
  out.scheduling.available = phase == "Available" || phase == "Pending";
  static constexpr const char* kOthers[] = {"capacity",         "accessModes", "persistentVolumeReclaimPolicy",
                                            "storageClassName", "volumeMode",  "claimRef",
                                            "nodeAffinity"};
  spec_of(object, [&](Fields& f) {
    std::string text;
    if (f.text("persistentVolumeReclaimPolicy", text)) out.retain = text == "Retain";
  });
  for (const auto& [key, value] : object.json().at("spec").items()) {
    if (std::find(std::begin(kOthers), std::end(kOthers), key) != std::end(kOthers) || value.is_null()) continue;
    if (!out.type.empty()) object.fail("has more than one kind of volume in its spec; expected one, such as csi");
    out.type = key;
  }
  if (out.type.empty()) object.fail("has no kind of volume in its spec; expected one, such as csi or hostPath");
  return out;
}

PersistentVolumeClaim claim(const Reader& object) {
  PersistentVolumeClaim out;
  out.meta = decode_meta(object, true);
  kube::decode(object, out.scheduling);
  const nlohmann::json& spec = object.json().at("spec");
  out.class_given = spec.contains("storageClassName") ||
                    out.meta.annotations.find("volume.beta.kubernetes.io/storage-class") != nullptr;
  return out;
}

RuntimeClass runtime_class(const Reader& object) {
  RuntimeClass out;
  out.meta = decode_meta(object, false);
  Fields f(object);
  f.text("handler", out.handler);
  f.get("overhead", [&](const Reader& v) {
    Fields o(v);
    resources(o, "podFixed", out.overhead);
  });
  f.get("scheduling", [&](const Reader& v) {
    Fields s(v);
    s.map("nodeSelector", out.node_selector);
    s.list("tolerations", out.tolerations);
  });
  return out;
}

LimitRange limit_range(const Reader& object) {
  static constexpr Word<LimitRange::Type> kTypes[] = {{"Container", LimitRange::Type::kContainer},
                                                      {"Pod", LimitRange::Type::kPod},
                                                      {"PersistentVolumeClaim", LimitRange::Type::kClaim}};
  LimitRange out;
  out.meta = decode_meta(object, true);
  spec_of(object, [&](Fields& f) {
    f.get("limits", [&](const Reader& v) {
      v.each([&](const Reader& r) {
        LimitRange::Item& item = out.items.emplace_back();
        Fields i(r);
        i.get("type", [&](const Reader& t) { item.type = choice(t, kTypes); });
        resources(i, "default", item.default_limits);
        resources(i, "defaultRequest", item.default_requests);
        resources(i, "min", item.min);
        resources(i, "max", item.max);
        resources(i, "maxLimitRequestRatio", item.max_ratio);
      });
    });
  });
  return out;
}

ResourceQuota resource_quota(const Reader& object) {
  using Scope = ResourceQuota::Scope;
  using kube::SelectorOperator;
  static constexpr Word<Scope> kScopes[] = {{"Terminating", Scope::kTerminating},
                                            {"NotTerminating", Scope::kNotTerminating},
                                            {"BestEffort", Scope::kBestEffort},
                                            {"NotBestEffort", Scope::kNotBestEffort},
                                            {"PriorityClass", Scope::kPriorityClass},
                                            {"CrossNamespacePodAffinity", Scope::kCrossNamespacePodAffinity},
                                            {"VolumeAttributesClass", Scope::kVolumeAttributesClass}};
  static constexpr Word<SelectorOperator> kOperators[] = {{"In", SelectorOperator::kIn},
                                                          {"NotIn", SelectorOperator::kNotIn},
                                                          {"Exists", SelectorOperator::kExists},
                                                          {"DoesNotExist", SelectorOperator::kDoesNotExist}};
  ResourceQuota out;
  out.meta = decode_meta(object, true);
  spec_of(object, [&](Fields& f) {
    resources(f, "hard", out.hard);
    f.get("scopes", [&](const Reader& v) {
      v.each([&](const Reader& item) { out.scopes.push_back({choice(item, kScopes), SelectorOperator::kExists, {}}); });
    });
    f.get("scopeSelector", [&](const Reader& v) {
      Fields(v).get("matchExpressions", [&](const Reader& list) {
        list.each([&](const Reader& item) {
          ResourceQuota::ScopeTerm& term = out.scopes.emplace_back();
          Fields t(item);
          t.get("scopeName", [&](const Reader& n) { term.scope = choice(n, kScopes); });
          t.get("operator", [&](const Reader& n) { term.op = choice(n, kOperators); });
          t.get("values", [&](const Reader& n) { term.values = n.texts(); });
        });
      });
    });
  });
  return out;
}

Node node(const Reader& object) {
  Node out;
  out.meta = decode_meta(object, false);
  kube::decode(object, out.scheduling);
  Fields(object).get("status", [&](const Reader& v) {
    Fields s(v);
    resources(s, "capacity", out.capacity);
  });
  return out;
}

// Kinds that are what the scheduler reads, and metadata.
template <class T>
T with_scheduling(const Reader& object, bool namespaced) {
  T out;
  out.meta = decode_meta(object, namespaced);
  kube::decode(object, out.scheduling);
  return out;
}

}  // namespace

ObjectMeta decode_meta(const Reader& object, bool namespaced) {
  ObjectMeta out;
  if (namespaced) out.namespace_name = "default";
  Fields(object).get("metadata", [&](const Reader& v) {
    Fields f(v);
    f.text("name", out.name);
    f.text("generateName", out.generate_name);
    std::string name;
    if (f.text("namespace", name) && namespaced && !name.empty()) out.namespace_name = name;
    f.map("labels", out.labels);
    f.map("annotations", out.annotations);
    f.get("deletionTimestamp", [&](const Reader&) { out.deleting = true; });
    f.get("ownerReferences", [&](const Reader& list) {
      list.each([&](const Reader& item) {
        kube::OwnerReference owner;
        bool controller = false;
        Fields o(item);
        o.text("apiVersion", owner.api_version);
        o.text("kind", owner.kind);
        o.text("name", owner.name);
        o.boolean("controller", controller);
        if (controller && !out.controller) out.controller = owner;
      });
    });
  });
  return out;
}

Object decode_object(std::string_view kind, const Reader& object) {
  if (kind == "Pod") return decode_pod(object);
  if (kind == "Node") return node(object);
  if (kind == "Namespace") return Namespace{decode_meta(object, false)};
  if (kind == "ConfigMap" || kind == "Secret") return config_data(object, kind == "Secret");
  if (kind == "Service") return service(object);
  if (kind == "Endpoints") return endpoints(object);
  if (kind == "EndpointSlice") return endpoint_slice(object);
  if (kind == "PersistentVolume") return persistent_volume(object);
  if (kind == "PersistentVolumeClaim") return claim(object);
  if (kind == "StorageClass") return storage_class(object);
  if (kind == "PriorityClass") return with_scheduling<PriorityClass>(object, false);
  if (kind == "RuntimeClass") return runtime_class(object);
  if (kind == "ResourceQuota") return resource_quota(object);
  if (kind == "LimitRange") return limit_range(object);
  if (kind == "CSIDriver") return with_scheduling<CsiDriver>(object, false);
  if (kind == "CSINode") return with_scheduling<CsiNode>(object, false);
  if (kind == "CSIStorageCapacity") return with_scheduling<CsiStorageCapacity>(object, true);
  if (kind == "PodDisruptionBudget") return decode_budget(object);
  if (kind == "HorizontalPodAutoscaler") return decode_autoscaler(object);
  if (kind == "Deployment") return decode_deployment(object);
  if (kind == "ReplicaSet") return decode_replica_set(object, false);
  if (kind == "ReplicationController") return decode_replica_set(object, true);
  if (kind == "StatefulSet") return decode_stateful_set(object);
  if (kind == "DaemonSet") return decode_daemon_set(object);
  if (kind == "Job") return decode_job(object);
  BERTH_CHECK(kind == "CronJob");  // The table of kinds has no other that is modelled.
  return decode_cron_job(object);
}

}  // namespace berth::manifest
