// What API objects have in common: metadata, and the two "number or text" values of Kubernetes.
// Source: meta/v1 ObjectMeta and util/intstr of Kubernetes v1.37.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "sim/cluster/kube_objects.hpp"

namespace berth::kube::api {

struct ObjectMeta {
  std::string namespace_name;  // Empty for kinds that belong to no namespace.
  std::string name;
  std::string generate_name;  // The name's beginning where there is no name.
  StringMap labels;
  StringMap annotations;
  std::optional<OwnerReference> controller;
  bool deleting = false;  // deletionTimestamp is set.

  // "namespace/name", or the name alone.
  std::string key() const { return namespace_name.empty() ? name : namespace_name + "/" + name; }
};

// maxSurge, maxUnavailable, minAvailable: a count, or a share in whole percent.
struct IntOrPercent {
  std::int32_t value = 0;
  bool percent = false;

  // The count itself, or value * total / 100, rounded up or down. `total` >= 0.
  // Model: intstr.GetScaledValueFromIntOrPercent.
  std::int64_t of(std::int64_t total, bool round_up) const {
    if (!percent) return value;
    const std::int64_t product = std::int64_t{value} * total;
    return round_up ? (product + 99) / 100 : product / 100;
  }
  friend bool operator==(IntOrPercent, IntOrPercent) = default;
};

// A port by number or by the name that a container gives it.
struct PortRef {
  std::int32_t number = 0;  // 0: by name.
  std::string name;
  friend bool operator==(const PortRef&, const PortRef&) = default;
};

}  // namespace berth::kube::api
