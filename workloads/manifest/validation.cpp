#include "workloads/manifest/validation.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <nlohmann/json.hpp>
#include <set>
#include <string>

#include "sim/engine/error.hpp"
#include "workloads/kube_json.hpp"
#include "workloads/kube_json_parts.hpp"

namespace berth::manifest {
namespace {

using Json = nlohmann::json;
using kube::Fields;
using kube::Reader;

// Calls f(member) if it is there.
template <class F>
void with(const Reader& object, const char* key, F&& f) {
  Fields(object).get(key, std::forward<F>(f));
}
template <class F>
void each(const Reader& object, const char* key, F&& f) {
  with(object, key, [&f](const Reader& list) { list.each(f); });
}
std::string text_of(const Reader& object, const char* key) {
  const auto it = object.json().find(key);
  return it != object.json().end() && it->is_string() ? it->get<std::string>() : std::string();
}
bool has(const Reader& object, const char* key) {
  const auto it = object.json().find(key);
  return it != object.json().end() && !it->is_null();
}

// A name for a message, and in it the reason that a template has not been rendered.
std::string shown(const std::string& name) {
  std::string text = name.substr(0, 60);
  for (char& c : text) c = static_cast<unsigned char>(c) < 0x20 ? ' ' : c;
  return text;
}

void check_name(const Reader& r, bool label) {
  const std::string name = r.text();
  if (label ? is_dns_label(name) : is_dns_subdomain(name)) return;
  const bool upper = std::any_of(name.begin(), name.end(), [](char c) { return c >= 'A' && c <= 'Z'; });
  r.fail(fmt::format("is \"{}\"; expected {} (a-z, 0-9, \"-\"{}){}", shown(name), label ? "a DNS label" : "a DNS name",
                     label ? ", at most 63" : ", \".\"", upper ? ", in lower case" : ""));
}

void check_labels(const Reader& map) {
  for (const auto& [key, value] : map.json().items()) {
    const Reader r(map, key, value);
    if (!is_label_key(key)) {
      r.fail("is no label; expected a key like \"app\" or \"example.com/app\", at most 63 letters behind the slash");
    }
    if (!is_label_value(r.text())) {
      r.fail(fmt::format("is \"{}\"; expected a label's value: at most 63 letters, digits, \"-\", \"_\", \".\"",
                         shown(r.text())));
    }
  }
}

void check_requirements(const Reader& selector, const char* key) {
  each(selector, key, [](const Reader& item) {
    const std::string op = text_of(item, "operator");
    const std::size_t values = has(item, "values") ? item.json()["values"].size() : 0;
    if ((op == "In" || op == "NotIn") && values == 0)
      item.fail(fmt::format("has {} without values; expected some", op));
    if ((op == "Exists" || op == "DoesNotExist") && values > 0) {
      item.fail(fmt::format("has {} with values; expected none", op));
    }
    if ((op == "Gt" || op == "Lt") && values != 1)
      item.fail(fmt::format("has {} with {} values; expected one", op, values));
  });
}
void check_selector(const Reader& holder, const char* key) {
  with(holder, key, [](const Reader& s) { check_requirements(s, "matchExpressions"); });
}

void check_metadata(std::string_view kind, const Reader& object) {
  with(object, "metadata", [kind](const Reader& m) {
    const bool named = !text_of(m, "name").empty();
    const bool generated = !text_of(m, "generateName").empty();
    if (!named && !generated) m.fail("has no name; expected name (or generateName)");
    if (named) {
      const bool label = kind == "Service" || kind == "Namespace";
      with(m, "name", [label](const Reader& r) { check_name(r, label); });
    }
    with(m, "namespace", [](const Reader& r) {
      if (!r.text().empty()) check_name(r, true);
    });
    with(m, "labels", check_labels);
    with(m, "annotations", [](const Reader& map) {
      for (const auto& [key, value] : map.json().items()) {
        std::string lower = key;
        for (char& c : lower) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
        if (!is_label_key(lower)) {
          Reader(map, key, value).fail("is no annotation; expected a key like \"example.com/note\"");
        }
      }
    });
  });
}

// --- Pods -----------------------------------------------------------------------------------------------------------

void check_resources(const Reader& container) {
  with(container, "resources", [](const Reader& r) {
    with(r, "requests", [&](const Reader& requests) {
      const auto limits = r.json().find("limits");
      for (const auto& [name, value] : requests.json().items()) {
        const Reader request(requests, name, value);
        if (limits == r.json().end() || !limits->contains(name)) {
          if (kube::is_extended_resource_name(name)) {
            request.fail("is requested without a limit; expected the same limit, as for every extended resource");
          }
          continue;
        }
        const Reader limit(r, name, (*limits)[name]);
        const kube::Quantity asked = request.quantity(name);
        const kube::Quantity most = limit.quantity(name);
        if (most < asked) {
          request.fail(fmt::format("is {} and the limit {}; expected at most the limit",
                                   text_of(requests, name.c_str()), (*limits)[name].get<std::string>()));
        }
        if (kube::is_extended_resource_name(name) && !(asked == most)) {
          request.fail("differs from the limit; expected the same, as for every extended resource");
        }
      }
    });
  });
}

void check_probe(const Reader& container, const char* key) {
  with(container, key, [key](const Reader& r) {
    if (std::string_view(key) != "readinessProbe") {
      with(r, "successThreshold", [](const Reader& n) {
        if (n.integer(0, std::numeric_limits<std::int32_t>::max()) != 1)
          n.fail("is not 1; expected 1 but for readiness");
      });
    } else if (has(r, "terminationGracePeriodSeconds")) {
      r.fail("has terminationGracePeriodSeconds; expected none for readiness, which kills nothing");
    }
  });
}

struct PodNames {
  std::set<std::string> containers;
  std::set<std::string> volumes;
};

void check_container(const Reader& r, bool init, PodNames& names) {
  with(r, "name", [&](const Reader& name) {
    check_name(name, true);
    if (!names.containers.insert(name.text()).second) {
      name.fail(fmt::format("is \"{}\", which another container has; expected each name once", shown(name.text())));
    }
  });
  const std::string image = text_of(r, "image");
  if (image.empty()) r.fail("lacks \"image\"; expected an image such as nginx:1.27");
  if (image.find("{{") != std::string::npos || image.find("${") != std::string::npos) {
    with(r, "image", [&](const Reader& i) {
      i.fail(fmt::format("is \"{}\", a placeholder; expected a rendered manifest (helm template, envsubst)",
                         shown(image)));
    });
  }
  check_resources(r);
  for (const char* probe : {"livenessProbe", "readinessProbe", "startupProbe"}) {
    if (init && has(r, probe) && text_of(r, "restartPolicy") != "Always") {
      r.fail(fmt::format("is an init container with a {}; expected none but for restartPolicy Always", probe));
    }
    check_probe(r, probe);
  }
  if (init && has(r, "lifecycle") && text_of(r, "restartPolicy") != "Always") {
    r.fail("is an init container with lifecycle hooks; expected none but for restartPolicy Always");
  }
  if (has(r, "restartPolicyRules") && !has(r, "restartPolicy")) {
    r.fail("has restartPolicyRules without restartPolicy; expected both");
  }
  std::set<std::string> ports;
  each(r, "ports", [&ports](const Reader& port) {
    const std::string name = text_of(port, "name");
    if (!name.empty() && !ports.insert(name).second) {
      port.fail(fmt::format("is the second port \"{}\" of the container; expected each name once", shown(name)));
    }
  });
  std::set<std::string> paths;
  each(r, "volumeMounts", [&](const Reader& mount) {
    const std::string volume = text_of(mount, "name");
    if (!names.volumes.contains(volume)) {
      const std::vector<std::string> known(names.volumes.begin(), names.volumes.end());
      mount.fail(fmt::format("mounts a volume \"{}\", which the pod lacks; expected one of its volumes{}",
                             shown(volume), did_you_mean(volume, known)));
    }
    if (!paths.insert(text_of(mount, "mountPath")).second) {
      mount.fail(
          fmt::format("mounts at \"{}\" a second time; expected each path once", shown(text_of(mount, "mountPath"))));
    }
  });
}

void check_affinity_terms(const Reader& affinity) {
  for (const char* kind : {"podAffinity", "podAntiAffinity"}) {
    with(affinity, kind, [](const Reader& r) {
      each(r, "requiredDuringSchedulingIgnoredDuringExecution",
           [](const Reader& term) { check_selector(term, "labelSelector"); });
    });
  }
  with(affinity, "nodeAffinity", [](const Reader& r) {
    with(r, "requiredDuringSchedulingIgnoredDuringExecution", [](const Reader& required) {
      each(required, "nodeSelectorTerms", [](const Reader& term) { check_requirements(term, "matchExpressions"); });
    });
  });
}

enum class Restart : std::uint8_t { kAny, kAlways, kNotAlways };

// `claims`: names of a StatefulSet's claim templates, which are volumes too.
void check_pod_spec(const Reader& spec, Restart restart, const std::set<std::string>& claims) {
  PodNames names;
  names.volumes = claims;
  std::set<std::string> seen;
  each(spec, "volumes", [&](const Reader& volume) {
    with(volume, "name", [&](const Reader& name) {
      check_name(name, true);
      if (!seen.insert(name.text()).second) {
        name.fail(fmt::format("is \"{}\", which another volume has; expected each name once", shown(name.text())));
      }
      names.volumes.insert(name.text());
    });
  });
  if (!has(spec, "containers") || spec.json()["containers"].empty()) {
    spec.fail("has no containers; expected at least one");
  }
  each(spec, "initContainers", [&names](const Reader& c) { check_container(c, true, names); });
  each(spec, "containers", [&names](const Reader& c) { check_container(c, false, names); });
  const std::string policy = text_of(spec, "restartPolicy");
  if (restart == Restart::kAlways && policy != "Always") {
    with(spec, "restartPolicy", [&](const Reader& r) {
      r.fail(fmt::format("is {}; expected Always, as for every pod that is to be kept running", policy));
    });
  }
  if (restart == Restart::kNotAlways && policy == "Always") {
    spec.fail("has restartPolicy Always (the default); expected OnFailure or Never for a job");
  }
  if (has(spec, "activeDeadlineSeconds") && spec.json()["activeDeadlineSeconds"] == 0) {
    spec.fail("has activeDeadlineSeconds 0; expected at least 1");
  }
  with(spec, "nodeSelector", check_labels);
  each(spec, "tolerations", [](const Reader& t) {
    const std::string op = text_of(t, "operator");
    if (op == "Exists" && !text_of(t, "value").empty()) t.fail("has Exists with a value; expected none");
    if (op != "Exists" && text_of(t, "key").empty()) t.fail("has no key; expected one, or operator Exists");
    if (has(t, "tolerationSeconds") && text_of(t, "effect") != "NoExecute") {
      t.fail("has tolerationSeconds; expected them with effect NoExecute only");
    }
  });
  with(spec, "affinity", check_affinity_terms);
  each(spec, "topologySpreadConstraints", [](const Reader& c) { check_selector(c, "labelSelector"); });
}

void check_template(const Reader& spec, Restart restart, const std::set<std::string>& claims = {}) {
  with(spec, "template", [&](const Reader& pod) {
    with(pod, "metadata", [](const Reader& m) { with(m, "labels", check_labels); });
    with(pod, "spec", [&](const Reader& pod_spec) { check_pod_spec(pod_spec, restart, claims); });
  });
}

// --- Workloads ------------------------------------------------------------------------------------------------------

void check_selects_template(const Reader& spec, bool plain_map) {
  kube::StringMap labels;
  with(spec, "template", [&labels](const Reader& pod) {
    with(pod, "metadata",
         [&labels](const Reader& m) { with(m, "labels", [&labels](const Reader& l) { labels = l.string_map(); }); });
  });
  if (!has(spec, "selector")) spec.fail("lacks \"selector\"; expected labels of the template");
  with(spec, "selector", [&](const Reader& r) {
    kube::LabelSelector selector = kube::LabelSelector::everything();
    if (plain_map) {
      kube::parts::add_match_labels(r.string_map(), selector.requirements);
    } else {
      check_requirements(r, "matchExpressions");
      selector = kube::parts::label_selector(r);
    }
    if (selector.empty()) r.fail("is empty; expected labels of the template");
    if (!selector.matches(labels)) r.fail("does not fit the labels of the template; expected the same labels there");
  });
}

std::set<std::string> claim_names(const Reader& spec) {
  std::set<std::string> names;
  each(spec, "volumeClaimTemplates", [&names](const Reader& c) {
    with(c, "metadata", [&names](const Reader& m) { names.insert(text_of(m, "name")); });
    if (!has(c, "spec")) c.fail("lacks \"spec\"; expected one");
  });
  return names;
}

void check_job(const Reader& spec) {
  check_template(spec, Restart::kNotAlways);
  const bool indexed = text_of(spec, "completionMode") == "Indexed";
  if (indexed && !has(spec, "completions")) spec.fail("is Indexed without completions; expected a number");
  for (const char* key : {"backoffLimitPerIndex", "maxFailedIndexes", "successPolicy"}) {
    if (has(spec, key) && !indexed) spec.fail(fmt::format("has {}; expected it with completionMode Indexed only", key));
  }
  if (has(spec, "maxFailedIndexes") && !has(spec, "backoffLimitPerIndex")) {
    spec.fail("has maxFailedIndexes; expected it with backoffLimitPerIndex only");
  }
  if (has(spec, "podFailurePolicy")) {
    std::string policy;
    with(spec, "template", [&policy](const Reader& pod) {
      with(pod, "spec", [&policy](const Reader& s) { policy = text_of(s, "restartPolicy"); });
    });
    if (policy != "Never") spec.fail("has podFailurePolicy; expected restartPolicy Never with it");
  }
  if (has(spec, "selector")) {
    if (spec.json().value("manualSelector", false)) {
      check_selects_template(spec, false);
    }
  }
}

void check_cron_job(const Reader& object) {
  with(object, "metadata", [](const Reader& m) {
    with(m, "name", [](const Reader& name) {
      if (name.text().size() > 52) name.fail("is longer than 52; expected room for the names of its jobs");
    });
  });
  with(object, "spec", [](const Reader& spec) {
    with(spec, "schedule", [](const Reader& r) {
      const std::string schedule = r.text();
      if (schedule.find("TZ=") != std::string::npos) {
        r.fail(fmt::format("is \"{}\"; expected the time zone in timeZone", shown(schedule)));
      }
      if (!is_cron_schedule(schedule)) {
        r.fail(fmt::format("is \"{}\"; expected five fields (\"*/5 * * * *\") or @hourly, @daily, @every 90s",
                           shown(schedule)));
      }
    });
    with(spec, "jobTemplate", [](const Reader& t) { with(t, "spec", check_job); });
  });
}

// --- The rest -------------------------------------------------------------------------------------------------------

void check_service(const Reader& spec) {
  const std::string type = text_of(spec, "type");
  if (type == "ExternalName") {
    if (text_of(spec, "externalName").empty()) spec.fail("lacks \"externalName\"; expected a DNS name");
    return;
  }
  const std::size_t ports = has(spec, "ports") ? spec.json()["ports"].size() : 0;
  if (ports == 0 && text_of(spec, "clusterIP") != "None") spec.fail("has no ports; expected at least one");
  std::set<std::string> names;
  std::set<std::string> numbers;
  each(spec, "ports", [&](const Reader& port) {
    const std::string name = text_of(port, "name");
    if (name.empty() && ports > 1) port.fail("lacks \"name\"; expected one where there are several ports");
    if (!name.empty() && !names.insert(name).second) {
      port.fail(fmt::format("is the second port \"{}\"; expected each name once", shown(name)));
    }
    const std::string number = fmt::format("{}/{}", port.json()["port"].dump(), text_of(port, "protocol"));
    if (!numbers.insert(number).second) port.fail(fmt::format("is the second port {}; expected each once", number));
  });
  if (text_of(spec, "clusterIP") == "None" && (type == "NodePort" || type == "LoadBalancer")) {
    spec.fail(fmt::format("has clusterIP None and type {}; expected ClusterIP", type));
  }
}

void check_claim(const Reader& spec) {
  if (!has(spec, "accessModes") || spec.json()["accessModes"].empty()) {
    spec.fail("has no accessModes; expected at least one, such as ReadWriteOnce");
  }
  const Json storage = spec.json().value("/resources/requests/storage"_json_pointer, Json());
  if (storage.is_null()) spec.fail("requests no storage; expected resources.requests.storage");
  check_selector(spec, "selector");
}

void check_volume(const Reader& spec) {
  if (spec.json().value("/capacity/storage"_json_pointer, Json()).is_null()) {
    spec.fail("has no capacity.storage; expected an amount such as 10Gi");
  }
  if (spec.json()["accessModes"].empty()) spec.fail("has no accessModes; expected at least one");
  if (has(spec, "local") && !has(spec, "nodeAffinity")) {
    spec.fail("is a local volume without nodeAffinity; expected the node that it is on");
  }
}

void check_priority_class(const Reader& object) {
  const std::int64_t value = object.json()["value"].get<std::int64_t>();
  bool system = false;
  with(object, "metadata", [&system](const Reader& m) { system = text_of(m, "name").starts_with("system-"); });
  if (!system && value > 1'000'000'000) {
    with(object, "value",
         [](const Reader& r) { r.fail("is above 1000000000; expected less, but for system classes"); });
  }
}

void check_limit_range(const Reader& spec) {
  each(spec, "limits", [](const Reader& item) {
    static constexpr const char* kOrder[] = {"min", "defaultRequest", "default", "max"};
    for (std::size_t i = 0; i < std::size(kOrder); ++i) {
      for (std::size_t j = i + 1; j < std::size(kOrder); ++j) {
        if (!has(item, kOrder[i]) || !has(item, kOrder[j])) continue;
        const Json& low = item.json()[kOrder[i]];
        const Json& high = item.json()[kOrder[j]];
        for (const auto& [name, value] : low.items()) {
          if (!high.contains(name)) continue;
          if (Reader(item, kOrder[j], high[name]).quantity(name) < Reader(item, kOrder[i], value).quantity(name)) {
            item.fail(fmt::format("has {} of {} above {}; expected at most that", kOrder[i], name, kOrder[j]));
          }
        }
      }
    }
    const std::string type = text_of(item, "type");
    if (type == "Pod" && (has(item, "default") || has(item, "defaultRequest"))) {
      item.fail("has defaults for whole pods; expected them for type Container only");
    }
    if (type == "PersistentVolumeClaim" && !has(item, "min") && !has(item, "max")) {
      item.fail("has neither min nor max; expected one of them for claims");
    }
  });
}

void check_quota(const Reader& spec) {
  const auto term = [](const Reader& item) {
    const std::string scope = text_of(item, "scopeName");
    const std::string op = text_of(item, "operator");
    const bool values = has(item, "values") && !item.json()["values"].empty();
    if ((op == "In" || op == "NotIn") != values) {
      item.fail(values ? fmt::format("has {} with values; expected none", op)
                       : fmt::format("has {} without values; expected some", op));
    }
    if (scope != "PriorityClass" && scope != "VolumeAttributesClass" && op != "Exists") {
      item.fail(fmt::format("has {} for scope {}; expected Exists", op, scope));
    }
  };
  with(spec, "scopeSelector", [&term](const Reader& s) { each(s, "matchExpressions", term); });
}

void check_autoscaler(const Reader& spec) {
  if (spec.json().value("minReplicas", 1) == 0) {
    bool outside = false;
    each(spec, "metrics", [&outside](const Reader& m) {
      const std::string type = text_of(m, "type");
      outside = outside || type == "Object" || type == "External";
    });
    if (!outside) spec.fail("has minReplicas 0; expected an Object or External metric with it");
  }
}

void check_secret(const Reader& object) {
  with(object, "data", [](const Reader& data) {
    for (const auto& [key, value] : data.json().items()) {
      std::string text = value.get<std::string>();
      std::erase_if(text, [](char c) { return c == '\n' || c == '\r'; });
      std::size_t padding = 0;
      while (padding < 2 && !text.empty() && text.back() == '=') {
        text.pop_back();
        ++padding;
      }
      const bool alphabet = std::all_of(text.begin(), text.end(), [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '+' || c == '/';
      });
      if (!alphabet || (text.size() + padding) % 4 != 0) {
        Reader(data, key, value).fail("is no base64; expected base64, or plain text under stringData");
      }
    }
  });
}

}  // namespace

void validate(std::string_view kind, const Reader& object) {
  check_metadata(kind, object);
  if (kind == "Secret") check_secret(object);
  if (kind == "PriorityClass") check_priority_class(object);
  if (kind == "CronJob") return check_cron_job(object);
  with(object, "spec", [kind](const Reader& spec) {
    if (kind == "Pod") check_pod_spec(spec, Restart::kAny, {});
    if (kind == "Deployment" || kind == "ReplicaSet" || kind == "DaemonSet") {
      check_selects_template(spec, false);
      check_template(spec, Restart::kAlways);
    }
    if (kind == "ReplicationController") {
      check_selects_template(spec, true);
      check_template(spec, Restart::kAlways);
    }
    if (kind == "StatefulSet") {
      check_selects_template(spec, false);
      check_template(spec, Restart::kAlways, claim_names(spec));
    }
    if (kind == "Job") check_job(spec);
    if (kind == "Service") check_service(spec);
    if (kind == "PersistentVolumeClaim") check_claim(spec);
    if (kind == "PersistentVolume") check_volume(spec);
    if (kind == "LimitRange") check_limit_range(spec);
    if (kind == "ResourceQuota") check_quota(spec);
    if (kind == "HorizontalPodAutoscaler") check_autoscaler(spec);
    if (kind == "PodDisruptionBudget") check_selector(spec, "selector");
  });
}

}  // namespace berth::manifest
