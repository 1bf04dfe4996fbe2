#include "runtime/events/turn_journal_store.hpp"

#include "runtime/events/scope_slice_store.hpp"
#include "runtime/store/blob_store.hpp"

namespace mnema::turn_journal_store {
namespace {

std::int64_t micros(Time time) { return static_cast<std::int64_t>(to_micros(time)); }

Error no_such_turn(Sequence turn) {
  return fail(ErrorCode::kNotFound, "the journal has no turn " + std::to_string(turn));
}

/// One row of `steps`; its result may be a blob.
Result<JournalStep> read_step(Transaction& transaction, const Statement& row) {
  JournalStep step;
  step.start = {row.text(0), row.text(1), row.text(2)};
  step.state = static_cast<StepState>(row.integer(3));
  step.attempts = static_cast<int>(row.integer(4));
  if (!row.is_null(6)) {
    ASSIGN_OR_RETURN(step.result, blob_store::get(transaction, row.text(6)));
  } else {
    step.result = row.blob_view(5);
  }
  if (!row.is_null(7)) step.error = fail(static_cast<ErrorCode>(row.integer(7)), row.text(8), row.text(9));
  step.started_at = from_micros(row.integer(10));
  if (!row.is_null(11)) step.finished_at = from_micros(row.integer(11));
  return step;
}

constexpr std::string_view kStepColumns =
    "path, name, arguments_hash, state, attempts, result, result_hash, error_code, error_message, error_hint, "
    "started_at, "
    "finished_at";

struct StepRow {
  std::string name;
  std::string arguments_hash;
  StepState state;
};

Result<std::optional<StepRow>> find_step(Transaction& transaction, Sequence turn, const std::string& path) {
  ASSIGN_OR_RETURN(Statement row,
                   transaction.prepare("SELECT name, arguments_hash, state FROM steps WHERE turn = ? AND path = ?"));
  ASSIGN_OR_RETURN(const bool found, row.bind(1, turn).bind(2, path).step());
  if (!found) return std::optional<StepRow>();
  return std::optional<StepRow>(StepRow{row.text(0), row.text(1), static_cast<StepState>(row.integer(2))});
}

Result<std::int64_t> count_steps(Transaction& transaction, Sequence turn) {
  ASSIGN_OR_RETURN(Statement row, transaction.prepare("SELECT count(*) FROM steps WHERE turn = ?"));
  ASSIGN_OR_RETURN(const bool found, row.bind(1, turn).step());
  return found ? row.integer(0) : 0;
}

Status check_turn(Transaction& transaction, Sequence turn) {
  ASSIGN_OR_RETURN(Statement row, transaction.prepare("SELECT 1 FROM turns WHERE turn = ?"));
  ASSIGN_OR_RETURN(const bool found, row.bind(1, turn).step());
  return found ? Status() : no_such_turn(turn);
}

}  // namespace

Status begin_turn(Transaction& transaction, const TurnIdentity& identity, Time now) {
  ASSIGN_OR_RETURN(
      Statement insert,
      transaction.prepare("INSERT OR IGNORE INTO turns (turn, tenant, source, event_id, agent, key, version, "
                          "started_at, generation, user) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"));
  insert.bind(1, identity.turn).bind(2, identity.tenant).bind(3, identity.source).bind(4, identity.event_id);
  insert.bind(5, identity.agent).bind(6, identity.key).bind(7, identity.version).bind(8, micros(now));
  return insert.bind(9, identity.generation).bind(10, std::string_view(identity.user)).run();
}

Result<TurnRecord> load(Transaction& transaction, Sequence turn) {
  ASSIGN_OR_RETURN(Statement row,
                   transaction.prepare("SELECT tenant, source, event_id, agent, key, version, started_at, finished_at, "
                                       "generation, coalesce(user, '') FROM turns WHERE turn = ?"));
  ASSIGN_OR_RETURN(const bool found, row.bind(1, turn).step());
  if (!found) return no_such_turn(turn);
  TurnRecord record;
  record.identity = {turn,        row.text(0), row.text(1), row.text(2),
                     row.text(3), row.text(4), row.text(5), static_cast<int>(row.integer(8)),
                     row.text(9)};
  record.started_at = from_micros(row.integer(6));
  if (!row.is_null(7)) record.finished_at = from_micros(row.integer(7));
  ASSIGN_OR_RETURN(Statement steps,
                   transaction.prepare("SELECT " + std::string(kStepColumns) + " FROM steps WHERE turn = ?"));
  steps.bind(1, turn);
  for (;;) {
    ASSIGN_OR_RETURN(const bool more, steps.step());
    if (!more) return record;
    ASSIGN_OR_RETURN(JournalStep step, read_step(transaction, steps));
    std::string path = step.start.path;
    record.steps.emplace(std::move(path), std::move(step));
  }
}

Status begin_step(Transaction& transaction, Sequence turn, const StepStart& step, Time now, int steps_max) {
  RETURN_IF_ERROR(check_turn(transaction, turn));
  ASSIGN_OR_RETURN(const std::optional<StepRow> old, find_step(transaction, turn, step.path));
  if (old) {
    if (old->name != step.name || old->arguments_hash != step.arguments_hash) {
      return fail(ErrorCode::kFailedPrecondition,
                  "non-deterministic: step " + step.path + " was '" + old->name + "' and is now '" + step.name + "'");
    }
    if (old->state != StepState::kStarted) {
      return fail(ErrorCode::kFailedPrecondition,
                  "step " + step.path + " ('" + step.name + "') is already " + std::string(name_of(old->state)));
    }
    ASSIGN_OR_RETURN(Statement again, transaction.prepare("UPDATE steps SET attempts = attempts + 1, started_at = ? "
                                                          "WHERE turn = ? AND path = ?"));
    return again.bind(1, micros(now)).bind(2, turn).bind(3, step.path).run();
  }
  ASSIGN_OR_RETURN(const std::int64_t count, count_steps(transaction, turn));
  if (count >= steps_max) {
    return fail(ErrorCode::kResourceExhausted,
                "turn " + std::to_string(turn) + " has " + std::to_string(count) + " steps",
                "raise limits.turn_steps_max or do less in one turn");
  }
  ASSIGN_OR_RETURN(Statement insert, transaction.prepare("INSERT INTO steps (turn, path, name, arguments_hash, state, "
                                                         "attempts, started_at) VALUES (?, ?, ?, ?, ?, 1, ?)"));
  insert.bind(1, turn).bind(2, step.path).bind(3, step.name).bind(4, step.arguments_hash);
  return insert.bind(5, static_cast<int>(StepState::kStarted)).bind(6, micros(now)).run();
}

Status finish_step(Transaction& transaction, Sequence turn, const std::string& path, const Result<std::string>& result,
                   Time now, std::int64_t inline_bytes_max) {
  ASSIGN_OR_RETURN(Statement update,
                   transaction.prepare("UPDATE steps SET state = ?3, result = ?4, result_hash = ?5, error_code = ?6, "
                                       "error_message = ?7, error_hint = ?8, finished_at = ?9 "
                                       "WHERE turn = ?1 AND path = ?2 AND state = 1"));
  update.bind(1, turn).bind(2, path).bind(9, micros(now));
  for (int column = 4; column <= 8; ++column) update.bind_null(column);
  if (result.ok()) {
    update.bind(3, static_cast<int>(StepState::kDone));
    if (static_cast<std::int64_t>(result->size()) <= inline_bytes_max) {
      update.bind_blob(4, *result);
    } else {
      ASSIGN_OR_RETURN(const std::string hash, blob_store::put(transaction, *result));
      update.bind(5, hash);
    }
  } else {
    const Error& error = result.error();
    update.bind(3, static_cast<int>(error.code == ErrorCode::kInDoubt ? StepState::kInDoubt : StepState::kFailed));
    update.bind(6, static_cast<int>(error.code)).bind(7, error.message).bind(8, error.hint);
  }
  RETURN_IF_ERROR(update.run());
  if (transaction.changes() == 1) return {};
  return fail(ErrorCode::kFailedPrecondition, "step " + path + " of turn " + std::to_string(turn) + " is not started");
}

Status forget_step(Transaction& transaction, Sequence turn, const std::string& path) {
  ASSIGN_OR_RETURN(Statement row, transaction.prepare("SELECT result_hash FROM steps WHERE turn = ? AND path = ?"));
  ASSIGN_OR_RETURN(const bool found, row.bind(1, turn).bind(2, path).step());
  if (!found) return {};
  if (!row.is_null(0)) RETURN_IF_ERROR(blob_store::release(transaction, row.text(0)));
  ASSIGN_OR_RETURN(Statement remove, transaction.prepare("DELETE FROM steps WHERE turn = ? AND path = ?"));
  return remove.bind(1, turn).bind(2, path).run();
}

Status forget_steps_from(Transaction& transaction, Sequence turn, const std::string& path) {
  std::vector<std::string> paths;
  ASSIGN_OR_RETURN(Statement rows, transaction.prepare("SELECT path FROM steps WHERE turn = ?"));
  rows.bind(1, turn);
  for (;;) {
    ASSIGN_OR_RETURN(const bool more, rows.step());
    if (!more) break;
    if (path.empty() || compare_step_paths(rows.text(0), path) >= 0) paths.push_back(rows.text(0));
  }
  for (const std::string& later : paths) RETURN_IF_ERROR(forget_step(transaction, turn, later));
  return {};
}

Status finish_turn(Transaction& transaction, Sequence turn, Time now) {
  ASSIGN_OR_RETURN(Statement update, transaction.prepare("UPDATE turns SET finished_at = ? WHERE turn = ?"));
  return update.bind(1, micros(now)).bind(2, turn).run();
}

Status reopen_turn(Transaction& transaction, Sequence turn) {
  ASSIGN_OR_RETURN(Statement update, transaction.prepare("UPDATE turns SET finished_at = NULL WHERE turn = ?"));
  return update.bind(1, turn).run();
}

Status erase_turn(Transaction& transaction, Sequence turn) {
  RETURN_IF_ERROR(forget_steps_from(transaction, turn, ""));
  ASSIGN_OR_RETURN(Statement remove, transaction.prepare("DELETE FROM turns WHERE turn = ?"));
  return remove.bind(1, turn).run();
}

Result<int> purge(Transaction& transaction, Time before, int count) {
  std::vector<Sequence> turns;
  ASSIGN_OR_RETURN(Statement rows,
                   transaction.prepare("SELECT turn FROM turns WHERE finished_at < ? ORDER BY finished_at LIMIT ?"));
  rows.bind(1, micros(before)).bind(2, count);
  for (;;) {
    ASSIGN_OR_RETURN(const bool more, rows.step());
    if (!more) break;
    turns.push_back(rows.integer(0));
  }
  for (const Sequence turn : turns) RETURN_IF_ERROR(erase_turn(transaction, turn));
  return static_cast<int>(turns.size());
}

/// Of a turn of before, nobody knows whose it is.
constexpr std::string_view kOfScope =
    " tenant = ?1 AND (?2 = '' OR agent = ?2) AND (?3 = '' OR user = ?3 OR user IS NULL) AND (?4 = '' OR key = ?4)";

Result<ErasedTurns> erase_of(Transaction& transaction, const Scope& scope, Sequence after, int turns_max) {
  ErasedTurns erased{0, after, false};
  std::vector<Sequence> found;
  ASSIGN_OR_RETURN(const auto last, scope_slice_store::slice_end(transaction, "turns", "turn", after, turns_max));
  erased.done = !last;
  if (erased.done) return erased;
  erased.last = *last;
  {
    // One whose event is still in the mailbox goes with that.
    ASSIGN_OR_RETURN(Statement rows,
                     transaction.prepare("SELECT turn FROM turns WHERE" + std::string(kOfScope) +
                                         " AND turn > ?5 AND turn <= ?6"
                                         " AND NOT EXISTS (SELECT 1 FROM mailbox WHERE sequence = turn)"));
    scope_slice_store::bind_scope(rows, scope).bind(5, after).bind(6, erased.last);
    ASSIGN_OR_RETURN(found, rows.integers());
  }
  for (const Sequence turn : found) RETURN_IF_ERROR(erase_turn(transaction, turn));
  erased.turns = static_cast<int>(found.size());
  return erased;
}

Result<std::int64_t> count_of(Transaction& transaction, const Scope& scope) {
  return scope_slice_store::count_of(transaction, "SELECT count(*) FROM turns WHERE" + std::string(kOfScope), scope);
}

Result<std::int64_t> count_wrong_references(Transaction& transaction) {
  ASSIGN_OR_RETURN(Statement row,
                   transaction.prepare("SELECT count(*) FROM blobs WHERE reference_count != "
                                       "(SELECT count(*) FROM steps WHERE steps.result_hash = blobs.hash)"));
  ASSIGN_OR_RETURN(const bool found, row.step());
  return found ? row.integer(0) : 0;
}

}  // namespace mnema::turn_journal_store
