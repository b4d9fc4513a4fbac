#include "policies/schedulers/kube/topology.hpp"

#include <unordered_map>
#include <unordered_set>

namespace berth::kube {
namespace {

void append(std::string& key, std::string_view text) {
  key += std::to_string(text.size());
  key += ':';
  key += text;
}

}  // namespace

Topology::Topology(std::span<const NodeInfo> nodes) : nodes_(nodes) {
  std::unordered_map<std::string_view, std::pair<std::size_t, std::unordered_set<std::string_view>>> seen;
  for (const NodeInfo& node : nodes) {
    for (const auto& [label, value] : node.node->labels) {
      auto& [count, values] = seen[label];
      ++count;
      values.insert(value);
    }
  }
  for (const auto& [label, found] : seen) {  // Into a sorted map: the order does not matter.
    if (found.second.size() > 1 && found.second.size() * 2 > found.first) distinct_.emplace(label, true);
  }

  std::unordered_map<std::string, std::uint32_t> classes;
  std::string text;
  for (const NodeInfo& node : nodes) {
    text = node.node->unschedulable ? "cordoned" : "";
    for (const auto& [label, value] : node.node->labels) {
      if (sets_nodes_apart(label)) continue;
      append(text, label);
      append(text, value);
    }
    text += "taints";
    for (const Taint& taint : node.node->taints) {
      append(text, taint.key);
      append(text, taint.value);
      append(text, std::to_string(static_cast<int>(taint.effect)));
    }
    const auto [it, fresh] = classes.emplace(text, static_cast<std::uint32_t>(representatives_.size()));
    if (fresh) representatives_.push_back(node.index);
    class_of_.push_back(it->second);
  }
}

std::size_t Topology::key(const std::string& label) {
  const auto [it, fresh] = key_ids_.emplace(label, keys_.size());
  if (!fresh) return it->second;
  Key& key = keys_.emplace_back();
  key.label = label;
  key.value_of.reserve(nodes_.size());
  std::unordered_map<std::string_view, std::uint32_t> values;
  std::size_t have = 0;
  for (const NodeInfo& node : nodes_) {
    const std::string* value = node.label(label);
    if (value == nullptr) {
      key.value_of.push_back(kNoValue);
      continue;
    }
    ++have;
    key.value_of.push_back(values.emplace(*value, static_cast<std::uint32_t>(values.size())).first->second);
  }
  key.values = static_cast<std::uint32_t>(values.size());
  key.one_node_each = values.size() == have;
  return it->second;
}

}  // namespace berth::kube
