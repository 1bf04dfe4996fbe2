// runtime/events/scope_slice_store.hpp
//
// What those share who go through a table slice by slice for the rows of a scope, to count or to erase them: the names
// of the scope as parameters, and where a slice ends. A name of the scope that is empty is any; its session is a row's
// key.
//
// Threads: inside a unit of work, or Database::read.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "runtime/base/scope.hpp"
#include "runtime/store/database.hpp"

namespace mnema::scope_slice_store {

/// Binds ?1 to ?4: tenant, agent, user, session.
Statement& bind_scope(Statement& statement, const Scope& scope);

/// The number that `sql` selects, with those parameters.
[[nodiscard]] Result<std::int64_t> count_of(Transaction& transaction, std::string_view sql, const Scope& scope);

/// The last of the `rows_max` rows of `table` whose `column`, its key, is behind `after`; none: there is no row.
[[nodiscard]] Result<std::optional<std::int64_t>> slice_end(Transaction& transaction, std::string_view table,
                                                            std::string_view column, std::int64_t after, int rows_max);

}  // namespace mnema::scope_slice_store
