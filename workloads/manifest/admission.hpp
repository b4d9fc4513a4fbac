// What the API server's admission plug-ins do to an object when it is created, as far as a simulation needs them: in
// the plug-ins' order LimitRanger, Priority, DefaultTolerationSeconds, DefaultStorageClass, RuntimeClass, LimitRanger's
// checks, ResourceQuota. A refusal is no error of the input: the controller that made the pod tries again, as in a
// cluster. Source: plugin/pkg/admission and pkg/quota/v1 of Kubernetes v1.37, with kube-apiserver's default plug-ins.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "sim/cluster/namespace_objects.hpp"
#include "sim/cluster/pod_spec.hpp"

namespace berth::manifest {

struct Manifests;

// What admission goes by. Of several default StorageClasses the first by name counts (they are of one age).
class Admission {
 public:
  explicit Admission(const Manifests& manifests);

  // Fills in what is missing: limits and requests, priority, preemption policy, tolerations, overhead. Returns why the
  // pod is refused, in the API server's words, or an empty string; then it may have been filled in part. Quotas not
  // included. Idempotent. O(limit ranges + classes + tolerations).
  std::string admit(kube::api::Pod& pod) const;
  // The default class where none is given, and limits of storage.
  std::string admit(kube::api::PersistentVolumeClaim& claim) const;

  const std::vector<kube::api::ResourceQuota>& quotas() const { return quotas_; }

 private:
  std::map<std::string, std::vector<kube::api::LimitRange>> limit_ranges_;  // By namespace.
  std::vector<kube::PriorityClass> priority_classes_;
  std::map<std::string, kube::api::RuntimeClass> runtime_classes_;
  std::optional<std::string> default_storage_class_;
  std::vector<kube::api::ResourceQuota> quotas_;
};

// Best effort: no container, init ones included, has a request or limit of cpu or memory, nor has the pod as a whole.
bool is_best_effort(const kube::api::Pod& pod);

// What a pod counts against quotas: pods, count/pods, cpu, requests.cpu, limits.cpu, … and extended resources as
// requests.NAME.
kube::ResourceList quota_usage(const kube::api::Pod& pod);
// The same of a claim: persistentvolumeclaims, requests.storage, and both by storage class.
kube::ResourceList quota_usage(const kube::api::PersistentVolumeClaim& claim);

// Quotas and what has been counted against them. Pods give back what they took when they end or go.
class QuotaLedger {
 public:
  explicit QuotaLedger(const std::vector<kube::api::ResourceQuota>& quotas);

  // Counts the pod, or the claim, or nothing and returns why not: `exceeded quota: q, requested: pods=1, used: …`.
  // O(quotas of the namespace).
  std::string charge(const kube::api::Pod& pod);
  std::string charge(const kube::api::PersistentVolumeClaim& claim);
  void release(const kube::api::Pod& pod);
  void release(const kube::api::PersistentVolumeClaim& claim);
  // Any other object: "services", "count/deployments.apps", …
  std::string charge(const std::string& namespace_name, const kube::ResourceList& usage);
  void release(const std::string& namespace_name, const kube::ResourceList& usage);

  // Counted so far against a quota ("namespace/name"); null if there is none.
  const kube::ResourceList* used(const std::string& quota) const;

 private:
  struct Entry {
    kube::api::ResourceQuota quota;
    kube::ResourceList used;
  };
  std::string charge(const std::string& namespace_name, const kube::ResourceList& usage, const kube::api::Pod* pod);
  void release(const std::string& namespace_name, const kube::ResourceList& usage, const kube::api::Pod* pod);

  std::map<std::string, std::vector<Entry>> entries_;  // By namespace.
};

}  // namespace berth::manifest
