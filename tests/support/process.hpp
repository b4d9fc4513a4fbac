// Running programs: the berth executable as a user would, with its output caught, under limits, killed on purpose.
#pragma once

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <stdexcept>
#include <string>
#include <vector>

namespace berth::test {

struct ProcessOptions {
  std::string directory;                   // Where it runs; empty: here.
  std::string out_path;                    // Standard output goes there instead of being caught.
  rlim_t file_size_limit = RLIM_INFINITY;  // Bytes; the signal is ignored, so that write() fails with EFBIG.
  std::chrono::milliseconds timeout{120'000};
};

struct ProcessResult {
  int exit_code = -1;  // -1: it ended by a signal.
  int signal = 0;
  bool timed_out = false;
  std::string out, err;
};

class Process {
 public:
  explicit Process(std::vector<std::string> arguments, const ProcessOptions& options = {}) : options_(options) {
    std::vector<char*> argv;
    for (std::string& argument : arguments) argv.push_back(argument.data());
    argv.push_back(nullptr);
    int out[2], err[2];
    if (pipe2(out, O_CLOEXEC) != 0 || pipe2(err, O_CLOEXEC) != 0) throw std::runtime_error("no pipes");
    pid_ = fork();
    if (pid_ < 0) throw std::runtime_error("cannot fork");
    if (pid_ == 0) {  // Only what is safe between fork and exec.
      if (!options.directory.empty() && chdir(options.directory.c_str()) != 0) _exit(126);
      const int to =
          options.out_path.empty() ? out[1] : open(options.out_path.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0666);
      if (to < 0 || dup2(to, STDOUT_FILENO) < 0 || dup2(err[1], STDERR_FILENO) < 0) _exit(126);
      if (options.file_size_limit != RLIM_INFINITY) {
        const rlimit limit{options.file_size_limit, options.file_size_limit};
        setrlimit(RLIMIT_FSIZE, &limit);
        signal(SIGXFSZ, SIG_IGN);
      }
      execvp(argv[0], argv.data());
      _exit(127);
    }
    close(out[1]);
    close(err[1]);
    out_ = out[0];
    err_ = err[0];
  }
  ~Process() {
    if (!waited_) {
      kill(SIGKILL);
      wait();
    }
  }
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;

  void kill(int with) { ::kill(pid_, with); }

  // Reads what it says to the end, then says how it ended.
  ProcessResult wait() {
    ProcessResult result;
    const auto deadline = std::chrono::steady_clock::now() + options_.timeout;
    pollfd fds[2] = {{out_, POLLIN, 0}, {err_, POLLIN, 0}};
    std::string* const into[2] = {&result.out, &result.err};
    char block[65536];
    for (int open = 2; open > 0;) {
      const auto left =
          std::chrono::duration_cast<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
      if (left.count() <= 0 && !result.timed_out) {
        result.timed_out = true;
        kill(SIGKILL);
      }
      poll(fds, 2, result.timed_out ? 1000 : static_cast<int>(left.count()));
      for (int i = 0; i < 2; ++i) {
        if (fds[i].fd < 0 || fds[i].revents == 0) continue;
        const ssize_t got = read(fds[i].fd, block, sizeof block);
        if (got > 0) {
          into[i]->append(block, static_cast<std::size_t>(got));
        } else {
          close(fds[i].fd);
          fds[i].fd = -1;
          --open;
        }
      }
    }
    int status = 0;
    while (waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
    }
    waited_ = true;
    if (WIFEXITED(status)) result.exit_code = WEXITSTATUS(status);
    if (WIFSIGNALED(status)) result.signal = WTERMSIG(status);
    return result;
  }

 private:
  ProcessOptions options_;
  pid_t pid_ = -1;
  int out_ = -1, err_ = -1;
  bool waited_ = false;
};

inline ProcessResult run(std::vector<std::string> arguments, const ProcessOptions& options = {}) {
  return Process(std::move(arguments), options).wait();
}

inline std::string berth_executable() {
  return BERTH_BINARY_DIR "/berth";
}

inline ProcessResult run_berth(std::vector<std::string> arguments, const ProcessOptions& options = {}) {
  arguments.insert(arguments.begin(), berth_executable());
  return run(std::move(arguments), options);
}

}  // namespace berth::test
