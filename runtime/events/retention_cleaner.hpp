// runtime/events/retention_cleaner.hpp
//
// Removes what has been kept long enough: every `journal_purge_interval_ms`, in units of at most
// `journal_purge_turns_max` at background priority, until none is left. So the journal (and the blobs its steps name)
// and the dead letters are as large as their retention is long, and no foreground write waits for a great clearing.
//
// Threads:   `start` and `stop` on the home executor, or before it runs.
// Ownership: borrows all its parts, which outlive it.
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
  /// Removes at most so many things and answers, on the executor, how many it were.
  using Purge = std::function<void(int things_max, Executor& reply_to, std::function<void(Result<int>)> on_done)>;
  struct What {
    std::string component;  // of the log
    std::string things;     // "dead letters"
    LogLevel level;         // of the line that says how many were removed; none were: no line
  };

  RetentionCleaner(What what, Purge purge, Executor& home, const Limits& limits);
  ~RetentionCleaner();
  RetentionCleaner(const RetentionCleaner&) = delete;
  RetentionCleaner& operator=(const RetentionCleaner&) = delete;

  /// The first look is taken at once. Idempotent.
  void start();
  /// No unit of work is begun any more. Idempotent.
  void stop();

 private:
  class Core;
  std::shared_ptr<Core> core_;
};

}  // namespace mnema
