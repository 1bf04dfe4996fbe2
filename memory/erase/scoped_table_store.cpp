#include "memory/erase/holding.hpp"
#include "memory/erase/row_json_store.hpp"

// The rows of a table by its scope_id alone, whatever its columns are.

namespace mnema {
namespace json = boost::json;

Holding scoped_table(std::string name, std::string table, std::string key, std::vector<std::string> given) {
  Holding holding;
  holding.name = std::move(name);
  holding.tables = {table};
  holding.count = [table](Transaction& transaction, const ScopeKey& where) -> Result<std::int64_t> {
    ASSIGN_OR_RETURN(Statement select, transaction.prepare("SELECT count(*) FROM " + table + " WHERE scope_id = ?1"));
    ASSIGN_OR_RETURN(const bool row, select.bind(1, where.scope).step());
    return row ? select.integer(0) : 0;
  };
  holding.erase = [table, key](Transaction& transaction, const ScopeKey& where, int rows_max,
                               EraseContext&) -> Result<int> {
    ASSIGN_OR_RETURN(Statement remove,
                     transaction.prepare("DELETE FROM " + table + " WHERE scope_id = ?1 AND (" + key + ") IN (SELECT " +
                                         key + " FROM " + table + " WHERE scope_id = ?1 LIMIT ?2)"));
    RETURN_IF_ERROR(remove.bind(1, where.scope).bind(2, rows_max).run());
    return static_cast<int>(transaction.changes());
  };
  holding.write = [table, key, given](Transaction& transaction, const ScopeKey& where,
                                      const std::function<void(json::object)>& put) {
    std::vector<std::string> left_out = given;
    left_out.emplace_back("scope_id");
    return row_json_store::rows(transaction, table, "scope_id", where.scope, key, left_out, put);
  };
  holding.read = [table, given](Transaction& transaction, const ScopeKey& where, const json::object& row,
                                const ImportLimits&) {
    return row_json_store::insert(transaction, table, row, {{"scope_id", where.scope}}, given);
  };
  return holding;
}

}  // namespace mnema
