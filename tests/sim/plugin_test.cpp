// A policy from outside: the README's own example, built against the installed headers alone, loaded and run.
#include <gtest/gtest.h>

#include "tests/support/process.hpp"
#include "tests/support/small_study.hpp"
#include "tests/support/temp_dir.hpp"

namespace berth::test {
namespace {

// The first ```cpp block behind the heading.
std::string readme_example() {
  const std::string readme = slurp(BERTH_SOURCE_DIR "/README.md");
  const std::size_t heading = readme.find("\n## Adding a policy");
  const std::size_t begin = readme.find("```cpp\n", heading);
  const std::size_t end = readme.find("```", begin + 7);
  if (heading == std::string::npos || begin == std::string::npos || end == std::string::npos)
    throw std::runtime_error("README.md has no example");
  return readme.substr(begin + 7, end - begin - 7);
}

constexpr const char* kSanitizers =
#if defined(__SANITIZE_ADDRESS__)
    "-fsanitize=address,undefined";
#elif defined(__SANITIZE_THREAD__)
    "-fsanitize=thread";
#else
    "";
#endif

TEST(Plugin, TheReadmesExampleIsBuiltAndRun) {
  const TempDir folder;
  const std::string prefix = folder / "prefix", source = folder.file("newest_node.cpp", readme_example()),
                    plugin = folder / "newest_node.so";
  const ProcessResult install = run({"cmake", "--install", BERTH_BINARY_DIR, "--prefix", prefix});
  ASSERT_EQ(install.exit_code, 0) << install.err << install.out;
  const std::string installed = prefix + "/bin/berth";
  ASSERT_TRUE(std::filesystem::exists(installed));
  ASSERT_TRUE(std::filesystem::exists(prefix + "/include/berth/policies/registry.hpp"));

  std::vector<std::string> compile{"g++",     "-std=c++20", "-Wall", "-Wextra",
                                   "-shared", "-fPIC",      "-I",    prefix + "/include/berth",
                                   source,    "-o",         plugin};
  if (*kSanitizers != '\0') compile.emplace_back(kSanitizers);
  const ProcessResult compiled = run(compile);
  ASSERT_EQ(compiled.exit_code, 0) << compiled.err;
  EXPECT_EQ(compiled.err, "");  // No warnings either.

  // Three pods of one core for ever on three nodes of two: the newest node first.
  const std::string scenario = folder.file("three.yaml",
                                           "apiVersion: berth.dev/v1alpha1\nkind: Scenario\nname: three\nnodes:\n- "
                                           "{name: n, count: 3, cpu: \"2\", memory: 8Gi}\n"
                                           "workload:\n  synthetic:\n    pods: 3\n    arrivals: {constant: {rate: "
                                           "1}}\n    templates:\n    - {cpu: \"1\", memory: 1Gi, runTime: forever}\n");
  const auto nodes_of = [&](const std::vector<std::string>& arguments) {
    std::vector<std::string> command{installed, "run", scenario, "--journal", folder / "journal.jsonl"};
    command.insert(command.end(), arguments.begin(), arguments.end());
    const ProcessResult r = run(command);
    EXPECT_EQ(r.exit_code, 0) << r.err;
    std::string nodes, first_node;
    for (const std::string& line : lines_of(slurp(folder / "journal.jsonl"))) {
      if (line.find("\"PodScheduled\"") == std::string::npos) continue;
      const std::size_t at = line.find("\"node\":\"") + 8;
      nodes += line.substr(at, line.find('"', at) - at) + " ";
    }
    return nodes;
  };
  const std::string first = nodes_of({"--policy", "first-fit"});
  ASSERT_EQ(lines_of(slurp(scenario)).size(), 11U);
  // Names of the nodes, oldest first, from where first-fit puts them: two on the first, one on the second.
  std::vector<std::string> names;
  for (const std::string& line : lines_of(slurp(folder / "journal.jsonl"))) {
    if (line.find("\"kind\":\"Node\"") == std::string::npos) continue;
    const std::size_t at = line.find("\"name\":\"") + 8;
    names.push_back(line.substr(at, line.find('"', at) - at));
  }
  ASSERT_EQ(names.size(), 3U);
  EXPECT_EQ(first, names[0] + " " + names[0] + " " + names[1] + " ");
  EXPECT_EQ(nodes_of({"--plugin", plugin, "--policy", "newest-node"}),
            names[2] + " " + names[2] + " " + names[1] + " ");
  // With half of the cpu kept free each takes one pod.
  EXPECT_EQ(nodes_of({"--plugin", plugin, "--policy", "newest-node(spare=0.5)"}),
            names[2] + " " + names[1] + " " + names[0] + " ");

  const ProcessResult listed = run({installed, "policies", "--plugin", plugin});
  EXPECT_NE(listed.out.find("newest-node"), std::string::npos);
  EXPECT_NE(listed.out.find("spare"), std::string::npos);
  const ProcessResult bad = run({installed, "run", scenario, "--plugin", plugin, "--policy", "newest-node(spare=2)"});
  EXPECT_EQ(bad.exit_code, 2);
  // Without the plug-in nobody knows it; twice it is refused.
  const ProcessResult unknown = run({installed, "run", scenario, "--policy", "newest-node"});
  EXPECT_EQ(unknown.exit_code, 2);
  EXPECT_NE(unknown.err.find("unknown scheduler \"newest-node\""), std::string::npos) << unknown.err;
  std::filesystem::copy_file(plugin, folder / "again.so");
  const ProcessResult twice = run({installed, "policies", "--plugin", plugin, "--plugin", folder / "again.so"});
  EXPECT_EQ(twice.exit_code, 2) << "signal " << twice.signal;
  EXPECT_NE(twice.err.find("registered twice"), std::string::npos) << twice.err;
}

}  // namespace
}  // namespace berth::test
