#include "workloads/images/image_library.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <cmath>
#include <set>
#include <unordered_map>

#include "sim/cluster/kube_objects.hpp"
#include "sim/engine/error.hpp"
#include "workloads/csv.hpp"
#include "workloads/images/synthetic_images.hpp"

namespace berth {
namespace {

namespace fs = std::filesystem;

Layer layer_of(std::string_view digest, std::int64_t compressed) {
  return {std::string(digest), {}, compressed, std::llround(static_cast<double>(compressed) * kCompressionRatio)};
}

std::string_view repository_of(std::string_view canonical) {
  return canonical.substr(0, canonical.find_first_of(":@", canonical.rfind('/')));
}
std::string_view tag_of(std::string_view canonical) {
  const std::size_t colon = canonical.find(':', canonical.rfind('/'));
  if (colon == std::string_view::npos || canonical.find('@') < colon) return {};
  return canonical.substr(colon + 1, canonical.find('@') - colon - 1);
}

// "1.23-alpine" before "1.9"? Numbers compare as numbers; a tag without a variant comes after one with it.
bool version_less(std::string_view a, std::string_view b) {
  const bool a_plain = a.find('-') == std::string_view::npos;
  const bool b_plain = b.find('-') == std::string_view::npos;
  if (a_plain != b_plain) return b_plain;
  std::size_t i = 0;
  std::size_t j = 0;
  const auto digit = [](char c) { return c >= '0' && c <= '9'; };
  while (i < a.size() && j < b.size()) {
    if (digit(a[i]) && digit(b[j])) {
      std::size_t ie = i;
      std::size_t je = j;
      while (ie < a.size() && digit(a[ie])) ++ie;
      while (je < b.size() && digit(b[je])) ++je;
      const std::string_view x = a.substr(i, ie - i);
      const std::string_view y = b.substr(j, je - j);
      if (x.size() != y.size()) return x.size() < y.size();
      if (x != y) return x < y;
      i = ie;
      j = je;
    } else if (a[i] != b[j]) {
      return a[i] < b[j];
    } else {
      ++i;
      ++j;
    }
  }
  return a.size() - i < b.size() - j;
}

}  // namespace

void ImageLibrary::insert(const std::string& name, Entry entry) {
  std::string canonical = canonical_image_name(name);
  const auto it = images_.find(canonical);
  if (it != images_.end() && it->second.snapshot > entry.snapshot) return;
  images_.insert_or_assign(std::move(canonical), std::move(entry));
}

void ImageLibrary::read(const fs::path& folder) {
  std::vector<fs::path> found;
  std::error_code error;
  if (fs::is_regular_file(folder / "layers.csv", error)) {
    found.push_back(folder);
  } else if (fs::is_directory(folder, error)) {
    for (const auto& entry : fs::directory_iterator(folder, error)) {
      const std::string name = entry.path().filename().string();
      if (name.starts_with("image-layers") && fs::is_regular_file(entry.path() / "layers.csv")) {
        found.push_back(entry.path());
      }
    }
  }
  if (found.empty()) {
    throw InputError(folder.string() +
                     ": no image catalogue; expected images.csv and layers.csv, or image-layers-* folders");
  }
  std::sort(found.begin(), found.end());
  for (const fs::path& one : found) read_one(one);
}

void ImageLibrary::read_one(const fs::path& folder) {
  // Layers first, by what names their image: "snapshot digest" or the image's own name.
  std::unordered_map<std::string, std::vector<Layer>> layers;  // Looked up, never iterated.
  enum LayerColumn { kPosition, kLayerDigest, kBytes, kSnapshot, kImageDigest, kImage };
  CsvReader rows(folder / "layers.csv", {"position", "layer_digest", "compressed_bytes"},
                 {"snapshot", "image_digest", "image"});
  while (rows.next()) {
    const std::string key = rows.has(kImage)
                                ? std::string(rows.text(kImage))
                                : std::string(rows.text(kSnapshot)) + " " + std::string(rows.text(kImageDigest));
    std::vector<Layer>& list = layers[key];
    if (rows.integer(kPosition) != static_cast<std::int64_t>(list.size())) {
      rows.fail(kPosition, "", std::to_string(list.size()) + ", the image's next layer");
    }
    list.push_back(layer_of(rows.text(kLayerDigest), rows.integer(kBytes)));
  }
  enum ImageColumn { kDigest, kArch, kName, kShot, kRepository, kTag };
  CsvReader images(folder / "images.csv", {"image_digest", "arch"}, {"image", "snapshot", "repository", "tag"});
  while (images.next()) {
    const bool official = images.has(kName);
    const std::string digest(images.text(kDigest));
    const std::string name = official ? std::string(images.text(kName))
                                      : std::string(images.text(kRepository)) + ":" + std::string(images.text(kTag));
    const std::string snapshot = official ? std::string() : std::string(images.text(kShot));
    const auto it = layers.find(official ? name : snapshot + " " + digest);
    if (it == layers.end()) images.fail(kDigest, ", which has no layers", "an image with rows in layers.csv");
    Entry entry{{canonical_image_name(name), digest, it->second},
                ImageOrigin::kListed,
                std::string(images.text(kArch)),
                snapshot};
    if (!digest.empty() && !official) insert(std::string(images.text(kRepository)) + "@" + digest, entry);
    insert(name, std::move(entry));
  }
}

void ImageLibrary::add(Image image, ImageOrigin origin) {
  const std::string name = canonical_image_name(image.name);
  image.name = name;
  images_.insert_or_assign(name, Entry{std::move(image), origin, {}, {}});
}

void ImageLibrary::add_node(const kube::Node& node) {
  for (const kube::NodeImage& seen : node.images) {
    if (seen.names.empty()) continue;
    const bool known = std::any_of(seen.names.begin(), seen.names.end(), [&](const std::string& name) {
      return images_.find(canonical_image_name(name)) != images_.end();
    });
    if (known) continue;
    // The tag, where there is one, makes it the same image on nodes that list other digests first.
    const auto tagged = std::find_if(seen.names.begin(), seen.names.end(),
                                     [](const std::string& n) { return n.find('@') == std::string::npos; });
    const Image image = synthetic_image(tagged == seen.names.end() ? seen.names.front() : *tagged, seen.size_bytes);
    for (const std::string& name : seen.names) {
      Image alias = image;
      alias.name = name;
      add(std::move(alias), ImageOrigin::kNode);
    }
  }
}

std::vector<const Image*> ImageLibrary::images() const {
  std::vector<const Image*> result;
  for (const auto& [name, entry] : images_) result.push_back(&entry.image);
  return result;
}

FoundImage ImageLibrary::resolve(std::string_view name, std::string_view arch) const {
  const std::string wanted = canonical_image_name(name);
  if (const auto it = images_.find(wanted); it != images_.end()) {
    FoundImage found{it->second.image, it->second.origin, {}};
    if (found.origin == ImageOrigin::kNode) found.note = wanted + ": size from a node's status, layers made up";
    return found;
  }
  const std::string_view repository = repository_of(wanted);
  const std::string_view tag = tag_of(wanted);
  const bool latest = tag == "latest";
  const Entry* best = nullptr;
  std::string_view best_tag;
  const std::string from = std::string(repository) + ":";
  for (auto it = images_.lower_bound(from); it != images_.end() && it->first.starts_with(from); ++it) {
    const Entry& entry = it->second;
    if (entry.origin == ImageOrigin::kNode || (!entry.arch.empty() && entry.arch != arch)) continue;
    const std::string_view have = tag_of(it->first);
    if (latest) {
      if (best != nullptr && !version_less(best_tag, have)) continue;
    } else {
      const bool refines = !tag.empty() && have.size() > tag.size() && have.starts_with(tag) &&
                           (have[tag.size()] == '-' || have[tag.size()] == '.');
      if (!refines || (best != nullptr && have.size() >= best_tag.size())) continue;
    }
    best = &entry;
    best_tag = have;
  }
  if (best != nullptr) {
    return {best->image, ImageOrigin::kStandIn, wanted + ": not listed; " + best->image.name + " stands for it"};
  }
  return {synthetic_image(wanted), ImageOrigin::kSynthetic,
          wanted + ": not listed; its layers are made up (docs/dockerfile.md)"};
}

ImageLibrary load_image_library(const std::string& folder) {
  ImageLibrary library;
  if (!folder.empty()) {
    library.read(folder);
    return library;
  }
  for (const char* candidate : {"data", "../data", "../shared/data"}) {
    std::error_code error;
    if (!fs::is_directory(candidate, error)) continue;
    for (const auto& entry : fs::directory_iterator(candidate, error)) {
      if (!entry.path().filename().string().starts_with("image-layers")) continue;
      library.read(candidate);
      return library;
    }
  }
  return library;
}

}  // namespace berth
