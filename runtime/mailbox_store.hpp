// runtime/mailbox_store.hpp
//
// The mailbox's tables as typed functions. Everything that knows SQL about events is here.
//
// Threads: inside a unit of work, or inside Database::read for those that only read.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "runtime/database.hpp"
#include "runtime/event.hpp"

namespace mnema::mailbox_store {

/// Persisted: never renumber.
enum class RowState : int { kReady = 0, kLeased = 1, kWaiting = 2, kDead = 3 };

/// What the in-memory index needs of a row.
struct IndexRow {
  Sequence sequence = 0;
  std::string tenant;
  std::string agent;
  std::string key;
  int priority = 0;
  RowState state = RowState::kReady;
  int attempts = 0;
  Time accepted_at{};
  Time next_at{};  // of a waiting row; Time::max() = until woken
};

struct Row {
  IndexRow index;
  Event event;
};

struct AttemptError {
  int attempt = 0;
  Time at{};
  Error error;
};

struct StateCounts {
  std::int64_t ready = 0;
  std::int64_t leased = 0;
  std::int64_t waiting = 0;
  std::int64_t dead = 0;
};

/// The number of the earlier event with the same (tenant, source, id), if it is still remembered.
[[nodiscard]] Result<std::optional<Sequence>> find_duplicate(Transaction& transaction, const Event& event);
/// Remembers the event in the ring of the last `entries_max`.
[[nodiscard]] Status remember(Transaction& transaction, const Event& event, Sequence sequence,
                              std::int64_t entries_max);
/// Forgets what lies outside a ring of `entries_max` (it was larger once).
[[nodiscard]] Status trim_ring(Transaction& transaction, std::int64_t entries_max);

[[nodiscard]] Result<Sequence> insert(Transaction& transaction, const Event& event, Time accepted_at);
[[nodiscard]] Result<std::vector<IndexRow>> load_index(Transaction& transaction);
/// Errors: `kNotFound`.
[[nodiscard]] Result<Row> load(Transaction& transaction, Sequence sequence);

/// Marks a row as given out for the `attempt`-th time. Errors: `kNotFound`.
[[nodiscard]] Status lease(Transaction& transaction, Sequence sequence, int attempt);
/// What was leased when the process died is ready again; the attempts stay counted.
[[nodiscard]] Status release_all_leases(Transaction& transaction);

// The following settle a lease. Errors: `kAborted` if the row is gone, dead, or given out again since `attempt`.
[[nodiscard]] Status complete(Transaction& transaction, Sequence sequence, int attempt);
[[nodiscard]] Status wait_until(Transaction& transaction, Sequence sequence, int attempt, Time next_at);
[[nodiscard]] Status release(Transaction& transaction, Sequence sequence, int attempt);  // the attempt is not counted
[[nodiscard]] Status bury(Transaction& transaction, Sequence sequence, int attempt);
/// As wait_until without counting the attempt; but if `wake` came while the row was leased, it is ready at once.
/// Returns the state it got.
[[nodiscard]] Result<RowState> park(Transaction& transaction, Sequence sequence, int attempt, Time next_at);

/// A waiting row is ready; a leased one will be when it is parked. Others are left alone.
[[nodiscard]] Status wake(Transaction& transaction, Sequence sequence);

[[nodiscard]] Status add_error(Transaction& transaction, Sequence sequence, int attempt, Time at, const Error& error);
[[nodiscard]] Result<std::vector<AttemptError>> errors_of(Transaction& transaction, Sequence sequence);

/// Errors: `kNotFound` if it is not dead.
[[nodiscard]] Status revive(Transaction& transaction, Sequence sequence, const std::optional<std::string>& data);
[[nodiscard]] Status drop_dead(Transaction& transaction, Sequence sequence);
/// Dead rows, oldest first, from number `after` on, at most `count`.
[[nodiscard]] Result<std::vector<Row>> list_dead(Transaction& transaction, Sequence after, int count);
[[nodiscard]] Result<StateCounts> count_states(Transaction& transaction);

}  // namespace mnema::mailbox_store
