#include "memory/text_index_store.hpp"

#include <algorithm>
#include <unordered_map>

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

// How many visible entries are counted: beyond it, the number changes no weight of a word that matters.
constexpr int kEntriesCountedMax = 20'000;
// Up to so many visible entries all terms are searched for at once.
constexpr std::int64_t kFewEntries = 4'000;

/// No term of a text begins like this (memory/text_terms.hpp): the sign separates words.
std::string owner_term(ScopeId scope) { return "§" + std::to_string(scope); }

std::string words_of(const ScopeKey& where, const std::string& words) { return owner_term(where.scope) + " " + words; }

std::string any_of(const std::vector<std::string>& terms) {
  std::string query;
  for (const std::string& term : terms) query += (query.empty() ? "(\"" : " OR \"") + term + "\"";
  return query + ")";
}

std::string owners_of(const EntryFilter& filter) {
  std::vector<std::string> owners;
  for (const ScopeId scope : filter.visible().scopes) owners.push_back(owner_term(scope));
  return any_of(owners);
}

Result<std::int64_t> count_matches(Transaction& transaction, const std::string& table, const std::string& query) {
  ASSIGN_OR_RETURN(Statement select, transaction.prepare("SELECT count(*) FROM (SELECT 1 FROM " + table + " WHERE " +
                                                         table + " MATCH ?1 LIMIT ?2)"));
  ASSIGN_OR_RETURN(const bool row, select.bind(1, std::string_view(query)).bind(2, kEntriesCountedMax).step());
  return row ? select.integer(0) : 0;
}

/// Of the terms those to search for, so that about `count_max` entries are found.
Result<std::vector<std::string>> rare_enough(Transaction& transaction, const std::string& table,
                                             const std::string& owners, const std::vector<std::string>& terms,
                                             std::int64_t count_max) {
  std::vector<std::pair<std::int64_t, std::string>> counted;
  for (const std::string& term : terms) {
    ASSIGN_OR_RETURN(const std::int64_t count, count_matches(transaction, table, owners + " AND \"" + term + "\""));
    if (count > 0) counted.emplace_back(count, term);
  }
  std::sort(counted.begin(), counted.end());
  std::vector<std::string> chosen;
  std::int64_t found = 0;
  for (auto& [count, term] : counted) {
    found += count;
    if (!chosen.empty() && found > count_max) break;
    chosen.push_back(std::move(term));
  }
  return chosen;
}

/// `joined`: the owner's term and the entry's, separated by blanks.
TextMatch counted(EntryId entry, std::string_view joined,
                  const std::unordered_map<std::string_view, std::size_t>& places) {
  TextMatch match;
  match.entry = entry;
  match.counts.assign(places.size(), 0);
  std::size_t begin = std::min(joined.find(' '), joined.size());
  while (begin < joined.size()) {
    const std::size_t end = std::min(joined.find(' ', begin + 1), joined.size());
    if (end > begin + 1) {
      ++match.length;
      const auto place = places.find(joined.substr(begin + 1, end - begin - 1));
      if (place != places.end()) ++match.counts[place->second];
    }
    begin = end;
  }
  return match;
}

}  // namespace

Status add(Transaction& transaction, const ScopeKey& where, EntryId entry, const std::string& words) {
  ASSIGN_OR_RETURN(const bool there, has_table(transaction, where.tenant));
  if (!there) return {};
  ASSIGN_OR_RETURN(Statement statement,
                   transaction.prepare("INSERT INTO " + table_of(where.tenant) + " (rowid, terms) VALUES (?1, ?2)"));
  return statement.bind(1, entry).bind(2, std::string_view(words_of(where, words))).run();
}

Status remove(Transaction& transaction, TenantId tenant, EntryId entry) {
  ASSIGN_OR_RETURN(const bool there, has_table(transaction, tenant));
  if (!there) return {};
  ASSIGN_OR_RETURN(Statement statement, transaction.prepare("DELETE FROM " + table_of(tenant) + " WHERE rowid = ?1"));
  return statement.bind(1, entry).run();
}

Result<TextMatches> search(Transaction& transaction, const EntryFilter& filter, const std::vector<std::string>& terms,
                           int count_max) {
  TextMatches matches;
  matches.terms = terms;
  if (filter.visible().nothing()) return matches;
  const TenantId tenant = filter.visible().tenant;
  ASSIGN_OR_RETURN(const bool there, has_table(transaction, tenant));
  if (!there) return matches;
  const std::string table = table_of(tenant);
  const std::string owners = owners_of(filter);
  ASSIGN_OR_RETURN(matches.entries, count_matches(transaction, table, owners));
  std::vector<std::string> searched = terms;
  if (matches.entries > kFewEntries) {
    ASSIGN_OR_RETURN(searched, rare_enough(transaction, table, owners, terms, count_max));
  }
  if (searched.empty()) return matches;
  std::unordered_map<std::string_view, std::size_t> places;
  for (std::size_t i = 0; i < matches.terms.size(); ++i) places.emplace(matches.terms[i], i);
  // What narrows nothing is not joined: the owners' terms have done it, and whoever loads an entry asks the row again.
  const std::string from = " FROM " + table;
  const std::string where = " WHERE " + table + " MATCH ?16";
  ASSIGN_OR_RETURN(Statement select,
                   transaction.prepare("SELECT " + table + ".rowid, terms" + from +
                                       (filter.narrows() ? " JOIN memory_entries e ON e.entry_id = " + table +
                                                               ".rowid" + where + " AND " + EntryFilter::kCondition
                                                         : where)));
  if (filter.narrows()) filter.bind(select);
  select.bind(16, std::string_view(owners + " AND " + any_of(searched)));
  for (;;) {
    ASSIGN_OR_RETURN(const bool row, select.step());
    if (!row) return matches;
    matches.found.push_back(counted(select.integer(0), select.text_view(1), places));
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
      transaction.prepare("SELECT e.entry_id, c.heading_path, e.text, e.scope_id FROM memory_entries e"
                          " LEFT JOIN memory_chunks c USING (entry_id) WHERE e.entry_id > ?2 AND e.entry_id <= ?3"
                          " AND +e.scope_id IN (SELECT scope_id FROM memory_scopes WHERE tenant_id = ?1)"
                          " ORDER BY e.entry_id LIMIT ?4"));
  select.bind(1, tenant).bind(2, after).bind(3, last).bind(4, count_max);
  std::vector<Searched> found;
  for (;;) {
    ASSIGN_OR_RETURN(const bool row, select.step());
    if (!row) return found;
    found.push_back(
        {select.integer(0), select.integer(3), (select.is_null(1) ? "" : select.text(1) + "\n") + select.text(2)});
  }
}

Status replace(Transaction& transaction, const ScopeKey& where, EntryId entry, const std::string& words) {
  RETURN_IF_ERROR(remove(transaction, where.tenant, entry));
  ASSIGN_OR_RETURN(Statement insert, transaction.prepare("INSERT INTO " + table_of(where.tenant) +
                                                         " (rowid, terms) SELECT entry_id, ?2 FROM"
                                                         " memory_entries WHERE entry_id = ?1"));
  return insert.bind(1, entry).bind(2, std::string_view(words_of(where, words))).run();
}

Status set_format(Transaction& transaction, TenantId tenant, const std::string& format) {
  ASSIGN_OR_RETURN(Statement update,
                   transaction.prepare("UPDATE memory_tenants SET text_format = ?2 WHERE tenant_id = ?1"));
  return update.bind(1, tenant).bind(2, std::string_view(format)).run();
}

// https://sqlite.org/fts5.html#the_merge_command: a negative number of pages begins to merge all segments into one,
// positive ones go on with it, and less than two changes say that there is nothing to do.
Result<bool> merge_removed(Transaction& transaction, TenantId tenant, bool begin, int pages) {
  ASSIGN_OR_RETURN(const bool there, has_table(transaction, tenant));
  if (!there) return true;
  const std::string table = table_of(tenant);
  const std::int64_t before = sqlite3_total_changes64(transaction.connection().handle());
  ASSIGN_OR_RETURN(Statement merge,
                   transaction.prepare("INSERT INTO " + table + " (" + table + ", rank) VALUES ('merge', ?1)"));
  RETURN_IF_ERROR(merge.bind(1, begin ? -pages : pages).run());
  return !begin && sqlite3_total_changes64(transaction.connection().handle()) - before < 2;
}

Result<Words> count_wrong(Transaction& transaction, TenantId tenant) {
  Words words;
  ASSIGN_OR_RETURN(const std::string format, format_of(transaction, tenant));
  if (format.empty()) return words;
  words.complete = format != kIncomplete;
  const std::string table = table_of(tenant);
  ASSIGN_OR_RETURN(Statement differ,
                   transaction.prepare("SELECT (SELECT count(*) FROM memory_entries JOIN memory_scopes USING (scope_id)"
                                       " WHERE tenant_id = ?1 AND entry_id NOT IN (SELECT rowid FROM " +
                                       table + ")), (SELECT count(*) FROM " + table +
                                       " WHERE rowid NOT IN (SELECT entry_id FROM memory_entries))"));
  ASSIGN_OR_RETURN(const bool counted, differ.bind(1, tenant).step());
  CHECK(counted, "an expression has a value");
  words.entries_without = differ.integer(0);
  words.without_entry = differ.integer(1);
  return words;
}

Status outdate(Transaction& transaction, TenantId tenant) {
  const std::string table = table_of(tenant);
  ASSIGN_OR_RETURN(Statement remove, transaction.prepare("DELETE FROM " + table +
                                                         " WHERE rowid NOT IN"
                                                         " (SELECT entry_id FROM memory_entries)"));
  RETURN_IF_ERROR(remove.run());
  return set_format(transaction, tenant, kIncomplete);
}

Status check_integrity(Transaction& transaction) {
  ASSIGN_OR_RETURN(Statement select,
                   transaction.prepare("SELECT tenant_id FROM memory_tenants WHERE text_format NOT IN ('', ?1)"));
  ASSIGN_OR_RETURN(const std::vector<std::int64_t> tenants, select.bind(1, std::string_view(kIncomplete)).integers());
  for (const TenantId tenant : tenants) {
    ASSIGN_OR_RETURN(const Words words, count_wrong(transaction, tenant));
    if (words.entries_without == 0 && words.without_entry == 0) continue;
    return fail(ErrorCode::kCorrupt, std::to_string(words.entries_without) + " entries of tenant " +
                                         std::to_string(tenant) + " are without words, " +
                                         std::to_string(words.without_entry) + " words without an entry");
  }
  return {};
}

}  // namespace mnema::text_index_store
