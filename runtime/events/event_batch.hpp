// runtime/events/event_batch.hpp
//
// Events that a source delivers together, and the answer. All that comes of a batch is one transaction: the rows of
// its events and what its hook writes, such as the source's own offset. So an offset says exactly which events are
// ours, whatever dies when.
//
//   one event      its result is its own: accepted, known before, or refused with an error. A refused event does not
//                  stop the others; the hook sees all results in the order of the events, so that it can dead-letter
//                  what is refused and move its offset past it.
//   the mailbox    takes the batch whole or not at all, because its offset is one. Full, it stores nothing and runs no
//                  hook; a batch of events that are all known is acknowledged all the same.
//   the hook       fails: nothing is stored.
//
// Threads: plain values. The hook runs inside the unit of work, on the store executor.
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "runtime/base/limits.hpp"
#include "runtime/base/result.hpp"
#include "runtime/events/event.hpp"
#include "runtime/store/database.hpp"

namespace mnema {

struct Accepted {
  Sequence sequence = 0;
  bool duplicate = false;  // the event was known; `sequence` is the first one's, which may be done long since
  bool differs = false;    // of a duplicate: it has another content than the first one; nothing of it is stored
  bool settled = false;    // its agent does not want it (event_flow.hpp): no turn comes of it. `sequence` may be 0
};

/// How a repeated event is recognised.
enum class Dedupe {
  kById,     // by (tenant, source, id), among the last `limits.dedupe_entries_max` events
  kByOffset  // not by the mailbox: the hook moves the source's offset in the same transaction, so none comes twice
};

/// One result per event, in their order.
using AcceptResults = std::vector<Result<Accepted>>;
/// Runs after the events are stored, in their transaction; an error rolls all of it back.
using AcceptHook = std::function<Status(Transaction& transaction, const AcceptResults& results)>;

struct EventBatch {
  /// An error stands for what came and is no event; it keeps its place, and is its own result.
  std::vector<Result<Event>> events;
  Dedupe dedupe = Dedupe::kById;
  AcceptHook hook = {};
  /// Makes the key of an event that has none and that an agent takes; "" = its agent's template does.
  std::string key_template = {};
};

/// The answer to a batch, once, when its commit is on disk. Errors, after which nothing of the batch is stored:
/// `kMailboxFull` (retryable, with retry_after_ms), `kInvalidArgument` (more events than `batch_events_max`),
/// `kStorage`, those of its hook.
using BatchDone = std::function<void(Result<AcceptResults>)>;
using AcceptDone = std::function<void(Result<Accepted>)>;

/// What the router says of an event that no agent subscribes to: it is nobody's business, and no fault of its source.
[[nodiscard]] Error unrouted(std::string message, std::string hint);
/// Whether an event's error is that. (That there is no agent of the name which it says is another one.)
[[nodiscard]] bool is_unrouted(const Error& error);

/// The most events of one batch: such a batch fits an empty mailbox, whoever's they are.
[[nodiscard]] std::size_t batch_events_max(const Limits& limits);

/// A single event is a batch of one, and its answer that of the batch.
[[nodiscard]] EventBatch batch_of(Event event);
[[nodiscard]] BatchDone answer_of_one(AcceptDone done);

}  // namespace mnema
