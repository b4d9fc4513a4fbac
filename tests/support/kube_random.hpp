// Random clusters and pods as Kubernetes objects, with every feature that the scheduler looks at mixed: for tests that
// compare two ways to decide. All from one seed.
#pragma once

#include <cstdint>
#include <deque>
#include <string>

#include "policies/schedulers/kube/cluster_state.hpp"
#include "sim/engine/rng.hpp"

namespace berth::test {

class KubeRandom {
 public:
  explicit KubeRandom(std::uint64_t seed) : rng_(seed, 0, 0, Purpose::kPolicy) {}

  std::uint32_t below(std::uint32_t n) { return rng_.below(n); }
  bool one_in(std::uint32_t n) { return below(n) == 0; }

  kube::Objects objects(std::uint32_t nodes) {
    kube::Objects out;
    zones_ = 1 + below(4);
    for (std::uint32_t i = 0; i < nodes; ++i) out.nodes.push_back(new_node());
    for (const char* name : {"default", "prod", "test"}) {
      kube::Namespace item;
      item.name = name;
      if (!one_in(3)) item.labels.set("team", one_in(2) ? "a" : "b");
      out.namespaces.push_back(item);
    }
    for (const char* app : {"a", "b"}) {
      kube::Service service;
      service.namespace_name = "default";
      service.name = app;
      service.has_selector = true;
      service.selector.set("app", app);
      if (one_in(2)) out.services.push_back(service);
    }
    if (one_in(2)) {
      kube::PodDisruptionBudget budget;
      budget.namespace_name = "default";
      budget.name = "b";
      budget.selector = selector();
      budget.disruptions_allowed = static_cast<std::int32_t>(below(3));
      out.budgets.push_back(budget);
    }
    return out;
  }

  // One more node, of a name not used before.
  kube::Node new_node() { return node(nodes_++); }
  // The node with other labels, taints and cordon.
  kube::Node changed(const kube::Node& old) {
    kube::Node out = node(0);
    out.name = old.name;
    out.allocatable = old.allocatable;
    if (out.labels.find("kubernetes.io/hostname") != nullptr) out.labels.set("kubernetes.io/hostname", out.name);
    return out;
  }

  // Classes and volumes for claim(): classes that wait for the pod, without and with a provisioner.
  void add_storage(kube::Objects& out) {
    for (const char* name : {"local", "made"}) {
      kube::StorageClass item;
      item.name = name;
      item.provisioner = item.name == "local" ? "kubernetes.io/no-provisioner" : "csi.example.com";
      item.wait_for_first_consumer = true;
      out.storage_classes.push_back(item);
    }
    for (int i = 0; i < 6; ++i) out.volumes.push_back(new_volume());
  }
  kube::PersistentVolume new_volume() {
    kube::PersistentVolume out;
    out.name = "pv-" + std::to_string(volumes_++);
    out.capacity = whole(std::int64_t{1} << (30 + below(3)));
    out.access_modes = {"ReadWriteOnce"};
    out.storage_class = "local";
    out.available = true;
    out.has_node_affinity = true;
    out.node_affinity.push_back(
        {{{"topology.kubernetes.io/zone", kube::SelectorOperator::kIn, {"zone-" + std::to_string(below(zones_))}}},
         {}});
    return out;
  }
  kube::PersistentVolumeClaim new_claim() {
    kube::PersistentVolumeClaim out;
    out.namespace_name = "default";
    out.name = "claim-" + std::to_string(claims_++);
    out.uid = out.name;
    out.storage_class = pick({"local", "made"});
    out.access_modes = {"ReadWriteOnce"};
    out.request = whole(std::int64_t{1} << (29 + below(3)));
    return out;
  }

  // A pod of one of `templates` kinds; the kinds themselves are random.
  kube::Pod pod(std::uint32_t templates) {
    while (templates_.size() < templates) templates_.push_back(make_template());
    kube::Pod out = templates_[below(templates)];
    out.name = "pod-" + std::to_string(++pods_);
    out.uid = out.namespace_name + "/" + out.name;
    return out;
  }

 private:
  static kube::Quantity milli(std::int64_t amount) { return {kube::Quantity::Nano{amount} * 1'000'000}; }
  static kube::Quantity whole(std::int64_t amount) { return {kube::Quantity::Nano{amount} * 1'000'000'000}; }
  std::string pick(std::initializer_list<const char*> list) {
    return list.begin()[below(static_cast<std::uint32_t>(list.size()))];
  }

  kube::Node node(std::uint32_t i) {
    kube::Node out;
    out.name = "node-" + std::to_string(i);
    if (!one_in(20)) out.labels.set("kubernetes.io/hostname", out.name);
    if (!one_in(12)) out.labels.set("topology.kubernetes.io/zone", "zone-" + std::to_string(below(zones_)));
    if (one_in(2)) out.labels.set("disk", one_in(2) ? "ssd" : "hdd");
    if (one_in(2)) out.labels.set("rack", "rack-" + std::to_string(below(6)));
    out.unschedulable = one_in(25);
    if (one_in(8)) {
      const kube::TaintEffect effects[] = {kube::TaintEffect::kNoSchedule, kube::TaintEffect::kPreferNoSchedule,
                                           kube::TaintEffect::kNoExecute};
      out.taints.push_back({"dedicated", one_in(2) ? "x" : "y", effects[below(3)]});
    }
    out.allocatable.set("cpu", whole(2 + below(3) * 2));
    out.allocatable.set("memory", whole(std::int64_t{1} << (31 + below(3))));
    out.allocatable.set("pods", whole(one_in(6) ? 4 : 30));
    if (one_in(5)) out.allocatable.set("example.com/gpu", whole(1 + below(4)));
    if (one_in(4))
      out.images.push_back({{"app:v1", "registry.example.com/app:v1"}, 300'000'000 + below(4) * 100'000'000});
    return out;
  }

  kube::LabelSelector selector() {
    kube::LabelSelector out = kube::LabelSelector::everything();
    if (one_in(12)) return out;
    if (one_in(12)) return {};
    if (one_in(5)) {
      out.requirements.push_back(
          {"tier", one_in(2) ? kube::SelectorOperator::kExists : kube::SelectorOperator::kDoesNotExist, {}});
    } else {
      out.requirements.push_back({"app", kube::SelectorOperator::kIn, {pick({"a", "b", "c"})}});
    }
    return out;
  }

  kube::PodAffinityTerm term() {
    kube::PodAffinityTerm out;
    out.selector = selector();
    out.topology_key =
        pick({"kubernetes.io/hostname", "topology.kubernetes.io/zone", "rack", "topology.kubernetes.io/zone"});
    if (one_in(6)) out.namespaces = {"prod"};
    if (one_in(6)) {
      out.namespace_selector = kube::LabelSelector::everything();
      if (one_in(2)) out.namespace_selector->requirements.push_back({"team", kube::SelectorOperator::kIn, {"a"}});
    }
    return out;
  }

  kube::NodeSelectorTerm node_term() {
    kube::NodeSelectorTerm out;
    if (one_in(12)) {
      out.match_fields.push_back(
          {"metadata.name", kube::SelectorOperator::kIn, {"node-" + std::to_string(below(12)), "node-3"}});
    } else if (one_in(10)) {
      out.match_expressions.push_back({"kubernetes.io/hostname", kube::SelectorOperator::kNotIn, {"node-1", "node-2"}});
    } else {
      out.match_expressions.push_back({pick({"disk", "rack"}), kube::SelectorOperator::kExists, {}});
    }
    return out;
  }

  kube::Pod make_template() {
    kube::Pod out;
    out.namespace_name = pick({"default", "default", "default", "prod"});
    out.labels.set("app", pick({"a", "b", "c"}));
    if (one_in(3)) out.labels.set("tier", "web");
    kube::Container container;
    container.name = "main";
    container.image = one_in(2) ? "app:v1" : "other";
    if (!one_in(8)) container.requests.set("cpu", milli(100 * (1 + below(12))));
    if (!one_in(8)) container.requests.set("memory", whole((std::int64_t{1} << 26) * (1 + below(12))));
    if (one_in(15)) container.requests.set("example.com/gpu", whole(1));
    if (one_in(10)) container.ports.push_back({static_cast<std::int32_t>(8080 + below(2)), "", "TCP"});
    out.containers.push_back(container);
    if (one_in(3)) out.priority = static_cast<std::int32_t>(below(3) * 100);
    if (one_in(8)) out.node_selector.set("disk", one_in(2) ? "ssd" : "hdd");
    if (one_in(6)) {
      out.has_node_affinity_terms = true;
      out.required_node_terms.push_back(node_term());
      if (one_in(3)) out.required_node_terms.push_back(node_term());
    }
    if (one_in(4)) out.preferred_node_terms.push_back({static_cast<std::int32_t>(1 + below(50)), node_term()});
    if (one_in(6)) out.required_affinity.push_back(term());
    if (one_in(20)) out.required_affinity.push_back(term());
    if (one_in(6)) out.required_anti_affinity.push_back(term());
    if (one_in(5)) out.preferred_affinity.push_back({static_cast<std::int32_t>(1 + below(100)), term()});
    if (one_in(5)) out.preferred_anti_affinity.push_back({static_cast<std::int32_t>(1 + below(100)), term()});
    for (std::uint32_t n = one_in(2) ? 1 + below(2) : 0; n > 0; --n) {
      kube::TopologySpreadConstraint c;
      c.max_skew = static_cast<std::int32_t>(1 + below(3));
      c.topology_key = pick({"kubernetes.io/hostname", "topology.kubernetes.io/zone", "rack"});
      c.schedule_anyway = one_in(2);
      c.selector = selector();
      if (!c.schedule_anyway && one_in(3)) c.min_domains = static_cast<std::int32_t>(1 + below(4));
      c.honor_node_affinity = !one_in(3);
      c.honor_node_taints = one_in(3);
      out.spread_constraints.push_back(c);
    }
    if (one_in(4))
      out.tolerations.push_back({"dedicated", kube::Toleration::Operator::kExists, "", kube::TaintEffect::kAny});
    out.never_preempts = one_in(15);
    return out;
  }

  Rng rng_;
  std::uint32_t zones_ = 1;
  std::uint32_t nodes_ = 0, volumes_ = 0, claims_ = 0;
  std::uint64_t pods_ = 0;
  std::vector<kube::Pod> templates_;
};

}  // namespace berth::test
