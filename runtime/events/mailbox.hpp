// runtime/events/mailbox.hpp
//
// The durable inbox of all agents. An event is ours once `accept` has answered: it survives kill -9 from then on, and
// its source may be acknowledged. It leaves again in the commit of the turn that handled it, or as a dead letter.
//
//   accept -> ready -> leased -> (settled, with the turn's commit)
//                ^        |---> waiting (retry or parked) ---> ready
//                |        '---> dead (attempts used up, or hopeless) --redrive--> ready
//
// One event per (tenant, agent, key) is leased at a time, in the order of acceptance; a waiting one holds its key, or
// lets it go on, as its agent says. What else an agent says of its events (filter, sample, coalesce, debounce, batch,
// deadline) is in event_flow.hpp. Tenants take turns; inside a tenant the best priority goes first, then the oldest,
// with ageing (tenant_queue.hpp).
// Nothing polls: consumers are answered when something becomes ready, a timer stands for the nearest retry.
//
// The lease is on disk, so that an event which kills the process is found out: one that was leased when the process
// ended has crashed. Many are leased then, and one at most is to blame: a crash is no attempt, from the second one on
// the event waits (longer each time), and after `limits.crashes_max` it is a dead letter. A try of which nothing left
// the process (`Error::never_left`) is released as well. Both count against `limits.event_tries_max` only, so that an
// outage of the other side is waited out.
//
// An event whose deadline passes before its turn begins is a dead letter and never dispatched; while it is leased, its
// turn is told. A batch is one delivery of several events: its rows are leased, settled, retried, dead-lettered and
// redriven together, under the number of the first.
//
// Bounds: mailbox_bounds.hpp. A repeat of a known event is acknowledged also where a new one would be refused.
//
// Threads:   `accept` of events and batches, `take`, `stop_taking`, `count`, the settling methods and a Delivery's end
//            from any thread (they post home). The methods with a Transaction inside a unit of work, on the store
//            executor. `recover`, `depths`, `check_integrity` on the home executor, or before it runs.
// Ownership: rows live in the database; a `Delivery` borrows one until it is settled. Borrows all its parts.
// Invariant: ready + leased + waiting + dead + batched == rows   (check_integrity)
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "runtime/base/limits.hpp"
#include "runtime/base/result.hpp"
#include "runtime/base/scope.hpp"
#include "runtime/events/event.hpp"
#include "runtime/events/event_batch.hpp"
#include "runtime/events/event_flow.hpp"
#include "runtime/events/mailbox_pressure.hpp"
#include "runtime/events/runtime_counts.hpp"
#include "runtime/exec/executor.hpp"
#include "runtime/store/database.hpp"

namespace mnema {

/// One event leased to one turn. If it goes unsettled (the turn's owner forgot it), the event waits `limits.lease_ms`
/// and is then dispatched again; after `stop_taking` it is released.
class Delivery {
 public:
  Delivery() = default;  // empty
  Delivery(Delivery&&) noexcept = default;
  Delivery& operator=(Delivery&&) noexcept;
  ~Delivery();

  [[nodiscard]] explicit operator bool() const { return facts_.event != nullptr; }
  [[nodiscard]] Sequence sequence() const { return facts_.sequence; }
  /// Counted from 1; without the tries that never left.
  [[nodiscard]] int attempt() const { return facts_.attempt; }
  /// All of them, counted from 1: what the wait before the next one grows with.
  [[nodiscard]] int tries() const { return facts_.tries; }
  /// How often the event was redriven with edited data: part of what effects are recognised by.
  [[nodiscard]] int generation() const { return facts_.generation; }
  /// Its turn has no journal: nothing of it is to be looked up or replayed. False proves nothing.
  [[nodiscard]] bool has_no_journal() const { return facts_.has_no_journal; }
  [[nodiscard]] Time accepted_at() const { return facts_.accepted_at; }
  [[nodiscard]] const Event& event() const { return *facts_.event; }
  [[nodiscard]] std::shared_ptr<const Event> shared_event() const { return facts_.event; }
  /// Of a batch: the events after the first, in their order.
  [[nodiscard]] const std::vector<std::shared_ptr<const Event>>& batch() const { return facts_.batch; }
  /// When its turn must be over: that of its event; of a batch the last one's, if all have one.
  [[nodiscard]] std::optional<Time> deadline() const;

 private:
  friend class Mailbox;
  struct Lease;
  /// What goes along whole when a delivery is moved.
  struct Facts {
    Sequence sequence = 0;
    int attempt = 0;
    int tries = 0;
    int generation = 0;
    bool has_no_journal = false;
    Time accepted_at{};
    std::shared_ptr<const Event> event;
    std::vector<std::shared_ptr<const Event>> batch;
  };
  Delivery(Facts facts, std::shared_ptr<Lease> lease) : facts_(std::move(facts)), lease_(std::move(lease)) {}
  Facts facts_;
  std::shared_ptr<Lease> lease_;
};

/// What became of an event that could not be handled.
enum class RetryVerdict { kAgain, kDead };

class Mailbox {
 public:
  Mailbox(Database& database, Executor& home, const Clock& clock, const Limits& limits, EventFlows flows = {});
  ~Mailbox();
  Mailbox(const Mailbox&) = delete;
  Mailbox& operator=(const Mailbox&) = delete;

  /// Reads the index from the database and takes back what a dead process had leased. Once, before anything else.
  [[nodiscard]] Status recover();

  /// Stores the events of `batch`, each of which names its agent, runs its hook, and answers when all of it is on disk
  /// (event_batch.hpp). Results: the first one's number for a repeat; `kInvalidArgument` (too large; no id, source or
  /// agent).
  void accept(EventBatch batch, Executor& reply_to, BatchDone on_done);
  /// A batch of one.
  void accept(Event event, Executor& reply_to, AcceptDone on_done);

  /// The same inside a unit of work: a timer that fires, an event one agent sends to another. Not refused for fullness,
  /// because what causes it is already ours.
  [[nodiscard]] Result<Accepted> accept(Transaction& transaction, Event event);

  /// Stores what came and can never be an event's turn, as a dead letter from the start, with `cause`: a record that
  /// nobody can read. `event` may name no agent.
  [[nodiscard]] Status store_dead(Transaction& transaction, const Event& event, const Error& cause);

  /// Asks for one event. `on_delivery` is called once, when one is ready; requests are served in order. Ask as many
  /// times as there are turns that may run; of one tenant at most `limits.turns_running_per_tenant_max` events are
  /// leased at a time. Requests that are open when the mailbox goes are dropped.
  void take(Executor& reply_to, std::function<void(Delivery)> on_delivery);

  /// Shutdown: no event is leased from here on, open requests are dropped, later ones ignored. Events go on being
  /// accepted and settled. Idempotent.
  void stop_taking();

  /// The turn is done: removes the row, in the transaction that carries everything else the turn did. The delivery is
  /// settled when that commits. Keep it until then. Errors: `kAborted` (the delivery is no longer the current one).
  [[nodiscard]] Status complete(Transaction& transaction, const Delivery& delivery);

  /// The turn failed: the event waits until `retry_at`, or is dead if `limits.attempts_max` attempts (one, where its
  /// agent says so) or `limits.event_tries_max` tries are used up. With `cause.never_left` the attempt is not counted.
  /// `cause` is kept with the row either way (of many, the first and the last few).
  void retry(Delivery delivery, Time retry_at, Error cause, Executor& reply_to,
             std::function<void(Result<RetryVerdict>)> on_done);
  /// The turn failed for good.
  void dead_letter(Delivery delivery, Error cause, Executor& reply_to, std::function<void(Status)> on_done);
  /// The turn was not to blame (shutdown): ready again at once, the attempt is not counted.
  void release(Delivery delivery);
  /// The turn waits for something outside (an approval, another version of its agent): the event waits until `wake`, or
  /// `until` if given, or until the next `recover`; the attempt is not counted.
  void park(Delivery delivery, std::optional<Time> until, Executor& reply_to, std::function<void(Status)> on_done);
  void wake(Sequence sequence);
  /// The same with the transaction that records why (the approval, the tool's result). A wake that comes while the turn
  /// still runs is not lost: its `park` then makes the event ready at once.
  [[nodiscard]] Status wake(Transaction& transaction, Sequence sequence);

  /// A dead event is ready again with its tries and its deadline forgotten; `data`, if given, replaces its payload, and
  /// the generation is one more. A batch is ready again whole.
  /// Errors: `kNotFound` (no dead event of that number), `kInvalidArgument` (`data` for a batch).
  [[nodiscard]] Status revive(Transaction& transaction, Sequence sequence, std::optional<std::string> data);
  /// A dead event is removed. Errors: `kNotFound`.
  [[nodiscard]] Status drop(Transaction& transaction, Sequence sequence);

  struct Erased {
    std::int64_t events = 0;
    std::int64_t running = 0;  // whose turn runs: to be asked for again
    Sequence last = 0;         // to go on behind
    bool done = false;         // nothing is behind it
  };
  /// Removes events of the names that `scope` has (its session is their key), dead ones too, with what their turns have
  /// in the journal: those among `rows_max` behind `after`. `in_unit` runs in the transaction that does. Sources are
  /// told that they are settled. What shared a batch with one and is of another user stays.
  void erase(Scope scope, Sequence after, int rows_max, std::function<Status(Transaction&, const Erased&)> in_unit,
             Executor& reply_to, std::function<void(Result<Erased>)> on_done);

  struct Depths {
    std::int64_t ready = 0;
    std::int64_t leased = 0;
    std::int64_t waiting = 0;  // keys whose next event waits, for its time or for `wake`
    std::int64_t dead = 0;
    std::size_t keys = 0;  // (tenant, agent, key)s with events
    std::optional<Time> oldest;
  };
  [[nodiscard]] Depths depths() const;

  /// Announces every newly accepted event (not duplicates), on the home executor. Set before the first `accept`.
  void on_accepted(std::function<void(Sequence, const std::shared_ptr<const Event>&)> listener);

  /// Reports, on the home executor, each event whose deadline passes while it is leased. Set before the home executor
  /// runs.
  void on_deadline(std::function<void(Sequence)> listener);
  /// Announces each event that has left, done, dead or superseded, on the home executor. Set before that runs.
  void on_settled(std::function<void(Sequence)> listener);

  /// Reports on the home executor when the whole mailbox or one tenant's part of it comes near a bound, and when it is
  /// well below again (mailbox_pressure.hpp). Set before the home executor runs; what is so by then is reported at
  /// once.
  void on_pressure(MailboxPressure::Listener listener);

  /// Fills in what is about events. From any thread, at any time.
  void count(RuntimeCounts& counts) const;

  /// CHECKs the invariant against the rows. With nothing of the mailbox's in flight. Reads the database: not on a
  /// running loop.
  void check_integrity();

 private:
  friend class Delivery;
  struct Core;
  std::shared_ptr<Core> core_;
};

}  // namespace mnema
