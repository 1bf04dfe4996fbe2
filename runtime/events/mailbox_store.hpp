// runtime/events/mailbox_store.hpp
//
// The mailbox's tables as typed functions. Everything that knows SQL about events is here.
//
// Threads: inside a unit of work, or inside Database::read for those that only read.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "runtime/events/event.hpp"
#include "runtime/events/event_digest.hpp"
#include "runtime/store/database.hpp"

namespace mnema::mailbox_store {

/// Persisted: never renumber.
enum class RowState : int {
  kReady = 0,
  kLeased = 1,
  kWaiting = 2,
  kDead = 3,
  kBatched = 4  // shares the turn of its batch's first event, and its fate
};

/// What the in-memory index needs of a row.
struct IndexRow {
  Sequence sequence = 0;
  std::string tenant;
  std::string agent;
  std::string key;
  int priority = 0;
  RowState state = RowState::kReady;
  int attempts = 0;    // counted ones
  int uncounted = 0;   // further tries, of which nothing left the process
  int crashes = 0;     // tries during which the process ended; among the uncounted ones
  int generation = 0;  // how often it was redriven with edited data
  Time accepted_at{};
  Time next_at{};                     // of a waiting row; Time::max() = until woken
  Time died_at{};                     // of a dead row, and of one that was; else Time{}
  std::optional<Time> deadline = {};  // by load_index only
  Sequence batch = 0;                 // of a batched row: the first event of its batch; by load_index only
  bool has_begun = false;             // a turn of it has steps in the journal, and did not end; by load_index only
};

/// One try at an event, as it was leased: how the lease is known to be the current one.
struct Attempt {
  Sequence sequence = 0;
  int counted = 1;    // this one included
  int uncounted = 0;  // of the earlier ones
};

struct Row {
  IndexRow index;
  Event event;
};

struct AttemptError {
  int attempt = 0;  // of all tries, from 1
  Time at{};
  Error error;
};

struct StateCounts {
  std::int64_t ready = 0;
  std::int64_t leased = 0;
  std::int64_t waiting = 0;
  std::int64_t dead = 0;
  std::int64_t batched = 0;
  std::int64_t batched_dead = 0;  // of them, those whose batch is dead
};

struct Remembered {
  Sequence sequence = 0;
  bool differs = false;  // it had another content
};
/// The earlier event with the same (tenant, source, id), if it is still remembered.
[[nodiscard]] Result<std::optional<Remembered>> find_duplicate(Transaction& transaction, const EventDigest& digest);
/// Remembers the event in the ring of the last `entries_max`.
[[nodiscard]] Status remember(Transaction& transaction, const EventDigest& digest, Sequence sequence,
                              std::int64_t entries_max);
/// Forgets what lies outside a ring of `entries_max` (it was larger once).
[[nodiscard]] Status trim_ring(Transaction& transaction, std::int64_t entries_max);

[[nodiscard]] Result<Sequence> insert(Transaction& transaction, const Event& event, Time accepted_at);
[[nodiscard]] Result<std::vector<IndexRow>> load_index(Transaction& transaction);
/// Errors: `kNotFound`.
[[nodiscard]] Result<Row> load(Transaction& transaction, Sequence sequence);
/// Whether the event's turn has begun a journal.
[[nodiscard]] Result<bool> has_journal(Transaction& transaction, Sequence sequence);

/// A number that no event of the mailbox has or will have, for one that is settled as it comes in.
[[nodiscard]] Result<Sequence> reserve(Transaction& transaction);
/// How often a key's events become turns.
struct Sampling {
  std::int64_t key = 0;  // hash of (tenant, agent, key)
  int one_in = 0;        // 0 = by time
  Duration interval{};   // between two that are taken
  std::int64_t keys_max = 0;
};
/// Whether the next event of the key is taken; counts it. The key that was first seen longest ago is forgotten first.
[[nodiscard]] Result<bool> sample(Transaction& transaction, const Sampling& sampling, Time now);

/// Removes rows that were never leased.
[[nodiscard]] Status supersede(Transaction& transaction, const std::vector<Sequence>& rows);
/// From here on these rows share what becomes of `head`.
[[nodiscard]] Status join_batch(Transaction& transaction, Sequence head, const std::vector<Sequence>& rows);
/// The events that joined `head`, in their order.
[[nodiscard]] Result<std::vector<Event>> load_batch(Transaction& transaction, Sequence head);
[[nodiscard]] Result<std::vector<Sequence>> batch_of(Transaction& transaction, Sequence head);
/// Removes what joined `head`; returns how many there were.
[[nodiscard]] Result<std::int64_t> remove_batch(Transaction& transaction, Sequence head);

/// Marks a row as leased; the try is counted. Errors: `kNotFound`.
[[nodiscard]] Status lease(Transaction& transaction, const Attempt& attempt);
/// The process ended while `attempt` was leased: a crash of the event, and not one of its counted attempts. The row
/// waits until `next_at` (Time{} = it is ready).
[[nodiscard]] Status note_crash(Transaction& transaction, const Attempt& attempt, Time next_at);

/// Whether the try that ends counts against the event.
enum class Counted { kYes, kNo };

// The following settle a lease. Errors: `kAborted` if the row is gone, dead, or leased again since.
[[nodiscard]] Status complete(Transaction& transaction, const Attempt& attempt);
[[nodiscard]] Status wait_until(Transaction& transaction, const Attempt& attempt, Time next_at,
                                Counted counted = Counted::kYes);
[[nodiscard]] Status dead_letter(Transaction& transaction, const Attempt& attempt, Time now,
                                 Counted counted = Counted::kYes);
/// Ready again, as if it had not been leased.
[[nodiscard]] Status release(Transaction& transaction, const Attempt& attempt);
/// As if it had not been leased, but waiting; if `wake` came while the row was leased, it is ready at once. Returns the
/// state it got.
[[nodiscard]] Result<RowState> park(Transaction& transaction, const Attempt& attempt, Time next_at);

/// A waiting row is ready; a leased one will be when it is parked. Others are left alone.
[[nodiscard]] Status wake(Transaction& transaction, Sequence sequence);

/// Of an event's errors the first `kErrorsKeptFirst` and the last `kErrorsKeptLast` are kept. Text that is no UTF-8 is
/// repaired.
[[nodiscard]] Status add_error(Transaction& transaction, Sequence sequence, int attempt, Time at, const Error& error);
[[nodiscard]] Result<std::vector<AttemptError>> errors_of(Transaction& transaction, Sequence sequence);
inline constexpr int kErrorsKeptFirst = 3;
inline constexpr int kErrorsKeptLast = 7;

/// The row is ready with its tries and its deadline forgotten; `data` replaces its payload, which makes a new
/// generation of it. Errors: `kNotFound` if it is not dead.
[[nodiscard]] Status revive(Transaction& transaction, Sequence sequence, const std::optional<std::string>& data);
/// Returns the tenant. Errors: `kNotFound` if it is not dead.
[[nodiscard]] Result<std::string> drop_dead(Transaction& transaction, Sequence sequence);
/// Rows that died before `before`, oldest first, at most `count`.
[[nodiscard]] Result<std::vector<Sequence>> dead_before(Transaction& transaction, Time before, int count);
[[nodiscard]] Result<StateCounts> count_states(Transaction& transaction);

}  // namespace mnema::mailbox_store
