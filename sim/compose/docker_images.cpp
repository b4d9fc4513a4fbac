#include "sim/compose/docker_images.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>

#include "sim/engine/error.hpp"
#include "workloads/images/build_cache.hpp"
#include "workloads/images/file_tree.hpp"
#include "workloads/images/image_build.hpp"

namespace berth::compose {
namespace {

namespace fs = std::filesystem;

constexpr NodeId kHost{0};
constexpr std::int64_t kDiskBytes = std::int64_t{1} << 50;  // Docker frees nothing by itself; never full.

bool is_latest(const std::string& name) {
  return canonical_image_name(name).ends_with(":latest");
}

std::string platform_of(const Service& service) {
  return service.platform.empty() ? "linux/amd64" : service.platform;
}

std::string arch_of(const std::string& platform) {
  const std::size_t slash = platform.find('/');
  if (slash == std::string::npos) return "amd64";
  return platform.substr(slash + 1, platform.find('/', slash + 1) - slash - 1);
}

ImagePullConfig pull_config(const DockerRates& rates) {
  ImagePullConfig config;
  config.max_concurrent_downloads = rates.max_concurrent_downloads;
  config.default_registry.egress_bytes_per_second = FlowNetwork::kMaxCapacity;  // The host's line is the bottleneck.
  config.default_registry.resolve = rates.resolve;
  return config;
}

}  // namespace

DockerImages::DockerImages(Engine<berth::Event>& engine, std::vector<RunEvent>& log, Listener& listener,
                           const ImageLibrary& library, const DockerRates& rates)
    : engine_(&engine),
      log_(&log),
      listener_(&listener),
      library_(&library),
      rates_(rates),
      network_(engine),
      puller_(engine, journal_, network_, catalog_, *this, *this, pull_config(rates)) {
  NodeImageSpec host;
  host.imagefs_bytes = kDiskBytes;
  host.in_bytes_per_second = rates.download_bytes_per_second;
  host.out_bytes_per_second = rates.download_bytes_per_second;
  host.unpack_bytes_per_second = rates.unpack_bytes_per_second;
  puller_.add_node(kHost, host);
}

void DockerImages::plan(const Project& project, const std::vector<std::string>& present) {
  for (const std::string& name : present) puller_.preload(kHost, catalog_.add(library_->resolve(name).image));
  for (std::uint32_t i = 0; i < project.services.size(); ++i) plan_service(project, i, present);
}

void DockerImages::plan_service(const Project& project, std::uint32_t number, const std::vector<std::string>& present) {
  const Service& service = project.services[number];
  const std::string name = service.image.empty() ? project.name + "-" + service.name : service.image;
  const std::string canonical = canonical_image_name(name);
  const auto [known, added] = by_name_.emplace(canonical, static_cast<std::uint32_t>(reports_.size()));
  of_service_.push_back(known->second);
  if (!added) return;
  ImageReport report;
  report.name = name;
  Wanted wanted;
  const bool there = std::any_of(present.begin(), present.end(),
                                 [&](const std::string& image) { return canonical_image_name(image) == canonical; });
  const FoundImage found = library_->resolve(name, arch_of(platform_of(service)));
  const bool listed = found.origin == ImageOrigin::kListed || found.origin == ImageOrigin::kStandIn;
  switch (service.pull_policy) {
    case PullPolicy::kBuild:
      wanted.way = service.build ? Way::kBuild : Way::kPull;
      break;
    case PullPolicy::kNever:
      wanted.way = there ? Way::kNone : service.build ? Way::kBuild : Way::kNone;
      wanted.missing = !there && !service.build;
      break;
    case PullPolicy::kAlways:
      wanted.way = service.image.empty() ? Way::kBuild : Way::kPull;
      break;
    case PullPolicy::kRefresh:  // What the host has was last updated before the run.
    case PullPolicy::kMissing:
      if (there && !is_latest(name) && service.pull_policy == PullPolicy::kMissing) {
        wanted.way = Way::kNone;
      } else if (service.build && !there) {
        // With both, a registry that has the image comes first.
        wanted.way = !service.image.empty() && listed ? Way::kPull : Way::kBuild;
      } else {
        wanted.way = service.build ? Way::kNone : Way::kPull;
      }
      break;
  }
  if (wanted.way == Way::kBuild) {
    plan_build(service, name, wanted);
  }
  if (wanted.way != Way::kBuild) {
    Image image = found.image;
    image.name = name;
    wanted.id = catalog_.add(image);
    if (!found.note.empty()) notes_.push_back(found.note);
  }
  report.origin = wanted.way == Way::kNone    ? ImageReport::Origin::kPresent
                  : wanted.way == Way::kBuild ? ImageReport::Origin::kBuilt
                                              : ImageReport::Origin::kPulled;
  report.compressed_bytes = catalog_.compressed_bytes(wanted.id);
  report.layers = catalog_.layers(wanted.id).size();
  reports_.push_back(std::move(report));
  wanted_.push_back(std::move(wanted));
}

std::optional<std::string> DockerImages::dockerfile_text(const Build& build) const {
  if (!build.dockerfile_inline.empty()) return build.dockerfile_inline;
  const fs::path file = build.dockerfile.empty() ? fs::path(build.context) / "Dockerfile" : fs::path(build.dockerfile);
  return docker::read_text(file);
}

void DockerImages::plan_build(const Service& service, const std::string& name, Wanted& wanted) {
  const Build& build = *service.build;
  const std::string file = !build.dockerfile_inline.empty() ? build.place.file
                           : build.dockerfile.empty()       ? (fs::path(build.context) / "Dockerfile").string()
                                                            : build.dockerfile;
  const std::optional<std::string> text = dockerfile_text(build);
  if (!text) {
    if (!service.image.empty()) {  // As for real, where a build cannot be had: what the registry may have.
      notes_.push_back(fmt::format("{}: services.{}: no Dockerfile at {}; the image {} is pulled instead",
                                   to_string(build.place), service.name, file, name));
      wanted.way = Way::kPull;
      return;
    }
    notes_.push_back(fmt::format("{}: services.{}: no Dockerfile at {}; a made-up image stands for what is built",
                                 to_string(build.place), service.name, file));
    stand_in(name, wanted);
    return;
  }
  const docker::Dockerfile dockerfile = docker::parse_dockerfile(*text, file);
  docker::BuildContext context;
  std::error_code error;
  if (fs::is_directory(build.context, error)) context = docker::BuildContext::open(build.context, file);
  docker::BuildOptions options;
  options.name = name;
  options.target = build.target;
  options.platform = build.platforms.empty() ? platform_of(service) : build.platforms.front();
  options.no_cache = build.no_cache;
  for (const auto& [arg, value] : build.args) options.build_args[arg] = value;
  docker::BuildCache cache;
  docker::BuildResult result = docker::build_image(dockerfile, context, *library_, options, cache);
  result.image.name = name;
  wanted.id = catalog_.add(result.image);
  wanted.build_time = result.elapsed;
  wanted.health = std::move(result.config.health);
  for (std::string& note : result.notes) notes_.push_back(std::move(note));
}

// A made-up image takes as long to build as its layers take to come and be unpacked.
void DockerImages::stand_in(const std::string& name, Wanted& wanted) {
  Image image = library_->resolve(name).image;
  image.name = name;
  wanted.id = catalog_.add(image);
  wanted.build_time = from_seconds(static_cast<double>(catalog_.compressed_bytes(wanted.id)) /
                                       static_cast<double>(rates_.download_bytes_per_second) +
                                   static_cast<double>(catalog_.unpacked_bytes(wanted.id)) /
                                       static_cast<double>(rates_.unpack_bytes_per_second));
}

void DockerImages::log(RunEventKind kind, std::size_t image) {
  log_->push_back({engine_->now(), kind, static_cast<std::uint32_t>(image), 0, 0});
}

void DockerImages::begin() {
  for (std::size_t i = 0; i < wanted_.size(); ++i) {
    ImageReport& report = reports_[i];
    report.begin = engine_->now();
    if (wanted_[i].missing) {
      listener_->images_failed(fmt::format("no such image: {}, and pull_policy never", report.name));
      return;
    }
    if (wanted_[i].way == Way::kNone) {
      report.end = engine_->now();
      log(RunEventKind::kImagePresent, i);
    } else if (wanted_[i].way == Way::kPull) {
      log(RunEventKind::kImagePulling, i);
      ++pulls_left_;
    }
  }
  for (std::size_t i = 0; i < wanted_.size(); ++i) {
    if (wanted_[i].way == Way::kPull) puller_.start(kHost, wanted_[i].id, {}, static_cast<std::uint32_t>(i));
  }
  if (pulls_left_ == 0) begin_builds();
}

void DockerImages::begin_builds() {
  for (std::size_t i = 0; i < wanted_.size(); ++i) {
    if (wanted_[i].way != Way::kBuild) continue;
    reports_[i].begin = engine_->now();
    log(RunEventKind::kImageBuilding, i);
    ++builds_left_;
    engine_->schedule(engine_->now() + wanted_[i].build_time, kPhaseChange,
                      {static_cast<std::uint32_t>(i), 0, EventKind::kDockerEvent, kBuilt});
  }
  if (builds_left_ == 0) {
    engine_->schedule(engine_->now(), kPhaseChange, {0, 0, EventKind::kDockerEvent, kNothingToDo});
  }
}

FetchRoute DockerImages::route(const LayerFetch& fetch) {
  FetchRoute route;
  route.path[0] = puller_.egress(fetch.registry);
  route.path[1] = puller_.node_in(fetch.node);
  route.length = 2;
  route.needs_registry = true;
  return route;
}

void DockerImages::pull_finished(std::uint32_t tag, PullOutcome outcome) {
  reports_[tag].end = engine_->now();
  if (outcome == PullOutcome::kFailed) {
    listener_->images_failed(fmt::format("image {} cannot be pulled", reports_[tag].name));
    return;
  }
  if (outcome == PullOutcome::kUnchanged) reports_[tag].origin = ImageReport::Origin::kPresent;
  log(RunEventKind::kImagePulled, tag);
  if (--pulls_left_ == 0) begin_builds();
}

const docker::ImageHealthcheck* DockerImages::healthcheck(std::uint32_t service) const {
  const Wanted& wanted = wanted_[of_service_[service]];
  return wanted.health ? &*wanted.health : nullptr;
}

void DockerImages::handle(const berth::Event& event) {
  if (event.kind == EventKind::kImageEvent) return puller_.handle(event);
  if (event.kind == EventKind::kFlowEvent) return network_.handle(event);
  if (event.detail == kBuilt) {
    reports_[event.subject].end = engine_->now();
    log(RunEventKind::kImageBuilt, event.subject);
    if (--builds_left_ > 0) return;
  }
  listener_->images_ready();
}

}  // namespace berth::compose
