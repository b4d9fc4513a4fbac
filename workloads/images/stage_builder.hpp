// One stage of a build while its instructions are applied one after another. Private to image_build.cpp and its parts.
#pragma once

#include <optional>
#include <set>
#include <string>
#include <vector>

#include "workloads/images/image_build.hpp"
#include "workloads/images/substitution.hpp"

namespace berth::docker {

std::string joined(const std::vector<std::string>& words, const char* between);
std::string quoted_list(const std::vector<std::string>& words);  // Go's %q of a list: ["a" "b"].
std::vector<std::string> texts(const std::vector<Word>& words);

// What a stage is after its instructions, and what the stage that stands on it begins with.
struct StageState {
  Environment env;  // Of RUN, and what substitution sees: the image's and the declared ARGs'.
  ImageConfig config;
  std::vector<Layer> layers;
  std::vector<HistoryEntry> history;
  std::vector<std::string> args;  // Declared ARGs, for RUN's line in the history.
  std::string key;                // Of all steps so far: the parent of the next one.
  FileTree files;                 // What COPY, ADD and WORKDIR put there.
  std::string run_key;            // Of the last RUN; empty: none. Stands for the content of what RUNs made.
  std::int64_t run_bytes = 0;
  std::int64_t artifact_bytes = 0;
  bool has_base_image = false;  // Files may be there that nobody listed.
  Time ready;
};

// What all stages of one build share.
struct BuildRun {
  const Dockerfile& file;
  BuildContext& context;
  const ImageLibrary& images;
  const BuildOptions& options;
  BuildCache& cache;
  Environment globals;                          // Platform arguments, then ARGs before the first FROM.
  std::vector<std::optional<StageState>> done;  // By stage.
  std::map<std::string, Time> ran;              // Keys that this build has run: a second use waits for the first.
  std::set<std::string> used_args;
  BuildResult result;

  void note(const std::string& text);  // Once.
  // The layers of an image and a note where they are not listed ones.
  Image image(const std::string& name);
};

class StageBuilder {
 public:
  StageBuilder(BuildRun& run, std::size_t stage) : run_(run), stage_(stage) {}

  StageState build(const std::string& base, const std::vector<Instruction>& triggers);

 private:
  struct Source {               // Where COPY takes files from.
    FileTree* files = nullptr;  // Null: an image, of which no file is known.
    const StageState* stage = nullptr;
    std::string what;  // "the context", "stage build", "image nginx:1.23".
    std::string image_digest;
    Time ready;
  };

  void begin(const std::string& base);
  void apply(const Instruction& instruction, bool onbuild);
  void apply_arg(const Instruction& instruction);
  void apply_env(const Instruction& instruction);
  void apply_label(const Instruction& instruction);
  void apply_expose(const Instruction& instruction);
  void apply_health(const Instruction& instruction);
  void apply_workdir(const Instruction& instruction);
  void apply_run(const Instruction& instruction);
  void apply_copy(const Instruction& instruction);  // ADD too.

  std::string substitute(std::string_view text, const Place& place) const;
  std::vector<std::string> with_shell(const Instruction& instruction, const std::string& command) const;
  std::vector<Mount> mounts_of(const Instruction& instruction) const;
  void mount_ingredients(const Mount& mount, const Place& place, std::vector<Ingredient>& out, Time& ready);
  Source source_of(const std::string& from, const Place& place);
  // Adds what `source` names to `files` and `ingredients`; guessed bytes for what no file is known of.
  void take(Source& source, const std::string& named, const IgnoreList& exclude, const Instruction& instruction,
            const Place& place, std::vector<PickedFile>& files, std::vector<Ingredient>& ingredients,
            std::int64_t& guessed_bytes, bool& folder);
  [[noreturn]] void nothing_there(const Source& source, const std::string& named, const Place& place) const;

  void history(std::string created_by, bool empty_layer) {
    state_.history.push_back({std::move(created_by), empty_layer});
  }
  BuildStep new_step(const Instruction& instruction, StepKind kind) const;
  void config_step(const Instruction& instruction, std::string created_by);
  // Looks the key up, times the step and makes it the parent of the next. `own_key`: without the parent (--link).
  void finish_step(BuildStep step, std::vector<Ingredient> ingredients, Time ready, bool linked);

  BuildRun& run_;
  std::size_t stage_;
  std::size_t ordinal_ = 0;
  bool onbuild_ = false;
  bool cmd_set_ = false;
  StageState state_;
};

}  // namespace berth::docker
