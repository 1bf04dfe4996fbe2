#include "memory/vector_store.hpp"

#include <cstring>

#include "memory/id_list.hpp"

namespace mnema::vector_store {
namespace {

std::vector<float> floats_of(std::string_view blob) {
  std::vector<float> values(blob.size() / sizeof(float));
  if (!values.empty()) std::memcpy(values.data(), blob.data(), values.size() * sizeof(float));
  return values;
}

Status log_change(Transaction& transaction, TenantId tenant, std::int64_t embedder, ChangeKind kind, VectorLabel label,
                  std::int64_t tag) {
  ASSIGN_OR_RETURN(
      Statement insert,
      transaction.prepare("INSERT INTO memory_vector_changes"
                          " (tenant_id, embedder_id, operation, vector_id, tag) VALUES (?1, ?2, ?3, ?4, ?5)"));
  return insert.bind(1, tenant).bind(2, embedder).bind(3, static_cast<int>(kind)).bind(4, label).bind(5, tag).run();
}

// Of the turns before one, so much is put before its text: encoders read a few hundred tokens, and the text is to be
// among them.
constexpr int kContextTurns = 2;
constexpr int kContextCharacters = 300;  // of each
// Tokens of longer texts are not kept: what is that long is no turn of a talk, and would take as many kilobytes.
constexpr std::size_t kTextWithTokensMax = 2'000;

std::string spoken(const std::string& role, const std::string& text) {
  return role.empty() ? text : role + ": " + text;
}

/// Sets text and tokens_from.
Status add_context(Transaction& transaction, PendingEntry& entry) {
  ASSIGN_OR_RETURN(Statement select,
                   transaction.prepare("SELECT b.role, CASE WHEN b.entry_id = s.entry_id THEN be.text"
                                       " ELSE substr(be.text, 1, ?2) END FROM memory_episodes s"
                                       " JOIN memory_entries e ON e.entry_id = s.entry_id"
                                       " JOIN memory_episodes b ON b.thread_id = s.thread_id"
                                       " AND b.sequence BETWEEN s.sequence - ?3 AND s.sequence"
                                       " JOIN memory_entries be ON be.entry_id = b.entry_id"
                                       " WHERE s.entry_id = ?1 AND be.scope_id = e.scope_id ORDER BY b.sequence"));
  select.bind(1, entry.entry).bind(2, kContextCharacters).bind(3, kContextTurns);
  std::string& context = entry.text;
  std::size_t own = 0;
  for (;;) {
    ASSIGN_OR_RETURN(const bool row, select.step());
    if (!row) break;
    if (!context.empty()) context += "\n";
    own = context.size();
    context += spoken(select.text(0), select.text(1));
  }
  if (context.size() - own <= kTextWithTokensMax) entry.tokens_from = own;
  return {};
}

Result<std::string> meta(Transaction& transaction, std::string_view name) {
  ASSIGN_OR_RETURN(Statement select, transaction.prepare("SELECT value FROM memory_meta WHERE name = ?1"));
  ASSIGN_OR_RETURN(const bool row, select.bind(1, name).step());
  return row ? select.text(0) : std::string();
}

Status set_meta(Transaction& transaction, std::string_view name, std::string_view value) {
  ASSIGN_OR_RETURN(Statement note, transaction.prepare("INSERT INTO memory_meta (name, value) VALUES (?1, ?2)"
                                                       " ON CONFLICT (name) DO UPDATE SET value = excluded.value"));
  return note.bind(1, name).bind(2, value).run();
}

Result<std::vector<LabelledEntry>> labelled(Statement& select) {
  std::vector<LabelledEntry> found;
  for (;;) {
    ASSIGN_OR_RETURN(const bool row, select.step());
    if (!row) return found;
    found.push_back({select.integer(0), select.integer(1)});
  }
}

}  // namespace

Result<std::string> database_id(Transaction& transaction) {
  ASSIGN_OR_RETURN(Statement select, transaction.prepare("SELECT value FROM memory_meta WHERE name = 'database_id'"));
  ASSIGN_OR_RETURN(const bool row, select.step());
  if (!row) return fail(ErrorCode::kCorrupt, "the data file has no database_id");
  return select.text(0);
}

Result<std::optional<std::int64_t>> find_embedder(Transaction& transaction, const std::string& name, int dimensions) {
  ASSIGN_OR_RETURN(Statement select,
                   transaction.prepare("SELECT embedder_id, dimensions FROM memory_embedders WHERE name = ?1"));
  ASSIGN_OR_RETURN(const bool row, select.bind(1, std::string_view(name)).step());
  if (!row) return std::optional<std::int64_t>();
  if (select.integer(1) == dimensions) return std::optional<std::int64_t>(select.integer(0));
  return fail(ErrorCode::kFailedPrecondition,
              "the data file has vectors of " + std::to_string(select.integer(1)) + " dimensions by embedder '" + name +
                  "', which now gives " + std::to_string(dimensions),
              "give another embedder another id");
}

Result<std::int64_t> intern_embedder(Transaction& transaction, const std::string& name, int dimensions) {
  ASSIGN_OR_RETURN(const std::optional<std::int64_t> known, find_embedder(transaction, name, dimensions));
  if (known) return *known;
  ASSIGN_OR_RETURN(Statement insert,
                   transaction.prepare("INSERT INTO memory_embedders (name, dimensions) VALUES (?1, ?2)"));
  RETURN_IF_ERROR(insert.bind(1, std::string_view(name)).bind(2, dimensions).run());
  return transaction.last_insert_rowid();
}

Status enqueue(Transaction& transaction, EntryId entry) {
  ASSIGN_OR_RETURN(Statement insert, transaction.prepare("INSERT OR IGNORE INTO memory_pending_vectors"
                                                         " (entry_id, attempts) VALUES (?1, 0)"));
  return insert.bind(1, entry).run();
}

Result<std::string> present_embedder(Transaction& transaction) { return meta(transaction, "embedder"); }

Result<std::string> present_tokens(Transaction& transaction) { return meta(transaction, "tokens"); }

Result<std::optional<EntryId>> enqueue_without_vector(Transaction& transaction, std::int64_t embedder, bool tokens,
                                                      EntryId after, int count_max) {
  ASSIGN_OR_RETURN(Statement select,
                   transaction.prepare("SELECT max(entry_id) FROM (SELECT entry_id FROM memory_entries"
                                       " WHERE entry_id > ?1 ORDER BY entry_id LIMIT ?2)"));
  ASSIGN_OR_RETURN(const bool row, select.bind(1, after).bind(2, count_max).step());
  if (!row || select.is_null(0)) return std::optional<EntryId>();
  const EntryId last = select.integer(0);
  ASSIGN_OR_RETURN(
      Statement insert,
      transaction.prepare("INSERT OR IGNORE INTO memory_pending_vectors (entry_id, attempts)"
                          " SELECT entry_id, 0 FROM memory_entries e WHERE entry_id > ?1 AND entry_id <= ?2"
                          " AND NOT EXISTS (SELECT 1 FROM memory_vectors v"
                          " WHERE v.entry_id = e.entry_id AND v.embedder_id = ?3"
                          " AND (?4 = 0 OR e.kind <> ?5 OR length(CAST(e.text AS BLOB)) > ?6"
                          " OR v.tokens IS NOT NULL))"));
  insert.bind(1, after).bind(2, last).bind(3, embedder).bind(4, tokens ? 1 : 0);
  insert.bind(5, static_cast<int>(EntryKind::kEpisode)).bind(6, static_cast<std::int64_t>(kTextWithTokensMax));
  RETURN_IF_ERROR(insert.run());
  ASSIGN_OR_RETURN(Statement again, transaction.prepare("UPDATE memory_pending_vectors SET attempts = 0"
                                                        " WHERE entry_id > ?1 AND entry_id <= ?2 AND attempts > 0"));
  RETURN_IF_ERROR(again.bind(1, after).bind(2, last).run());
  return std::optional<EntryId>(last);
}

Status set_present_embedder(Transaction& transaction, const std::string& name) {
  return set_meta(transaction, "embedder", name);
}

Status set_present_tokens(Transaction& transaction, const std::string& name) {
  return set_meta(transaction, "tokens", name);
}

Result<std::vector<PendingEntry>> pending(Transaction& transaction, int attempts_below, int count_max) {
  ASSIGN_OR_RETURN(
      Statement select,
      transaction.prepare("SELECT p.entry_id, e.text, c.heading_path, s.role, p.attempts FROM memory_pending_vectors p"
                          " CROSS JOIN memory_entries e USING (entry_id) LEFT JOIN memory_chunks c USING (entry_id)"
                          " LEFT JOIN memory_episodes s USING (entry_id)"
                          // Backwards over the index: in a mixed order all that wait would be sorted for each batch.
                          " WHERE p.attempts = (SELECT min(attempts) FROM memory_pending_vectors)"
                          " AND p.attempts < ?1 ORDER BY p.entry_id DESC LIMIT ?2"));
  select.bind(1, attempts_below).bind(2, count_max);
  std::vector<PendingEntry> entries;
  for (;;) {
    ASSIGN_OR_RETURN(const bool row, select.step());
    if (!row) return entries;
    PendingEntry entry{select.integer(0), "", static_cast<int>(select.integer(4)), {}};
    if (!select.is_null(3)) {
      RETURN_IF_ERROR(add_context(transaction, entry));
    } else {
      entry.text = (select.is_null(2) || select.text_view(2).empty() ? "" : select.text(2) + "\n") + select.text(1);
    }
    entries.push_back(std::move(entry));
  }
}

Status count_refusal(Transaction& transaction, EntryId entry) {
  ASSIGN_OR_RETURN(
      Statement update,
      transaction.prepare("UPDATE memory_pending_vectors SET attempts = attempts + 1 WHERE entry_id = ?1"));
  return update.bind(1, entry).run();
}

Result<PendingCounts> pending_counts(Transaction& transaction, int attempts_max) {
  ASSIGN_OR_RETURN(Statement select,
                   transaction.prepare("SELECT (SELECT count(*) FROM memory_pending_vectors WHERE attempts < ?1),"
                                       " (SELECT count(*) FROM memory_pending_vectors WHERE attempts >= ?1)"));
  ASSIGN_OR_RETURN(const bool row, select.bind(1, attempts_max).step());
  return row ? PendingCounts{select.integer(0), select.integer(1)} : PendingCounts{};
}

Result<std::int64_t> vector_count(Transaction& transaction, std::int64_t embedder) {
  ASSIGN_OR_RETURN(Statement select, transaction.prepare("SELECT count(*) FROM memory_vectors WHERE embedder_id = ?1"));
  ASSIGN_OR_RETURN(const bool row, select.bind(1, embedder).step());
  return row ? select.integer(0) : 0;
}

Result<std::optional<VectorRow>> add(Transaction& transaction, EntryId entry, std::int64_t embedder,
                                     std::vector<float> vector, const std::optional<std::string>& tokens,
                                     std::int64_t tag) {
  ASSIGN_OR_RETURN(Statement done, transaction.prepare("DELETE FROM memory_pending_vectors WHERE entry_id = ?1"));
  RETURN_IF_ERROR(done.bind(1, entry).run());
  ASSIGN_OR_RETURN(
      Statement select,
      transaction.prepare("SELECT tenant_id, scope_id FROM memory_entries JOIN memory_scopes"
                          " USING (scope_id) WHERE entry_id = ?1 AND entry_id NOT IN"
                          " (SELECT entry_id FROM memory_vectors WHERE entry_id = ?1 AND embedder_id = ?2)"));
  ASSIGN_OR_RETURN(const bool row, select.bind(1, entry).bind(2, embedder).step());
  if (!row) {
    if (!tokens) return std::optional<VectorRow>();
    ASSIGN_OR_RETURN(Statement update, transaction.prepare("UPDATE memory_vectors SET tokens = ?3"
                                                           " WHERE entry_id = ?1 AND embedder_id = ?2"));
    RETURN_IF_ERROR(update.bind(1, entry).bind(2, embedder).bind_blob(3, *tokens).run());
    return std::optional<VectorRow>();
  }
  VectorRow added{0, entry, select.integer(0), select.integer(1), std::move(vector)};
  ASSIGN_OR_RETURN(Statement insert, transaction.prepare("INSERT INTO memory_vectors"
                                                         " (entry_id, facet, embedder_id, tenant_id, scope_id, vector,"
                                                         " tokens) VALUES (?1, 0, ?2, ?3, ?4, ?5, ?6)"));
  insert.bind(1, entry).bind(2, embedder).bind(3, added.tenant).bind(4, added.scope);
  insert.bind_blob(5, {reinterpret_cast<const char*>(added.vector.data()), added.vector.size() * sizeof(float)});
  if (tokens) insert.bind_blob(6, *tokens);
  RETURN_IF_ERROR(insert.run());
  added.label = transaction.last_insert_rowid();
  RETURN_IF_ERROR(log_change(transaction, added.tenant, embedder, ChangeKind::kAdd, added.label, tag));
  return std::optional<VectorRow>(std::move(added));
}

Result<std::vector<VectorLabel>> remove(Transaction& transaction, TenantId tenant, EntryId entry, std::int64_t tag) {
  ASSIGN_OR_RETURN(Statement done, transaction.prepare("DELETE FROM memory_pending_vectors WHERE entry_id = ?1"));
  RETURN_IF_ERROR(done.bind(1, entry).run());
  std::vector<VectorLabel> removed;
  {
    ASSIGN_OR_RETURN(Statement select, transaction.prepare("SELECT vector_id, embedder_id FROM memory_vectors"
                                                           " WHERE entry_id = ?1"));
    select.bind(1, entry);
    for (;;) {
      ASSIGN_OR_RETURN(const bool row, select.step());
      if (!row) break;
      removed.push_back(select.integer(0));
      RETURN_IF_ERROR(log_change(transaction, tenant, select.integer(1), ChangeKind::kRemove, select.integer(0), tag));
    }
  }
  ASSIGN_OR_RETURN(Statement erase, transaction.prepare("DELETE FROM memory_vectors WHERE entry_id = ?1"));
  RETURN_IF_ERROR(erase.bind(1, entry).run());
  return removed;
}

Status each_vector(Transaction& transaction, TenantId tenant, std::int64_t embedder,
                   const std::function<void(const VectorRow&)>& each) {
  ASSIGN_OR_RETURN(Statement select,
                   transaction.prepare("SELECT vector_id, entry_id, scope_id, vector FROM memory_vectors"
                                       " WHERE embedder_id = ?1 AND tenant_id = ?2"));
  select.bind(1, embedder).bind(2, tenant);
  for (;;) {
    ASSIGN_OR_RETURN(const bool row, select.step());
    if (!row) return {};
    each({select.integer(0), select.integer(1), tenant, select.integer(2), floats_of(select.blob_view(3))});
  }
}

Result<std::optional<VectorRow>> find(Transaction& transaction, VectorLabel label) {
  ASSIGN_OR_RETURN(Statement select, transaction.prepare("SELECT entry_id, tenant_id, scope_id, vector"
                                                         " FROM memory_vectors WHERE vector_id = ?1"));
  ASSIGN_OR_RETURN(const bool row, select.bind(1, label).step());
  if (!row) return std::optional<VectorRow>();
  return std::optional<VectorRow>(
      VectorRow{label, select.integer(0), select.integer(1), select.integer(2), floats_of(select.blob_view(3))});
}

Result<std::vector<LabelledEntry>> entries_of(Transaction& transaction, const std::vector<VectorLabel>& labels,
                                              const EntryFilter& filter) {
  ASSIGN_OR_RETURN(Statement select,
                   transaction.prepare("SELECT v.vector_id, v.entry_id FROM json_each(?16) ids"
                                       " CROSS JOIN memory_vectors v ON v.vector_id = ids.value"
                                       " CROSS JOIN memory_entries e ON e.entry_id = v.entry_id WHERE " +
                                       EntryFilter::kCondition));
  filter.bind(select);
  const std::string list = id_list(labels);
  select.bind(16, std::string_view(list));
  return labelled(select);
}

Result<std::vector<LabelledEntry>> labels_of(Transaction& transaction, const std::vector<EntryId>& entries,
                                             const std::string& embedder) {
  ASSIGN_OR_RETURN(Statement select,
                   transaction.prepare("SELECT v.vector_id, v.entry_id FROM json_each(?1) ids"
                                       " CROSS JOIN memory_vectors v ON v.entry_id = ids.value AND v.embedder_id ="
                                       " (SELECT embedder_id FROM memory_embedders WHERE name = ?2)"));
  const std::string list = id_list(entries);
  select.bind(1, std::string_view(list)).bind(2, std::string_view(embedder));
  return labelled(select);
}

Status each_tokens(Transaction& transaction, const std::vector<EntryId>& entries, const std::string& embedder,
                   const std::function<void(EntryId entry, std::string_view record)>& each) {
  ASSIGN_OR_RETURN(Statement select,
                   transaction.prepare("SELECT v.entry_id, v.tokens FROM json_each(?1) ids"
                                       " CROSS JOIN memory_vectors v ON v.entry_id = ids.value AND v.embedder_id ="
                                       " (SELECT embedder_id FROM memory_embedders WHERE name = ?2)"
                                       " WHERE v.tokens IS NOT NULL"));
  const std::string list = id_list(entries);
  select.bind(1, std::string_view(list)).bind(2, std::string_view(embedder));
  for (;;) {
    ASSIGN_OR_RETURN(const bool row, select.step());
    if (!row) return {};
    each(select.integer(0), select.blob_view(1));
  }
}

Result<std::vector<VectorLabel>> labels(Transaction& transaction, TenantId tenant, std::int64_t embedder) {
  ASSIGN_OR_RETURN(Statement select,
                   transaction.prepare("SELECT vector_id FROM memory_vectors"
                                       " WHERE embedder_id = ?1 AND tenant_id = ?2 ORDER BY vector_id"));
  select.bind(1, embedder).bind(2, tenant);
  return select.integers();
}

Result<std::vector<TenantId>> tenants(Transaction& transaction) {
  ASSIGN_OR_RETURN(Statement select, transaction.prepare("SELECT tenant_id FROM memory_tenants ORDER BY tenant_id"));
  return select.integers();
}

Result<Change> last_change(Transaction& transaction, TenantId tenant, std::int64_t embedder, std::int64_t at_most) {
  ASSIGN_OR_RETURN(Statement select,
                   transaction.prepare("SELECT change_id, tag FROM memory_vector_changes"
                                       " WHERE tenant_id = ?1 AND change_id <= ?2 AND embedder_id = ?3"
                                       " ORDER BY change_id DESC LIMIT 1"));
  ASSIGN_OR_RETURN(const bool row, select.bind(1, tenant).bind(2, at_most).bind(3, embedder).step());
  if (!row) return Change{};
  return Change{select.integer(0), select.integer(1)};
}

Result<int> trim_changes(Transaction& transaction, TenantId tenant, std::int64_t embedder, std::int64_t snapshot_change,
                         int count_max) {
  // The last change of an embedder stays: without it, its vectors would look like a history that never began.
  ASSIGN_OR_RETURN(
      Statement erase,
      transaction.prepare("DELETE FROM memory_vector_changes WHERE change_id IN (SELECT c.change_id"
                          " FROM memory_embedders e CROSS JOIN memory_vector_changes c"
                          " WHERE c.tenant_id = ?1 AND c.embedder_id = e.embedder_id AND c.change_id <"
                          " CASE e.embedder_id WHEN ?2 THEN ?3 ELSE (SELECT max(change_id) FROM memory_vector_changes"
                          " WHERE tenant_id = ?1 AND embedder_id = e.embedder_id) END"
                          " ORDER BY e.embedder_id, c.change_id LIMIT ?4)"));
  RETURN_IF_ERROR(erase.bind(1, tenant).bind(2, embedder).bind(3, snapshot_change).bind(4, count_max).run());
  return static_cast<int>(transaction.changes());
}

Status check_integrity(Transaction& transaction, const std::string& embedder) {
  ASSIGN_OR_RETURN(Statement select,
                   transaction.prepare("SELECT count(*) FROM memory_entries WHERE entry_id NOT IN"
                                       " (SELECT entry_id FROM memory_pending_vectors) AND entry_id NOT IN"
                                       " (SELECT entry_id FROM memory_vectors JOIN memory_embedders USING (embedder_id)"
                                       " WHERE name = ?1)"));
  ASSIGN_OR_RETURN(const bool row, select.bind(1, std::string_view(embedder)).step());
  if (row && select.integer(0) == 0) return {};
  return fail(ErrorCode::kCorrupt, std::to_string(select.integer(0)) + " entries have no vector and wait for none");
}

}  // namespace mnema::vector_store
