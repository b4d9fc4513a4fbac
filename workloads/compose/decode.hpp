// From the merged tree to typed structs, one function a part. All throw InputError.
#pragma once

#include "workloads/compose/compose_file.hpp"
#include "workloads/compose/fields.hpp"
#include "workloads/compose/interpolation.hpp"

namespace berth::compose {

// What a service's own fields may refer to besides the tree.
struct ServiceContext {
  const Environment& environment;  // For names without a value.
  std::string name;
};

Service decode_service(const Value& value, const ServiceContext& context);

Build decode_build(const Value& value);
Healthcheck decode_healthcheck(const Value& value);
// deploy: into scale, restart, limits.
void decode_deploy(const Value& value, Service& service);
std::vector<Port> decode_ports(const Value& value);
std::vector<Mount> decode_mounts(const Value& value);
std::vector<FileReference> decode_file_references(const Value& value);
// NAME: value or null, which is taken from the environment and left out where that has none.
Pairs decode_pairs(const Value& value, const Environment& environment);

// Settings of the labels berth.dev/… and SERVICE.berth.dev/… onto the default profile: a task runs for
// kDefaultTaskRunSeconds, all else for ever, up after kDefaultStartUpSeconds.
void decode_behavior(const Value* labels, Service& service);
inline constexpr double kDefaultTaskRunSeconds = 1;
inline constexpr double kDefaultStartUpSeconds = 2;
inline constexpr double kDefaultCheckSeconds = 0.1;

// A path as the file that names it means it: below its folder, "~" the home folder. Absolute.
std::string resolve_path(const Value& value, const std::string& path);

}  // namespace berth::compose
