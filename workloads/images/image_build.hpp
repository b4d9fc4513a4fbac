// A build as BuildKit would do it: which steps run, which come from the cache and why not, how large their layers are
// and how long they take. Nothing is executed: COPY and ADD look at the context's real files, FROM at the image
// library, RUN at a model of what its commands add (run_estimate.hpp), unless a `# berth:` comment says it. Source:
// BuildKit, frontend/dockerfile/dockerfile2llb/convert.go and docs/dev/solver.md. docs/dockerfile.md has the
// departures.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "sim/cluster/image.hpp"
#include "sim/engine/time.hpp"
#include "workloads/images/build_cache.hpp"
#include "workloads/images/dockerfile.hpp"
#include "workloads/images/file_tree.hpp"
#include "workloads/images/image_config.hpp"
#include "workloads/images/image_library.hpp"

namespace berth::docker {

struct BuildOptions {
  std::string name = "image";                     // Of the result.
  std::string target;                             // Stage, by name or index; empty: the last.
  std::map<std::string, std::string> build_args;  // --build-arg.
  std::string platform = "linux/amd64";
  bool no_cache = false;  // Every step runs.
};

// Assumed rates of a builder with an SSD and a 400 Mbit/s line; sizes in bytes a second.
struct BuildRates {
  std::int64_t download = 50'000'000;
  std::int64_t unpack = 100'000'000;  // Unpacked bytes.
  std::int64_t copy = 200'000'000;
};
inline constexpr BuildRates kBuildRates;

enum class StepKind : std::uint8_t { kBase, kLayer, kConfig };

struct BuildStep {
  std::size_t stage = 0;
  std::string stage_name;  // "build", or "stage-1" where it has none.
  Place place;
  StepKind kind = StepKind::kConfig;
  std::string text;  // The instruction on one line.
  std::string key;   // Cache key; empty for kConfig, which needs none.
  bool cached = false;
  bool onbuild = false;              // A trigger of the base.
  std::vector<std::string> reasons;  // Why it was not cached.
  Layer layer;                       // kLayer.
  std::int64_t unpacked_bytes = 0;   // kBase: of all the base's layers.
  std::int64_t compressed_bytes = 0;
  bool estimated = false;  // Size or time come from a model rather than from files or a hint.
  Duration takes;          // If it runs.
  Time start, finish;      // In this build; equal where it was cached.
};

struct BuildResult {
  Image image;
  ImageConfig config;
  std::vector<HistoryEntry> history;
  std::string config_json;
  std::vector<BuildStep> steps;  // Of the stages that were built, in an order in which one builder could run them.
  Duration elapsed;              // Until the last step is done; independent stages run at once.
  Duration work;                 // All steps' time, one after another.
  std::vector<std::string> skipped_stages;
  std::vector<std::string> notes;  // One line each: what was guessed, ignored or is unusual.
};

// Throws InputError for what a build would fail on: unknown target, a source that is not there, a bad substitution.
// The context's files are read and hashed as they are needed. Deterministic.
BuildResult build_image(const Dockerfile& file, BuildContext& context, const ImageLibrary& images,
                        const BuildOptions& options, BuildCache& cache);

}  // namespace berth::docker
