#include "results/files.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <bit>
#include <cmath>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <functional>

#include "sim/engine/error.hpp"
#include "sim/engine/rng.hpp"

namespace berth {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

class FilesTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string name = (fs::temp_directory_path() / "berth-files-XXXXXX").string();
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    folder_ = name;
  }
  void TearDown() override { fs::remove_all(folder_); }
  static std::string read(const fs::path& path) {
    std::ifstream in(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
  }
  static std::size_t entries(const fs::path& path) {
    return static_cast<std::size_t>(std::distance(fs::directory_iterator(path), fs::directory_iterator()));
  }
  static std::string message(const std::function<void()>& action) {
    try {
      action();
    } catch (const InputError& error) {
      return error.what();
    }
    return "no error";
  }
  fs::path folder_;
};

constexpr int kSkip = 77;

// Runs `body` in a child and returns its exit code: for limits and mounts that must not outlive the test.
int in_child(const std::function<int()>& body) {
  std::fflush(nullptr);
  const pid_t child = ::fork();
  if (child == 0) ::_exit(body());
  int status = 0;
  ::waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

TEST_F(FilesTest, ReplacesWholeOrNotAtAll) {
  const fs::path path = folder_ / "summary.csv";
  write_file_atomically(path, "old");
  {
    AtomicFile file(path);
    file.write(std::string(200'000, 'x'));
    EXPECT_EQ(read(path), "old");  // Not committed.
  }
  EXPECT_EQ(read(path), "old");
  EXPECT_EQ(entries(folder_), 1U);  // The abandoned temporary is gone.
  write_file_atomically(path, std::string("new\0x", 5));
  EXPECT_EQ(read(path), std::string("new\0x", 5));
  write_file_atomically(path, "");
  EXPECT_EQ(read(path), "");
  EXPECT_EQ(entries(folder_), 1U);
}

TEST_F(FilesTest, FollowsLinksAndWritesToDevices) {
  write_file_atomically(folder_ / "target", "a");
  fs::create_symlink("target", folder_ / "link");
  write_file_atomically(folder_ / "link", "b");
  EXPECT_TRUE(fs::is_symlink(folder_ / "link"));
  EXPECT_EQ(read(folder_ / "target"), "b");
  write_file_atomically("/dev/null", "gone");
  EXPECT_TRUE(fs::is_character_file("/dev/null"));
}

TEST_F(FilesTest, LongestLegalName) {
  const fs::path path = folder_ / std::string(255, 'n');
  write_file_atomically(path, "x");
  EXPECT_EQ(read(path), "x");
}

TEST_F(FilesTest, SaysWhyItCannotWrite) {
  EXPECT_EQ(message([] { write_file_atomically("/dev/full", "x"); }),
            "/dev/full: cannot write: No space left on device; free some space or choose another folder");
  const fs::path missing = folder_ / "no" / "summary.csv";
  EXPECT_EQ(message([&] { write_file_atomically(missing, "x"); }),
            missing.string() + ": cannot write: No such file or directory; expected an existing folder");
  EXPECT_THAT(message([&] { write_file_atomically(folder_, "x"); }), HasSubstr(": cannot write: Is a directory; "));
  write_file_atomically(folder_ / "file", "x");
  EXPECT_THAT(message([&] { write_file_atomically(folder_ / "file" / "a", "x"); }), HasSubstr("Not a directory"));
  EXPECT_THAT(message([&] { make_output_dir(folder_ / "file"); }), HasSubstr("file: cannot write: Not a directory"));
  EXPECT_THAT(message([] { make_output_dir(""); }), HasSubstr("empty; expected a folder"));
  EXPECT_THAT(message([&] { sha256_file(folder_ / "none"); }), HasSubstr("none: cannot read: No such file"));
  EXPECT_THAT(message([&] { sha256_file(folder_); }), HasSubstr("cannot read: Is a directory"));
  EXPECT_EQ(entries(folder_), 1U);
}

TEST_F(FilesTest, FileSizeLimitLeavesTheOldFile) {
  const fs::path path = folder_ / "series.csv";
  write_file_atomically(path, "old");
  const int code = in_child([&] {
    const rlimit limit{100'000, 100'000};
    if (::setrlimit(RLIMIT_FSIZE, &limit) != 0) return 2;
    std::signal(SIGXFSZ, SIG_IGN);
    const std::string said = message([&] { write_file_atomically(path, std::string(300'000, 'x')); });
    return said == path.string() + ": cannot write: File too large; free some space or choose another folder" ? 0 : 1;
  });
  EXPECT_EQ(code, 0);
  EXPECT_EQ(read(path), "old");
  EXPECT_EQ(entries(folder_), 1U);
}

TEST_F(FilesTest, FullAndReadOnlyDisk) {
  const int code = in_child([&] {
    if (::unshare(CLONE_NEWNS) != 0 || ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 ||
        ::mount("tmpfs", folder_.c_str(), "tmpfs", 0, "size=64k") != 0) {
      return kSkip;
    }
    write_file_atomically(folder_ / "a", "old");
    const std::string full = message([&] { write_file_atomically(folder_ / "a", std::string(1'000'000, 'x')); });
    if (full.find("a: cannot write: No space left on device; ") == std::string::npos) return 1;
    if (read(folder_ / "a") != "old" || entries(folder_) != 1) return 2;
    if (::mount(nullptr, folder_.c_str(), nullptr, MS_REMOUNT | MS_RDONLY, nullptr) != 0) return kSkip;
    const std::string read_only = message([&] { write_file_atomically(folder_ / "a", "x"); });
    if (read_only.find("cannot write: Read-only file system; expected a folder") == std::string::npos) return 3;
    return message([&] { make_output_dir(folder_); }).find("Read-only file system") == std::string::npos ? 4 : 0;
  });
  if (code == kSkip) GTEST_SKIP() << "mounting needs privileges";
  EXPECT_EQ(code, 0);
}

TEST_F(FilesTest, MakesFoldersAndLeavesNothingInThem) {
  make_output_dir(folder_ / "a" / "b");
  make_output_dir(folder_ / "a" / "b");
  make_output_dir(folder_ / "a" / "c/");
  EXPECT_EQ(entries(folder_ / "a" / "b"), 0U);
  EXPECT_EQ(entries(folder_ / "a"), 2U);
}

// FIPS 180-4 examples.
TEST_F(FilesTest, Sha256KnownAnswers) {
  EXPECT_EQ(sha256_text(""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(sha256_text("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  write_file_atomically(folder_ / "m", std::string(1'000'000, 'a'));
  EXPECT_EQ(sha256_file(folder_ / "m"),
            (FileDigest{"cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0", 1'000'000}));
}

TEST(Spelling, ShortestReadsBack) {
  EXPECT_EQ(shortest(0.1), "0.1");
  EXPECT_EQ(shortest(3), "3");
  EXPECT_EQ(shortest(-0.0), "-0");
  EXPECT_EQ(shortest(1e22), "1e+22");
  EXPECT_EQ(shortest(5e-324), "5e-324");
  EXPECT_EQ(shortest(NAN), "");
  EXPECT_EQ(shortest(-INFINITY), "");
  Rng rng(1, 0, 0, Purpose::kTest);
  for (int i = 0; i < 20'000; ++i) {
    const double value = std::bit_cast<double>(rng.u64());
    if (!std::isfinite(value)) continue;
    ASSERT_EQ(std::strtod(shortest(value).c_str(), nullptr), value);
  }
}

TEST(Spelling, CsvAndJson) {
  EXPECT_EQ(csv_cell("best-fit"), "best-fit");
  EXPECT_EQ(csv_cell("fgd(a=1, b=\"x\")"), "\"fgd(a=1, b=\"\"x\"\")\"");
  EXPECT_EQ(csv_cell("two\nlines"), "\"two\nlines\"");
  EXPECT_EQ(json_string("a\"b\\\n±"), "\"a\\\"b\\\\\\n±\"");
  EXPECT_EQ(json_string("\xff"), "\"\xEF\xBF\xBD\"");
}

}  // namespace
}  // namespace berth
