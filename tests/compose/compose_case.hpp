// Projects from text, and runs with round times: containers are created in 0.1 s and started in 0.2 s, networks and
// volumes cost nothing, images are there.
#pragma once

#include <algorithm>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "sim/compose/compose_up.hpp"
#include "sim/engine/error.hpp"
#include "tests/support/temp_dir.hpp"
#include "workloads/compose/compose_file.hpp"

namespace berth::compose::test {

// Files in a folder of their own, "compose.yaml" the first of the project unless options say otherwise.
class Files {
 public:
  explicit Files(const std::string& compose) { add("compose.yaml", compose); }
  Files& add(const std::string& name, const std::string& text) {
    std::filesystem::create_directories((folder_.path() / name).parent_path());
    folder_.file(name, text);
    return *this;
  }
  std::string path(const std::string& name) const { return folder_ / name; }

  // Names in `options` are relative to the folder.
  Project load(LoadOptions options = {}) const {
    if (options.files.empty()) options.files = {"compose.yaml"};
    for (std::string& file : options.files) file = path(file);
    for (std::string& file : options.env_files) file = path(file);
    if (options.project_name.empty()) options.project_name = "p";
    return load_project(options);
  }
  // The message of the InputError, without the folder; empty if there is none.
  std::string error(const LoadOptions& options = {}) const {
    try {
      load(options);
    } catch (const InputError& e) {
      return relative(e.what());
    }
    return {};
  }
  std::string relative(std::string text) const {
    const std::string prefix = folder_.path().string() + "/";
    for (std::size_t at = text.find(prefix); at != std::string::npos; at = text.find(prefix))
      text.erase(at, prefix.size());
    return text;
  }

 private:
  berth::test::TempDir folder_;
};

inline RunOptions round_times(const Project& project) {
  RunOptions options;
  options.create_time = Distribution::constant(0.1);
  options.start_time = Distribution::constant(0.2);
  options.network_time = {};
  options.volume_time = {};
  for (const Service& service : project.services) {
    if (!service.image.empty()) options.present.push_back(service.image);
  }
  return options;
}

inline RunResult run(const Project& project, const RunOptions& options) {
  return run_project(project, ImageLibrary(), options);
}
inline RunResult run(const std::string& compose) {
  const Project project = Files(compose).load();
  return run(project, round_times(project));
}

// "1.300 ContainerExited 0 7" for the events of these kinds: seconds to a millisecond, subject, value.
inline std::vector<std::string> lines(const RunResult& result, const std::vector<RunEventKind>& kinds) {
  std::vector<std::string> lines;
  for (const RunEvent& event : result.events) {
    if (std::find(kinds.begin(), kinds.end(), event.kind) == kinds.end()) continue;
    std::string time = std::to_string(event.at.ns / 1'000'000);
    if (time.size() < 4) time.insert(0, 4 - time.size(), '0');
    time.insert(time.size() - 3, ".");
    lines.push_back(time + " " + to_string(event.kind) + " " + std::to_string(event.subject) + " " +
                    std::to_string(event.value));
  }
  return lines;
}

}  // namespace berth::compose::test
