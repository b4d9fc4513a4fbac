// RUN: what its key is made of, and what it is estimated to add.
#include <algorithm>
#include <cmath>

#include "workloads/images/digest.hpp"
#include "workloads/images/dockerfile_instruction.hpp"
#include "workloads/images/run_estimate.hpp"
#include "workloads/images/stage_builder.hpp"
#include "workloads/images/synthetic_images.hpp"

namespace berth::docker {
namespace {

// What the shell gets from RUN: the command, or the heredoc's body, or both where the command only mentions it.
std::string script_of(const Instruction& instruction) {
  if (instruction.words.empty()) return {};
  const std::string& command = instruction.words.front().text;
  if (instruction.heredocs.empty()) return command;
  if (is_heredoc(command, nullptr)) return instruction.heredocs.front().body();
  std::string script = command;
  for (const Heredoc& heredoc : instruction.heredocs) script += "\n" + heredoc.content + heredoc.name;
  return script;
}

}  // namespace

std::vector<Mount> StageBuilder::mounts_of(const Instruction& instruction) const {
  std::vector<Mount> mounts;
  for (const Flag& flag : instruction.flags) {
    if (flag.name != "mount") continue;
    Mount mount = parse_mount(substitute(flag.value, flag.place), flag.place);
    if (mount.type != Mount::Type::kSecret && mount.type != Mount::Type::kSsh) {
      if (!mount.target.starts_with('/')) mount.target = state_.config.working_dir + "/" + mount.target;
      std::string target(1, '/');
      target += rootless_path(mount.target);
      if (target == "/") fail_at(flag.place, "--mount covers /", "a target below it");
      mount.target = std::move(target);
    }
    mounts.push_back(std::move(mount));
  }
  return mounts;
}

void StageBuilder::mount_ingredients(const Mount& mount, const Place& place, std::vector<Ingredient>& out,
                                     Time& ready) {
  using enum Mount::Type;
  const std::string name = "mount " + mount.target;
  switch (mount.type) {
    case kTmpfs:
      out.push_back({name, "tmpfs"});
      return;
    case kSecret:  // Its value is in no key.
      out.push_back(
          {"secret " + (mount.id.empty() ? mount.source + mount.target : mount.id), mount.target + mount.env});
      return;
    case kSsh:
      out.push_back({"ssh " + mount.id, mount.target});
      return;
    case kCache:  // What is in it is in no key either.
      out.push_back({name, "cache " + (mount.id.empty() ? mount.target : mount.id)});
      return;
    case kBind:
      break;
  }
  out.push_back({name, std::string("bind ") + (mount.read_only ? "ro " : "rw ") + mount.source});
  Source source = source_of(mount.from, place);
  ready = std::max(ready, source.ready);
  if (source.files == nullptr) {
    out.push_back({source.what, source.image_digest});
    return;
  }
  const std::vector<Pick> picks = source.files->pick(mount.source.empty() ? "." : mount.source, {}, false, place);
  for (const Pick& pick : picks) {
    for (const PickedFile& file : pick.files) out.push_back({"file " + file.path, file.entry->digest});
  }
  if (source.stage != nullptr && !source.stage->run_key.empty()) {
    out.push_back({"what RUN made in " + source.what, source.stage->run_key});
  } else if (picks.empty() && (source.stage == nullptr || !source.stage->has_base_image)) {
    nothing_there(source, mount.source, place);
  }
}

void StageBuilder::apply_run(const Instruction& instruction) {
  const std::string script = instruction.exec_form ? joined(texts(instruction.words), " ") : script_of(instruction);
  const std::vector<std::string> argv = with_shell(instruction, script);
  const std::vector<Mount> mounts = mounts_of(instruction);

  std::vector<Ingredient> ingredients{{"the step above", state_.key}, {"the command", quoted_list(argv)}};
  for (const auto& [name, value] : state_.env) ingredients.push_back({"variable " + name, value});
  ingredients.push_back({"the working directory", state_.config.working_dir});
  ingredients.push_back({"the user", state_.config.user});
  ingredients.push_back({"the platform", run_.options.platform});
  Time ready;
  RunSurroundings around;
  std::size_t next_mount = 0;
  for (const Flag& flag : instruction.flags) {
    if (flag.name != "mount") {
      ingredients.push_back({"--" + flag.name, flag.value});
      continue;
    }
    const Mount& mount = mounts[next_mount++];
    mount_ingredients(mount, flag.place, ingredients, ready);
    if (mount.type == Mount::Type::kCache) around.cache_mounts.push_back(mount.target);
  }
  around.read = [this](const std::string& path) -> std::optional<std::string> {
    const std::string full = path.starts_with('/') ? path : state_.config.working_dir + "/" + path;
    const FileEntry* entry = state_.files.find(rootless_path(full));
    if (entry == nullptr || entry->host.empty() || entry->kind != FileEntry::Kind::kFile) return std::nullopt;
    return read_text(entry->host);
  };
  const RunEstimate estimate = estimate_run(script, around);
  const std::int64_t adds = instruction.hint.adds_bytes.value_or(estimate.adds_bytes);

  BuildStep step = new_step(instruction, StepKind::kLayer);
  step.takes = instruction.hint.takes.value_or(estimate.takes);
  step.estimated = !instruction.hint.takes || !instruction.hint.adds_bytes;
  step.unpacked_bytes = adds;
  step.compressed_bytes = std::llround(static_cast<double>(adds) / kCompressionRatio);
  if (!estimate.known && !(instruction.hint.takes && instruction.hint.adds_bytes)) {
    run_.note(to_string(instruction.place) + ": RUN has commands that the size model does not know");
  }
  // The output of a command is taken for a function of all that its key holds.
  const std::string made = sha256_digest("RUN layer " + cache_key(ingredients));
  step.layer = {made, made, step.compressed_bytes, step.unpacked_bytes};
  finish_step(std::move(step), std::move(ingredients), ready, false);
  state_.run_key = state_.key;
  state_.run_bytes += adds;
  state_.artifact_bytes = std::max(state_.artifact_bytes, estimate.artifact_bytes);

  std::string created = "RUN ";
  if (!state_.args.empty()) {
    created += '|';
    created += std::to_string(state_.args.size());
    created += ' ';
    for (const std::string& name : state_.args) {
      const std::string* value = state_.env.find(name);
      created += name + "=" + (value == nullptr ? "" : *value) + " ";
    }
  }
  history(created + joined(argv, " ") + " # buildkit", false);
}

}  // namespace berth::docker
