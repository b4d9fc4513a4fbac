// What `berth validate` needs: is it a Compose file, and what is in it.
#include <algorithm>
#include <filesystem>

#include "sim/engine/error.hpp"
#include "workloads/compose/compose_file.hpp"

namespace berth::compose {

bool looks_like_compose(std::string_view text, const std::string& file) {
  bool compose = false;
  bool other = false;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    compose = compose || line.starts_with("services:") || line.starts_with("include:");
    other = other || line.starts_with("apiVersion:") || line.starts_with("kind:") || line.find("{{") != line.npos;
  }
  if (other) return false;
  const std::string name = std::filesystem::path(file).filename().string();
  const bool named = name.starts_with("docker-compose") || name.starts_with("compose.") || name.starts_with("compose-");
  return compose || (named && (name.ends_with(".yaml") || name.ends_with(".yml")));
}

ComposeReport validate_compose(const std::string& path) {
  ComposeReport report;
  try {
    LoadOptions options;
    options.files = {path};
    const Project project = load_project(options);
    report.services = project.services.size();
    report.disabled = project.disabled.size();
    report.networks = project.networks.size();
    report.volumes = project.volumes.size();
    report.configs = project.configs.size();
    report.secrets = project.secrets.size();
    report.fields_modelled = project.fields_modelled;
    report.fields_noted = project.fields_noted;
    report.notes = project.notes;
  } catch (const InputError& error) {
    report.rejected = error.what();
  }
  return report;
}

}  // namespace berth::compose
