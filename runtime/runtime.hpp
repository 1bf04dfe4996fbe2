// runtime/runtime.hpp                                                                    START HERE
//
// The parts of one data file, put together in the one right way, so that production and simulation build the same
// thing: database, mailbox, router, turn journal, outbox, timers, dead letters.
//
//   event -> router -> mailbox -> (turn: agents/) -> one commit: state + journal + outbox + mailbox row -> outbox ->
//   out
//
// Threads:   `open` and `close` on the thread that sets up, with the loop executor not running work of ours; `counts`
//            from any thread; the parts say themselves.
// Ownership: owns the parts; borrows executors, clock, random and limits, which outlive it.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "runtime/base/limits.hpp"
#include "runtime/base/random.hpp"
#include "runtime/events/dead_letters.hpp"
#include "runtime/events/mailbox.hpp"
#include "runtime/events/outbox.hpp"
#include "runtime/events/retention_cleaner.hpp"
#include "runtime/events/router.hpp"
#include "runtime/events/runtime_counts.hpp"
#include "runtime/events/timers.hpp"
#include "runtime/events/turn_journal.hpp"
#include "runtime/store/database.hpp"

namespace mnema {

class Runtime {
 public:
  struct Options {
    Database::Options database;
    std::vector<Migration> migrations;            // of the other components; ours (runtime_schema.hpp) are added
    std::map<std::string, EventFlow> flows = {};  // by agent
  };
  struct Executors {
    Executor& loop;   // home of mailbox, outbox and timers
    Executor& store;  // one thread
  };

  /// Opens the file and recovers all parts. Nothing is delivered or taken before the executors run.
  /// Errors: those of Database::open and of EventFlows::make.
  [[nodiscard]] static Result<std::unique_ptr<Runtime>> open(Options options, Executors executors, const Clock& clock,
                                                             Random& random, const Limits& limits);
  ~Runtime();

  [[nodiscard]] Database& database() { return *database_; }
  [[nodiscard]] Mailbox& mailbox() { return *mailbox_; }
  [[nodiscard]] Router& router() { return *router_; }
  [[nodiscard]] TurnJournal& journal() { return *journal_; }
  [[nodiscard]] Outbox& outbox() { return *outbox_; }
  [[nodiscard]] Timers& timers() { return *timers_; }
  [[nodiscard]] DeadLetters& dead_letters() { return *dead_letters_; }

  /// Begins the work that nobody asks for: old turns and dead letters are removed (retention_cleaner.hpp). On the loop
  /// executor, or before it runs. Idempotent.
  void start();
  /// Stops what runs and closes the database: everything queued is committed. Waits for no turn and no delivery.
  /// Idempotent.
  void close();
  /// From any thread, until the runtime is destroyed; costs a few atomic reads.
  [[nodiscard]] RuntimeCounts counts() const;
  /// With nothing in flight.
  void check_integrity();

 private:
  Runtime() = default;
  std::unique_ptr<Database> database_;
  std::unique_ptr<Mailbox> mailbox_;
  std::unique_ptr<Router> router_;
  std::unique_ptr<TurnJournal> journal_;
  std::unique_ptr<Outbox> outbox_;
  std::unique_ptr<Timers> timers_;
  std::unique_ptr<DeadLetters> dead_letters_;
  std::unique_ptr<RetentionCleaner> journal_cleaner_;
  std::unique_ptr<RetentionCleaner> dead_letter_cleaner_;
};

}  // namespace mnema
