#include "policies/schedulers/kube/pod_info.hpp"

#include <algorithm>
#include <iterator>

#include "policies/schedulers/kube/cluster_state.hpp"
#include "sim/engine/error.hpp"

namespace berth::kube {
namespace {

AffinityTerm resolved(const PodAffinityTerm& term, const Pod& pod, std::int32_t weight) {
  AffinityTerm out{.namespaces = term.namespaces,
                   .namespace_selector = term.namespace_selector.value_or(LabelSelector{}),
                   .selector = term.selector,
                   .topology_key = term.topology_key,
                   .weight = weight};
  if (term.namespaces.empty() && !term.namespace_selector) out.namespaces.push_back(pod.namespace_name);
  return out;
}

// Writes a spec down so that two specs are equal exactly if their texts are: every text and list with its length.
class KeyWriter {
 public:
  void number(std::int64_t value) {
    key_.append(reinterpret_cast<const char*>(&value), sizeof value);  // Stays in this process.
  }
  void text(const std::string& value) {
    number(static_cast<std::int64_t>(value.size()));
    key_ += value;
  }
  template <class List, class Write>
  void list(const List& items, Write write) {
    number(std::distance(items.begin(), items.end()));
    for (const auto& item : items) write(item);
  }
  void texts(const std::vector<std::string>& items) {
    list(items, [this](const std::string& item) { text(item); });
  }
  void map(const StringMap& items) {
    list(items, [this](const auto& item) {
      text(item.first);
      text(item.second);
    });
  }
  void requirements(const std::vector<Requirement>& items) {
    list(items, [this](const Requirement& r) {
      text(r.key);
      number(static_cast<std::int64_t>(r.op));
      texts(r.values);
    });
  }
  void selector(const LabelSelector& s) {
    number(s.nothing ? 1 : 0);
    requirements(s.requirements);
  }
  void node_term(const NodeSelectorTerm& term) {
    requirements(term.match_expressions);
    requirements(term.match_fields);
  }
  void pod_term(const PodAffinityTerm& term) {
    selector(term.selector);
    texts(term.namespaces);
    number(term.namespace_selector ? 1 : 0);
    if (term.namespace_selector) selector(*term.namespace_selector);
    text(term.topology_key);
  }
  void pod_terms(const std::vector<PodAffinityTerm>& terms) {
    list(terms, [this](const PodAffinityTerm& term) { pod_term(term); });
  }
  void pod_terms(const std::vector<WeightedPodAffinityTerm>& terms) {
    list(terms, [this](const WeightedPodAffinityTerm& term) {
      number(term.weight);
      pod_term(term.term);
    });
  }
  void amounts(const ResourceList& items) {
    list(items, [this](const auto& item) {
      text(item.first);
      const auto nano = item.second.nano;
      key_.append(reinterpret_cast<const char*>(&nano), sizeof nano);
    });
  }
  void containers(const std::vector<Container>& items) {
    list(items, [this](const Container& c) {
      text(c.image);
      amounts(c.requests);
      number(c.restart_always ? 1 : 0);
      list(c.ports, [this](const ContainerPort& port) {
        number(port.host_port);
        text(port.host_ip);
        text(port.protocol);
      });
    });
  }
  std::string take() { return std::move(key_); }

 private:
  std::string key_;
};

std::string class_key(const Pod& pod) {
  KeyWriter w;
  w.text(pod.namespace_name);
  w.map(pod.labels);
  w.number(pod.controller ? 1 : 0);
  if (pod.controller) {
    w.text(pod.controller->api_version);
    w.text(pod.controller->kind);
    w.text(pod.controller->name);
  }
  w.number((pod.deleting ? 1 : 0) + (pod.disrupted_by_preemption ? 2 : 0) + (pod.has_node_affinity_terms ? 4 : 0) +
           (pod.has_pod_requests ? 8 : 0) + (pod.never_preempts ? 16 : 0));
  w.map(pod.node_selector);
  w.list(pod.required_node_terms, [&w](const NodeSelectorTerm& term) { w.node_term(term); });
  w.list(pod.preferred_node_terms, [&w](const PreferredSchedulingTerm& term) {
    w.number(term.weight);
    w.node_term(term.preference);
  });
  w.pod_terms(pod.required_affinity);
  w.pod_terms(pod.required_anti_affinity);
  w.pod_terms(pod.preferred_affinity);
  w.pod_terms(pod.preferred_anti_affinity);
  w.list(pod.tolerations, [&w](const Toleration& t) {
    w.text(t.key);
    w.number(static_cast<std::int64_t>(t.op));
    w.text(t.value);
    w.number(static_cast<std::int64_t>(t.effect));
  });
  w.list(pod.spread_constraints, [&w](const TopologySpreadConstraint& c) {
    w.number(c.max_skew);
    w.text(c.topology_key);
    w.selector(c.selector);
    w.number(c.min_domains);
    w.number((c.schedule_anyway ? 1 : 0) + (c.honor_node_affinity ? 2 : 0) + (c.honor_node_taints ? 4 : 0));
  });
  w.containers(pod.containers);
  w.containers(pod.init_containers);
  w.amounts(pod.overhead);
  w.amounts(pod.pod_requests);
  w.list(pod.volumes, [&w, &pod](const Volume& v) {
    w.number(static_cast<std::int64_t>(v.kind));
    w.text(v.source);
    w.texts(v.monitors);
    w.number(v.read_only ? 1 : 0);
    w.text(claim_name(pod, v));  // A generic ephemeral volume's claim goes by the pod's name.
  });
  w.texts(pod.scheduling_gates);
  w.text(pod.scheduler_name);
  w.number(pod.priority);
  return w.take();
}

}  // namespace

bool AffinityTerm::matches(const Pod& pod, const StringMap* namespace_labels) const {
  static const StringMap kNoLabels;
  const bool covers = std::find(namespaces.begin(), namespaces.end(), pod.namespace_name) != namespaces.end() ||
                      namespace_selector.matches(namespace_labels == nullptr ? kNoLabels : *namespace_labels);
  return covers && selector.matches(pod.labels);
}

PodClassId PodClasses::of(const Pod& pod) {
  const auto next = static_cast<PodClassId>(ids_.size());
  return ids_.emplace(class_key(pod), next).first->second;
}

PodInfo::PodInfo(Pod source, PodClasses& classes) : pod(std::move(source)), class_id(classes.of(pod)) {
  const ResourceList exact = pod_requests(pod, {});
  requests = to_resource(exact);
  // Pod-level requests: the defaults go in only for what the whole pod leaves out.
  ResourceList fill;
  for (const auto& [name, amount] : default_requests()) {
    const Quantity* given = exact.find(name);
    if (!pod.has_pod_requests || given == nullptr || *given == Quantity{}) fill.set(name, amount);
  }
  const Resource non_zero = to_resource(pod_requests(pod, {.fill = &fill}));
  non_zero_milli_cpu = non_zero.milli_cpu;
  non_zero_memory = non_zero.memory;

  for (const PodAffinityTerm& term : pod.required_affinity) required_affinity.push_back(resolved(term, pod, 0));
  for (const PodAffinityTerm& term : pod.required_anti_affinity)
    required_anti_affinity.push_back(resolved(term, pod, 0));
  for (const auto& term : pod.preferred_affinity) preferred_affinity.push_back(resolved(term.term, pod, term.weight));
  for (const auto& term : pod.preferred_anti_affinity)
    preferred_anti_affinity.push_back(resolved(term.term, pod, term.weight));

  const auto take_ports = [this](const Container& container) {
    for (const ContainerPort& port : container.ports) {
      if (port.host_port <= 0) continue;
      host_ports.push_back(port);
      if (port.host_ip.empty()) host_ports.back().host_ip = "0.0.0.0";
    }
  };
  for (const Container& container : pod.containers) take_ports(container);
  for (const Container& container : pod.init_containers) {
    if (container.restart_always) take_ports(container);
  }

  for (const auto* containers : {&pod.init_containers, &pod.containers}) {
    for (const Container& container : *containers) images.push_back(normalized_image_name(container.image));
  }
  for (const Volume& volume : pod.volumes) {
    if (volume.kind == Volume::Kind::kImage) images.push_back(normalized_image_name(volume.source));
  }
}

}  // namespace berth::kube
