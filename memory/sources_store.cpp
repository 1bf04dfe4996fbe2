#include "memory/sources_store.hpp"

#include "memory/entry_store.hpp"
#include "runtime/base/check.hpp"

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
  bool stale = false;
};

Result<std::optional<ActiveDocument>> find_active(Transaction& transaction, ScopeId scope, const std::string& uri) {
  ASSIGN_OR_RETURN(
      Statement select,
      transaction.prepare("SELECT document_id, content_hash, cut, collection, title, media_type, trust,"
                          " stale <> '' FROM memory_documents WHERE scope_id = ?1 AND uri = ?2 AND state = 1"));
  ASSIGN_OR_RETURN(const bool row, select.bind(1, scope).bind(2, std::string_view(uri)).step());
  if (!row) return std::optional<ActiveDocument>();
  return std::optional<ActiveDocument>(ActiveDocument{select.integer(0), select.text(1), select.text(2), select.text(3),
                                                      select.text(4), static_cast<MediaType>(select.integer(5)),
                                                      static_cast<Trust>(select.integer(6)), select.integer(7) != 0});
}

/// Drafts of this document. Said twice, for the index of what is not seen.
Result<std::vector<DocumentId>> find_drafts(Transaction& transaction, ScopeId scope, const std::string& uri) {
  ASSIGN_OR_RETURN(Statement select,
                   transaction.prepare("SELECT document_id FROM memory_documents"
                                       " WHERE scope_id = ?1 AND uri = ?2 AND state >= 2 AND state IN (2, 4)"));
  select.bind(1, scope).bind(2, std::string_view(uri));
  return select.integers();
}

Status set_state(Transaction& transaction, DocumentId document, State state) {
  ASSIGN_OR_RETURN(Statement update,
                   transaction.prepare("UPDATE memory_documents SET state = ?2 WHERE document_id = ?1"));
  return update.bind(1, document).bind(2, static_cast<int>(state)).run();
}

Status set_stale(Transaction& transaction, DocumentId document, const std::string& why) {
  ASSIGN_OR_RETURN(Statement update,
                   transaction.prepare("UPDATE memory_documents SET stale = ?2 WHERE document_id = ?1"));
  return update.bind(1, document).bind(2, std::string_view(why)).run();
}

struct Place {
  State state{};
  ScopeKey where;
  std::string uri;
};
Result<Place> find(Transaction& transaction, DocumentId document) {
  ASSIGN_OR_RETURN(Statement select,
                   transaction.prepare("SELECT state, tenant_id, scope_id, uri FROM memory_documents"
                                       " JOIN memory_scopes USING (scope_id) WHERE document_id = ?1"));
  ASSIGN_OR_RETURN(const bool row, select.bind(1, document).step());
  if (!row) return fail(ErrorCode::kCorrupt, "no document " + std::to_string(document));
  return Place{static_cast<State>(select.integer(0)), {select.integer(1), select.integer(2)}, select.text(3)};
}

}  // namespace

Result<Begun> begin(Transaction& transaction, const NewDocument& made, Time now) {
  const Document& document = made.document;
  ASSIGN_OR_RETURN(const ScopeKey where, scope_store::intern(transaction, document.scope));
  ASSIGN_OR_RETURN(const std::optional<ActiveDocument> old, find_active(transaction, where.scope, document.uri));
  const bool same = old && old->content_hash == made.content_hash && old->cut == made.cut_format &&
                    old->collection == document.collection && old->title == made.title &&
                    old->media_type == document.media_type && old->trust == document.trust;
  // What is there now is not what will be there when a draft is on its way.
  ASSIGN_OR_RETURN(const std::vector<DocumentId> drafts, find_drafts(transaction, where.scope, document.uri));
  if (same && old->stale) RETURN_IF_ERROR(set_stale(transaction, old->id, {}));
  if (same && drafts.empty()) return Begun{};

  ASSIGN_OR_RETURN(Statement insert,
                   transaction.prepare("INSERT INTO memory_documents (scope_id, state, uri, collection, title,"
                                       " media_type, trust, content_hash, cut, chunks, modified_us, ingested_us)"
                                       " VALUES (?1, 2, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)"));
  insert.bind(1, where.scope).bind(2, std::string_view(document.uri)).bind(3, std::string_view(document.collection));
  insert.bind(4, std::string_view(made.title)).bind(5, static_cast<int>(document.media_type));
  insert.bind(6, static_cast<int>(document.trust)).bind(7, std::string_view(made.content_hash));
  insert.bind(8, std::string_view(made.cut_format)).bind(9, static_cast<int>(made.chunks.size()));
  insert.bind(10, static_cast<std::int64_t>(to_micros(document.modified)));
  RETURN_IF_ERROR(insert.bind(11, static_cast<std::int64_t>(to_micros(now))).run());
  return Begun{old ? IngestOutcome::kChanged : IngestOutcome::kAdded, transaction.last_insert_rowid()};
}

Result<bool> add_chunks(Transaction& transaction, DocumentId draft, const NewDocument& made, std::size_t first,
                        std::size_t end) {
  ASSIGN_OR_RETURN(const Place place, find(transaction, draft));
  if (place.state != State::kDraft) return false;
  for (std::size_t i = first; i < end; ++i) {
    const NewChunk& chunk = made.chunks[i];
    const TextRange& range = chunk.chunk.range;
    const entry_store::NewEntry entry{place.where,         EntryKind::kChunk, draft,      made.document.modified,
                                      made.document.trust, chunk.chunk.text,  chunk.words};
    ASSIGN_OR_RETURN(const EntryId entry_id, entry_store::add(transaction, entry));
    ASSIGN_OR_RETURN(Statement insert,
                     transaction.prepare("INSERT INTO memory_chunks (entry_id, document_id, ordinal, heading_path,"
                                         " byte_begin, byte_end, line_begin, line_end)"
                                         " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)"));
    insert.bind(1, entry_id).bind(2, draft).bind(3, static_cast<int>(i)).bind(4, std::string_view(chunk.heading));
    insert.bind(5, range.byte_begin).bind(6, range.byte_end);
    RETURN_IF_ERROR(insert.bind(7, range.line_begin).bind(8, range.line_end).run());
  }
  return true;
}

Result<std::vector<DocumentId>> publish(Transaction& transaction, DocumentId draft) {
  ASSIGN_OR_RETURN(const Place place, find(transaction, draft));
  if (place.state != State::kDraft) return std::vector<DocumentId>{draft};
  ASSIGN_OR_RETURN(const std::optional<ActiveDocument> old, find_active(transaction, place.where.scope, place.uri));
  if (old && old->id > draft) {
    RETURN_IF_ERROR(set_state(transaction, draft, State::kLeaving));
    return std::vector<DocumentId>{draft};
  }
  if (old) RETURN_IF_ERROR(set_state(transaction, old->id, State::kLeaving));
  RETURN_IF_ERROR(set_state(transaction, draft, State::kActive));
  return old ? std::vector<DocumentId>{old->id} : std::vector<DocumentId>();
}

Result<std::vector<DocumentId>> retire(Transaction& transaction, const Scope& scope, const std::string& uri) {
  ASSIGN_OR_RETURN(const ScopeKey where, scope_store::intern(transaction, scope));
  ASSIGN_OR_RETURN(const std::optional<ActiveDocument> active, find_active(transaction, where.scope, uri));
  ASSIGN_OR_RETURN(std::vector<DocumentId> leaving, find_drafts(transaction, where.scope, uri));
  if (active) leaving.push_back(active->id);
  if (leaving.empty()) {
    return fail(ErrorCode::kNotFound, "memory has no document '" + uri + "' here",
                "a document is named by its uri, as answers cite it");
  }
  for (const DocumentId document : leaving) RETURN_IF_ERROR(set_state(transaction, document, State::kLeaving));
  return leaving;
}

Result<bool> mark_stale(Transaction& transaction, const Scope& scope, const std::string& uri, const std::string& why) {
  CHECK(!why.empty(), "a document is stale for a reason");
  ASSIGN_OR_RETURN(const ScopeKey where, scope_store::intern(transaction, scope));
  ASSIGN_OR_RETURN(const std::optional<ActiveDocument> active, find_active(transaction, where.scope, uri));
  if (active) RETURN_IF_ERROR(set_stale(transaction, active->id, why));
  return active.has_value();
}

Result<Cleared> clear(Transaction& transaction, DocumentId document, int chunks_max, std::int64_t tag) {
  ASSIGN_OR_RETURN(const Place place, find(transaction, document));
  Cleared cleared;
  cleared.tenant = place.where.tenant;
  cleared.done = place.state == State::kActive;
  if (cleared.done) return cleared;
  std::vector<EntryId> entries;
  {
    ASSIGN_OR_RETURN(Statement select,
                     transaction.prepare("SELECT entry_id FROM memory_chunks WHERE document_id = ?1 LIMIT ?2"));
    ASSIGN_OR_RETURN(entries, select.bind(1, document).bind(2, chunks_max).integers());
  }
  for (const EntryId entry : entries) {
    ASSIGN_OR_RETURN(const std::vector<VectorLabel> gone, entry_store::remove(transaction, cleared.tenant, entry, tag));
    cleared.removed.insert(cleared.removed.end(), gone.begin(), gone.end());
    ASSIGN_OR_RETURN(Statement erase, transaction.prepare("DELETE FROM memory_chunks WHERE entry_id = ?1"));
    RETURN_IF_ERROR(erase.bind(1, entry).run());
  }
  cleared.done = static_cast<int>(entries.size()) < chunks_max;
  RETURN_IF_ERROR(set_state(transaction, document, cleared.done ? State::kRetired : State::kLeaving));
  return cleared;
}

Status give_up(Transaction& transaction, const std::vector<DocumentId>& documents) {
  for (const DocumentId document : documents) {
    ASSIGN_OR_RETURN(Statement update, transaction.prepare("UPDATE memory_documents SET state = 3"
                                                           " WHERE document_id = ?1 AND state IN (2, 4)"));
    RETURN_IF_ERROR(update.bind(1, document).run());
  }
  return {};
}

Result<std::vector<DocumentId>> unseen(Transaction& transaction) {
  ASSIGN_OR_RETURN(Statement select, transaction.prepare("SELECT document_id FROM memory_documents WHERE state >= 2"));
  return select.integers();
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

Result<std::map<std::string, Time>> converted(Transaction& transaction, const Scope& scope,
                                              const std::string& collection, const std::string& cut_format) {
  ASSIGN_OR_RETURN(
      Statement select,
      transaction.prepare("SELECT uri, modified_us FROM memory_documents JOIN memory_scopes USING (scope_id)"
                          " JOIN memory_tenants USING (tenant_id) WHERE state = 1 AND name = ?1 AND agent = ?2"
                          " AND user = ?3 AND session = ?4 AND collection = ?5 AND media_type IN (?6, ?7)"
                          " AND cut = ?8 AND stale = ''"));
  select.bind(1, std::string_view(scope.tenant)).bind(2, std::string_view(scope.agent));
  select.bind(3, std::string_view(scope.user)).bind(4, std::string_view(scope.session));
  select.bind(5, std::string_view(collection)).bind(6, static_cast<int>(MediaType::kPdf));
  select.bind(7, static_cast<int>(MediaType::kDocx)).bind(8, std::string_view(cut_format));
  std::map<std::string, Time> found;
  for (;;) {
    ASSIGN_OR_RETURN(const bool row, select.step());
    if (!row) return found;
    found.emplace(select.text(0), from_micros(select.integer(1)));
  }
}

Result<std::vector<SourceInfo>> list(Transaction& transaction, const Scope& asker) {
  std::vector<SourceInfo> found;
  ASSIGN_OR_RETURN(const VisibleScopes visible, scope_store::visible_to(transaction, asker));
  if (visible.nothing()) return found;
  ASSIGN_OR_RETURN(Statement select,
                   transaction.prepare("SELECT d.document_id, d.uri, d.title, d.collection, d.content_hash, d.chunks,"
                                       " d.modified_us, d.ingested_us, d.stale, r.read_us, r.ttl_us"
                                       " FROM memory_documents d LEFT JOIN memory_folder_reads r"
                                       " ON r.scope_id = d.scope_id AND r.collection = d.collection"
                                       " WHERE d.state = 1 AND d.scope_id IN"
                                       " (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) ORDER BY d.uri"));
  const auto scopes = visible.padded();
  for (std::size_t i = 0; i < scopes.size(); ++i) select.bind(1 + static_cast<int>(i), scopes[i]);
  for (;;) {
    ASSIGN_OR_RETURN(const bool row, select.step());
    if (!row) return found;
    SourceInfo source;
    source.id = select.integer(0);
    source.uri = select.text(1);
    source.title = select.text(2);
    source.collection = select.text(3);
    source.content_hash = select.text(4);
    source.chunks = static_cast<int>(select.integer(5));
    source.modified = from_micros(select.integer(6));
    source.ingested = from_micros(select.integer(7));
    source.stale = select.text(8);
    if (!select.is_null(9)) source.checked = from_micros(select.integer(9));
    if (!select.is_null(9) && select.integer(10) > 0) {
      source.fresh_until = from_micros(select.integer(9) + select.integer(10));
    }
    found.push_back(std::move(source));
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

Result<std::string> claimed_collection(Transaction& transaction, const Scope& scope, const std::string& path,
                                       const std::string& name) {
  ASSIGN_OR_RETURN(const ScopeKey where, scope_store::intern(transaction, scope));
  ASSIGN_OR_RETURN(Statement select, transaction.prepare("SELECT collection FROM memory_folders WHERE scope_id = ?1"
                                                         " AND path = ?2 AND name = ?3"));
  select.bind(1, where.scope).bind(2, std::string_view(path)).bind(3, std::string_view(name));
  ASSIGN_OR_RETURN(const bool row, select.step());
  return row ? select.text(0) : std::string();
}

Status note_reading(Transaction& transaction, const Scope& scope, const std::string& collection, Time now,
                    Duration ttl) {
  ASSIGN_OR_RETURN(const ScopeKey where, scope_store::intern(transaction, scope));
  ASSIGN_OR_RETURN(Statement insert,
                   transaction.prepare("INSERT INTO memory_folder_reads (scope_id, collection, read_us, ttl_us)"
                                       " VALUES (?1, ?2, ?3, ?4) ON CONFLICT (scope_id, collection) DO UPDATE SET"
                                       " read_us = excluded.read_us, ttl_us = excluded.ttl_us"));
  insert.bind(1, where.scope).bind(2, std::string_view(collection));
  return insert.bind(3, static_cast<std::int64_t>(to_micros(now))).bind(4, std::int64_t{ttl.count()}).run();
}

Status mark_collection_stale(Transaction& transaction, const Scope& scope, const std::string& collection,
                             const std::string& why) {
  CHECK(!why.empty(), "a document is stale for a reason");
  ASSIGN_OR_RETURN(const ScopeKey where, scope_store::intern(transaction, scope));
  ASSIGN_OR_RETURN(Statement update,
                   transaction.prepare("UPDATE memory_documents SET stale = ?3 WHERE scope_id = ?1 AND collection = ?2"
                                       " AND state = 1 AND stale = ''"));
  return update.bind(1, where.scope).bind(2, std::string_view(collection)).bind(3, std::string_view(why)).run();
}

Result<Counts> counts(Transaction& transaction) {
  ASSIGN_OR_RETURN(Statement select,
                   transaction.prepare("SELECT (SELECT count(*) FROM memory_episodes), (SELECT count(*) FROM"
                                       " memory_documents WHERE state = 1), (SELECT count(*) FROM memory_chunks"
                                       " JOIN memory_documents USING (document_id) WHERE state = 1)"));
  ASSIGN_OR_RETURN(const bool row, select.step());
  if (!row) return Counts{};
  return Counts{select.integer(0), select.integer(1), select.integer(2)};
}

}  // namespace mnema::sources_store
