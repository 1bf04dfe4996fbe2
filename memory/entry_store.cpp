#include "memory/entry_store.hpp"

#include <map>

#include "memory/id_list.hpp"
#include "memory/text_index_store.hpp"
#include "memory/vector_store.hpp"

namespace mnema::entry_store {

Result<EntryId> add(Transaction& transaction, const NewEntry& entry) {
  ASSIGN_OR_RETURN(Statement insert,
                   transaction.prepare("INSERT INTO memory_entries (scope_id, kind, document_id, time_us, trust, text,"
                                       " entry_id) VALUES (?1, ?2, ?3, ?4, ?5, ?6, nullif(?7, 0))"));
  insert.bind(1, entry.where.scope).bind(2, static_cast<int>(entry.kind)).bind(3, entry.document);
  insert.bind(4, static_cast<std::int64_t>(to_micros(entry.time))).bind(5, static_cast<int>(entry.trust));
  RETURN_IF_ERROR(insert.bind(6, std::string_view(entry.text)).bind(7, entry.id).run());
  const EntryId id = transaction.last_insert_rowid();
  RETURN_IF_ERROR(text_index_store::add(transaction, entry.where, id, entry.words));
  RETURN_IF_ERROR(vector_store::enqueue(transaction, id));
  return id;
}

Result<std::vector<VectorLabel>> remove(Transaction& transaction, TenantId tenant, EntryId entry, std::int64_t tag) {
  RETURN_IF_ERROR(text_index_store::remove(transaction, tenant, entry));
  ASSIGN_OR_RETURN(std::vector<VectorLabel> labels, vector_store::remove(transaction, tenant, entry, tag));
  ASSIGN_OR_RETURN(Statement erase, transaction.prepare("DELETE FROM memory_entries WHERE entry_id = ?1"));
  RETURN_IF_ERROR(erase.bind(1, entry).run());
  return labels;
}

Result<std::vector<LoadedEntry>> load(Transaction& transaction, const std::vector<EntryId>& entries,
                                      const EntryFilter& filter) {
  ASSIGN_OR_RETURN(
      Statement select,
      transaction.prepare(
          "SELECT e.scope_id, e.kind, e.time_us, e.trust, e.text,"                // 0-4
          " d.document_id, d.uri, d.title,"                                       // 5-7
          " c.heading_path, c.byte_begin, c.byte_end, c.line_begin, c.line_end,"  // 8-12
          " s.kind, t.name, s.sequence, s.role, d.stale, e.entry_id"              // 13-18
          " FROM json_each(?16) ids CROSS JOIN memory_entries e ON e.entry_id = ids.value"
          " LEFT JOIN memory_documents d ON d.document_id = e.document_id"
          " LEFT JOIN memory_chunks c ON c.entry_id = e.entry_id LEFT JOIN memory_episodes s ON s.entry_id = e.entry_id"
          " LEFT JOIN memory_threads t ON t.thread_id = s.thread_id WHERE " +
          EntryFilter::kCondition));
  filter.bind(select);
  const std::string list = id_list(entries);
  select.bind(16, std::string_view(list));
  std::map<ScopeId, Scope> scopes;
  std::vector<LoadedEntry> all;
  for (;;) {
    ASSIGN_OR_RETURN(const bool row, select.step());
    if (!row) return all;
    LoadedEntry loaded;
    loaded.id = select.integer(18);
    loaded.scope = select.integer(0);
    loaded.text = select.text(4);
    Provenance& source = loaded.source;
    source.kind = static_cast<EntryKind>(select.integer(1));
    source.time = from_micros(select.integer(2));
    source.trust = static_cast<Trust>(select.integer(3));
    if (source.kind == EntryKind::kChunk) {
      source.document = select.integer(5);
      source.uri = select.text(6);
      source.title = select.text(7);
      source.heading_path = select.text(8);
      source.range = {select.integer(9), select.integer(10), static_cast<int>(select.integer(11)),
                      static_cast<int>(select.integer(12))};
      source.stale = select.text(17);
    } else {
      source.episode_kind = static_cast<EpisodeKind>(select.integer(13));
      source.thread = select.text(14);
      source.sequence = select.integer(15);
      source.role = select.text(16);
    }
    auto scope = scopes.find(loaded.scope);
    if (scope == scopes.end()) {
      ASSIGN_OR_RETURN(Scope named, scope_store::scope_of(transaction, loaded.scope));
      scope = scopes.emplace(loaded.scope, std::move(named)).first;
    }
    source.scope = scope->second;
    all.push_back(std::move(loaded));
  }
}

Result<std::vector<EntryId>> newest(Transaction& transaction, const EntryFilter& filter, int count_max) {
  if (filter.visible().nothing()) return std::vector<EntryId>();
  ASSIGN_OR_RETURN(Statement select,
                   transaction.prepare("SELECT e.entry_id FROM memory_entries e WHERE " + EntryFilter::kCondition +
                                       " ORDER BY e.time_us DESC LIMIT ?16"));
  filter.bind(select);
  return select.bind(16, count_max).integers();
}

}  // namespace mnema::entry_store
