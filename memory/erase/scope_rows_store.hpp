// memory/erase/scope_rows_store.hpp
//
// What the log, the documents and the facts hold of a scope, as rows: counted and erased (export/rows_store.hpp writes
// and reads them). And the rows that go with the last one that names them: threads, and scopes themselves.
//
// Threads: writing functions inside a unit of work; reading ones also inside Database::read.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "memory/erase/erasure.hpp"
#include "memory/erase/holding.hpp"

namespace mnema::scope_rows_store {

/// Claims, and the facts and conflicts that were made of them; a key's claims at a time, so that its facts are always
/// what its claims give.
[[nodiscard]] Holding facts();
/// Documents, retired ones too, with their chunks: out of sight first, then away.
[[nodiscard]] Holding documents();
/// Episodes with their words and vectors; the newest first, so that those behind one need not be embedded again. Their
/// places in the hash chains stay until the whole thread goes.
[[nodiscard]] Holding episodes();

/// Erases one entry and what is held because of it. None: it is not there, or not the tenant's.
[[nodiscard]] Result<std::optional<EraseCounts>> erase_entry(Transaction& transaction, TenantId tenant, EntryId entry,
                                                             EraseContext& context);

struct NumberedScope {
  ScopeKey key;
  Scope scope;
};
/// The first scope above `after` that has all names of `wanted`; none: there is no more.
[[nodiscard]] Result<std::optional<NumberedScope>> next_scope(Transaction& transaction, TenantId tenant,
                                                              const Scope& wanted, ScopeId after);
[[nodiscard]] Status remove_scope(Transaction& transaction, ScopeId scope);

/// Entries of the thread that is called as the session, where they have the other names of `wanted`.
[[nodiscard]] Result<std::vector<EntryId>> entries_of_session(Transaction& transaction, TenantId tenant,
                                                              const Scope& wanted, int count_max);
/// How many those are.
[[nodiscard]] Result<std::int64_t> count_of_session(Transaction& transaction, TenantId tenant, const Scope& wanted);
/// Whether the entry is there, and the tenant's.
[[nodiscard]] Result<bool> has_entry(Transaction& transaction, TenantId tenant, EntryId entry);
/// Whose the entry is.
[[nodiscard]] Result<std::optional<Scope>> owner_of(Transaction& transaction, TenantId tenant, EntryId entry);

struct ThreadsErased {
  int rows = 0;
  std::int64_t cursor = 0;  // to go on behind
  bool done = false;
};
/// Removes threads of which no episode is left, with the places that erased ones had in their chains: about `rows_max`
/// rows, among the threads behind `cursor`.
[[nodiscard]] Result<ThreadsErased> erase_empty_threads(Transaction& transaction, TenantId tenant, std::int64_t cursor,
                                                        int rows_max);

}  // namespace mnema::scope_rows_store
