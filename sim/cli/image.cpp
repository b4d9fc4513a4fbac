// berth image: what is in an image, listed or built, and what two of them share.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "sim/cli/build.hpp"
#include "sim/cli/image_reports.hpp"
#include "sim/engine/error.hpp"

namespace berth {
namespace {

using Json = nlohmann::ordered_json;

struct NamedImage {
  Image image;
  const char* origin = "";
  std::vector<docker::HistoryEntry> history;  // Of built ones.
  std::string config_json;
};

NamedImage find_image(const std::string& name, const ImageFlags& flags, const ImageLibrary& library) {
  namespace fs = std::filesystem;
  std::error_code error;
  if (fs::is_directory(name, error)) {
    BuildFlags build;
    build.context = name;
    build.platform = flags.platform;
    docker::BuildResult result = build_folder(build, library).result;
    print_notes(result.notes);
    return {std::move(result.image), "built", std::move(result.history), std::move(result.config_json)};
  }
  if (name.starts_with("./") || name.starts_with("/") || name.starts_with("../")) {
    throw InputError(name + ": no such folder; expected an image's name, or a folder with a Dockerfile");
  }
  const std::size_t slash = flags.platform.find('/');
  FoundImage found =
      library.resolve(name, flags.platform.substr(slash + 1, flags.platform.find('/', slash + 1) - slash - 1));
  if (!found.note.empty()) print_notes({found.note});
  constexpr std::array<const char*, 5> kOrigins{"listed", "listed, stands for it", "seen on a node", "built",
                                                "made up"};
  return {std::move(found.image), kOrigins[static_cast<std::size_t>(found.origin)], {}, {}};
}

Json layers_json(const std::vector<Layer>& layers) {
  Json list = Json::array();
  const std::vector<std::string> chain = docker::chain_ids(layers);
  for (std::size_t i = 0; i < layers.size(); ++i) {
    list.push_back({{"digest", layers[i].digest},
                    {"chain_id", chain[i]},
                    {"compressed_bytes", layers[i].compressed_bytes},
                    {"unpacked_bytes", layers[i].unpacked_bytes}});
  }
  return list;
}

void dump(const Json& json) {
  print(json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n");
}

// Newest first, as `docker history` has it.
void history(const NamedImage& named, const ImageFlags& flags) {
  struct Row {
    const Layer* layer;
    std::string created_by;
  };
  std::vector<Row> rows;
  std::size_t next = 0;
  for (const docker::HistoryEntry& entry : named.history) {
    rows.push_back({entry.empty_layer ? nullptr : &named.image.layers[next++], entry.created_by});
  }
  for (; next < named.image.layers.size(); ++next) rows.push_back({&named.image.layers[next], "(not listed)"});
  std::reverse(rows.begin(), rows.end());
  if (flags.output == "json") {
    Json list = Json::array();
    for (const Row& row : rows) {
      Json item{{"created_by", row.created_by}};
      if (row.layer != nullptr) {
        item["layer"] = row.layer->digest;
        item["compressed_bytes"] = row.layer->compressed_bytes;
        item["unpacked_bytes"] = row.layer->unpacked_bytes;
      }
      list.push_back(std::move(item));
    }
    return dump(list);
  }
  print(fmt::format("{:<20} {:>10} {:>10}  {}\n", "layer", "unpacked", "compressed", "created by"));
  for (const Row& row : rows) {
    print(fmt::format("{:<20} {:>10} {:>10}  {}\n", row.layer == nullptr ? "" : row.layer->digest.substr(0, 19),
                      row.layer == nullptr ? "0B" : human_bytes(row.layer->unpacked_bytes),
                      row.layer == nullptr ? "0B" : human_bytes(row.layer->compressed_bytes),
                      one_line(row.created_by, 76)));
  }
}

void inspect(const NamedImage& named) {
  Json json;
  json["name"] = named.image.name;
  json["digest"] = named.image.digest;
  json["origin"] = named.origin;
  ImageCatalog catalog;
  const ImageId id = catalog.add(named.image);
  json["compressed_bytes"] = catalog.compressed_bytes(id);
  json["unpacked_bytes"] = catalog.unpacked_bytes(id);
  json["layers"] = layers_json(named.image.layers);
  if (!named.config_json.empty()) json["config"] = Json::parse(named.config_json);
  dump(json);
}

void diff(const NamedImage& a, const NamedImage& b, const ImageFlags& flags) {
  ImageCatalog catalog;
  const ImageId first = catalog.add(a.image);
  const ImageId second = catalog.add(b.image);
  LayerStore with_first(catalog);
  with_first.pull(first);
  LayerStore with_second(catalog);
  with_second.pull(second);
  std::size_t common_base = 0;  // Unpacked snapshots that both use.
  const auto s1 = catalog.snapshots(first);
  const auto s2 = catalog.snapshots(second);
  while (common_base < std::min(s1.size(), s2.size()) && s1[common_base] == s2[common_base]) ++common_base;
  const std::int64_t shared = catalog.compressed_bytes(second) - with_first.missing_bytes(second);
  if (flags.output == "json") {
    return dump({{"images", {a.image.name, b.image.name}},
                 {"shared_compressed_bytes", shared},
                 {"common_base_layers", common_base},
                 {"pull_first_after_second_bytes", with_second.missing_bytes(first)},
                 {"pull_second_after_first_bytes", with_first.missing_bytes(second)}});
  }
  for (const auto& [image, id, store] : {std::tuple(&a, first, &with_second), std::tuple(&b, second, &with_first)}) {
    print(fmt::format("{} ({}): {} layers, {} compressed\n", image->image.name, image->origin,
                      catalog.layers(id).size(), human_bytes(catalog.compressed_bytes(id))));
    for (const LayerId layer : catalog.layers(id)) {
      print(fmt::format("  {} {} {:>10}\n", store->holds(layer) ? "=" : "+", catalog.digest(layer).substr(0, 19),
                        human_bytes(catalog.compressed_bytes(layer))));
    }
    print(fmt::format("  on a node with the other one: pulls {}\n", human_bytes(store->missing_bytes(id))));
  }
  print(fmt::format("shared: {}, the lowest {} layers unpacked once\n", human_bytes(shared), common_base));
}

}  // namespace

void check_output(const std::string& output) {
  if (output != "table" && output != "json") {
    throw InputError(fmt::format("-o is \"{}\"; expected table or json", output));
  }
}

void print(const std::string& text) {
  std::fwrite(text.data(), 1, text.size(), stdout);
}

void print_notes(const std::vector<std::string>& notes) {
  std::fflush(stdout);
  for (const std::string& note : notes) std::fprintf(stderr, "berth: %s\n", note.c_str());
}

std::string human_bytes(std::int64_t bytes) {
  constexpr std::array<const char*, 4> kUnits{"KiB", "MiB", "GiB", "TiB"};
  if (bytes < 1024) return fmt::format("{}B", bytes);
  double value = static_cast<double>(bytes) / 1024;
  std::size_t unit = 0;
  while (value >= 1024 && unit + 1 < kUnits.size()) {
    value /= 1024;
    ++unit;
  }
  return fmt::format("{:.1f}{}", value, kUnits[unit]);
}

std::string human_time(Duration d) {
  constexpr std::int64_t kTenth = 100'000'000;
  return to_string(Duration{(d.ns + kTenth / 2) / kTenth * kTenth});
}

std::string one_line(std::string_view text, std::size_t width) {
  std::string result;
  for (const char c : text) {
    const bool blank = c == ' ' || c == '\t' || c == '\n' || c == '\r';
    if (!blank) {
      result += c;
    } else if (!result.empty() && result.back() != ' ') {
      result += ' ';
    }
  }
  if (result.size() <= width) return result;
  std::size_t cut = width - 1;
  while (cut > 0 && (static_cast<unsigned char>(result[cut]) & 0xC0) == 0x80) --cut;  // Not inside a code point.
  return result.substr(0, cut) + "…";
}

void image_command(const ImageFlags& flags) {
  check_output(flags.output);
  const std::vector<std::string> verbs{"history", "inspect", "diff"};
  if (std::find(verbs.begin(), verbs.end(), flags.verb) == verbs.end()) {
    throw InputError("berth image " + flags.verb + ": no such verb; expected history, inspect or diff" +
                     did_you_mean(flags.verb, verbs));
  }
  const std::size_t wanted = flags.verb == "diff" ? 2 : 1;
  if (flags.names.size() != wanted) {
    throw InputError(fmt::format("berth image {} has {} names; expected {}", flags.verb, flags.names.size(),
                                 wanted == 2 ? "two images" : "one image"));
  }
  const ImageLibrary library = load_image_library(flags.catalogue);
  const NamedImage first = find_image(flags.names[0], flags, library);
  if (flags.verb == "history") return history(first, flags);
  if (flags.verb == "inspect") return inspect(first);
  diff(first, find_image(flags.names[1], flags, library), flags);
}

}  // namespace berth
