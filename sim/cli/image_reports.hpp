// What `berth build` and `berth image` share: building a folder, and spelling sizes and times.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "sim/cli/build.hpp"
#include "sim/engine/time.hpp"
#include "workloads/images/image_build.hpp"

namespace berth {

struct BuiltImage {
  docker::BuildResult result;
  Duration first_elapsed;  // With --after: of the first build.
};
// Reads the Dockerfile and the context and builds, with --after twice.
BuiltImage build_folder(const BuildFlags& flags, const ImageLibrary& library);

void check_output(const std::string& output);  // InputError unless "table" or "json".
void print(const std::string& text);
void print_notes(const std::vector<std::string>& notes);  // To standard error.
std::string human_bytes(std::int64_t bytes);              // "12.3MiB".
std::string human_time(Duration d);                       // "1m2.5s", to a tenth of a second.
std::string one_line(std::string_view text, std::size_t width);

}  // namespace berth
