// The scenario reader against arbitrary bytes: JSON lines, kubectl dumps in JSON and YAML, scheduler configurations.
// Whatever comes in ends in a scenario or in an InputError of one line; what is read must also play to its end, with
// the naive and the fast pass deciding alike. With libFuzzer: scripts/fuzz scenario. Without it, this file's main()
// plays the corpus, as the tests do.
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include "sim/engine/error.hpp"
#include "sim/kube_scenario.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  try {
    const berth::kube::Scenario scenario =
        berth::kube::parse_scenario(std::string(reinterpret_cast<const char*>(data), size), "fuzz");
    // Large ones would only make the fuzzer slow.
    if (scenario.arrivals.size() > 20 || scenario.objects.nodes.size() > 20) return 0;
    // Both passes decide, and must agree.
    berth::kube::ReplayHooks hooks;
    hooks.ask_fast = true;
    hooks.decided = [](const berth::kube::Step& step,
                       const berth::kube::ClusterState&) -> std::optional<berth::kube::Applied> {
      const std::uint32_t node = step.decision.node == nullptr ? berth::kube::kNoValue : step.decision.node->index;
      if (step.fast->node != node || step.fast->feasible != step.decision.feasible.size()) std::abort();
      return std::nullopt;
    };
    berth::kube::replay(scenario, berth::kube::TieRule::kFirst, 1, hooks);
  } catch (const berth::InputError& e) {
    if (std::string(e.what()).find('\n') != std::string::npos) std::abort();
  }
  return 0;
}

#ifndef BERTH_LIBFUZZER
int main(int argc, char** argv) {
  std::size_t files = 0;
  for (int i = 1; i < argc; ++i) {
    for (const auto& entry : std::filesystem::directory_iterator(argv[i])) {
      std::ifstream in(entry.path(), std::ios::binary);
      const std::string text(std::istreambuf_iterator<char>(in), {});
      LLVMFuzzerTestOneInput(reinterpret_cast<const std::uint8_t*>(text.data()), text.size());
      ++files;
    }
  }
  std::printf("%zu inputs\n", files);
  return files == 0 ? 1 : 0;
}
#endif
