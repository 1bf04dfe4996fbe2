#include "runtime/events/cron_store.hpp"

namespace mnema::cron_store {

Result<std::optional<Time>> next_at(Transaction& transaction, const std::string& name, const std::string& schedule) {
  ASSIGN_OR_RETURN(Statement row,
                   transaction.prepare("SELECT next_at FROM cron_schedules WHERE name = ? AND schedule = ?"));
  ASSIGN_OR_RETURN(const bool found, row.bind(1, name).bind(2, schedule).step());
  if (!found) return std::optional<Time>();
  return std::optional<Time>(from_micros(row.integer(0)));
}

Status set_next(Transaction& transaction, const std::string& name, const std::string& schedule, Time next) {
  ASSIGN_OR_RETURN(Statement row, transaction.prepare("INSERT INTO cron_schedules (name, schedule, next_at) "
                                                      "VALUES (?1, ?2, ?3) ON CONFLICT (name) DO UPDATE "
                                                      "SET schedule = ?2, next_at = ?3"));
  return row.bind(1, name).bind(2, schedule).bind(3, static_cast<std::int64_t>(to_micros(next))).run();
}

}  // namespace mnema::cron_store
