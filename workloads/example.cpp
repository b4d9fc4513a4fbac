#include "workloads/example.hpp"

#include <fmt/format.h>

#include <string>

#include "sim/engine/error.hpp"

namespace berth {

// embedded_examples() is made from the files by workloads/CMakeLists.txt.

Scenario embedded_example(std::string_view name) {
  std::vector<std::string> names;
  for (const EmbeddedExample& example : embedded_examples()) {
    if (example.name == name) return parse_scenario(example.yaml, fmt::format("example:{}", name), {});
    names.emplace_back(example.name);
  }
  throw InputError(fmt::format("there is no example \"{}\"; expected one of {}{}", name, fmt::join(names, ", "),
                               did_you_mean(name, names)));
}

}  // namespace berth
