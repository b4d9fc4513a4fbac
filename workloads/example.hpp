// Scenarios that Berth carries with it, so that it can be tried without any file. The same texts lie in
// workloads/examples/, to be read and changed.
#pragma once

#include <string_view>
#include <vector>

#include "workloads/scenario.hpp"

namespace berth {

struct EmbeddedExample {
  std::string_view name;
  std::string_view yaml;
};

// All of them, by name.
std::vector<EmbeddedExample> embedded_examples();

// The scenario of that name. Throws InputError, with the nearest name, if there is none.
Scenario embedded_example(std::string_view name);

}  // namespace berth
