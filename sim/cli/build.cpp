// berth build: what a Dockerfile's build would do.
#include "sim/cli/build.hpp"

#include <fmt/format.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "sim/cli/image_reports.hpp"
#include "sim/engine/error.hpp"

namespace berth {
namespace {

using Json = nlohmann::ordered_json;

std::string status(const docker::BuildStep& step) {
  if (step.kind == docker::StepKind::kConfig) return "config";
  return step.cached ? "cached" : "built";
}

void print_table(const docker::BuildResult& result) {
  print(fmt::format("{:<14} {:>4} {:<7} {:>10} {:>10} {:>8} {:>8}  {}\n", "stage", "line", "status", "unpacked",
                    "compressed", "start", "time", "step"));
  bool guessed = false;
  for (const docker::BuildStep& step : result.steps) {
    const bool sized = step.kind != docker::StepKind::kConfig;
    guessed = guessed || (sized && step.estimated);
    const char* mark = step.estimated && sized ? "~" : "";
    print(fmt::format("{:<14} {:>4} {:<7} {:>10} {:>10} {:>8} {:>8}  {}{}\n", step.stage_name, step.place.line,
                      status(step), sized ? mark + human_bytes(step.unpacked_bytes) : "",
                      sized ? mark + human_bytes(step.compressed_bytes) : "",
                      sized ? human_time(step.start - Time{}) : "", sized ? human_time(step.finish - step.start) : "",
                      step.onbuild ? "ONBUILD " : "", one_line(step.text, 60)));
    for (const std::string& reason : step.reasons) print(fmt::format("{:<28} because {}\n", "", reason));
  }
  std::int64_t compressed = 0;
  std::int64_t unpacked = 0;
  for (const Layer& layer : result.image.layers) {
    compressed += layer.compressed_bytes;
    unpacked += layer.unpacked_bytes;
  }
  print(fmt::format("\n{}: {} layers, {} compressed, {} unpacked, {}\n", result.image.name, result.image.layers.size(),
                    human_bytes(compressed), human_bytes(unpacked), result.image.digest));
  print(fmt::format("time {} ({} of work; independent stages at once)\n", human_time(result.elapsed),
                    human_time(result.work)));
  for (const std::string& stage : result.skipped_stages) print("stage " + stage + " is not needed and not built\n");
  if (guessed) print("~ an estimate: see docs/dockerfile.md, or say `# berth: adds=SIZE takes=TIME` above the step\n");
}

Json to_json(const docker::BuildResult& result) {
  Json json;
  json["image"] = result.image.name;
  json["digest"] = result.image.digest;
  json["elapsed_seconds"] = result.elapsed.seconds();
  json["work_seconds"] = result.work.seconds();
  json["steps"] = Json::array();
  for (const docker::BuildStep& step : result.steps) {
    Json item;
    item["stage"] = step.stage_name;
    item["line"] = step.place.line;
    item["step"] = step.text;
    item["status"] = status(step);
    if (step.onbuild) item["onbuild"] = true;
    if (step.kind != docker::StepKind::kConfig) {
      item["unpacked_bytes"] = step.unpacked_bytes;
      item["compressed_bytes"] = step.compressed_bytes;
      item["estimated"] = step.estimated;
      item["start_seconds"] = (step.start - Time{}).seconds();
      item["seconds"] = (step.finish - step.start).seconds();
      item["cache_key"] = step.key;
      if (step.kind == docker::StepKind::kLayer) item["layer"] = step.layer.digest;
      if (!step.cached) item["reasons"] = step.reasons;
    }
    json["steps"].push_back(std::move(item));
  }
  json["layers"] = Json::array();
  for (const Layer& layer : result.image.layers) {
    json["layers"].push_back({{"digest", layer.digest},
                              {"compressed_bytes", layer.compressed_bytes},
                              {"unpacked_bytes", layer.unpacked_bytes}});
  }
  json["skipped_stages"] = result.skipped_stages;
  json["notes"] = result.notes;
  return json;
}

// An image's name for a folder: its own, in what a name may have.
std::string name_of_folder(const std::filesystem::path& folder) {
  std::filesystem::path path = std::filesystem::absolute(folder).lexically_normal();
  if (!path.has_filename()) path = path.parent_path();  // A trailing slash.
  std::string name = docker::lower(path.filename().string());
  for (char& c : name) {
    if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '_')) c = '-';
  }
  return name.empty() ? "image" : name;
}

}  // namespace

BuiltImage build_folder(const BuildFlags& flags, const ImageLibrary& library) {
  namespace fs = std::filesystem;
  const fs::path file = flags.file.empty() ? fs::path(flags.context) / "Dockerfile" : fs::path(flags.file);
  const std::optional<std::string> text = docker::read_text(file);
  if (!text) throw InputError(file.string() + ": no such Dockerfile; expected one of at most 4 MiB, or -f FILE");
  const docker::Dockerfile dockerfile = docker::parse_dockerfile(*text, file.string());
  docker::BuildContext context = docker::BuildContext::open(flags.context, file);

  docker::BuildOptions options;
  options.name = flags.tag;
  if (options.name.empty()) options.name = name_of_folder(flags.context);
  options.target = flags.target;
  options.platform = flags.platform;
  options.no_cache = flags.no_cache;
  for (const std::string& arg : flags.build_args) {
    const std::size_t equals = arg.find('=');
    if (equals == 0) throw InputError("--build-arg is \"" + arg + "\"; expected NAME=value or NAME");
    if (equals != std::string::npos) {
      options.build_args[arg.substr(0, equals)] = arg.substr(equals + 1);
    } else if (const char* value = std::getenv(arg.c_str()); value != nullptr) {
      options.build_args[arg] = value;
    }
  }
  docker::BuildCache cache;
  BuiltImage built;
  built.result = docker::build_image(dockerfile, context, library, options, cache);
  if (flags.after.empty()) return built;
  std::vector<std::string> ignored;
  for (const std::string& changed : flags.after) {
    if (context.files.change(changed)) continue;
    if (context.ignored.ignores(changed) && fs::exists(fs::path(flags.context) / changed)) {
      ignored.push_back(changed + ": .dockerignore leaves it out, so no step sees the change");
      continue;
    }
    std::vector<std::string> names;
    for (const auto& [name, entry] : context.files) names.push_back(name);
    throw InputError("--after " + changed + ": no file of the context" + "; expected a file or folder below " +
                     flags.context + did_you_mean(changed, names));
  }
  built.first_elapsed = built.result.elapsed;
  built.result = docker::build_image(dockerfile, context, library, options, cache);
  built.result.notes.insert(built.result.notes.end(), ignored.begin(), ignored.end());
  return built;
}

void build_command(const BuildFlags& flags) {
  check_output(flags.output);
  const BuiltImage built = build_folder(flags, load_image_library(flags.catalogue));
  if (flags.output == "json") {
    Json json = to_json(built.result);
    if (!flags.after.empty()) {
      json["first_build_seconds"] = built.first_elapsed.seconds();
      json["changed"] = flags.after;
    }
    print(json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n");
    return;
  }
  if (!flags.after.empty()) {
    std::string changed;
    for (const std::string& file : flags.after) changed += (changed.empty() ? "" : ", ") + file;
    print(fmt::format("first build {}; again after a change of {}:\n\n", human_time(built.first_elapsed), changed));
  }
  print_table(built.result);
  print_notes(built.result.notes);
}

}  // namespace berth
