#include "connectors/permit_store.hpp"

namespace mnema {

std::vector<Migration> PermitStore::migrations() {
  return {{"connectors", 1,
           "CREATE TABLE connector_permits("
           "  upstream TEXT NOT NULL,"
           "  permitted_at INTEGER NOT NULL,"
           "  ordinal INTEGER NOT NULL,"  // two permits of one microsecond are two permits
           "  PRIMARY KEY(upstream, permitted_at, ordinal)) WITHOUT ROWID, STRICT;"}};
}

Result<std::vector<Time>> PermitStore::load(const std::string& upstream, Time since) {
  return database_.read<std::vector<Time>>([&](Transaction& transaction) -> Result<std::vector<Time>> {
    ASSIGN_OR_RETURN(Statement select,
                     transaction.prepare("SELECT permitted_at FROM connector_permits"
                                         " WHERE upstream = ?1 AND permitted_at >= ?2 ORDER BY permitted_at, ordinal"));
    select.bind(1, std::string_view(upstream)).bind(2, static_cast<std::int64_t>(to_micros(since)));
    std::vector<Time> permits;
    while (true) {
      ASSIGN_OR_RETURN(bool row, select.step());
      if (!row) return permits;
      permits.push_back(from_micros(select.integer(0)));
    }
  });
}

void PermitStore::append(const std::string& upstream, Time permitted_at, Executor& reply_to,
                         std::function<void(Status)> done) {
  auto unit = [upstream, permitted_at, horizon = permitted_at - kept_](Transaction& transaction) -> Result<bool> {
    ASSIGN_OR_RETURN(Statement insert,
                     transaction.prepare("INSERT INTO connector_permits(upstream, permitted_at, ordinal)"
                                         " SELECT ?1, ?2, ifnull(max(ordinal), 0) + 1 FROM connector_permits"
                                         " WHERE upstream = ?1 AND permitted_at = ?2"));
    auto at = static_cast<std::int64_t>(to_micros(permitted_at));
    insert.bind(1, std::string_view(upstream)).bind(2, at);
    RETURN_IF_ERROR(insert.run());
    ASSIGN_OR_RETURN(Statement forget, transaction.prepare("DELETE FROM connector_permits"
                                                           " WHERE upstream = ?1 AND permitted_at < ?2"));
    forget.bind(1, std::string_view(upstream)).bind(2, static_cast<std::int64_t>(to_micros(horizon)));
    RETURN_IF_ERROR(forget.run());
    return true;
  };
  database_.write<bool>(WritePriority::kForeground, unit, reply_to, [done = std::move(done)](Result<bool> result) {
    done(result.ok() ? Status{} : Status{result.error()});
  });
}

}  // namespace mnema
