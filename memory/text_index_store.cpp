#include "memory/text_index_store.hpp"

namespace mnema::text_index_store {
namespace {

// Persisted as memory_tenants.text_format, which is empty without a table: the table is there, some words are not.
const std::string kIncomplete = "incomplete";

std::string table_of(TenantId tenant) { return "memory_text_" + std::to_string(tenant); }

Result<std::string> format_of(Transaction& transaction, TenantId tenant) {
  ASSIGN_OR_RETURN(Statement select,
                   transaction.prepare("SELECT text_format FROM memory_tenants WHERE tenant_id = ?1"));
  ASSIGN_OR_RETURN(const bool row, select.bind(1, tenant).step());
  if (!row) return fail(ErrorCode::kCorrupt, "no tenant " + std::to_string(tenant));
  return select.text(0);
}

}  // namespace

Status add(Transaction& transaction, TenantId tenant, EntryId entry, const std::string& words) {
  ASSIGN_OR_RETURN(const bool there, has_table(transaction, tenant));
  if (!there) return {};
  ASSIGN_OR_RETURN(Statement statement,
                   transaction.prepare("INSERT INTO " + table_of(tenant) + " (rowid, terms) VALUES (?1, ?2)"));
  return statement.bind(1, entry).bind(2, std::string_view(words)).run();
}

Status remove(Transaction& transaction, TenantId tenant, EntryId entry) {
  ASSIGN_OR_RETURN(const bool there, has_table(transaction, tenant));
  if (!there) return {};
  ASSIGN_OR_RETURN(Statement statement, transaction.prepare("DELETE FROM " + table_of(tenant) + " WHERE rowid = ?1"));
  return statement.bind(1, entry).run();
}

Result<std::vector<TextMatch>> search(Transaction& transaction, const EntryFilter& filter,
                                      const std::vector<std::string>& terms, int count_max) {
  std::vector<TextMatch> found;
  if (filter.visible().nothing() || terms.empty()) return found;
  const TenantId tenant = filter.visible().tenant;
  ASSIGN_OR_RETURN(const bool there, has_table(transaction, tenant));
  if (!there) return found;
  std::string query;
  for (const std::string& term : terms) query += (query.empty() ? "\"" : " OR \"") + term + "\"";
  const std::string table = table_of(tenant);
  ASSIGN_OR_RETURN(Statement select,
                   transaction.prepare("SELECT " + table + ".rowid, -bm25(" + table + ") AS score FROM " + table +
                                       " JOIN memory_entries e ON e.entry_id = " + table + ".rowid WHERE " + table +
                                       " MATCH ?16 AND " + EntryFilter::kCondition + " ORDER BY score DESC LIMIT ?17"));
  filter.bind(select);
  select.bind(16, std::string_view(query)).bind(17, count_max);
  for (;;) {
    ASSIGN_OR_RETURN(const bool row, select.step());
    if (!row) return found;
    found.push_back({select.integer(0), select.number(1)});
  }
}

Result<bool> has_table(Transaction& transaction, TenantId tenant) {
  ASSIGN_OR_RETURN(const std::string format, format_of(transaction, tenant));
  return !format.empty();
}

Result<bool> table_is_missing(Transaction& transaction) {
  ASSIGN_OR_RETURN(Statement select,
                   transaction.prepare("SELECT 1 FROM memory_tenants WHERE text_format = '' LIMIT 1"));
  return select.step();
}

Status make_table(Transaction& transaction, TenantId tenant, const std::string& format) {
  // "ascii" leaves every byte from 0x80 on alone, as the terms need it.
  RETURN_IF_ERROR(transaction.connection().execute("CREATE VIRTUAL TABLE " + table_of(tenant) +
                                                   " USING fts5(terms, tokenize = 'ascii')"));
  ASSIGN_OR_RETURN(Statement select,
                   transaction.prepare("SELECT 1 FROM memory_entries WHERE scope_id IN"
                                       " (SELECT scope_id FROM memory_scopes WHERE tenant_id = ?1) LIMIT 1"));
  ASSIGN_OR_RETURN(const bool has_entries, select.bind(1, tenant).step());
  return set_format(transaction, tenant, has_entries ? kIncomplete : format);
}

Result<std::optional<Outdated>> find_outdated(Transaction& transaction, const std::string& format) {
  ASSIGN_OR_RETURN(
      Statement select,
      transaction.prepare("SELECT tenant_id, text_format <> '', (SELECT coalesce(max(entry_id), 0) FROM memory_entries)"
                          " FROM memory_tenants WHERE text_format <> ?1 LIMIT 1"));
  ASSIGN_OR_RETURN(const bool row, select.bind(1, std::string_view(format)).step());
  if (!row) return std::optional<Outdated>();
  return std::optional<Outdated>(Outdated{select.integer(0), select.integer(1) != 0, select.integer(2)});
}

Result<std::vector<Searched>> searched_texts(Transaction& transaction, TenantId tenant, EntryId after, EntryId last,
                                             int count_max) {
  ASSIGN_OR_RETURN(
      Statement select,
      transaction.prepare("SELECT e.entry_id, c.heading_path, e.text FROM memory_entries e"
                          " LEFT JOIN memory_chunks c USING (entry_id) WHERE e.entry_id > ?2 AND e.entry_id <= ?3"
                          " AND +e.scope_id IN (SELECT scope_id FROM memory_scopes WHERE tenant_id = ?1)"
                          " ORDER BY e.entry_id LIMIT ?4"));
  select.bind(1, tenant).bind(2, after).bind(3, last).bind(4, count_max);
  std::vector<Searched> found;
  for (;;) {
    ASSIGN_OR_RETURN(const bool row, select.step());
    if (!row) return found;
    found.push_back({select.integer(0), (select.is_null(1) ? "" : select.text(1) + "\n") + select.text(2)});
  }
}

Status replace(Transaction& transaction, TenantId tenant, EntryId entry, const std::string& words) {
  RETURN_IF_ERROR(remove(transaction, tenant, entry));
  ASSIGN_OR_RETURN(Statement insert, transaction.prepare("INSERT INTO " + table_of(tenant) +
                                                         " (rowid, terms) SELECT entry_id, ?2 FROM"
                                                         " memory_entries WHERE entry_id = ?1"));
  return insert.bind(1, entry).bind(2, std::string_view(words)).run();
}

Status set_format(Transaction& transaction, TenantId tenant, const std::string& format) {
  ASSIGN_OR_RETURN(Statement update,
                   transaction.prepare("UPDATE memory_tenants SET text_format = ?2 WHERE tenant_id = ?1"));
  return update.bind(1, tenant).bind(2, std::string_view(format)).run();
}

Status check_integrity(Transaction& transaction) {
  ASSIGN_OR_RETURN(Statement tenants,
                   transaction.prepare("SELECT tenant_id FROM memory_tenants WHERE text_format NOT IN ('', ?1)"));
  tenants.bind(1, std::string_view(kIncomplete));
  for (;;) {
    ASSIGN_OR_RETURN(const bool row, tenants.step());
    if (!row) return {};
    const TenantId tenant = tenants.integer(0);
    const std::string table = table_of(tenant);
    ASSIGN_OR_RETURN(
        Statement differ,
        transaction.prepare("SELECT (SELECT count(*) FROM memory_entries JOIN memory_scopes USING (scope_id)"
                            " WHERE tenant_id = ?1 AND entry_id NOT IN (SELECT rowid FROM " +
                            table +
                            ")),"
                            " (SELECT count(*) FROM " +
                            table +
                            " WHERE rowid NOT IN"
                            " (SELECT entry_id FROM memory_entries))"));
    ASSIGN_OR_RETURN(const bool counted, differ.bind(1, tenant).step());
    if (!counted || differ.integer(0) != 0 || differ.integer(1) != 0) {
      return fail(ErrorCode::kCorrupt, std::to_string(differ.integer(0)) + " entries of tenant " +
                                           std::to_string(tenant) + " are without words, " +
                                           std::to_string(differ.integer(1)) + " words without an entry");
    }
  }
}

}  // namespace mnema::text_index_store
