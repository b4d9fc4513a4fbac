// One line on a terminal that says how far the work is; nothing at all in a pipe.
#pragma once

#include <unistd.h>

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <string>

namespace berth {

class Progress {
 public:
  Progress() : terminal_(isatty(STDERR_FILENO) != 0) {}
  ~Progress() { clear(); }

  // `what`: "runs", "pods". Redrawn at most ten times a second. The wall clock decides nothing but what is shown.
  void show(std::uint64_t done, std::uint64_t all, const char* what) {
    if (!terminal_ || all == 0) return;
    const auto now = std::chrono::steady_clock::now();
    if (done != all && now - drawn_ < std::chrono::milliseconds(100)) return;
    drawn_ = now;
    const double spent = std::chrono::duration<double>(now - begun_).count();
    constexpr std::uint64_t kWidth = 30;
    const std::uint64_t full = kWidth * done / all;
    const double left = done == 0 ? 0 : spent * static_cast<double>(all - done) / static_cast<double>(done);
    std::fprintf(stderr, "\r[%s%s] %llu/%llu %s  %.0f s, about %.0f s left \x1b[K", std::string(full, '#').c_str(),
                 std::string(kWidth - full, '.').c_str(), static_cast<unsigned long long>(done),
                 static_cast<unsigned long long>(all), what, spent, left);
    std::fflush(stderr);
    shown_ = true;
  }
  void clear() {
    if (shown_) std::fprintf(stderr, "\r\x1b[K");
    shown_ = false;
  }

 private:
  bool terminal_;
  bool shown_ = false;
  std::chrono::steady_clock::time_point begun_ = std::chrono::steady_clock::now();
  std::chrono::steady_clock::time_point drawn_{};
};

}  // namespace berth
