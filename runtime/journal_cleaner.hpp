// runtime/journal_cleaner.hpp
//
// Erases turns whose journal has been kept long enough (`journal_retention_hours`), every `journal_purge_interval_ms`,
// in units of at most `journal_purge_turns_max` turns at background priority, until none is left. So the journal, and
// the blobs its steps name, are as large as the retention is long, and no foreground write waits for a great clearing.
//
// Threads:   `start` and `stop` on the home executor, or before it runs.
// Ownership: borrows all its parts, which outlive it.
#pragma once

#include <memory>

#include "runtime/executor.hpp"
#include "runtime/limits.hpp"
#include "runtime/turn_journal.hpp"

namespace mnema {

class JournalCleaner {
 public:
  JournalCleaner(TurnJournal& journal, Executor& home, const Limits& limits);
  ~JournalCleaner();
  JournalCleaner(const JournalCleaner&) = delete;
  JournalCleaner& operator=(const JournalCleaner&) = delete;

  /// The first look is taken at once. Idempotent.
  void start();
  /// No unit of work is begun any more. Idempotent.
  void stop();

 private:
  class Core;
  std::shared_ptr<Core> core_;
};

}  // namespace mnema
