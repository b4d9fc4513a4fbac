// The annotations of pods that say what their containers do in a simulation: docs/manifests.md lists them.
#pragma once

#include <string_view>

#include "sim/cluster/pod_spec.hpp"

namespace berth::kube {
class Reader;
}

namespace berth::manifest {

// What containers do that no annotation speaks of: those that are to end (regular init containers, and all containers
// of pods whose restart policy is not Always) take this long and exit with 0; all others run for ever.
inline constexpr double kDefaultInitRunSeconds = 1;
inline constexpr double kDefaultTaskRunSeconds = 60;

// Sets behavior of every container of `pod` from the default profile and its annotations (a map of strings, or null).
// `berth.dev/SETTING` is for all regular containers, `CONTAINER.berth.dev/SETTING` for one, init containers included.
// Throws InputError for an unknown setting or container (with did-you-mean) and for a bad value.
void read_behavior(const kube::Reader* annotations, kube::api::Pod& pod);

}  // namespace berth::manifest
