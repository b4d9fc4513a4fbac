// From a merged tree to a project: its name, its parts, which services profiles let in, and whether all that they refer
// to is there. Source: compose-go, loader/loader.go, loader/validate.go, graph/cycle.go, types/project.go.
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <set>
#include <unordered_map>

#include "workloads/compose/decode.hpp"
#include "workloads/compose/files.hpp"
#include "workloads/yaml.hpp"

namespace berth::compose {
namespace {

namespace fs = std::filesystem;

// What Compose makes of a folder's name: lower case, [a-z0-9_-], beginning with a letter or digit.
std::string normal_name(const std::string& text) {
  std::string name;
  for (char c : text) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + 32);
    const bool first = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
    if (first || (!name.empty() && (c == '_' || c == '-'))) name += c;
  }
  return name;
}

void check_name(const std::string& name, const std::string& place) {
  if (!name.empty() && normal_name(name) == name) return;
  throw InputError(fmt::format("{} is \"{}\"; expected lower case letters, digits, - and _, a letter or digit first",
                               place, shown(name)));
}

bool good_key(const std::string& key) {
  return !key.empty() && key.size() <= 255 && std::all_of(key.begin(), key.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '_' ||
           c == '-';
  });
}

// The named members of a section, with names that Compose takes.
std::vector<std::pair<std::string, Value>> section(Fields& document, const char* name) {
  const auto value = document.take(name);
  if (!value) return {};
  std::vector<std::pair<std::string, Value>> members = value->entries();
  std::erase_if(members, [](const auto& member) { return member.first.starts_with("x-"); });
  for (const auto& [key, member] : members) {
    if (good_key(key)) continue;
    fail_at(member.node().key_place(), name,
            fmt::format("has the name \"{}\"; expected letters, digits, \".\", \"_\" and \"-\"", shown(key)));
  }
  return members;
}

// external: true, or the older external: {name: …}.
bool read_external(Fields& fields, std::string& name) {
  const auto external = fields.take("external");
  if (!external) return false;
  if (!external->node().is_map()) return external->boolean();
  Fields members(*external);
  if (const auto member = members.take("name")) name = member->text();
  members.finish();
  return true;
}

// Name, driver and external of a network or volume.
template <class Part>
Part read_part(const std::string& key, const Value& value, const std::string& project,
               std::initializer_list<const char*> others) {
  Part part;
  part.key = key;
  part.name = project + "_" + key;
  if (value.node().is_null()) return part;
  Fields fields(value);
  std::string external_name;
  part.external = read_external(fields, external_name);
  if (part.external) part.name = external_name.empty() ? key : external_name;
  if (const auto name = fields.take("name")) part.name = name->text();
  if (const auto driver = fields.take("driver")) part.driver = driver->text();
  if constexpr (requires { part.internal; }) {
    if (const auto internal = fields.take("internal")) part.internal = internal->boolean();
  }
  fields.note(others);
  fields.finish();
  return part;
}

File read_file(const std::string& key, const Value& value, const std::string& project, bool secret) {
  File file;
  file.key = key;
  file.name = project + "_" + key;
  Fields fields(value);
  std::string external_name;
  file.external = read_external(fields, external_name);
  if (file.external) file.name = external_name.empty() ? key : external_name;
  if (const auto name = fields.take("name")) file.name = name->text();
  int sources = file.external ? 1 : 0;
  if (const auto path = fields.take("file")) {
    file.file = resolve_path(*path, path->text());
    ++sources;
  }
  if (const auto variable = fields.take("environment")) {
    file.environment = variable->text();
    ++sources;
  }
  if (!secret) {
    if (const auto content = fields.take("content")) {
      file.content = content->scalar();
      ++sources;
    }
  }
  if (secret) {
    fields.note({"labels", "driver", "driver_opts", "template_driver"});
  } else {
    fields.note({"labels", "template_driver"});
  }
  fields.finish();
  if (sources != 1) {
    value.fail(fmt::format("has {} sources; expected one of file, environment{} and external", sources,
                           secret ? "" : ", content"));
  }
  return file;
}

template <class Parts>
std::set<std::string> keys_of(const Parts& parts) {
  std::set<std::string> keys;
  for (const auto& part : parts) keys.insert(part.key);
  return keys;
}

class Loader {
 public:
  explicit Loader(const LoadOptions& options) : options_(options) {}

  Project load() {
    if (options_.files.empty()) throw InputError("no Compose file; expected at least one");
    project_.folder = options_.project_folder.empty() ? fs::path(options_.files.front()).parent_path()
                                                      : fs::path(options_.project_folder);
    for (const auto& [name, value] : options_.environment) environment_[name] = value;
    std::vector<fs::path> env_files(options_.env_files.begin(), options_.env_files.end());
    const bool named = !env_files.empty();
    if (!named) env_files.push_back(project_.folder / ".env");
    environment_ = with_env_files(environment_, env_files, named);

    FilesResult files = read_files(options_.files, project_.folder, environment_, reading_.notes);
    project_.files = std::move(files.files);
    if (!files.root.is_map()) {
      throw InputError(options_.files.front() + ": nothing in it; expected a Compose file with services");
    }
    refuse_version_1(files.root);
    decode(files.root);
    apply_profiles();
    check_references();
    check_cycles();
    check_scale();
    project_.notes = reading_.notes.lines();
    project_.fields_modelled = reading_.modelled;
    project_.fields_noted = reading_.noted;
    return std::move(project_);
  }

 private:
  // Before Compose had a top level, a file was the services themselves.
  static void refuse_version_1(const Node& root) {
    for (const char* key : {"services", "include", "networks", "volumes", "configs", "secrets", "name", "version"}) {
      if (root.find(key) != nullptr) return;
    }
    for (std::size_t i = 0; i < root.items.size(); ++i) {
      const Node& item = root.items[i];
      if (item.find("image") == nullptr && item.find("build") == nullptr) continue;
      fail_at(item.key_place(), "the document",
              fmt::format("has the service \"{}\" at the top level, which is Compose's version 1; expected it below "
                          "services:",
                          shown(root.keys[i])));
    }
  }

  void decode(const Node& root) {
    const Value document(root, "", "", reading_);
    Fields fields(document);
    if (const auto name = fields.take("name")) {
      check_name(name->text(), name->where());
      project_.name = name->text();
    }
    if (!options_.project_name.empty()) {
      check_name(options_.project_name, "the project's name");
      project_.name = options_.project_name;
    } else if (const auto name = environment_.find("COMPOSE_PROJECT_NAME");
               name != environment_.end() && !name->second.empty()) {
      check_name(name->second, "COMPOSE_PROJECT_NAME");
      project_.name = name->second;
    }
    if (project_.name.empty()) {
      project_.name = normal_name(fs::absolute(project_.folder / ".").lexically_normal().parent_path().filename());
    }
    if (project_.name.empty()) project_.name = "default";
    if (const Node* version = root.find("version")) {
      reading_.notes.add("version is ignored: Compose has but one", version->key_place());
    }

    for (const auto& [key, value] : section(fields, "networks")) {
      project_.networks.push_back(read_part<Network>(
          key, value, project_.name, {"attachable", "driver_opts", "enable_ipv4", "enable_ipv6", "ipam", "labels"}));
    }
    for (const auto& [key, value] : section(fields, "volumes")) {
      project_.volumes.push_back(read_part<Volume>(key, value, project_.name, {"driver_opts", "labels"}));
    }
    for (const auto& [key, value] : section(fields, "configs")) {
      project_.configs.push_back(read_file(key, value, project_.name, false));
    }
    for (const auto& [key, value] : section(fields, "secrets")) {
      project_.secrets.push_back(read_file(key, value, project_.name, true));
    }
    const std::vector<std::pair<std::string, Value>> services = section(fields, "services");
    fields.take("version");
    fields.note({"models"});
    fields.finish();

    for (const auto& [name, value] : services) {
      project_.services.push_back(decode_service(value, {environment_, name}));
    }
    // What a service does unless a label says otherwise depends on whether others wait for its end.
    std::unordered_map<std::string, Service*> by_name;  // Never iterated.
    for (Service& service : project_.services) by_name[service.name] = &service;
    for (const Service& service : project_.services) {
      for (const Dependency& dependency : service.depends_on) {
        if (dependency.condition != Condition::kCompletedSuccessfully) continue;
        if (const auto at = by_name.find(dependency.service); at != by_name.end()) at->second->task = true;
      }
    }
    for (std::size_t i = 0; i < services.size(); ++i) {
      const Node* labels = services[i].second.node().find("labels");
      if (labels == nullptr || !labels->is_map()) {
        decode_behavior(nullptr, project_.services[i]);
      } else {
        const Value value = services[i].second.member(*labels, "labels", false);
        decode_behavior(&value, project_.services[i]);
      }
    }
  }

  void apply_profiles() {
    std::set<std::string> active(options_.profiles.begin(), options_.profiles.end());
    if (const auto set = environment_.find("COMPOSE_PROFILES");
        set != environment_.end() && options_.profiles.empty()) {
      std::string_view rest = set->second;
      while (!rest.empty()) {
        const std::size_t comma = rest.find(',');
        std::string_view one = rest.substr(0, comma);
        while (one.starts_with(' ')) one.remove_prefix(1);
        while (one.ends_with(' ')) one.remove_suffix(1);
        if (!one.empty()) active.emplace(one);
        rest.remove_prefix(comma == std::string_view::npos ? rest.size() : comma + 1);
      }
    }
    std::unordered_map<std::string, std::size_t> by_name;  // Never iterated.
    std::vector<std::string> names;
    for (std::size_t i = 0; i < project_.services.size(); ++i) {
      names.push_back(project_.services[i].name);
      by_name[names.back()] = i;
    }
    std::vector<bool> enabled(project_.services.size());
    for (std::size_t i = 0; i < enabled.size(); ++i) {
      const std::vector<std::string>& own = project_.services[i].profiles;
      enabled[i] = own.empty() || active.contains("*") ||
                   std::any_of(own.begin(), own.end(), [&](const std::string& p) { return active.contains(p); });
    }
    std::vector<bool> wanted(enabled.size(), options_.services.empty());
    std::vector<std::size_t> open;
    for (const std::string& name : options_.services) {
      const auto at = by_name.find(name);
      if (at == by_name.end()) {
        throw InputError(fmt::format("{}: no service \"{}\"; expected one of {}{}", options_.files.front(), shown(name),
                                     fmt::join(names, ", "), did_you_mean(name, names)));
      }
      enabled[at->second] = wanted[at->second] = true;  // To be named is to be let in, whatever the profile.
      open.push_back(at->second);
    }
    while (!open.empty()) {
      const std::size_t i = open.back();
      open.pop_back();
      for (const Dependency& dependency : project_.services[i].depends_on) {
        const auto at = by_name.find(dependency.service);
        if (at == by_name.end() || wanted[at->second]) continue;
        wanted[at->second] = true;
        open.push_back(at->second);
      }
    }

    std::vector<Service> kept;
    std::vector<std::size_t> place_of(enabled.size(), kNowhere);
    for (std::size_t i = 0; i < enabled.size(); ++i) {
      if (enabled[i] && wanted[i]) {
        place_of[i] = kept.size();
        kept.push_back(std::move(project_.services[i]));
      } else if (!enabled[i]) {
        project_.disabled.push_back({names[i], project_.services[i].profiles});
      }
    }
    project_.services = std::move(kept);
    for (Service& service : project_.services) {
      std::vector<Dependency> there;
      for (Dependency& dependency : service.depends_on) {
        const auto at = by_name.find(dependency.service);
        if (at == by_name.end()) {
          if (!dependency.required) {
            reading_.notes.add(fmt::format("services.{} can do without \"{}\", which is no service", service.name,
                                           shown(dependency.service)),
                               dependency.place);
            continue;
          }
          fail_at(dependency.place,
                  fmt::format("services.{}{}", service.name, dependency.declared ? ".depends_on" : ""),
                  fmt::format("needs the service \"{}\", which is not there; expected one of services{}",
                              shown(dependency.service), did_you_mean(dependency.service, names)));
        }
        if (place_of[at->second] == kNowhere) {
          if (!dependency.required) continue;
          const auto disabled = std::find_if(project_.disabled.begin(), project_.disabled.end(),
                                             [&](const DisabledService& d) { return d.name == dependency.service; });
          fail_at(
              dependency.place, "services." + service.name + ".depends_on",
              fmt::format(
                  "needs the service \"{}\", which its profiles leave out; expected one of the profiles {}",
                  dependency.service,
                  disabled == project_.disabled.end() ? "" : fmt::format("{}", fmt::join(disabled->profiles, ", "))));
        }
        dependency.index = place_of[at->second];
        there.push_back(std::move(dependency));
      }
      service.depends_on = std::move(there);
    }
  }

  void check_references() {
    const std::set<std::string> networks = keys_of(project_.networks);
    const std::set<std::string> volumes = keys_of(project_.volumes);
    const std::set<std::string> configs = keys_of(project_.configs);
    const std::set<std::string> secrets = keys_of(project_.secrets);
    const auto undefined = [](const Service& service, const char* kind, const std::string& name,
                              const std::set<std::string>& known) {
      const std::vector<std::string> keys(known.begin(), known.end());
      fail_at(service.place, "services." + service.name,
              fmt::format("refers to the {} \"{}\", which is not there; expected it below {}s:{}", kind, shown(name),
                          kind, did_you_mean(name, keys)));
    };
    bool needs_default = false;
    std::unordered_map<std::string, const Service*> container_names;  // Never iterated.
    for (Service& service : project_.services) {
      if (service.image.empty() && !service.build) {
        fail_at(service.place, "services." + service.name, "has neither an image nor a build; expected one of them");
      }
      if (service.network_mode.empty() && service.networks.empty()) service.networks.push_back({"default", {}});
      for (const Attachment& attachment : service.networks) {
        if (attachment.network == "default") {
          needs_default = true;
        } else if (!networks.contains(attachment.network)) {
          undefined(service, "network", attachment.network, networks);
        }
      }
      for (const Mount& mount : service.mounts) {
        if (mount.type != Mount::Type::kVolume || mount.source.empty()) continue;
        if (!volumes.contains(mount.source)) undefined(service, "volume", mount.source, volumes);
      }
      for (const FileReference& config : service.configs) {
        if (!configs.contains(config.source)) undefined(service, "config", config.source, configs);
      }
      for (const FileReference& secret : service.secrets) {
        if (!secrets.contains(secret.source)) undefined(service, "secret", secret.source, secrets);
      }
      if (service.container_name.empty()) continue;
      const auto [other, added] = container_names.emplace(service.container_name, &service);
      if (!added) {
        fail_at(service.place, "services." + service.name,
                fmt::format("has the container_name \"{}\", which services.{} has too; expected a name of its own",
                            shown(service.container_name), other->second->name));
      }
    }
    if (needs_default && !networks.contains("default")) {
      project_.networks.push_back({"default", project_.name + "_default", "", false, false});
    }
  }

  void check_cycles() const {
    enum class Mark : std::uint8_t { kNew, kOpen, kDone };
    std::vector<Mark> marks(project_.services.size(), Mark::kNew);
    struct Step {
      std::size_t service;
      std::size_t next = 0;
    };
    for (std::size_t first = 0; first < marks.size(); ++first) {
      if (marks[first] != Mark::kNew) continue;
      std::vector<Step> way{{first}};
      marks[first] = Mark::kOpen;
      while (!way.empty()) {
        Step& step = way.back();
        const Service& service = project_.services[step.service];
        if (step.next == service.depends_on.size()) {
          marks[step.service] = Mark::kDone;
          way.pop_back();
          continue;
        }
        const Dependency& dependency = service.depends_on[step.next++];
        if (marks[dependency.index] == Mark::kDone) continue;
        if (marks[dependency.index] == Mark::kOpen) {
          std::string circle;
          bool in = false;
          for (const Step& s : way) {
            in = in || s.service == dependency.index;
            if (in) circle += project_.services[s.service].name + " -> ";
          }
          fail_at(dependency.place, fmt::format("services.{}.depends_on", service.name),
                  fmt::format("goes in a circle: {}{}; expected services that do not wait for each other", circle,
                              dependency.service));
        }
        marks[dependency.index] = Mark::kOpen;
        way.push_back({dependency.index});
      }
    }
  }

  void check_scale() {
    std::vector<std::string> names;
    for (const Service& service : project_.services) names.push_back(service.name);
    for (const auto& [name, count] : options_.scale) {
      const auto at = std::find(names.begin(), names.end(), name);
      if (at == names.end()) {
        throw InputError(fmt::format("--scale {}={}: no such service; expected one of {}{}", shown(name), shown(count),
                                     fmt::join(names, ", "), did_you_mean(name, names)));
      }
      std::uint32_t number = 0;
      const auto [end, error] = std::from_chars(count.data(), count.data() + count.size(), number);
      if (error != std::errc() || end != count.data() + count.size() || number > 1000) {
        throw InputError(fmt::format("--scale {}={}: no number of containers; expected 0 to 1000", name, shown(count)));
      }
      project_.services[static_cast<std::size_t>(at - names.begin())].scale = number;
    }
    for (const Service& service : project_.services) {
      if (service.scale <= 1 || service.container_name.empty()) continue;
      fail_at(service.place, "services." + service.name,
              fmt::format("has {} containers and the container_name \"{}\"; expected one container, or no such name",
                          service.scale, shown(service.container_name)));
    }
  }

  static constexpr std::size_t kNowhere = ~std::size_t{0};
  const LoadOptions& options_;
  Environment environment_;
  Reading reading_;
  Project project_;
};

}  // namespace

const Service* Project::find(const std::string& service) const {
  for (const Service& s : services) {
    if (s.name == service) return &s;
  }
  return nullptr;
}

Project load_project(const LoadOptions& options) {
  return Loader(options).load();
}

}  // namespace berth::compose
