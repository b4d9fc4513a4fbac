// Which stages a build needs, and in which order they may run: FROM stage, COPY --from=stage and RUN --mount=from=stage
// are edges. Stages that the target does not reach are not built; stages without a path between them run at once.
// Source: BuildKit, frontend/dockerfile/dockerfile2llb (stage resolution); Boost.Graph for reachability and order.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "workloads/images/dockerfile.hpp"

namespace berth::docker {

// The stage that `name` means to an instruction of stage `before`: an index ("0") or a name, case aside, of an earlier
// stage. Nullopt: an image. Throws InputError at `place` for a stage that comes later or is the same, or an index that
// does not exist.
std::optional<std::size_t> find_stage(const Dockerfile& file, std::string_view name, std::size_t before,
                                      const Place& place);

// The earlier stage that stage `before` stands on if its base is called `base`; nullopt: an image. Exact case, as in
// FROM; of equal names the last one counts.
std::optional<std::size_t> find_base_stage(const Dockerfile& file, std::string_view base, std::size_t before);

struct BuildGraph {
  std::vector<std::vector<std::size_t>> needs;  // By stage: the stages it needs, ascending, each once.
  std::vector<std::size_t> order;               // What the target needs, each after what it needs itself.
  std::vector<std::size_t> unused;              // Stages the target does not reach, ascending.
};

// `bases`: by stage, the base's name with variables substituted. `instructions`: by stage, what it runs, inherited
// ONBUILD triggers included. O(instructions · stages).
BuildGraph build_graph(const Dockerfile& file, const std::vector<std::string>& bases,
                       const std::vector<std::vector<Instruction>>& instructions, std::size_t target);

}  // namespace berth::docker
