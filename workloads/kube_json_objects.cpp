// One function per kind of object, in the order of its fields in the API reference; pods have a file of their own.
#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "sim/engine/error.hpp"
#include "workloads/kube_json.hpp"
#include "workloads/kube_json_parts.hpp"

namespace berth::kube {

using namespace parts;

namespace {

constexpr std::int64_t kMaxImageBytes = std::int64_t{1} << 62;  // Exact as a double: scores scale it.

}  // namespace

void decode(const Reader& value, Node& out) {
  Fields f(value);
  metadata(f, out.name, nullptr, &out.labels);
  if (out.name.empty()) value.fail("has no metadata.name; expected a name");
  f.get("spec", [&](const Reader& v) {
    Fields s(v);
    s.boolean("unschedulable", out.unschedulable);
    s.get("taints", [&](const Reader& list) {
      list.each([&](const Reader& item) {
        Taint& taint = out.taints.emplace_back();
        Fields t(item);
        t.text("key", taint.key);
        t.text("value", taint.value);
        t.get("effect", [&](const Reader& e) { taint.effect = choice(e, kEffects); });
        t.ignore({"timeAdded"});
      });
    });
    s.ignore({"podCIDR", "podCIDRs", "providerID"});
  });
  f.get("status", [&](const Reader& v) {
    Fields s(v);
    s.get("allocatable", [&](const Reader& a) { out.allocatable = a.resources(); });
    s.get("images", [&](const Reader& list) {
      list.each([&](const Reader& item) {
        NodeImage& image = out.images.emplace_back();
        Fields i(item);
        i.get("names", [&](const Reader& n) { image.names = n.texts(); });
        i.get("sizeBytes", [&](const Reader& n) { image.size_bytes = n.integer(0, kMaxImageBytes); });
      });
    });
    s.ignore_rest();  // Conditions reach the scheduler as taints.
  });
}

void decode(const Reader& value, Namespace& out) {
  Fields f(value);
  metadata(f, out.name, nullptr, &out.labels);
  f.ignore({"spec", "status"});
}

void decode(const Reader& value, PriorityClass& out) {
  Fields f(value);
  metadata(f, out.name);
  f.integer("value", out.value, kMinInt32, kMaxInt32);
  f.boolean("globalDefault", out.global_default);
  f.get("preemptionPolicy", [&](const Reader& v) {
    static constexpr Word<bool> kPolicies[] = {{"Never", true}, {"PreemptLowerPriority", false}};
    out.never_preempts = choice(v, kPolicies);
  });
  f.ignore({"description"});
}

void decode(const Reader& value, PodDisruptionBudget& out) {
  Fields f(value);
  metadata(f, out.name, &out.namespace_name);
  f.get("spec", [&](const Reader& v) {
    Fields s(v);
    s.get("selector", [&](const Reader& l) { out.selector = label_selector(l); });
    s.ignore_rest();  // The budget's controller has turned them into status.disruptionsAllowed.
  });
  f.get("status", [&](const Reader& v) {
    Fields s(v);
    s.integer("disruptionsAllowed", out.disruptions_allowed, kMinInt32, kMaxInt32);
    s.get("disruptedPods", [&](const Reader& d) {
      Fields names(d);
      for (const auto& [name, when] : d.json().items()) out.disrupted_pods.push_back(name);
      names.ignore_rest();
    });
    s.ignore_rest();
  });
}

void decode(const Reader& value, Service& out) {
  Fields f(value);
  metadata(f, out.name, &out.namespace_name);
  f.get("spec", [&](const Reader& v) {
    Fields s(v);
    out.has_selector = s.map("selector", out.selector);
    s.ignore_rest();
  });
  f.ignore({"status"});
}

void decode_workload(const Reader& value, Workload::Kind kind, Workload& out) {
  Fields f(value);
  out.kind = kind;
  metadata(f, out.name, &out.namespace_name);
  f.get("spec", [&](const Reader& v) {
    Fields s(v);
    s.get("selector", [&](const Reader& l) {
      if (kind == Workload::Kind::kReplicationController) {
        out.selector = LabelSelector::everything();
        add_match_labels(l.string_map(), out.selector.requirements);
      } else {
        out.selector = label_selector(l);
      }
    });
    s.ignore_rest();
  });
  f.ignore({"status"});
}

void decode(const Reader& value, PersistentVolume& out) {
  Fields f(value);
  metadata(f, out.name, nullptr, &out.labels);
  f.get("metadata", [&](const Reader& v) {
    Fields m(v);
    m.get("deletionTimestamp", [&](const Reader&) { out.deleting = true; });
    m.ignore_rest();
  });
  f.get("spec", [&](const Reader& v) {
    Fields s(v);
    s.get("capacity", [&](const Reader& c) {
      const ResourceList capacity = c.resources();
      if (const Quantity* storage = capacity.find("storage")) out.capacity = *storage;
    });
    s.get("accessModes", [&](const Reader& a) { out.access_modes = a.texts(); });
    s.get("claimRef", [&](const Reader& c) {
      ClaimRef& ref = out.claim_ref.emplace();
      Fields r(c);
      r.text("namespace", ref.namespace_name);
      r.text("name", ref.name);
      r.text("uid", ref.uid);
      r.ignore_rest();
    });
    s.get("csi", [&](const Reader& c) {
      Fields r(c);
      r.text("driver", out.csi_driver);
      r.text("volumeHandle", out.csi_handle);
      r.ignore_rest();
    });
    s.text("storageClassName", out.storage_class);
    s.text("volumeMode", out.volume_mode);
    s.get("nodeAffinity", [&](const Reader& a) {
      Fields n(a);
      n.get("required", [&](const Reader& terms) {
        out.has_node_affinity = true;
        node_selector_terms(terms, out.node_affinity);
      });
    });
    s.ignore({"local", "hostPath", "nfs", "mountOptions", "persistentVolumeReclaimPolicy"});
  });
  f.get("status", [&](const Reader& v) {
    Fields s(v);
    std::string phase;
    s.text("phase", phase);
    out.available = phase == "Available";
    s.ignore_rest();
  });
}

void decode(const Reader& value, PersistentVolumeClaim& out) {
  Fields f(value);
  metadata(f, out.name, &out.namespace_name);
  f.get("metadata", [&](const Reader& v) {
    Fields m(v);
    StringMap annotations;
    m.text("uid", out.uid);
    m.map("annotations", annotations);
    out.bind_completed = annotations.find("pv.kubernetes.io/bind-completed") != nullptr;
    if (const std::string* node = annotations.find("volume.kubernetes.io/selected-node")) out.selected_node = *node;
    if (const std::string* name = annotations.find("volume.beta.kubernetes.io/storage-class"))
      out.storage_class = *name;
    m.get("deletionTimestamp", [&](const Reader&) { out.deleting = true; });
    m.ignore_rest();
  });
  if (out.uid.empty()) out.uid = out.key();
  f.get("spec", [&](const Reader& v) {
    Fields s(v);
    s.get("accessModes", [&](const Reader& a) { out.access_modes = a.texts(); });
    s.get("resources", [&](const Reader& c) {
      ResourceList requests, limits;
      requests_and_limits(c, requests, limits);
      if (const Quantity* storage = requests.find("storage")) out.request = *storage;
    });
    s.get("selector", [&](const Reader& l) { out.selector = label_selector(l); });
    std::string name;
    if (s.text("storageClassName", name) && out.storage_class.empty()) out.storage_class = name;
    s.text("volumeName", out.volume_name);
    s.text("volumeMode", out.volume_mode);
  });
  f.get("status", [&](const Reader& v) {
    Fields s(v);
    std::string phase;
    s.text("phase", phase);
    out.lost = phase == "Lost";
    s.ignore_rest();
  });
}

void decode(const Reader& value, StorageClass& out) {
  Fields f(value);
  metadata(f, out.name);
  f.text("provisioner", out.provisioner);
  f.get("volumeBindingMode", [&](const Reader& v) {
    static constexpr Word<bool> kModes[] = {{"WaitForFirstConsumer", true}, {"Immediate", false}};
    out.wait_for_first_consumer = choice(v, kModes);
  });
  f.get("allowedTopologies", [&](const Reader& v) {
    v.each([&](const Reader& item) {
      TopologySelectorTerm& term = out.allowed_topologies.emplace_back();
      Fields t(item);
      t.get("matchLabelExpressions", [&](const Reader& list) {
        list.each([&](const Reader& e) {
          Requirement& requirement_in = term.match_label_expressions.emplace_back();
          Fields x(e);
          x.text("key", requirement_in.key);
          x.get("values", [&](const Reader& values) { requirement_in.values = values.texts(); });
        });
      });
    });
  });
  f.ignore({"parameters", "reclaimPolicy", "mountOptions", "allowVolumeExpansion"});
}

void decode(const Reader& value, CsiNode& out) {
  Fields f(value);
  metadata(f, out.name);
  f.get("spec", [&](const Reader& v) {
    Fields s(v);
    s.get("drivers", [&](const Reader& list) {
      list.each([&](const Reader& item) {
        CsiNode::Driver& driver = out.drivers.emplace_back();
        Fields d(item);
        d.text("name", driver.name);
        d.get("allocatable", [&](const Reader& a) {
          Fields c(a);
          c.get("count", [&](const Reader& n) { driver.count = n.integer(0, kMaxInt32); });
        });
        d.ignore({"nodeID", "topologyKeys"});
      });
    });
  });
}

void decode(const Reader& value, CsiDriver& out) {
  Fields f(value);
  metadata(f, out.name);
  f.get("spec", [&](const Reader& v) {
    Fields s(v);
    s.boolean("storageCapacity", out.storage_capacity);
    s.boolean("preventPodSchedulingIfMissing", out.prevent_scheduling_if_missing);
    s.ignore_rest();
  });
}

void decode(const Reader& value, CsiStorageCapacity& out) {
  Fields f(value);
  std::string name;
  metadata(f, name);
  f.text("storageClassName", out.storage_class);
  f.get("nodeTopology", [&](const Reader& v) { out.node_topology = label_selector(v); });
  f.get("capacity", [&](const Reader& v) { out.capacity = v.quantity("storage"); });
  f.get("maximumVolumeSize", [&](const Reader& v) { out.maximum_volume_size = v.quantity("storage"); });
}

void decode_dump(const nlohmann::json& document, const JsonSource& source, Objects& objects, std::vector<Pod>& pods) {
  const Reader root(source, document);
  const auto one = [&](const Reader& item, std::string kind) {
    if (item.is_object() && item.json().contains("kind")) {
      kind = Reader(item, "kind", item.json()["kind"]).text();
    }
    if (kind == "Pod") return decode(item, pods.emplace_back());
    if (kind == "Node") return decode(item, objects.nodes.emplace_back());
    if (kind == "Namespace") return decode(item, objects.namespaces.emplace_back());
    if (kind == "PriorityClass") return decode(item, objects.priority_classes.emplace_back());
    if (kind == "PodDisruptionBudget") return decode(item, objects.budgets.emplace_back());
    if (kind == "Service") return decode(item, objects.services.emplace_back());
    if (kind == "ReplicationController")
      return decode_workload(item, Workload::Kind::kReplicationController, objects.workloads.emplace_back());
    if (kind == "ReplicaSet")
      return decode_workload(item, Workload::Kind::kReplicaSet, objects.workloads.emplace_back());
    if (kind == "StatefulSet")
      return decode_workload(item, Workload::Kind::kStatefulSet, objects.workloads.emplace_back());
    if (kind == "PersistentVolume") return decode(item, objects.volumes.emplace_back());
    if (kind == "PersistentVolumeClaim") return decode(item, objects.claims.emplace_back());
    if (kind == "StorageClass") return decode(item, objects.storage_classes.emplace_back());
    if (kind == "CSINode") return decode(item, objects.csi_nodes.emplace_back());
    if (kind == "CSIDriver") return decode(item, objects.csi_drivers.emplace_back());
    if (kind == "CSIStorageCapacity") return decode(item, objects.csi_capacities.emplace_back());
    if (kind.empty()) item.fail("has no kind; expected a Kubernetes object");
    if (source.unknown != nullptr) ++(*source.unknown)["kind: " + kind];
  };
  if (!root.is_object()) root.fail("is no object; expected a Kubernetes object or kind: List");
  if (!document.contains("items")) return one(root, "");
  Fields f(root);
  std::string kind;
  f.text("kind", kind);
  if (!kind.ends_with("List")) root.fail(fmt::format("has items but is of kind \"{}\"; expected List", kind));
  kind.resize(kind.size() - 4);  // "NodeList" leaves out the kind of its items.
  f.get("items", [&](const Reader& items) { items.each([&](const Reader& item) { one(item, kind); }); });
  f.ignore({"apiVersion", "metadata"});
}

}  // namespace berth::kube
