#include "workloads/instances/instance_type.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <memory>

#include "sim/cluster/kube_objects.hpp"
#include "sim/engine/error.hpp"

namespace berth {
namespace {

constexpr std::int64_t kMib = std::int64_t{1} << 20;
constexpr std::int64_t kGib = std::int64_t{1} << 30;
constexpr std::int64_t kEvictionMemory = 100 * kMib;  // The kubelet's hard threshold memory.available.

// Millicores of a machine with this many, for percentages of the first, second, third and fourth, and further cores in
// hundredths of a percent. Exact for whole cores.
std::int64_t stepped_cpu(std::int64_t cpu_milli, const std::int64_t (&per_10000)[4]) {
  constexpr std::int64_t kUpTo[4] = {1'000, 2'000, 4'000, std::int64_t{1} << 62};
  std::int64_t sum = 0;
  std::int64_t from = 0;
  for (std::size_t i = 0; i < 4 && cpu_milli > from; ++i) {
    sum += (std::min(cpu_milli, kUpTo[i]) - from) * per_10000[i];
    from = kUpTo[i];
  }
  return (sum + 9'999) / 10'000;  // What is reserved is rounded up.
}

constexpr std::int64_t kUsualCpu[4] = {600, 100, 50, 25};
constexpr std::int64_t kAzureCpu[4] = {600, 400, 200, 100};

std::int64_t gke_memory(std::int64_t bytes) {
  if (bytes < kGib) return 255 * kMib;
  constexpr std::pair<std::int64_t, std::int64_t> kSteps[] = {
      {4 * kGib, 25}, {8 * kGib, 20}, {16 * kGib, 10}, {128 * kGib, 6}, {std::int64_t{1} << 62, 2}};
  std::int64_t sum = 0;
  std::int64_t from = 0;
  for (const auto& [up_to, percent] : kSteps) {
    if (bytes <= from) break;
    sum += (std::min(bytes, up_to) - from) * percent / 100;
    from = up_to;
  }
  return sum;
}

// What a virtual machine of AWS or Azure lacks of its nominal memory, in whole MiB.
std::int64_t vm_overhead(std::int64_t bytes) {
  const std::int64_t mib = (bytes + kMib - 1) / kMib;
  return (mib * 75 + 999) / 1000 * kMib;
}

kube::Quantity whole(std::int64_t value) {
  return {static_cast<kube::Quantity::Nano>(value) * 1'000'000'000};
}
kube::Quantity milli(std::int64_t value) {
  return {static_cast<kube::Quantity::Nano>(value) * 1'000'000};
}

}  // namespace

const Offering* InstanceType::find_offering(std::string_view zone, std::string_view capacity_type) const {
  for (const Offering& offering : offerings) {
    if (offering.available && offering.capacity_type == capacity_type && (zone.empty() || offering.zone == zone)) {
      return &offering;
    }
  }
  return nullptr;
}

std::int64_t InstanceType::gpus() const {
  for (const auto& [resource, amount] : extended) {
    if (resource == "nvidia.com/gpu") return amount;
  }
  return 0;
}

Resources reserved(const InstanceType& type) {
  const Resources& has = type.capacity;
  Resources out;
  const std::int64_t disk_eviction = has.ephemeral_storage_bytes / 10;
  switch (type.provider) {
    case CloudProvider::kAws:
      out = {stepped_cpu(has.cpu_milli, kUsualCpu),
             vm_overhead(has.memory_bytes) + (255 + 11 * type.max_pods) * kMib + kEvictionMemory, kGib + disk_eviction};
      break;
    case CloudProvider::kAzure:
      out = {stepped_cpu(has.cpu_milli, kAzureCpu),
             vm_overhead(has.memory_bytes) + std::min((20 * type.max_pods + 50) * kMib, has.memory_bytes / 4) +
                 kEvictionMemory,
             disk_eviction};
      break;
    case CloudProvider::kGcp: {
      const std::int64_t disk = has.ephemeral_storage_bytes;
      out = {type.shared_core && type.name.starts_with("e2-") ? 1'060 : stepped_cpu(has.cpu_milli, kUsualCpu),
             gke_memory(has.memory_bytes) + kEvictionMemory,
             std::min({disk / 2, 6 * kGib + disk * 35 / 100, 100 * kGib}) + disk_eviction};
      break;
    }
    case CloudProvider::kKwok:
      out = {100, 10 * kMib, 0};
      break;
  }
  return {std::min(out.cpu_milli, has.cpu_milli), std::min(out.memory_bytes, has.memory_bytes),
          std::min(out.ephemeral_storage_bytes, has.ephemeral_storage_bytes)};
}

NodeSpec node_of(const InstanceType& type, const Offering& offering, const std::string& name, Catalog& catalog) {
  const Resources kept = reserved(type);
  NodeSpec spec;
  spec.name = name;
  spec.allocatable = {type.capacity.cpu_milli - kept.cpu_milli, type.capacity.memory_bytes - kept.memory_bytes,
                      type.capacity.ephemeral_storage_bytes - kept.ephemeral_storage_bytes};
  spec.pods = type.max_pods;
  auto node = std::make_shared<kube::Node>();
  node->name = name;
  node->labels.set("karpenter.sh/capacity-type", offering.capacity_type);
  node->labels.set("kubernetes.io/arch", type.arch);
  node->labels.set(kHostnameLabel, name);
  node->labels.set("kubernetes.io/os", type.os);
  node->labels.set("node.kubernetes.io/instance-type", type.name);
  if (!type.region.empty()) node->labels.set("topology.kubernetes.io/region", type.region);
  if (!offering.zone.empty()) node->labels.set(kZoneLabel, offering.zone);
  node->allocatable.set("cpu", milli(spec.allocatable.cpu_milli));
  node->allocatable.set("memory", whole(spec.allocatable.memory_bytes));
  node->allocatable.set("ephemeral-storage", whole(spec.allocatable.ephemeral_storage_bytes));
  node->allocatable.set("pods", whole(spec.pods));
  for (const auto& [resource, amount] : type.extended) {
    node->allocatable.set(resource, whole(amount));
    spec.extended.push_back({catalog.extended(resource), amount});
  }
  std::ranges::sort(spec.extended, {}, &ExtendedAmount::resource);
  for (const auto& [key, value] : node->labels) spec.labels.push_back({key, value});
  spec.node = std::move(node);
  return spec;
}

double rent_usd(double usd_per_hour, Duration up) {
  if (up.ns <= 0) return 0;
  const std::int64_t started = (up.ns + 999'999'999) / 1'000'000'000;
  return usd_per_hour * static_cast<double>(std::max<std::int64_t>(started, 60)) / 3600;
}

const InstanceType& InstanceCatalog::at(std::string_view name, std::string_view what) const {
  const auto found = std::ranges::find(types, name, &InstanceType::name);
  if (found != types.end()) return *found;
  std::vector<std::string> names;
  for (const InstanceType& type : types) names.push_back(type.name);
  throw InputError(fmt::format("{} is \"{}\"; expected one of the catalogue's {} instance types{}", what, name,
                               types.size(), did_you_mean(name, names)));
}

}  // namespace berth
