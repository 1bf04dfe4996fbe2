#include "memory/text_index_store.hpp"

namespace mnema::text_index_store {
namespace {

std::string table_of(TenantId tenant) { return "memory_text_" + std::to_string(tenant); }

Result<std::string> format_of(Transaction& transaction, TenantId tenant) {
  ASSIGN_OR_RETURN(Statement select,
                   transaction.prepare("SELECT text_format FROM memory_tenants WHERE tenant_id = ?1"));
  ASSIGN_OR_RETURN(const bool row, select.bind(1, tenant).step());
  if (!row) return fail(ErrorCode::kCorrupt, "no tenant " + std::to_string(tenant));
  return select.text(0);
}

Status make_table(Transaction& transaction, TenantId tenant, const std::string& format) {
  // "ascii" leaves every byte from 0x80 on alone, as the terms need it.
  RETURN_IF_ERROR(transaction.connection().execute("CREATE VIRTUAL TABLE IF NOT EXISTS " + table_of(tenant) +
                                                   " USING fts5(terms, tokenize = 'ascii')"));
  ASSIGN_OR_RETURN(Statement update,
                   transaction.prepare("UPDATE memory_tenants SET text_format = ?2 WHERE tenant_id = ?1"));
  return update.bind(1, tenant).bind(2, std::string_view(format)).run();
}

Status insert(Transaction& transaction, TenantId tenant, EntryId entry, const std::string& joined) {
  ASSIGN_OR_RETURN(Statement statement,
                   transaction.prepare("INSERT INTO " + table_of(tenant) + " (rowid, terms) VALUES (?1, ?2)"));
  return statement.bind(1, entry).bind(2, std::string_view(joined)).run();
}

}  // namespace

Status add(Transaction& transaction, TenantId tenant, EntryId entry, const std::string& text, const TermMaker& terms) {
  ASSIGN_OR_RETURN(const std::string format, format_of(transaction, tenant));
  if (format.empty()) RETURN_IF_ERROR(make_table(transaction, tenant, terms.format()));
  return insert(transaction, tenant, entry, terms.joined(text));
}

Status remove(Transaction& transaction, TenantId tenant, EntryId entry) {
  ASSIGN_OR_RETURN(Statement statement, transaction.prepare("DELETE FROM " + table_of(tenant) + " WHERE rowid = ?1"));
  return statement.bind(1, entry).run();
}

Result<std::vector<TextMatch>> search(Transaction& transaction, const EntryFilter& filter,
                                      const std::vector<std::string>& terms, int count_max) {
  std::vector<TextMatch> found;
  if (filter.visible().nothing() || terms.empty()) return found;
  const TenantId tenant = filter.visible().tenant;
  ASSIGN_OR_RETURN(const std::string format, format_of(transaction, tenant));
  if (format.empty()) return found;
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

Result<std::vector<TenantId>> outdated(Transaction& transaction, const std::string& format) {
  ASSIGN_OR_RETURN(Statement select,
                   transaction.prepare("SELECT tenant_id FROM memory_tenants WHERE text_format NOT IN ('', ?1)"));
  select.bind(1, std::string_view(format));
  std::vector<TenantId> tenants;
  for (;;) {
    ASSIGN_OR_RETURN(const bool row, select.step());
    if (!row) return tenants;
    tenants.push_back(select.integer(0));
  }
}

Status rebuild(Transaction& transaction, TenantId tenant, const TermMaker& terms) {
  RETURN_IF_ERROR(make_table(transaction, tenant, terms.format()));
  ASSIGN_OR_RETURN(Statement clear, transaction.prepare("DELETE FROM " + table_of(tenant)));
  RETURN_IF_ERROR(clear.run());
  ASSIGN_OR_RETURN(Statement select,
                   transaction.prepare("SELECT entry_id, heading_path, text FROM memory_entries"
                                       " JOIN memory_scopes USING (scope_id) LEFT JOIN memory_chunks USING (entry_id)"
                                       " WHERE tenant_id = ?1"));
  select.bind(1, tenant);
  for (;;) {
    ASSIGN_OR_RETURN(const bool row, select.step());
    if (!row) return {};
    const std::string heading = select.is_null(1) ? "" : select.text(1) + "\n";
    RETURN_IF_ERROR(insert(transaction, tenant, select.integer(0), terms.joined(heading + select.text(2))));
  }
}

Status check_integrity(Transaction& transaction) {
  ASSIGN_OR_RETURN(Statement tenants,
                   transaction.prepare("SELECT tenant_id FROM memory_tenants WHERE text_format <> ''"));
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
