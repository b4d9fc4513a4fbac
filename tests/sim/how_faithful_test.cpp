// The page "How faithful is this?" carries a table that `berth conformance` prints. Expected: what it prints now.
#include <gtest/gtest.h>

#include <fstream>
#include <iterator>

#include "tests/support/process.hpp"
#include "tests/support/shared_data.hpp"

namespace berth::test {
namespace {

TEST(HowFaithful, TheTableIsWhatConformancePrints) {
  BERTH_NEEDS_SHARED("conformance/scheduler");
  std::ifstream in(BERTH_SOURCE_DIR "/policies/schedulers/kube/how-faithful.md");
  const std::string page(std::istreambuf_iterator<char>(in), {});
  const std::string begin = "<!-- conformance -->\n";
  const std::size_t from = page.find(begin);
  const std::size_t to = page.find("<!-- end -->");
  ASSERT_NE(from, std::string::npos);
  ASSERT_NE(to, std::string::npos);
  const ProcessResult run = run_berth({"conformance", (shared_dir() / "conformance/scheduler").string(), "--markdown"});
  EXPECT_EQ(run.exit_code, 0) << run.err;
  EXPECT_EQ(page.substr(from + begin.size(), to - from - begin.size()), run.out);
}

}  // namespace
}  // namespace berth::test
