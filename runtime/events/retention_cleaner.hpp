// runtime/events/retention_cleaner.hpp
//
// Removes rows whose retention has expired: every `journal_purge_interval_ms`, in background transactions of at most
// `journal_purge_turns_max` rows, until none is left. So the retention bounds the size of the journal (with the blobs
// that its steps refer to), of dead letters and of sessions, and no foreground write waits behind one large removal.
//
// Threads:   `start`, `stop` and the destructor on the home executor, or before it runs.
// Ownership: borrows the executor and the limits, which outlive it.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "runtime/base/limits.hpp"
#include "runtime/base/log.hpp"
#include "runtime/base/result.hpp"
#include "runtime/exec/executor.hpp"

namespace mnema {

class RetentionCleaner {
 public:
  /// Removes at most so many rows and reports, on the executor, how many were removed.
  using Purge = std::function<void(int rows_max, Executor& reply_to, std::function<void(Result<int>)> on_done)>;
  struct What {
    std::string component;  // of the log
    std::string things;     // "dead letters"
    LogLevel level;         // of the line that is logged for each pass that removed something
  };

  RetentionCleaner(What what, Purge purge, Executor& home, const Limits& limits);
  ~RetentionCleaner();
  RetentionCleaner(const RetentionCleaner&) = delete;
  RetentionCleaner& operator=(const RetentionCleaner&) = delete;

  /// The first pass begins at once. Idempotent.
  void start();
  /// No further transaction begins; one that is in flight completes. Idempotent.
  void stop();

 private:
  class Core;
  std::shared_ptr<Core> core_;
};

}  // namespace mnema
