// runtime/store/database.hpp
//
// The one SQLite file: WAL, synchronous=FULL, one writer. Writes are units of work, queued from anywhere and committed
// in groups: each unit runs in a SAVEPOINT, and its answer comes only after the COMMIT that carries it is on disk. So
// "answered" means "survives kill -9".
//
// Threads:   `write` from any thread; units run on the store executor; answers on the caller's executor.
//            `read` runs on the calling thread over a pooled read-only connection: never call it on the loop thread,
//            and never keep what it gives across a co_await.
// Ownership: the database outlives everything that queues on it. `close` flushes and must be called on shutdown.
// Invariant: units queued == units answered + units waiting   (check_integrity)
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "runtime/base/clock.hpp"
#include "runtime/base/limits.hpp"
#include "runtime/base/result.hpp"
#include "runtime/exec/executor.hpp"
#include "runtime/store/sqlite.hpp"

namespace mnema {

/// The writer's connection inside one unit of work. Lives for the unit only.
class Transaction {
 public:
  explicit Transaction(SqliteConnection& connection) : connection_(connection) {}
  Transaction(const Transaction&) = delete;
  Transaction& operator=(const Transaction&) = delete;

  /// Runs `hook` on the store executor after the COMMIT that carries this unit, before the unit is answered; never if
  /// the unit or its group is rolled back. For in-memory indexes that follow the rows. Must be short and must not
  /// throw.
  void after_commit(std::function<void()> hook) { after_commit_.push_back(std::move(hook)); }
  [[nodiscard]] std::vector<std::function<void()>> take_after_commit() { return std::move(after_commit_); }

  [[nodiscard]] Result<Statement> prepare(std::string_view sql) { return connection_.prepare(sql); }
  [[nodiscard]] std::int64_t last_insert_rowid() const { return connection_.last_insert_rowid(); }
  [[nodiscard]] std::int64_t changes() const { return connection_.changes(); }
  [[nodiscard]] SqliteConnection& connection() { return connection_; }

 private:
  SqliteConnection& connection_;
  std::vector<std::function<void()>> after_commit_;
};

/// One numbered step of one component's schema ("runtime", "memory", "agents"). Numbers count from 1 without gaps;
/// a landed migration is never changed. A file with a higher number than this build knows is refused.
struct Migration {
  std::string component;
  int number;
  std::string sql;
};

enum class WritePriority : int { kForeground = 0, kBackground = 1 };

class Database {
 public:
  struct Options {
    std::string path;  // the file; its folder exists (private_folder.hpp). Made for its owner alone
    std::string vfs;   // empty = default; the simulation passes in one that drops unsynced writes
    int read_connections_max = 4;
    int statements_cached_max = Limits{}.statements_cached_max;  // of each connection
    int group_units_max = 500;                                   // units in one commit
    Duration group_time_max = std::chrono::milliseconds(2);
    Duration checkpoint_interval = std::chrono::seconds(5);
    int wal_pages_max = 16'384;      // above it the log begins anew, in the same file; a quiet moment cuts that
    Executor* checkpoint = nullptr;  // where checkpoints run; null = the store executor. Outlives the database.
  };

  /// Numbers for metrics and benchmarks, counted since `open`.
  struct Statistics {
    long long units_queued = 0;
    long long units_answered = 0;
    long long units_failed = 0;      // of the answered ones
    long long groups_committed = 0;  // each is one fsync of the log
    long long checkpoints = 0;
  };

  /// Opens or creates the file and applies migrations. Errors: `kFailedPrecondition` (newer version; another process
  /// holds the lock), `kCorrupt`, `kStorage`.
  [[nodiscard]] static Result<std::unique_ptr<Database>> open(Options options, std::vector<Migration> migrations,
                                                              Executor& store, const Clock& clock);
  virtual ~Database() = default;

  /// Queues `unit`. A unit that returns an error (or throws) is rolled back alone; others in its group stay.
  template <class T>
  void write(WritePriority priority, std::function<Result<T>(Transaction&)> unit, Executor& reply_to,
             std::function<void(Result<T>)> on_done);

  /// As `write`, but waits. For command lines and tests with a threaded store; never on the loop or in simulation.
  template <class T>
  [[nodiscard]] Result<T> write_and_wait(std::function<Result<T>(Transaction&)> unit);

  /// Runs `query` on a read-only snapshot, on this thread.
  template <class T>
  [[nodiscard]] Result<T> read(const std::function<Result<T>(Transaction&)>& query);

  /// Copies the log into the file and cuts it to nothing: what was deleted or overwritten before is then in neither.
  /// False: somebody reads an older state of the file; ask again. Runs where checkpoints do, and holds up commits for a
  /// moment. Errors: `kStorage`, `kFailedPrecondition` (closed).
  virtual void empty_log(Executor& reply_to, std::function<void(Result<bool>)> on_done) = 0;

  /// Commits what is queued by now, checkpoints and closes; what is sent later is refused. Waits for the commit and the
  /// checkpoint that run, not for who reads.
  virtual void close() = 0;
  virtual void check_integrity() = 0;
  /// A consistent copy by SQLite's online backup.
  [[nodiscard]] virtual Status backup_to(const std::string& path) = 0;
  [[nodiscard]] virtual const std::string& path() const = 0;
  [[nodiscard]] virtual Statistics statistics() const = 0;

 protected:
  struct Unit {
    std::function<Status(Transaction&)> run;  // inside the SAVEPOINT
    std::function<void(Status)> answer;       // after COMMIT (or with the error); posts to the caller
  };
  virtual void enqueue(WritePriority priority, Unit unit) = 0;
  virtual Status wait_for(Unit unit) = 0;
  virtual Status read_erased(const std::function<Status(Transaction&)>& query) = 0;
};

template <class T>
void Database::write(WritePriority priority, std::function<Result<T>(Transaction&)> unit, Executor& reply_to,
                     std::function<void(Result<T>)> on_done) {
  struct Slot {
    std::function<Result<T>(Transaction&)> work;
    std::function<void(Result<T>)> on_done;
    Result<T> result = Error{};
  };
  auto slot = std::make_shared<Slot>();
  slot->work = std::move(unit);
  slot->on_done = std::move(on_done);
  Unit erased;
  erased.run = [slot](Transaction& transaction) -> Status {
    slot->result = slot->work(transaction);
    if (!slot->result.ok()) return slot->result.error();
    return {};
  };
  erased.answer = [slot, &reply_to](Status status) {
    if (!status.ok()) slot->result = status.error();
    reply_to.post([slot] { slot->on_done(std::move(slot->result)); });
  };
  enqueue(priority, std::move(erased));
}

template <class T>
Result<T> Database::write_and_wait(std::function<Result<T>(Transaction&)> unit) {
  Result<T> result = Error{};
  Unit erased;
  erased.run = [&](Transaction& transaction) -> Status {
    result = unit(transaction);
    if (!result.ok()) return result.error();
    return {};
  };
  Status status = wait_for(std::move(erased));
  if (!status.ok()) return status.error();
  return result;
}

template <class T>
Result<T> Database::read(const std::function<Result<T>(Transaction&)>& query) {
  Result<T> result = Error{};
  Status status = read_erased([&](Transaction& transaction) -> Status {
    result = query(transaction);
    if (!result.ok()) return result.error();
    return {};
  });
  if (!status.ok()) return status.error();
  return result;
}

}  // namespace mnema
