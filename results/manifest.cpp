#include "results/manifest.hpp"

#include <nlohmann/json.hpp>

namespace berth {

ManifestInput describe_input(const std::filesystem::path& path) {
  return {path.string(), sha256_file(path)};
}

std::string manifest_json(const Manifest& manifest) {
  using Json = nlohmann::ordered_json;
  Json inputs = Json::array();
  for (const ManifestInput& input : manifest.inputs) {
    inputs.push_back(
        Json{{"path", input.path}, {"size_bytes", input.digest.size_bytes}, {"sha256", input.digest.sha256}});
  }
  Json options = Json::object();
  for (const auto& [name, value] : manifest.options) options[name] = value;
  const Json document{{"berth_version", manifest.berth_version},
                      {"arguments", manifest.arguments},
                      {"inputs", std::move(inputs)},
                      {"scenarios", manifest.scenarios},
                      {"policies", manifest.policies},
                      {"seeds", manifest.seeds},
                      {"options", std::move(options)}};
  return document.dump(2, ' ', false, Json::error_handler_t::replace) + '\n';
}

}  // namespace berth
