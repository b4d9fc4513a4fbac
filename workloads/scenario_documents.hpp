// A scenario's file taken apart: the Scenario first, and behind `---` what belongs to it.
#pragma once

#include <string>
#include <string_view>

namespace berth {

// Each is the whole file with the lines of the others left empty, so that messages name the right line; empty if there
// is no such document.
struct ScenarioDocuments {
  std::string scenario;
  std::string manifests;  // All that is neither of berth.dev's kinds, with its separators.
  std::string traffic;
  std::string faults;
};

// By the lines `apiVersion: berth.dev/…` and `kind: …` at the left margin. A second Traffic or FaultPlan goes to the
// manifests, whose reader says what is wrong with it. O(text).
ScenarioDocuments split_scenario_documents(std::string_view text);

// The kind of a text that is one document of berth.dev's: "Scenario", "Traffic", …; empty for anything else. O(text).
std::string_view own_kind(std::string_view text);

}  // namespace berth
