// memory/entry_store.hpp
//
// Entries, whatever they are: the row, its words and its place in the embedding queue are made together and go
// together.
//
// Threads: writing functions inside a unit of work; reading ones also inside Database::read.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "memory/entry_filter_store.hpp"
#include "memory/record.hpp"
#include "memory/scope_store.hpp"
#include "memory/vector/codec.hpp"
#include "runtime/store/database.hpp"

namespace mnema::entry_store {

struct NewEntry {
  ScopeKey where;
  EntryKind kind = EntryKind::kEpisode;
  std::optional<DocumentId> document;
  Time time{};
  Trust trust = Trust::kExternal;
  std::string text;
  std::string words;  // TermMaker::joined of what it is found by
  EntryId id = 0;     // 0: the next one; else one that no entry has (imports)
};

[[nodiscard]] Result<EntryId> add(Transaction& transaction, const NewEntry& entry);
/// Returns the labels of the vectors that went with it.
[[nodiscard]] Result<std::vector<VectorLabel>> remove(Transaction& transaction, TenantId tenant, EntryId entry,
                                                      std::int64_t tag);

/// What a recall shows of an entry.
struct LoadedEntry {
  EntryId id = 0;
  ScopeId scope = 0;
  std::string text;
  Provenance source;
};
/// In the order of `entries`, without those that are not there or that `filter` does not admit.
[[nodiscard]] Result<std::vector<LoadedEntry>> load(Transaction& transaction, const std::vector<EntryId>& entries,
                                                    const EntryFilter& filter);

/// What `filter` admits, newest first.
[[nodiscard]] Result<std::vector<EntryId>> newest(Transaction& transaction, const EntryFilter& filter, int count_max);

}  // namespace mnema::entry_store
