// agents/turn/session_cleaner.hpp
//
// Removes the states of chats that nobody can come back to: those of sessions that no client named, once
// `anonymous_state_retention_hours` have passed since their last turn. Looks every `journal_purge_interval_ms`, in
// units of at most `journal_purge_turns_max` rows at background priority, until none is left.
//
// Threads:   `start` and `stop` on the home executor, or before it runs.
// Ownership: borrows all its parts, which outlive it.
#pragma once

#include <memory>

#include "runtime/base/clock.hpp"
#include "runtime/base/limits.hpp"
#include "runtime/exec/executor.hpp"
#include "runtime/store/database.hpp"

namespace mnema {

class SessionCleaner {
 public:
  SessionCleaner(Database& database, Executor& home, const Clock& clock, const Limits& limits);
  ~SessionCleaner();
  SessionCleaner(const SessionCleaner&) = delete;
  SessionCleaner& operator=(const SessionCleaner&) = delete;

  /// The first look is taken at once. Idempotent.
  void start();
  /// No unit of work is begun any more. Idempotent.
  void stop();

 private:
  class Core;
  std::shared_ptr<Core> core_;
};

}  // namespace mnema
