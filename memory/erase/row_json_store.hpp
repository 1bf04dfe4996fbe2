// memory/erase/row_json_store.hpp
//
// Rows of any table as JSON objects and back, column by column: how exports hold what needs no reading of its own.
// Numbers stay numbers, a blob is "hex:…", a text that begins so is "text:hex:…".
//
// Threads: inside a unit of work; `rows` also inside Database::read.
#pragma once

#include <boost/json/object.hpp>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/store/database.hpp"

namespace mnema::row_json_store {

/// Calls `put` for each row where `column` is `id`, in the order of `order` (columns). `left_out`: columns that are not
/// put, `column` among them.
[[nodiscard]] Status rows(Transaction& transaction, const std::string& table, const std::string& column,
                          std::int64_t id, const std::string& order, const std::vector<std::string>& left_out,
                          const std::function<void(boost::json::object)>& put);

/// Inserts a row of those of its members that are columns and not `left_out` (numbers that the table gives), and of
/// `fixed` (columns and numbers). False: this row is there. Errors: `kInvalidArgument` (a member is missing, or is no
/// number, text or null), `kFailedPrecondition` (another row has its key).
[[nodiscard]] Result<bool> insert(Transaction& transaction, const std::string& table, const boost::json::object& row,
                                  const std::vector<std::pair<std::string, std::int64_t>>& fixed,
                                  const std::vector<std::string>& left_out = {});

/// Of lower-case digits, as to_hex makes them; what is no digit is taken for one.
[[nodiscard]] std::string bytes_of_hex(std::string_view digits);

}  // namespace mnema::row_json_store
