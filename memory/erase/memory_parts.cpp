#include "memory/erase/memory_parts.hpp"

#include "memory/erase/scope_rows_store.hpp"
#include "memory/erase_holdings.hpp"
#include "memory/text_index_store.hpp"

namespace mnema {
namespace {

using Step = ErasePart::Step;

constexpr int kScopesLookedAtMax = 64;  // empty ones, in one unit of work
constexpr int kMergedPages = 32;        // of a text index, likewise: about 2 ms

/// One unit of the rows: an entry, or a slice of the session's thread, or of the next scope.
Result<Step> erase_rows(Transaction& transaction, TenantId tenant, const EraseTarget& target, std::int64_t cursor,
                        int rows_max, EraseContext& context) {
  Step step;
  step.cursor = cursor;
  const auto erase_entries = [&](const std::vector<EntryId>& entries) -> Status {
    for (const EntryId entry : entries) {
      ASSIGN_OR_RETURN(const auto counts, scope_rows_store::erase_entry(transaction, tenant, entry, context));
      if (!counts) continue;
      for (const auto& [name, count] : *counts) step.counts[name] += count;
    }
    return {};
  };
  if (target.entry != 0) {
    RETURN_IF_ERROR(erase_entries({target.entry}));
    step.done = true;
    return step;
  }
  if (!target.scope.session.empty() && cursor == 0) {
    ASSIGN_OR_RETURN(const std::vector<EntryId> entries,
                     scope_rows_store::entries_of_session(transaction, tenant, target.scope, rows_max));
    RETURN_IF_ERROR(erase_entries(entries));
    if (!entries.empty()) return step;
  }
  for (int looked_at = 0; looked_at < kScopesLookedAtMax; ++looked_at) {
    ASSIGN_OR_RETURN(const auto scope, scope_rows_store::next_scope(transaction, tenant, target.scope, step.cursor));
    if (!scope) {
      step.done = true;
      return step;
    }
    for (const Holding& holding : holdings()) {
      if (!holding.erase) continue;
      ASSIGN_OR_RETURN(const int erased, holding.erase(transaction, scope->key, rows_max, context));
      if (erased == 0) continue;
      if (!context.is_part) step.counts[holding.name] += erased;
      step.cursor = scope->key.scope - 1;
      return step;
    }
    RETURN_IF_ERROR(scope_rows_store::remove_scope(transaction, scope->key.scope));
    step.cursor = scope->key.scope;
  }
  return step;
}

Result<EraseCounts> count_rows(Transaction& transaction, const EraseTarget& target) {
  EraseCounts counts;
  ASSIGN_OR_RETURN(const auto tenant, scope_store::find_tenant(transaction, target.scope.tenant));
  if (!tenant) return counts;
  if (target.entry != 0) {
    counts["entries"] = 1;
    return counts;
  }
  if (!target.scope.session.empty()) {
    ASSIGN_OR_RETURN(const std::int64_t entries,
                     scope_rows_store::count_of_session(transaction, *tenant, target.scope));
    if (entries > 0) counts["episodes"] += entries;
  }
  for (ScopeId after = 0;;) {
    ASSIGN_OR_RETURN(const auto scope, scope_rows_store::next_scope(transaction, *tenant, target.scope, after));
    if (!scope) return counts;
    after = scope->key.scope;
    for (const Holding& holding : holdings()) {
      if (!holding.count) continue;
      ASSIGN_OR_RETURN(const std::int64_t count, holding.count(transaction, scope->key));
      if (count > 0) counts[holding.name] += count;
    }
  }
}

}  // namespace

std::vector<ErasePart> memory_parts(MemoryPartsOf of) {
  ErasePart rows;
  rows.name = "memory";
  rows.rows = [followers = of.followers, facts = of.facts, procedures = of.procedures, draw_tag = of.draw_tag](
                  Transaction& transaction, const EraseTarget& target, std::int64_t cursor,
                  int rows_max) -> Result<Step> {
    ASSIGN_OR_RETURN(const auto tenant, scope_store::find_tenant(transaction, target.scope.tenant));
    if (!tenant) return Step{{}, 0, true, {}};
    EraseContext context{draw_tag(), facts, procedures, {}};
    ASSIGN_OR_RETURN(Step step, erase_rows(transaction, *tenant, target, cursor, rows_max, context));
    RETURN_IF_ERROR(followers.follow(transaction, *tenant, std::move(context.removed)));
    return step;
  };
  rows.count = count_rows;

  ErasePart threads;
  threads.name = "threads";
  threads.only_after_rows = true;
  threads.rows = [](Transaction& transaction, const EraseTarget& target, std::int64_t cursor,
                    int rows_max) -> Result<Step> {
    ASSIGN_OR_RETURN(const auto tenant, scope_store::find_tenant(transaction, target.scope.tenant));
    // One erased entry keeps its place, and the thread its chain.
    if (!tenant || target.entry != 0) return Step{{}, 0, true, {}};
    ASSIGN_OR_RETURN(const scope_rows_store::ThreadsErased erased,
                     scope_rows_store::erase_empty_threads(transaction, *tenant, cursor, rows_max));
    Step step{{}, erased.cursor, erased.done, {}};
    if (erased.rows > 0) step.counts["places_in_threads"] = erased.rows;
    return step;
  };

  ErasePart words;
  words.name = "words";
  words.only_after_rows = true;
  words.rows = [](Transaction& transaction, const EraseTarget& target, std::int64_t cursor, int) -> Result<Step> {
    ASSIGN_OR_RETURN(const auto tenant, scope_store::find_tenant(transaction, target.scope.tenant));
    if (!tenant) return Step{{}, 0, true, {}};
    ASSIGN_OR_RETURN(const bool done, text_index_store::merge_removed(transaction, *tenant, cursor == 0, kMergedPages));
    return Step{{}, cursor + 1, done, {}};
  };

  ErasePart files;
  files.name = "index files";
  files.only_after_rows = true;
  files.elsewhere = [&database = of.database, &background = of.background, index = of.followers.index](
                        const EraseTarget& target, Executor& reply_to,
                        std::function<void(Result<std::string>)> on_done) {
    index->when_applied(
        [&database, &background, index, tenant = target.scope.tenant, &reply_to, on_done = std::move(on_done)] {
          // Not on the index's own strand, whose work waits for what this holds.
          background.post([&database, index, tenant, &reply_to, on_done] {
            Result<std::string> done = std::string();
            const auto id = database.read<std::optional<TenantId>>(
                [&](Transaction& transaction) { return scope_store::find_tenant(transaction, tenant); });
            if (!id.ok()) {
              done = id.error();
            } else if (*id) {
              if (const Status renewed = index->renew(database, **id); !renewed.ok()) done = renewed.error();
            }
            reply_to.post([on_done, done] { on_done(done); });
          });
        });
  };

  ErasePart log;
  log.name = "log";
  log.elsewhere = [&database = of.database](const EraseTarget&, Executor& reply_to,
                                            std::function<void(Result<std::string>)> on_done) {
    database.empty_log(reply_to, [on_done = std::move(on_done)](const Result<bool>& emptied) {
      if (!emptied.ok()) return on_done(emptied.error());
      on_done(*emptied ? std::string() : "somebody reads an older state of the data file");
    });
  };
  std::vector<ErasePart> parts;
  for (ErasePart* part : {&rows, &threads, &words, &files, &log}) parts.push_back(std::move(*part));
  return parts;
}

}  // namespace mnema
