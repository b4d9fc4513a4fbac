#include "workloads/node_model.hpp"

#include <fmt/format.h>

#include <charconv>

#include "sim/engine/error.hpp"
#include "workloads/images/image_library.hpp"

namespace berth {
namespace {

constexpr std::int64_t kTenGigabit = 1'250'000'000;  // Bytes per second.

// Bytes per second, within what FlowNetwork takes.
std::int64_t rate(const YamlValue& value) {
  const std::int64_t bytes = value.bytes();
  if (bytes < 1 || bytes > FlowNetwork::kMaxCapacity) {
    value.fail(fmt::format("is {} bytes per second; expected 1 to {}", bytes, FlowNetwork::kMaxCapacity));
  }
  return bytes;
}

// "10%", of a disk.
double percent(const YamlValue& value) {
  const std::string text = value.text();
  double out = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  if (error != std::errc() || std::string_view(end) != "%" || !(out >= 0 && out < 100)) {
    value.fail(fmt::format("is \"{}\"; expected a share of the disk below 100% (\"10%\")", text));
  }
  return out;
}

RegistrySpec read_registry(const YamlMap& map, RegistrySpec spec) {
  if (const auto v = map.find("egress")) spec.egress_bytes_per_second = rate(*v);
  if (const auto v = map.find("resolve")) spec.resolve = v->duration();
  return spec;
}

void read_kubelet(const YamlValue& value, NodeModel& model) {
  const YamlMap map = value.map({"serializeImagePulls", "maxParallelImagePulls", "registryPullQPS", "registryBurst",
                                 "imageGCHighThresholdPercent", "imageGCLowThresholdPercent", "imageMinimumGCAge",
                                 "evictionMemoryAvailable", "evictionNodefsAvailable", "evictionImagefsAvailable",
                                 "maxConcurrentDownloads", "imageFilesystem", "networkIn", "networkOut", "unpackRate",
                                 "sandboxTime", "createTime", "startTime"});
  ImageManagerConfig& images = model.images;
  if (const auto v = map.find("serializeImagePulls")) images.serialize_image_pulls = v->boolean();
  if (const auto v = map.find("maxParallelImagePulls")) {
    images.max_parallel_image_pulls = static_cast<std::uint32_t>(v->integer(1, 1'000'000));
    if (images.serialize_image_pulls && images.max_parallel_image_pulls > 1) {
      v->fail("is above 1 while pulls are serialized; expected \"serializeImagePulls: false\" beside it");
    }
  }
  if (const auto v = map.find("registryPullQPS")) images.registry_pull_qps = v->integer(0, 1'000'000);
  if (const auto v = map.find("registryBurst")) images.registry_burst = v->integer(1, 1'000'000);
  if (const auto v = map.find("imageGCHighThresholdPercent")) images.gc.high_threshold_percent = v->integer(0, 100);
  if (const auto v = map.find("imageGCLowThresholdPercent")) images.gc.low_threshold_percent = v->integer(0, 100);
  if (images.gc.low_threshold_percent >= images.gc.high_threshold_percent) {
    value.fail("has a low threshold of image garbage collection that is not below the high one; expected low < high");
  }
  if (const auto v = map.find("imageMinimumGCAge")) images.gc.min_age = v->duration();
  if (const auto v = map.find("evictionMemoryAvailable")) model.kubelet.eviction_memory_bytes = v->bytes();
  if (const auto v = map.find("evictionNodefsAvailable")) model.kubelet.eviction_nodefs_percent = percent(*v);
  if (const auto v = map.find("evictionImagefsAvailable")) model.kubelet.eviction_imagefs_percent = percent(*v);
  if (const auto v = map.find("maxConcurrentDownloads")) {
    images.pull.max_concurrent_downloads = static_cast<std::uint32_t>(v->integer(1, 1'000));
  }
  if (const auto v = map.find("imageFilesystem")) {
    model.node_images.imagefs_bytes = v->bytes();
    if (model.node_images.imagefs_bytes < 1) v->fail("is empty; expected bytes above 0");
  }
  if (const auto v = map.find("networkIn")) model.node_images.in_bytes_per_second = rate(*v);
  if (const auto v = map.find("networkOut")) model.node_images.out_bytes_per_second = rate(*v);
  if (const auto v = map.find("unpackRate")) model.node_images.unpack_bytes_per_second = rate(*v);
  if (const auto v = map.find("sandboxTime")) model.kubelet.sandbox_time = v->distribution();
  if (const auto v = map.find("createTime")) model.kubelet.create_time = v->distribution();
  if (const auto v = map.find("startTime")) model.kubelet.start_time = v->distribution();
}

void read_storage(const YamlValue& value, VolumeTimes& times) {
  const YamlMap map = value.map({"provisionTime", "removeTime", "attachTime", "detachTime", "stageTime", "publishTime",
                                 "unpublishTime", "unstageTime"});
  const auto read = [&map](const char* key, Distribution& into) {
    if (const auto v = map.find(key)) into = v->distribution();
  };
  read("provisionTime", times.provision);
  read("removeTime", times.remove);
  read("attachTime", times.attach);
  read("detachTime", times.detach);
  read("stageTime", times.stage);
  read("publishTime", times.publish);
  read("unpublishTime", times.unpublish);
  read("unstageTime", times.unstage);
}

}  // namespace

NodeModel::NodeModel() {
  images.pull.default_registry.egress_bytes_per_second = kTenGigabit;
  images.pull.default_registry.resolve = milliseconds(300);
  node_images.imagefs_bytes = std::int64_t{100} << 30;
  node_images.in_bytes_per_second = kTenGigabit;
  node_images.out_bytes_per_second = kTenGigabit;
  node_images.unpack_bytes_per_second = 200'000'000;
}

ImageId RunImages::of(std::string_view name) const {
  const auto it = by_name.find(std::string(name));
  BERTH_CHECK(it != by_name.end());
  return it->second;
}

NodeModel read_node_model(const std::optional<YamlValue>& kubelet, const std::optional<YamlValue>& images,
                          const std::optional<YamlValue>& storage, const std::filesystem::path& base) {
  NodeModel model;
  if (kubelet) read_kubelet(*kubelet, model);
  if (storage) read_storage(*storage, model.storage.times);
  if (!images) return model;
  const YamlMap map = images->map({"catalogue", "registry", "registries"});
  if (const auto v = map.find("catalogue")) {
    model.catalogue = base / v->text();
    if (!std::filesystem::is_directory(model.catalogue)) {
      v->fail(fmt::format("is \"{}\", which is no folder; expected one with image-layers-* in it", v->text()));
    }
  }
  if (const auto v = map.find("registry")) {
    RegistrySpec& standard = model.images.pull.default_registry;
    standard = read_registry(v->map({"egress", "resolve"}), standard);
  }
  if (const auto v = map.find("registries")) {
    for (const YamlValue& item : v->list()) {
      const YamlMap one = item.map({"host", "egress", "resolve"});
      RegistrySpec spec = read_registry(one, model.images.pull.default_registry);
      spec.host = one.at("host").text();
      for (const RegistrySpec& other : model.registries) {
        if (other.host == spec.host) one.at("host").fail("is there twice; expected each registry once");
      }
      model.registries.push_back(std::move(spec));
    }
  }
  return model;
}

void add_image_names(const manifest::Manifests& manifests, std::set<std::string>& names) {
  manifests.each_pod([&names](const kube::api::Pod& pod) {
    for (const kube::Container& c : pod.scheduling.init_containers) names.insert(c.image);
    for (const kube::Container& c : pod.scheduling.containers) names.insert(c.image);
  });
}

RunImages find_images(const NodeModel& model, const std::set<std::string>& names) {
  ImageLibrary library;
  if (!model.catalogue.empty()) library = load_image_library(model.catalogue.string());
  RunImages out;
  for (const std::string& name : names) {
    FoundImage found = library.resolve(name);
    found.image.name = name;  // What a pod asks for, whoever stands for it.
    out.by_name.emplace(name, out.catalog.add(found.image));
    if (!found.note.empty()) out.notes.push_back(std::move(found.note));
  }
  return out;
}

}  // namespace berth
