#include "runtime/events/timer_store.hpp"

#include "runtime/events/event_codec.hpp"

namespace mnema::timer_store {

Result<Inserted> insert(Transaction& transaction, const Timer& timer) {
  Inserted inserted;
  const Event& event = timer.event;
  ASSIGN_OR_RETURN(inserted.replaced, remove(transaction, event.tenant, event.agent, event.key, timer.name));
  ASSIGN_OR_RETURN(Statement statement,
                   transaction.prepare("INSERT INTO timers (tenant, agent, key, name, at, event, data) "
                                       "VALUES (?, ?, ?, ?, ?, ?, ?)"));
  statement.bind(1, event.tenant).bind(2, event.agent).bind(3, event.key).bind(4, timer.name);
  statement.bind(5, static_cast<std::int64_t>(to_micros(timer.at))).bind(6, encode_event_fields(event));
  RETURN_IF_ERROR(statement.bind_blob(7, event.data).run());
  inserted.id = transaction.last_insert_rowid();
  return inserted;
}

Result<std::vector<IndexRow>> load_index(Transaction& transaction) {
  ASSIGN_OR_RETURN(Statement row, transaction.prepare("SELECT id, at FROM timers"));
  std::vector<IndexRow> index;
  for (;;) {
    ASSIGN_OR_RETURN(const bool more, row.step());
    if (!more) return index;
    index.push_back({row.integer(0), from_micros(row.integer(1))});
  }
}

Result<std::optional<Timer>> take(Transaction& transaction, std::int64_t id) {
  ASSIGN_OR_RETURN(Statement row, transaction.prepare("SELECT name, at, event, data FROM timers WHERE id = ?"));
  ASSIGN_OR_RETURN(const bool found, row.bind(1, id).step());
  if (!found) return std::optional<Timer>();
  Timer timer;
  timer.name = row.text(0);
  timer.at = from_micros(row.integer(1));
  ASSIGN_OR_RETURN(timer.event, decode_event_fields(row.text_view(2)));
  timer.event.data = row.blob_view(3);
  RETURN_IF_ERROR(erase(transaction, id));
  return std::optional<Timer>(std::move(timer));
}

Result<std::vector<NumberedTimer>> of_tenant(Transaction& transaction, const std::string& tenant, std::int64_t after,
                                             int count, std::int64_t& last) {
  ASSIGN_OR_RETURN(Statement row, transaction.prepare("SELECT id, tenant, event FROM timers WHERE id > ?1"
                                                      " ORDER BY id LIMIT ?2"));
  row.bind(1, after).bind(2, count);
  last = 0;
  std::vector<NumberedTimer> found;
  for (;;) {
    ASSIGN_OR_RETURN(const bool more, row.step());
    if (!more) return found;
    last = row.integer(0);
    if (row.text_view(1) != tenant) continue;
    ASSIGN_OR_RETURN(Event event, decode_event_fields(row.text_view(2)));
    found.push_back({last, std::move(event)});
  }
}

Status erase(Transaction& transaction, std::int64_t id) {
  ASSIGN_OR_RETURN(Statement statement, transaction.prepare("DELETE FROM timers WHERE id = ?"));
  return statement.bind(1, id).run();
}

Result<std::optional<std::int64_t>> remove(Transaction& transaction, const std::string& tenant,
                                           const std::string& agent, const std::string& key, const std::string& name) {
  ASSIGN_OR_RETURN(Statement row, transaction.prepare(
                                      "SELECT id FROM timers WHERE tenant = ? AND agent = ? AND key = ? AND name = ?"));
  ASSIGN_OR_RETURN(const bool found, row.bind(1, tenant).bind(2, agent).bind(3, key).bind(4, name).step());
  if (!found) return std::optional<std::int64_t>();
  const std::int64_t id = row.integer(0);
  RETURN_IF_ERROR(erase(transaction, id));
  return std::optional<std::int64_t>(id);
}

}  // namespace mnema::timer_store
