// The HorizontalPodAutoscaler's own decisions against recorded ones, sync by sync: the recorded scale is what the next
// sync starts from, so that one error does not spoil the rest.
#pragma once

#include <string>

namespace berth::kube {

struct Conformance;  // sim/kube_conformance.hpp

// `text`: a whole recording (JSON lines: a header of kind HPAScenario, then Sync lines); `file` is what errors and
// differences call it. Compared of each sync: desiredReplicas, currentMetrics, conditions (type, status, reason; in any
// order). Throws InputError for a recording without syncs or not of that format. O(size of the text).
Conformance check_hpa_conformance(const std::string& text, const std::string& file);

}  // namespace berth::kube
