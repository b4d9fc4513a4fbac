#include "results/study_store.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sqlite3.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <bit>
#include <cmath>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <functional>
#include <limits>
#include <thread>

#include "sim/engine/error.hpp"
#include "sim/engine/rng.hpp"

namespace berth {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;
using testing::StartsWith;
using Mode = StudyStore::Mode;

class StudyStoreTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string name = (fs::temp_directory_path() / "berth-store-XXXXXX").string();
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    folder_ = name;
    path_ = folder_ / "study.sqlite";
  }
  void TearDown() override { fs::remove_all(folder_); }
  std::string refusal(std::string_view fingerprint, Mode mode) const {
    try {
      StudyStore::open(path_, fingerprint, mode);
    } catch (const InputError& error) {
      return error.what();
    }
    return "opened";
  }
  fs::path folder_;
  fs::path path_;
};

// What run `index` of a made-up study gives: a pure function, so that any process knows what must be stored.
RunResult make_run(std::size_t index, std::size_t points = 300) {
  Rng rng(index, 0, 0, Purpose::kTest);
  RunResult run;
  run.key = {"scenario-" + std::to_string(index % 3), "best-fit(a=1, b=\"x'y\")", rng.u64()};
  for (int i = 0; i < 40; ++i) run.metrics.push_back({"metric_" + std::to_string(i), rng.uniform() * 1e9});
  for (const char* name : {"gpu_allocation_pct", "pods_pending"}) {
    Series& series = run.series.emplace_back(Series{name, "time_seconds", {}, {}});
    for (std::size_t i = 0; i < points; ++i) {
      series.x.push_back(static_cast<double>(i));
      series.y.push_back(rng.uniform());
    }
  }
  return run;
}

TEST_F(StudyStoreTest, ResumesWithWhatWasPut) {
  {
    StudyStore store = StudyStore::open(path_, "f", Mode::kNew);
    EXPECT_TRUE(store.finished().empty());
    for (const std::size_t index : {7, 2, 1'000'000'000, 0}) store.put(index, make_run(index));
    EXPECT_EQ(store.load().size(), 4U);
  }
  EXPECT_EQ(std::distance(fs::directory_iterator(folder_), fs::directory_iterator()), 1);  // One file, once closed.
  StudyStore store = StudyStore::open(path_, "f", Mode::kResume);
  EXPECT_EQ(store.finished(), (std::set<std::size_t>{0, 2, 7, 1'000'000'000}));
  EXPECT_EQ(store.load(), (std::vector{make_run(0), make_run(2), make_run(7), make_run(1'000'000'000)}));
}

TEST_F(StudyStoreTest, EveryDoubleComesBack) {
  using Limits = std::numeric_limits<double>;
  RunResult run;
  run.key = {"", "π", std::numeric_limits<std::uint64_t>::max()};
  std::vector<double> values{0.0,
                             -0.0,
                             0.1,
                             3,
                             -7e15,
                             1e300,
                             Limits::max(),
                             Limits::lowest(),
                             Limits::min(),
                             Limits::denorm_min(),
                             Limits::infinity(),
                             -Limits::infinity(),
                             Limits::quiet_NaN()};
  for (const double v : values) run.metrics.push_back({"m", v});
  run.series = {{"y", "x", values, values}, {"empty", "x", {}, {}}};
  {
    StudyStore store = StudyStore::open(path_, "f", Mode::kNew);
    store.put(0, run);
  }
  const RunResult back = StudyStore::open(path_, "f", Mode::kResume).load().at(0);
  EXPECT_EQ(back.key, run.key);
  ASSERT_EQ(back.metrics.size(), values.size());
  ASSERT_EQ(back.series.size(), 2U);
  ASSERT_EQ(back.series[0].x.size(), values.size());
  EXPECT_TRUE(back.series[1].x.empty());
  for (std::size_t i = 0; i < values.size(); ++i) {
    const auto bits = std::bit_cast<std::uint64_t>(values[i]);
    EXPECT_EQ(std::bit_cast<std::uint64_t>(back.metrics[i].value), bits) << values[i];
    EXPECT_EQ(std::bit_cast<std::uint64_t>(back.series[0].x[i]), bits) << values[i];
    EXPECT_EQ(std::bit_cast<std::uint64_t>(back.series[0].y[i]), bits) << values[i];
  }
}

TEST_F(StudyStoreTest, RefusesWhatIsNotThisStudy) {
  EXPECT_EQ(refusal("f", Mode::kResume), path_.string() +
                                             ": no study to resume; expected one begun earlier in this folder; leave "
                                             "--resume out to begin it");
  EXPECT_FALSE(fs::exists(path_));
  StudyStore::open(path_, "version: 1\ntrace: aa\nseeds: 1..5", Mode::kNew).put(0, make_run(0));
  EXPECT_THAT(refusal("version: 1\ntrace: aa\nseeds: 1..5", Mode::kNew),
              HasSubstr(": already holds a study with 1 finished runs; expected a folder without one; use --resume"));
  EXPECT_THAT(refusal("version: 1\ntrace: bb\nseeds: 1..5", Mode::kResume),
              HasSubstr("it was begun with \"trace: aa\", this one has \"trace: bb\"; expected the same study"));
  EXPECT_THAT(refusal("version: 1\ntrace: aa", Mode::kResume), HasSubstr("with \"seeds: 1..5\", this one has \"\""));
  EXPECT_EQ(refusal("version: 1\ntrace: aa\nseeds: 1..5", Mode::kResume), "opened");
}

TEST_F(StudyStoreTest, RefusesASecondWriter) {
  StudyStore store = StudyStore::open(path_, "f", Mode::kNew);
  for (const Mode mode : {Mode::kNew, Mode::kResume}) {
    EXPECT_THAT(refusal("f", mode), HasSubstr("database is locked; another process works on this study"));
  }
  store.put(0, make_run(0));
  EXPECT_EQ(store.load().size(), 1U);
}

TEST_F(StudyStoreTest, RefusesForeignFilesUntouched) {
  const std::string text(5000, 'x');
  std::ofstream(path_) << text;
  EXPECT_THAT(refusal("f", Mode::kNew), HasSubstr(": cannot open: file is not a database; expected a study.sqlite"));
  std::ifstream in(path_);
  EXPECT_EQ(std::string(std::istreambuf_iterator<char>(in), {}), text);
  fs::remove(path_);
  sqlite3* db = nullptr;
  ASSERT_EQ(sqlite3_open(path_.c_str(), &db), SQLITE_OK);
  ASSERT_EQ(sqlite3_exec(db, "CREATE TABLE mine(a)", nullptr, nullptr, nullptr), SQLITE_OK);
  sqlite3_close(db);
  EXPECT_THAT(refusal("f", Mode::kResume), HasSubstr("holds a database of another program"));
  path_ = folder_ / "missing" / "study.sqlite";
  EXPECT_THAT(refusal("f", Mode::kNew), HasSubstr("cannot open: unable to open database file; expected a file in an"));
}

TEST_F(StudyStoreTest, ThreadsTakeTurns) {
  {
    StudyStore store = StudyStore::open(path_, "f", Mode::kNew);
    std::vector<std::thread> threads;
    for (std::size_t t = 0; t < 4; ++t) {
      threads.emplace_back([&store, t] {
        for (std::size_t i = 0; i < 25; ++i) store.put(4 * i + t, make_run(4 * i + t, 10));
      });
    }
    for (std::thread& thread : threads) thread.join();
  }
  const std::vector<RunResult> runs = StudyStore::open(path_, "f", Mode::kResume).load();
  ASSERT_EQ(runs.size(), 100U);
  for (std::size_t i = 0; i < runs.size(); ++i) EXPECT_EQ(runs[i], make_run(i, 10)) << i;
}

// A child stores runs 0, 1, 2 … and tells us each one it has put; we kill it at a random moment, over and over, as a
// user's kill -9 would. All that it told must be there, nothing half, and the study must come to its end.
TEST_F(StudyStoreTest, SurvivesKill9) {
  constexpr std::size_t kRuns = 400;
  Rng rng(11, 0, 0, Purpose::kTest);
  std::size_t done = 0;
  int kills = 0;
  for (int round = 0; round < 400 && done < kRuns; ++round) {
    std::array<int, 2> pipe_ends{};
    ASSERT_EQ(::pipe(pipe_ends.data()), 0);
    std::fflush(nullptr);
    const pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      try {
        StudyStore store = StudyStore::open(path_, "f", fs::exists(path_) ? Mode::kResume : Mode::kNew);
        for (std::size_t i = store.finished().size(); i < kRuns; ++i) {
          store.put(i, make_run(i));
          const char told = '.';
          if (::write(pipe_ends[1], &told, 1) != 1) ::_exit(2);
        }
        ::_exit(0);  // Without closing the store, as a kill would.
      } catch (const InputError& error) {
        std::fprintf(stderr, "%s\n", error.what());
        ::_exit(1);
      }
    }
    ::close(pipe_ends[1]);
    ::usleep(rng.below(12'000 + 500 * static_cast<std::uint32_t>(round)));  // Longer by and by, for slow machines.
    ::kill(child, SIGKILL);
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    ASSERT_TRUE(WIFSIGNALED(status) || WEXITSTATUS(status) == 0) << "child failed with " << WEXITSTATUS(status);
    kills += WIFSIGNALED(status) ? 1 : 0;
    std::size_t told = 0;
    for (char c = 0; ::read(pipe_ends[0], &c, 1) == 1;) ++told;
    ::close(pipe_ends[0]);
    if (!fs::exists(path_)) continue;  // Killed before it had made the file.
    const std::set<std::size_t> finished = StudyStore::open(path_, "f", Mode::kResume).finished();
    ASSERT_GE(finished.size(), done + told);
    ASSERT_LE(finished.size(), done + told + 1);  // At most the one that it had no time to tell.
    done = finished.size();
    if (done > 0) {
      ASSERT_EQ(*finished.rbegin(), done - 1);
    }
  }
  EXPECT_EQ(done, kRuns);
  EXPECT_GE(kills, 3);
  const std::vector<RunResult> runs = StudyStore::open(path_, "f", Mode::kResume).load();
  ASSERT_EQ(runs.size(), kRuns);
  for (std::size_t i = 0; i < kRuns; ++i) ASSERT_EQ(runs[i], make_run(i)) << i;
}

// A file that may not grow stands for a full disk: the put that does not fit throws and leaves no part of its run.
TEST_F(StudyStoreTest, FullDiskLosesOnlyTheRunThatDidNotFit) {
  std::fflush(nullptr);
  const pid_t child = ::fork();
  if (child == 0) {
    std::signal(SIGXFSZ, SIG_IGN);
    const rlimit limit{300'000, 300'000};
    if (::setrlimit(RLIMIT_FSIZE, &limit) != 0) ::_exit(100);
    std::size_t stored = 0;
    try {
      StudyStore store = StudyStore::open(path_, "f", Mode::kNew);
      for (; stored < 90; ++stored) store.put(stored, make_run(stored, 1000));
    } catch (const InputError& error) {
      const std::string text = error.what();
      const bool good = text.starts_with(path_.string() + ": cannot write: ") && text.find("--resume") != text.npos &&
                        text.find('\n') == text.npos;
      ::_exit(good ? static_cast<int>(stored) : 101);
    }
    ::_exit(102);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  ASSERT_TRUE(WIFEXITED(status));
  const auto stored = static_cast<std::size_t>(WEXITSTATUS(status));
  ASSERT_GT(stored, 1U);  // 33 kB a run.
  ASSERT_LT(stored, 10U);
  StudyStore store = StudyStore::open(path_, "f", Mode::kResume);
  ASSERT_EQ(store.finished().size(), stored);
  store.put(stored, make_run(stored, 1000));
  const std::vector<RunResult> runs = store.load();
  for (std::size_t i = 0; i < runs.size(); ++i) EXPECT_EQ(runs[i], make_run(i, 1000)) << i;
}

}  // namespace
}  // namespace berth
