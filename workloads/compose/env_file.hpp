// Env files: `.env`, --env-file and a service's env_file. NAME=value a line; quotes, comments, `export`, values over
// several lines, and variables in values. Source: Compose specification, 05-services.md, "Env_file format".
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "workloads/compose/interpolation.hpp"

namespace berth::compose {

// In the order of the file; a name may come twice, the last counts. nullopt: a name alone, which takes its value from
// the environment. Variables in values that are not in single quotes are looked up in `outer` first, then among the
// lines above, then in `earlier` files. `raw`: nothing is quoted, expanded or a comment behind a value (env_file's
// format: raw). Throws InputError, `file:line:column: …`. O(text + values).
std::vector<std::pair<std::string, std::optional<std::string>>> parse_env_file(std::string_view text,
                                                                               const std::string& file,
                                                                               const Lookup& outer, bool raw = false,
                                                                               Environment earlier = {});

}  // namespace berth::compose
