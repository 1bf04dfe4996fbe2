#include "runtime/store/read_pool.hpp"

#include <exception>

namespace mnema {

ReadPool::ReadPool(std::string path, std::string vfs, int connections_max, int statements_cached_max)
    : path_(std::move(path)),
      vfs_(std::move(vfs)),
      connections_max_(connections_max),
      statements_cached_max_(statements_cached_max) {
  CHECK(connections_max_ >= 1, "there is at least one connection to read with");
}

Status ReadPool::read(const std::function<Status(Transaction&)>& query) {
  ASSIGN_OR_RETURN(std::unique_ptr<SqliteConnection> connection, borrow());
  Status status = connection->execute("BEGIN");
  if (status.ok()) {
    try {
      Transaction transaction(*connection);
      status = query(transaction);
    } catch (const std::exception& exception) {
      status = fail(ErrorCode::kInternal, std::string("a query threw: ") + exception.what());
    }
    // Ends the snapshot; there is nothing to roll back.
    static_cast<void>(connection->execute("ROLLBACK"));
  }
  release(std::move(connection));
  return status;
}

Result<std::unique_ptr<SqliteConnection>> ReadPool::borrow() {
  {
    std::unique_lock guard(mutex_);
    came_back_.wait(guard, [this] { return closed_ || !idle_.empty() || open_ < connections_max_; });
    if (closed_) return fail(ErrorCode::kFailedPrecondition, "the database '" + path_ + "' is closed");
    if (!idle_.empty()) {
      std::unique_ptr<SqliteConnection> connection = std::move(idle_.back());
      idle_.pop_back();
      return connection;
    }
    ++open_;
  }
  Result<std::unique_ptr<SqliteConnection>> opened =
      SqliteConnection::open(path_, SqliteConnection::Mode::kReadOnly, vfs_, statements_cached_max_);
  if (!opened.ok()) {
    const std::lock_guard guard(mutex_);
    --open_;
    came_back_.notify_one();
  }
  return opened;
}

void ReadPool::release(std::unique_ptr<SqliteConnection> connection) {
  const std::lock_guard guard(mutex_);
  if (closed_) {
    --open_;
  } else {
    idle_.push_back(std::move(connection));
  }
  came_back_.notify_one();
}

void ReadPool::close() {
  std::vector<std::unique_ptr<SqliteConnection>> closing;
  const std::lock_guard guard(mutex_);
  closed_ = true;
  closing.swap(idle_);
  open_ -= static_cast<int>(closing.size());
  came_back_.notify_all();
}

}  // namespace mnema
