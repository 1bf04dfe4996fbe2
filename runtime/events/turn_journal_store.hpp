// runtime/events/turn_journal_store.hpp
//
// The journal's tables as typed functions: turns and their steps. Results above a size live in the blob table
// (runtime/store/blob_store.hpp), shared by hash.
//
// Threads: inside a unit of work, or inside Database::read for those that only read.
#pragma once

#include <string>

#include "runtime/base/scope.hpp"
#include "runtime/events/turn_journal.hpp"
#include "runtime/store/database.hpp"

namespace mnema::turn_journal_store {

/// Inserts the turn if it is new.
[[nodiscard]] Status begin_turn(Transaction& transaction, const TurnIdentity& identity, Time now);
/// Errors: `kNotFound`.
[[nodiscard]] Result<TurnRecord> load(Transaction& transaction, Sequence turn);

[[nodiscard]] Status begin_step(Transaction& transaction, Sequence turn, const StepStart& step, Time now,
                                int steps_max);
[[nodiscard]] Status finish_step(Transaction& transaction, Sequence turn, const std::string& path,
                                 const Result<std::string>& result, Time now, std::int64_t inline_bytes_max);
[[nodiscard]] Status forget_step(Transaction& transaction, Sequence turn, const std::string& path);
/// Forgets the step at `path` and all created after it; "" forgets all.
[[nodiscard]] Status forget_steps_from(Transaction& transaction, Sequence turn, const std::string& path);

[[nodiscard]] Status finish_turn(Transaction& transaction, Sequence turn, Time now);
/// The turn is open again (its event is redriven).
[[nodiscard]] Status reopen_turn(Transaction& transaction, Sequence turn);
[[nodiscard]] Status erase_turn(Transaction& transaction, Sequence turn);
/// Erases turns that ended before `before`, at most `count`; returns how many.
[[nodiscard]] Result<int> purge(Transaction& transaction, Time before, int count);

struct ErasedTurns {
  int turns = 0;
  Sequence last = 0;  // to go on behind
  bool done = false;
};
/// Erases turns of the names that `scope` has (its session is their key), among `turns_max` behind `after`. Whose a
/// turn of before is, nobody knows: it goes with any user of its tenant.
[[nodiscard]] Result<ErasedTurns> erase_of(Transaction& transaction, const Scope& scope, Sequence after, int turns_max);

/// How many those are.
[[nodiscard]] Result<std::int64_t> count_of(Transaction& transaction, const Scope& scope);

/// How many steps name each blob that is not counted right; empty if all are.
[[nodiscard]] Result<std::int64_t> count_wrong_references(Transaction& transaction);

}  // namespace mnema::turn_journal_store
