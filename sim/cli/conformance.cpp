#include "sim/cli/conformance.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <string_view>
#include <vector>

#include "sim/conformance/controllers_conformance.hpp"
#include "sim/conformance/hpa_conformance.hpp"
#include "sim/conformance/kube_conformance.hpp"
#include "sim/engine/error.hpp"
#include "sim/kube_scenario.hpp"

namespace berth {
namespace {

using kube::Conformance;

void print(const std::string& text) {
  std::fwrite(text.data(), 1, text.size(), stdout);
}

Conformance check_scheduler(const std::string& text, const std::string& file) {
  return kube::check_conformance(kube::parse_scenario(text, file));
}

// What was recorded, by the `kind` of the header line. The scheduler's reader says what is wrong with anything else.
Conformance check(const std::string& text, const std::string& file) {
  const std::string_view first = std::string_view(text).substr(0, text.find('\n'));
  const nlohmann::json header = nlohmann::json::parse(first, nullptr, false);
  const std::string kind = header.is_object() && header.contains("kind") && header["kind"].is_string()
                               ? header["kind"].get<std::string>()
                               : std::string();
  if (kind == "HPAScenario") return kube::check_hpa_conformance(text, file);
  if (kind == "Scenario" && header.contains("objects")) {
    return controllers::check_timelines(text, file).steps;
  }
  return check_scheduler(text, file);
}

std::vector<std::string> recordings(const std::string& path) {
  std::error_code error;
  if (!std::filesystem::is_directory(path, error)) return {path};
  std::vector<std::string> files;
  for (const auto& entry : std::filesystem::directory_iterator(path)) {
    const std::string name = entry.path().string();
    if (name.ends_with(".jsonl.gz") || name.ends_with(".jsonl")) files.push_back(name);
  }
  std::sort(files.begin(), files.end());
  if (files.empty()) throw InputError(path + ": has no *.jsonl or *.jsonl.gz; expected recorded decisions");
  return files;
}

struct Sum {
  std::size_t files = 0;
  std::size_t compared = 0;
  std::size_t equal = 0;
  std::vector<kube::Difference> first;  // The first difference, if any.

  void add(const Conformance& result) {
    ++files;
    compared += result.compared;
    equal += result.equal;
    if (first.empty() && !result.differences.empty()) first.push_back(result.differences.front());
  }
};

}  // namespace

bool compare_recordings(const std::string& path, bool markdown) {
  std::map<std::string, Sum> by_flavour;
  Sum total;
  const auto begun = std::chrono::steady_clock::now();
  for (const std::string& file : recordings(path)) {
    const Conformance result = check(kube::read_maybe_gzip(file), file);
    by_flavour[result.flavour].add(result);
    total.add(result);
  }
  const double elapsed = std::chrono::duration<double>(std::chrono::steady_clock::now() - begun).count();
  if (markdown) {
    print("| flavour | files | compared | equal |\n|---|---|---|---|\n");
    for (const auto& [flavour, sum] : by_flavour) {
      print(fmt::format("| {} | {} | {} | {} |\n", flavour, sum.files, sum.compared, sum.equal));
    }
    print(fmt::format("| **all** | {} | {} | {} |\n", total.files, total.compared, total.equal));
    return total.equal == total.compared;
  }
  print(fmt::format("{:<16} {:>5} {:>9} {:>9}\n", "flavour", "files", "compared", "equal"));
  for (const auto& [flavour, sum] : by_flavour) {
    print(fmt::format("{:<16} {:>5} {:>9} {:>9}\n", flavour, sum.files, sum.compared, sum.equal));
    for (const kube::Difference& d : sum.first) {
      print(fmt::format("  {}:{}: {}: {} differs\n    recorded: {}\n    own:      {}\n", d.file, d.line, d.step,
                        d.member, d.expected, d.got));
    }
  }
  print(fmt::format("{:<16} {:>5} {:>9} {:>9}\n", "all", total.files, total.compared, total.equal));
  std::fprintf(stderr, "berth: %.1f s, %.0f decisions/s, reading and comparing included\n", elapsed,
               static_cast<double>(total.compared) / std::max(elapsed, 1e-9));
  return total.equal == total.compared;
}

}  // namespace berth
