#include "sim/cluster/image.hpp"

#include <algorithm>

#include "sim/engine/error.hpp"

namespace berth {

std::string canonical_image_name(std::string_view name) {
  std::string_view digest;
  if (const std::size_t at = name.find('@'); at != std::string_view::npos) {
    digest = name.substr(at);
    name = name.substr(0, at);
  }
  // What stands before the first slash is a registry if it could be a host; else it is part of a Docker Hub name.
  std::string_view registry = "docker.io";
  if (const std::size_t slash = name.find('/'); slash != std::string_view::npos) {
    const std::string_view head = name.substr(0, slash);
    const bool upper = std::any_of(head.begin(), head.end(), [](char c) { return c >= 'A' && c <= 'Z'; });
    if (head.find_first_of(".:") != std::string_view::npos || head == "localhost" || upper) {
      registry = head == "index.docker.io" ? "docker.io" : head;
      name.remove_prefix(slash + 1);
    }
  }
  std::string full(registry);
  full += '/';
  if (registry == "docker.io" && name.find('/') == std::string_view::npos) full += "library/";
  full += name;
  const std::size_t slash = name.rfind('/');
  const bool tagged = name.find(':', slash == std::string_view::npos ? 0 : slash) != std::string_view::npos;
  if (!tagged && digest.empty()) full += ":latest";
  full += digest;
  return full;
}

LayerId ImageCatalog::intern(const Layer& layer) {
  if (layer.compressed_bytes < 0 || layer.unpacked_bytes < 0) {
    throw InputError("layer " + layer.digest + " has a negative size; expected bytes");
  }
  const auto [it, fresh] = layer_by_digest_.try_emplace(layer.digest, LayerId(layer_digests_.size()));
  const std::size_t at = index(it->second);
  if (fresh) {
    layer_digests_.push_back(layer.digest);
    diff_ids_.push_back(layer.diff_id);
    compressed_bytes_.push_back(layer.compressed_bytes);
    unpacked_bytes_.push_back(layer.unpacked_bytes);
  } else if (compressed_bytes_[at] != layer.compressed_bytes) {
    throw InputError("layer " + layer.digest + " has " + std::to_string(layer.compressed_bytes) + " bytes and " +
                     std::to_string(compressed_bytes_[at]) + " elsewhere; expected one size for one digest");
  }
  return it->second;
}

ImageId ImageCatalog::add(const Image& image) {
  std::vector<LayerId> layers;
  layers.reserve(image.layers.size());
  for (const Layer& layer : image.layers) layers.push_back(intern(layer));

  std::string name = canonical_image_name(image.name);
  const auto known = image_by_name_.find(name);
  if (known != image_by_name_.end()) {
    const std::span<const LayerId> have = this->layers(known->second);
    if (std::equal(have.begin(), have.end(), layers.begin(), layers.end()) && digest(known->second) == image.digest) {
      return known->second;
    }
  }
  const auto id = ImageId(names_.size());
  std::string chain;  // Of the snapshot below, by number: no hashing of digests here.
  for (const LayerId layer : layers) {
    const std::string& diff = diff_ids_[index(layer)];
    chain += ' ';
    chain += diff.empty() ? layer_digests_[index(layer)] : diff;
    const auto [it, fresh] = snapshot_by_chain_.try_emplace(chain, SnapshotId(snapshot_layer_.size()));
    if (fresh) snapshot_layer_.push_back(layer);
    image_snapshots_.push_back(it->second);
    chain = std::to_string(index(it->second));
  }
  image_layers_.insert(image_layers_.end(), layers.begin(), layers.end());
  begin_.push_back(static_cast<std::uint32_t>(image_layers_.size()));
  names_.push_back(name);
  digests_.push_back(image.digest);
  image_by_name_.insert_or_assign(std::move(name), id);
  return id;
}

std::optional<ImageId> ImageCatalog::find(std::string_view name) const {
  const auto it = image_by_name_.find(canonical_image_name(name));
  if (it == image_by_name_.end()) return std::nullopt;
  return it->second;
}

std::span<const LayerId> ImageCatalog::layers(ImageId image) const {
  const std::size_t at = index(image);
  return std::span(image_layers_).subspan(begin_[at], begin_[at + 1] - begin_[at]);
}

std::span<const SnapshotId> ImageCatalog::snapshots(ImageId image) const {
  const std::size_t at = index(image);
  return std::span(image_snapshots_).subspan(begin_[at], begin_[at + 1] - begin_[at]);
}

template <class Column>
std::int64_t ImageCatalog::sum_once(ImageId image, const Column& column) const {
  const std::span<const LayerId> list = layers(image);
  std::int64_t sum = 0;
  for (std::size_t i = 0; i < list.size(); ++i) {
    if (std::find(list.begin(), list.begin() + static_cast<std::ptrdiff_t>(i), list[i]) ==
        list.begin() + static_cast<std::ptrdiff_t>(i)) {
      sum += column[index(list[i])];
    }
  }
  return sum;
}

std::int64_t ImageCatalog::compressed_bytes(ImageId image) const {
  return sum_once(image, compressed_bytes_);
}
std::int64_t ImageCatalog::unpacked_bytes(ImageId image) const {
  return sum_once(image, unpacked_bytes_);
}

Image ImageCatalog::image(ImageId id) const {
  Image result{name(id), digest(id), {}};
  for (const LayerId layer : layers(id)) {
    const std::size_t at = index(layer);
    result.layers.push_back({layer_digests_[at], diff_ids_[at], compressed_bytes_[at], unpacked_bytes_[at]});
  }
  return result;
}

std::int64_t LayerStore::missing_bytes(ImageId image) const {
  const std::span<const LayerId> list = catalog_->layers(image);
  std::int64_t sum = 0;
  for (std::size_t i = 0; i < list.size(); ++i) {
    const auto here = list.begin() + static_cast<std::ptrdiff_t>(i);
    if (!holds(list[i]) && std::find(list.begin(), here, list[i]) == here) sum += catalog_->compressed_bytes(list[i]);
  }
  return sum;
}

std::int64_t LayerStore::pull(ImageId image) {
  if (uses_.size() < catalog_->layers()) uses_.resize(catalog_->layers());
  std::int64_t moved = 0;
  for (const LayerId layer : catalog_->layers(image)) {
    if (uses_[index(layer)]++ == 0) moved += catalog_->compressed_bytes(layer);
  }
  compressed_bytes_ += moved;
  return moved;
}

std::int64_t LayerStore::remove(ImageId image) {
  std::int64_t freed = 0;
  for (const LayerId layer : catalog_->layers(image)) {
    BERTH_CHECK(holds(layer));
    if (--uses_[index(layer)] == 0) freed += catalog_->compressed_bytes(layer);
  }
  compressed_bytes_ -= freed;
  return freed;
}

}  // namespace berth
