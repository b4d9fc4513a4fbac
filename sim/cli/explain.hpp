// `berth explain`: what happened to a pod, step by step, and why. Free of how flags are spelt (main.cpp). Throws
// InputError for bad input.
#pragma once

#include <cstdint>
#include <string>

#include "sim/cli/commands.hpp"

namespace berth {

struct ExplainFlags {
  InputFlags input;
  std::string pod;     // Part of "namespace/name"; empty: all pods, if they are few.
  std::string policy;  // As in RunFlags.
  std::uint64_t seed = 1;
  std::string output = "text";  // Or json, or chrome (Chrome's trace JSON).
  std::string trace;            // File for ui.perfetto.dev; empty: none.
};
void explain_command(const ExplainFlags& flags);

}  // namespace berth
