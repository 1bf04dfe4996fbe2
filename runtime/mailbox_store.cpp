#include "runtime/mailbox_store.hpp"

#include <bit>

#include "runtime/event_codec.hpp"
#include "runtime/sha256.hpp"

namespace mnema::mailbox_store {
namespace {

// In `next_at` of a leased row: somebody called `wake` while it was out.
constexpr std::int64_t kWoken = -1;

constexpr std::string_view kEventColumns =
    "id, source, type, subject, time, content_type, data, tenant, user, agent, key, priority, trust, deadline, "
    "traceparent, attributes";

/// What is kept of an event to recognise it by: 64 bits of SHA-256, so that nobody can choose an id that another
/// source's event will be taken for. Among a million remembered events chance does it once in 10^13.
std::int64_t hash_of(const Event& event) {
  const Sha256Digest digest =
      Sha256().update_field(event.tenant).update_field(event.source).update_field(event.id).finish();
  std::uint64_t hash = 0;
  for (std::size_t i = 0; i < 8; ++i) hash = hash << 8 | digest[i];
  return std::bit_cast<std::int64_t>(hash);
}

Error lost(Sequence sequence, int attempt) {
  return fail(ErrorCode::kAborted, "attempt " + std::to_string(attempt) + " of event " + std::to_string(sequence) +
                                       " is no longer the current one");
}

/// Runs an update that must hit the leased row.
Status settle(Transaction& transaction, Statement& statement, Sequence sequence, int attempt) {
  RETURN_IF_ERROR(statement.run());
  return transaction.changes() == 1 ? Status() : lost(sequence, attempt);
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
    "sequence, tenant, agent, key, priority, state, attempts, accepted_at, next_at";
constexpr int kIndexColumnCount = 9;

IndexRow read_index(const Statement& row) {
  return {row.integer(0),
          row.text(1),
          row.text(2),
          row.text(3),
          static_cast<int>(row.integer(4)),
          static_cast<RowState>(row.integer(5)),
          static_cast<int>(row.integer(6)),
          from_micros(row.integer(7)),
          from_micros(row.integer(8))};
}

std::string select_rows(std::string_view condition) {
  return "SELECT " + std::string(kIndexColumns) + ", " + std::string(kEventColumns) + " FROM mailbox " +
         std::string(condition);
}

}  // namespace

Result<std::optional<Sequence>> find_duplicate(Transaction& transaction, const Event& event) {
  ASSIGN_OR_RETURN(Statement statement,
                   transaction.prepare("SELECT sequence FROM event_ring WHERE hash = ? ORDER BY sequence LIMIT 1"));
  ASSIGN_OR_RETURN(const bool found, statement.bind(1, hash_of(event)).step());
  if (!found) return std::optional<Sequence>();
  return std::optional<Sequence>(statement.integer(0));
}

Status remember(Transaction& transaction, const Event& event, Sequence sequence, std::int64_t entries_max) {
  // The slot's former owner is the oldest that is remembered.
  ASSIGN_OR_RETURN(Statement statement,
                   transaction.prepare("INSERT OR REPLACE INTO event_ring (slot, hash, sequence) VALUES (?, ?, ?)"));
  return statement.bind(1, sequence % entries_max).bind(2, hash_of(event)).bind(3, sequence).run();
}

Status trim_ring(Transaction& transaction, std::int64_t entries_max) {
  ASSIGN_OR_RETURN(Statement statement, transaction.prepare("DELETE FROM event_ring WHERE slot >= ?"));
  return statement.bind(1, entries_max).run();
}

Result<Sequence> insert(Transaction& transaction, const Event& event, Time accepted_at) {
  static const std::string sql = "INSERT INTO mailbox (state, attempts, accepted_at, next_at, " +
                                 std::string(kEventColumns) +
                                 ") VALUES (0, 0, ?17, 0, ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, "
                                 "?15, ?16)";
  ASSIGN_OR_RETURN(Statement statement, transaction.prepare(sql));
  statement.bind(1, event.id).bind(2, event.source).bind(3, event.type).bind(4, event.subject);
  statement.bind(5, static_cast<std::int64_t>(to_micros(event.time))).bind(6, event.content_type);
  statement.bind_blob(7, event.data).bind(8, event.tenant).bind(9, event.user).bind(10, event.agent);
  statement.bind(11, event.key).bind(12, static_cast<int>(event.priority)).bind(13, static_cast<int>(event.trust));
  statement.bind(14, event.deadline ? std::optional<std::int64_t>(to_micros(*event.deadline)) : std::nullopt);
  statement.bind(15, event.traceparent).bind(16, encode_attributes(event.attributes));
  statement.bind(17, static_cast<std::int64_t>(to_micros(accepted_at)));
  RETURN_IF_ERROR(statement.run());
  return transaction.last_insert_rowid();
}

Result<std::vector<IndexRow>> load_index(Transaction& transaction) {
  static const std::string sql = "SELECT " + std::string(kIndexColumns) + " FROM mailbox ORDER BY sequence";
  ASSIGN_OR_RETURN(Statement statement, transaction.prepare(sql));
  std::vector<IndexRow> rows;
  for (;;) {
    ASSIGN_OR_RETURN(const bool row, statement.step());
    if (!row) return rows;
    rows.push_back(read_index(statement));
  }
}

Result<Row> load(Transaction& transaction, Sequence sequence) {
  static const std::string sql = select_rows("WHERE sequence = ?");
  ASSIGN_OR_RETURN(Statement statement, transaction.prepare(sql));
  ASSIGN_OR_RETURN(const bool found, statement.bind(1, sequence).step());
  if (!found) return fail(ErrorCode::kNotFound, "there is no event " + std::to_string(sequence) + " in the mailbox");
  Row row;
  row.index = read_index(statement);
  ASSIGN_OR_RETURN(row.event, read_event(statement, kIndexColumnCount));
  return row;
}

Status lease(Transaction& transaction, Sequence sequence, int attempt) {
  ASSIGN_OR_RETURN(Statement statement,
                   transaction.prepare("UPDATE mailbox SET state = 1, attempts = ?2, next_at = 0 WHERE sequence = ?1"));
  RETURN_IF_ERROR(statement.bind(1, sequence).bind(2, attempt).run());
  if (transaction.changes() == 1) return {};
  return fail(ErrorCode::kNotFound, "there is no event " + std::to_string(sequence) + " in the mailbox");
}

Status release_all_leases(Transaction& transaction) {
  ASSIGN_OR_RETURN(Statement statement,
                   transaction.prepare("UPDATE mailbox SET state = 0, next_at = 0 WHERE state = 1"));
  return statement.run();
}

// Whether a lease is current is seen by the attempts: a later one has counted more. (Not by the state alone: the lease
// itself may have failed to be written on a full disk, and the turn has run all the same.)
Status complete(Transaction& transaction, Sequence sequence, int attempt) {
  ASSIGN_OR_RETURN(Statement statement,
                   transaction.prepare("DELETE FROM mailbox WHERE sequence = ? AND attempts <= ? AND state <> 3"));
  statement.bind(1, sequence).bind(2, attempt);
  RETURN_IF_ERROR(settle(transaction, statement, sequence, attempt));
  // Also of a first attempt: one that was redriven has failed before it was counted anew.
  ASSIGN_OR_RETURN(Statement errors, transaction.prepare("DELETE FROM mailbox_errors WHERE sequence = ?"));
  return errors.bind(1, sequence).run();
}

Status wait_until(Transaction& transaction, Sequence sequence, int attempt, Time next_at) {
  ASSIGN_OR_RETURN(Statement statement, transaction.prepare("UPDATE mailbox SET state = 2, attempts = ?2, next_at = ?3 "
                                                            "WHERE sequence = ?1 AND attempts <= ?2 AND state <> 3"));
  statement.bind(1, sequence).bind(2, attempt).bind(3, static_cast<std::int64_t>(to_micros(next_at)));
  return settle(transaction, statement, sequence, attempt);
}

Status release(Transaction& transaction, Sequence sequence, int attempt) {
  ASSIGN_OR_RETURN(Statement statement,
                   transaction.prepare("UPDATE mailbox SET state = 0, attempts = ?2 - 1, next_at = 0 "
                                       "WHERE sequence = ?1 AND attempts <= ?2 AND state <> 3"));
  statement.bind(1, sequence).bind(2, attempt);
  return settle(transaction, statement, sequence, attempt);
}

Status bury(Transaction& transaction, Sequence sequence, int attempt) {
  ASSIGN_OR_RETURN(Statement statement, transaction.prepare("UPDATE mailbox SET state = 3, attempts = ?2, next_at = 0 "
                                                            "WHERE sequence = ?1 AND attempts <= ?2 AND state <> 3"));
  statement.bind(1, sequence).bind(2, attempt);
  return settle(transaction, statement, sequence, attempt);
}

Result<RowState> park(Transaction& transaction, Sequence sequence, int attempt, Time next_at) {
  ASSIGN_OR_RETURN(Statement statement,
                   transaction.prepare("UPDATE mailbox SET state = CASE next_at WHEN ?4 THEN 0 ELSE 2 END, "
                                       "next_at = CASE next_at WHEN ?4 THEN 0 ELSE ?3 END, attempts = ?2 - 1 "
                                       "WHERE sequence = ?1 AND attempts <= ?2 AND state <> 3 RETURNING state"));
  statement.bind(1, sequence).bind(2, attempt).bind(3, static_cast<std::int64_t>(to_micros(next_at))).bind(4, kWoken);
  ASSIGN_OR_RETURN(const bool found, statement.step());
  if (!found) return lost(sequence, attempt);
  return static_cast<RowState>(statement.integer(0));
}

Status wake(Transaction& transaction, Sequence sequence) {
  ASSIGN_OR_RETURN(Statement statement,
                   transaction.prepare("UPDATE mailbox SET state = CASE state WHEN 2 THEN 0 ELSE state END, "
                                       "next_at = CASE state WHEN 1 THEN ?2 ELSE 0 END "
                                       "WHERE sequence = ?1 AND state IN (1, 2)"));
  return statement.bind(1, sequence).bind(2, kWoken).run();
}

Status add_error(Transaction& transaction, Sequence sequence, int attempt, Time at, const Error& error) {
  ASSIGN_OR_RETURN(
      Statement statement,
      transaction.prepare("INSERT OR REPLACE INTO mailbox_errors (sequence, attempt, at, code, message, hint) "
                          "VALUES (?, ?, ?, ?, ?, ?)"));
  statement.bind(1, sequence).bind(2, attempt).bind(3, static_cast<std::int64_t>(to_micros(at)));
  return statement.bind(4, static_cast<int>(error.code)).bind(5, error.message).bind(6, error.hint).run();
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
      transaction.prepare("UPDATE mailbox SET state = 0, attempts = 0, next_at = 0, data = coalesce(?2, data) "
                          "WHERE sequence = ?1 AND state = 3"));
  statement.bind(1, sequence);
  if (data) statement.bind_blob(2, *data);
  RETURN_IF_ERROR(statement.run());
  if (transaction.changes() == 1) return {};
  return fail(ErrorCode::kNotFound, "there is no dead event " + std::to_string(sequence), "run 'mnema dlq list'");
}

Status drop_dead(Transaction& transaction, Sequence sequence) {
  ASSIGN_OR_RETURN(Statement statement, transaction.prepare("DELETE FROM mailbox WHERE sequence = ? AND state = 3"));
  RETURN_IF_ERROR(statement.bind(1, sequence).run());
  if (transaction.changes() == 0) {
    return fail(ErrorCode::kNotFound, "there is no dead event " + std::to_string(sequence), "run 'mnema dlq list'");
  }
  ASSIGN_OR_RETURN(Statement errors, transaction.prepare("DELETE FROM mailbox_errors WHERE sequence = ?"));
  return errors.bind(1, sequence).run();
}

Result<std::vector<Row>> list_dead(Transaction& transaction, Sequence after, int count) {
  static const std::string sql = select_rows("WHERE state = 3 AND sequence > ? ORDER BY sequence LIMIT ?");
  ASSIGN_OR_RETURN(Statement statement, transaction.prepare(sql));
  statement.bind(1, after).bind(2, count);
  std::vector<Row> rows;
  for (;;) {
    ASSIGN_OR_RETURN(const bool found, statement.step());
    if (!found) return rows;
    Row& row = rows.emplace_back();
    row.index = read_index(statement);
    ASSIGN_OR_RETURN(row.event, read_event(statement, kIndexColumnCount));
  }
}

Result<StateCounts> count_states(Transaction& transaction) {
  ASSIGN_OR_RETURN(Statement statement, transaction.prepare("SELECT state, count(*) FROM mailbox GROUP BY state"));
  StateCounts counts;
  for (;;) {
    ASSIGN_OR_RETURN(const bool row, statement.step());
    if (!row) return counts;
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
    }
  }
}

}  // namespace mnema::mailbox_store
