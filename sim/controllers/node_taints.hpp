// Adding and removing taints as controllers do. Source: pkg/controller/controller_utils.go,
// pkg/controller/util/node (SwapNodeControllerTaint).
#pragma once

#include "sim/controllers/store.hpp"

namespace berth::controllers {

bool has_taint(const Node& node, const char* key, kube::TaintEffect effect);
// Adds `add` (null: nothing) with the time of now, again if it is there, and removes `remove` (null: nothing).
void swap_taint(Store& store, ObjectId node, const char* add, const char* remove, kube::TaintEffect effect);

}  // namespace berth::controllers
