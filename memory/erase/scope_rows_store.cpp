#include "memory/erase/scope_rows_store.hpp"

#include "memory/entry_store.hpp"
#include "memory/episodic_store.hpp"
#include "memory/erase_holdings.hpp"
#include "memory/semantic/fact_store.hpp"
#include "memory/sources_store.hpp"

namespace mnema::scope_rows_store {
namespace {

// An entry is a dozen rows with its words, vectors and queue; so many are under 2 ms.
constexpr int kRowsOfAnEntry = 12;

int entries_in(int rows_max) { return std::max(1, rows_max / kRowsOfAnEntry); }

Result<std::int64_t> count(Transaction& transaction, const char* sql, const ScopeKey& where) {
  ASSIGN_OR_RETURN(Statement select, transaction.prepare(sql));
  ASSIGN_OR_RETURN(const bool row, select.bind(1, where.scope).step());
  return row ? select.integer(0) : 0;
}

// ---- facts ----

Result<std::optional<fact_store::FactKey>> first_key(Transaction& transaction, const char* table, ScopeId scope) {
  ASSIGN_OR_RETURN(Statement select, transaction.prepare("SELECT subject_key, predicate FROM " + std::string(table) +
                                                         " WHERE scope_id = ?1 LIMIT 1"));
  ASSIGN_OR_RETURN(const bool row, select.bind(1, scope).step());
  if (!row) return std::optional<fact_store::FactKey>();
  return std::optional<fact_store::FactKey>({scope, select.text(0), select.text(1)});
}

Result<int> erase_facts(Transaction& transaction, const ScopeKey& where, int rows_max, EraseContext& context) {
  ASSIGN_OR_RETURN(const auto key, first_key(transaction, "memory_claims", where.scope));
  if (!key) return 0;
  int erased = 0;
  {
    ASSIGN_OR_RETURN(
        Statement remove,
        transaction.prepare("DELETE FROM memory_claims WHERE (entry_id, ordinal) IN (SELECT entry_id, ordinal"
                            " FROM memory_claims WHERE scope_id = ?1 AND subject_key = ?2 AND predicate = ?3"
                            " LIMIT ?4)"));
    remove.bind(1, key->scope).bind(2, std::string_view(key->subject)).bind(3, std::string_view(key->predicate));
    RETURN_IF_ERROR(remove.bind(4, rows_max).run());
    erased = static_cast<int>(transaction.changes());
  }
  ASSIGN_OR_RETURN([[maybe_unused]] const int rows, fact_store::derive(transaction, {*key}, context.facts));
  return erased;
}

Result<int> erase_facts_of(Transaction& transaction, const ScopeKey&, EntryId entry, EraseContext& context) {
  ASSIGN_OR_RETURN(const auto keys, fact_store::remove_claims(transaction, entry));
  const auto claims = static_cast<int>(transaction.changes());
  ASSIGN_OR_RETURN([[maybe_unused]] const int rows, fact_store::derive(transaction, keys, context.facts));
  return claims;
}

// ---- documents ----

Result<int> erase_documents(Transaction& transaction, const ScopeKey& where, int rows_max, EraseContext& context) {
  DocumentId document = 0;
  auto state = sources_store::State::kRetired;
  {
    ASSIGN_OR_RETURN(Statement select, transaction.prepare("SELECT document_id, state FROM memory_documents"
                                                           " WHERE scope_id = ?1 LIMIT 1"));
    ASSIGN_OR_RETURN(const bool row, select.bind(1, where.scope).step());
    if (!row) return 0;
    document = select.integer(0);
    state = static_cast<sources_store::State>(select.integer(1));
  }
  if (state == sources_store::State::kActive) {
    ASSIGN_OR_RETURN(Statement hide, transaction.prepare("UPDATE memory_documents SET state = ?2"
                                                         " WHERE document_id = ?1"));
    RETURN_IF_ERROR(hide.bind(1, document).bind(2, static_cast<int>(sources_store::State::kLeaving)).run());
  }
  ASSIGN_OR_RETURN(const sources_store::Cleared cleared,
                   sources_store::clear(transaction, document, entries_in(rows_max), context.tag));
  context.removed.insert(context.removed.end(), cleared.removed.begin(), cleared.removed.end());
  if (!cleared.done) {
    context.is_part = true;
    return rows_max;
  }
  ASSIGN_OR_RETURN(Statement remove, transaction.prepare("DELETE FROM memory_documents WHERE document_id = ?1"));
  RETURN_IF_ERROR(remove.bind(1, document).run());
  return 1;
}

// ---- episodes ----

Result<int> erase_episodes(Transaction& transaction, const ScopeKey& where, int rows_max, EraseContext& context) {
  std::vector<EntryId> entries;
  {
    ASSIGN_OR_RETURN(Statement select, transaction.prepare("SELECT entry_id FROM memory_entries WHERE scope_id = ?1"
                                                           " AND kind = 0 ORDER BY time_us DESC LIMIT ?2"));
    ASSIGN_OR_RETURN(entries, select.bind(1, where.scope).bind(2, entries_in(rows_max)).integers());
  }
  for (const EntryId entry : entries) {
    ASSIGN_OR_RETURN([[maybe_unused]] const auto erased, erase_entry(transaction, where.tenant, entry, context));
  }
  return static_cast<int>(entries.size());
}

std::string session_entries(const std::string& columns) {
  return "SELECT " + columns +
         " FROM memory_threads t CROSS JOIN memory_episodes p ON p.thread_id = t.thread_id"
         " CROSS JOIN memory_entries e ON e.entry_id = p.entry_id CROSS JOIN memory_scopes s ON s.scope_id = e.scope_id"
         " WHERE t.tenant_id = ?1 AND t.name = ?2 AND (?3 = '' OR s.agent = ?3) AND (?4 = '' OR s.user = ?4)";
}

void bind_session(Statement& select, TenantId tenant, const Scope& wanted) {
  select.bind(1, tenant).bind(2, std::string_view(wanted.session)).bind(3, std::string_view(wanted.agent));
  select.bind(4, std::string_view(wanted.user));
}

}  // namespace

Holding facts() {
  Holding holding;
  holding.name = "facts";
  holding.tables = {"memory_claims", "memory_facts", "memory_fact_conflicts"};
  holding.count = [](Transaction& transaction, const ScopeKey& where) {
    return count(transaction, "SELECT count(*) FROM memory_claims WHERE scope_id = ?1", where);
  };
  holding.erase = erase_facts;
  holding.erase_entry = erase_facts_of;
  return holding;
}

Holding documents() {
  Holding holding;
  holding.name = "documents";
  holding.tables = {"memory_documents", "memory_chunks"};
  holding.count = [](Transaction& transaction, const ScopeKey& where) {
    return count(transaction, "SELECT count(*) FROM memory_documents WHERE scope_id = ?1", where);
  };
  holding.erase = erase_documents;
  return holding;
}

Holding episodes() {
  Holding holding;
  holding.name = "episodes";
  holding.tables = {"memory_entries", "memory_episodes",        "memory_abandoned",
                    "memory_vectors", "memory_pending_vectors", "memory_text_*"};
  holding.count = [](Transaction& transaction, const ScopeKey& where) {
    return count(transaction, "SELECT count(*) FROM memory_entries WHERE scope_id = ?1 AND kind = 0", where);
  };
  holding.erase = erase_episodes;
  return holding;
}

Result<std::optional<EraseCounts>> erase_entry(Transaction& transaction, TenantId tenant, EntryId entry,
                                               EraseContext& context) {
  ScopeKey where;
  bool is_chunk = false;
  {
    ASSIGN_OR_RETURN(Statement select,
                     transaction.prepare("SELECT e.scope_id, e.kind FROM memory_entries e JOIN memory_scopes s"
                                         " ON s.scope_id = e.scope_id WHERE e.entry_id = ?1 AND s.tenant_id = ?2"));
    ASSIGN_OR_RETURN(const bool row, select.bind(1, entry).bind(2, tenant).step());
    if (!row) return std::optional<EraseCounts>();
    where = {tenant, select.integer(0)};
    is_chunk = static_cast<EntryKind>(select.integer(1)) == EntryKind::kChunk;
  }
  EraseCounts counts;
  for (const Holding& holding : holdings()) {
    if (!holding.erase_entry) continue;
    ASSIGN_OR_RETURN(const int rows, holding.erase_entry(transaction, where, entry, context));
    if (rows > 0) counts[holding.name] += rows;
  }
  std::vector<VectorLabel> removed;
  if (is_chunk) {
    ASSIGN_OR_RETURN(removed, entry_store::remove(transaction, tenant, entry, context.tag));
    ASSIGN_OR_RETURN(Statement chunk, transaction.prepare("DELETE FROM memory_chunks WHERE entry_id = ?1"));
    RETURN_IF_ERROR(chunk.bind(1, entry).run());
  } else {
    ASSIGN_OR_RETURN(episodic_store::Erased erased, episodic_store::erase(transaction, entry, {}, context.tag));
    removed = std::move(erased.removed);
  }
  context.removed.insert(context.removed.end(), removed.begin(), removed.end());
  ++counts[is_chunk ? "chunks" : "episodes"];
  return std::optional<EraseCounts>(std::move(counts));
}

Result<std::optional<NumberedScope>> next_scope(Transaction& transaction, TenantId tenant, const Scope& wanted,
                                                ScopeId after) {
  ASSIGN_OR_RETURN(
      Statement select,
      transaction.prepare("SELECT scope_id, agent, user, session FROM memory_scopes WHERE tenant_id = ?1"
                          " AND (?2 = '' OR agent = ?2) AND (?3 = '' OR user = ?3) AND (?4 = '' OR session = ?4)"
                          " AND scope_id > ?5 ORDER BY scope_id LIMIT 1"));
  select.bind(1, tenant).bind(2, std::string_view(wanted.agent)).bind(3, std::string_view(wanted.user));
  ASSIGN_OR_RETURN(const bool row, select.bind(4, std::string_view(wanted.session)).bind(5, after).step());
  if (!row) return std::optional<NumberedScope>();
  return std::optional<NumberedScope>(
      {{tenant, select.integer(0)}, {wanted.tenant, select.text(1), select.text(2), select.text(3)}});
}

Status remove_scope(Transaction& transaction, ScopeId scope) {
  ASSIGN_OR_RETURN(Statement remove, transaction.prepare("DELETE FROM memory_scopes WHERE scope_id = ?1"));
  return remove.bind(1, scope).run();
}

Result<std::vector<EntryId>> entries_of_session(Transaction& transaction, TenantId tenant, const Scope& wanted,
                                                int count_max) {
  ASSIGN_OR_RETURN(Statement select,
                   transaction.prepare(session_entries("e.entry_id") + " ORDER BY p.sequence DESC LIMIT ?5"));
  bind_session(select, tenant, wanted);
  return select.bind(5, entries_in(count_max)).integers();
}

Result<std::int64_t> count_of_session(Transaction& transaction, TenantId tenant, const Scope& wanted) {
  ASSIGN_OR_RETURN(Statement select, transaction.prepare(session_entries("count(*)") + " AND s.session <> ?2"));
  bind_session(select, tenant, wanted);
  ASSIGN_OR_RETURN(const bool row, select.step());
  return row ? select.integer(0) : 0;
}

Result<std::optional<Scope>> owner_of(Transaction& transaction, TenantId tenant, EntryId entry) {
  ASSIGN_OR_RETURN(Statement select,
                   transaction.prepare("SELECT e.scope_id FROM memory_entries e JOIN memory_scopes s"
                                       " ON s.scope_id = e.scope_id WHERE e.entry_id = ?1 AND s.tenant_id = ?2"));
  ASSIGN_OR_RETURN(const bool row, select.bind(1, entry).bind(2, tenant).step());
  if (!row) return std::optional<Scope>();
  ASSIGN_OR_RETURN(Scope scope, scope_store::scope_of(transaction, select.integer(0)));
  return std::optional<Scope>(std::move(scope));
}

Result<bool> has_entry(Transaction& transaction, TenantId tenant, EntryId entry) {
  ASSIGN_OR_RETURN(const auto owner, owner_of(transaction, tenant, entry));
  return owner.has_value();
}

Result<ThreadsErased> erase_empty_threads(Transaction& transaction, TenantId tenant, std::int64_t cursor,
                                          int rows_max) {
  ThreadsErased erased{0, cursor, false};
  std::vector<std::int64_t> threads;
  {
    ASSIGN_OR_RETURN(Statement select, transaction.prepare("SELECT thread_id FROM memory_threads WHERE thread_id > ?1"
                                                           " AND tenant_id = ?2 ORDER BY thread_id LIMIT ?3"));
    ASSIGN_OR_RETURN(threads, select.bind(1, cursor).bind(2, tenant).bind(3, rows_max).integers());
  }
  for (const std::int64_t thread : threads) {
    {
      ASSIGN_OR_RETURN(Statement living,
                       transaction.prepare("SELECT 1 FROM memory_episodes p JOIN memory_entries e"
                                           " ON e.entry_id = p.entry_id WHERE p.thread_id = ?1 LIMIT 1"));
      ASSIGN_OR_RETURN(const bool has_some, living.bind(1, thread).step());
      if (has_some) {
        erased.cursor = thread;
        continue;
      }
    }
    for (const char* sql : {"DELETE FROM memory_episodes WHERE (thread_id, sequence) IN (SELECT thread_id, sequence"
                            " FROM memory_episodes WHERE thread_id = ?1 LIMIT ?2)",
                            "DELETE FROM memory_chat_turns WHERE (thread_id, last_sequence) IN (SELECT thread_id,"
                            " last_sequence FROM memory_chat_turns WHERE thread_id = ?1 LIMIT ?2)"}) {
      ASSIGN_OR_RETURN(Statement remove, transaction.prepare(sql));
      RETURN_IF_ERROR(remove.bind(1, thread).bind(2, rows_max - erased.rows).run());
      erased.rows += static_cast<int>(transaction.changes());
      if (erased.rows >= rows_max) return erased;  // it may have more
    }
    ASSIGN_OR_RETURN(Statement remove, transaction.prepare("DELETE FROM memory_threads WHERE thread_id = ?1"));
    RETURN_IF_ERROR(remove.bind(1, thread).run());
    erased.cursor = thread;
    if (++erased.rows >= rows_max) return erased;
  }
  erased.done = static_cast<int>(threads.size()) < rows_max;
  return erased;
}

}  // namespace mnema::scope_rows_store
