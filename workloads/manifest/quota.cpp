// ResourceQuota: what an object counts, which quotas it is for, and the ledger.
#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "sim/engine/error.hpp"
#include "workloads/manifest/admission.hpp"
#include "workloads/manifest/limit_range.hpp"

namespace berth::manifest {

using namespace kube::api;
using kube::Quantity;
using kube::ResourceList;
using kube::SelectorOperator;

namespace {

constexpr Quantity kOne{1'000'000'000};

// By what names requests and limits count. Model: podComputeUsageHelper.
ResourceList compute_usage(const ResourceList& requests, const ResourceList& limits) {
  ResourceList usage;
  usage.set("pods", kOne);
  for (const char* name : {"cpu", "memory", "ephemeral-storage"}) {
    if (const Quantity* request = requests.find(name)) {
      usage.set(name, *request);
      usage.set(std::string("requests.") + name, *request);
    }
    if (const Quantity* limit = limits.find(name)) usage.set(std::string("limits.") + name, *limit);
  }
  for (const auto& [name, amount] : requests) {
    if (name.starts_with("hugepages-")) {
      usage.set(name, amount);
      usage.set("requests." + name, amount);
    }
    if (kube::is_extended_resource_name(name)) usage.set("requests." + name, amount);
  }
  return usage;
}

bool has_cross_namespace_affinity(const kube::Pod& pod) {
  const auto crosses = [](const kube::PodAffinityTerm& t) { return !t.namespaces.empty() || t.namespace_selector; };
  const auto weighted = [&](const kube::WeightedPodAffinityTerm& t) { return crosses(t.term); };
  return std::any_of(pod.required_affinity.begin(), pod.required_affinity.end(), crosses) ||
         std::any_of(pod.required_anti_affinity.begin(), pod.required_anti_affinity.end(), crosses) ||
         std::any_of(pod.preferred_affinity.begin(), pod.preferred_affinity.end(), weighted) ||
         std::any_of(pod.preferred_anti_affinity.begin(), pod.preferred_anti_affinity.end(), weighted);
}

bool in_scope(const ResourceQuota::ScopeTerm& term, const Pod& pod) {
  using Scope = ResourceQuota::Scope;
  switch (term.scope) {
    case Scope::kTerminating:
      return pod.spec.active_deadline.has_value();
    case Scope::kNotTerminating:
      return !pod.spec.active_deadline.has_value();
    case Scope::kBestEffort:
      return is_best_effort(pod);
    case Scope::kNotBestEffort:
      return !is_best_effort(pod);
    case Scope::kPriorityClass: {
      kube::StringMap labels;
      if (!pod.scheduling.priority_class_name.empty()) labels.set("PriorityClass", pod.scheduling.priority_class_name);
      return kube::matches(kube::Requirement{"PriorityClass", term.op, term.values}, labels);
    }
    case Scope::kCrossNamespacePodAffinity:
      return has_cross_namespace_affinity(pod.scheduling);
    case Scope::kVolumeAttributesClass:
      return false;
  }
  return false;
}

// Quotas with scopes are for pods alone.
bool covers(const ResourceQuota& quota, const Pod* pod) {
  if (pod == nullptr) return quota.scopes.empty();
  return std::all_of(quota.scopes.begin(), quota.scopes.end(),
                     [pod](const ResourceQuota::ScopeTerm& term) { return in_scope(term, *pod); });
}

// A quota of cpu or memory wants every container to say what it takes. Model: podEvaluator.Constraints.
std::string missing(const ResourceQuota& quota, const Pod& pod) {
  std::string out;
  for (const auto& [name, hard] : quota.hard) {
    const std::string_view n = name;
    if (n != "cpu" && n != "memory" && n != "requests.cpu" && n != "requests.memory" && n != "limits.cpu" &&
        n != "limits.memory") {
      continue;
    }
    std::set<std::string> lacking;
    for (const auto* containers : {&pod.scheduling.containers, &pod.scheduling.init_containers}) {
      for (const kube::Container& c : *containers) {
        if (compute_usage(c.requests, c.limits).find(name) == nullptr) lacking.insert(c.name);
      }
    }
    if (lacking.empty()) continue;
    out += fmt::format("{}{} for: {}", out.empty() ? "must specify " : "; ", name, fmt::join(lacking, ","));
  }
  return out;
}

std::string amounts(const ResourceList& list, const std::vector<std::string>& names) {
  std::string out;
  for (const std::string& name : names) {
    const Quantity* amount = list.find(name);
    out += fmt::format("{}{}={}", out.empty() ? "" : ",", name,
                       format_amount(name, amount == nullptr ? Quantity{} : *amount));
  }
  return out;
}

}  // namespace

bool is_best_effort(const Pod& pod) {
  const auto set = [](const ResourceList& list) {
    for (const char* name : {"cpu", "memory"}) {
      const Quantity* amount = list.find(name);
      if (amount != nullptr && amount->nano > 0) return true;
    }
    return false;
  };
  if (pod.scheduling.has_pod_requests || !pod.spec.pod_limits.empty()) {
    return !set(pod.scheduling.pod_requests) && !set(pod.spec.pod_limits);
  }
  for (const auto* containers : {&pod.scheduling.containers, &pod.scheduling.init_containers}) {
    for (const kube::Container& c : *containers) {
      if (set(c.requests) || set(c.limits)) return false;
    }
  }
  return true;
}

ResourceList quota_usage(const Pod& pod) {
  ResourceList usage;
  if (pod.scheduling.phase != "Succeeded" && pod.scheduling.phase != "Failed") {
    const ResourceList requests = kube::pod_requests(pod.scheduling, {});
    kube::Pod limited;  // Limits add up as requests do; overhead counts where there is a limit.
    limited.containers = pod.scheduling.containers;
    limited.init_containers = pod.scheduling.init_containers;
    for (auto* containers : {&limited.containers, &limited.init_containers}) {
      for (kube::Container& c : *containers) c.requests = c.limits;
    }
    limited.pod_requests = pod.spec.pod_limits;
    limited.has_pod_requests = !pod.spec.pod_limits.empty();
    ResourceList limits = kube::pod_requests(limited, {});
    for (const auto& [name, amount] : pod.scheduling.overhead) {
      if (const Quantity* limit = limits.find(name)) limits.set(name, *limit + amount);
    }
    usage = compute_usage(requests, limits);
  }
  usage.set("count/pods", kOne);
  return usage;
}

ResourceList quota_usage(const PersistentVolumeClaim& claim) {
  ResourceList usage;
  const std::string suffix = ".storageclass.storage.k8s.io/";
  const std::string& storage_class = claim.scheduling.storage_class;
  for (const char* name : {"persistentvolumeclaims", "count/persistentvolumeclaims"}) usage.set(name, kOne);
  if (!storage_class.empty()) usage.set(storage_class + suffix + "persistentvolumeclaims", kOne);
  if (claim.scheduling.request) {
    usage.set("requests.storage", *claim.scheduling.request);
    if (!storage_class.empty()) usage.set(storage_class + suffix + "requests.storage", *claim.scheduling.request);
  }
  return usage;
}

QuotaLedger::QuotaLedger(const std::vector<ResourceQuota>& quotas) {
  for (const ResourceQuota& quota : quotas) entries_[quota.meta.namespace_name].push_back({quota, {}});
}

std::string QuotaLedger::charge(const std::string& namespace_name, const ResourceList& usage, const Pod* pod) {
  const auto found = entries_.find(namespace_name);
  if (found == entries_.end()) return {};
  for (const Entry& entry : found->second) {
    if (!covers(entry.quota, pod)) continue;
    if (pod != nullptr) {
      if (const std::string why = missing(entry.quota, *pod); !why.empty()) {
        return fmt::format("failed quota: {}: {}", entry.quota.meta.name, why);
      }
    }
    std::vector<std::string> over;
    for (const auto& [name, hard] : entry.quota.hard) {
      const Quantity* asked = usage.find(name);
      if (asked == nullptr || asked->nano == 0) continue;
      const Quantity* used = entry.used.find(name);
      if (hard < (used == nullptr ? Quantity{} : *used) + *asked) over.push_back(name);
    }
    if (over.empty()) continue;
    return fmt::format("exceeded quota: {}, requested: {}, used: {}, limited: {}", entry.quota.meta.name,
                       amounts(usage, over), amounts(entry.used, over), amounts(entry.quota.hard, over));
  }
  for (Entry& entry : found->second) {  // All of them let it pass: now it counts.
    if (!covers(entry.quota, pod)) continue;
    for (const auto& [name, hard] : entry.quota.hard) {
      const Quantity* asked = usage.find(name);
      if (asked == nullptr) continue;
      const Quantity* used = entry.used.find(name);
      entry.used.set(name, used == nullptr ? *asked : *used + *asked);
    }
  }
  return {};
}

void QuotaLedger::release(const std::string& namespace_name, const ResourceList& usage, const Pod* pod) {
  const auto found = entries_.find(namespace_name);
  if (found == entries_.end()) return;
  for (Entry& entry : found->second) {
    if (!covers(entry.quota, pod)) continue;
    for (const auto& [name, hard] : entry.quota.hard) {
      const Quantity* asked = usage.find(name);
      const Quantity* used = entry.used.find(name);
      if (asked == nullptr || asked->nano == 0) continue;
      BERTH_CHECK(used != nullptr && !(*used < *asked));  // What was never charged cannot be given back.
      entry.used.set(name, Quantity{used->nano - asked->nano});
    }
  }
}

std::string QuotaLedger::charge(const Pod& pod) {
  return charge(pod.scheduling.namespace_name, quota_usage(pod), &pod);
}
std::string QuotaLedger::charge(const PersistentVolumeClaim& claim) {
  return charge(claim.meta.namespace_name, quota_usage(claim), nullptr);
}
std::string QuotaLedger::charge(const std::string& namespace_name, const ResourceList& usage) {
  return charge(namespace_name, usage, nullptr);
}
void QuotaLedger::release(const Pod& pod) {
  release(pod.scheduling.namespace_name, quota_usage(pod), &pod);
}
void QuotaLedger::release(const PersistentVolumeClaim& claim) {
  release(claim.meta.namespace_name, quota_usage(claim), nullptr);
}
void QuotaLedger::release(const std::string& namespace_name, const ResourceList& usage) {
  release(namespace_name, usage, nullptr);
}

const ResourceList* QuotaLedger::used(const std::string& quota) const {
  for (const auto& [namespace_name, entries] : entries_) {
    for (const Entry& entry : entries) {
      if (entry.quota.meta.key() == quota) return &entry.used;
    }
  }
  return nullptr;
}

}  // namespace berth::manifest
