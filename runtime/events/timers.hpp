// runtime/events/timers.hpp
//
// Durable one-shot timers: at its time, an event. Firing removes the timer and puts the event into the mailbox in one
// transaction, so it fires once, whatever crashes; one that was missed while the process was down fires once after it
// is up again. One whose event the mailbox cannot take at all (a limit was lowered) is dropped, and the log says so.
//
// Threads:   the methods with a Transaction inside a unit of work; the others from any thread; `recover` before the
//            home executor runs.
// Ownership: borrows all its parts, which outlive it.
// Invariant: timers in memory == rows   (check_integrity)
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "runtime/base/scope.hpp"
#include "runtime/events/event.hpp"
#include "runtime/events/mailbox.hpp"
#include "runtime/exec/executor.hpp"
#include "runtime/store/database.hpp"

namespace mnema {

struct Timer {
  std::string name;  // unique per (tenant, agent, key) of its event; setting it again replaces it
  Time at{};
  Event event;  // what it will send; `agent` is set. The id is given by the timers, "NAME/NUMBER"; so is a source that
                // is empty: "timer"
};

class Timers {
 public:
  Timers(Database& database, Mailbox& mailbox, Executor& home, const Clock& clock, const Limits& limits);
  ~Timers();
  Timers(const Timers&) = delete;
  Timers& operator=(const Timers&) = delete;

  /// Reads the timers from the database; missed ones fire as soon as the home executor runs. Once.
  [[nodiscard]] Status recover();

  /// Errors: `kInvalidArgument` (no name or agent; an event that the mailbox would not take: `event_bytes_max`, and the
  /// name is part of its id), `kStorage`.
  [[nodiscard]] Status set(Transaction& transaction, const Timer& timer);
  /// True if there was one.
  [[nodiscard]] Result<bool> cancel(Transaction& transaction, const std::string& tenant, const std::string& agent,
                                    const std::string& key, const std::string& name);
  struct Erased {
    std::int64_t timers = 0;
    std::int64_t last = 0;  // to go on behind
    bool done = false;
  };
  /// Removes timers whose event is of the names that `scope` has (its session is their key), among `rows_max` behind
  /// `after`.
  [[nodiscard]] Result<Erased> erase(Transaction& transaction, const Scope& scope, std::int64_t after, int rows_max);
  void set(Timer timer, Executor& reply_to, std::function<void(Status)> on_done);

  [[nodiscard]] std::size_t pending() const;
  /// CHECKs the invariant. With nothing in flight. Reads the database: not on a running loop.
  void check_integrity();

 private:
  class Core;
  std::shared_ptr<Core> core_;
};

}  // namespace mnema
