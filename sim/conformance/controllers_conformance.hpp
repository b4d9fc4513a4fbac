// Recorded timelines of the controllers of kube-controller-manager against ours: the objects of a scenario are
// created, its script is played and a fake kubelet answers, all on a virtual clock; at the end of every second in which
// something changed the whole state is compared. Format and rules: conformance/controllers/README.md.
#pragma once

#include <cstddef>
#include <string>

#include "sim/conformance/kube_conformance.hpp"

namespace berth::controllers {

struct TimelineConformance {
  // Steps. `equal`: those at which every object is as recorded, with no other change since the step before.
  // `differences`: the first second at which a scenario differs, one per object; `step` tells scenario and second.
  kube::Conformance steps;
  std::size_t scenarios = 0;
  std::size_t scenarios_equal = 0;  // Equal from the first second to the last.
};

// Whether the file (*.jsonl, *.jsonl.gz) begins with a scenario of one of the flavours below.
bool is_timeline_file(const std::string& path);

// All scenarios of a file. Flavours: deployment, replicaset, statefulset, daemonset, job, cronjob, disruption,
// nodelifecycle. Throws InputError for what is no such file.
TimelineConformance check_timelines(const std::string& path);
// The same for text in memory; `name` stands for the file in messages.
TimelineConformance check_timelines(const std::string& text, const std::string& name);

}  // namespace berth::controllers
