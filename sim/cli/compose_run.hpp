// `berth run compose.yaml`: a Compose project on one Docker host. Free of how flags are spelt (main.cpp). All throw
// InputError for bad input.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace berth {

struct ComposeRunFlags {
  std::vector<std::string> files;      // Merged in order; at least one.
  std::vector<std::string> profiles;   // --profile
  std::vector<std::string> env_files;  // --env-file
  std::vector<std::string> services;   // These and what they depend on; empty: all.
  std::vector<std::string> scale;      // "SERVICE=NUMBER"
  std::vector<std::string> restart;    // "SERVICE@TIME": docker compose restart at that time.
  std::vector<std::string> present;    // Images that the host has already.
  std::string project_name;
  std::string project_folder;
  std::string run_for;    // "10m"; empty: until all is started, healthy or completed.
  std::string catalogue;  // Folder with image-layers-*; empty: the usual places.
  std::string trace;      // *.pftrace (ui.perfetto.dev), *.json (Chrome's) or *.txt; empty: none.
  std::uint64_t seed = 1;
  bool stop = false;  // docker compose stop at the end.
  bool json = false;
};
// Prints images, containers in the order of their start, and what waited for what. 0 if all went well, 1 if `up` failed
// or a container is not as it should be.
int run_compose(const ComposeRunFlags& flags);

// True if the first file looks like a Compose file.
bool is_compose(const std::vector<std::string>& files);

// `berth validate`: prints what is in the file, what is not modelled and why it is refused. False if it is.
bool check_compose_file(const std::string& path);

}  // namespace berth
