// The nodes by their labels, as numbers: for a label key the value of each node, and nodes that no plugin can tell
// apart by their object. Built anew when nodes come, go or change their objects; not as pods come and go.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "policies/schedulers/kube/cluster_state.hpp"

namespace berth::kube {

inline constexpr std::uint32_t kNoValue = 0xFFFF'FFFF;

class Topology {
 public:
  struct Key {
    std::string label;
    std::vector<std::uint32_t> value_of;  // By node; kNoValue if it lacks the label.
    std::uint32_t values = 0;             // Different ones.
    bool one_node_each = false;           // No value is on two nodes, as with kubernetes.io/hostname.
  };

  // O(nodes · labels · log). The nodes outlive this.
  explicit Topology(std::span<const NodeInfo> nodes);

  // The number of a label key. O(nodes · log values) at first sight.
  std::size_t key(const std::string& label);
  const Key& operator[](std::size_t key) const { return keys_[key]; }

  // Nodes of one class have equal labels, taints and cordon, but for the labels that set most nodes apart
  // (host names): nobody but a pod that names one of these can tell them apart.
  std::uint32_t class_of(std::uint32_t node) const { return class_of_[node]; }
  // The first node of each class.
  std::span<const std::uint32_t> representatives() const { return representatives_; }
  bool sets_nodes_apart(const std::string& label) const { return distinct_.contains(label); }

 private:
  std::span<const NodeInfo> nodes_;
  std::deque<Key> keys_;  // Deque: references stay valid.
  std::map<std::string, std::size_t> key_ids_;
  std::map<std::string, bool> distinct_;
  std::vector<std::uint32_t> class_of_;
  std::vector<std::uint32_t> representatives_;
};

}  // namespace berth::kube
