// runtime/store/sqlite.hpp
//
// SQLite with RAII and Results: one connection, its prepared statements, and nothing clever. Only `*_store.cpp` files
// and database.cpp hold SQL.
//
// Threads:   a connection and its statements belong to one thread at a time.
// Ownership: statements live in the connection's cache; a `Statement` borrows one and resets it when it goes.
// Invariant: at most `statements_cached_max` statements wait for their next use; the least recently used one is
//            finalized. A borrowed statement is not in the cache, so it is never evicted.
#pragma once

#include <sqlite3.h>

#include <cstdint>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "runtime/base/limits.hpp"
#include "runtime/base/result.hpp"

namespace mnema {

class SqliteConnection;

/// One execution of a prepared statement. Bind by position from 1, then `step` until it returns false.
class Statement {
 public:
  Statement(Statement&& other) noexcept;
  Statement& operator=(Statement&&) = delete;
  ~Statement();

  Statement& bind(int index, std::int64_t value);
  Statement& bind(int index, int value) { return bind(index, static_cast<std::int64_t>(value)); }
  Statement& bind(int index, double value);
  Statement& bind(int index, std::string_view text);
  Statement& bind_blob(int index, std::string_view bytes);
  Statement& bind_null(int index);
  Statement& bind(int index, const std::optional<std::int64_t>& value);

  /// True: a row is there. False: done. Errors: `kStorage` (retryable when busy), `kAlreadyExists` for a violated
  /// unique constraint.
  [[nodiscard]] Result<bool> step();
  /// Steps once and expects no row.
  [[nodiscard]] Status run();

  /// Steps to the end: the first column of every row.
  [[nodiscard]] Result<std::vector<std::int64_t>> integers();

  [[nodiscard]] bool is_null(int column) const;
  [[nodiscard]] std::int64_t integer(int column) const;
  [[nodiscard]] double number(int column) const;
  [[nodiscard]] std::string text(int column) const;
  [[nodiscard]] std::string_view text_view(int column) const;  // valid until the next step
  [[nodiscard]] std::string_view blob_view(int column) const;  // valid until the next step

 private:
  friend class SqliteConnection;
  Statement(SqliteConnection* connection, sqlite3_stmt* statement);
  SqliteConnection* connection_;
  sqlite3_stmt* statement_;
  int bind_error_ = 0;
};

class SqliteConnection {
 public:
  enum class Mode { kReadWriteCreate, kReadOnly };
  /// `vfs` empty = the default one. Errors: `kStorage`, `kCorrupt` (not a database).
  [[nodiscard]] static Result<std::unique_ptr<SqliteConnection>> open(
      const std::string& path, Mode mode, const std::string& vfs = {},
      int statements_cached_max = Limits{}.statements_cached_max);
  ~SqliteConnection();

  /// A cached prepared statement; the same text is prepared once while it stays in the cache. `sql` is a text of ours,
  /// without values in it.
  [[nodiscard]] Result<Statement> prepare(std::string_view sql);
  /// Runs one or more statements without parameters.
  [[nodiscard]] Status execute(const std::string& sql);
  [[nodiscard]] std::int64_t last_insert_rowid() const;
  [[nodiscard]] std::int64_t changes() const;
  [[nodiscard]] sqlite3* handle() const { return handle_; }
  [[nodiscard]] Error error_of(int code, std::string_view what) const;

 private:
  friend class Statement;
  explicit SqliteConnection(int statements_cached_max)
      : statements_cached_max_(static_cast<std::size_t>(statements_cached_max)) {}
  void release(sqlite3_stmt* statement);
  const std::size_t statements_cached_max_;
  sqlite3* handle_ = nullptr;
  std::list<sqlite3_stmt*> recent_;                                                  // the cached ones, last used first
  std::unordered_map<std::string_view, std::list<sqlite3_stmt*>::iterator> cached_;  // by text, which SQLite keeps
};

}  // namespace mnema
