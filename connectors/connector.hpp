// connectors/connector.hpp                                                               START HERE
//
// The two seams between Mnema and everything outside it. A `Source` turns what happens elsewhere into events; a `Sink`
// carries an outbox row to where it belongs. Both are woken, never poll, and neither decides what is durable: a source
// acknowledges its own upstream only after the mailbox has answered, a sink's row stays in the outbox until `done`.
//
// A new kind of either is a class here, one line in agents/host/connector_kinds.cpp and its keys in
// runtime/config/source_config.cpp or runtime/config/connector_config.cpp. Everything else (start, pause, drain, stop,
// health, metrics) is the registry's (connector_registry.hpp).
//
// Threads:   each implementation says on which thread it runs; `accept` and `deliver` may be called from any thread.
// Ownership: the registry owns sources and sinks and stops them before the loop ends.
#pragma once

#include <concepts>
#include <functional>
#include <optional>
#include <string>
#include <utility>

#include "runtime/base/metrics.hpp"
#include "runtime/base/result.hpp"
#include "runtime/events/event.hpp"
#include "runtime/events/event_batch.hpp"
#include "runtime/events/outbox.hpp"
#include "runtime/exec/executor.hpp"

namespace mnema {

/// Where a source delivers its events, in batches (runtime/events/event_batch.hpp). `done` runs exactly once, after
/// the commit that holds the batch is on disk, on a thread of the acceptor's choosing. Results of single events:
/// `kNotFound` (no agent takes it), `kInvalidArgument`, `kPermissionDenied`.
class Accept {
 public:
  Accept() = default;  // empty
  template <std::invocable<EventBatch, BatchDone> Function>
    requires(!std::same_as<Function, Accept>)
  Accept(Function function) : function_(std::move(function)) {}

  void operator()(EventBatch batch, BatchDone done) const { function_(std::move(batch), std::move(done)); }
  /// A batch of one, whose answer is that of the batch.
  void operator()(Event event, AcceptDone done) const {
    function_(batch_of(std::move(event)), answer_of_one(std::move(done)));
  }
  explicit operator bool() const { return static_cast<bool>(function_); }

 private:
  std::function<void(EventBatch, BatchDone)> function_;
};

/// No method blocks, nor calls the registry; `start` may take the time that its readings of secrets and files take.
/// What is to come once more: from a time on, or from an offset of a partition on.
struct ReplayRequest {
  std::optional<Time> from;
  std::optional<std::int64_t> offset;
  std::string topic;                      // "" = all that the source reads
  std::optional<std::int32_t> partition;  // none = all
  bool dry_run = false;                   // says what would come, and changes nothing
};

/// What comes once more.
struct ReplayReport {
  struct Part {
    std::string place;        // "orders/3"
    std::int64_t from = 0;    // offset of the first one
    std::int64_t events = 0;  // from there on, as far as is known now; 0: the part is left alone
    std::string note;         // why less comes than was asked for; "" = nothing to say
  };
  std::vector<Part> parts;
  std::string note;
};

class Source {
 public:
  virtual ~Source() = default;

  /// "webhook:/hooks/github"; the `source` of its events begins with it.
  [[nodiscard]] virtual std::string name() const = 0;
  /// Whose all its events are; none: they may be of several.
  [[nodiscard]] virtual std::optional<std::string> tenant() const = 0;

  /// Begins to hand events to `accept`. Called once. Errors: what is outside is not there or refuses us.
  [[nodiscard]] virtual Status start(Accept accept) = 0;

  /// Back-pressure: no new event until `resume`. A pulling source stops fetching, a pushed-at one answers "later".
  /// Events accepted before stay accepted. Idempotent.
  virtual void pause() = 0;
  virtual void resume() = 0;

  /// Takes nothing more from outside, for good; what was delivered is still acknowledged when its answer comes.
  /// Idempotent.
  virtual void drain() = 0;
  /// Ends: what has not been acknowledged by now comes again after the next start. Idempotent, also without `drain`.
  virtual void stop() = 0;
  /// After `stop`, while the loop runs: whether it waits for its peer's answer to that. Its destruction would wait for
  /// it, too. From any thread.
  [[nodiscard]] virtual bool is_leaving() const { return false; }

  /// Brings what the request names once more, as new events: for who has mended a handler. `done` runs once, on any
  /// thread. From any thread; never blocks. Errors: `kUnsupported` (what it brings is not kept anywhere),
  /// `kInvalidArgument`, `kNotFound` (there is nothing of that name), `kFailedPrecondition`, `kUnavailable`.
  virtual void replay(const ReplayRequest& /*request*/, std::function<void(Result<ReplayReport>)> done) {
    done(fail(ErrorCode::kUnsupported, "'" + name() + "' keeps nothing that could come once more",
              "send the events again from where they come"));
  }

  /// Counts of its kind, for /metrics; several sources of a kind add up. From any thread.
  virtual void report(MetricsReport& metrics) const = 0;

  /// What keeps events from coming, for /health, as far as it knows of anything. From any thread.
  [[nodiscard]] virtual std::optional<std::string> problem() const { return std::nullopt; }
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

  /// Counts of its kind, for /metrics. From any thread.
  virtual void report(MetricsReport& /*metrics*/) const {}
  /// What keeps messages from leaving, for /health, as far as it knows of anything. From any thread.
  [[nodiscard]] virtual std::optional<std::string> problem() const { return std::nullopt; }
};

}  // namespace mnema
