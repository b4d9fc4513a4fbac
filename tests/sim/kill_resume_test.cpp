// A study that is killed (SIGKILL) at any moment and gone on with says what the unbroken one says.
#include <gtest/gtest.h>

#include <chrono>
#include <thread>

#include "sim/engine/rng.hpp"
#include "tests/support/process.hpp"
#include "tests/support/small_study.hpp"
#include "tests/support/temp_dir.hpp"

namespace berth::test {
namespace {

using Clock = std::chrono::steady_clock;

class Killed : public testing::Test {
 protected:
  Killed() : scenario_(folder_.file("small.yaml", small_scenario("small", 2500))) {}
  std::vector<std::string> command(const std::string& out, bool resume) const {
    std::vector<std::string> c{berth_executable(),
                               "compare",
                               scenario_,
                               "--policies",
                               "least-allocated,fgd,random,best-fit",
                               "--seeds",
                               "1..6",
                               "--jobs",
                               "2",
                               "--journals",
                               "--out",
                               out};
    if (resume) c.push_back("--resume");
    return c;
  }
  static bool whole(const std::filesystem::path& out) { return std::filesystem::exists(out / "summary.csv"); }
  void expect_equal(const std::filesystem::path& a, const std::filesystem::path& b) const {
    for (const char* file : {"summary.csv", "summary.json", "series.csv"})
      EXPECT_TRUE(slurp(a / file) == slurp(b / file)) << file;
    for (const std::string& file : files_below(a / "journals")) {
      EXPECT_TRUE(slurp(a / "journals" / file) == slurp(b / "journals" / file)) << file;
    }
  }
  TempDir folder_;
  std::string scenario_;
};

TEST_F(Killed, AtTwentyRandomMoments) {
  const std::filesystem::path reference = folder_.path() / "reference";
  const auto begun = Clock::now();
  const ProcessResult unbroken = run(command(reference.string(), false));
  ASSERT_EQ(unbroken.exit_code, 0) << unbroken.err;
  const auto took = std::chrono::duration_cast<std::chrono::microseconds>(Clock::now() - begun).count();

  // Moments from the machine's own speed, spread over the whole run; where exactly they fall is not ours to say.
  Rng rng(1, 0, 0, Purpose::kTest);
  int killed = 0;
  for (int i = 0; i < 20; ++i) {
    SCOPED_TRACE(testing::Message() << "kill " << i);
    const std::filesystem::path out = folder_.path() / ("killed" + std::to_string(i));
    {
      Process process(command(out.string(), false));
      std::this_thread::sleep_for(
          std::chrono::microseconds(static_cast<std::int64_t>((i + rng.uniform()) / 20 * static_cast<double>(took))));
      process.kill(SIGKILL);
      const ProcessResult end = process.wait();
      if (end.exit_code == 0) {  // Faster than the reference: it was done.
        expect_equal(reference, out);
        continue;
      }
      ASSERT_EQ(end.signal, SIGKILL);
      ++killed;
    }
    // Nothing that looks finished may be half-written: what is there under its final name is as in the reference.
    for (const std::string& file : files_below(out)) {
      const std::string name = std::filesystem::path(file).filename().string();
      if (name.starts_with("study.sqlite") || name.starts_with(".berth-") || name == "manifest.json") continue;
      EXPECT_TRUE(slurp(out / file) == slurp(reference / file)) << file;
    }
    // Killed before the store was begun there is nothing to go on with; then it is begun anew.
    ProcessResult again = run(command(out.string(), true));
    if (again.exit_code == 2 && !std::filesystem::exists(out / "study.sqlite"))
      again = run(command(out.string(), false));
    ASSERT_EQ(again.exit_code, 0) << again.err;
    expect_equal(reference, out);
  }
  EXPECT_GE(killed, 10);
}

TEST_F(Killed, AgainAndAgain) {
  const std::filesystem::path reference = folder_.path() / "reference", out = folder_.path() / "out";
  const auto begun = Clock::now();
  ASSERT_EQ(run(command(reference.string(), false)).exit_code, 0);
  const auto took = std::chrono::duration_cast<std::chrono::microseconds>(Clock::now() - begun).count();
  Rng rng(2, 0, 0, Purpose::kTest);
  int kills = 0;
  for (; kills < 200 && !whole(out); ++kills) {
    Process process(command(out.string(), std::filesystem::exists(out / "study.sqlite")));
    // Ever a little longer, so that it ends on a slow machine too.
    std::this_thread::sleep_for(std::chrono::microseconds(
        static_cast<std::int64_t>((0.15 + 0.02 * kills + 0.1 * rng.uniform()) * static_cast<double>(took))));
    process.kill(SIGKILL);
    process.wait();
  }
  ASSERT_TRUE(whole(out)) << "no progress in " << kills << " attempts";
  ASSERT_EQ(run(command(out.string(), true)).exit_code, 0);
  expect_equal(reference, out);
}

}  // namespace
}  // namespace berth::test
