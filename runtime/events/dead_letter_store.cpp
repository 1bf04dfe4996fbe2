#include "runtime/events/dead_letter_store.hpp"

namespace mnema::dead_letter_store {
namespace {

/// How a table calls what both have.
struct Names {
  std::string table;
  std::string number;
  std::string dead;     // the condition
  std::string about;    // type, destination
  std::string died_at;  // column of the index of dead rows
  std::string code;     // of the last error
  std::string message;
};

/// What both lists ask for: ?1 after, ?2 tenant, ?3 agent, ?4 count, ?5 about, ?6 code of the last error, ?7 text in
/// its message, ?8 and ?9 from when and before when it died.
std::string page_of(const Names& names, const std::string& columns) {
  const std::string& number = names.number;
  return "SELECT " + number + ", tenant, agent, key, " + columns + " FROM " + names.table + " WHERE " + number +
         " IN (SELECT " + number + " FROM " + names.table + " INDEXED BY " + names.table + "_dead WHERE " + names.dead +
         " AND " + number + " > ?1 AND " + names.died_at + " >= ?8 AND " + names.died_at +
         " < ?9) AND (?2 = '' OR tenant = ?2) AND (?3 = '' OR agent = ?3) AND (?5 = '' OR " + names.about +
         " = ?5) AND (?6 = 0 OR " + names.code + " = ?6) AND (?7 = '' OR instr(" + names.message +
         ", ?7) > 0) ORDER BY " + number + " LIMIT ?4";
}

/// The column of an event's last error.
std::string of_last_error(const std::string& column) {
  return "(SELECT " + column +
         " FROM mailbox_errors AS e WHERE e.sequence = mailbox.sequence ORDER BY at DESC, attempt DESC LIMIT 1)";
}

/// 0: `reason` names no code.
int code_of(const std::string& reason) {
  constexpr int kLast = static_cast<int>(ErrorCode::kSchemaDrift);
  for (int code = 1; code <= kLast; ++code) {
    if (name_of(static_cast<ErrorCode>(code)) == reason) return code;
  }
  return 0;
}

Result<Statement> prepare_page(Transaction& transaction, const std::string& sql, const DeadLetterFilter& filter,
                               std::int64_t after, int count) {
  ASSIGN_OR_RETURN(Statement page, transaction.prepare(sql));
  const int code = code_of(filter.reason);
  const auto micros = [](Time time) { return static_cast<std::int64_t>(to_micros(time)); };
  page.bind(1, after).bind(2, filter.tenant).bind(3, filter.agent).bind(4, count).bind(5, filter.about);
  page.bind(6, code).bind(7, code == 0 ? filter.reason : std::string());
  page.bind(8, micros(filter.died_from.value_or(Time::min())))
      .bind(9, micros(filter.died_before.value_or(Time::max())));
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
      page_of({"mailbox", "sequence", "state = 3", "type", "died_at", of_last_error("code"), of_last_error("message")},
              "type, attempts, uncounted, generation, died_at");
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
      page_of({"outbox", "id", "state = 1", "destination", "failed_at", "error_code", "error_message"},
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
