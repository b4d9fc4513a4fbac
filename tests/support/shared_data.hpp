// Tests that read real data from the folder beside the checkout: they skip with a message where it is missing, and
// fail where CI=true, so that a green CI never hides that they did not run.
#pragma once

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <string>
#include <string_view>

namespace berth::test {

inline std::filesystem::path shared_dir() {
  return BERTH_SHARED_DIR;
}
inline bool ci() {
  const char* v = std::getenv("CI");
  return v != nullptr && std::string_view(v) == "true";
}

}  // namespace berth::test

// First line of a test (not of a helper function): needs the file or folder `relative` below the shared folder.
#define BERTH_NEEDS_SHARED(relative)                                                                    \
  if (!std::filesystem::exists(::berth::test::shared_dir() / (relative))) {                             \
    if (::berth::test::ci()) FAIL() << "needs " << (::berth::test::shared_dir() / (relative)).string(); \
    GTEST_SKIP() << "needs " << (::berth::test::shared_dir() / (relative)).string();                    \
  }                                                                                                     \
  static_assert(true)
