#include "workloads/images/image_config.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "workloads/images/digest.hpp"

namespace berth::docker {
namespace {

using Json = nlohmann::ordered_json;

std::string dump(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

const std::string& diff_id(const Layer& layer) {
  return layer.diff_id.empty() ? layer.digest : layer.diff_id;
}

Json empty_values(const std::set<std::string>& keys) {
  Json result = Json::object();
  for (const std::string& key : keys) result[key] = Json::object();
  return result;
}

Json health_json(const ImageHealthcheck& health) {
  Json result;
  result["Test"] = health.test;
  const auto duration = [&](const char* name, Duration d) {
    if (d.ns != 0) result[name] = d.ns;
  };
  duration("Interval", health.options.interval);
  duration("Timeout", health.options.timeout);
  duration("StartPeriod", health.options.start_period);
  duration("StartInterval", health.options.start_interval);
  if (health.options.retries != 0) result["Retries"] = health.options.retries;
  return result;
}

}  // namespace

void ImageConfig::set_env(const std::string& name, const std::string& value) {
  const auto it = std::find_if(env.begin(), env.end(), [&](const auto& item) { return item.first == name; });
  if (it == env.end()) {
    env.emplace_back(name, value);
  } else {
    it->second = value;
  }
}

std::string config_json(const ImageConfig& config, const std::vector<HistoryEntry>& history,
                        const std::vector<Layer>& layers, const std::string& platform) {
  Json json;
  const std::size_t slash = platform.find('/');
  const std::size_t variant = slash == std::string::npos ? slash : platform.find('/', slash + 1);
  json["architecture"] = slash == std::string::npos ? platform : platform.substr(slash + 1, variant - slash - 1);
  if (variant != std::string::npos) json["variant"] = platform.substr(variant + 1);
  if (!config.author.empty()) json["author"] = config.author;

  Json inner = Json::object();
  if (!config.user.empty()) inner["User"] = config.user;
  if (!config.exposed_ports.empty()) inner["ExposedPorts"] = empty_values(config.exposed_ports);
  Json env = Json::array();
  for (const auto& [name, value] : config.env) env.push_back(name + "=" + value);
  inner["Env"] = std::move(env);
  if (!config.entrypoint.empty()) inner["Entrypoint"] = config.entrypoint;
  if (!config.cmd.empty()) inner["Cmd"] = config.cmd;
  if (config.health) inner["Healthcheck"] = health_json(*config.health);
  if (!config.volumes.empty()) inner["Volumes"] = empty_values(config.volumes);
  if (!config.working_dir.empty()) inner["WorkingDir"] = config.working_dir;
  if (!config.on_build.empty()) inner["OnBuild"] = config.on_build;
  if (!config.labels.empty()) inner["Labels"] = config.labels;
  if (!config.stop_signal.empty()) inner["StopSignal"] = config.stop_signal;
  if (!config.shell.empty()) inner["Shell"] = config.shell;
  json["config"] = std::move(inner);

  Json past = Json::array();
  for (const HistoryEntry& entry : history) {
    Json item;
    item["created_by"] = entry.created_by;
    item["comment"] = "buildkit.dockerfile.v0";
    if (entry.empty_layer) item["empty_layer"] = true;
    past.push_back(std::move(item));
  }
  json["history"] = std::move(past);
  json["os"] = slash == std::string::npos ? "linux" : platform.substr(0, slash);
  Json ids = Json::array();
  for (const Layer& layer : layers) ids.push_back(diff_id(layer));
  json["rootfs"]["type"] = "layers";
  json["rootfs"]["diff_ids"] = std::move(ids);
  return dump(json);
}

std::string manifest_json(const std::string& config, const std::vector<Layer>& layers) {
  Json json;
  json["schemaVersion"] = 2;
  json["mediaType"] = "application/vnd.oci.image.manifest.v1+json";
  json["config"]["mediaType"] = "application/vnd.oci.image.config.v1+json";
  json["config"]["digest"] = sha256_digest(config);
  json["config"]["size"] = config.size();
  Json list = Json::array();
  for (const Layer& layer : layers) {
    Json item;
    item["mediaType"] = "application/vnd.oci.image.layer.v1.tar+gzip";
    item["digest"] = layer.digest;
    item["size"] = layer.compressed_bytes;
    list.push_back(std::move(item));
  }
  json["layers"] = std::move(list);
  return dump(json);
}

std::vector<std::string> chain_ids(const std::vector<Layer>& layers) {
  std::vector<std::string> chain;
  for (const Layer& layer : layers) {
    chain.push_back(chain.empty() ? diff_id(layer) : sha256_digest(chain.back() + " " + diff_id(layer)));
  }
  return chain;
}

}  // namespace berth::docker
