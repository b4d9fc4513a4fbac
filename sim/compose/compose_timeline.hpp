// A run of a project as a timeline: project > images, project > service > container. Waits are slices of the service,
// starting, running and back-off of the container; arrows lead from what was waited for to what waited.
#pragma once

#include "results/timeline.hpp"
#include "sim/compose/run_result.hpp"
#include "workloads/compose/compose_file.hpp"

namespace berth::compose {

// `result` is of `project`. O(events).
Timeline compose_timeline(const Project& project, const RunResult& result);

}  // namespace berth::compose
