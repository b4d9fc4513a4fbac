// `docker compose up` on one host: images, then networks and volumes, then all containers are created, then started,
// both in dependency order; a service whose dependencies have conditions waits, looking every 500 ms. Then what goes on
// until the run's end: health checks, restarts, `docker compose restart` and `stop` at given times.
// Source: docker compose, pkg/compose/{up,create,start,convergence,restart,stop}.go.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "sim/compose/docker_host.hpp"
#include "sim/compose/docker_images.hpp"
#include "sim/compose/run_result.hpp"
#include "sim/engine/distribution.hpp"
#include "sim/engine/time.hpp"
#include "workloads/compose/compose_file.hpp"
#include "workloads/images/image_library.hpp"

namespace berth::compose {

inline constexpr Duration kDependencyPoll = milliseconds(500);  // convergence.go, waitDependencies.

struct RunOptions {
  std::uint64_t seed = 1;
  DockerRates rates;
  std::vector<std::string> present;  // Images on the host at the start.
  // Assumed, as for a kubelet's containers: 0.1 to 0.7 s together.
  Distribution create_time = Distribution::parse("uniform(min=0.05, max=0.35)", "create_time");
  Distribution start_time = Distribution::parse("uniform(min=0.05, max=0.35)", "start_time");
  Duration network_time = milliseconds(100);  // To create one. Assumed.
  Duration volume_time = milliseconds(10);
  // The clock stops here; zero: when all is settled, or failed, at `patience` at the latest.
  Duration run_for;
  Duration patience = seconds(3600);
  std::vector<std::pair<Duration, std::string>> restarts;  // `docker compose restart SERVICE` at these times.
  bool stop_at_end = false;                                // `docker compose stop` when the clock would stop.
};

// Deterministic. Throws InputError for a Dockerfile that cannot be built and for options that name no service.
// O(events log events).
RunResult run_project(const Project& project, const ImageLibrary& library, const RunOptions& options);

}  // namespace berth::compose
