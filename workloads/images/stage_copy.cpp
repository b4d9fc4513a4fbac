// COPY and ADD: which files, where to, and what of them counts for the cache.
#include <algorithm>
#include <cmath>

#include "workloads/images/build_graph.hpp"
#include "workloads/images/digest.hpp"
#include "workloads/images/dockerfile_instruction.hpp"
#include "workloads/images/stage_builder.hpp"
#include "workloads/images/synthetic_images.hpp"

namespace berth::docker {
namespace {

constexpr std::int64_t kRemoteBytes = 20 << 20;  // What ADD fetches, or COPY takes from an image: an assumption.

bool is_git(std::string_view source) {
  if (source.starts_with("git@") || source.starts_with("git://") || source.starts_with("ssh://")) return true;
  const std::string_view path = source.substr(0, source.find_first_of("#?"));
  return source.starts_with("http") && path.ends_with(".git");
}
bool is_url(std::string_view source) {
  return source.starts_with("http://") || source.starts_with("https://");
}

std::string file_value(const FileEntry& entry, bool mode_counts) {
  return entry.digest +
         (entry.kind == FileEntry::Kind::kFile     ? " file "
          : entry.kind == FileEntry::Kind::kFolder ? " folder "
                                                   : " link ") +
         (mode_counts ? std::to_string(entry.mode) : "");
}

}  // namespace

StageBuilder::Source StageBuilder::source_of(const std::string& from, const Place& place) {
  Source source;
  if (from.empty()) {
    source.files = &run_.context.files;
    source.what = "the context";
    return source;
  }
  if (from.find('$') != std::string::npos) {
    fail_at(place, "--from is \"" + from + "\", with a variable", "a stage or image; FROM may have variables");
  }
  if (const auto stage = find_stage(run_.file, from, stage_, place)) {
    BERTH_CHECK(run_.done[*stage].has_value());
    StageState& state = *run_.done[*stage];
    source.files = &state.files;
    source.stage = &state;
    source.what = "stage " + from;
    source.ready = state.ready;
    return source;
  }
  if (from == "scratch") fail_at(place, "--from is scratch, which has no files", "a stage or image");
  const Image image = run_.image(from);
  source.what = "image " + image.name;
  source.image_digest = image.digest;
  // The image is fetched first, by whoever needs it first.
  const std::string key =
      cache_key({{"the image " + image.name, image.digest}, {"the platform", run_.options.platform}});
  const auto ran = run_.ran.find(key);
  if (ran != run_.ran.end()) {
    source.ready = ran->second;
  } else if (run_.options.no_cache || !run_.cache.has(key)) {
    std::int64_t bytes = 0;
    for (const Layer& layer : image.layers) bytes += layer.compressed_bytes;
    const Duration takes = from_seconds(0.5 + static_cast<double>(bytes) / kBuildRates.download);
    source.ready = Time{} + takes;
    run_.ran[key] = source.ready;
    run_.result.work += takes;
    run_.cache.store(key);
  }
  return source;
}

void StageBuilder::nothing_there(const Source& source, const std::string& named, const Place& place) const {
  const std::string path = rootless_path(named);
  std::string hint;
  if (source.stage == nullptr && run_.context.ignored.ignores(path)) {
    hint = " (.dockerignore leaves it out)";
  } else if (source.files != nullptr) {
    std::vector<std::string> names;
    for (const auto& [name, entry] : *source.files) {
      if (names.size() < 1000) names.push_back(name);
    }
    hint = did_you_mean(path, names);
  }
  fail_at(place, "\"" + named + "\" is not in " + source.what, "a file or folder that is" + hint);
}

void StageBuilder::take(Source& source, const std::string& named, const IgnoreList& exclude,
                        const Instruction& instruction, const Place& place, std::vector<PickedFile>& files,
                        std::vector<Ingredient>& ingredients, std::int64_t& guessed_bytes, bool& folder) {
  std::vector<Pick> picks;
  if (source.files != nullptr) picks = source.files->pick(named, exclude, instruction.has("parents"), place);
  bool single = false;
  folder = folder || picks.size() > 1;
  for (Pick& pick : picks) {
    if (pick.one_file) {
      single = true;
      ingredients.push_back({"the name " + pick.base_name, "of a source"});
    } else {
      folder = true;
    }
    for (PickedFile& file : pick.files) {
      ingredients.push_back({"file " + file.path, file_value(*file.entry, instruction.flag("chmod") == nullptr)});
      files.push_back(std::move(file));
    }
  }
  if (source.files == nullptr) {
    ingredients.push_back({"the content of " + source.what, source.image_digest});
    ingredients.push_back({"the path in it", named});
    guessed_bytes += kRemoteBytes;
    return;
  }
  if (source.stage == nullptr) {
    if (picks.empty() && !has_wildcard(named)) nothing_there(source, named, place);
    if (picks.empty()) run_.note(to_string(place) + ": \"" + named + "\" matches nothing in the context");
    return;
  }
  // A file that COPY brought is taken as COPY left it; a folder may hold what RUN made there as well.
  const StageState& stage = *source.stage;
  if (single && !picks.empty()) return;
  if (!stage.run_key.empty()) {
    ingredients.push_back({"what RUN made in " + source.what, stage.run_key});
    ingredients.push_back({"the path in it", named});
    // Commands write to the working directory unless told otherwise: a folder of known files beside it gets nothing.
    const std::string folder_path = rootless_path(named);
    const std::string work = rootless_path(stage.config.working_dir) + "/";
    if (picks.empty() || folder_path.empty() || work.starts_with(folder_path + "/")) {
      guessed_bytes += stage.artifact_bytes > 0 ? stage.artifact_bytes : stage.run_bytes;
    }
  } else if (picks.empty() && stage.has_base_image) {
    ingredients.push_back({"the content of " + source.what, stage.key});
    ingredients.push_back({"the path in it", named});
    guessed_bytes += kRemoteBytes;
  } else if (picks.empty() && !has_wildcard(named)) {
    nothing_there(source, named, place);
  }
}

void StageBuilder::apply_copy(const Instruction& instruction) {
  const bool add = instruction.keyword == Keyword::kAdd;
  const bool linked = instruction.has("link");
  const auto text_of = [&](const char* name) {
    const Flag* flag = instruction.flag(name);
    return flag == nullptr ? std::string() : substitute(flag->value, flag->place);
  };
  const std::string chown = text_of("chown");
  const std::string chmod = text_of("chmod");
  const std::string checksum = text_of("checksum");
  IgnoreList exclude;
  std::string excluded;
  for (const Flag& flag : instruction.flags) {
    if (flag.name != "exclude") continue;
    const std::string pattern = substitute(flag.value, flag.place);
    exclude.add(pattern, flag.place);
    excluded += pattern + "\n";
  }
  const Word& last = instruction.words.back();
  std::string destination = substitute(last.text, last.place);
  const Flag* from = instruction.flag("from");
  Source source = source_of(from == nullptr ? "" : from->value, from == nullptr ? last.place : from->place);

  std::vector<PickedFile> files;
  std::vector<FileEntry> made;  // Heredocs; files point into it.
  made.reserve(instruction.heredocs.size());
  std::vector<Ingredient> content;
  std::int64_t guessed = 0;
  std::int64_t unpacked_extra = 0;
  bool folder = false;
  std::size_t sources = 0;
  std::size_t next_heredoc = 0;
  std::vector<std::string> names;
  for (std::size_t i = 0; i + 1 < instruction.words.size(); ++i) {
    const Word& word = instruction.words[i];
    ++sources;
    if (!instruction.exec_form && next_heredoc < instruction.heredocs.size() && is_heredoc(word.text, nullptr)) {
      const Heredoc& heredoc = instruction.heredocs[next_heredoc++];
      std::string body = heredoc.body();
      if (heredoc.expand) body = expand(body, state_.env, word.place, {.escape = '\\', .quotes = false}).text;
      FileEntry entry;
      entry.bytes = static_cast<std::int64_t>(body.size());
      entry.compressed_bytes = std::llround(static_cast<double>(body.size()) / kCompressionRatio);
      entry.digest = sha256_digest(body);
      made.push_back(entry);
      files.push_back({heredoc.name, heredoc.name, &made.back()});
      content.push_back({"heredoc " + heredoc.name, entry.digest});
      names.push_back("<<" + heredoc.name);
      continue;
    }
    const std::string named = substitute(word.text, word.place);
    names.push_back(named);
    if (add && (is_url(named) || is_git(named))) {
      content.push_back({"the address " + named, checksum + (instruction.has("keep-git-dir") ? " with .git" : "")});
      guessed += kRemoteBytes;
      folder = folder || is_git(named);
      continue;
    }
    take(source, named, exclude, instruction, word.place, files, content, guessed, folder);
  }
  if (sources > 1 && !destination.ends_with('/') && destination != "." && destination != "..") {
    fail_at(last.place, "the destination \"" + destination + "\" of several sources is no folder",
            "it to end with / when there are several sources");
  }
  const bool to_folder =
      folder || sources > 1 || destination.empty() || destination.ends_with('/') || destination == ".";
  if (destination.empty() || destination.front() != '/') destination = state_.config.working_dir + "/" + destination;
  destination = clean_path("/" + destination);
  const std::string target = destination + (to_folder && destination != "/" ? "/" : "");

  // What makes the layer: the files and how they are put there, not what lies below.
  std::vector<Ingredient> layer{{"the destination", target},
                                {"--chown", chown},
                                {"--chmod", chmod},
                                {"--exclude", excluded},
                                {"--parents", instruction.has("parents") ? "true" : ""}};
  layer.insert(layer.end(), content.begin(), content.end());
  BuildStep step = new_step(instruction, StepKind::kLayer);
  for (const PickedFile& file : files) {
    // ADD unpacks archives that come from the context, unless told not to.
    const Flag* unpack = instruction.flag("unpack");
    if (add && source.stage == nullptr && (unpack == nullptr || unpack->value == "true")) {
      if (const auto bytes = archive_bytes(*file.entry)) unpacked_extra += *bytes - file.entry->bytes;
    }
    step.compressed_bytes += file.entry->compressed_bytes + 64;  // A tar header, compressed.
    if (file.relative.empty()) continue;
    const std::string path = to_folder ? destination + "/" + file.relative : destination;
    state_.files.put(rootless_path(path), *file.entry);
  }
  step.unpacked_bytes = tar_bytes(files) + std::max<std::int64_t>(unpacked_extra, -tar_bytes(files)) + guessed;
  step.compressed_bytes += std::llround(static_cast<double>(guessed) / kCompressionRatio);
  step.estimated = guessed > 0;
  if (instruction.hint.adds_bytes) {
    step.unpacked_bytes = *instruction.hint.adds_bytes;
    step.compressed_bytes = std::llround(static_cast<double>(step.unpacked_bytes) / kCompressionRatio);
    step.estimated = false;
  }
  step.takes = instruction.hint.takes.value_or(
      milliseconds(100) + from_seconds(static_cast<double>(step.unpacked_bytes) / kBuildRates.copy));
  const std::string digest = sha256_digest("COPY layer " + cache_key(layer));
  step.layer = {digest, digest, step.compressed_bytes, step.unpacked_bytes};
  if (guessed > 0) {  // Later COPY --from of this stage may take it again.
    state_.artifact_bytes = std::max(state_.artifact_bytes, guessed);
    if (state_.run_key.empty()) state_.run_key = digest;
  }
  std::vector<Ingredient> ingredients;
  if (!linked) ingredients.push_back({"the step above", state_.key});
  ingredients.insert(ingredients.end(), layer.begin(), layer.end());
  finish_step(std::move(step), std::move(ingredients), source.ready, linked);
  std::string created = add ? "ADD" : "COPY";
  if (!chown.empty()) created += " --chown=" + chown;
  if (!chmod.empty()) created += " --chmod=" + chmod;
  for (const std::string& name : names) created += " " + name;
  history(created + " " + target + " # buildkit", false);
}

}  // namespace berth::docker
