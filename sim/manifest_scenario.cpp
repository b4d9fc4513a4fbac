#include "sim/manifest_scenario.hpp"

#include <fmt/format.h>

#include <filesystem>
#include <set>

#include "sim/engine/error.hpp"
#include "sim/manifest_cluster.hpp"
#include "workloads/manifest/api_schema.hpp"
#include "workloads/yaml.hpp"

namespace berth {

bool is_manifest(const std::string& path) {
  std::error_code unreadable;
  if (std::filesystem::is_directory(path, unreadable)) return true;
  const std::string extension = std::filesystem::path(path).extension().string();
  if (extension != ".yaml" && extension != ".yml" && extension != ".json") return false;
  if (extension == ".json") return true;
  return manifest::looks_like_manifest(read_text_file(path), path);
}

Scenario scenario_of_manifests(std::span<const std::string> paths, const ManifestScenarioOptions& options) {
  auto manifests = std::make_shared<manifest::Manifests>(manifest::load_manifests(paths));
  Scenario scenario;
  for (const manifest::Rejected& rejected : manifests->rejected) {
    if (!manifest::ApiSchema::get().plays_no_part(rejected.kind)) throw InputError(rejected.message);
    scenario.notes.push_back("left out: " + rejected.message);
  }
  const std::filesystem::path first = std::filesystem::path(paths.front()).lexically_normal();
  scenario.name = (first.has_filename() ? first : first.parent_path()).stem().string();
  std::set<std::string> files;
  for (const manifest::ManifestObject& o : manifests->objects) files.insert(o.place.file);
  scenario.inputs.assign(files.begin(), files.end());

  Catalog catalog;
  scenario.nodes = node_specs(*manifests, catalog);
  if (scenario.nodes.empty()) {
    scenario.nodes = default_nodes(options.nodes);
    scenario.notes.push_back(
        fmt::format("no Node among the objects: {} nodes of 4 CPUs and 16 GiB are made up, in zones a, b, c in turn",
                    options.nodes));
  }
  for (const manifest::Notes::Note& note : manifests->notes.list()) scenario.notes.push_back(manifest::to_string(note));
  scenario.workload =
      std::make_shared<MemoryWorkload>(std::move(catalog), std::vector<PodArrival>(), std::vector<std::string>());
  scenario.horizon = options.horizon;
  NodeModel model;
  model.catalogue = options.catalogue;
  std::set<std::string> names;
  add_image_names(*manifests, names);
  auto images = std::make_shared<RunImages>(find_images(model, names));
  for (const std::string& note : images->notes) scenario.notes.push_back("image " + note);
  scenario.images = std::move(images);
  scenario.node_model = std::make_shared<NodeModel>(std::move(model));
  scenario.manifests = std::move(manifests);
  return scenario;
}

}  // namespace berth
