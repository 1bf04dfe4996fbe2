#include "runtime/events/dead_letter_store.hpp"

namespace mnema::dead_letter_store {
namespace {

/// What both lists ask for: ?1 after, ?2 tenant, ?3 agent, ?4 count.
std::string page_of(const std::string& table, const std::string& number, const std::string& dead,
                    const std::string& columns) {
  return "SELECT " + number + ", tenant, agent, key, " + columns + " FROM " + table + " WHERE " + number +
         " IN (SELECT " + number + " FROM " + table + " INDEXED BY " + table + "_dead WHERE " + dead + " AND " +
         number + " > ?1) AND (?2 = '' OR tenant = ?2) AND (?3 = '' OR agent = ?3) ORDER BY " + number + " LIMIT ?4";
}

Result<Statement> prepare_page(Transaction& transaction, const std::string& sql, const DeadLetterFilter& filter,
                               std::int64_t after, int count) {
  ASSIGN_OR_RETURN(Statement page, transaction.prepare(sql));
  page.bind(1, after).bind(2, filter.tenant).bind(3, filter.agent).bind(4, count);
  return page;
}

DeadLetterSummary read_whose(const Statement& row, DeadLetterId::Kind kind) {
  DeadLetterSummary summary;
  summary.id = {kind, row.integer(0)};
  summary.tenant = row.text(1);
  summary.agent = row.text(2);
  summary.key = row.text(3);
  summary.about = row.text(4);
  return summary;
}

}  // namespace

Result<std::vector<DeadLetterSummary>> list_events(Transaction& transaction, const DeadLetterFilter& filter,
                                                   std::int64_t after, int count) {
  static const std::string sql =
      page_of("mailbox", "sequence", "state = 3", "type, attempts, uncounted, generation, died_at");
  ASSIGN_OR_RETURN(Statement page, prepare_page(transaction, sql, filter, after, count));
  std::vector<DeadLetterSummary> letters;
  for (;;) {
    ASSIGN_OR_RETURN(const bool more, page.step());
    if (!more) break;
    DeadLetterSummary& summary = letters.emplace_back(read_whose(page, DeadLetterId::Kind::kEvent));
    summary.attempts = static_cast<int>(page.integer(5));
    summary.tries = summary.attempts + static_cast<int>(page.integer(6));
    summary.generation = static_cast<int>(page.integer(7));
    summary.died_at = from_micros(page.integer(8));
  }
  for (DeadLetterSummary& summary : letters) {
    ASSIGN_OR_RETURN(const std::vector<mailbox_store::AttemptError> errors,
                     mailbox_store::errors_of(transaction, summary.id.number));
    if (!errors.empty()) summary.error = errors.back().error;
  }
  return letters;
}

Result<std::vector<DeadLetterSummary>> list_messages(Transaction& transaction, const DeadLetterFilter& filter,
                                                     std::int64_t after, int count) {
  static const std::string sql =
      page_of("outbox", "id", "state = 1",
              "destination, attempts, unsent, generation, failed_at, error_code, error_message, error_hint");
  ASSIGN_OR_RETURN(Statement page, prepare_page(transaction, sql, filter, after, count));
  std::vector<DeadLetterSummary> letters;
  for (;;) {
    ASSIGN_OR_RETURN(const bool more, page.step());
    if (!more) return letters;
    DeadLetterSummary& summary = letters.emplace_back(read_whose(page, DeadLetterId::Kind::kMessage));
    summary.tries = static_cast<int>(page.integer(5));
    summary.attempts = summary.tries - static_cast<int>(page.integer(6));
    summary.generation = static_cast<int>(page.integer(7));
    summary.died_at = from_micros(page.integer(8));
    summary.error = fail(static_cast<ErrorCode>(page.integer(9)), page.text(10), page.text(11));
  }
}

Result<std::string> tenant_of(Transaction& transaction, const DeadLetterId& id) {
  ASSIGN_OR_RETURN(Statement row,
                   transaction.prepare(id.kind == DeadLetterId::Kind::kEvent
                                           ? "SELECT tenant FROM mailbox WHERE sequence = ? AND state = 3"
                                           : "SELECT tenant FROM outbox WHERE id = ? AND state = 1"));
  ASSIGN_OR_RETURN(const bool found, row.bind(1, id.number).step());
  if (!found) return no_dead_letter(id);
  return row.text(0);
}

Error no_dead_letter(const DeadLetterId& id) {
  return fail(ErrorCode::kNotFound, "there is no dead letter '" + id.text() + "'", "'mnema dlq list' shows them");
}

}  // namespace mnema::dead_letter_store
