#include "workloads/manifest/manifest.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>

#include "workloads/kube_json.hpp"
#include "workloads/manifest/decode.hpp"
#include "workloads/manifest/defaults.hpp"
#include "workloads/manifest/documents.hpp"
#include "workloads/manifest/validation.hpp"

namespace berth::manifest {
namespace {

namespace fs = std::filesystem;

constexpr int kMaxLists = 8;  // Lists of lists …

std::string shown(std::string_view text) {
  std::string out;
  for (const char c : text.substr(0, 60)) out += static_cast<unsigned char>(c) < 0x20 ? ' ' : c;
  return out;
}

const YamlNode* member(const YamlNode& map, std::string_view key) {
  if (map.kind != YamlNode::Kind::kMap) return nullptr;
  for (std::size_t i = 0; i < map.items.size(); i += 2) {
    if (map.items[i].text == key) return &map.items[i + 1];
  }
  return nullptr;
}
std::string text_member(const YamlNode& map, std::string_view key) {
  const YamlNode* node = member(map, key);
  return node != nullptr && node->kind == YamlNode::Kind::kScalar ? node->text : std::string();
}

bool is_kustomization_file(const std::string& file) {
  const std::string name = fs::path(file).filename().string();
  return name == "kustomization.yaml" || name == "kustomization.yml" || name == "Kustomization";
}

// Where a template's mark stands, if the text is one.
std::optional<Place> template_mark(std::string_view text, const std::string& file) {
  const std::size_t at = text.find("{{");
  if (at == std::string_view::npos) return std::nullopt;
  const auto line =
      static_cast<std::size_t>(std::count(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(at), '\n'));
  const std::size_t start = text.rfind('\n', at);
  return Place{file, line + 1, at - (start == std::string_view::npos ? 0 : start + 1) + 1};
}

class FileReader {
 public:
  FileReader(const std::string& file, Manifests& out) : file_(file), out_(out) {}

  void read(std::string_view text) {
    ++out_.files;
    template_mark_ = template_mark(text, file_);
    if (is_kustomization_file(file_)) return reject("Kustomization", kustomization({file_}));
    std::vector<Document> documents;
    try {
      documents = parse_documents(text, file_);
    } catch (const InputError& e) {
      return reject("(not readable)", e.what());
    }
    if (documents.empty()) ++out_.empty_files;
    for (const Document& document : documents) {
      document_ = &document;
      node(*document.root, "", "", 0);
    }
  }

 private:
  Place place(const YamlNode& node) const { return {file_, node.line, node.column}; }
  static std::string kustomization(const Place& place) {
    return to_string(place) +
           ": is a kustomization, not an object; expected what `kubectl kustomize` makes of its folder";
  }

  void reject(const std::string& kind, std::string message) {
    if (template_mark_ && message.find("helm template") == std::string::npos) {
      message += fmt::format("; a template by its \"{{{{\" at {}:{}: expected it rendered first, as by `helm template`",
                             template_mark_->line, template_mark_->column);
    }
    const std::string label = kind.empty() ? "(no kind)" : kind;
    ++out_.kinds[label].rejected;
    out_.rejected.push_back({label, std::move(message)});
  }
  void reject_at(const YamlNode& node, const std::string& kind, std::string_view what) {
    reject(kind, fmt::format("{}: {}", to_string(place(node)), what));
  }

  // One object, or a list of them: then items may leave out kind and version.
  void node(const YamlNode& node, const std::string& list_version, const std::string& list_kind, int lists) {
    if (node.kind != YamlNode::Kind::kMap) {
      return reject_at(node, "", "no object; expected a map with apiVersion, kind and metadata");
    }
    const std::string version = member(node, "apiVersion") != nullptr ? text_member(node, "apiVersion") : list_version;
    const std::string kind = member(node, "kind") != nullptr ? text_member(node, "kind") : list_kind;
    if (kind.empty()) return without_kind(node, version);
    if (version.empty())
      return reject_at(node, shown(kind), fmt::format("{} has no apiVersion; expected one", shown(kind)));
    if (version.starts_with("kustomize.config.k8s.io/") || kind == "Kustomization") {
      return reject("Kustomization", kustomization(place(node)));
    }
    if (const YamlNode* items = member(node, "items"); items != nullptr && kind.ends_with("List")) {
      if (items->kind == YamlNode::Kind::kNull) return;
      if (items->kind != YamlNode::Kind::kList) return reject_at(*items, shown(kind), "items is no list; expected one");
      if (lists >= kMaxLists) {
        return reject_at(node, shown(kind), fmt::format("lists in lists; expected at most {} levels", kMaxLists));
      }
      const std::string item_kind = kind.substr(0, kind.size() - 4);
      for (const YamlNode& item : items->items)
        this->node(item, item_kind.empty() ? "" : version, item_kind, lists + 1);
      return;
    }
    try {
      object(node, version, kind);
    } catch (const InputError& e) {
      reject(shown(kind), e.what());
    }
  }

  void without_kind(const YamlNode& node, const std::string& version) {
    const std::string name = fs::path(file_).filename().string();
    if (name == "Chart.yaml" || (version == "v2" && member(node, "name") != nullptr)) {
      return reject_at(node, "",
                       "a Helm chart's own file, no object; expected the chart rendered, as by `helm template`");
    }
    if (member(node, "services") != nullptr) {
      return reject_at(node, "", "no kind, but services: a Compose file? expected Kubernetes objects");
    }
    if (member(node, "resources") != nullptr && member(node, "resources")->kind == YamlNode::Kind::kList) {
      return reject("Kustomization", kustomization(place(node)));
    }
    reject_at(node, "", "has no kind; expected a Kubernetes object (apiVersion, kind, metadata)");
  }

  void object(const YamlNode& node, const std::string& version, const std::string& kind) {
    const ApiSchema& schema = ApiSchema::get();
    if (const std::string why = schema.refusal(version, kind); !why.empty()) {
      const YamlNode* at = member(node, "apiVersion");
      return reject_at(at == nullptr ? node : *at, shown(kind),
                       fmt::format("{} of {} {}", shown(kind), shown(version), why));
    }
    const ApiKind* known = schema.find(version, kind);
    if (known == nullptr) return unknown_kind(node, version, kind);
    if (known->use == ApiKind::Use::kNotModelled) {
      ++out_.kinds[kind].not_modelled;
      return out_.notes.add(Notes::Kind::kKindNotModelled, "kind " + kind, place(node));
    }

    nlohmann::json json = check_object(node, file_, *known->type, out_.notes);
    set_defaults(kind, json);
    // The tree again, for places in messages.
    const YamlValue yaml(std::shared_ptr<const YamlNode>(document_->root, &node), document_->file);
    const kube::JsonSource source{file_, node.line, nullptr, &yaml};
    const kube::Reader reader(source, json);
    validate(kind, reader);
    ManifestObject made{place(node), version, kind, {}, decode_object(kind, reader)};
    const kube::api::ObjectMeta meta = decode_meta(reader, known->namespaced);
    if (!meta.name.empty()) made.key = meta.key();
    ++out_.kinds[kind].modelled;
    keep(std::move(made));
  }

  void unknown_kind(const YamlNode& node, const std::string& version, const std::string& kind) {
    const ApiSchema& schema = ApiSchema::get();
    std::vector<std::string> kinds = schema.kinds();
    const bool one_of_ours = std::find(kinds.begin(), kinds.end(), kind) != kinds.end();
    const std::string group = version.substr(0, version.find('/'));
    if (schema.builtin_group(version) ||
        (version.find('/') != std::string::npos && group.find('.') == std::string::npos)) {
      std::string expected = "one of Kubernetes 1.37";
      if (const std::string home = schema.home_of(kind); !home.empty()) expected = home;
      const YamlNode* at = member(node, one_of_ours ? "apiVersion" : "kind");
      return reject_at(at == nullptr ? node : *at, shown(kind),
                       fmt::format("no kind {} in {}; expected {}{}", shown(kind), shown(version), expected,
                                   one_of_ours ? "" : did_you_mean(kind, kinds)));
    }
    const std::string name = fmt::format("{} ({})", shown(kind), shown(group));
    ++out_.kinds[name].not_modelled;
    out_.notes.add(Notes::Kind::kKindNotModelled, "kind " + name, place(node));
  }

  // `kubectl apply` in the same order: what comes later replaces what was there.
  void keep(ManifestObject made) {
    if (!made.key.empty()) {
      const auto [at, added] = out_.by_key.emplace(made.kind + " " + made.key, out_.objects.size());
      if (!added) {
        ManifestObject& old = out_.objects[at->second];
        out_.notes.add(Notes::Kind::kReplaced, at->first, made.place,
                       fmt::format("; the last one counts, not that of {}", to_string(old.place)));
        old = std::move(made);
        return;
      }
    }
    out_.objects.push_back(std::move(made));
  }

  const std::string& file_;
  Manifests& out_;
  const Document* document_ = nullptr;
  std::optional<Place> template_mark_;
};

bool is_manifest_name(const fs::path& path) {
  const std::string extension = path.extension().string();
  return extension == ".yaml" || extension == ".yml" || extension == ".json";
}

void read_file(const std::string& path, Manifests& out) {
  std::string text;
  try {
    text = read_text_file(path);
  } catch (const InputError& e) {
    ++out.files;
    ++out.kinds["(not readable)"].rejected;
    out.rejected.push_back({"(not readable)", e.what()});
    return;
  }
  read_manifest(text, path, out);
}

}  // namespace

void Manifests::require_good() const {
  if (!rejected.empty()) throw InputError(rejected.front().message);
}

void read_manifest(std::string_view text, const std::string& file, Manifests& out) {
  FileReader(file, out).read(text);
}

Manifests load_manifests(std::span<const std::string> paths) {
  Manifests out;
  for (const std::string& path : paths) {
    std::error_code error;
    const fs::file_status status = fs::status(path, error);
    if (!fs::exists(status)) throw InputError(path + ": no such file or folder; expected Kubernetes manifests");
    if (!fs::is_directory(status)) {
      read_file(path, out);
      continue;
    }
    std::vector<std::string> files;
    fs::recursive_directory_iterator it(path, fs::directory_options::skip_permission_denied, error);
    for (const fs::recursive_directory_iterator end; !error && it != end; it.increment(error)) {
      std::error_code ignored;
      if (it->is_regular_file(ignored) && is_manifest_name(it->path())) files.push_back(it->path().string());
    }
    if (error) throw InputError(fmt::format("{}: cannot read the folder: {}", path, error.message()));
    if (files.empty()) throw InputError(path + ": no *.yaml, *.yml or *.json in it; expected Kubernetes manifests");
    std::sort(files.begin(), files.end());
    for (const std::string& file : files) read_file(file, out);
  }
  return out;
}

bool looks_like_manifest(std::string_view text, const std::string& file) {
  if (is_kustomization_file(file)) return true;
  bool own = false;
  bool object = false;
  bool marked = false;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    const std::size_t first = line.find_first_not_of(" \t\r");
    if (first == std::string_view::npos || line[first] == '#') continue;
    marked = marked || line.find("{{") != std::string_view::npos;
    const bool versioned = line.find("apiVersion") != std::string_view::npos;
    own = own || (versioned && line.find("berth.dev/") != std::string_view::npos) ||
          line.starts_with("kind: Scenario") || line.starts_with("kind: Study");
    object = object || versioned || line.starts_with("kind:");
  }
  return !own && (object || marked);
}

}  // namespace berth::manifest
