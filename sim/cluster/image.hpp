// Images as a node sees them: an ordered list of layers, most of them shared with other images. Names and digests are
// looked up once, when an image is added; what a simulation touches after that are small integers and columns.
// Source: OCI image-spec, manifest.md and config.md (layers, DiffID, ChainID).
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace berth {

enum class LayerId : std::uint32_t {};     // A blob, by digest: what is downloaded, once per node.
enum class SnapshotId : std::uint32_t {};  // An unpacked layer above given lower ones (ChainID): what is unpacked.
enum class ImageId : std::uint32_t {};

constexpr std::size_t index(LayerId id) {
  return static_cast<std::size_t>(id);
}
constexpr std::size_t index(SnapshotId id) {
  return static_cast<std::size_t>(id);
}
constexpr std::size_t index(ImageId id) {
  return static_cast<std::size_t>(id);
}

struct Layer {
  std::string digest;   // "sha256:…" of the blob.
  std::string diff_id;  // Of the uncompressed tar; empty where nobody says: the digest stands for it.
  std::int64_t compressed_bytes = 0;
  std::int64_t unpacked_bytes = 0;
  friend bool operator==(const Layer&, const Layer&) = default;
};

struct Image {
  std::string name;           // "nginx:1.23", as written; looked up by its canonical form.
  std::string digest;         // Of the manifest; empty if not known.
  std::vector<Layer> layers;  // The base first.
};

// "nginx" -> "docker.io/library/nginx:latest": registry, repository and tag (or digest) in full. Text that is no image
// name comes back with what is missing put before and after it. Source: distribution/reference, ParseNormalizedNamed
// and TagNameOnly.
std::string canonical_image_name(std::string_view name);

// All images of a run. Layers are interned by digest and snapshots by (snapshot below, diff_id), so equal layers of
// different images have one id. Grows only; ids stay valid.
class ImageCatalog {
 public:
  // The same name with the same layers gives the same id; with other layers the name moves to a new id (a re-pushed
  // tag) and the old id stays what it was. Throws InputError if a digest is known with another size, or a size is
  // negative. O(layers) hashed look-ups.
  ImageId add(const Image& image);

  // By any spelling of the name. O(1) hashed.
  std::optional<ImageId> find(std::string_view name) const;

  std::size_t images() const { return names_.size(); }
  std::size_t layers() const { return compressed_bytes_.size(); }
  std::size_t snapshots() const { return snapshot_layer_.size(); }

  std::span<const LayerId> layers(ImageId image) const;        // The base first; one layer may be there twice.
  std::span<const SnapshotId> snapshots(ImageId image) const;  // One for each of layers(image).
  const std::string& name(ImageId image) const { return names_[index(image)]; }      // Canonical.
  const std::string& digest(ImageId image) const { return digests_[index(image)]; }  // Of the manifest, or empty.
  const std::string& digest(LayerId layer) const { return layer_digests_[index(layer)]; }
  std::int64_t compressed_bytes(LayerId layer) const { return compressed_bytes_[index(layer)]; }
  std::int64_t unpacked_bytes(LayerId layer) const { return unpacked_bytes_[index(layer)]; }
  LayerId layer(SnapshotId snapshot) const { return snapshot_layer_[index(snapshot)]; }
  // Bytes of the image's layers, each counted once: what an empty node downloads. O(layers^2), layers < 128.
  std::int64_t compressed_bytes(ImageId image) const;
  std::int64_t unpacked_bytes(ImageId image) const;
  Image image(ImageId image) const;  // With names and digests again.

 private:
  LayerId intern(const Layer& layer);
  template <class Column>
  std::int64_t sum_once(ImageId image, const Column& column) const;

  std::vector<std::string> layer_digests_, diff_ids_;
  std::vector<std::int64_t> compressed_bytes_, unpacked_bytes_;
  std::vector<LayerId> snapshot_layer_;
  std::vector<std::string> names_, digests_;
  std::vector<std::uint32_t> begin_{0};  // Into image_layers_ and image_snapshots_; one more than images.
  std::vector<LayerId> image_layers_;
  std::vector<SnapshotId> image_snapshots_;
  std::unordered_map<std::string, LayerId> layer_by_digest_;  // Never iterated.
  std::unordered_map<std::string, SnapshotId> snapshot_by_chain_;
  std::unordered_map<std::string, ImageId> image_by_name_;
};

// What one node's disk holds: layers counted by the images that use them, so that removing an image frees only what no
// other one needs. Source: containerd's content store and garbage collection by labels, by layer.
class LayerStore {
 public:
  explicit LayerStore(const ImageCatalog& catalog) : catalog_(&catalog) {}

  bool holds(LayerId layer) const { return index(layer) < uses_.size() && uses_[index(layer)] > 0; }
  // Bytes that a pull would move: of the layers that are not here, each once. O(layers^2).
  std::int64_t missing_bytes(ImageId image) const;
  // Takes the image in; returns the bytes moved. Every pull() is undone by one remove(). O(layers).
  std::int64_t pull(ImageId image);
  // Returns the compressed bytes freed. The image must have been pulled (BERTH_CHECK).
  std::int64_t remove(ImageId image);
  std::int64_t compressed_bytes() const { return compressed_bytes_; }  // Of what is here.

 private:
  const ImageCatalog* catalog_;
  std::vector<std::uint32_t> uses_;  // By LayerId.
  std::int64_t compressed_bytes_ = 0;
};

}  // namespace berth
