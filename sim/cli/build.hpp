// `berth build` and `berth image`: Dockerfiles and images, layer by layer. Free of how flags are spelt (main.cpp). All
// throw InputError for bad input.
#pragma once

#include <string>
#include <vector>

namespace berth {

struct BuildFlags {
  std::string context;                  // Folder.
  std::string file;                     // Dockerfile; empty: "Dockerfile" in the context.
  std::string target;                   // Stage; empty: the last.
  std::vector<std::string> build_args;  // NAME=value, or NAME alone: its value in the environment.
  std::vector<std::string> after;       // Files of the context that change between a first build and this one.
  std::string catalogue;                // Folder with image-layers-*; empty: the usual places.
  std::string platform = "linux/amd64";
  std::string tag;               // Name of the image; empty: the folder's name.
  std::string output = "table";  // "table" or "json".
  bool no_cache = false;
};
// Prints the steps with sizes and times, which are cached and why the others are not.
void build_command(const BuildFlags& flags);

struct ImageFlags {
  std::string verb;                // "history", "inspect" or "diff".
  std::vector<std::string> names;  // Images, or folders with a Dockerfile, which are built first. diff: two.
  std::string catalogue;
  std::string platform = "linux/amd64";
  std::string output = "table";  // history and diff: "table" or "json". inspect is JSON.
};
void image_command(const ImageFlags& flags);

}  // namespace berth
