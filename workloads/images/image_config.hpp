// What an image says about itself besides its files: environment, command, user, ports … and how it was made.
// Source: OCI image-spec, config.md; moby/docker-image-spec for Healthcheck, OnBuild and Shell.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "sim/cluster/image.hpp"
#include "workloads/images/dockerfile.hpp"

namespace berth::docker {

struct ImageHealthcheck {
  std::vector<std::string> test;  // {"NONE"}, {"CMD", …} or {"CMD-SHELL", command}.
  Healthcheck options;
};

struct ImageConfig {
  std::vector<std::pair<std::string, std::string>> env;  // In the order they were first set.
  std::vector<std::string> entrypoint, cmd, shell;       // Empty: none.
  std::string user, working_dir, stop_signal, author;
  std::set<std::string> exposed_ports, volumes;  // "80/tcp".
  std::map<std::string, std::string> labels;
  std::vector<std::string> on_build;
  std::optional<ImageHealthcheck> health;

  void set_env(const std::string& name, const std::string& value);
};

struct HistoryEntry {
  std::string created_by;
  bool empty_layer = false;
};

// The config blob as JSON, without a time of creation, so that equal builds have equal bytes. platform: "linux/amd64".
std::string config_json(const ImageConfig& config, const std::vector<HistoryEntry>& history,
                        const std::vector<Layer>& layers, const std::string& platform);
// The manifest that names it. Sizes are the layers' compressed bytes.
std::string manifest_json(const std::string& config, const std::vector<Layer>& layers);

// ChainID of each layer: sha256 over the one below and this DiffID. Source: OCI image-spec, config.md, "Layer ChainID".
std::vector<std::string> chain_ids(const std::vector<Layer>& layers);

}  // namespace berth::docker
