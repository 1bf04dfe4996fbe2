#include "runtime/events/scope_slice_store.hpp"

#include <fmt/format.h>

namespace mnema::scope_slice_store {

Statement& bind_scope(Statement& statement, const Scope& scope) {
  statement.bind(1, std::string_view(scope.tenant)).bind(2, std::string_view(scope.agent));
  return statement.bind(3, std::string_view(scope.user)).bind(4, std::string_view(scope.session));
}

Result<std::int64_t> count_of(Transaction& transaction, std::string_view sql, const Scope& scope) {
  ASSIGN_OR_RETURN(Statement select, transaction.prepare(sql));
  ASSIGN_OR_RETURN(const bool row, bind_scope(select, scope).step());
  return row ? select.integer(0) : 0;
}

Result<std::optional<std::int64_t>> slice_end(Transaction& transaction, std::string_view table, std::string_view column,
                                              std::int64_t after, int rows_max) {
  ASSIGN_OR_RETURN(Statement select,
                   transaction.prepare(fmt::format("SELECT max({0}) FROM (SELECT {0} FROM {1} WHERE {0} > ?1"
                                                   " ORDER BY {0} LIMIT ?2)",
                                                   column, table)));
  ASSIGN_OR_RETURN(const bool row, select.bind(1, after).bind(2, rows_max).step());
  if (!row || select.is_null(0)) return std::optional<std::int64_t>();
  return std::optional(select.integer(0));
}

}  // namespace mnema::scope_slice_store
