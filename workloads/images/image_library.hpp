// Where an image's layers come from: listed in a real catalogue, seen on a node, built here, or made up. Every name has
// an answer, and the answer says which of these it is, so that a made-up image never passes for a real one.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "sim/cluster/image.hpp"

namespace berth {

namespace kube {
struct Node;
}

enum class ImageOrigin : std::uint8_t {
  kListed,   // In the catalogue under this name.
  kStandIn,  // A listed image of the same repository with a tag that refines the one asked for.
  kNode,     // In node.status.images: the size is real, its layers are made up.
  kBuilt,
  kSynthetic
};

struct FoundImage {
  Image image;  // Named as listed.
  ImageOrigin origin = ImageOrigin::kListed;
  std::string note;  // One line for the user where it is not plainly listed; else empty.
};

class ImageLibrary {
 public:
  // A folder with images.csv and layers.csv, or one whose folders have them. Two shapes of table are known:
  // image-layers- official (image, …) and image-layers-dotnet (snapshot, repository, tag, …; the newest snapshot of a
  // name counts). Throws InputError for a folder without a catalogue, a layer of an image that is not listed, and bad
  // rows. O(rows).
  void read(const std::filesystem::path& folder);
  void add(Image image, ImageOrigin origin);
  // Every image of the node under every of its names; one that is listed already keeps its real layers.
  void add_node(const kube::Node& node);

  // Never fails. `arch`: "amd64" …, for names without an architecture in them. "latest" (or no tag) is the highest
  // version listed; "8.0" stands for the first of "8.0-…" and "8.0.…".
  FoundImage resolve(std::string_view name, std::string_view arch = "amd64") const;

  std::size_t size() const { return images_.size(); }
  // All, by canonical name.
  std::vector<const Image*> images() const;

 private:
  struct Entry {
    Image image;
    ImageOrigin origin = ImageOrigin::kListed;
    std::string arch;
    std::string snapshot;  // Date, or empty.
  };
  void read_one(const std::filesystem::path& folder);
  void insert(const std::string& name, Entry entry);

  std::map<std::string, Entry> images_;  // By canonical name.
};

// `--catalogue` or, if that is empty, the first of data, ../data and ../shared/data that holds image-layers-* folders:
// read if found. Throws InputError if `folder` is given and holds none.
ImageLibrary load_image_library(const std::string& folder);

}  // namespace berth
