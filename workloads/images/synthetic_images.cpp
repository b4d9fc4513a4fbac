#include "workloads/images/synthetic_images.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdlib>
#include <string>
#include <utility>

#include "workloads/images/digest.hpp"

namespace berth {
namespace {

// Bottom layers of image-layers-official with their digests, so that a made-up image shares them with listed ones, and
// how many of the 17 listed images stand on each.
struct Base {
  std::string_view word;  // In a name: this base it is.
  std::string_view digest;
  std::int64_t compressed_bytes;
  std::uint32_t images;
};
constexpr std::array<Base, 6> kBases{{
    {"slim", "sha256:8740c948ffd4c816ea7ca963f99ca52f4788baa23f228da9581a9ea2edd3fcd7", 31396972, 7},
    {"debian", "sha256:bbeef03cda1f5d6c9e20c310c1c91382a6b0a1a2501c3436b28152f13896f082", 55025206, 3},
    {"ubuntu", "sha256:6e3729cf69e0ce2de9e779575a1fec8b7fb5efdfa822829290ab6d5d1bc3e797", 30428708, 2},
    {"focal", "sha256:846c0b181fff0c667d9444f8378e8fcfa13116da8d308bf21673f7e4bea8d580", 28576882, 2},
    {"alpine", "sha256:8921db27df2831fa6eaa85321205a2470c669b855f3ec95d5a3c2b46de0442c9", 3370628, 2},
    {"ubi", "sha256:2c57acc5afca507dabd7a22ed8ab1a978dad73d90dacad7b0b4668750f8fca64", 43885845, 1},
}};
// Layers above the bottom one: the 17 images' counts, sorted, and every twentieth of their 109 sizes (bytes).
constexpr std::array<std::uint32_t, 17> kOwnLayers{3, 4, 4, 4, 5, 5, 5, 5, 6, 6, 7, 8, 8, 8, 9, 10, 12};
constexpr std::array<double, 21> kOwnBytes{107,     135,     160,      273,      334,      624,      886,
                                           1444,    2629,    4963,     8919,     928834,   1418492,  3056553,
                                           5163370, 8668991, 12588558, 25470551, 54583611, 89723784, 196877237};

// 0 .. 1, a function of the text: no stream, no order of calls.
double uniform(const std::string& text) {
  const std::string digest = sha256_digest(text);
  return static_cast<double>(std::strtoull(digest.substr(7, 13).c_str(), nullptr, 16)) * 0x1p-52;
}

Base pick_base(std::string_view name, const std::string& repository) {
  for (const Base& base : kBases) {
    if (name.find(base.word) != std::string_view::npos) return base;
  }
  std::uint32_t total = 0;
  for (const Base& base : kBases) total += base.images;
  double left = uniform(repository + " base") * total;
  for (const Base& base : kBases) {
    if (left < base.images) return base;
    left -= base.images;
  }
  return kBases.back();
}

Layer sized(std::string digest, double compressed) {
  return {std::move(digest), {}, std::llround(compressed), std::llround(compressed * kCompressionRatio)};
}

}  // namespace

Image synthetic_image(std::string_view name, std::int64_t compressed_bytes) {
  const std::string full = canonical_image_name(name);
  const std::string repository = full.substr(0, full.find_first_of(":@", full.rfind('/')));
  Image image{full, sha256_digest("made-up image " + full), {}};

  const Base base = pick_base(full, repository);
  const std::uint32_t own =
      kOwnLayers[static_cast<std::size_t>(uniform(repository + " layers") * static_cast<double>(kOwnLayers.size()))];
  std::vector<double> sizes;
  for (std::uint32_t i = 0; i < own; ++i) {
    const std::string seed = (i < own / 2 ? repository : full) + " layer " + std::to_string(i);
    // Between two quantiles sizes are log-uniform: they span six orders of magnitude.
    const double at = uniform(seed) * static_cast<double>(kOwnBytes.size() - 1);
    const auto low = static_cast<std::size_t>(at);
    sizes.push_back(std::round(kOwnBytes[low] * std::pow(kOwnBytes[low + 1] / kOwnBytes[low], at - std::floor(at))));
  }
  // A known total is made up of the base, if it fits, and own layers in the drawn proportions.
  const bool has_base = compressed_bytes <= 0 || compressed_bytes > base.compressed_bytes;
  if (compressed_bytes > 0) {
    double sum = 0;
    for (const double size : sizes) sum += size;
    const std::int64_t rest = compressed_bytes - (has_base ? base.compressed_bytes : 0);
    std::int64_t given = 0;
    for (double& size : sizes) {
      size = std::floor(size / sum * static_cast<double>(rest));
      given += static_cast<std::int64_t>(size);
    }
    sizes.back() += static_cast<double>(rest - given);
  }
  if (has_base) {
    image.layers.push_back(sized(std::string(base.digest), static_cast<double>(base.compressed_bytes)));
  }
  for (std::uint32_t i = 0; i < own; ++i) {
    const bool shared = i < own / 2 && compressed_bytes <= 0;
    const auto bytes = static_cast<std::int64_t>(sizes[i]);
    image.layers.push_back(sized(
        Sha256().field("made-up layer").field(shared ? repository : full).number(i).number(bytes).digest(), sizes[i]));
  }
  return image;
}

}  // namespace berth
