#include "memory/sources_store.hpp"

#include "memory/entry_store.hpp"

namespace mnema::sources_store {
namespace {

struct ActiveDocument {
  DocumentId id = 0;
  std::string content_hash;
  std::string cut;
  std::string collection;
  std::string title;
  MediaType media_type{};
  Trust trust{};
};

Result<std::optional<ActiveDocument>> find_active(Transaction& transaction, ScopeId scope, const std::string& uri) {
  ASSIGN_OR_RETURN(Statement select,
                   transaction.prepare("SELECT document_id, content_hash, cut, collection, title, media_type, trust"
                                       " FROM memory_documents WHERE scope_id = ?1 AND uri = ?2 AND state = 1"));
  ASSIGN_OR_RETURN(const bool row, select.bind(1, scope).bind(2, std::string_view(uri)).step());
  if (!row) return std::optional<ActiveDocument>();
  return std::optional<ActiveDocument>(ActiveDocument{select.integer(0), select.text(1), select.text(2), select.text(3),
                                                      select.text(4), static_cast<MediaType>(select.integer(5)),
                                                      static_cast<Trust>(select.integer(6))});
}

/// Takes the document out of sight with all its chunks.
Status supersede(Transaction& transaction, DocumentId document, std::int64_t tag, Change& change) {
  std::vector<EntryId> entries;
  {
    ASSIGN_OR_RETURN(Statement select,
                     transaction.prepare("SELECT entry_id FROM memory_chunks WHERE document_id = ?1"));
    select.bind(1, document);
    for (;;) {
      ASSIGN_OR_RETURN(const bool row, select.step());
      if (!row) break;
      entries.push_back(select.integer(0));
    }
  }
  for (const EntryId entry : entries) {
    ASSIGN_OR_RETURN(const std::vector<VectorLabel> gone, entry_store::remove(transaction, change.tenant, entry, tag));
    change.removed.insert(change.removed.end(), gone.begin(), gone.end());
  }
  ASSIGN_OR_RETURN(Statement erase, transaction.prepare("DELETE FROM memory_chunks WHERE document_id = ?1"));
  RETURN_IF_ERROR(erase.bind(1, document).run());
  ASSIGN_OR_RETURN(Statement update,
                   transaction.prepare("UPDATE memory_documents SET state = 0 WHERE document_id = ?1"));
  return update.bind(1, document).run();
}

std::string shown_title(const Document& document, const CutDocument& cut) {
  return !document.title.empty() ? document.title : !cut.title.empty() ? cut.title : document.uri;
}

}  // namespace

Result<Change> put(Transaction& transaction, const Document& document, const CutDocument& cut,
                   const std::string& content_hash, const std::string& cut_format, Time now, std::int64_t tag,
                   const TermMaker& terms) {
  Change change;
  ASSIGN_OR_RETURN(const ScopeKey where, scope_store::intern(transaction, document.scope));
  change.tenant = where.tenant;
  ASSIGN_OR_RETURN(const std::optional<ActiveDocument> old, find_active(transaction, where.scope, document.uri));
  const std::string title = shown_title(document, cut);
  if (old && old->content_hash == content_hash && old->cut == cut_format && old->collection == document.collection &&
      old->title == title && old->media_type == document.media_type && old->trust == document.trust) {
    return change;
  }
  change.outcome = old ? IngestOutcome::kChanged : IngestOutcome::kAdded;
  if (old) RETURN_IF_ERROR(supersede(transaction, old->id, tag, change));

  ASSIGN_OR_RETURN(Statement insert,
                   transaction.prepare("INSERT INTO memory_documents (scope_id, state, uri, collection, title,"
                                       " media_type, trust, content_hash, cut, chunks, modified_us, ingested_us)"
                                       " VALUES (?1, 1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)"));
  insert.bind(1, where.scope).bind(2, std::string_view(document.uri)).bind(3, std::string_view(document.collection));
  insert.bind(4, std::string_view(title)).bind(5, static_cast<int>(document.media_type));
  insert.bind(6, static_cast<int>(document.trust)).bind(7, std::string_view(content_hash));
  insert.bind(8, std::string_view(cut_format)).bind(9, static_cast<int>(cut.chunks.size()));
  insert.bind(10, static_cast<std::int64_t>(to_micros(document.modified)));
  RETURN_IF_ERROR(insert.bind(11, static_cast<std::int64_t>(to_micros(now))).run());
  const DocumentId id = transaction.last_insert_rowid();

  for (std::size_t i = 0; i < cut.chunks.size(); ++i) {
    const Chunk& chunk = cut.chunks[i];
    entry_store::NewEntry entry{where, EntryKind::kChunk, id, document.modified, document.trust, chunk.text, {}};
    entry.heading = chunk.heading_path.empty() ? title : chunk.heading_path;
    ASSIGN_OR_RETURN(const EntryId entry_id, entry_store::add(transaction, entry, terms));
    ASSIGN_OR_RETURN(Statement place,
                     transaction.prepare("INSERT INTO memory_chunks (entry_id, document_id, ordinal, heading_path,"
                                         " byte_begin, byte_end, line_begin, line_end)"
                                         " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)"));
    place.bind(1, entry_id).bind(2, id).bind(3, static_cast<int>(i)).bind(4, std::string_view(entry.heading));
    place.bind(5, chunk.range.byte_begin).bind(6, chunk.range.byte_end);
    RETURN_IF_ERROR(place.bind(7, chunk.range.line_begin).bind(8, chunk.range.line_end).run());
    ++change.chunks;
  }
  return change;
}

Result<Change> retire(Transaction& transaction, const Scope& scope, const std::string& uri, std::int64_t tag) {
  Change change;
  change.outcome = IngestOutcome::kRetired;
  ASSIGN_OR_RETURN(const ScopeKey where, scope_store::intern(transaction, scope));
  change.tenant = where.tenant;
  ASSIGN_OR_RETURN(const std::optional<ActiveDocument> old, find_active(transaction, where.scope, uri));
  if (!old)
    return fail(ErrorCode::kNotFound, "memory has no document '" + uri + "' here", "see `mnema memory sources`");
  RETURN_IF_ERROR(supersede(transaction, old->id, tag, change));
  return change;
}

Result<std::vector<std::string>> uris(Transaction& transaction, const Scope& scope, const std::string& collection) {
  ASSIGN_OR_RETURN(Statement select,
                   transaction.prepare("SELECT uri FROM memory_documents JOIN memory_scopes USING (scope_id)"
                                       " JOIN memory_tenants USING (tenant_id) WHERE state = 1 AND name = ?1"
                                       " AND agent = ?2 AND user = ?3 AND session = ?4 AND collection = ?5"
                                       " ORDER BY uri"));
  select.bind(1, std::string_view(scope.tenant)).bind(2, std::string_view(scope.agent));
  select.bind(3, std::string_view(scope.user)).bind(4, std::string_view(scope.session));
  select.bind(5, std::string_view(collection));
  std::vector<std::string> found;
  for (;;) {
    ASSIGN_OR_RETURN(const bool row, select.step());
    if (!row) return found;
    found.push_back(select.text(0));
  }
}

Result<std::vector<SourceInfo>> list(Transaction& transaction, const Scope& asker) {
  std::vector<SourceInfo> found;
  ASSIGN_OR_RETURN(const VisibleScopes visible, scope_store::visible_to(transaction, asker));
  if (visible.nothing()) return found;
  ASSIGN_OR_RETURN(Statement select,
                   transaction.prepare("SELECT document_id, uri, title, collection, content_hash, chunks, modified_us,"
                                       " ingested_us FROM memory_documents WHERE state = 1 AND scope_id IN"
                                       " (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) ORDER BY uri"));
  const auto scopes = visible.padded();
  for (std::size_t i = 0; i < scopes.size(); ++i) select.bind(1 + static_cast<int>(i), scopes[i]);
  for (;;) {
    ASSIGN_OR_RETURN(const bool row, select.step());
    if (!row) return found;
    found.push_back({select.integer(0), select.text(1), select.text(2), select.text(3), select.text(4),
                     static_cast<int>(select.integer(5)), from_micros(select.integer(6)),
                     from_micros(select.integer(7))});
  }
}

Result<FolderClaim> claim_folder(Transaction& transaction, const Scope& scope, const FolderClaim& wanted,
                                 const std::string& gone) {
  ASSIGN_OR_RETURN(const ScopeKey where, scope_store::intern(transaction, scope));
  if (!gone.empty()) {
    ASSIGN_OR_RETURN(Statement end, transaction.prepare("DELETE FROM memory_folders WHERE scope_id = ?1"
                                                        " AND collection = ?2 AND path = ?3"));
    end.bind(1, where.scope).bind(2, std::string_view(wanted.collection));
    RETURN_IF_ERROR(end.bind(3, std::string_view(gone)).run());
  }
  {
    ASSIGN_OR_RETURN(Statement select,
                     transaction.prepare("SELECT path, name, collection FROM memory_folders WHERE scope_id = ?1 AND"
                                         " ((path = ?2 AND name = ?3) OR collection = ?4) ORDER BY path <> ?2"));
    select.bind(1, where.scope).bind(2, std::string_view(wanted.path)).bind(3, std::string_view(wanted.name));
    ASSIGN_OR_RETURN(const bool row, select.bind(4, std::string_view(wanted.collection)).step());
    if (row) return FolderClaim{select.text(0), select.text(1), select.text(2)};
  }
  ASSIGN_OR_RETURN(Statement insert, transaction.prepare("INSERT INTO memory_folders (scope_id, path, name, collection)"
                                                         " VALUES (?1, ?2, ?3, ?4)"));
  insert.bind(1, where.scope).bind(2, std::string_view(wanted.path)).bind(3, std::string_view(wanted.name));
  RETURN_IF_ERROR(insert.bind(4, std::string_view(wanted.collection)).run());
  return wanted;
}

Result<Counts> counts(Transaction& transaction) {
  ASSIGN_OR_RETURN(Statement select,
                   transaction.prepare("SELECT (SELECT count(*) FROM memory_episodes), (SELECT count(*) FROM"
                                       " memory_documents WHERE state = 1), (SELECT count(*) FROM memory_chunks)"));
  ASSIGN_OR_RETURN(const bool row, select.step());
  if (!row) return Counts{};
  return Counts{select.integer(0), select.integer(1), select.integer(2)};
}

}  // namespace mnema::sources_store
