// A pod as the scheduler sees it: its spec with what is derived from it, and its equivalence class. Pods of one class
// get the same answers from every plugin, so whatever is worked out for one of them holds for all.
#pragma once

#include <cstdint>
#include <limits>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "sim/cluster/kube_objects.hpp"

namespace berth::kube {

// A pod (anti-)affinity term as it is matched: namespaces resolved to names and a selector for the rest.
struct AffinityTerm {
  std::vector<std::string> namespaces;
  LabelSelector namespace_selector;  // nothing: `namespaces` alone.
  LabelSelector selector;
  std::string topology_key;
  std::int32_t weight = 0;  // Of preferred terms.

  // `namespace_labels`: of the pod's namespace; null counts as no labels.
  bool matches(const Pod& pod, const StringMap* namespace_labels) const;
};

enum class PodClassId : std::uint32_t {};

// Numbers the equivalence classes in order of first sight: pods that agree in all that a plugin may look at (namespace,
// labels, controller, scheduling fields, requests, images, ports, volumes) are of one class. Names, uids, nodes and
// start times do not count. One table per cluster.
class PodClasses {
 public:
  PodClassId of(const Pod& pod);  // O(size of the spec).
  std::size_t size() const { return ids_.size(); }

 private:
  std::unordered_map<std::string, PodClassId> ids_;  // Never iterated.
};

// A pod with what is derived from its spec alone; immutable. Pods made from one template may share it.
struct PodInfo {
  PodInfo(Pod source, PodClasses& classes);

  Pod pod;
  PodClassId class_id;
  Resource requests;                    // What it takes of a node.
  std::int64_t non_zero_milli_cpu = 0;  // The same for scoring, with defaults for containers that ask for nothing.
  std::int64_t non_zero_memory = 0;
  std::vector<AffinityTerm> required_affinity;
  std::vector<AffinityTerm> required_anti_affinity;
  std::vector<AffinityTerm> preferred_affinity;
  std::vector<AffinityTerm> preferred_anti_affinity;
  std::vector<ContainerPort> host_ports;  // Of containers and sidecars.
  std::vector<std::string> images;        // That it names: init containers', containers', image volumes'; normalized.

  bool has_affinity() const {
    return !required_affinity.empty() || !required_anti_affinity.empty() || !preferred_affinity.empty() ||
           !preferred_anti_affinity.empty();
  }
};

inline constexpr std::int64_t kNotStarted = std::numeric_limits<std::int64_t>::max();

// One pod of a cluster: what it is, who it is, since when it runs. 24 bytes; `info` outlives it.
struct PodRef {
  const PodInfo* info = nullptr;
  std::int64_t start_s = kNotStarted;  // status.startTime; a pod that has not started counts behind all that have.
  std::uint32_t handle = 0;            // The owner's number for the pod, unique among the pods of the cluster.

  const PodInfo* operator->() const { return info; }
};

}  // namespace berth::kube
