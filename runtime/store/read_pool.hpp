// runtime/store/read_pool.hpp
//
// Read-only connections to the data file, lent one query at a time. A query that finds all of them out waits for one.
//
// Threads:   any; `mutex_` guards the idle connections.
// Ownership: owns its connections; `close` waits for none that is lent, they close when they come back.
#pragma once

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "runtime/store/database.hpp"

namespace mnema {

class ReadPool {
 public:
  ReadPool(std::string path, std::string vfs, int connections_max,
           int statements_cached_max = Limits{}.statements_cached_max);

  /// Runs `query` in a read transaction: one snapshot from begin to end. A query that throws gives `kInternal`.
  [[nodiscard]] Status read(const std::function<Status(Transaction&)>& query);
  void close();

 private:
  [[nodiscard]] Result<std::unique_ptr<SqliteConnection>> borrow();
  void release(std::unique_ptr<SqliteConnection> connection);

  const std::string path_;
  const std::string vfs_;
  const int connections_max_;
  const int statements_cached_max_;
  std::mutex mutex_;  // guards all below
  std::condition_variable came_back_;
  std::vector<std::unique_ptr<SqliteConnection>> idle_;
  int open_ = 0;  // idle or lent
  bool closed_ = false;
};

}  // namespace mnema
