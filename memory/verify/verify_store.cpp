#include "memory/verify/verify_store.hpp"

#include "memory/episodic_store.hpp"
#include "memory/text_index_store.hpp"

namespace mnema::verify_store {
namespace {

constexpr std::size_t kWrongThreadsShown = 10;

Result<std::int64_t> number(Transaction& transaction, const std::string& sql, TenantId tenant,
                            std::string_view text = {}, std::int64_t other = 0) {
  ASSIGN_OR_RETURN(Statement select, transaction.prepare(sql));
  select.bind(1, tenant);
  if (sql.find("?2") != std::string::npos) select.bind(2, text);
  if (sql.find("?3") != std::string::npos) select.bind(3, other);
  ASSIGN_OR_RETURN(const bool row, select.step());
  return row ? select.integer(0) : 0;
}

const std::string kEntries =
    " FROM memory_scopes s CROSS JOIN memory_entries e ON e.scope_id = s.scope_id WHERE s.tenant_id = ?1";

Status verify_vectors(Transaction& transaction, TenantId tenant, const std::string& embedder, int dimensions,
                      int attempts_max, VerifiedTenant& found) {
  const std::string vectors =
      "SELECT count(*) FROM memory_vectors v JOIN memory_embedders b ON b.embedder_id ="
      " v.embedder_id WHERE v.tenant_id = ?1 AND b.name ";
  ASSIGN_OR_RETURN(found.vectors, number(transaction, vectors + "= ?2", tenant, embedder));
  ASSIGN_OR_RETURN(found.vectors_of_others, number(transaction, vectors + "<> ?2", tenant, embedder));
  const std::string queue = "SELECT count(*)" + kEntries +
                            " AND EXISTS (SELECT 1 FROM memory_pending_vectors q"
                            " WHERE q.entry_id = e.entry_id AND q.attempts ";
  ASSIGN_OR_RETURN(found.waiting, number(transaction, queue + "< ?3)", tenant, {}, attempts_max));
  ASSIGN_OR_RETURN(found.refused, number(transaction, queue + ">= ?3)", tenant, {}, attempts_max));
  if (dimensions == 0) return {};
  ASSIGN_OR_RETURN(
      const std::int64_t without,
      number(transaction,
             "SELECT count(*)" + kEntries +
                 " AND NOT EXISTS (SELECT 1 FROM memory_pending_vectors q WHERE q.entry_id = e.entry_id)"
                 " AND NOT EXISTS (SELECT 1 FROM memory_vectors v JOIN memory_embedders b ON b.embedder_id ="
                 " v.embedder_id WHERE v.entry_id = e.entry_id AND b.name = ?2)",
             tenant, embedder));
  if (without > 0) {
    found.wrong.push_back(std::to_string(without) + " entries have no vector and wait for none (restore a backup)");
  }
  return {};
}

Status verify_threads(Transaction& transaction, const NumberedTenant& tenant, VerifiedTenant& found) {
  std::vector<std::string> names;
  {
    ASSIGN_OR_RETURN(Statement select, transaction.prepare("SELECT name FROM memory_threads WHERE tenant_id = ?1"
                                                           " ORDER BY name"));
    select.bind(1, tenant.id);
    for (;;) {
      ASSIGN_OR_RETURN(const bool row, select.step());
      if (!row) break;
      names.push_back(select.text(0));
    }
  }
  found.threads = static_cast<std::int64_t>(names.size());
  std::size_t broken = 0;
  for (const std::string& name : names) {
    const Status chain = episodic_store::verify_chain(transaction, tenant.name, name);
    if (chain.ok()) continue;
    if (chain.error().code == ErrorCode::kStorage) return chain;
    if (++broken <= kWrongThreadsShown) found.wrong.push_back(chain.error().message);
  }
  if (broken > kWrongThreadsShown) {
    found.wrong.push_back(std::to_string(broken - kWrongThreadsShown) + " more threads do not verify");
  }
  return {};
}

}  // namespace

Result<std::vector<NumberedTenant>> tenants(Transaction& transaction, const std::string& name) {
  ASSIGN_OR_RETURN(Statement select, transaction.prepare("SELECT tenant_id, name FROM memory_tenants"
                                                         " WHERE ?1 = '' OR name = ?1 ORDER BY name"));
  select.bind(1, std::string_view(name));
  std::vector<NumberedTenant> all;
  for (;;) {
    ASSIGN_OR_RETURN(const bool row, select.step());
    if (!row) return all;
    all.push_back({select.integer(0), select.text(1)});
  }
}

Result<VerifiedTenant> verify(Transaction& transaction, const NumberedTenant& tenant, const std::string& embedder,
                              int dimensions, int attempts_max) {
  VerifiedTenant found;
  found.name = tenant.name;
  ASSIGN_OR_RETURN(found.entries, number(transaction, "SELECT count(*)" + kEntries, tenant.id));
  ASSIGN_OR_RETURN(const text_index_store::Words words, text_index_store::count_wrong(transaction, tenant.id));
  found.words_waiting = !words.complete;
  if (words.complete && words.entries_without > 0) {
    found.wrong.push_back(std::to_string(words.entries_without) +
                          " entries are without words ('mnema memory rebuild')");
  }
  if (words.without_entry > 0) {
    found.wrong.push_back(std::to_string(words.without_entry) + " words are of no entry ('mnema memory rebuild')");
  }
  RETURN_IF_ERROR(verify_vectors(transaction, tenant.id, embedder, dimensions, attempts_max, found));
  RETURN_IF_ERROR(verify_threads(transaction, tenant, found));
  return found;
}

Status outdate_words(Transaction& transaction, const NumberedTenant& tenant) {
  ASSIGN_OR_RETURN(const bool there, text_index_store::has_table(transaction, tenant.id));
  return there ? text_index_store::outdate(transaction, tenant.id) : Status();
}

}  // namespace mnema::verify_store
