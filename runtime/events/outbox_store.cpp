#include "runtime/events/outbox_store.hpp"

#include "runtime/base/sha256.hpp"
#include "runtime/base/utf8.hpp"
#include "runtime/events/scope_slice_store.hpp"

namespace mnema::outbox_store {
namespace {

std::int64_t micros(Time time) { return static_cast<std::int64_t>(to_micros(time)); }

Error no_such(std::int64_t id, const char* what) {
  return fail(ErrorCode::kNotFound, "there is no " + std::string(what) + " message " + std::to_string(id));
}

constexpr std::string_view kMessageColumns =
    "id, attempts, created_at, tenant, agent, destination, key, idempotency_key, content_type, body, traceparent, "
    "turn, unsent, generation, coalesce(user, '')";
constexpr int kMessageColumnCount = 15;

/// What an edited message hands to the other side: another effect than the one it was written for, and the same for
/// every attempt of this generation.
std::string edited_key(const std::string& key, int generation) {
  return Sha256().update_field(key).update_field(std::to_string(generation)).finish_hex();
}

OutboxRow read_row(const Statement& row) {
  OutboxRow out;
  out.id = row.integer(0);
  out.attempt = static_cast<int>(row.integer(1)) + 1;
  out.created_at = from_micros(row.integer(2));
  OutboxMessage& message = out.message;
  message.tenant = row.text(3);
  message.agent = row.text(4);
  message.destination = row.text(5);
  message.key = row.text(6);
  message.idempotency_key = row.text(7);
  message.content_type = row.text(8);
  message.body = row.blob_view(9);
  message.traceparent = row.text(10);
  message.turn = row.integer(11);
  message.row = out.id;
  out.unsent = static_cast<int>(row.integer(12));
  out.generation = static_cast<int>(row.integer(13));
  message.user = row.text(14);
  return out;
}

DeadRow read_dead(const Statement& row) {
  DeadRow dead;
  dead.row = read_row(row);
  dead.row.attempt -= 1;  // the last one that was made, not the next
  dead.at = from_micros(row.integer(kMessageColumnCount));
  dead.error = fail(static_cast<ErrorCode>(row.integer(kMessageColumnCount + 1)), row.text(kMessageColumnCount + 2),
                    row.text(kMessageColumnCount + 3));
  return dead;
}

std::string select_dead(std::string_view condition) {
  return "SELECT " + std::string(kMessageColumns) +
         ", failed_at, error_code, error_message, error_hint FROM outbox WHERE " + "state = 1 AND " +
         std::string(condition);
}

}  // namespace

Result<std::int64_t> insert(Transaction& transaction, const OutboxMessage& message, Time now) {
  ASSIGN_OR_RETURN(
      Statement insert,
      transaction.prepare("INSERT INTO outbox (tenant, agent, destination, key, idempotency_key, content_type, "
                          "body, traceparent, turn, state, attempts, created_at, next_at, user) "
                          "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, 0, 0, ?, 0, ?)"));
  insert.bind(1, message.tenant).bind(2, message.agent).bind(3, message.destination).bind(4, message.key);
  insert.bind(5, message.idempotency_key).bind(6, message.content_type).bind_blob(7, message.body);
  insert.bind(8, message.traceparent).bind(9, message.turn).bind(10, micros(now));
  RETURN_IF_ERROR(insert.bind(11, std::string_view(message.user)).run());
  return transaction.last_insert_rowid();
}

Result<std::vector<IndexRow>> load_index(Transaction& transaction) {
  ASSIGN_OR_RETURN(
      Statement row,
      transaction.prepare("SELECT id, tenant, destination, key, state, created_at, next_at FROM outbox ORDER BY id"));
  std::vector<IndexRow> index;
  for (;;) {
    ASSIGN_OR_RETURN(const bool more, row.step());
    if (!more) return index;
    index.push_back({row.integer(0), row.text(1), row.text(2), row.text(3), static_cast<RowState>(row.integer(4)),
                     from_micros(row.integer(5)), from_micros(row.integer(6))});
  }
}

Result<OutboxRow> load(Transaction& transaction, std::int64_t id) {
  ASSIGN_OR_RETURN(Statement row,
                   transaction.prepare("SELECT " + std::string(kMessageColumns) + " FROM outbox WHERE id = ?"));
  ASSIGN_OR_RETURN(const bool found, row.bind(1, id).step());
  if (!found) return no_such(id, "outbox");
  return read_row(row);
}

Result<bool> remove(Transaction& transaction, std::int64_t id) {
  ASSIGN_OR_RETURN(Statement statement, transaction.prepare("DELETE FROM outbox WHERE id = ?"));
  RETURN_IF_ERROR(statement.bind(1, id).run());
  return transaction.changes() == 1;
}

/// Whose a message of before is, nobody knows: a dead one goes with any user of its tenant, one that waits is promised
/// to somebody else as likely as not.
constexpr std::string_view kOfScope =
    " tenant = ?1 AND (?2 = '' OR agent = ?2) AND (?3 = '' OR user = ?3 OR (user IS NULL AND state = 1))"
    " AND (?4 = '' OR key = ?4)";

Result<std::int64_t> count_of(Transaction& transaction, const Scope& scope) {
  return scope_slice_store::count_of(transaction, "SELECT count(*) FROM outbox WHERE" + std::string(kOfScope), scope);
}

Result<bool> has_unknown_waiting(Transaction& transaction, const Scope& scope) {
  if (scope.user.empty()) return false;
  ASSIGN_OR_RETURN(Statement select,
                   transaction.prepare("SELECT 1 FROM outbox WHERE tenant = ?1 AND (?2 = '' OR agent = ?2)"
                                       " AND user IS NULL AND state = 0 AND (?3 = '' OR key = ?3) LIMIT 1"));
  select.bind(1, std::string_view(scope.tenant)).bind(2, std::string_view(scope.agent));
  return select.bind(3, std::string_view(scope.session)).step();
}

Result<ErasedRows> erase_of(Transaction& transaction, const Scope& scope, std::int64_t after, int rows_max) {
  ErasedRows erased;
  ASSIGN_OR_RETURN(const auto last, scope_slice_store::slice_end(transaction, "outbox", "id", after, rows_max));
  erased.done = !last;
  if (erased.done) return erased;
  erased.last = *last;
  ASSIGN_OR_RETURN(Statement remove,
                   transaction.prepare("DELETE FROM outbox WHERE" + std::string(kOfScope) +
                                       " AND id > ?5 AND id <= ?6"
                                       " RETURNING id, tenant, destination, key, state, created_at, next_at"));
  scope_slice_store::bind_scope(remove, scope).bind(5, after).bind(6, erased.last);
  for (;;) {
    ASSIGN_OR_RETURN(const bool more, remove.step());
    if (!more) return erased;
    erased.rows.push_back({remove.integer(0), remove.text(1), remove.text(2), remove.text(3),
                           static_cast<RowState>(remove.integer(4)), from_micros(remove.integer(5)),
                           from_micros(remove.integer(6))});
  }
}

Result<bool> record_failure(Transaction& transaction, std::int64_t id, Time at, const Error& error, Time next_at,
                            bool dead) {
  ASSIGN_OR_RETURN(
      Statement update,
      transaction.prepare("UPDATE outbox SET attempts = attempts + 1, state = ?2, failed_at = ?3, error_code = ?4, "
                          "error_message = ?5, error_hint = ?6, next_at = ?7, unsent = unsent + ?8 WHERE id = ?1"));
  update.bind(1, id).bind(2, static_cast<int>(dead ? RowState::kDead : RowState::kWaiting)).bind(3, micros(at));
  update.bind(4, static_cast<int>(error.code)).bind(5, to_utf8(error.message)).bind(6, to_utf8(error.hint));
  update.bind(7, dead ? std::int64_t{0} : micros(next_at)).bind(8, error.never_left ? 1 : 0);
  RETURN_IF_ERROR(update.run());
  return transaction.changes() == 1;
}

Result<IndexRow> revive(Transaction& transaction, std::int64_t id, const std::optional<std::string>& body) {
  ASSIGN_OR_RETURN(const DeadRow dead, load_dead(transaction, id));
  ASSIGN_OR_RETURN(
      Statement update,
      transaction.prepare("UPDATE outbox SET state = 0, attempts = 0, unsent = 0, next_at = 0 WHERE id = ?"));
  RETURN_IF_ERROR(update.bind(1, id).run());
  const OutboxMessage& message = dead.row.message;
  if (body) {
    ASSIGN_OR_RETURN(
        Statement replace,
        transaction.prepare("UPDATE outbox SET body = ?2, generation = generation + 1, idempotency_key = ?3 "
                            "WHERE id = ?1"));
    const std::string key = edited_key(message.idempotency_key, dead.row.generation + 1);
    RETURN_IF_ERROR(replace.bind(1, id).bind_blob(2, *body).bind(3, key).run());
  }
  return IndexRow{id,    message.tenant, message.destination, message.key, RowState::kWaiting, dead.row.created_at,
                  Time{}};
}

Result<std::string> drop_dead(Transaction& transaction, std::int64_t id) {
  ASSIGN_OR_RETURN(Statement statement,
                   transaction.prepare("DELETE FROM outbox WHERE id = ? AND state = 1 RETURNING tenant"));
  ASSIGN_OR_RETURN(const bool found, statement.bind(1, id).step());
  if (!found) return no_such(id, "dead");
  return statement.text(0);
}

Result<std::vector<std::int64_t>> dead_before(Transaction& transaction, Time before, int count) {
  ASSIGN_OR_RETURN(
      Statement statement,
      transaction.prepare("SELECT id FROM outbox WHERE state = 1 AND failed_at < ? ORDER BY failed_at LIMIT ?"));
  return statement.bind(1, micros(before)).bind(2, count).integers();
}

Result<DeadRow> load_dead(Transaction& transaction, std::int64_t id) {
  ASSIGN_OR_RETURN(Statement row, transaction.prepare(select_dead("id = ?")));
  ASSIGN_OR_RETURN(const bool found, row.bind(1, id).step());
  if (!found) return no_such(id, "dead");
  return read_dead(row);
}

}  // namespace mnema::outbox_store
