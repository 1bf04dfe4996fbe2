// connectors/connector.hpp                                                               START HERE
//
// The two seams between Mnema and everything outside it. A `Source` turns what happens elsewhere into events; a `Sink`
// carries an outbox row to where it belongs. Both are woken, never poll, and neither decides what is durable: a source
// acknowledges its own upstream only after the mailbox has answered, a sink's row stays in the outbox until `done`.
//
// Threads:   each implementation says on which thread it runs; `accept` and `deliver` may be called from any thread.
// Ownership: the host owns sources and sinks and stops them before the loop ends.
#pragma once

#include <functional>
#include <string>

#include "runtime/event.hpp"
#include "runtime/executor.hpp"
#include "runtime/mailbox.hpp"
#include "runtime/outbox.hpp"
#include "runtime/result.hpp"

namespace mnema {

/// The answer to an event, given after the commit that holds it is on disk: its sequence number, and whether it was
/// known. Errors: `kMailboxFull` (retryable, says when), `kNotFound` (no agent takes it), `kInvalidArgument`,
/// `kPermissionDenied`, `kStorage`.
using AcceptDone = std::function<void(Result<Accepted>)>;
/// Where a source hands its events. `done` runs exactly once, on a thread of the acceptor's choosing.
using Accept = std::function<void(Event event, AcceptDone done)>;

class Source {
 public:
  virtual ~Source() = default;

  /// "webhook:/hooks/github"; the `source` of its events begins with it.
  [[nodiscard]] virtual std::string name() const = 0;

  /// Begins to hand events to `accept`. Called once. Errors: what is outside is not there or refuses us.
  [[nodiscard]] virtual Status start(Accept accept) = 0;

  /// Back-pressure: no new event until `resume`. A pulling source stops fetching, a pushed-at one answers "later".
  /// Events handed over before stay handed over. Idempotent.
  virtual void pause() = 0;
  virtual void resume() = 0;

  /// No event after this returns; acknowledgements of accepted ones may still follow.
  virtual void stop() = 0;
};

class Sink {
 public:
  virtual ~Sink() = default;

  /// Carries `message` out once; those of one (destination, key) come one after the other, in order. `done` runs
  /// exactly once on `reply_to`. Success means that the other side has it; a repeat with the same idempotency key has
  /// no second effect where the other side keeps its word. Errors: retryable ones go back to the outbox, with
  /// `retry_after_ms` where known; others go to the dead letters.
  virtual void deliver(OutboxMessage message, Executor& reply_to, std::function<void(Status)> done) = 0;

  /// Deliveries in flight are cancelled: their `done` still comes, soon, with `kCancelled`. None starts afterwards,
  /// later ones end likewise. Never blocks. Idempotent, any thread.
  virtual void stop() = 0;
};

}  // namespace mnema
