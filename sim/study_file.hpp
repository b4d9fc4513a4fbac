// A study as one YAML file:
//
//   apiVersion: berth.dev/v1alpha1
//   kind: Study
//   name: spread-or-pack
//   scenarios:                       # files beside this one, or embedded examples
//   - {file: mixed-day.yaml}
//   - {example: gpu-sharing}
//   policies:
//   - best-fit
//   - scheduler=power-of-k(k=4)
//   - {scheduler: power-of-k, params: {k: 8}}
//   # or by kind, for all combinations: policies: {scheduler: [kube-scheduler, best-fit], images: [registry, mirror]}
//   seeds: 1..10
//   baseline: best-fit               # absent: the first policy
//   orderDir: order                  # fill protocol: published orders
//   metrics: [pod_wait_seconds_mean] # shown on the terminal; absent: a choice
#pragma once

#include <filesystem>

#include "sim/study.hpp"

namespace berth {

// True if the file is YAML of kind Study. False if it cannot be read or parsed: whoever loads it says why.
bool is_study_file(const std::filesystem::path& path);

// Throws InputError, `file:line:column: what is wrong; what was expected`.
StudySpec load_study(const std::filesystem::path& path);

}  // namespace berth
