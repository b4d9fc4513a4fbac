// Files by path: a build context on disk, or what COPY and ADD have put into a stage. What a cache key needs to know of
// a file is its content and the metadata that counts (mode, link target), not its time stamps.
// Source: BuildKit, cache/contenthash (what counts), frontend/dockerfile/dockerfile2llb (which files a COPY selects).
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sim/engine/error.hpp"
#include "workloads/images/file_pattern.hpp"

namespace berth::docker {

struct FileEntry {
  enum class Kind : std::uint8_t { kFile, kFolder, kLink } kind = Kind::kFile;
  std::uint32_t mode = 0644;  // Permission bits.
  std::int64_t bytes = 0;
  std::filesystem::path host;  // Where the content can be read; empty: there is none on disk.
  // Filled by measure(): of the content, or of the link's target.
  std::string digest;
  std::int64_t compressed_bytes = 0;
};

// Reads a file's content once: its digest and how well it compresses (zstd level 3 in blocks of 1 MiB, within about a
// tenth of the gzip that BuildKit writes). O(size). Throws InputError if it cannot be read.
void measure(FileEntry& entry);

// One file that a COPY picked: where it goes below the destination, and what it is.
struct PickedFile {
  std::string path;      // In the tree it came from.
  std::string relative;  // Below the destination folder.
  const FileEntry* entry = nullptr;
};
struct Pick {
  std::vector<PickedFile> files;  // By source, then by path.
  bool one_file = false;          // One plain file: the destination may be its new name.
  std::string base_name;          // Of the source as named, part of the cache key. Empty for a folder's content.
};

class FileTree {
 public:
  void put(const std::string& path, FileEntry entry) { entries_.insert_or_assign(path, std::move(entry)); }
  const FileEntry* find(const std::string& path) const;
  auto begin() const { return entries_.begin(); }
  auto end() const { return entries_.end(); }

  // What `source` names: a file, a folder's content, or all that a pattern matches; measured. `parents`: keep the path,
  // from /./ on if that is in it. Empty if nothing is there. Throws InputError at `place` for a bad pattern.
  std::vector<Pick> pick(std::string_view source, const IgnoreList& exclude, bool parents, const Place& place);

  // Gives the file (or each below the folder) other content without touching the disk. False if there is none.
  bool change(const std::string& path);

 private:
  std::map<std::string, FileEntry> entries_;  // "src/main.go": no leading slash.
};

// A build context: the folder's files that .dockerignore leaves.
struct BuildContext {
  FileTree files;
  IgnoreList ignored;

  // `dockerfile`: its own <name>.dockerignore counts before the context's .dockerignore. Symbolic links are kept as
  // links. Throws InputError if the folder cannot be read. O(files).
  static BuildContext open(const std::filesystem::path& root, const std::filesystem::path& dockerfile);
};

// Bytes in a layer's tar: a header and whole 512-byte blocks each. Source: POSIX pax, ustar interchange format.
std::int64_t tar_bytes(const std::vector<PickedFile>& files);

// If the file is an archive that ADD unpacks (tar, and tar in gzip, bzip2, xz or zstd; found by its first bytes, not
// its name): what it unpacks to. gzip says so itself (mod 4 GiB); for others `kArchiveRatio` times.
std::optional<std::int64_t> archive_bytes(const FileEntry& entry);
inline constexpr std::int64_t kArchiveRatio = 4;

// The whole text of a file of at most 4 MiB; nullopt if there is none, or it is larger.
std::optional<std::string> read_text(const std::filesystem::path& path);

}  // namespace berth::docker
