// The results of a study's finished runs, on disk: kill the process at any moment and --resume goes on behind the last
// finished run. One SQLite file, one transaction per run, so that a run is there whole or not at all.
//
//   study   (one row) format, fingerprint: the text that says what the study is
//   runs    grid_index, scenario, policy, seed (64 bits, read as signed)
//   metrics grid_index, position, name, value: a double; NULL stands for NaN
//   series  grid_index, position, name, x_name, points, x, y: doubles, IEEE 754 binary64, little-endian, packed
//
// Write-ahead log with synchronous=NORMAL: a commit reaches the kernel but not the platter. A killed process loses
// nothing that was put; after a power cut the file is still sound, and the last runs are simulated again. The lock is
// exclusive, so a second process on the same study is refused. On close the log is folded into the one file.
#pragma once

#include <cstddef>
#include <filesystem>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "results/run_result.hpp"

struct sqlite3;

namespace berth {

// All members may be called from any thread; calls take turns.
class StudyStore {
 public:
  enum class Mode {
    kNew,    // Begin a study; refuses a file that holds one.
    kResume  // Go on with the study in the file; refuses another fingerprint, or no file.
  };

  // Opens `path`, usually `<out>/study.sqlite`; its folder must exist. `fingerprint` says all that decides results
  // (inputs by digest, grid, options, version), as `name: value` lines by preference: a refusal shows the first line
  // that differs. Throws InputError in one line: mode's refusals, another process at work, not a study, not writable.
  static StudyStore open(const std::filesystem::path& path, std::string_view fingerprint, Mode mode);

  StudyStore(StudyStore&&) noexcept;
  StudyStore& operator=(StudyStore&&) = delete;
  ~StudyStore();

  // Grid indexes of the runs stored.
  std::set<std::size_t> finished() const;

  // Stores one run in one transaction; each grid index once (BERTH_CHECK). Doubles come back bit for bit, but a NaN
  // as the quiet NaN. O(result). Throws InputError when it cannot be written (disk full), and stores nothing of it.
  void put(std::size_t grid_index, const RunResult& result);

  // All stored runs in grid order, as finished() counts them. O(file).
  std::vector<RunResult> load() const;

 private:
  struct State;
  explicit StudyStore(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace berth
