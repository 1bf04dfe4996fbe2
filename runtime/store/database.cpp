#include "runtime/store/database.hpp"

#include <condition_variable>
#include <deque>
#include <exception>
#include <mutex>

#include "runtime/base/log.hpp"
#include "runtime/store/checksum_vfs.hpp"
#include "runtime/store/folder_lock.hpp"
#include "runtime/store/private_file.hpp"
#include "runtime/store/read_pool.hpp"
#include "runtime/store/schema_versions.hpp"
#include "runtime/store/wal_check.hpp"

namespace mnema {
namespace {

// So many groups may pass over a waiting background unit before it gets its turn anyway.
constexpr int kGroupsPassedOverMax = 8;
constexpr int kLogCopiesMax = 4;
constexpr int kLogPagesLeftMax = 64;
constexpr int kLogPagesKept = 1'024;                  // of a log that is not in use
constexpr Duration kQuiet = std::chrono::seconds(1);  // without a commit

class SqliteDatabase final : public Database {
 public:
  static Result<std::unique_ptr<Database>> open(Options options, const std::vector<Migration>& migrations,
                                                Executor& store, const Clock& clock);
  ~SqliteDatabase() override { core_->abandon(); }

  void close() override { core_->close(); }
  void empty_log(Executor& reply_to, std::function<void(Result<bool>)> on_done) override;
  void check_integrity() override { core_->check_integrity(); }
  Status backup_to(const std::string& path) override;
  const std::string& path() const override { return core_->options.path; }
  Statistics statistics() const override { return core_->statistics(); }

 protected:
  void enqueue(WritePriority priority, Unit unit) override { core_->enqueue(priority, std::move(unit)); }
  Status wait_for(Unit unit) override;
  Status read_erased(const std::function<Status(Transaction&)>& query) override { return core_->readers->read(query); }

 private:
  // Shared with the work it posts, which may still stand in an executor when the database goes.
  struct Core : std::enable_shared_from_this<Core> {
    Core(Options o, Executor& s, const Clock& c) : options(std::move(o)), store(s), clock(c) {}

    void enqueue(WritePriority priority, Unit unit);
    void drain();
    /// Requires writer_mutex. False: nothing could be begun (another program holds the file, the disk is gone).
    bool commit_group();
    [[nodiscard]] std::optional<Unit> next_unit(bool& background_taken);
    void schedule_checkpoint(Duration delay);
    void checkpoint();
    [[nodiscard]] int copy_log();
    void cut_log_when_quiet();
    [[nodiscard]] Result<bool> empty_log();
    bool begin_log_anew(int mode);  // requires writer_mutex
    void close();
    [[nodiscard]] bool has_units();
    void answer_the_rest(const Error& why);
    void abandon();
    void check_integrity();
    Statistics statistics();

    const Options options;
    Executor& store;
    const Clock& clock;
    std::unique_ptr<FolderLock> lock;
    std::unique_ptr<ReadPool> readers;

    std::mutex queue_mutex;  // guards the queues and what follows
    std::deque<Unit> foreground;
    std::deque<Unit> background;
    int passed_over = 0;
    bool drain_posted = false;
    bool closed = false;
    bool checkpoint_posted = false;  // one will come in a while
    bool checkpoint_urgent = false;  // one will come at once
    bool log_is_long = false;        // its file, however much of that is in use
    MonotonicTime last_commit_at{};
    Statistics counted;

    std::mutex writer_mutex;  // guards the writer; taken before queue_mutex
    std::unique_ptr<SqliteConnection> writer;
    int wal_pages = 0;

    std::mutex checkpoint_mutex;  // guards the checkpointer; taken before writer_mutex
    std::unique_ptr<SqliteConnection> checkpointer;
  };
  explicit SqliteDatabase(std::shared_ptr<Core> core) : core_(std::move(core)) {}
  std::shared_ptr<Core> core_;
};

Result<std::unique_ptr<SqliteConnection>> open_writer(const Database::Options& options) {
  ASSIGN_OR_RETURN(std::unique_ptr<SqliteConnection> connection,
                   SqliteConnection::open(options.path, SqliteConnection::Mode::kReadWriteCreate, options.vfs,
                                          options.statements_cached_max));
  // Until the file has its write-ahead log, it is written under a rollback journal. Should the removal of that journal
  // be undone by a power cut, it would roll back years of later work: EXTRA syncs the folder after removing it.
  RETURN_IF_ERROR(connection->execute("PRAGMA synchronous = EXTRA"));
  RETURN_IF_ERROR(claim_file(*connection, options.path));
  {
    ASSIGN_OR_RETURN(Statement statement, connection->prepare("PRAGMA journal_mode = WAL"));
    ASSIGN_OR_RETURN(const bool row, statement.step());
    if (!row || statement.text_view(0) != "wal") {
      return fail(ErrorCode::kStorage, "'" + options.path + "' cannot have a write-ahead log on this file system",
                  "put the data folder on a local disk");
    }
  }
  RETURN_IF_ERROR(connection->execute(
      "PRAGMA synchronous = FULL; PRAGMA secure_delete = ON; PRAGMA foreign_keys = ON; PRAGMA trusted_schema = OFF;"
      "PRAGMA wal_autocheckpoint = 0; PRAGMA cache_size = -16384"));
  return connection;
}

// What the log has goes into the file first: a page that a power cut tore stands there whole. Somebody who reads beside
// us may be in its way; then the pages are checked when they are read, as always.
Status check_file(SqliteConnection& connection, const std::string& path) {
  int log_pages = 0;
  int copied_pages = 0;
  const int code =
      sqlite3_wal_checkpoint_v2(connection.handle(), nullptr, SQLITE_CHECKPOINT_PASSIVE, &log_pages, &copied_pages);
  if (code != SQLITE_OK && code != SQLITE_BUSY) return connection.error_of(code, "checkpoint");
  return log_pages == copied_pages ? verify_pages(connection.handle(), path) : Status();
}

Result<std::unique_ptr<Database>> SqliteDatabase::open(Options options, const std::vector<Migration>& migrations,
                                                       Executor& store, const Clock& clock) {
  auto core = std::make_shared<Core>(std::move(options), store, clock);
  // A VFS of a test has no file to lock, and one process.
  if (core->options.vfs.empty()) {
    const std::string& path = core->options.path;
    ASSIGN_OR_RETURN(core->lock, FolderLock::take(path + ".lock"));
    // SQLite gives the log and its index the mode of the database.
    RETURN_IF_ERROR(make_private_file(path));
    for (const char* suffix : {"-wal", "-shm"}) close_to_others(path + suffix);
  }
  RETURN_IF_ERROR(check_wal(core->options.path, core->options.vfs));
  ASSIGN_OR_RETURN(core->writer, open_writer(core->options));
  RETURN_IF_ERROR(check_file(*core->writer, core->options.path));
  RETURN_IF_ERROR(bring_up_to_date(*core->writer, migrations, core->options.path));
  ASSIGN_OR_RETURN(
      core->checkpointer,
      SqliteConnection::open(core->options.path, SqliteConnection::Mode::kReadWriteCreate, core->options.vfs));
  RETURN_IF_ERROR(core->checkpointer->execute("PRAGMA synchronous = FULL; PRAGMA secure_delete = ON"));
  // A checkpoint that finds readers in its way comes again later; it does not wait.
  sqlite3_busy_timeout(core->checkpointer->handle(), 0);
  core->readers = std::make_unique<ReadPool>(core->options.path, core->options.vfs, core->options.read_connections_max,
                                             core->options.statements_cached_max);
  // The hook takes the place of SQLite's automatic checkpoint, which would run inside a commit.
  sqlite3_wal_hook(
      core->writer->handle(),
      [](void* self, sqlite3*, const char*, int pages) {
        static_cast<Core*>(self)->wal_pages = pages;
        return SQLITE_OK;
      },
      core.get());
  return std::unique_ptr<Database>(new SqliteDatabase(std::move(core)));
}

void SqliteDatabase::Core::enqueue(WritePriority priority, Unit unit) {
  {
    const std::lock_guard guard(queue_mutex);
    ++counted.units_queued;
    if (!closed) {
      (priority == WritePriority::kForeground ? foreground : background).push_back(std::move(unit));
      if (std::exchange(drain_posted, true)) return;
      store.post([self = shared_from_this()] { self->drain(); });
      return;
    }
    ++counted.units_answered;
    ++counted.units_failed;
  }
  unit.answer(fail(ErrorCode::kFailedPrecondition, "the database '" + options.path + "' is closed"));
}

void SqliteDatabase::Core::drain() {
  const std::lock_guard writing(writer_mutex);
  if (!writer) return;
  commit_group();
  const std::lock_guard guard(queue_mutex);
  // One group per piece of work, so that other work of the store's executor comes between.
  drain_posted = !foreground.empty() || !background.empty();
  if (drain_posted) store.post([self = shared_from_this()] { self->drain(); });
}

std::optional<Database::Unit> SqliteDatabase::Core::next_unit(bool& background_taken) {
  const std::lock_guard guard(queue_mutex);
  const bool background_due = !background.empty() && !background_taken && passed_over >= kGroupsPassedOverMax;
  std::deque<Unit>& queue = foreground.empty() || background_due ? background : foreground;
  if (queue.empty()) return std::nullopt;
  background_taken = background_taken || &queue == &background;
  Unit unit = std::move(queue.front());
  queue.pop_front();
  return unit;
}

Status run_prepared(SqliteConnection& connection, std::string_view sql) {
  ASSIGN_OR_RETURN(Statement statement, connection.prepare(sql));
  return statement.run();
}

Status run_in_savepoint(const std::function<Status(Transaction&)>& run, Transaction& transaction) {
  SqliteConnection& connection = transaction.connection();
  RETURN_IF_ERROR(run_prepared(connection, "SAVEPOINT unit"));
  Status status;
  try {
    status = run(transaction);
  } catch (const std::exception& exception) {
    status = fail(ErrorCode::kInternal, std::string("a unit of work threw: ") + exception.what());
  } catch (...) {
    status = fail(ErrorCode::kInternal, "a unit of work threw something that is no exception");
  }
  if (status.ok()) return run_prepared(connection, "RELEASE unit");
  // After a failure of the disk SQLite may have rolled back everything already; then there is no savepoint left.
  if (sqlite3_get_autocommit(connection.handle()) == 0) {
    static_cast<void>(connection.execute("ROLLBACK TO unit; RELEASE unit"));
  }
  return status;
}

bool SqliteDatabase::Core::commit_group() {
  struct Finished {
    Unit unit;
    Status status;
    std::vector<std::function<void()>> hooks;
  };
  std::vector<Finished> group;
  bool background_taken = false;
  const MonotonicTime began = clock.monotonic_now();
  Status begun = run_prepared(*writer, "BEGIN IMMEDIATE");
  bool lost = false;  // the whole group was rolled back by SQLite itself
  do {
    std::optional<Unit> unit = next_unit(background_taken);
    if (!unit) break;
    Finished finished{std::move(*unit), begun, {}};
    if (begun.ok()) {
      Transaction transaction(*writer);
      finished.status = run_in_savepoint(finished.unit.run, transaction);
      finished.hooks = transaction.take_after_commit();
      lost = sqlite3_get_autocommit(writer->handle()) != 0;
    }
    group.push_back(std::move(finished));
  } while (!lost && static_cast<int>(group.size()) < options.group_units_max &&
           clock.monotonic_now() - began < options.group_time_max);

  Status committed = begun;
  wal_pages = 0;  // the hook sets it if this commit writes anything
  if (lost) {
    committed = fail_retryable(ErrorCode::kStorage, "the commit group was rolled back because a unit in it failed: " +
                                                        group.back().status.error().message);
  } else if (begun.ok()) {
    committed = run_prepared(*writer, "COMMIT");
    if (!committed.ok()) static_cast<void>(writer->execute("ROLLBACK"));
  }
  long long failed = 0;
  for (Finished& finished : group) {
    if (finished.status.ok() && !committed.ok()) finished.status = committed;
    if (!finished.status.ok()) ++failed;
  }
  {
    const std::lock_guard guard(queue_mutex);
    passed_over = background.empty() || background_taken ? 0 : passed_over + 1;
    counted.units_answered += static_cast<long long>(group.size());
    counted.units_failed += failed;
    if (committed.ok()) ++counted.groups_committed;
    log_is_long = log_is_long || wal_pages > kLogPagesKept;
    last_commit_at = clock.monotonic_now();
  }
  for (Finished& finished : group) {
    if (finished.status.ok()) {
      for (const std::function<void()>& hook : finished.hooks) hook();
    }
    finished.unit.answer(finished.status);
  }
  if (!committed.ok()) {
    log_error("database", "commit failed", {{"file", options.path}, {"error", committed.error().text()}});
  }
  if (wal_pages > 0) schedule_checkpoint(wal_pages > options.wal_pages_max ? Duration{} : options.checkpoint_interval);
  return begun.ok();
}

// An idle database arms no timer: only a commit does.
void SqliteDatabase::Core::schedule_checkpoint(Duration delay) {
  {
    const std::lock_guard guard(queue_mutex);
    if (closed || checkpoint_urgent || (checkpoint_posted && delay > Duration{})) return;
    (delay > Duration{} ? checkpoint_posted : checkpoint_urgent) = true;
  }
  Executor& executor = options.checkpoint != nullptr ? *options.checkpoint : store;
  executor.post_after(delay, [weak = weak_from_this()] {
    if (const std::shared_ptr<Core> self = weak.lock()) self->checkpoint();
  });
}

void SqliteDatabase::Core::checkpoint() {
  const std::lock_guard checkpointing(checkpoint_mutex);
  if (!checkpointer) return;
  {
    const std::lock_guard guard(queue_mutex);
    checkpoint_posted = false;
    checkpoint_urgent = false;
  }
  const int log_pages = copy_log();
  if (log_pages < 0) return;
  // Under steady load commits append faster than copying catches up, and the log would grow for ever. It begins anew in
  // the same file: to cut a file of that size takes a file system tens of milliseconds, in which no event is accepted.
  if (log_pages > options.wal_pages_max) {
    const std::lock_guard writing(writer_mutex);
    if (writer) begin_log_anew(SQLITE_CHECKPOINT_RESTART);
  }
  cut_log_when_quiet();
}

/// Into the file, until what is left is little, so that whoever holds the writer for the rest holds it for a short
/// moment. How many pages the log had; -1: it failed.
int SqliteDatabase::Core::copy_log() {
  int log_pages = 0;
  for (int copies = 0; copies < kLogCopiesMax; ++copies) {
    int copied_pages = 0;
    const int code = sqlite3_wal_checkpoint_v2(checkpointer->handle(), nullptr, SQLITE_CHECKPOINT_PASSIVE, &log_pages,
                                               &copied_pages);
    if (code != SQLITE_OK && code != SQLITE_BUSY) {
      log_warning("database", "checkpoint failed",
                  {{"file", options.path}, {"error", checkpointer->error_of(code, "checkpoint").text()}});
      return -1;
    }
    const std::lock_guard guard(queue_mutex);
    ++counted.checkpoints;
    if (log_pages <= options.wal_pages_max || log_pages - copied_pages <= kLogPagesLeftMax) break;
  }
  return log_pages;
}

/// Its file gets short when nobody waits for a commit.
void SqliteDatabase::Core::cut_log_when_quiet() {
  bool is_quiet = false;
  {
    const std::lock_guard guard(queue_mutex);
    if (!log_is_long) return;
    is_quiet = clock.monotonic_now() - last_commit_at >= kQuiet;
  }
  if (is_quiet) {
    const std::lock_guard writing(writer_mutex);
    if (!writer) return;
    if (begin_log_anew(SQLITE_CHECKPOINT_TRUNCATE)) {
      const std::lock_guard guard(queue_mutex);
      log_is_long = false;
      return;
    }
  }
  schedule_checkpoint(options.checkpoint_interval);
}

/// False: somebody who reads was in the way.
bool SqliteDatabase::Core::begin_log_anew(int mode) {
  const int code = sqlite3_wal_checkpoint_v2(checkpointer->handle(), nullptr, mode, nullptr, nullptr);
  if (code == SQLITE_OK) return true;
  if ((code & 0xff) != SQLITE_BUSY) {
    log_warning("database", "the log could not begin anew",
                {{"file", options.path}, {"error", checkpointer->error_of(code, "checkpoint").text()}});
  }
  return false;
}

Result<bool> SqliteDatabase::Core::empty_log() {
  const std::lock_guard checkpointing(checkpoint_mutex);
  if (!checkpointer) return fail(ErrorCode::kFailedPrecondition, "the database '" + options.path + "' is closed");
  // The most of it while commits go on.
  sqlite3_wal_checkpoint_v2(checkpointer->handle(), nullptr, SQLITE_CHECKPOINT_PASSIVE, nullptr, nullptr);
  const std::lock_guard writing(writer_mutex);
  const int code =
      sqlite3_wal_checkpoint_v2(checkpointer->handle(), nullptr, SQLITE_CHECKPOINT_TRUNCATE, nullptr, nullptr);
  if ((code & 0xff) == SQLITE_BUSY) return false;
  if (code != SQLITE_OK) return checkpointer->error_of(code, "checkpoint");
  return true;
}

// Ends in a bounded time: only what is queued by now is committed, however much is sent after it; nothing waits for who
// reads; and what cannot be begun once is answered with the error instead of being tried unit by unit.
void SqliteDatabase::Core::close() {
  {
    const std::lock_guard guard(queue_mutex);
    closed = true;
  }
  const std::lock_guard checkpointing(checkpoint_mutex);
  const std::lock_guard writing(writer_mutex);
  if (!writer) return;
  while (has_units()) {
    if (!commit_group()) answer_the_rest(fail(ErrorCode::kStorage, "'" + options.path + "' could not be written"));
  }
  begin_log_anew(SQLITE_CHECKPOINT_TRUNCATE);
  checkpointer.reset();
  readers->close();
  writer.reset();
  lock.reset();
}

bool SqliteDatabase::Core::has_units() {
  const std::lock_guard guard(queue_mutex);
  return !foreground.empty() || !background.empty();
}

void SqliteDatabase::Core::answer_the_rest(const Error& why) {
  std::deque<Unit> rest;
  {
    const std::lock_guard guard(queue_mutex);
    rest.swap(foreground);
    for (Unit& unit : background) rest.push_back(std::move(unit));
    background.clear();
    counted.units_answered += static_cast<long long>(rest.size());
    counted.units_failed += static_cast<long long>(rest.size());
  }
  for (Unit& unit : rest) unit.answer(why);
}

// The process goes down without `close`: what is queued was never answered, and is not written.
void SqliteDatabase::Core::abandon() {
  const std::lock_guard checkpointing(checkpoint_mutex);
  const std::lock_guard writing(writer_mutex);
  std::deque<Unit> dropped_foreground;
  std::deque<Unit> dropped_background;
  {
    const std::lock_guard guard(queue_mutex);
    closed = true;
    dropped_foreground.swap(foreground);
    dropped_background.swap(background);
  }
  checkpointer.reset();
  if (readers) readers->close();
  writer.reset();
  lock.reset();
}

void SqliteDatabase::Core::check_integrity() {
  const std::lock_guard writing(writer_mutex);
  const std::lock_guard guard(queue_mutex);
  CHECK(counted.units_queued == counted.units_answered + static_cast<long long>(foreground.size() + background.size()),
        "units queued == units answered + units waiting");
  CHECK(drain_posted || closed || (foreground.empty() && background.empty()), "waiting units have a drain on its way");
}

Database::Statistics SqliteDatabase::Core::statistics() {
  const std::lock_guard guard(queue_mutex);
  return counted;
}

void SqliteDatabase::empty_log(Executor& reply_to, std::function<void(Result<bool>)> on_done) {
  Executor& executor = core_->options.checkpoint != nullptr ? *core_->options.checkpoint : core_->store;
  executor.post([core = core_, &reply_to, on_done = std::move(on_done)] {
    reply_to.post([on_done, emptied = core->empty_log()] { on_done(emptied); });
  });
}

Status SqliteDatabase::wait_for(Unit unit) {
  std::mutex mutex;
  std::condition_variable done;
  std::optional<Status> answer;
  unit.answer = [&](Status status) {
    const std::lock_guard guard(mutex);
    answer = std::move(status);
    done.notify_one();
  };
  core_->enqueue(WritePriority::kForeground, std::move(unit));
  std::unique_lock guard(mutex);
  done.wait(guard, [&] { return answer.has_value(); });
  return *answer;
}

Status SqliteDatabase::backup_to(const std::string& path) {
  if (core_->options.vfs.empty()) RETURN_IF_ERROR(make_private_file(path));
  ASSIGN_OR_RETURN(const std::unique_ptr<SqliteConnection> target,
                   SqliteConnection::open(path, SqliteConnection::Mode::kReadWriteCreate, core_->options.vfs));
  return core_->readers->read([&](Transaction& source) -> Status {
    // Its header first: pages may be written before the first one is, and get no checksum as long as the file is empty.
    ASSIGN_OR_RETURN(const bool is_checked, has_checksums(source.connection()));
    if (is_checked) RETURN_IF_ERROR(claim_file(*target, path));
    ASSIGN_OR_RETURN(const bool target_is_checked, has_checksums(*target));
    if (target_is_checked != is_checked) {
      return fail(ErrorCode::kFailedPrecondition, "'" + path + "' is a file of another format",
                  "back up to a new file");
    }
    sqlite3_backup* backup = sqlite3_backup_init(target->handle(), "main", source.connection().handle(), "main");
    if (backup == nullptr) return target->error_of(sqlite3_errcode(target->handle()), "backup to '" + path + "'");
    // All pages in one step: a read snapshot, which neither the writer disturbs nor it the writer.
    const int step = sqlite3_backup_step(backup, -1);
    const int finish = sqlite3_backup_finish(backup);
    if (step == SQLITE_DONE && finish == SQLITE_OK) return verify_pages(target->handle(), path);
    return target->error_of(step == SQLITE_DONE ? finish : step, "backup to '" + path + "'");
  });
}

}  // namespace

Result<std::unique_ptr<Database>> Database::open(Options options, std::vector<Migration> migrations, Executor& store,
                                                 const Clock& clock) {
  return SqliteDatabase::open(std::move(options), migrations, store, clock);
}

}  // namespace mnema
