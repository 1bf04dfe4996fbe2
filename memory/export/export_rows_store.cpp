#include "memory/export/export_rows_store.hpp"

#include <boost/json/array.hpp>
#include <map>

#include "memory/consolidation/job_store.hpp"
#include "memory/erase/row_json_store.hpp"
#include "memory/id_list.hpp"
#include "memory/sources_store.hpp"
#include "memory/vector_store.hpp"
#include "runtime/base/json.hpp"
#include "runtime/base/sha256.hpp"

namespace mnema::export_rows_store {
namespace json = boost::json;
json::object scope_json(const Scope& scope) {
  return {{"agent", scope.agent}, {"user", scope.user}, {"session", scope.session}};
}

namespace {

/// Of the present embedder, as whoever imports it may use them, too.
Result<json::array> vectors_of(Transaction& transaction, EntryId entry) {
  ASSIGN_OR_RETURN(Statement select,
                   transaction.prepare("SELECT b.name, b.dimensions, v.facet, v.vector FROM memory_vectors v"
                                       " JOIN memory_embedders b ON b.embedder_id = v.embedder_id WHERE v.entry_id = ?1"
                                       " AND b.name = (SELECT value FROM memory_meta WHERE name = 'embedder')"
                                       " ORDER BY v.facet"));
  select.bind(1, entry);
  json::array all;
  for (;;) {
    ASSIGN_OR_RETURN(const bool row, select.step());
    if (!row) return all;
    all.push_back(json::object{{"embedder", select.text(0)},
                               {"dimensions", select.integer(1)},
                               {"facet", select.integer(2)},
                               {"hex", to_hex(select.blob_view(3))}});
  }
}

Result<Exported> exported_of(Statement& row, const std::string& tenant_name, TenantId tenant) {
  return Exported{{tenant, row.integer(0)}, {tenant_name, row.text(1), row.text(2), row.text(3)}};
}

Status chunks(Transaction& transaction, DocumentId document, const json::object& head, bool vectors, const Put& put) {
  ASSIGN_OR_RETURN(Statement select,
                   transaction.prepare("SELECT c.entry_id, c.ordinal, c.heading_path, c.byte_begin, c.byte_end,"
                                       " c.line_begin, c.line_end, e.text FROM memory_chunks c JOIN memory_entries e"
                                       " ON e.entry_id = c.entry_id WHERE c.document_id = ?1 ORDER BY c.ordinal"));
  select.bind(1, document);
  for (;;) {
    ASSIGN_OR_RETURN(const bool row, select.step());
    if (!row) return {};
    json::object chunk{{"type", "chunk"},
                       {"id", select.integer(0)},
                       {"scope", head.at("scope")},
                       {"uri", head.at("uri")},
                       {"ordinal", select.integer(1)},
                       {"heading_path", select.text(2)},
                       {"bytes", json::array{select.integer(3), select.integer(4)}},
                       {"lines", json::array{select.integer(5), select.integer(6)}},
                       {"text", select.text(7)}};
    if (vectors) {
      ASSIGN_OR_RETURN(chunk["vectors"], vectors_of(transaction, select.integer(0)));
    }
    RETURN_IF_ERROR(put(std::move(chunk)));
  }
}

}  // namespace

Result<std::vector<Exported>> scopes(Transaction& transaction, TenantId tenant, const Scope& wanted) {
  ASSIGN_OR_RETURN(Statement select,
                   transaction.prepare("SELECT scope_id, agent, user, session FROM memory_scopes WHERE tenant_id = ?1"
                                       " AND (?2 = '' OR agent = ?2) AND (?3 = '' OR user = ?3)"
                                       " AND (?4 = '' OR session = ?4) ORDER BY agent, user, session"));
  select.bind(1, tenant).bind(2, std::string_view(wanted.agent)).bind(3, std::string_view(wanted.user));
  select.bind(4, std::string_view(wanted.session));
  std::vector<Exported> all;
  for (;;) {
    ASSIGN_OR_RETURN(const bool row, select.step());
    if (!row) return all;
    ASSIGN_OR_RETURN(all.emplace_back(), exported_of(select, wanted.tenant, tenant));
  }
}

Status documents(Transaction& transaction, const Exported& of, bool vectors, const Put& put) {
  std::vector<std::pair<DocumentId, json::object>> found;
  {
    ASSIGN_OR_RETURN(
        Statement select,
        transaction.prepare("SELECT document_id, uri, collection, title, media_type, trust, content_hash, cut, chunks,"
                            " modified_us, ingested_us, stale FROM memory_documents WHERE scope_id = ?1 AND state = 1"
                            " ORDER BY uri"));
    select.bind(1, of.key.scope);
    for (;;) {
      ASSIGN_OR_RETURN(const bool row, select.step());
      if (!row) break;
      found.emplace_back(select.integer(0), json::object{{"type", "document"},
                                                         {"scope", scope_json(of.scope)},
                                                         {"uri", select.text(1)},
                                                         {"collection", select.text(2)},
                                                         {"title", select.text(3)},
                                                         {"media_type", select.integer(4)},
                                                         {"trust", select.integer(5)},
                                                         {"content_hash", select.text(6)},
                                                         {"cut", select.text(7)},
                                                         {"chunks", select.integer(8)},
                                                         {"modified_us", select.integer(9)},
                                                         {"ingested_us", select.integer(10)},
                                                         {"stale", select.text(11)}});
    }
  }
  for (const auto& [document, head] : found) {
    RETURN_IF_ERROR(put(head));
    RETURN_IF_ERROR(chunks(transaction, document, head, vectors, put));
  }
  return {};
}

namespace {

struct Thread {
  std::int64_t id = 0;
  std::string name;
};

/// All of the tenant, or those with something to export.
Result<std::vector<Thread>> threads_of(Transaction& transaction, const Episodes& which) {
  const Scope& wanted = which.wanted;
  const bool whole = wanted.agent.empty() && wanted.user.empty() && wanted.session.empty();
  ASSIGN_OR_RETURN(
      Statement select,
      transaction.prepare("SELECT thread_id, name FROM memory_threads t WHERE tenant_id = ?1 AND (?2 OR name = ?3"
                          " OR EXISTS (SELECT 1 FROM memory_episodes p JOIN memory_entries e ON e.entry_id ="
                          " p.entry_id JOIN json_each(?4) ids ON ids.value = e.scope_id WHERE p.thread_id ="
                          " t.thread_id)) ORDER BY name"));
  const std::string scopes = id_list({which.scopes.begin(), which.scopes.end()});
  const std::string named = wanted.session.empty() ? "\x01" : wanted.session;
  select.bind(1, which.tenant).bind(2, whole ? 1 : 0).bind(3, std::string_view(named));
  select.bind(4, std::string_view(scopes));
  std::vector<Thread> found;
  for (;;) {
    ASSIGN_OR_RETURN(const bool row, select.step());
    if (!row) return found;
    found.push_back({select.integer(0), select.text(1)});
  }
}

json::object place_json(const Statement& row, const Thread& thread) {
  return {{"type", "place"},
          {"id", row.integer(0)},
          {"thread", thread.name},
          {"sequence", row.integer(1)},
          {"kind", row.integer(2)},
          {"payload_hash", to_hex(row.blob_view(3))},
          {"chain_hash", to_hex(row.blob_view(4))}};
}

Result<json::object> episode_json(Transaction& transaction, const Statement& row, const Thread& thread,
                                  const Scope& scope, EntryId facts_read, bool vectors) {
  const EntryId entry = row.integer(0);
  ASSIGN_OR_RETURN(json::value attributes,
                   parse_bounded_json(row.text_view(9), "an episode's attributes", kWrittenByUs));
  json::object episode{{"type", "episode"},
                       {"id", entry},
                       {"scope", scope_json(scope)},
                       {"thread", thread.name},
                       {"sequence", row.integer(1)},
                       {"kind", row.integer(2)},
                       {"role", row.text(8)},
                       {"text", row.text(6)},
                       {"time_us", row.integer(7)},
                       {"trust", row.integer(11)},
                       {"attributes", std::move(attributes)},
                       {"salt", to_hex(row.blob_view(10))},
                       {"payload_hash", to_hex(row.blob_view(3))},
                       {"chain_hash", to_hex(row.blob_view(4))}};
  if (row.integer(12) != 0) episode["abandoned"] = true;
  if (entry <= facts_read) {
    json::array claims;
    RETURN_IF_ERROR(row_json_store::rows(transaction, "memory_claims", "entry_id", entry, "ordinal",
                                         {"entry_id", "scope_id"},
                                         [&](json::object claim) { claims.push_back(std::move(claim)); }));
    episode["claims"] = std::move(claims);
  }
  if (vectors) {
    ASSIGN_OR_RETURN(episode["vectors"], vectors_of(transaction, entry));
  }
  return episode;
}

}  // namespace

Status threads(Transaction& transaction, const Episodes& which, const Put& put) {
  ASSIGN_OR_RETURN(const job_store::Watermark read, job_store::watermark(transaction, "facts"));
  ASSIGN_OR_RETURN(const std::vector<Thread> all, threads_of(transaction, which));
  std::map<ScopeId, Scope> known;
  const Scope& wanted = which.wanted;
  for (const Thread& thread : all) {
    ASSIGN_OR_RETURN(
        Statement select,
        transaction.prepare("SELECT p.entry_id, p.sequence, p.kind, p.payload_hash, p.chain_hash,"  // 0-4
                            " coalesce(e.scope_id, 0), e.text, e.time_us, p.role, p.attributes, p.salt, e.trust,"
                            " EXISTS (SELECT 1 FROM memory_abandoned a WHERE a.entry_id = p.entry_id)"  // 12
                            " FROM memory_episodes p LEFT JOIN memory_entries e ON e.entry_id = p.entry_id"
                            " WHERE p.thread_id = ?1 ORDER BY p.sequence"));
    select.bind(1, thread.id);
    for (;;) {
      ASSIGN_OR_RETURN(const bool row, select.step());
      if (!row) break;
      const ScopeId scope = select.integer(5);
      if (scope != 0 && known.find(scope) == known.end()) {
        ASSIGN_OR_RETURN(known[scope], scope_store::scope_of(transaction, scope));
      }
      bool is_exported = which.scopes.contains(scope);
      if (scope != 0 && !wanted.session.empty() && thread.name == wanted.session) {
        const Scope& owner = known[scope];
        is_exported =
            (wanted.agent.empty() || owner.agent == wanted.agent) && (wanted.user.empty() || owner.user == wanted.user);
      }
      if (!is_exported) {
        RETURN_IF_ERROR(put(place_json(select, thread)));
        continue;
      }
      ASSIGN_OR_RETURN(json::object episode,
                       episode_json(transaction, select, thread, known[scope], read.entry, which.vectors));
      RETURN_IF_ERROR(put(std::move(episode)));
    }
    std::vector<json::object> turns;
    RETURN_IF_ERROR(row_json_store::rows(transaction, "memory_chat_turns", "thread_id", thread.id, "last_sequence",
                                         {"thread_id"}, [&](json::object turn) { turns.push_back(std::move(turn)); }));
    for (json::object& turn : turns) {
      RETURN_IF_ERROR(put(json::object{{"type", "chat_turn"}, {"thread", thread.name}, {"row", std::move(turn)}}));
    }
  }
  return {};
}

}  // namespace mnema::export_rows_store
