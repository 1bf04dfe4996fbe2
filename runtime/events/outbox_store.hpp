// runtime/events/outbox_store.hpp
//
// The outbox's table as typed functions.
//
// Threads: inside a unit of work, or inside Database::read for those that only read.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "runtime/events/outbox.hpp"
#include "runtime/store/database.hpp"

namespace mnema::outbox_store {

/// Persisted: never renumber.
enum class RowState : int { kWaiting = 0, kDead = 1 };

struct IndexRow {
  std::int64_t id = 0;
  std::string tenant;
  std::string destination;
  std::string key;
  RowState state = RowState::kWaiting;
  Time created_at{};
  Time next_at{};
};

/// Messages of the names that `scope` has, as Outbox::erase takes them.
[[nodiscard]] Result<std::int64_t> count_of(Transaction& transaction, const Scope& scope);

struct DeadRow {
  OutboxRow row;
  Time at{};    // of the last attempt
  Error error;  // of the last attempt
};

[[nodiscard]] Result<std::int64_t> insert(Transaction& transaction, const OutboxMessage& message, Time now);
[[nodiscard]] Result<std::vector<IndexRow>> load_index(Transaction& transaction);
/// Errors: `kNotFound`.
[[nodiscard]] Result<OutboxRow> load(Transaction& transaction, std::int64_t id);
/// False: it was not there any more.
[[nodiscard]] Result<bool> remove(Transaction& transaction, std::int64_t id);
/// Whether messages wait that may be the user's of `scope`: of before they carried one. Delivered or dead, they are
/// gone or go.
[[nodiscard]] Result<bool> has_unknown_waiting(Transaction& transaction, const Scope& scope);

struct ErasedRows {
  std::vector<IndexRow> rows;
  std::int64_t last = 0;  // to go on behind
  bool done = false;
};
/// As Outbox::erase.
[[nodiscard]] Result<ErasedRows> erase_of(Transaction& transaction, const Scope& scope, std::int64_t after,
                                          int rows_max);
/// The attempt failed: next one at `next_at`, or none if `dead`. Whether it left is in `error.never_left`. Text that is
/// no UTF-8 is repaired. False: it was not there any more.
[[nodiscard]] Result<bool> record_failure(Transaction& transaction, std::int64_t id, Time at, const Error& error,
                                          Time next_at, bool dead);
/// With its attempts forgotten. Another `body` is another effect: it makes a new generation of the message, with an
/// idempotency key of its own. Errors: `kNotFound` if it is not dead.
[[nodiscard]] Result<IndexRow> revive(Transaction& transaction, std::int64_t id,
                                      const std::optional<std::string>& body);
/// Returns the tenant. Errors: `kNotFound` if it is not dead.
[[nodiscard]] Result<std::string> drop_dead(Transaction& transaction, std::int64_t id);
/// Rows that died before `before`, oldest first, at most `count`.
[[nodiscard]] Result<std::vector<std::int64_t>> dead_before(Transaction& transaction, Time before, int count);
[[nodiscard]] Result<DeadRow> load_dead(Transaction& transaction, std::int64_t id);

}  // namespace mnema::outbox_store
