// Writing results so that a reader never meets half a file: a temporary in the same folder, flushed to the disk, then
// renamed over the target. Also the three ways in which results spell values: CSV cells, JSON strings, numbers.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

namespace berth {

// A file that appears whole at commit() or not at all. Destroyed before commit(), it leaves no trace and the old
// content of `path` stays. A symbolic link is followed; a device or a pipe (/dev/stdout) is written to directly.
// Every member throws InputError, one line `path: cannot write: <system's reason>; <what to do>`: disk full, no
// permission, missing folder. Not thread-safe; two AtomicFiles on one path are safe, the last commit wins.
class AtomicFile {
 public:
  explicit AtomicFile(const std::filesystem::path& path);
  ~AtomicFile();
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;

  void write(std::string_view text);  // Amortised O(size): buffered in 64 KiB.
  void commit();                      // Once, last.

 private:
  [[noreturn]] void fail(int error);
  void flush();
  void abandon() noexcept;

  std::filesystem::path shown_;      // As the user wrote it, for messages.
  std::filesystem::path target_;     // With links followed.
  std::filesystem::path temporary_;  // Empty: writing to target_ itself.
  int fd_ = -1;
  std::string buffer_;
};

// AtomicFile in one call. O(size) and one fsync (milliseconds on a disk).
void write_file_atomically(const std::filesystem::path& path, std::string_view content);

// Makes the folder and its parents where missing, and proves by a probe file that it can be written to, so that a
// study does not find out at its end. Throws InputError in one line.
void make_output_dir(const std::filesystem::path& path);

struct FileDigest {
  std::string sha256;  // 64 lower-case hexadecimal digits.
  std::uint64_t size_bytes = 0;
  friend bool operator==(const FileDigest&, const FileDigest&) = default;
};

// Digest of a file's bytes (FIPS 180-4), streamed: O(size) time, O(1) memory. Throws InputError if it cannot be read.
FileDigest sha256_file(const std::filesystem::path& path);
std::string sha256_text(std::string_view text);

// Shortest decimal form that reads back to the same double ("0.1", "1e+22"); empty for NaN and infinities: a cell
// without a value stays empty. Same bytes on every platform.
std::string shortest(double value);

// RFC 4180: quoted if it holds a comma, a quote or a line break.
std::string csv_cell(std::string_view text);

// With quotes and escapes; invalid UTF-8 becomes U+FFFD.
std::string json_string(std::string_view text);

}  // namespace berth
