#include "workloads/images/file_tree.hpp"

#include <zstd.h>

#include <algorithm>
#include <array>
#include <fstream>
#include <memory>
#include <system_error>

#include "workloads/images/digest.hpp"
#include "workloads/images/dockerfile_lines.hpp"

namespace berth::docker {
namespace {

namespace fs = std::filesystem;

InputError cannot_read(const fs::path& path, const std::string& why) {
  return InputError(path.string() + ": cannot read: " + why + "; expected a readable file or folder");
}

std::string_view base_name(std::string_view path) {
  const std::size_t slash = path.rfind('/');
  return slash == std::string_view::npos ? path : path.substr(slash + 1);
}

std::string text_of(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) throw cannot_read(path, "no such file or no permission");
  return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

}  // namespace

void measure(FileEntry& entry) {
  if (!entry.digest.empty()) return;
  if (entry.kind != FileEntry::Kind::kFile || entry.host.empty()) {
    entry.digest = sha256_digest(entry.host.string());
    return;
  }
  std::ifstream in(entry.host, std::ios::binary);
  if (!in) throw cannot_read(entry.host, "no such file or no permission");
  constexpr std::size_t kBlock = 1 << 20;
  std::string block(kBlock, '\0');
  std::string packed(ZSTD_compressBound(kBlock), '\0');
  const std::unique_ptr<ZSTD_CCtx, decltype(&ZSTD_freeCCtx)> zstd{ZSTD_createCCtx(), ZSTD_freeCCtx};
  BERTH_CHECK(zstd != nullptr);
  Sha256 sha;
  entry.bytes = 0;
  entry.compressed_bytes = 0;
  while (in) {
    in.read(block.data(), static_cast<std::streamsize>(block.size()));
    const auto got = static_cast<std::size_t>(in.gcount());
    if (got == 0) break;
    sha.bytes({block.data(), got});
    const std::size_t size = ZSTD_compressCCtx(zstd.get(), packed.data(), packed.size(), block.data(), got, 3);
    BERTH_CHECK(ZSTD_isError(size) == 0);
    entry.bytes += static_cast<std::int64_t>(got);
    entry.compressed_bytes += static_cast<std::int64_t>(size);
  }
  if (in.bad()) throw cannot_read(entry.host, "input error");
  entry.digest = sha.digest();
}

const FileEntry* FileTree::find(const std::string& path) const {
  const auto it = entries_.find(path);
  return it == entries_.end() ? nullptr : &it->second;
}

std::vector<Pick> FileTree::pick(std::string_view source, const IgnoreList& exclude, bool parents, const Place& place) {
  // Paths are below the root whatever they say: "/src" and "../src" are "src".
  std::string wanted = rootless_path(source);
  std::size_t pivot = 0;  // How much of the path --parents leaves off.
  if (const std::size_t dot = source.find("/./"); parents && dot != std::string_view::npos) {
    const std::string before = rootless_path(source.substr(0, dot));
    pivot = before.empty() ? 0 : before.size() + 1;
  }
  std::vector<Pick> picks;
  const auto take = [&](const std::string& path, FileEntry* self) {
    Pick pick;
    const std::string below = path.empty() ? "" : path + "/";
    const auto add = [&](const std::string& at, FileEntry& entry, const std::string& inside) {
      if (exclude.ignores(inside)) return;
      measure(entry);
      pick.files.push_back({at, parents ? at.substr(std::min(pivot, at.size())) : inside, &entry});
    };
    if (self != nullptr && self->kind != FileEntry::Kind::kFolder) {
      pick.one_file = !parents;
      pick.base_name = base_name(path);
      add(path, *self, pick.base_name);
    } else {
      for (auto it = entries_.lower_bound(below); it != entries_.end() && it->first.starts_with(below); ++it) {
        add(it->first, it->second, it->first.substr(below.size()));
      }
    }
    picks.push_back(std::move(pick));
  };
  if (wanted.empty()) {
    take("", nullptr);
    return picks;
  }
  if (!has_wildcard(wanted)) {
    const auto it = entries_.find(wanted);
    if (it != entries_.end()) {
      take(wanted, &it->second);
    } else {  // A folder that only its files tell of.
      const auto below = entries_.lower_bound(wanted + "/");
      if (below != entries_.end() && below->first.starts_with(wanted + "/")) take(wanted, nullptr);
    }
    return picks;
  }
  for (auto& [path, entry] : entries_) {
    if (match_path(wanted, path, place)) take(path, &entry);
  }
  return picks;
}

bool FileTree::change(const std::string& path) {
  const std::string wanted = rootless_path(path);
  bool found = false;
  for (auto it = entries_.lower_bound(wanted); it != entries_.end(); ++it) {
    if (it->first != wanted && !it->first.starts_with(wanted + "/")) {
      if (it->first.compare(0, wanted.size(), wanted) != 0) break;
      continue;
    }
    if (it->second.kind != FileEntry::Kind::kFile) continue;
    measure(it->second);
    it->second.digest = sha256_digest(it->second.digest + " changed");
    found = true;
  }
  return found;
}

BuildContext BuildContext::open(const fs::path& root, const fs::path& dockerfile) {
  BuildContext context;
  std::error_code error;
  if (!fs::is_directory(root, error)) throw cannot_read(root, "no such folder");
  for (const fs::path& candidate : {fs::path(dockerfile.string() + ".dockerignore"), root / ".dockerignore"}) {
    if (!fs::is_regular_file(candidate, error)) continue;
    context.ignored = IgnoreList::read(text_of(candidate), candidate.string());
    break;
  }
  const bool exceptions = context.ignored.has_exceptions();
  fs::recursive_directory_iterator it(root, error);
  if (error) throw cannot_read(root, error.message());
  for (; it != fs::recursive_directory_iterator(); it.increment(error)) {
    if (error) throw cannot_read(root, error.message());
    const std::string path = it->path().lexically_relative(root).generic_string();
    const fs::file_status status = it->symlink_status(error);
    if (error) throw cannot_read(it->path(), error.message());
    const bool folder = status.type() == fs::file_type::directory;
    if (context.ignored.ignores(path)) {
      if (folder && !exceptions) it.disable_recursion_pending();
      continue;
    }
    FileEntry entry;
    entry.mode = static_cast<std::uint32_t>(status.permissions()) & 07777;
    if (folder) {
      entry.kind = FileEntry::Kind::kFolder;
    } else if (status.type() == fs::file_type::symlink) {
      entry.kind = FileEntry::Kind::kLink;
      entry.host = fs::read_symlink(it->path(), error);
    } else if (status.type() == fs::file_type::regular) {
      entry.host = it->path();
      entry.bytes = static_cast<std::int64_t>(it->file_size(error));
      if (error) throw cannot_read(it->path(), error.message());
    } else {
      continue;  // Sockets and devices are not sent.
    }
    context.files.put(path, std::move(entry));
  }
  return context;
}

std::int64_t tar_bytes(const std::vector<PickedFile>& files) {
  if (files.empty()) return 0;
  constexpr std::int64_t kTarBlock = 512;
  std::int64_t sum = 2 * kTarBlock;
  for (const PickedFile& file : files) {
    const std::int64_t bytes = file.entry->kind == FileEntry::Kind::kFile ? file.entry->bytes : 0;
    sum += kTarBlock + (bytes + kTarBlock - 1) / kTarBlock * kTarBlock;
  }
  return sum;
}

std::optional<std::int64_t> archive_bytes(const FileEntry& entry) {
  if (entry.kind != FileEntry::Kind::kFile || entry.host.empty()) return std::nullopt;
  std::ifstream in(entry.host, std::ios::binary);
  std::array<char, 512> head{};
  in.read(head.data(), head.size());
  const std::string_view start(head.data(), static_cast<std::size_t>(in.gcount()));
  if (start.size() == head.size() && start.substr(257, 5) == "ustar") return entry.bytes;
  if (start.starts_with("\x1F\x8B")) {
    std::array<unsigned char, 4> tail{};
    in.clear();
    in.seekg(-4, std::ios::end);
    in.read(reinterpret_cast<char*>(tail.data()), tail.size());
    if (in.gcount() != 4) return std::nullopt;
    return static_cast<std::int64_t>(tail[0]) | static_cast<std::int64_t>(tail[1]) << 8 |
           static_cast<std::int64_t>(tail[2]) << 16 | static_cast<std::int64_t>(tail[3]) << 24;
  }
  if (start.starts_with("BZh") ||
      start.starts_with("\xFD"
                        "7zXZ") ||
      start.starts_with("\x28\xB5\x2F\xFD")) {
    return entry.bytes * kArchiveRatio;
  }
  return std::nullopt;
}

std::optional<std::string> read_text(const fs::path& path) {
  std::error_code error;
  constexpr std::uintmax_t kLargest = 4 << 20;
  const auto size = fs::file_size(path, error);
  if (error || size > kLargest) return std::nullopt;
  std::ifstream in(path, std::ios::binary);
  if (!in) return std::nullopt;
  return std::string(std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>());
}

}  // namespace berth::docker
