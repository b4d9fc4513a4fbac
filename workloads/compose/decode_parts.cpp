// Parts of a service: ports, mounts, build, healthcheck, deploy.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <filesystem>

#include "workloads/compose/decode.hpp"
#include "workloads/compose/short_syntax.hpp"

namespace berth::compose {
namespace {

namespace fs = std::filesystem;

// Several ports of the container: one Port each. One port with a range of the host: that many to choose from.
void add_ports(std::vector<Port>& ports, const ShortPort& range, const Place& place) {
  const std::size_t count = range.target.size();
  for (std::size_t i = 0; i < count; ++i) {
    Port port;
    port.host_ip = range.host_ip;
    port.target = static_cast<std::uint16_t>(range.target.first + i);
    port.protocol = range.protocol;
    port.place = place;
    if (range.published) {
      port.first_published = static_cast<std::uint16_t>(range.published->first + (count > 1 ? i : 0));
      port.last_published = count > 1 ? port.first_published : range.published->last;
    }
    ports.push_back(std::move(port));
  }
}

bool is_url(const std::string& text) {
  return text.find("://") != std::string::npos || text.starts_with("git@") || text.starts_with("github.com/");
}

void decode_resources(const Value& value, Service& service) {
  Fields resources(value);
  if (const auto limits = resources.take("limits")) {
    Fields fields(*limits);
    if (const auto memory = fields.take("memory")) {
      const std::int64_t bytes = memory->bytes();
      if (service.memory_limit_bytes.value_or(bytes) != bytes) {
        memory->fail(fmt::format("is {} bytes and mem_limit is {}; expected one of them, or the same", bytes,
                                 *service.memory_limit_bytes));
      }
      service.memory_limit_bytes = bytes;
    }
    if (const auto cpus = fields.take("cpus")) {
      const double number = cpus->number(0, 1e6);
      if (std::abs(service.cpus.value_or(number) - number) > 1e-9) {
        cpus->fail(fmt::format("is {} and services.{}.cpus is {}; expected one of them, or the same", number,
                               service.name, *service.cpus));
      }
      service.cpus = number;
    }
    fields.note({"pids"});
    fields.finish();
  }
  if (const auto reservations = resources.take("reservations")) {
    Fields fields(*reservations);
    if (const auto memory = fields.take("memory")) service.memory_reservation_bytes = memory->bytes();
    fields.note({"cpus", "pids", "devices", "generic_resources"});
    fields.finish();
  }
  resources.finish();
}

}  // namespace

std::string resolve_path(const Value& value, const std::string& path) {
  if (path == "~" || path.starts_with("~/")) return "/root" + path.substr(1);  // The folder itself plays no part.
  return fs::absolute(value.node().source->folder / path).lexically_normal().string();
}

Pairs decode_pairs(const Value& value, const Environment& environment) {
  Pairs pairs;
  for (const auto& [name, item] : value.entries()) {
    if (item.node().is_null()) {
      if (const auto at = environment.find(name); at != environment.end()) pairs.emplace_back(name, at->second);
    } else if (item.node().is_scalar()) {
      pairs.emplace_back(name, item.node().text);
    } else {
      item.fail("is no single value; expected a text, a number, true or false");
    }
  }
  return pairs;
}

std::vector<Port> decode_ports(const Value& value) {
  std::vector<Port> ports;
  for (const Value& item : value.list()) {
    const Place place = item.node().place();
    if (!item.node().is_map()) {
      std::string error;
      const std::optional<ShortPort> port = parse_short_port(item.scalar(), error);
      if (!port) item.fail(fmt::format("is \"{}\" and {}", shown(item.scalar()), error));
      add_ports(ports, *port, place);
      continue;
    }
    Fields fields(item);
    ShortPort port;
    const auto target = fields.take("target");
    if (!target) item.fail("has no target; expected the container's port");
    const auto target_port = static_cast<std::uint16_t>(target->integer(1, 65535));
    port.target = {target_port, target_port};
    if (const auto published = fields.take("published")) {
      port.published = parse_port_range(published->scalar());
      if (!port.published) {
        published->fail(fmt::format("is \"{}\"; expected a port or a range of ports", shown(published->scalar())));
      }
    }
    if (const auto ip = fields.take("host_ip")) port.host_ip = ip->text();
    if (const auto protocol = fields.take("protocol")) {
      protocol->choice({"tcp", "udp", "sctp"});
      port.protocol = protocol->scalar();
    }
    fields.note({"mode", "name", "app_protocol"});
    fields.finish();
    add_ports(ports, port, place);
  }
  return ports;
}

std::vector<Mount> decode_mounts(const Value& value) {
  std::vector<Mount> mounts;
  for (const Value& item : value.list()) {
    Mount& mount = mounts.emplace_back();
    if (!item.node().is_map()) {
      std::string error;
      const std::optional<ShortMount> parsed = parse_short_mount(item.text(), error);
      if (!parsed) item.fail(fmt::format("is \"{}\" and {}", shown(item.text()), error));
      mount.type = parsed->is_path ? Mount::Type::kBind : Mount::Type::kVolume;
      mount.source = parsed->is_path ? resolve_path(item, parsed->source) : parsed->source;
      mount.target = parsed->target;
      mount.read_only = parsed->read_only;
      continue;
    }
    Fields fields(item);
    const auto type = fields.take("type");
    if (!type) item.fail("has no type; expected type: volume, bind, tmpfs or image");
    mount.type = static_cast<Mount::Type>(type->choice({"volume", "bind", "tmpfs", "image", "npipe", "cluster"}));
    if (const auto source = fields.take("source")) {
      mount.source = mount.type == Mount::Type::kBind ? resolve_path(*source, source->text()) : source->text();
    } else if (mount.type == Mount::Type::kBind || mount.type == Mount::Type::kImage) {
      item.fail("has no source; expected what is mounted");
    }
    if (const auto target = fields.take("target")) {
      mount.target = target->text();
    } else {
      item.fail("has no target; expected a path in the container");
    }
    if (const auto read_only = fields.take("read_only")) mount.read_only = read_only->boolean();
    fields.note({"bind", "volume", "tmpfs", "image", "consistency"});
    fields.finish();
  }
  return mounts;
}

std::vector<FileReference> decode_file_references(const Value& value) {
  std::vector<FileReference> references;
  for (const Value& item : value.list()) {
    FileReference& reference = references.emplace_back();
    if (!item.node().is_map()) {
      reference.source = reference.target = item.text();
      continue;
    }
    Fields fields(item);
    const auto source = fields.take("source");
    if (!source) item.fail("has no source; expected the name of a config or secret");
    reference.source = reference.target = source->text();
    if (const auto target = fields.take("target")) reference.target = target->text();
    fields.note({"uid", "gid", "mode"});
    fields.finish();
  }
  return references;
}

Build decode_build(const Value& value) {
  Build build;
  build.place = value.node().place();
  Fields fields(value);
  const auto context = fields.take("context");
  const auto dockerfile = fields.take("dockerfile");
  const auto dockerfile_inline = fields.take("dockerfile_inline");
  if (context) build.context = is_url(context->text()) ? context->text() : resolve_path(*context, context->text());
  if (!context && !dockerfile_inline) build.context = resolve_path(value, ".");
  if (dockerfile_inline) build.dockerfile_inline = dockerfile_inline->text();
  if (dockerfile && dockerfile_inline) {
    dockerfile->fail("and dockerfile_inline are both there; expected one of them");
  }
  if (dockerfile && !is_url(build.context)) {
    build.dockerfile = (fs::path(build.context) / dockerfile->text()).lexically_normal().string();
  }
  if (const auto target = fields.take("target")) build.target = target->text();
  if (const auto args = fields.take("args")) build.args = decode_pairs(*args, {});
  if (const auto no_cache = fields.take("no_cache")) build.no_cache = no_cache->boolean();
  if (const auto platforms = fields.take("platforms")) build.platforms = platforms->texts();
  if (const auto cache_from = fields.take("cache_from")) build.cache_from = cache_from->texts();
  if (const auto tags = fields.take("tags")) build.tags = tags->texts();
  fields.note({"additional_contexts", "cache_to", "entitlements", "extra_hosts", "isolation", "labels", "network",
               "privileged", "provenance", "pull", "sbom", "secrets", "shm_size", "ssh", "ulimits"});
  fields.finish();
  return build;
}

Healthcheck decode_healthcheck(const Value& value) {
  Healthcheck check;
  Fields fields(value);
  if (const auto disable = fields.take("disable")) check.disable = disable->boolean();
  if (const auto test = fields.take("test")) {
    if (test->node().is_list()) {
      check.test = test->texts();
      const std::string first = check.test.empty() ? "" : check.test[0];
      if (first == "NONE" && check.test.size() == 1) {
        check.disable = true;
        check.test.clear();
      } else if (first != "CMD" && first != "CMD-SHELL") {
        test->fail(fmt::format("begins with \"{}\"; expected NONE, CMD or CMD-SHELL first{}", shown(first),
                               did_you_mean(first, std::vector<std::string>{"NONE", "CMD", "CMD-SHELL"})));
      } else if (check.test.size() < 2) {
        test->fail(fmt::format("has nothing behind {}; expected a command", first));
      }
    } else {
      check.test = {"CMD-SHELL", test->text()};
    }
  }
  const auto duration = [&fields](const char* key, std::optional<Duration>& out) {
    if (const auto member = fields.take(key)) {
      out = member->duration();
      // moby, daemon/container.go: validateHealthCheck.
      if (out->ns != 0 && *out < milliseconds(1)) {
        member->fail(fmt::format("is {}; expected 0 or at least 1ms", to_string(*out)));
      }
    }
  };
  duration("interval", check.interval);
  duration("timeout", check.timeout);
  duration("start_period", check.start_period);
  duration("start_interval", check.start_interval);
  if (const auto retries = fields.take("retries")) {
    check.retries = static_cast<std::int32_t>(retries->integer(0, 1'000'000));
  }
  fields.finish();
  return check;
}

void decode_deploy(const Value& value, Service& service) {
  Fields fields(value);
  if (const auto mode = fields.take("mode")) mode->choice({"replicated", "global", "replicated-job", "global-job"});
  if (const auto replicas = fields.take("replicas")) {
    service.scale = static_cast<std::uint32_t>(replicas->integer(0, 1000));
  }
  if (const auto policy = fields.take("restart_policy")) {
    Fields members(*policy);
    service.restart = Restart::kAlways;
    if (const auto condition = members.take("condition")) {
      switch (condition->choice({"any", "on-failure", "none", "always", "no", "unless-stopped"})) {
        case 1:
          service.restart = Restart::kOnFailure;
          break;
        case 2:
        case 4:
          service.restart = Restart::kNo;
          break;
        case 5:
          service.restart = Restart::kUnlessStopped;
          break;
        default:
          break;
      }
    }
    service.max_attempts = 0;
    if (const auto attempts = members.take("max_attempts")) {
      service.max_attempts = static_cast<std::uint32_t>(attempts->integer(0, 1'000'000'000));
    }
    members.note({"delay", "window"});  // docker compose leaves both to Swarm; the engine has its own back-off.
    members.finish();
  }
  if (const auto resources = fields.take("resources")) decode_resources(*resources, service);
  fields.note({"endpoint_mode", "labels", "placement", "rollback_config", "update_config"});
  fields.finish();
}

}  // namespace berth::compose
