#include "workloads/compose/files.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

#include "workloads/compose/env_file.hpp"
#include "workloads/compose/merge.hpp"
#include "workloads/yaml.hpp"

namespace berth::compose {
namespace {

namespace fs = std::filesystem;

std::size_t count_nodes(const Node& node) {
  std::size_t n = 1;
  for (const Node& item : node.items) n += count_nodes(item);
  return n;
}

std::string chain(const std::vector<std::string>& names, const std::string& again) {
  std::string text;
  const auto first = std::find(names.begin(), names.end(), again);
  for (auto it = first; it != names.end(); ++it) text += *it + " -> ";
  return text + again;
}

const std::string& scalar(const Node& node, const std::string& path, const char* expected) {
  if (!node.is_scalar() || node.text.empty())
    fail_at(node.place(), path, fmt::format("is empty or no text; expected {}", expected));
  return node.text;
}

// Of a string or a list of strings.
std::vector<const Node*> one_or_more(const Node& node, const std::string& path, const char* expected) {
  std::vector<const Node*> found;
  if (node.is_list()) {
    for (const Node& item : node.items) found.push_back(&item);
  } else {
    found.push_back(&node);
  }
  for (const Node* item : found) scalar(*item, path, expected);
  if (found.empty()) fail_at(node.place(), path, fmt::format("is empty; expected {}", expected));
  return found;
}

class Reader {
 public:
  explicit Reader(Notes& notes) : notes_(notes) {}

  // The project's own files, which none of those that they include may include again.
  Node read_project(const std::vector<std::string>& files, const fs::path& folder, const Environment& environment) {
    for (const std::string& file : files) including_.push_back(fs::path(file).lexically_normal().string());
    return read(files, folder, environment);
  }
  std::vector<std::string> take_files() { return std::move(files_); }

 private:
  // Several files upon each other, each with what it includes and extends.
  Node read(const std::vector<std::string>& files, const fs::path& folder, const Environment& environment) {
    Node merged;
    for (const std::string& file : files) {
      for (Node& document : documents(file, folder, environment)) {
        include(document, environment);
        extend_all(document, environment);
        canonicalize(document);
        charge(document);
        if (merged.is_null()) {
          merged = std::move(document);
        } else {
          merge_documents(merged, std::move(document));
        }
      }
    }
    drop_reset(merged);
    return merged;
  }

  void charge(const Node& node) {
    nodes_ += count_nodes(node);
    if (nodes_ > kMaxMergedNodes) {
      fail_at(node.place(), "",
              fmt::format("too much in one project; expected at most {} values, bases written out", kMaxMergedNodes));
    }
  }

  // A file's documents with variables put in.
  std::vector<Node> documents(const std::string& file, const fs::path& folder, const Environment& environment) {
    if (files_.size() >= kMaxFiles) {
      throw InputError(fmt::format("{}: more than {} files in one project; expected fewer", file, kMaxFiles));
    }
    files_.push_back(file);
    std::error_code error;
    if (fs::is_directory(file, error)) throw InputError(file + ": a folder; expected a Compose file");
    auto source = std::make_shared<Source>();
    source->name = file;
    source->folder = folder;
    std::vector<Node> found = parse_tree(read_text_file(file), source);
    for (Node& document : found) {
      if (!document.is_map()) {
        fail_at(document.place(), "the document", "is no map; expected a Compose file with services");
      }
      for (const char* section : {"services", "networks", "volumes", "configs", "secrets"}) {
        const Node* all = document.find(section);
        if (all == nullptr || all->items.size() <= kMaxSection) continue;
        fail_at(all->place(), section, fmt::format("are {}; expected at most {}", all->items.size(), kMaxSection));
      }
      put_in(document, environment, "");
    }
    return found;
  }

  void put_in(Node& node, const Environment& environment, const std::string& path) {
    if (node.is_scalar()) {
      if (node.text.find('$') == std::string::npos) return;
      const Lookup lookup = [&environment](const std::string& name) -> std::optional<std::string> {
        const auto at = environment.find(name);
        return at == environment.end() ? std::nullopt : std::optional<std::string>(at->second);
      };
      const Place place = node.place();
      const Unset unset = [&](const std::string& name) {
        notes_.add(fmt::format("variable {} is not set; an empty text stands for it", name), place);
      };
      node.text = interpolate(node.text, lookup, unset, fmt::format("{}: {}", to_string(place), path));
      return;
    }
    for (std::size_t i = 0; i < node.items.size(); ++i) {
      const std::string below = node.is_list() ? fmt::format("{}[{}]", path, i)
                                : path.empty() ? node.keys[i]
                                               : fmt::format("{}.{}", path, node.keys[i]);
      put_in(node.items[i], environment, below);
    }
  }

  void include(Node& document, const Environment& environment) {
    Node* includes = document.find("include");
    if (includes == nullptr) return;
    if (!includes->is_list()) fail_at(includes->place(), "include", "is no list; expected a list of files");
    const Node list = std::move(*includes);
    document.erase("include");
    for (std::size_t i = 0; i < list.items.size(); ++i) include_one(document, list.items[i], i, environment);
  }

  void include_one(Node& document, const Node& item, std::size_t number, const Environment& environment) {
    const std::string path = fmt::format("include[{}]", number);
    const fs::path base = item.source->folder;
    std::vector<std::string> files;
    fs::path folder;
    std::vector<fs::path> env_files;
    if (item.is_map()) {
      for (std::size_t k = 0; k < item.keys.size(); ++k) {
        if (item.keys[k] == "path" || item.keys[k] == "project_directory" || item.keys[k] == "env_file") continue;
        fail_at(
            item.items[k].key_place(), path,
            fmt::format("has a field \"{}\"; expected path, project_directory or env_file{}", shown(item.keys[k]),
                        did_you_mean(item.keys[k], std::vector<std::string>{"path", "project_directory", "env_file"})));
      }
      const Node* paths = item.find("path");
      if (paths == nullptr) fail_at(item.place(), path, "has no path; expected the file to include");
      for (const Node* file : one_or_more(*paths, path + ".path", "a file"))
        files.push_back((base / file->text).string());
      if (const Node* given = item.find("project_directory")) {
        folder = base / scalar(*given, path + ".project_directory", "a folder");
      }
      if (const Node* given = item.find("env_file")) {
        for (const Node* file : one_or_more(*given, path + ".env_file", "a file"))
          env_files.push_back(base / file->text);
      }
    } else {
      files.push_back((base / scalar(item, path, "a file")).string());
    }
    for (std::string& file : files) {
      file = fs::path(file).lexically_normal().string();
      if (std::find(including_.begin(), including_.end(), file) != including_.end()) {
        fail_at(item.place(), path,
                fmt::format("goes in a circle: {}; expected files that do not include each other",
                            chain(including_, file)));
      }
      std::error_code error;
      if (!fs::exists(file, error))
        fail_at(item.place(), path, fmt::format("is \"{}\": no such file; expected a Compose file", file));
    }
    if (folder.empty()) folder = fs::path(files.front()).parent_path();
    const bool named = !env_files.empty();
    if (!named) env_files.push_back(folder / ".env");
    const Environment own = with_env_files(environment, env_files, named);  // The including project's count first.

    const std::size_t depth = including_.size();
    if (depth >= kMaxFiles)
      fail_at(item.place(), path, fmt::format("is included too deep; expected at most {} files", kMaxFiles));
    including_.insert(including_.end(), files.begin(), files.end());
    Node included = read(files, folder, own);
    including_.resize(depth);
    if (included.is_map()) take_in(document, std::move(included), path, item);
  }

  // An included project's services, networks … go beside those of the file itself.
  static void take_in(Node& document, Node included, const std::string& path, const Node& item) {
    for (std::size_t s = 0; s < included.keys.size(); ++s) {
      const std::string& section = included.keys[s];
      if (section == "name" || section == "version" || section.starts_with("x-")) continue;
      Node* own = document.find(section);
      if (own == nullptr || own->is_null()) {
        if (own != nullptr) document.erase(section);
        document.put(section, std::move(included.items[s]));
        continue;
      }
      Node& theirs = included.items[s];
      if (!own->is_map() || !theirs.is_map()) continue;  // Said when it is read.
      for (std::size_t i = 0; i < theirs.keys.size(); ++i) {
        const Node* known = own->find(theirs.keys[i]);
        if (known == nullptr) {
          own->put(theirs.keys[i], std::move(theirs.items[i]));
        } else {
          Node written_out = *known;
          if (section == "services") {
            Node whole = document.sibling(Node::Kind::kMap);
            Node services = document.sibling(Node::Kind::kMap);
            services.put(theirs.keys[i], std::move(written_out));
            whole.put("services", std::move(services));
            canonicalize(whole);
            written_out = std::move(whole.items[0].items[0]);
          }
          if (same_content(written_out, theirs.items[i])) continue;
          fail_at(item.place(), path,
                  fmt::format("brings {}.{}, which stands at {} too; expected a name of its own", section,
                              theirs.keys[i], to_string(known->place())));
        }
      }
    }
  }

  void extend_all(Node& document, const Environment& environment) {
    Node* services = document.find("services");
    if (services == nullptr || !services->is_map()) return;
    std::set<std::string> done;
    for (std::size_t i = 0; i < services->keys.size(); ++i) {
      std::vector<std::string> way;
      extend(*services, services->keys[i], environment, done, way);
    }
  }

  // Puts the service's bases below it, in place.
  void extend(Node& services, const std::string& name, const Environment& environment, std::set<std::string>& done,
              std::vector<std::string>& way) {
    if (done.contains(name)) return;
    Node* service = services.find(name);
    Node* extends = service->is_map() ? service->find("extends") : nullptr;
    if (extends == nullptr) {
      done.insert(name);
      return;
    }
    const std::string path = fmt::format("services.{}.extends", name);
    const Node what = std::move(*extends);
    service->erase("extends");
    std::string base_name;
    std::string base_file;
    if (what.is_map()) {
      for (std::size_t k = 0; k < what.keys.size(); ++k) {
        if (what.keys[k] == "service") {
          base_name = scalar(what.items[k], path + ".service", "a service's name");
        } else if (what.keys[k] == "file") {
          base_file = scalar(what.items[k], path + ".file", "a file");
        } else {
          fail_at(what.items[k].key_place(), path,
                  fmt::format("has a field \"{}\"; expected service or file{}", shown(what.keys[k]),
                              did_you_mean(what.keys[k], std::vector<std::string>{"service", "file"})));
        }
      }
      if (base_name.empty()) fail_at(what.place(), path, "names no service; expected service: NAME");
    } else {
      base_name = scalar(what, path, "a service's name, or service: and file:");
    }
    const std::string here = way_name(what.source->name, name);
    const fs::path other = base_file.empty() ? fs::path() : (what.source->folder / base_file).lexically_normal();
    const std::string target = way_name(base_file.empty() ? what.source->name : other.string(), base_name);
    way.push_back(here);
    const auto again = std::find(way.begin(), way.end(), target);
    if (again != way.end()) {
      // Files are named only where there is more than one of them.
      const auto file_of = [](const std::string& w) { return w.substr(0, w.find('\n')); };
      bool one_file = true;
      for (auto it = again; it != way.end(); ++it) one_file = one_file && file_of(*it) == file_of(target);
      std::string circle;
      for (auto it = again; it != way.end(); ++it) circle += display(*it, one_file) + " -> ";
      fail_at(what.place(), path,
              fmt::format("goes in a circle: {}; expected a base that does not extend it",
                          circle + display(target, one_file)));
    }
    if (way.size() > 100) fail_at(what.place(), path, "goes too deep; expected at most 100 bases");

    Node base;
    if (base_file.empty()) {
      if (services.find(base_name) == nullptr) missing(services, what, path, base_name, {});
      extend(services, base_name, environment, done, way);
      base = *services.find(base_name);
    } else {
      base = from_file(other, base_name, environment, way, what, path);
    }
    way.pop_back();
    canonical(base, base_name);
    service = services.find(name);
    canonical(*service, name);
    charge(base);
    if (!base.is_map() || !service->is_map()) return;
    Node own = std::move(*service);
    Node merged = std::move(base);
    merged.line = own.line;
    merged.column = own.column;
    merged.key_line = own.key_line;
    merged.key_column = own.key_column;
    merged.source = own.source;
    merge_service(merged, std::move(own), "services." + name);
    *service = std::move(merged);
    done.insert(name);
  }

  Node from_file(const fs::path& file, const std::string& name, const Environment& environment,
                 std::vector<std::string>& way, const Node& what, const std::string& path) {
    std::error_code error;
    if (!fs::exists(file, error)) {
      fail_at(what.place(), path, fmt::format("is in \"{}\": no such file; expected a Compose file", file.string()));
    }
    auto read_before = extended_.find(file.string());
    if (read_before == extended_.end()) {
      Node all;
      for (Node& document : documents(file.string(), file.parent_path(), environment)) {
        canonicalize(document);
        if (all.is_null()) {
          all = std::move(document);
        } else {
          merge_documents(all, std::move(document));
        }
      }
      read_before = extended_.emplace(file.string(), std::move(all)).first;
    }
    Node* found = read_before->second.find("services");
    if (found == nullptr || !found->is_map() || found->find(name) == nullptr) {
      missing(found == nullptr ? Node() : *found, what, path, name, file.string());
    }
    Node services = *found;  // Its bases are taken in anew each time: the way there differs.
    charge(services);
    std::set<std::string> done;
    extend(services, name, environment, done, way);
    return std::move(*services.find(name));
  }

  [[noreturn]] static void missing(const Node& services, const Node& what, const std::string& path,
                                   const std::string& name, const std::string& file) {
    const Node* place = what.find("service");
    fail_at(place == nullptr ? what.place() : place->place(), path,
            fmt::format("names the service \"{}\", which is not {}; expected one of its services{}", shown(name),
                        file.empty() ? "in this file" : "in " + file, did_you_mean(name, services.keys)));
  }
  static void canonical(Node& service, const std::string& name) {
    Node document = service.sibling(Node::Kind::kMap);
    Node services = service.sibling(Node::Kind::kMap);
    services.put(name, std::move(service));
    document.put("services", std::move(services));
    canonicalize(document);
    service = std::move(document.items[0].items[0]);
  }
  static std::string way_name(const std::string& file, const std::string& service) { return file + '\n' + service; }
  static std::string display(const std::string& way, bool one_file) {
    const std::size_t line = way.find('\n');
    return one_file ? way.substr(line + 1) : fmt::format("{} in {}", way.substr(line + 1), way.substr(0, line));
  }

  Notes& notes_;
  std::vector<std::string> files_;
  std::vector<std::string> including_;
  std::map<std::string, Node> extended_;  // Files that services extend, by path.
  std::size_t nodes_ = 0;
};

}  // namespace

FilesResult read_files(const std::vector<std::string>& files, const fs::path& folder, const Environment& environment,
                       Notes& notes) {
  Reader reader(notes);
  FilesResult result;
  result.root = reader.read_project(files, folder, environment);
  result.files = reader.take_files();
  return result;
}

Environment with_env_files(const Environment& outer, const std::vector<fs::path>& files, bool required) {
  Environment found;
  const Lookup lookup = [&outer](const std::string& name) -> std::optional<std::string> {
    const auto at = outer.find(name);
    return at == outer.end() ? std::nullopt : std::optional<std::string>(at->second);
  };
  for (const fs::path& file : files) {
    std::error_code error;
    if (!fs::is_regular_file(file, error)) {
      if (required) throw InputError(file.string() + ": no such env file; expected lines of NAME=value");
      continue;
    }
    for (auto& [name, value] : parse_env_file(read_text_file(file), file.string(), lookup, false, found)) {
      if (value) found.insert_or_assign(std::move(name), std::move(*value));
    }
  }
  for (const auto& [name, value] : outer) found.insert_or_assign(name, value);
  return found;
}

}  // namespace berth::compose
