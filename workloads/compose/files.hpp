// From files to one tree: variables put in, included files taken in, bases of `extends` merged below, then file upon
// file. Source: Compose specification, 10-fragments.md … 14-include.md, 05-services.md "extends"; compose-go, loader/.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "workloads/compose/interpolation.hpp"
#include "workloads/compose/notes.hpp"
#include "workloads/compose/tree.hpp"

namespace berth::compose {

inline constexpr std::size_t kMaxFiles = 1000;             // That one project may read.
inline constexpr std::size_t kMaxSection = 10'000;         // Services, networks … in one file.
inline constexpr std::size_t kMaxMergedNodes = 4'000'000;  // Values that bases and includes may add up to.

struct FilesResult {
  Node root;                       // Canonical; a map, or null if there is nothing in the files.
  std::vector<std::string> files;  // All that were read, in order.
};

// `folder`: the project's; relative paths in `files` themselves are the caller's. Throws InputError.
FilesResult read_files(const std::vector<std::string>& files, const std::filesystem::path& folder,
                       const Environment& environment, Notes& notes);

// `outer` and what the env files add to it: `outer` counts first, then a later file before an earlier one. A missing
// file is an error if `required`.
Environment with_env_files(const Environment& outer, const std::vector<std::filesystem::path>& files, bool required);

}  // namespace berth::compose
