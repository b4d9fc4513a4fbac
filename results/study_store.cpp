#include "results/study_store.hpp"

#include <sqlite3.h>

#include <bit>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <utility>

#include "sim/engine/error.hpp"

namespace berth {
namespace {

static_assert(std::endian::native == std::endian::little, "series are stored as they lie in memory");
static_assert(std::numeric_limits<double>::is_iec559);

constexpr int kApplicationId = 0x42727468;  // "Brth", in the file's header.
constexpr int kFormat = 1;
constexpr int kLockWaitMs = 500;  // A process that was just killed may hold its lock for a moment.

// `value` has no declared type: a REAL column would keep -0.0 as the integer 0.
constexpr const char* kSchema = R"(
  CREATE TABLE study(id INTEGER PRIMARY KEY CHECK(id = 1), format INTEGER NOT NULL, fingerprint TEXT NOT NULL);
  CREATE TABLE runs(grid_index INTEGER PRIMARY KEY, scenario TEXT NOT NULL, policy TEXT NOT NULL, seed INTEGER NOT NULL);
  CREATE TABLE metrics(grid_index INTEGER NOT NULL, position INTEGER NOT NULL, name TEXT NOT NULL, value,
                       PRIMARY KEY(grid_index, position)) WITHOUT ROWID;
  CREATE TABLE series(id INTEGER PRIMARY KEY, grid_index INTEGER NOT NULL, position INTEGER NOT NULL,
                      name TEXT NOT NULL, x_name TEXT NOT NULL, points INTEGER NOT NULL, x BLOB NOT NULL,
                      y BLOB NOT NULL, UNIQUE(grid_index, position));
)";

std::string advice(int code) {
  switch (code & 0xFF) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return "another process works on this study; wait for it or choose another --out";
    case SQLITE_FULL:
    case SQLITE_IOERR:
      return "see that the disk has room, then go on with --resume";
    case SQLITE_READONLY:
    case SQLITE_PERM:
    case SQLITE_CANTOPEN:
      return "expected a file in an existing folder that you may write to";
    case SQLITE_NOTADB:
    case SQLITE_CORRUPT:
      return "expected a study.sqlite written by berth; choose another --out";
    default:
      return "expected a study.sqlite written by berth";
  }
}

// First line in which two fingerprints differ, shortened to fit a message.
std::pair<std::string, std::string> first_difference(std::string_view stored, std::string_view wanted) {
  const auto take_line = [](std::string_view& text) {
    const std::size_t end = text.find('\n');
    const std::string_view line = text.substr(0, end);
    text = end == std::string_view::npos ? std::string_view() : text.substr(end + 1);
    return line;
  };
  const auto shortened = [](std::string_view line) {
    constexpr std::size_t kLongest = 80;
    if (line.size() <= kLongest) return std::string(line);
    std::size_t cut = kLongest;
    while (cut > 0 && (static_cast<unsigned char>(line[cut]) & 0xC0) == 0x80) --cut;  // Not inside a UTF-8 character.
    return std::string(line.substr(0, cut)) + "…";
  };
  for (;;) {
    const std::string_view a = take_line(stored);
    const std::string_view b = take_line(wanted);
    if (a != b || (stored.empty() && wanted.empty())) return {shortened(a), shortened(b)};
  }
}

}  // namespace

struct StudyStore::State {
  sqlite3* db = nullptr;
  std::string path;
  mutable std::mutex mutex;
  std::set<std::size_t> finished;

  ~State() { sqlite3_close_v2(db); }

  [[noreturn]] void fail(int code, const char* doing) const {
    throw InputError(path + ": cannot " + doing + ": " + sqlite3_errstr(code) + "; " + advice(code));
  }
  void check(int code, const char* doing) const {
    if (code != SQLITE_OK && code != SQLITE_DONE && code != SQLITE_ROW) fail(code, doing);
  }
  void execute(const char* sql, const char* doing) const {
    check(sqlite3_exec(db, sql, nullptr, nullptr, nullptr), doing);
  }
};

namespace {

// A prepared statement; bind from 1, columns from 0, as SQLite counts. `State` is a template parameter because
// StudyStore::State is private.
template <class State>
class Statement {
 public:
  Statement(const State& state, const char* sql, const char* doing) : state_(state), doing_(doing) {
    state.check(sqlite3_prepare_v2(state.db, sql, -1, &statement_, nullptr), doing);
  }
  ~Statement() { sqlite3_finalize(statement_); }
  Statement(const Statement&) = delete;
  Statement& operator=(const Statement&) = delete;

  void bind(int at, std::int64_t v) { check(sqlite3_bind_int64(statement_, at, v)); }
  void bind(int at, double v) { check(sqlite3_bind_double(statement_, at, v)); }  // A NaN is stored as NULL.
  // The text must live until step(). Never a null pointer, which SQLite would store as NULL.
  void bind(int at, std::string_view v) {
    check(sqlite3_bind_text64(statement_, at, v.empty() ? "" : v.data(), v.size(), SQLITE_STATIC, SQLITE_UTF8));
  }
  void bind(int at, const std::vector<double>& v) {
    const void* data = v.empty() ? static_cast<const void*>("") : v.data();
    check(sqlite3_bind_blob64(statement_, at, data, v.size() * sizeof(double), SQLITE_STATIC));
  }

  bool step() {
    const int code = sqlite3_step(statement_);
    check(code);
    return code == SQLITE_ROW;
  }
  void reset() { check(sqlite3_reset(statement_)); }
  void run_and_reset() {
    step();
    reset();
  }

  std::int64_t integer(int column) { return sqlite3_column_int64(statement_, column); }
  double number(int column) {
    if (sqlite3_column_type(statement_, column) == SQLITE_NULL) return std::numeric_limits<double>::quiet_NaN();
    return sqlite3_column_double(statement_, column);
  }
  std::string text(int column) {
    const auto* data = reinterpret_cast<const char*>(sqlite3_column_text(statement_, column));
    return data == nullptr ? std::string()
                           : std::string(data, static_cast<std::size_t>(sqlite3_column_bytes(statement_, column)));
  }
  std::vector<double> numbers(int column) {
    const void* data = sqlite3_column_blob(statement_, column);
    const auto bytes = static_cast<std::size_t>(sqlite3_column_bytes(statement_, column));
    std::vector<double> values(bytes / sizeof(double));
    if (bytes > 0) std::memcpy(values.data(), data, values.size() * sizeof(double));
    return values;
  }

 private:
  void check(int code) const { state_.check(code, doing_); }

  const State& state_;
  const char* doing_;
  sqlite3_stmt* statement_ = nullptr;
};

template <class State>
Statement(const State&, const char*, const char*) -> Statement<State>;

}  // namespace

StudyStore::StudyStore(std::unique_ptr<State> state) : state_(std::move(state)) {}
StudyStore::StudyStore(StudyStore&&) noexcept = default;
StudyStore::~StudyStore() = default;

StudyStore StudyStore::open(const std::filesystem::path& path, std::string_view fingerprint, Mode mode) {
  std::error_code error;
  const bool exists = std::filesystem::exists(path, error);
  if (mode == Mode::kResume && !exists) {
    throw InputError(path.string() +
                     ": no study to resume; expected one begun earlier in this folder; "
                     "leave --resume out to begin it");
  }
  auto state = std::make_unique<State>();
  state->path = path.string();
  const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX;
  state->check(sqlite3_open_v2(path.c_str(), &state->db, flags, nullptr), "open");
  sqlite3_busy_timeout(state->db, kLockWaitMs);
  // Before the log's first use: the log's index then lives in our memory, and the lock shuts other processes out.
  state->execute("PRAGMA locking_mode=EXCLUSIVE", "open");
  // A foreign or foreign-format file must be refused before anything is written to it.
  const auto pragma = [&state](const char* sql) {
    Statement statement(*state, sql, "open");
    return statement.step() ? statement.integer(0) : 0;
  };
  const bool empty = pragma("SELECT count(*) FROM sqlite_master") == 0;
  if (!empty && pragma("PRAGMA application_id") != kApplicationId) {
    throw InputError(state->path +
                     ": holds a database of another program; expected a study.sqlite written by berth; "
                     "choose another --out");
  }
  // A file system without what the log needs answers "delete", the rollback journal: as safe, slower.
  state->execute("PRAGMA journal_mode=WAL", "open");
  state->execute("PRAGMA synchronous=NORMAL", "open");
  state->execute("BEGIN EXCLUSIVE", "open");
  if (empty) {  // New, or its maker was killed before the study had a name: nothing is lost in either mode.
    state->execute(("PRAGMA application_id=" + std::to_string(kApplicationId)).c_str(), "write");
    state->execute(kSchema, "write");
    Statement insert(*state, "INSERT INTO study VALUES(1, ?, ?)", "write");
    insert.bind(1, std::int64_t{kFormat});
    insert.bind(2, fingerprint);
    insert.run_and_reset();
  } else {
    Statement study(*state, "SELECT format, fingerprint, (SELECT count(*) FROM runs) FROM study", "read");
    if (!study.step() || study.integer(0) != kFormat) {
      throw InputError(state->path + ": written by another version of berth; expected format " +
                       std::to_string(kFormat) + "; choose another --out");
    }
    if (mode == Mode::kNew) {
      throw InputError(state->path + ": already holds a study with " + std::to_string(study.integer(2)) +
                       " finished runs; expected a folder without one; use --resume to go on or another --out");
    }
    if (const std::string stored = study.text(1); stored != fingerprint) {
      const auto [was, is] = first_difference(stored, fingerprint);
      throw InputError(state->path + ": holds another study: it was begun with \"" + was + "\", this one has \"" + is +
                       "\"; expected the same study; resume with the same inputs or choose another --out");
    }
    Statement runs(*state, "SELECT grid_index FROM runs", "read");
    while (runs.step()) state->finished.insert(static_cast<std::size_t>(runs.integer(0)));
  }
  state->execute("COMMIT", "write");
  return StudyStore(std::move(state));
}

std::set<std::size_t> StudyStore::finished() const {
  const std::lock_guard lock(state_->mutex);
  return state_->finished;
}

void StudyStore::put(std::size_t grid_index, const RunResult& result) {
  const std::lock_guard lock(state_->mutex);
  State& state = *state_;
  BERTH_CHECK(!state.finished.contains(grid_index));
  const auto grid = static_cast<std::int64_t>(grid_index);
  state.execute("BEGIN IMMEDIATE", "write");
  try {
    Statement run(state, "INSERT INTO runs VALUES(?, ?, ?, ?)", "write");
    run.bind(1, grid);
    run.bind(2, result.key.scenario);
    run.bind(3, result.key.policy);
    run.bind(4, static_cast<std::int64_t>(result.key.seed));
    run.run_and_reset();
    Statement metric(state, "INSERT INTO metrics VALUES(?, ?, ?, ?)", "write");
    for (std::size_t i = 0; i < result.metrics.size(); ++i) {
      metric.bind(1, grid);
      metric.bind(2, static_cast<std::int64_t>(i));
      metric.bind(3, result.metrics[i].name);
      metric.bind(4, result.metrics[i].value);
      metric.run_and_reset();
    }
    Statement series(state, "INSERT INTO series VALUES(NULL, ?, ?, ?, ?, ?, ?, ?)", "write");
    for (std::size_t i = 0; i < result.series.size(); ++i) {
      const Series& s = result.series[i];
      BERTH_CHECK(s.x.size() == s.y.size());
      series.bind(1, grid);
      series.bind(2, static_cast<std::int64_t>(i));
      series.bind(3, s.name);
      series.bind(4, s.x_name);
      series.bind(5, static_cast<std::int64_t>(s.x.size()));
      series.bind(6, s.x);
      series.bind(7, s.y);
      series.run_and_reset();
    }
    state.execute("COMMIT", "write");
  } catch (...) {
    sqlite3_exec(state.db, "ROLLBACK", nullptr, nullptr, nullptr);  // Some errors have rolled back already.
    throw;
  }
  state.finished.insert(grid_index);
}

std::vector<RunResult> StudyStore::load() const {
  const std::lock_guard lock(state_->mutex);
  std::vector<RunResult> results;
  Statement runs(*state_, "SELECT grid_index, scenario, policy, seed FROM runs ORDER BY grid_index", "read");
  Statement metrics(*state_, "SELECT name, value FROM metrics WHERE grid_index = ? ORDER BY position", "read");
  Statement series(*state_, "SELECT name, x_name, points, x, y FROM series WHERE grid_index = ? ORDER BY position",
                   "read");
  while (runs.step()) {
    const std::int64_t grid = runs.integer(0);
    RunResult& result = results.emplace_back();
    result.key = {runs.text(1), runs.text(2), static_cast<std::uint64_t>(runs.integer(3))};
    metrics.bind(1, grid);
    while (metrics.step()) result.metrics.push_back({metrics.text(0), metrics.number(1)});
    metrics.reset();
    series.bind(1, grid);
    while (series.step()) {
      result.series.push_back({series.text(0), series.text(1), series.numbers(3), series.numbers(4)});
      const auto points = static_cast<std::size_t>(series.integer(2));
      if (result.series.back().x.size() != points || result.series.back().y.size() != points) {
        state_->fail(SQLITE_CORRUPT, "read");
      }
    }
    series.reset();
  }
  return results;
}

}  // namespace berth
