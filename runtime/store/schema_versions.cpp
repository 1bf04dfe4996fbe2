#include "runtime/store/schema_versions.hpp"

#include <map>

#include "runtime/base/check.hpp"
#include "runtime/store/checksum_vfs.hpp"

namespace mnema {
namespace {

constexpr std::int64_t kApplicationId = 0x4d4e454d;  // "MNEM", in the header of a file of ours without checksums

bool is_ours(std::int64_t application_id) {
  return application_id == kApplicationId || application_id == kCheckedApplicationId;
}

Result<std::int64_t> one_integer(SqliteConnection& connection, std::string_view sql) {
  ASSIGN_OR_RETURN(Statement statement, connection.prepare(sql));
  ASSIGN_OR_RETURN(const bool row, statement.step());
  return row ? statement.integer(0) : 0;
}

Status apply(SqliteConnection& connection, const Migration& migration) {
  RETURN_IF_ERROR(connection.execute("BEGIN IMMEDIATE"));
  Status status = connection.execute(migration.sql);
  if (status.ok()) {
    status = [&]() -> Status {
      ASSIGN_OR_RETURN(Statement statement,
                       connection.prepare("INSERT INTO schema_versions (component, number) VALUES (?1, ?2) "
                                          "ON CONFLICT (component) DO UPDATE SET number = ?2"));
      return statement.bind(1, migration.component).bind(2, migration.number).run();
    }();
  }
  if (status.ok()) status = connection.execute("COMMIT");
  if (status.ok()) return {};
  static_cast<void>(connection.execute("ROLLBACK"));
  Error error = status.error();
  error.message =
      "migration " + std::to_string(migration.number) + " of '" + migration.component + "': " + error.message;
  return error;
}

Error foreign_file(const std::string& path) {
  return fail(ErrorCode::kFailedPrecondition, "'" + path + "' is an SQLite file of another program",
              "choose another data folder");
}

using Versions = std::map<std::string, int>;

Versions known_versions(const std::vector<Migration>& migrations) {
  Versions known;
  for (const Migration& migration : migrations) {
    CHECK(migration.number == ++known[migration.component], "a component's migrations count from 1 without gaps");
  }
  return known;
}

Result<Versions> applied_versions(SqliteConnection& connection) {
  Versions applied;
  ASSIGN_OR_RETURN(Statement statement, connection.prepare("SELECT component, number FROM schema_versions"));
  for (;;) {
    ASSIGN_OR_RETURN(const bool row, statement.step());
    if (!row) return applied;
    applied[statement.text(0)] = static_cast<int>(statement.integer(1));
  }
}

Status refuse_newer(const Versions& applied, const Versions& known, const std::string& path) {
  for (const auto& [component, number] : applied) {
    const auto ours = known.find(component);
    if (ours == known.end() || number <= ours->second) continue;
    return fail(ErrorCode::kFailedPrecondition,
                "'" + path + "' was written by a newer Mnema: '" + component + "' is at version " +
                    std::to_string(number) + ", this program knows " + std::to_string(ours->second),
                "use the newer program, or another data folder");
  }
  return {};
}

}  // namespace

Result<bool> has_checksums(SqliteConnection& connection) {
  ASSIGN_OR_RETURN(const std::int64_t id, one_integer(connection, "PRAGMA application_id"));
  return id == kCheckedApplicationId;
}

Status claim_file(SqliteConnection& connection, const std::string& path) {
  ASSIGN_OR_RETURN(const std::int64_t pages, one_integer(connection, "PRAGMA page_count"));
  if (pages == 0) return connection.execute("PRAGMA application_id = " + std::to_string(kCheckedApplicationId));
  ASSIGN_OR_RETURN(const std::int64_t id, one_integer(connection, "PRAGMA application_id"));
  if (is_ours(id)) return {};
  ASSIGN_OR_RETURN(const std::int64_t tables, one_integer(connection, "SELECT count(*) FROM sqlite_schema"));
  if (tables == 0) return connection.execute("PRAGMA application_id = " + std::to_string(kApplicationId));
  return foreign_file(path);
}

Status check_readable(SqliteConnection& connection, const std::vector<Migration>& migrations, const std::string& path) {
  ASSIGN_OR_RETURN(const std::int64_t id, one_integer(connection, "PRAGMA application_id"));
  if (!is_ours(id)) return foreign_file(path);
  const Versions known = known_versions(migrations);
  ASSIGN_OR_RETURN(Versions applied, applied_versions(connection));
  RETURN_IF_ERROR(refuse_newer(applied, known, path));
  for (const auto& [component, number] : known) {
    if (applied[component] == number) continue;
    return fail(ErrorCode::kFailedPrecondition,
                "'" + path + "' was written by an older Mnema: '" + component + "' is at version " +
                    std::to_string(applied[component]) + ", this program reads " + std::to_string(number),
                "start 'mnema serve' on it once; that brings it up to date");
  }
  return {};
}

Status bring_up_to_date(SqliteConnection& connection, const std::vector<Migration>& migrations,
                        const std::string& path) {
  RETURN_IF_ERROR(
      connection.execute("CREATE TABLE IF NOT EXISTS schema_versions (component TEXT PRIMARY KEY, number INTEGER NOT "
                         "NULL) WITHOUT ROWID"));

  ASSIGN_OR_RETURN(Versions applied, applied_versions(connection));
  // All components are compared before any is changed: a file that is refused stays as it was.
  RETURN_IF_ERROR(refuse_newer(applied, known_versions(migrations), path));
  for (const Migration& migration : migrations) {
    if (migration.number > applied[migration.component]) RETURN_IF_ERROR(apply(connection, migration));
  }
  return {};
}

}  // namespace mnema
