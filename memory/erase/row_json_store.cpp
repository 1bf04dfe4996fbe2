#include "memory/erase/row_json_store.hpp"

#include <algorithm>

#include "runtime/base/sha256.hpp"

namespace mnema::row_json_store {
namespace json = boost::json;
namespace {

constexpr std::string_view kBlob = "hex:";
constexpr std::string_view kText = "text:";

/// Of a column that is selected behind its type.
json::value value_of(const Statement& row, int column) {
  const std::string_view type = row.text_view(column);
  const int value = column + 1;
  if (type == "null") return nullptr;
  if (type == "integer") return row.integer(value);
  if (type == "real") return row.number(value);
  if (type == "blob") return json::value(std::string(kBlob) + to_hex(row.blob_view(value)));
  std::string text = row.text(value);
  if (text.starts_with(kBlob) || text.starts_with(kText)) text.insert(0, kText);
  return json::value(text);
}

Status bind(Statement& insert, int index, const json::value& value) {
  if (value.is_null()) {
    insert.bind_null(index);
  } else if (value.is_int64()) {
    insert.bind(index, value.get_int64());
  } else if (value.is_double()) {
    insert.bind(index, value.get_double());
  } else if (value.is_string()) {
    const std::string_view text = value.get_string();
    if (text.starts_with(kBlob)) {
      insert.bind_blob(index, bytes_of_hex(text.substr(kBlob.size())));
    } else {
      insert.bind(index, text.starts_with(kText) ? text.substr(kText.size()) : text);
    }
  } else {
    return fail(ErrorCode::kInvalidArgument, "a column holds a number, a text or null");
  }
  return {};
}

struct Column {
  std::string name;
  bool is_needed = false;  // neither null nor left out
};

Result<std::vector<Column>> columns_of(Transaction& transaction, const std::string& table) {
  ASSIGN_OR_RETURN(Statement select, transaction.prepare("SELECT name, \"notnull\" = 1 AND dflt_value IS NULL"
                                                         " FROM pragma_table_info(?1) ORDER BY cid"));
  select.bind(1, std::string_view(table));
  std::vector<Column> columns;
  for (;;) {
    ASSIGN_OR_RETURN(const bool row, select.step());
    if (!row) return columns;
    columns.push_back({select.text(0), select.integer(1) != 0});
  }
}

}  // namespace

std::string bytes_of_hex(std::string_view digits) {
  const auto value = [](char c) { return (c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10) & 15; };
  std::string bytes;
  for (std::size_t i = 0; i + 1 < digits.size(); i += 2) {
    bytes += static_cast<char>((value(digits[i]) << 4) | value(digits[i + 1]));
  }
  return bytes;
}

Status rows(Transaction& transaction, const std::string& table, const std::string& column, std::int64_t id,
            const std::string& order, const std::vector<std::string>& left_out,
            const std::function<void(json::object)>& put) {
  ASSIGN_OR_RETURN(std::vector<Column> columns, columns_of(transaction, table));
  std::erase_if(columns, [&](const Column& column) {
    return std::find(left_out.begin(), left_out.end(), column.name) != left_out.end();
  });
  std::string typed;
  for (const auto& [name, is_needed] : columns)
    typed += (typed.empty() ? "typeof(" : ", typeof(") + name + "), " + name;
  ASSIGN_OR_RETURN(Statement select, transaction.prepare("SELECT " + typed + " FROM " + table + " WHERE " + column +
                                                         " = ?1 ORDER BY " + order));
  select.bind(1, id);
  for (;;) {
    ASSIGN_OR_RETURN(const bool row, select.step());
    if (!row) return {};
    json::object object;
    for (std::size_t i = 0; i < columns.size(); ++i)
      object[columns[i].name] = value_of(select, static_cast<int>(2 * i));
    put(std::move(object));
  }
}

Result<bool> insert(Transaction& transaction, const std::string& table, const json::object& row,
                    const std::vector<std::pair<std::string, std::int64_t>>& fixed,
                    const std::vector<std::string>& left_out) {
  ASSIGN_OR_RETURN(const std::vector<Column> columns, columns_of(transaction, table));
  std::string names, places, same;
  std::vector<const json::value*> values;
  const auto add = [&](const std::string& name, std::size_t place) {
    const std::string parameter = "?" + std::to_string(place);
    names += (names.empty() ? "" : ", ") + name;
    places += (places.empty() ? "" : ", ") + parameter;
    same += (same.empty() ? "" : " AND ") + name + " IS NOT DISTINCT FROM " + parameter;
  };
  std::size_t place = 0;
  for (const auto& [name, value] : fixed) add(name, ++place);
  for (const auto& [name, is_needed] : columns) {
    const bool is_fixed =
        std::any_of(fixed.begin(), fixed.end(), [&, &name = name](const auto& one) { return one.first == name; });
    if (is_fixed || std::find(left_out.begin(), left_out.end(), name) != left_out.end()) continue;
    const json::value* value = row.if_contains(name);
    if (is_needed && (value == nullptr || value->is_null())) {
      return fail(ErrorCode::kInvalidArgument, "'" + name + "' is missing");
    }
    if (value == nullptr) continue;
    values.push_back(value);
    add(name, ++place);
  }
  const auto bind_all = [&](Statement& statement) -> Status {
    int index = 0;
    for (const auto& [name, value] : fixed) statement.bind(++index, value);
    for (const json::value* value : values) RETURN_IF_ERROR(bind(statement, ++index, *value));
    return {};
  };
  ASSIGN_OR_RETURN(Statement statement, transaction.prepare("INSERT INTO " + table + " (" + names + ") VALUES (" +
                                                            places + ") ON CONFLICT DO NOTHING"));
  RETURN_IF_ERROR(bind_all(statement));
  RETURN_IF_ERROR(statement.run());
  if (transaction.changes() == 1) return true;
  ASSIGN_OR_RETURN(Statement select, transaction.prepare("SELECT 1 FROM " + table + " WHERE " + same));
  RETURN_IF_ERROR(bind_all(select));
  ASSIGN_OR_RETURN(const bool is_there, select.step());
  if (is_there) return false;
  return fail(ErrorCode::kFailedPrecondition, "something else is here in its place", "it stays as it is");
}

}  // namespace mnema::row_json_store
