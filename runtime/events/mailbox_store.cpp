#include "runtime/events/mailbox_store.hpp"

#include <algorithm>

#include "runtime/base/utf8.hpp"
#include "runtime/events/event_codec.hpp"

namespace mnema::mailbox_store {
namespace {

// In `next_at` of a leased row: somebody called `wake` while it was out.
constexpr std::int64_t kWoken = -1;

constexpr std::string_view kEventColumns =
    "id, source, type, subject, time, content_type, data, tenant, user, agent, key, priority, trust, deadline, "
    "traceparent, attributes";

std::int64_t micros(Time time) { return static_cast<std::int64_t>(to_micros(time)); }

Error lost(const Attempt& attempt) {
  return fail(ErrorCode::kAborted, "attempt " + std::to_string(attempt.counted) + " of event " +
                                       std::to_string(attempt.sequence) + " is no longer the current one");
}

Error no_such_event(Sequence sequence) {
  return fail(ErrorCode::kNotFound, "there is no event " + std::to_string(sequence) + " in the mailbox");
}

Error no_dead_event(Sequence sequence) {
  return fail(ErrorCode::kNotFound, "there is no dead event " + std::to_string(sequence), "run 'mnema dlq list'");
}

// Whether a lease is current is seen by the tries: a later one has counted more. (Not by the state alone: the lease
// itself may have failed to be written on a full disk, and the turn has run all the same.)
std::string if_current(std::string_view change) {
  return std::string(change) + " WHERE sequence = ?1 AND attempts <= ?2 AND uncounted <= ?3 AND state <> 3";
}

Result<Statement> prepare_settle(Transaction& transaction, const std::string& sql, const Attempt& attempt) {
  ASSIGN_OR_RETURN(Statement statement, transaction.prepare(sql));
  statement.bind(1, attempt.sequence).bind(2, attempt.counted).bind(3, attempt.uncounted);
  return statement;
}

/// Runs an update that must hit the leased row.
Status settle(Transaction& transaction, Statement& statement, const Attempt& attempt) {
  RETURN_IF_ERROR(statement.run());
  return transaction.changes() == 1 ? Status() : lost(attempt);
}

Result<Event> read_event(const Statement& row, int first) {
  Event event;
  event.id = row.text(first);
  event.source = row.text(first + 1);
  event.type = row.text(first + 2);
  event.subject = row.text(first + 3);
  event.time = from_micros(row.integer(first + 4));
  event.content_type = row.text(first + 5);
  event.data = row.blob_view(first + 6);
  event.tenant = row.text(first + 7);
  event.user = row.text(first + 8);
  event.agent = row.text(first + 9);
  event.key = row.text(first + 10);
  event.priority = static_cast<EventPriority>(row.integer(first + 11));
  event.trust = static_cast<Trust>(row.integer(first + 12));
  if (!row.is_null(first + 13)) event.deadline = from_micros(row.integer(first + 13));
  event.traceparent = row.text(first + 14);
  ASSIGN_OR_RETURN(event.attributes, decode_attributes(row.text_view(first + 15)));
  return event;
}

constexpr std::string_view kIndexColumns =
    "sequence, tenant, agent, key, priority, state, attempts, uncounted, crashes, generation, accepted_at, next_at, "
    "died_at";
constexpr int kIndexColumnCount = 13;

IndexRow read_index(const Statement& row) {
  return {row.integer(0),
          row.text(1),
          row.text(2),
          row.text(3),
          static_cast<int>(row.integer(4)),
          static_cast<RowState>(row.integer(5)),
          static_cast<int>(row.integer(6)),
          static_cast<int>(row.integer(7)),
          static_cast<int>(row.integer(8)),
          static_cast<int>(row.integer(9)),
          from_micros(row.integer(10)),
          from_micros(row.integer(11)),
          from_micros(row.integer(12)),
          {},
          0};
}

/// What stands behind the payload, by the indexes that hold it: reading it from the rows would walk over all pages of
/// every large payload.
Status load_deadlines_and_batches(Transaction& transaction, std::vector<IndexRow>& rows) {
  const auto row_of = [&rows](Sequence sequence) {
    return std::lower_bound(rows.begin(), rows.end(), sequence,
                            [](const IndexRow& row, Sequence wanted) { return row.sequence < wanted; });
  };
  for (const bool of_deadlines : {true, false}) {
    ASSIGN_OR_RETURN(
        Statement statement,
        transaction.prepare(of_deadlines ? "SELECT sequence, deadline FROM mailbox INDEXED BY mailbox_deadline "
                                           "WHERE deadline IS NOT NULL"
                                         : "SELECT sequence, batch FROM mailbox INDEXED BY mailbox_batch "
                                           "WHERE batch IS NOT NULL"));
    for (;;) {
      ASSIGN_OR_RETURN(const bool more, statement.step());
      if (!more) break;
      const auto row = row_of(statement.integer(0));
      if (row == rows.end() || row->sequence != statement.integer(0)) continue;
      if (of_deadlines) {
        row->deadline = from_micros(statement.integer(1));
      } else {
        row->batch = statement.integer(1);
      }
    }
  }
  return {};
}

/// A turn that was released or parked has not counted as an attempt, and yet its steps are those of its events alone.
Status load_begun(Transaction& transaction, std::vector<IndexRow>& rows) {
  for (IndexRow& row : rows) {
    if (row.state != RowState::kReady || row.attempts + row.uncounted > 0) continue;  // is known to have been tried
    ASSIGN_OR_RETURN(Statement turn, transaction.prepare("SELECT 1 FROM turns WHERE turn = ? AND finished_at IS NULL"));
    ASSIGN_OR_RETURN(row.has_begun, turn.bind(1, row.sequence).step());
  }
  return {};
}

std::string select_rows(std::string_view condition) {
  return "SELECT " + std::string(kIndexColumns) + ", " + std::string(kEventColumns) + " FROM mailbox " +
         std::string(condition);
}

}  // namespace

Result<std::optional<Remembered>> find_duplicate(Transaction& transaction, const EventDigest& digest) {
  ASSIGN_OR_RETURN(
      Statement statement,
      transaction.prepare("SELECT sequence, content FROM event_ring WHERE hash = ? ORDER BY sequence LIMIT 1"));
  ASSIGN_OR_RETURN(const bool found, statement.bind(1, digest.identity).step());
  if (!found) return std::optional<Remembered>();
  const std::int64_t content = statement.integer(1);
  return std::optional<Remembered>(Remembered{statement.integer(0), content != 0 && content != digest.content});
}

Status remember(Transaction& transaction, const EventDigest& digest, Sequence sequence, std::int64_t entries_max) {
  // The slot's former owner is the oldest that is remembered.
  ASSIGN_OR_RETURN(
      Statement statement,
      transaction.prepare("INSERT OR REPLACE INTO event_ring (slot, hash, sequence, content) VALUES (?, ?, ?, ?)"));
  statement.bind(1, sequence % entries_max).bind(2, digest.identity).bind(3, sequence).bind(4, digest.content);
  return statement.run();
}

Status trim_ring(Transaction& transaction, std::int64_t entries_max) {
  ASSIGN_OR_RETURN(Statement statement, transaction.prepare("DELETE FROM event_ring WHERE slot >= ?"));
  return statement.bind(1, entries_max).run();
}

Result<Sequence> insert(Transaction& transaction, const Event& event, Time accepted_at) {
  static const std::string sql =
      "INSERT INTO mailbox (state, attempts, uncounted, crashes, generation, accepted_at, next_at, died_at, " +
      std::string(kEventColumns) +
      ") VALUES (0, 0, 0, 0, 0, ?17, 0, 0, ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, "
      "?15, ?16)";
  ASSIGN_OR_RETURN(Statement statement, transaction.prepare(sql));
  statement.bind(1, event.id).bind(2, event.source).bind(3, event.type).bind(4, event.subject);
  statement.bind(5, micros(event.time)).bind(6, event.content_type);
  statement.bind_blob(7, event.data).bind(8, event.tenant).bind(9, event.user).bind(10, event.agent);
  statement.bind(11, event.key).bind(12, static_cast<int>(event.priority)).bind(13, static_cast<int>(event.trust));
  statement.bind(14, event.deadline ? std::optional<std::int64_t>(micros(*event.deadline)) : std::nullopt);
  statement.bind(15, event.traceparent).bind(16, encode_attributes(event.attributes));
  statement.bind(17, micros(accepted_at));
  RETURN_IF_ERROR(statement.run());
  return transaction.last_insert_rowid();
}

Result<std::vector<IndexRow>> load_index(Transaction& transaction) {
  static const std::string sql = "SELECT " + std::string(kIndexColumns) + " FROM mailbox ORDER BY sequence";
  ASSIGN_OR_RETURN(Statement statement, transaction.prepare(sql));
  std::vector<IndexRow> rows;
  for (;;) {
    ASSIGN_OR_RETURN(const bool row, statement.step());
    if (!row) break;
    rows.push_back(read_index(statement));
  }
  RETURN_IF_ERROR(load_deadlines_and_batches(transaction, rows));
  RETURN_IF_ERROR(load_begun(transaction, rows));
  return rows;
}

Result<Sequence> reserve(Transaction& transaction) {
  ASSIGN_OR_RETURN(
      Statement next,
      transaction.prepare("UPDATE sqlite_sequence SET seq = seq + 1 WHERE name = 'mailbox' RETURNING seq"));
  ASSIGN_OR_RETURN(const bool counted, next.step());
  if (counted) return next.integer(0);
  ASSIGN_OR_RETURN(Statement first, transaction.prepare("INSERT INTO sqlite_sequence VALUES ('mailbox', 1)"));
  RETURN_IF_ERROR(first.run());
  return Sequence{1};
}

Result<bool> sample(Transaction& transaction, const Sampling& sampling, Time now) {
  std::optional<std::pair<std::int64_t, std::int64_t>> known;  // events seen, when one was taken
  {
    ASSIGN_OR_RETURN(Statement found, transaction.prepare("SELECT seen, taken_at FROM event_samples WHERE key = ?"));
    ASSIGN_OR_RETURN(const bool is_known, found.bind(1, sampling.key).step());
    if (is_known) known = {found.integer(0), found.integer(1)};
  }
  if (!known) {
    ASSIGN_OR_RETURN(Statement add,
                     transaction.prepare("INSERT INTO event_samples (key, seen, taken_at) VALUES (?, 1, ?)"));
    RETURN_IF_ERROR(add.bind(1, sampling.key).bind(2, micros(now)).run());
    const std::int64_t id = transaction.last_insert_rowid();
    ASSIGN_OR_RETURN(Statement forget, transaction.prepare("DELETE FROM event_samples WHERE id <= ?"));
    RETURN_IF_ERROR(forget.bind(1, id - sampling.keys_max).run());
    return true;
  }
  // By its own clock, a wall clock that was set back would take none until it has caught up.
  const bool by_time = now < from_micros(known->second) || now >= from_micros(known->second) + sampling.interval;
  const bool taken = sampling.one_in > 0 ? known->first % sampling.one_in == 0 : by_time;
  ASSIGN_OR_RETURN(Statement count,
                   transaction.prepare("UPDATE event_samples SET seen = seen + 1, taken_at = ?2 WHERE key = ?1"));
  RETURN_IF_ERROR(count.bind(1, sampling.key).bind(2, taken ? micros(now) : known->second).run());
  return taken;
}

Status supersede(Transaction& transaction, const std::vector<Sequence>& rows) {
  for (const Sequence sequence : rows) {
    ASSIGN_OR_RETURN(Statement statement, transaction.prepare("DELETE FROM mailbox WHERE sequence = ? AND state = 0"));
    RETURN_IF_ERROR(statement.bind(1, sequence).run());
  }
  return {};
}

Status join_batch(Transaction& transaction, Sequence head, const std::vector<Sequence>& rows) {
  for (const Sequence sequence : rows) {
    ASSIGN_OR_RETURN(Statement statement,
                     transaction.prepare("UPDATE mailbox SET state = 4, batch = ?2 WHERE sequence = ?1"));
    RETURN_IF_ERROR(statement.bind(1, sequence).bind(2, head).run());
  }
  return {};
}

Result<std::vector<Event>> load_batch(Transaction& transaction, Sequence head) {
  static const std::string sql =
      "SELECT " + std::string(kEventColumns) + " FROM mailbox WHERE batch = ? ORDER BY sequence";
  ASSIGN_OR_RETURN(Statement statement, transaction.prepare(sql));
  statement.bind(1, head);
  std::vector<Event> events;
  for (;;) {
    ASSIGN_OR_RETURN(const bool more, statement.step());
    if (!more) return events;
    ASSIGN_OR_RETURN(events.emplace_back(), read_event(statement, 0));
  }
}

Result<std::vector<Sequence>> batch_of(Transaction& transaction, Sequence head) {
  ASSIGN_OR_RETURN(Statement statement,
                   transaction.prepare("SELECT sequence FROM mailbox WHERE batch = ? ORDER BY sequence"));
  return statement.bind(1, head).integers();
}

Result<std::int64_t> remove_batch(Transaction& transaction, Sequence head) {
  ASSIGN_OR_RETURN(Statement statement, transaction.prepare("DELETE FROM mailbox WHERE batch = ?"));
  RETURN_IF_ERROR(statement.bind(1, head).run());
  return transaction.changes();
}

Result<Row> load(Transaction& transaction, Sequence sequence) {
  static const std::string sql = select_rows("WHERE sequence = ?");
  ASSIGN_OR_RETURN(Statement statement, transaction.prepare(sql));
  ASSIGN_OR_RETURN(const bool found, statement.bind(1, sequence).step());
  if (!found) return no_such_event(sequence);
  Row row;
  row.index = read_index(statement);
  ASSIGN_OR_RETURN(row.event, read_event(statement, kIndexColumnCount));
  return row;
}

Result<bool> has_journal(Transaction& transaction, Sequence sequence) {
  ASSIGN_OR_RETURN(Statement turn, transaction.prepare("SELECT 1 FROM turns WHERE turn = ?"));
  return turn.bind(1, sequence).step();
}

Status lease(Transaction& transaction, const Attempt& attempt) {
  ASSIGN_OR_RETURN(Statement statement,
                   transaction.prepare("UPDATE mailbox SET state = 1, attempts = ?2, uncounted = ?3, next_at = 0 "
                                       "WHERE sequence = ?1"));
  RETURN_IF_ERROR(statement.bind(1, attempt.sequence).bind(2, attempt.counted).bind(3, attempt.uncounted).run());
  return transaction.changes() == 1 ? Status() : no_such_event(attempt.sequence);
}

Status note_crash(Transaction& transaction, const Attempt& attempt, Time next_at) {
  static const std::string sql = if_current(
      "UPDATE mailbox SET state = ?4, attempts = ?2 - 1, uncounted = ?3 + 1, crashes = crashes + 1, "
      "next_at = ?5");
  ASSIGN_OR_RETURN(Statement statement, prepare_settle(transaction, sql, attempt));
  statement.bind(4, static_cast<int>(next_at == Time{} ? RowState::kReady : RowState::kWaiting));
  statement.bind(5, micros(next_at));
  return settle(transaction, statement, attempt);
}

Status complete(Transaction& transaction, const Attempt& attempt) {
  static const std::string sql = if_current("DELETE FROM mailbox");
  ASSIGN_OR_RETURN(Statement statement, prepare_settle(transaction, sql, attempt));
  RETURN_IF_ERROR(settle(transaction, statement, attempt));
  // Also of a first attempt: one that was redriven has failed before it was counted anew.
  ASSIGN_OR_RETURN(Statement errors, transaction.prepare("DELETE FROM mailbox_errors WHERE sequence = ?"));
  return errors.bind(1, attempt.sequence).run();
}

Status wait_until(Transaction& transaction, const Attempt& attempt, Time next_at, Counted counted) {
  static const std::string sql =
      if_current("UPDATE mailbox SET state = 2, attempts = ?2 - ?4, uncounted = ?3 + ?4, next_at = ?5");
  ASSIGN_OR_RETURN(Statement statement, prepare_settle(transaction, sql, attempt));
  statement.bind(4, counted == Counted::kNo ? 1 : 0).bind(5, micros(next_at));
  return settle(transaction, statement, attempt);
}

Status dead_letter(Transaction& transaction, const Attempt& attempt, Time now, Counted counted) {
  static const std::string sql =
      if_current("UPDATE mailbox SET state = 3, attempts = ?2 - ?4, uncounted = ?3 + ?4, next_at = 0, died_at = ?5");
  ASSIGN_OR_RETURN(Statement statement, prepare_settle(transaction, sql, attempt));
  statement.bind(4, counted == Counted::kNo ? 1 : 0).bind(5, micros(now));
  return settle(transaction, statement, attempt);
}

Status release(Transaction& transaction, const Attempt& attempt) {
  static const std::string sql =
      if_current("UPDATE mailbox SET state = 0, attempts = ?2 - 1, uncounted = ?3, next_at = 0");
  ASSIGN_OR_RETURN(Statement statement, prepare_settle(transaction, sql, attempt));
  return settle(transaction, statement, attempt);
}

Result<RowState> park(Transaction& transaction, const Attempt& attempt, Time next_at) {
  ASSIGN_OR_RETURN(
      Statement statement,
      transaction.prepare("UPDATE mailbox SET state = CASE next_at WHEN ?5 THEN 0 ELSE 2 END, "
                          "next_at = CASE next_at WHEN ?5 THEN 0 ELSE ?4 END, attempts = ?2 - 1, uncounted = ?3 "
                          "WHERE sequence = ?1 AND attempts <= ?2 AND uncounted <= ?3 AND state <> 3 "
                          "RETURNING state"));
  statement.bind(1, attempt.sequence).bind(2, attempt.counted).bind(3, attempt.uncounted);
  statement.bind(4, micros(next_at)).bind(5, kWoken);
  ASSIGN_OR_RETURN(const bool found, statement.step());
  if (!found) return lost(attempt);
  return static_cast<RowState>(statement.integer(0));
}

Status wake(Transaction& transaction, Sequence sequence) {
  ASSIGN_OR_RETURN(Statement statement,
                   transaction.prepare("UPDATE mailbox SET state = CASE state WHEN 2 THEN 0 ELSE state END, "
                                       "next_at = CASE state WHEN 1 THEN ?2 ELSE 0 END "
                                       "WHERE sequence = ?1 AND state IN (1, 2)"));
  return statement.bind(1, sequence).bind(2, kWoken).run();
}

// Errors are in the order of their times. A wall clock that was set back must not make the last one an earlier one, of
// which a dead letter would then be said to have died.
Status add_error(Transaction& transaction, Sequence sequence, int attempt, Time at, const Error& error) {
  ASSIGN_OR_RETURN(
      Statement statement,
      transaction.prepare("INSERT OR REPLACE INTO mailbox_errors (sequence, attempt, at, code, message, hint) "
                          "VALUES (?1, ?2, max(?3, coalesce((SELECT max(at) + 1 FROM mailbox_errors "
                          "WHERE sequence = ?1), 0)), ?4, ?5, ?6)"));
  statement.bind(1, sequence).bind(2, attempt).bind(3, micros(at)).bind(4, static_cast<int>(error.code));
  RETURN_IF_ERROR(statement.bind(5, to_utf8(error.message)).bind(6, to_utf8(error.hint)).run());
  ASSIGN_OR_RETURN(
      Statement trim,
      transaction.prepare(
          "DELETE FROM mailbox_errors WHERE sequence = ?1 AND (at, attempt) NOT IN "
          "(SELECT at, attempt FROM mailbox_errors WHERE sequence = ?1 ORDER BY at, attempt LIMIT ?2) "
          "AND (at, attempt) NOT IN "
          "(SELECT at, attempt FROM mailbox_errors WHERE sequence = ?1 ORDER BY at DESC, attempt DESC LIMIT ?3)"));
  return trim.bind(1, sequence).bind(2, kErrorsKeptFirst).bind(3, kErrorsKeptLast).run();
}

Result<std::vector<AttemptError>> errors_of(Transaction& transaction, Sequence sequence) {
  ASSIGN_OR_RETURN(Statement statement,
                   transaction.prepare("SELECT attempt, at, code, message, hint FROM mailbox_errors "
                                       "WHERE sequence = ? ORDER BY at, attempt"));
  statement.bind(1, sequence);
  std::vector<AttemptError> errors;
  for (;;) {
    ASSIGN_OR_RETURN(const bool row, statement.step());
    if (!row) return errors;
    errors.push_back({static_cast<int>(statement.integer(0)), from_micros(statement.integer(1)),
                      fail(static_cast<ErrorCode>(statement.integer(2)), statement.text(3), statement.text(4))});
  }
}

Status revive(Transaction& transaction, Sequence sequence, const std::optional<std::string>& data) {
  ASSIGN_OR_RETURN(
      Statement statement,
      transaction.prepare("UPDATE mailbox SET state = 0, attempts = 0, uncounted = 0, crashes = 0, next_at = 0, "
                          "deadline = NULL, data = coalesce(?2, data), "
                          "generation = generation + (?2 IS NOT NULL) WHERE sequence = ?1 AND state = 3"));
  statement.bind(1, sequence);
  if (data) statement.bind_blob(2, *data);
  RETURN_IF_ERROR(statement.run());
  if (transaction.changes() != 1) return no_dead_event(sequence);
  ASSIGN_OR_RETURN(Statement batch, transaction.prepare("UPDATE mailbox SET deadline = NULL WHERE batch = ?"));
  return batch.bind(1, sequence).run();
}

Result<std::string> drop_dead(Transaction& transaction, Sequence sequence) {
  std::string tenant;
  {
    ASSIGN_OR_RETURN(Statement statement,
                     transaction.prepare("DELETE FROM mailbox WHERE sequence = ? AND state = 3 RETURNING tenant"));
    ASSIGN_OR_RETURN(const bool found, statement.bind(1, sequence).step());
    if (!found) return no_dead_event(sequence);
    tenant = statement.text(0);
  }
  ASSIGN_OR_RETURN(Statement errors, transaction.prepare("DELETE FROM mailbox_errors WHERE sequence = ?"));
  RETURN_IF_ERROR(errors.bind(1, sequence).run());
  return tenant;
}

Result<std::vector<Sequence>> dead_before(Transaction& transaction, Time before, int count) {
  ASSIGN_OR_RETURN(
      Statement statement,
      transaction.prepare("SELECT sequence FROM mailbox WHERE state = 3 AND died_at < ? ORDER BY died_at LIMIT ?"));
  return statement.bind(1, micros(before)).bind(2, count).integers();
}

Result<StateCounts> count_states(Transaction& transaction) {
  ASSIGN_OR_RETURN(Statement statement, transaction.prepare("SELECT state, count(*) FROM mailbox GROUP BY state"));
  StateCounts counts;
  for (;;) {
    ASSIGN_OR_RETURN(const bool row, statement.step());
    if (!row) break;
    switch (static_cast<RowState>(statement.integer(0))) {
      case RowState::kReady:
        counts.ready = statement.integer(1);
        break;
      case RowState::kLeased:
        counts.leased = statement.integer(1);
        break;
      case RowState::kWaiting:
        counts.waiting = statement.integer(1);
        break;
      case RowState::kDead:
        counts.dead = statement.integer(1);
        break;
      case RowState::kBatched:
        counts.batched = statement.integer(1);
        break;
    }
  }
  ASSIGN_OR_RETURN(Statement of_dead,
                   transaction.prepare("SELECT count(*) FROM mailbox AS m JOIN mailbox AS head "
                                       "ON head.sequence = m.batch WHERE m.batch IS NOT NULL AND head.state = 3"));
  ASSIGN_OR_RETURN(const bool found, of_dead.step());
  counts.batched_dead = found ? of_dead.integer(0) : 0;
  return counts;
}

}  // namespace mnema::mailbox_store
