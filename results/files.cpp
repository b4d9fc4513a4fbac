#include "results/files.hpp"

#include <fcntl.h>
#include <openssl/evp.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <charconv>
#include <cmath>
#include <memory>
#include <nlohmann/json.hpp>
#include <system_error>

#include "sim/engine/error.hpp"

namespace berth {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kBufferBytes = 64 * 1024;

std::string reason(int error) {
  return std::system_category().message(error);
}

const char* advice(int error) {
  switch (error) {
    case ENOSPC:
    case EDQUOT:
    case EFBIG:
      return "free some space or choose another folder";
    case EACCES:
    case EPERM:
    case EROFS:
      return "expected a folder that you may write to";
    case ENOENT:
      return "expected an existing folder";
    case ENOTDIR:
      return "expected a folder, a part of the path is a file";
    case EISDIR:
      return "expected a file, not a folder";
    default:
      return "expected a file that can be written";
  }
}

[[noreturn]] void cannot_write(const fs::path& path, int error) {
  throw InputError(path.string() + ": cannot write: " + reason(error) + "; " + advice(error));
}

// Short, so that a target with the longest legal name still has a legal temporary; unique among threads and processes.
fs::path temporary_beside(const fs::path& target) {
  static std::atomic<std::uint64_t> counter{0};
  return target.parent_path() /
         (".berth-" + std::to_string(::getpid()) + "-" + std::to_string(counter.fetch_add(1)) + ".tmp");
}

int open_new(const fs::path& path) {
  int fd = -1;
  do {
    fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
  } while (fd < 0 && errno == EINTR);
  return fd;
}

struct CloseDescriptor {
  int fd;
  ~CloseDescriptor() { ::close(fd); }
};

class Sha256 {
 public:
  Sha256() : context_(EVP_MD_CTX_new(), &EVP_MD_CTX_free) {
    BERTH_CHECK(context_ != nullptr && EVP_DigestInit_ex(context_.get(), EVP_sha256(), nullptr) == 1);
  }
  void add(const void* data, std::size_t size) { BERTH_CHECK(EVP_DigestUpdate(context_.get(), data, size) == 1); }
  std::string hex() {
    std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
    unsigned size = 0;
    BERTH_CHECK(EVP_DigestFinal_ex(context_.get(), digest.data(), &size) == 1 && size == 32);
    std::string text;
    for (unsigned i = 0; i < size; ++i) {
      text += "0123456789abcdef"[digest[i] >> 4];
      text += "0123456789abcdef"[digest[i] & 15];
    }
    return text;
  }

 private:
  std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context_;
};

}  // namespace

AtomicFile::AtomicFile(const fs::path& path) : shown_(path), target_(path) {
  struct stat info {};
  if (::stat(path.c_str(), &info) == 0) {
    if (S_ISDIR(info.st_mode)) fail(EISDIR);
    std::error_code ignored;
    if (const fs::path followed = fs::canonical(path, ignored); !followed.empty()) target_ = followed;
    if (!S_ISREG(info.st_mode)) {  // A rename would replace the device.
      fd_ = ::open(path.c_str(), O_WRONLY | O_CLOEXEC);
      if (fd_ < 0) fail(errno);
      return;
    }
  }
  temporary_ = temporary_beside(target_);
  fd_ = open_new(temporary_);
  if (fd_ < 0) {
    const int error = errno;
    temporary_.clear();  // Not ours to remove.
    fail(error);
  }
}

AtomicFile::~AtomicFile() {
  abandon();
}

void AtomicFile::write(std::string_view text) {
  BERTH_CHECK(fd_ >= 0);
  buffer_.append(text);
  if (buffer_.size() >= kBufferBytes) flush();
}

void AtomicFile::flush() {
  for (std::size_t done = 0; done < buffer_.size();) {
    const ssize_t written = ::write(fd_, buffer_.data() + done, buffer_.size() - done);
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) fail(errno);
    done += static_cast<std::size_t>(written);
  }
  buffer_.clear();
}

void AtomicFile::commit() {
  BERTH_CHECK(fd_ >= 0);
  flush();
  if (!temporary_.empty() && ::fsync(fd_) != 0) fail(errno);
  const int fd = fd_;
  fd_ = -1;  // Closed whatever close() says; network file systems report a full disk here.
  if (::close(fd) != 0 && errno != EINTR) fail(errno);
  if (temporary_.empty()) return;
  if (::rename(temporary_.c_str(), target_.c_str()) != 0) fail(errno);
  temporary_.clear();
}

void AtomicFile::fail(int error) {
  abandon();
  cannot_write(shown_, error);
}

void AtomicFile::abandon() noexcept {
  if (fd_ >= 0) ::close(fd_);
  fd_ = -1;
  if (!temporary_.empty()) ::unlink(temporary_.c_str());
  temporary_.clear();
}

void write_file_atomically(const fs::path& path, std::string_view content) {
  AtomicFile file(path);
  file.write(content);
  file.commit();
}

void make_output_dir(const fs::path& path) {
  if (path.empty()) throw InputError("the output folder's name is empty; expected a folder, for example out/study");
  std::error_code error;
  fs::create_directories(path, error);
  if (error) cannot_write(path, error.value());
  if (!fs::is_directory(path, error)) cannot_write(path, ENOTDIR);
  const fs::path probe = temporary_beside(path / "probe");
  const int fd = open_new(probe);
  if (fd < 0) cannot_write(path, errno);
  ::close(fd);
  ::unlink(probe.c_str());
}

FileDigest sha256_file(const fs::path& path) {
  const auto cannot_read = [&path](int error) -> InputError {
    return InputError(path.string() + ": cannot read: " + reason(error) + "; expected a readable file");
  };
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) throw cannot_read(errno);
  const CloseDescriptor closer{fd};
  Sha256 sha;
  FileDigest result;
  std::string block(kBufferBytes, '\0');
  for (;;) {
    const ssize_t got = ::read(fd, block.data(), block.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) throw cannot_read(errno);
    if (got == 0) break;
    sha.add(block.data(), static_cast<std::size_t>(got));
    result.size_bytes += static_cast<std::uint64_t>(got);
  }
  result.sha256 = sha.hex();
  return result;
}

std::string sha256_text(std::string_view text) {
  Sha256 sha;
  sha.add(text.data(), text.size());
  return sha.hex();
}

std::string shortest(double value) {
  if (!std::isfinite(value)) return {};
  std::array<char, 32> text{};
  const auto [end, error] = std::to_chars(text.data(), text.data() + text.size(), value);
  BERTH_CHECK(error == std::errc());
  return {text.data(), end};
}

std::string csv_cell(std::string_view text) {
  if (text.find_first_of(",\"\r\n") == std::string_view::npos) return std::string(text);
  std::string quoted = "\"";
  for (const char c : text) {
    if (c == '"') quoted += '"';
    quoted += c;
  }
  return quoted + '"';
}

std::string json_string(std::string_view text) {
  return nlohmann::json(text).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

}  // namespace berth
