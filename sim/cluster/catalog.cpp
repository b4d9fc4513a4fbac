#include "sim/cluster/catalog.hpp"

#include <functional>

#include "sim/engine/error.hpp"

namespace berth {
namespace {

std::uint64_t mix(std::uint64_t hash, std::uint64_t value) {
  hash ^= value + 0x9E37'79B9'7F4A'7C15ULL + (hash << 6) + (hash >> 2);
  return hash * 0xFF51'AFD7'ED55'8CCDULL;
}

std::uint64_t hash_of(const PodTemplate& t) {
  std::uint64_t h = mix(0, static_cast<std::uint64_t>(t.request.cpu_milli));
  h = mix(h, static_cast<std::uint64_t>(t.request.memory_bytes));
  h = mix(h, static_cast<std::uint64_t>(t.request.ephemeral_storage_bytes));
  h = mix(h, (std::uint64_t{t.gpu.count} << 16) | t.gpu.milli);
  h = mix(h, t.gpu.models);
  h = mix(h, std::hash<std::string>{}(t.gpu_spec));
  for (const ExtendedAmount& e : t.extended) {
    h = mix(mix(h, static_cast<std::uint64_t>(e.resource)), static_cast<std::uint64_t>(e.amount));
  }
  h = mix(h, static_cast<std::uint32_t>(t.priority));
  h = mix(h, index(t.namespace_id));
  h = mix(h, reinterpret_cast<std::uintptr_t>(t.pod.get()));  // Only tells apart: no order comes of it.
  for (const Label& l : t.labels) h = mix(mix(h, std::hash<std::string>{}(l.key)), std::hash<std::string>{}(l.value));
  return h;
}

}  // namespace

std::string_view label_of(const NodeSpec& node, std::string_view key) {
  for (const Label& label : node.labels) {
    if (label.key == key) return label.value;
  }
  return {};
}

std::uint32_t Names::intern(std::string_view name) {
  const auto known = ids_.find(name);
  if (known != ids_.end()) return known->second;
  const auto id = static_cast<std::uint32_t>(names_.size());
  names_.emplace_back(name);
  ids_.emplace(names_.back(), id);
  return id;
}

std::optional<std::uint32_t> Names::find(std::string_view name) const {
  const auto known = ids_.find(name);
  return known == ids_.end() ? std::nullopt : std::optional(known->second);
}

Names& Names::operator=(const Names& other) {
  if (this == &other) return *this;
  names_.clear();
  ids_.clear();
  for (const std::string& name : other.names_) intern(name);  // The views must look into our own strings.
  return *this;
}

Catalog::Catalog() {
  namespaces_.intern("default");
}

GpuModelId Catalog::gpu_model(std::string_view name) {
  const std::uint32_t id = gpu_models_.intern(name);
  if (id >= kMaxGpuModels) {
    throw InputError("GPU model \"" + std::string(name) + "\" is one too many; expected at most " +
                     std::to_string(kMaxGpuModels) + " models");
  }
  return static_cast<GpuModelId>(id);
}

TemplateId Catalog::intern(const PodTemplate& pod_template) {
  const std::uint64_t hash = hash_of(pod_template);
  const auto [first, last] = by_hash_.equal_range(hash);
  for (auto it = first; it != last; ++it) {
    if (templates_[index(it->second)] == pod_template) return it->second;
  }
  const auto id = static_cast<TemplateId>(templates_.size());
  templates_.push_back(pod_template);
  by_hash_.emplace(hash, id);
  return id;
}

}  // namespace berth
