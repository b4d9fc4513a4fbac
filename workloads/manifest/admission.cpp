#include "workloads/manifest/admission.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "workloads/manifest/limit_range.hpp"
#include "workloads/manifest/manifest.hpp"

namespace berth::manifest {

using namespace kube::api;
using kube::TaintEffect;
using kube::Toleration;

namespace {

// DefaultTolerationSeconds. Source: plugin/pkg/admission/defaulttolerationseconds.
constexpr std::int64_t kDefaultTolerationSeconds = 300;

void add_default_tolerations(kube::Pod& pod) {
  for (const char* key : {"node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable"}) {
    const bool there = std::any_of(pod.tolerations.begin(), pod.tolerations.end(), [key](const Toleration& t) {
      return (t.key == key || t.key.empty()) && (t.effect == TaintEffect::kNoExecute || t.effect == TaintEffect::kAny);
    });
    if (there) continue;
    Toleration& added = pod.tolerations.emplace_back();
    added.key = key;
    added.op = Toleration::Operator::kExists;
    added.effect = TaintEffect::kNoExecute;
    added.seconds = kDefaultTolerationSeconds;
  }
}

bool same(const kube::ResourceList& a, const kube::ResourceList& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end());
}
bool same(const Toleration& a, const Toleration& b) {
  return a.key == b.key && a.op == b.op && a.value == b.value && a.effect == b.effect && a.seconds == b.seconds;
}

std::string apply_runtime_class(const RuntimeClass& runtime, kube::Pod& pod) {
  if (!pod.overhead.empty() && !same(pod.overhead, runtime.overhead)) {
    return fmt::format("pod rejected: Pod's Overhead doesn't match RuntimeClass's defined Overhead ({})",
                       runtime.meta.name);
  }
  pod.overhead = runtime.overhead;
  for (const auto& [key, value] : runtime.node_selector) {
    const std::string* own = pod.node_selector.find(key);
    if (own != nullptr && *own != value) {
      return fmt::format("conflict: runtimeClass.scheduling.nodeSelector[{}] = {}; pod.spec.nodeSelector[{}] = {}", key,
                         value, key, *own);
    }
    pod.node_selector.set(key, value);
  }
  for (const Toleration& toleration : runtime.tolerations) {
    const bool there = std::any_of(pod.tolerations.begin(), pod.tolerations.end(),
                                   [&](const Toleration& own) { return same(own, toleration); });
    if (!there) pod.tolerations.push_back(toleration);
  }
  return {};
}

}  // namespace

Admission::Admission(const Manifests& manifests) {
  manifests.each<LimitRange>(
      [this](const LimitRange& l, const ManifestObject&) { limit_ranges_[l.meta.namespace_name].push_back(l); });
  manifests.each<PriorityClass>(
      [this](const PriorityClass& c, const ManifestObject&) { priority_classes_.push_back(c.scheduling); });
  manifests.each<RuntimeClass>(
      [this](const RuntimeClass& c, const ManifestObject&) { runtime_classes_[c.meta.name] = c; });
  manifests.each<StorageClass>([this](const StorageClass& c, const ManifestObject&) {
    if (!c.is_default) return;
    if (!default_storage_class_ || c.meta.name < *default_storage_class_) default_storage_class_ = c.meta.name;
  });
  manifests.each<ResourceQuota>([this](const ResourceQuota& q, const ManifestObject&) { quotas_.push_back(q); });
}

std::string Admission::admit(Pod& pod) const {
  const auto ranges = limit_ranges_.find(pod.scheduling.namespace_name);
  if (ranges != limit_ranges_.end()) {
    for (const LimitRange& range : ranges->second) apply_limit_defaults(range, pod);
  }
  if (!kube::resolve_priority(pod.scheduling, priority_classes_)) {
    return fmt::format("no PriorityClass with name {} was found", pod.scheduling.priority_class_name);
  }
  add_default_tolerations(pod.scheduling);
  if (!pod.spec.runtime_class.empty()) {
    const auto runtime = runtime_classes_.find(pod.spec.runtime_class);
    if (runtime == runtime_classes_.end()) {
      return fmt::format("pod rejected: RuntimeClass \"{}\" not found", pod.spec.runtime_class);
    }
    if (std::string why = apply_runtime_class(runtime->second, pod.scheduling); !why.empty()) return why;
  } else if (!pod.scheduling.overhead.empty()) {
    return "pod rejected: Pod Overhead set without corresponding RuntimeClass defined Overhead";
  }
  std::string why;
  if (ranges != limit_ranges_.end()) {
    for (const LimitRange& range : ranges->second) {
      const std::string one = check_limits(range, pod);
      if (!one.empty()) why += (why.empty() ? "" : ", ") + one;
    }
  }
  return why;
}

std::string Admission::admit(PersistentVolumeClaim& claim) const {
  if (!claim.class_given && default_storage_class_) {
    claim.scheduling.storage_class = *default_storage_class_;
    claim.class_given = true;
  }
  std::string why;
  if (const auto ranges = limit_ranges_.find(claim.meta.namespace_name); ranges != limit_ranges_.end()) {
    for (const LimitRange& range : ranges->second) {
      const std::string one = check_limits(range, claim);
      if (!one.empty()) why += (why.empty() ? "" : ", ") + one;
    }
  }
  return why;
}

}  // namespace berth::manifest
