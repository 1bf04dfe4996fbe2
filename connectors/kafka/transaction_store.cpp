#include "connectors/kafka/transaction_store.hpp"

namespace mnema::kafka_transaction_store {

Result<Producer> load_producer(Transaction& transaction, const std::string& sink, Random& random) {
  {
    ASSIGN_OR_RETURN(Statement insert,
                     transaction.prepare(
                         "INSERT INTO kafka_producers (sink, id, committed) VALUES (?, ?, 0) ON CONFLICT DO NOTHING"));
    const std::string id = "mnema-" + sink + "-" + random.uuid();
    RETURN_IF_ERROR(insert.bind(1, std::string_view(sink)).bind(2, std::string_view(id)).run());
  }
  ASSIGN_OR_RETURN(Statement select, transaction.prepare("SELECT id, committed FROM kafka_producers WHERE sink = ?"));
  ASSIGN_OR_RETURN(const bool found, select.bind(1, std::string_view(sink)).step());
  if (!found) return fail(ErrorCode::kStorage, "the producer's id was not stored");
  return Producer{select.text(0), select.integer(1)};
}

Status note_committed(Transaction& transaction, const std::string& sink, std::int64_t number) {
  ASSIGN_OR_RETURN(Statement update,
                   transaction.prepare("UPDATE kafka_producers SET committed = ?2 WHERE sink = ?1 AND committed < ?2"));
  return update.bind(1, std::string_view(sink)).bind(2, number).run();
}

Status begin(Transaction& transaction, const std::string& sink, const std::vector<Begun>& messages) {
  for (const Begun& message : messages) {
    // A message whose transaction was aborted is in a later one now.
    ASSIGN_OR_RETURN(
        Statement insert,
        transaction.prepare("INSERT OR REPLACE INTO kafka_transactions"
                            " (sink, outbox_row, idempotency_key, number, in_doubt) VALUES (?, ?, ?, ?, 0)"));
    insert.bind(1, std::string_view(sink)).bind(2, message.row).bind(3, std::string_view(message.idempotency_key));
    RETURN_IF_ERROR(insert.bind(4, message.number).run());
  }
  return {};
}

Result<std::vector<Begun>> load_begun(Transaction& transaction, const std::string& sink) {
  ASSIGN_OR_RETURN(Statement select,
                   transaction.prepare("SELECT number, outbox_row, idempotency_key, in_doubt FROM kafka_transactions"
                                       " WHERE sink = ? ORDER BY number, outbox_row"));
  select.bind(1, std::string_view(sink));
  std::vector<Begun> all;
  for (;;) {
    ASSIGN_OR_RETURN(const bool row, select.step());
    if (!row) return all;
    all.push_back({select.integer(0), select.integer(1), select.text(2), select.integer(3) != 0});
  }
}

Status forget_aborted(Transaction& transaction, const std::string& sink, std::int64_t committed) {
  ASSIGN_OR_RETURN(
      Statement remove,
      transaction.prepare("DELETE FROM kafka_transactions WHERE sink = ? AND number > ? AND in_doubt = 0"));
  return remove.bind(1, std::string_view(sink)).bind(2, committed).run();
}

Status mark_in_doubt(Transaction& transaction, const std::string& sink, std::int64_t committed) {
  ASSIGN_OR_RETURN(Statement update,
                   transaction.prepare("UPDATE kafka_transactions SET in_doubt = 1 WHERE sink = ? AND number > ?"));
  return update.bind(1, std::string_view(sink)).bind(2, committed).run();
}

Status forget_decided(Transaction& transaction, const std::string& sink) {
  ASSIGN_OR_RETURN(Statement remove,
                   transaction.prepare("DELETE FROM kafka_transactions WHERE sink = ? AND in_doubt = 1"
                                       " AND EXISTS (SELECT 1 FROM outbox WHERE id = outbox_row AND state = 1)"));
  return remove.bind(1, std::string_view(sink)).run();
}

Status forget_settled(Transaction& transaction, const std::string& sink, std::int64_t committed) {
  ASSIGN_OR_RETURN(Statement remove,
                   transaction.prepare("DELETE FROM kafka_transactions WHERE sink = ? AND (number <= ? OR in_doubt = 1)"
                                       " AND NOT EXISTS (SELECT 1 FROM outbox WHERE id = outbox_row)"));
  return remove.bind(1, std::string_view(sink)).bind(2, committed).run();
}

}  // namespace mnema::kafka_transaction_store
