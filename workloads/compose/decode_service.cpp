// One service: its fields in the order in which docker compose would use them.
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <unordered_map>

#include "workloads/compose/decode.hpp"
#include "workloads/compose/env_file.hpp"
#include "workloads/compose/files.hpp"
#include "workloads/compose/short_syntax.hpp"
#include "workloads/yaml.hpp"

namespace berth::compose {
namespace {

// NAME=value pairs of which a later one replaces an earlier one in its place.
class PairSet {
 public:
  void set(const std::string& name, std::string value) {
    const auto [at, added] = at_.emplace(name, pairs_.size());
    if (added) {
      pairs_.emplace_back(name, std::move(value));
    } else {
      pairs_[at->second].second = std::move(value);
    }
  }
  Pairs take() { return std::move(pairs_); }

 private:
  Pairs pairs_;
  std::unordered_map<std::string, std::size_t> at_;  // Never iterated.
};

void read_env_file(const Value& path, bool required, bool raw, const Environment& environment, PairSet& out) {
  const std::string file = resolve_path(path, path.text());
  std::error_code error;
  if (!std::filesystem::is_regular_file(file, error)) {
    if (required) path.fail(fmt::format("is \"{}\": no such file; expected lines of NAME=value", file));
    return;
  }
  const Lookup lookup = [&environment](const std::string& name) -> std::optional<std::string> {
    const auto at = environment.find(name);
    return at == environment.end() ? std::nullopt : std::optional<std::string>(at->second);
  };
  for (auto& [name, value] : parse_env_file(read_text_file(file), file, lookup, raw)) {
    if (value) out.set(name, std::move(*value));
  }
}

void read_env_files(const Value& value, const Environment& environment, PairSet& pairs) {
  for (const Value& item : value.one_or_more()) {
    if (!item.node().is_map()) {
      read_env_file(item, true, false, environment, pairs);
      continue;
    }
    Fields fields(item);
    const auto path = fields.take("path");
    if (!path) item.fail("has no path; expected an env file");
    bool required = true;
    bool raw = false;
    if (const auto member = fields.take("required")) required = member->boolean();
    if (const auto member = fields.take("format")) raw = member->choice({"raw", "env"}) == 0;
    fields.finish();
    read_env_file(*path, required, raw, environment, pairs);
  }
}

// no, always, unless-stopped, on-failure[:count].
void read_restart(const Value& value, Service& service) {
  const std::string& text = value.scalar();
  const std::size_t colon = text.find(':');
  const std::string name = text.substr(0, colon);
  if (name == "on-failure") {
    service.restart = Restart::kOnFailure;
    if (colon == std::string::npos) return;
    const char* begin = text.data() + colon + 1;
    const char* last = text.data() + text.size();
    const auto [end, error] = std::from_chars(begin, last, service.max_attempts);
    if (error == std::errc() && end == last) return;
    value.fail(fmt::format("is \"{}\"; expected on-failure or on-failure:COUNT", shown(text)));
  }
  const std::vector<std::string> known{"no", "always", "unless-stopped", "on-failure"};
  if (text == "no" || (text == "false" && !value.node().quoted)) {
    service.restart = Restart::kNo;
  } else if (text == "always") {
    service.restart = Restart::kAlways;
  } else if (text == "unless-stopped") {
    service.restart = Restart::kUnlessStopped;
  } else {
    value.fail(fmt::format("is \"{}\"; expected no, always, unless-stopped or on-failure[:COUNT]{}", shown(text),
                           did_you_mean(name, known)));
  }
}

void read_pull_policy(const Value& value, Service& service) {
  const std::string& text = value.text();
  const std::vector<std::string> known{"missing", "always", "never", "build", "daily", "weekly", "if_not_present"};
  service.pull_policy = PullPolicy::kRefresh;
  if (text == "missing" || text == "if_not_present") {
    service.pull_policy = PullPolicy::kMissing;
  } else if (text == "always") {
    service.pull_policy = PullPolicy::kAlways;
  } else if (text == "never") {
    service.pull_policy = PullPolicy::kNever;
  } else if (text == "build") {
    service.pull_policy = PullPolicy::kBuild;
  } else if (text == "daily") {
    service.refresh_every = seconds(86400);
  } else if (text == "weekly") {
    service.refresh_every = seconds(604800);
  } else {
    const std::optional<Duration> every =
        text.starts_with("every_") ? parse_compose_duration(std::string_view(text).substr(6)) : std::nullopt;
    if (!every) {
      value.fail(fmt::format("is \"{}\"; expected missing, always, never, build, daily, weekly or every_DURATION{}",
                             shown(text), did_you_mean(text, known)));
    }
    service.refresh_every = *every;
  }
}

void read_dependencies(const Value& value, Service& service) {
  for (const auto& [name, item] : value.entries()) {
    Dependency& dependency = service.depends_on.emplace_back();
    dependency.service = name;
    dependency.place = item.node().key_place();
    Fields fields(item);
    const auto condition = fields.take("condition");
    if (!condition) {
      item.fail("has no condition; expected service_started, service_healthy or service_completed_successfully");
    }
    dependency.condition = static_cast<Condition>(
        condition->choice({"service_started", "service_healthy", "service_completed_successfully"}));
    if (const auto restart = fields.take("restart")) dependency.restart = restart->boolean();
    if (const auto required = fields.take("required")) dependency.required = required->boolean();
    fields.finish();
  }
}

// A dependency that another field means. compose-go, loader/normalize.go.
void imply(Service& service, const std::string& name, bool restart, const Value& value) {
  for (const Dependency& dependency : service.depends_on) {
    if (dependency.service == name) return;
  }
  if (service.depends_on.size() >= kMaxSection) {
    value.fail(fmt::format("is one dependency too many; expected at most {}", kMaxSection));
  }
  Dependency& dependency = service.depends_on.emplace_back();
  dependency.service = name;
  dependency.restart = restart;
  dependency.declared = false;
  dependency.place = value.node().place();
}

void read_networks(const Value& value, Service& service) {
  for (const auto& [name, item] : value.entries()) {
    Attachment& attachment = service.networks.emplace_back();
    attachment.network = name;
    if (item.node().is_null()) continue;
    Fields fields(item);
    if (const auto aliases = fields.take("aliases")) attachment.aliases = aliases->texts();
    fields.note({"driver_opts", "gw_priority", "interface_name", "ipv4_address", "ipv6_address", "link_local_ips",
                 "mac_address", "priority"});
    fields.finish();
  }
}

}  // namespace

const char* to_string(Condition condition) {
  switch (condition) {
    case Condition::kStarted:
      return "service_started";
    case Condition::kHealthy:
      return "service_healthy";
    case Condition::kCompletedSuccessfully:
      return "service_completed_successfully";
  }
  return "";
}

const char* to_string(Restart restart) {
  switch (restart) {
    case Restart::kNo:
      return "no";
    case Restart::kAlways:
      return "always";
    case Restart::kOnFailure:
      return "on-failure";
    case Restart::kUnlessStopped:
      return "unless-stopped";
  }
  return "";
}

Service decode_service(const Value& value, const ServiceContext& context) {
  Service service;
  service.name = context.name;
  service.place = value.node().key_place();
  const auto named_by = [&service](const Value& mode) {  // "service:NAME".
    const std::string& text = mode.text();
    if (text.starts_with("service:")) imply(service, text.substr(8), true, mode);
    return text;
  };

  Fields fields(value);
  if (const auto image = fields.take("image")) {
    service.image = image->text();
    if (!is_image_reference(service.image)) {
      image->fail(fmt::format("is \"{}\"; expected an image's name, such as \"registry.example/app:1.2\"",
                              shown(service.image)));
    }
  }
  if (const auto build = fields.take("build")) service.build = decode_build(*build);
  if (const auto policy = fields.take("pull_policy")) read_pull_policy(*policy, service);
  if (const auto platform = fields.take("platform")) service.platform = platform->text();
  if (const auto name = fields.take("container_name")) service.container_name = name->text();
  if (const auto command = fields.take("command")) service.command = command->command();
  if (const auto entrypoint = fields.take("entrypoint")) service.entrypoint = entrypoint->command();
  PairSet variables;
  if (const auto files = fields.take("env_file")) read_env_files(*files, context.environment, variables);
  if (const auto environment = fields.take("environment")) {
    for (auto& [name, text] : decode_pairs(*environment, context.environment)) variables.set(name, std::move(text));
  }
  service.environment = variables.take();
  if (const auto ports = fields.take("ports")) service.ports = decode_ports(*ports);
  if (const auto expose = fields.take("expose")) {
    for (const Value& item : expose->list()) {
      const std::string& text = item.scalar();
      if (!parse_port_range(std::string_view(text).substr(0, text.find('/')))) {
        item.fail(fmt::format("is \"{}\"; expected a port or a range of ports", shown(text)));
      }
      service.expose.push_back(text);
    }
  }
  if (const auto volumes = fields.take("volumes")) service.mounts = decode_mounts(*volumes);
  if (const auto tmpfs = fields.take("tmpfs")) {
    for (const Value& item : tmpfs->one_or_more()) {
      Mount& mount = service.mounts.emplace_back();
      mount.type = Mount::Type::kTmpfs;
      mount.target = item.text().substr(0, item.text().find(':'));
    }
  }
  if (const auto depends_on = fields.take("depends_on")) read_dependencies(*depends_on, service);
  if (const auto links = fields.take("links")) {
    for (const Value& item : links->list()) imply(service, item.text().substr(0, item.text().find(':')), true, item);
  }
  if (const auto sources = fields.take("volumes_from")) {
    for (const Value& item : sources->list()) {
      if (item.text().starts_with("container:")) continue;
      imply(service, item.text().substr(0, item.text().find(':')), false, item);
    }
  }
  if (const auto mode = fields.take("network_mode")) service.network_mode = named_by(*mode);
  if (const auto ipc = fields.take("ipc")) named_by(*ipc);
  if (const auto pid = fields.take("pid")) named_by(*pid);
  if (const auto networks = fields.take("networks")) {
    if (!service.network_mode.empty()) {
      networks->fail("and network_mode are both there; expected one of them");
    }
    read_networks(*networks, service);
  }
  if (const auto configs = fields.take("configs")) service.configs = decode_file_references(*configs);
  if (const auto secrets = fields.take("secrets")) service.secrets = decode_file_references(*secrets);
  if (const auto profiles = fields.take("profiles")) service.profiles = profiles->texts();
  if (const auto check = fields.take("healthcheck")) service.healthcheck = decode_healthcheck(*check);
  if (const auto restart = fields.take("restart")) read_restart(*restart, service);
  if (const auto grace = fields.take("stop_grace_period")) service.stop_grace_period = grace->duration();
  if (const auto signal = fields.take("stop_signal")) service.stop_signal = signal->text();
  if (const auto limit = fields.take("mem_limit")) service.memory_limit_bytes = limit->bytes();
  if (const auto reservation = fields.take("mem_reservation")) {
    service.memory_reservation_bytes = reservation->bytes();
  }
  if (const auto cpus = fields.take("cpus")) service.cpus = cpus->number(0, 1e6);
  const auto scale = fields.take("scale");
  if (scale) service.scale = static_cast<std::uint32_t>(scale->integer(0, 1000));
  if (const auto deploy = fields.take("deploy")) {
    const std::uint32_t scaled = service.scale;
    decode_deploy(*deploy, service);
    const bool replicas = deploy->node().find("replicas") != nullptr;
    if (scale && replicas && service.scale != scaled) {
      scale->fail(
          fmt::format("is {} and deploy.replicas is {}; expected one of them, or the same", scaled, service.scale));
    }
  }
  if (const auto labels = fields.take("labels")) service.labels = decode_pairs(*labels, {});

  fields.note(
      {"annotations",      "attach",        "blkio_config", "cap_add",         "cap_drop",       "cgroup",
       "cgroup_parent",    "cpu_count",     "cpu_percent",  "cpu_period",      "cpu_quota",      "cpu_rt_period",
       "cpu_rt_runtime",   "cpu_shares",    "cpuset",       "credential_spec", "develop",        "device_cgroup_rules",
       "devices",          "dns",           "dns_opt",      "dns_search",      "domainname",     "external_links",
       "extra_hosts",      "gpus",          "group_add",    "hostname",        "init",           "isolation",
       "label_file",       "logging",       "mac_address",  "mem_swappiness",  "memswap_limit",  "models",
       "oom_kill_disable", "oom_score_adj", "pids_limit",   "post_start",      "pre_stop",       "privileged",
       "provider",         "read_only",     "runtime",      "security_opt",    "shm_size",       "stdin_open",
       "storage_opt",      "sysctls",       "tty",          "ulimits",         "use_api_socket", "user",
       "userns_mode",      "uts",           "working_dir"});
  fields.finish();
  return service;
}

}  // namespace berth::compose
