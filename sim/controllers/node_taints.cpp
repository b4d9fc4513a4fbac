#include "sim/controllers/node_taints.hpp"

#include <algorithm>

namespace berth::controllers {

bool has_taint(const Node& node, const char* key, kube::TaintEffect effect) {
  return std::any_of(node.spec.taints.begin(), node.spec.taints.end(),
                     [key, effect](const NodeTaint& t) { return t.taint.effect == effect && t.taint.key == key; });
}

void swap_taint(Store& store, ObjectId id, const char* add, const char* remove, kube::TaintEffect effect) {
  store.edit<Node>(id, [&](Node& node) {
    const auto drop = [&](const char* key) {
      std::erase_if(node.spec.taints,
                    [key, effect](const NodeTaint& t) { return t.taint.effect == effect && t.taint.key == key; });
    };
    if (add != nullptr) {
      drop(add);
      node.spec.taints.push_back({{add, "", effect}, api_time(store.now())});
    }
    if (remove != nullptr) drop(remove);
  });
}

}  // namespace berth::controllers
