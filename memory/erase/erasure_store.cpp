#include "memory/erase/erasure_store.hpp"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>

#include "runtime/base/json.hpp"

namespace mnema::erasure_store {
namespace json = boost::json;
namespace {

constexpr std::string_view kColumns =
    "SELECT erasure_id, tenant, agent, user, session, entry_id, requested_us, finished_us, part, counts, pending"
    " FROM memory_erasures ";

Result<EraseCounts> counts_of(std::string_view text) {
  ASSIGN_OR_RETURN(const json::value value, parse_bounded_json(text, "the counts of an erasure", kWrittenByUs));
  EraseCounts counts;
  if (const json::object* object = value.if_object()) {
    for (const auto& [name, number] : *object) {
      if (number.is_int64()) counts[std::string(name)] = number.get_int64();
    }
  }
  return counts;
}

Result<Erasure> erasure_of(Statement& row) {
  Erasure erasure;
  erasure.id = row.integer(0);
  erasure.target.scope = {row.text(1), row.text(2), row.text(3), row.text(4)};
  erasure.target.entry = row.integer(5);
  erasure.requested = from_micros(row.integer(6));
  if (!row.is_null(7)) erasure.finished = from_micros(row.integer(7));
  erasure.part = row.text(8);
  ASSIGN_OR_RETURN(erasure.counts, counts_of(row.text_view(9)));
  ASSIGN_OR_RETURN(const json::value pending,
                   parse_bounded_json(row.text_view(10), "what an erasure waits for", kWrittenByUs));
  if (const json::array* list = pending.if_array()) {
    for (const json::value& one : *list) {
      if (one.is_string()) erasure.pending.emplace_back(one.get_string());
    }
  }
  return erasure;
}

}  // namespace

Result<std::int64_t> add(Transaction& transaction, const EraseTarget& target, Time now) {
  ASSIGN_OR_RETURN(Statement insert,
                   transaction.prepare("INSERT INTO memory_erasures (tenant, agent, user, session, entry_id,"
                                       " requested_us, part, counts, pending)"
                                       " VALUES (?1, ?2, ?3, ?4, ?5, ?6, '', '{}', '[]') RETURNING erasure_id"));
  const Scope& scope = target.scope;
  insert.bind(1, std::string_view(scope.tenant)).bind(2, std::string_view(scope.agent));
  insert.bind(3, std::string_view(scope.user)).bind(4, std::string_view(scope.session)).bind(5, target.entry);
  ASSIGN_OR_RETURN(const bool row, insert.bind(6, static_cast<std::int64_t>(to_micros(now))).step());
  CHECK(row, "what is inserted has an id");
  return insert.integer(0);
}

Result<Erasure> find(Transaction& transaction, std::int64_t id, const std::string& tenant) {
  ASSIGN_OR_RETURN(Statement select, transaction.prepare(std::string(kColumns) + "WHERE erasure_id = ?1"));
  ASSIGN_OR_RETURN(const bool row, select.bind(1, id).step());
  if (!row || (!tenant.empty() && select.text_view(1) != tenant)) {
    return fail(ErrorCode::kNotFound, "there is no erasure " + std::to_string(id),
                "'mnema memory erase --list' shows them");
  }
  return erasure_of(select);
}

Result<std::vector<Erasure>> list(Transaction& transaction, const std::string& tenant, int count_max) {
  ASSIGN_OR_RETURN(Statement select,
                   transaction.prepare(std::string(kColumns) + "WHERE ?1 = '' OR tenant = ?1 ORDER BY erasure_id DESC"
                                                               " LIMIT ?2"));
  select.bind(1, std::string_view(tenant)).bind(2, count_max);
  std::vector<Erasure> found;
  for (;;) {
    ASSIGN_OR_RETURN(const bool row, select.step());
    if (!row) return found;
    ASSIGN_OR_RETURN(found.emplace_back(), erasure_of(select));
  }
}

Result<std::vector<std::int64_t>> unfinished(Transaction& transaction) {
  ASSIGN_OR_RETURN(Statement select, transaction.prepare("SELECT erasure_id FROM memory_erasures"
                                                         " WHERE finished_us IS NULL ORDER BY erasure_id"));
  return select.integers();
}

Status advance(Transaction& transaction, std::int64_t id, const std::string& part, const EraseCounts& counts) {
  ASSIGN_OR_RETURN(Erasure erasure, find(transaction, id, ""));
  json::object sums;
  for (const auto& [name, count] : counts) erasure.counts[name] += count;
  for (const auto& [name, count] : erasure.counts) sums[name] = count;
  ASSIGN_OR_RETURN(Statement update, transaction.prepare("UPDATE memory_erasures SET part = ?2, counts = ?3"
                                                         " WHERE erasure_id = ?1"));
  const std::string text = json::serialize(sums);
  return update.bind(1, id).bind(2, std::string_view(part)).bind(3, std::string_view(text)).run();
}

Status set_pending(Transaction& transaction, std::int64_t id, const std::vector<std::string>& pending) {
  const json::array list(pending.begin(), pending.end());
  ASSIGN_OR_RETURN(Statement update,
                   transaction.prepare("UPDATE memory_erasures SET pending = ?2 WHERE erasure_id = ?1"));
  const std::string text = json::serialize(list);
  return update.bind(1, id).bind(2, std::string_view(text)).run();
}

Status finish(Transaction& transaction, std::int64_t id, Time now) {
  ASSIGN_OR_RETURN(Statement update, transaction.prepare("UPDATE memory_erasures SET finished_us = ?2, part = '',"
                                                         " pending = '[]' WHERE erasure_id = ?1"));
  return update.bind(1, id).bind(2, static_cast<std::int64_t>(to_micros(now))).run();
}

}  // namespace mnema::erasure_store
