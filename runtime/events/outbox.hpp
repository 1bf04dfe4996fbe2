// runtime/events/outbox.hpp
//
// Effects that leave with the turn's commit. A message is written in the transaction that ends the turn, so it exists
// exactly if the turn did; afterwards it is delivered, with retries over restarts, until the other side has it or its
// attempts are used up: by default after a day of attempts that left the process (`outbox_attempts_max`), or a week of
// tries of which none could leave (`outbox_tries_max`). Messages of one (tenant, destination, key) go out one after the
// other, in order; a failing one holds back those behind it.
//
// Tenants take turns, and each has at most `outbox_in_flight_per_tenant_max` messages in flight (tenant_queue.hpp).
//
// Delivery is at least once; the idempotency key is the same every time.
//
// Threads:   `append` and the others with a Transaction inside a unit of work; `start`, `stop`, `depths` and the
//            delivery loop on the home executor; `recover` before it runs; `count` from any thread.
// Ownership: borrows all its parts, which outlive it.
// Invariant: waiting + in flight + dead == rows   (check_integrity)
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "runtime/base/limits.hpp"
#include "runtime/base/random.hpp"
#include "runtime/base/result.hpp"
#include "runtime/base/scope.hpp"
#include "runtime/events/event.hpp"
#include "runtime/events/runtime_counts.hpp"
#include "runtime/exec/executor.hpp"
#include "runtime/store/database.hpp"

namespace mnema {

struct OutboxMessage {
  std::string tenant = "local";
  std::string agent;
  std::string destination;      // name of a sink, e.g. "github-comments"
  std::string key;              // order is kept per (tenant, destination, key)
  std::string idempotency_key;  // never empty
  std::string content_type = "application/json";
  std::string body;
  std::string traceparent;  // W3C trace context, may be empty
  Sequence turn = 0;        // the turn that wrote it
  std::int64_t row = 0;     // its number in the outbox; 0 before it has one
  std::string user = {};    // whose turn wrote it
};

struct OutboxRow {
  std::int64_t id = 0;
  int attempt = 1;     // counted from 1
  int unsent = 0;      // of the earlier attempts, those that never left the process (`Error::never_left`)
  int generation = 0;  // how often it was redriven with an edited body
  Time created_at{};
  OutboxMessage message;
};

/// Carries one row to its destination. Called on the home executor; must return at once. `done` exactly once, on any
/// thread; a shutdown does not wait for it. Errors that are retryable come back later (`retry_after_ms` is kept as the
/// least wait, up to `retry_after_max_ms`); others are dead at once. `kCancelled` is no attempt: the message waits as
/// if it had not been tried.
using OutboxDeliver = std::function<void(OutboxRow row, std::function<void(Status)> done)>;

class Outbox {
 public:
  Outbox(Database& database, Executor& home, const Clock& clock, Random& random, const Limits& limits);
  ~Outbox();
  Outbox(const Outbox&) = delete;
  Outbox& operator=(const Outbox&) = delete;

  /// Reads the index from the database. Once, before anything else.
  [[nodiscard]] Status recover();

  /// Adds a message to the unit of work; it goes out after the commit. Errors: `kInvalidArgument`, `kStorage`,
  /// `kResourceExhausted` (retryable, `never_left`: the outbox or the tenant's part of it is full, or its dead messages
  /// are too many; the bounds may be passed by what one commit group holds).
  [[nodiscard]] Result<std::int64_t> append(Transaction& transaction, const OutboxMessage& message);

  /// Begins to deliver.
  void start(OutboxDeliver deliver);
  /// Begins no new delivery; those in flight may still end. Idempotent.
  void stop();

  /// A dead message goes out again; `body`, if given, replaces its own, and it gets another idempotency key.
  /// Errors: `kNotFound`.
  [[nodiscard]] Status revive(Transaction& transaction, std::int64_t id, std::optional<std::string> body);
  [[nodiscard]] Status drop(Transaction& transaction, std::int64_t id);

  struct Erased {
    std::int64_t messages = 0;
    std::int64_t last = 0;  // to go on behind
    bool done = false;
  };
  /// Removes messages of the names that `scope` has (its session is their key), waiting and dead ones, among `rows_max`
  /// rows behind `after`. One that is on its way may still arrive.
  [[nodiscard]] Result<Erased> erase(Transaction& transaction, const Scope& scope, std::int64_t after, int rows_max);

  struct Depths {
    std::int64_t waiting = 0;  // ready, or for their time
    std::int64_t in_flight = 0;
    std::int64_t dead = 0;
  };
  [[nodiscard]] Depths depths() const;

  /// Fills in what is about messages. From any thread, at any time.
  void count(RuntimeCounts& counts) const;

  /// CHECKs the invariant against the rows. With nothing in flight. Reads the database: not on a running loop.
  void check_integrity();

 private:
  class Core;
  std::shared_ptr<Core> core_;
};

}  // namespace mnema
