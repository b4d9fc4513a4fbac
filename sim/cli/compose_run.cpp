#include "sim/cli/compose_run.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "results/files.hpp"
#include "results/perfetto_trace.hpp"
#include "results/table.hpp"
#include "results/timeline.hpp"
#include "sim/cli/image_reports.hpp"
#include "sim/compose/compose_timeline.hpp"
#include "sim/compose/compose_up.hpp"
#include "sim/engine/error.hpp"
#include "workloads/compose/compose_file.hpp"
#include "workloads/images/image_library.hpp"
#include "workloads/yaml.hpp"

namespace berth {
namespace {

using Json = nlohmann::ordered_json;

Duration time_flag(std::string_view text, const std::string& flag) {
  const Duration time = parse_duration(text, flag);
  if (time.ns <= 0) throw InputError(fmt::format("{} is \"{}\"; expected a time above 0", flag, text));
  return time;
}

compose::LoadOptions load_options(const ComposeRunFlags& flags) {
  compose::LoadOptions options;
  options.files = flags.files;
  options.project_name = flags.project_name;
  options.project_folder = flags.project_folder;
  options.env_files = flags.env_files;
  options.profiles = flags.profiles;
  options.services = flags.services;
  for (const std::string& scale : flags.scale) {
    const std::size_t equals = scale.find('=');
    if (equals == std::string::npos || equals == 0) {
      throw InputError(fmt::format("--scale is \"{}\"; expected SERVICE=NUMBER", scale));
    }
    options.scale.emplace_back(scale.substr(0, equals), scale.substr(equals + 1));
  }
  for (char** variable = environ; *variable != nullptr; ++variable) {
    const std::string_view text = *variable;
    const std::size_t equals = text.find('=');
    if (equals != std::string_view::npos)
      options.environment.emplace_back(text.substr(0, equals), text.substr(equals + 1));
  }
  return options;
}

compose::RunOptions run_options(const ComposeRunFlags& flags) {
  compose::RunOptions options;
  options.seed = flags.seed;
  options.present = flags.present;
  options.stop_at_end = flags.stop;
  if (!flags.run_for.empty()) options.run_for = time_flag(flags.run_for, "--for");
  for (const std::string& restart : flags.restart) {
    const std::size_t at = restart.rfind('@');
    if (at == std::string::npos || at == 0) {
      throw InputError(fmt::format("--restart is \"{}\"; expected SERVICE@TIME, such as db@5m", restart));
    }
    options.restarts.emplace_back(time_flag(restart.substr(at + 1), "--restart " + restart), restart.substr(0, at));
  }
  return options;
}

std::string clock(Time time) {
  return time == kNever ? "" : fmt::format("{:.3f}", time.seconds());
}

const char* origin_of(const compose::ImageReport& image) {
  switch (image.origin) {
    case compose::ImageReport::Origin::kPresent:
      return "present";
    case compose::ImageReport::Origin::kPulled:
      return "pulled";
    case compose::ImageReport::Origin::kBuilt:
      return "built";
  }
  return "";
}

// Containers by their start; those that were never started come last.
std::vector<std::uint32_t> start_order(const compose::RunResult& result) {
  std::vector<std::uint32_t> order = result.start_order;
  for (std::uint32_t c = 0; c < result.containers.size(); ++c) {
    if (result.containers[c].started == kNever) order.push_back(c);
  }
  return order;
}

std::string outcome(const compose::RunResult& result) {
  if (!result.failed.empty()) return "failed: " + result.failed;
  if (result.settled == kNever) {
    return fmt::format("after {} not all containers are started, healthy or completed",
                       human_time(result.end - Time{}));
  }
  return fmt::format("all started, healthy or completed after {} s", clock(result.settled));
}

void print_table(const compose::Project& project, const compose::RunResult& result) {
  fmt::print("project {}: {} services, {} containers, {} networks, {} volumes; times in seconds\n\n", project.name,
             project.services.size(), result.containers.size(), project.networks.size(), project.volumes.size());
  TextTable images;
  images.label_header = "image";
  images.columns = {{"", {}}, {"compressed", {}}, {"layers", {}}, {"from", {}}, {"to", {}}};
  for (const compose::ImageReport& image : result.images) {
    images.labels.push_back(image.name);
    images.columns[0].cells.emplace_back(origin_of(image));
    images.columns[1].cells.push_back(human_bytes(image.compressed_bytes));
    images.columns[2].cells.push_back(std::to_string(image.layers));
    images.columns[3].cells.push_back(clock(image.begin));
    images.columns[4].cells.push_back(clock(image.end));
  }
  fmt::print("{}\n", to_text(images));

  TextTable containers;
  containers.label_header = "container, in order of start";
  containers.columns = {{"created", {}}, {"started", {}},  {"up", {}},   {"healthy", {}},
                        {"ended", {}},   {"restarts", {}}, {"state", {}}};
  for (const std::uint32_t c : start_order(result)) {
    const compose::ContainerReport& report = result.containers[c];
    containers.labels.push_back(report.name);
    containers.columns[0].cells.push_back(clock(report.created));
    containers.columns[1].cells.push_back(clock(report.started));
    containers.columns[2].cells.push_back(clock(report.up));
    containers.columns[3].cells.push_back(clock(report.healthy));
    containers.columns[4].cells.push_back(clock(report.ended));
    containers.columns[5].cells.push_back(report.restarts == 0 ? "" : std::to_string(report.restarts));
    containers.columns[6].cells.push_back(report.state == "exited" ? fmt::format("exited ({})", report.exit_code)
                                                                   : report.state);
  }
  fmt::print("{}", to_text(containers));

  if (!result.waits.empty()) fmt::print("\n");
  for (const compose::WaitReport& wait : result.waits) {
    const std::string& service = project.services[wait.service].name;
    const std::string& on = project.services[wait.on].name;
    if (wait.end == kNever) {
      fmt::print("{} waits for {} ({}) since {} s\n", service, on, to_string(wait.condition), clock(wait.begin));
    } else {
      fmt::print("{} waited {:.3f} s for {} ({})\n", service, (wait.end - wait.begin).seconds(), on,
                 to_string(wait.condition));
    }
  }
  fmt::print("\n{}\n", outcome(result));
  for (const std::string& trouble : result.troubles) fmt::print("{}\n", trouble);
}

Json seconds_or_null(Time time) {
  return time == kNever ? Json() : Json(time.seconds());
}

// Who an event is about.
std::string subject_of(const compose::RunEvent& event, const compose::Project& project,
                       const compose::RunResult& result) {
  using Kind = compose::RunEventKind;
  switch (event.kind) {
    case Kind::kImagePresent:
    case Kind::kImagePulling:
    case Kind::kImagePulled:
    case Kind::kImageBuilding:
    case Kind::kImageBuilt:
      return result.images[event.subject].name;
    case Kind::kNetworkCreated:
      return project.networks[event.subject].name;
    case Kind::kVolumeCreated:
      return project.volumes[event.subject].name;
    case Kind::kWaiting:
    case Kind::kWaitOver:
      return project.services[event.subject].name;
    case Kind::kSettled:
    case Kind::kFailed:
      return project.name;
    default:
      return result.containers[event.subject].name;
  }
}

void print_json(const compose::Project& project, const compose::RunResult& result) {
  using Kind = compose::RunEventKind;
  Json json;
  json["project"] = project.name;
  json["good"] = result.good();
  json["up"] = result.up;
  json["failed"] = result.failed.empty() ? Json() : Json(result.failed);
  json["troubles"] = result.troubles;
  json["settled_seconds"] = seconds_or_null(result.settled);
  json["end_seconds"] = result.end.seconds();
  json["images"] = Json::array();
  for (const compose::ImageReport& image : result.images) {
    json["images"].push_back({{"name", image.name},
                              {"origin", origin_of(image)},
                              {"compressed_bytes", image.compressed_bytes},
                              {"layers", image.layers},
                              {"begin_seconds", image.begin.seconds()},
                              {"end_seconds", seconds_or_null(image.end)}});
  }
  json["containers"] = Json::array();
  for (const std::uint32_t c : start_order(result)) {
    const compose::ContainerReport& report = result.containers[c];
    json["containers"].push_back({{"name", report.name},
                                  {"service", project.services[report.service].name},
                                  {"created_seconds", seconds_or_null(report.created)},
                                  {"started_seconds", seconds_or_null(report.started)},
                                  {"up_seconds", seconds_or_null(report.up)},
                                  {"healthy_seconds", seconds_or_null(report.healthy)},
                                  {"ended_seconds", seconds_or_null(report.ended)},
                                  {"restarts", report.restarts},
                                  {"exit_code", report.ended == kNever ? Json() : Json(report.exit_code)},
                                  {"oom_killed", report.oom_killed},
                                  {"state", report.state}});
  }
  json["waits"] = Json::array();
  for (const compose::WaitReport& wait : result.waits) {
    json["waits"].push_back({{"service", project.services[wait.service].name},
                             {"for", project.services[wait.on].name},
                             {"condition", to_string(wait.condition)},
                             {"begin_seconds", wait.begin.seconds()},
                             {"end_seconds", seconds_or_null(wait.end)}});
  }
  json["events"] = Json::array();
  for (const compose::RunEvent& event : result.events) {
    Json item{{"at_ns", event.at.ns}, {"kind", to_string(event.kind)}, {"subject", subject_of(event, project, result)}};
    if (event.kind == Kind::kWaiting || event.kind == Kind::kWaitOver) {
      item["for"] = project.services[event.other].name;
      item["condition"] = to_string(static_cast<compose::Condition>(event.value));
    } else if (event.kind == Kind::kContainerExited || event.kind == Kind::kContainerOomKilled) {
      item["exit_code"] = event.value;
    } else if (event.kind == Kind::kContainerRestarting) {
      item["back_off_ns"] = event.value;
    } else if (event.kind == Kind::kCheckFailed) {
      item["in_a_row"] = event.value;
    }
    json["events"].push_back(std::move(item));
  }
  json["notes"] = project.notes;
  for (const std::string& note : result.notes) json["notes"].push_back(note);
  print(json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n");
}

void write_trace(const std::string& path, const Timeline& timeline) {
  AtomicFile file(path);
  const ChunkSink sink = [&file](std::string_view chunk) { file.write(chunk); };
  if (path.ends_with(".json")) {
    write_chrome_trace(timeline, sink);
  } else if (path.ends_with(".txt")) {
    write_timeline_text(timeline, sink);
  } else {
    write_perfetto_trace(timeline, sink);
  }
  file.commit();
}

}  // namespace

int run_compose(const ComposeRunFlags& flags) {
  const compose::RunOptions options = run_options(flags);
  const compose::Project project = compose::load_project(load_options(flags));
  const compose::RunResult result = compose::run_project(project, load_image_library(flags.catalogue), options);
  if (!flags.trace.empty()) write_trace(flags.trace, compose::compose_timeline(project, result));
  if (flags.json) {
    print_json(project, result);
  } else {
    print_table(project, result);
    print_notes(project.notes);
    print_notes(result.notes);
  }
  return result.good() ? 0 : 1;
}

bool check_compose_file(const std::string& path) {
  const compose::ComposeReport report = compose::validate_compose(path);
  if (!report.rejected.empty()) {
    fmt::print("Compose file {}: rejected\nrejected: {}\n", path, report.rejected);
    return false;
  }
  fmt::print("Compose file {}: {} services", path, report.services);
  if (report.disabled > 0) fmt::print(" (and {} that profiles leave out)", report.disabled);
  fmt::print(", {} networks, {} volumes, {} configs, {} secrets; {} fields modelled, {} not modelled\n",
             report.networks, report.volumes, report.configs, report.secrets, report.fields_modelled,
             report.fields_noted);
  for (const std::string& note : report.notes) fmt::print("note: {}\n", note);
  return true;
}

bool is_compose(const std::vector<std::string>& files) {
  std::error_code unreadable;
  if (files.empty() || !std::filesystem::is_regular_file(files.front(), unreadable)) return false;
  const std::string extension = std::filesystem::path(files.front()).extension().string();
  if (extension != ".yaml" && extension != ".yml") return false;
  return compose::looks_like_compose(read_text_file(files.front()), files.front());
}

}  // namespace berth
