#include "runtime/store/sqlite.hpp"

#include "runtime/store/checksum_vfs.hpp"

namespace mnema {
namespace {

constexpr int kBusyTimeoutMs = 5000;

int bind_index_checked(int code, int index) {
  // A wrong index is our bug; a full memory is the world's.
  CHECK(code != SQLITE_RANGE, "a bound parameter exists in its statement");
  static_cast<void>(index);
  return code;
}

}  // namespace

Statement::Statement(SqliteConnection* connection, sqlite3_stmt* statement)
    : connection_(connection), statement_(statement) {}

Statement::Statement(Statement&& other) noexcept
    : connection_(other.connection_),
      statement_(std::exchange(other.statement_, nullptr)),
      bind_error_(other.bind_error_) {}

Statement::~Statement() {
  if (statement_ != nullptr) connection_->release(statement_);
}

Statement& Statement::bind(int index, std::int64_t value) {
  const int code = bind_index_checked(sqlite3_bind_int64(statement_, index, value), index);
  if (code != SQLITE_OK) bind_error_ = code;
  return *this;
}

Statement& Statement::bind(int index, double value) {
  const int code = bind_index_checked(sqlite3_bind_double(statement_, index, value), index);
  if (code != SQLITE_OK) bind_error_ = code;
  return *this;
}

Statement& Statement::bind(int index, std::string_view text) {
  // An empty view may have a null pointer, which SQLite would take for NULL.
  const char* bytes = text.data() == nullptr ? "" : text.data();
  const int code = bind_index_checked(
      sqlite3_bind_text64(statement_, index, bytes, text.size(), SQLITE_TRANSIENT, SQLITE_UTF8), index);
  if (code != SQLITE_OK) bind_error_ = code;
  return *this;
}

Statement& Statement::bind_blob(int index, std::string_view bytes) {
  const char* data = bytes.data() == nullptr ? "" : bytes.data();
  const int code =
      bind_index_checked(sqlite3_bind_blob64(statement_, index, data, bytes.size(), SQLITE_TRANSIENT), index);
  if (code != SQLITE_OK) bind_error_ = code;
  return *this;
}

Statement& Statement::bind_null(int index) {
  const int code = bind_index_checked(sqlite3_bind_null(statement_, index), index);
  if (code != SQLITE_OK) bind_error_ = code;
  return *this;
}

Statement& Statement::bind(int index, const std::optional<std::int64_t>& value) {
  return value ? bind(index, *value) : bind_null(index);
}

Result<bool> Statement::step() {
  if (bind_error_ != SQLITE_OK) return connection_->error_of(bind_error_, sqlite3_sql(statement_));
  const int code = sqlite3_step(statement_);
  if (code == SQLITE_ROW) return true;
  if (code == SQLITE_DONE) return false;
  return connection_->error_of(code, sqlite3_sql(statement_));
}

Status Statement::run() {
  ASSIGN_OR_RETURN(const bool row, step());
  CHECK(!row, "a statement that is run gives no row");
  return {};
}

Result<std::vector<std::int64_t>> Statement::integers() {
  std::vector<std::int64_t> values;
  for (;;) {
    ASSIGN_OR_RETURN(const bool row, step());
    if (!row) return values;
    values.push_back(integer(0));
  }
}

bool Statement::is_null(int column) const { return sqlite3_column_type(statement_, column) == SQLITE_NULL; }
std::int64_t Statement::integer(int column) const { return sqlite3_column_int64(statement_, column); }
double Statement::number(int column) const { return sqlite3_column_double(statement_, column); }
std::string Statement::text(int column) const { return std::string(text_view(column)); }

std::string_view Statement::text_view(int column) const {
  const auto* bytes = reinterpret_cast<const char*>(sqlite3_column_text(statement_, column));
  if (bytes == nullptr) return {};
  return {bytes, static_cast<std::size_t>(sqlite3_column_bytes(statement_, column))};
}

std::string_view Statement::blob_view(int column) const {
  const auto* bytes = static_cast<const char*>(sqlite3_column_blob(statement_, column));
  if (bytes == nullptr) return {};
  return {bytes, static_cast<std::size_t>(sqlite3_column_bytes(statement_, column))};
}

Result<std::unique_ptr<SqliteConnection>> SqliteConnection::open(const std::string& path, Mode mode,
                                                                 const std::string& vfs, int statements_cached_max) {
  CHECK(statements_cached_max >= 1, "a connection may keep a statement");
  std::unique_ptr<SqliteConnection> connection(new SqliteConnection(statements_cached_max));
  const int flags = SQLITE_OPEN_NOMUTEX |
                    (mode == Mode::kReadOnly ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE);
  const int code = sqlite3_open_v2(path.c_str(), &connection->handle_, flags, checksum_vfs_over(vfs));
  if (code != SQLITE_OK) {
    if (connection->handle_ == nullptr) return fail(ErrorCode::kStorage, "cannot open '" + path + "': out of memory");
    return connection->error_of(code, "open '" + path + "'");
  }
  sqlite3_extended_result_codes(connection->handle_, 1);
  int reserved = kChecksumBytes;  // of a file that is yet to be made; others keep what they have
  sqlite3_file_control(connection->handle_, "main", SQLITE_FCNTL_RESERVE_BYTES, &reserved);
  sqlite3_busy_timeout(connection->handle_, kBusyTimeoutMs);
  // The header is read only when something is asked; ask now, so that a file of another kind is reported at open.
  if (Status status = connection->execute("PRAGMA schema_version"); !status.ok()) {
    Error error = status.error();
    error.message = "'" + path + "': " + error.message;
    return error;
  }
  return connection;
}

SqliteConnection::~SqliteConnection() {
  for (sqlite3_stmt* statement : recent_) sqlite3_finalize(statement);
  sqlite3_close_v2(handle_);
}

Result<Statement> SqliteConnection::prepare(std::string_view sql) {
  if (const auto found = cached_.find(sql); found != cached_.end()) {
    // Out of the cache while it is borrowed: a second borrower gets one of its own.
    sqlite3_stmt* const borrowed = *found->second;
    recent_.erase(found->second);
    cached_.erase(found);
    return Statement(this, borrowed);
  }
  sqlite3_stmt* statement = nullptr;
  const int code = sqlite3_prepare_v3(handle_, sql.data(), static_cast<int>(sql.size()), SQLITE_PREPARE_PERSISTENT,
                                      &statement, nullptr);
  if (code != SQLITE_OK) return error_of(code, sql);
  CHECK(statement != nullptr, "a prepared text holds a statement");
  return Statement(this, statement);
}

void SqliteConnection::release(sqlite3_stmt* statement) {
  sqlite3_reset(statement);
  sqlite3_clear_bindings(statement);
  recent_.push_front(statement);
  if (!cached_.emplace(sqlite3_sql(statement), recent_.begin()).second) {
    recent_.pop_front();  // another of the same text has come back before
    sqlite3_finalize(statement);
    return;
  }
  if (cached_.size() <= statements_cached_max_) return;
  sqlite3_stmt* const oldest = recent_.back();
  cached_.erase(sqlite3_sql(oldest));
  recent_.pop_back();
  sqlite3_finalize(oldest);
}

Status SqliteConnection::execute(const std::string& sql) {
  const int code = sqlite3_exec(handle_, sql.c_str(), nullptr, nullptr, nullptr);
  if (code != SQLITE_OK) return error_of(code, sql);
  return {};
}

std::int64_t SqliteConnection::last_insert_rowid() const { return sqlite3_last_insert_rowid(handle_); }
std::int64_t SqliteConnection::changes() const { return sqlite3_changes64(handle_); }

Error SqliteConnection::error_of(int code, std::string_view what) const {
  const std::string_view shown = what.substr(0, 160);
  std::string message =
      "SQLite: " + std::string(sqlite3_errmsg(handle_)) + " (" + sqlite3_errstr(code) + ") in: " + std::string(shown);
  switch (code & 0xff) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return fail_retryable(ErrorCode::kStorage, std::move(message), "another program holds the file; try again");
    case SQLITE_NOTADB:
    case SQLITE_CORRUPT:
      return fail(ErrorCode::kCorrupt, std::move(message),
                  "the file is damaged or not a database: restore it from a backup or choose another data folder");
    case SQLITE_CONSTRAINT:
      if (code == SQLITE_CONSTRAINT_UNIQUE || code == SQLITE_CONSTRAINT_PRIMARYKEY || code == SQLITE_CONSTRAINT_ROWID) {
        return fail(ErrorCode::kAlreadyExists, std::move(message));
      }
      return fail(ErrorCode::kStorage, std::move(message));
    case SQLITE_FULL:
      return fail_retryable(ErrorCode::kStorage, std::move(message), "the disk is full: free some space and try again");
    case SQLITE_CANTOPEN:
    case SQLITE_READONLY:
    case SQLITE_PERM:
      return fail(ErrorCode::kStorage, std::move(message), "check that the folder exists and may be written");
    case SQLITE_IOERR:
      if (code == SQLITE_IOERR_DATA) {
        return fail(ErrorCode::kCorrupt, "a page does not have its checksum: " + message,
                    "the file is damaged: check the disk, and restore the file from a backup");
      }
      return fail_retryable(ErrorCode::kStorage, std::move(message), "check the disk");
    default:
      return fail(ErrorCode::kStorage, std::move(message));
  }
}

}  // namespace mnema
