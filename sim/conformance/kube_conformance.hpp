// Own decisions against recorded ones, step by step: after each step the recorded choice is applied, so that one error
// does not spoil the rest.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "sim/kube_scenario.hpp"

namespace berth::kube {

struct Difference {
  std::string file;
  std::size_t line = 0;  // Of the recorded decision.
  std::string step;      // "step 12, default/app-1, attempt 1"
  std::string member;    // "scores", "rejected" …
  std::string expected;  // JSON, the part that differs; bounded length.
  std::string got;
};

struct Conformance {
  std::string flavour;
  std::size_t compared = 0;             // Decisions.
  std::size_t equal = 0;                // In every member.
  std::vector<Difference> differences;  // One per unequal decision and member, the first `kMaxDifferences`.
};
inline constexpr std::size_t kMaxDifferences = 20;

// What is compared: step, pod and attempt; result; feasible; rejected (plugin, code, reasons as a set, per node); via;
// plugins, scores and raw; ties as a set; volumes (of the recorded node); preemption (eligible, message, candidates
// with victims and violations, ties, cleared); departed. The choice among ties is not. A recording with fewer or more
// decisions than the replay makes counts as unequal. Throws InputError for a file without decisions.
Conformance check_conformance(const Scenario& scenario);

}  // namespace berth::kube
