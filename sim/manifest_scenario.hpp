// Kubernetes objects as a scenario of their own: `berth run shop/`, `berth explain shop/`.
#pragma once

#include <span>
#include <string>

#include "workloads/scenario.hpp"

namespace berth {

// True for a folder, and for a file that looks like Kubernetes objects. The path must exist.
bool is_manifest(const std::string& path);

struct ManifestScenarioOptions {
  std::size_t nodes = 3;  // Made up if the objects have no Node among them.
  std::string catalogue;  // Of images; empty: where load_image_library() looks.
  Duration horizon = seconds(600);
};

// All paths as one set of objects. Throws InputError for what cannot be read or is rejected.
Scenario scenario_of_manifests(std::span<const std::string> paths, const ManifestScenarioOptions& options);

}  // namespace berth
