// memory/text_index_store.hpp
//
// Words of entries, searchable: one FTS5 table per tenant over the terms of memory/text_terms.hpp, so that no query can
// touch another tenant's words, not even through their statistics. A term of its own says which scope an entry is of: a
// search walks only what its asker may see, and how rare a word is (memory/bm25.hpp) is counted among that alone.
//
// A tenant's table is made by a unit of work that writes nothing into it: SQLite cannot undo a table together with rows
// in it, and a unit that failed after both would take its whole commit group with it. Entries that come before their
// table get their words afterwards (memory/text_index_keeper.hpp).
//
// Threads: each function inside a unit of work; `search` also inside Database::read.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "memory/entry_filter_store.hpp"
#include "memory/record.hpp"
#include "memory/scope_store.hpp"
#include "runtime/store/database.hpp"

namespace mnema::text_index_store {

/// An entry with some of the terms searched for.
struct TextMatch {
  EntryId entry = 0;
  int length = 0;           // in terms
  std::vector<int> counts;  // of each term searched for
};
struct TextMatches {
  std::vector<std::string> terms;  // searched for
  std::int64_t entries = 0;        // visible to the asker, counted up to a bound
  std::vector<TextMatch> found;    // in no order
};

/// Adds the words of an entry, unless its tenant has no table yet.
[[nodiscard]] Status add(Transaction& transaction, const ScopeKey& where, EntryId entry, const std::string& words);
[[nodiscard]] Status remove(Transaction& transaction, TenantId tenant, EntryId entry);

/// What `filter` admits and has any of the terms. Where that is more than about `count_max`, the commonest terms are
/// searched for no more, but still counted; the rarest always is.
[[nodiscard]] Result<TextMatches> search(Transaction& transaction, const EntryFilter& filter,
                                         const std::vector<std::string>& terms, int count_max);

[[nodiscard]] Result<bool> has_table(Transaction& transaction, TenantId tenant);
/// True: some tenant has none.
[[nodiscard]] Result<bool> table_is_missing(Transaction& transaction);
/// In a unit of its own. A tenant with entries is outdated afterwards: those have no words.
[[nodiscard]] Status make_table(Transaction& transaction, TenantId tenant, const std::string& format);

/// A tenant whose words are not all there, or were made by another format.
struct Outdated {
  TenantId tenant = 0;
  bool has_table = false;
  EntryId last = 0;  // later entries have their words
};
[[nodiscard]] Result<std::optional<Outdated>> find_outdated(Transaction& transaction, const std::string& format);

struct Searched {
  EntryId entry = 0;
  ScopeId scope = 0;
  std::string text;  // what the entry is found by, headings included
};
/// Entries of a tenant above `after` and up to `last`, in order.
[[nodiscard]] Result<std::vector<Searched>> searched_texts(Transaction& transaction, TenantId tenant, EntryId after,
                                                           EntryId last, int count_max);
/// Gives an entry these words instead of those it has; nothing, when the entry has gone.
[[nodiscard]] Status replace(Transaction& transaction, const ScopeKey& where, EntryId entry, const std::string& words);
/// All words of the tenant are of this format now.
[[nodiscard]] Status set_format(Transaction& transaction, TenantId tenant, const std::string& format);

/// Removed words stay in the index's segments until those are merged. Merges about `pages` of a tenant's; `begin`: all
/// segments there are now. True: nothing is left to merge, and of entries removed before `begin` no word is left.
[[nodiscard]] Result<bool> merge_removed(Transaction& transaction, TenantId tenant, bool begin, int pages);

/// Of one tenant.
struct Words {
  bool complete = false;  // all should be there
  std::int64_t entries_without = 0;
  std::int64_t without_entry = 0;
};
[[nodiscard]] Result<Words> count_wrong(Transaction& transaction, TenantId tenant);
/// Words without an entry go; the others are outdated, as if the format had changed.
[[nodiscard]] Status outdate(Transaction& transaction, TenantId tenant);

/// Of the tenants whose words should all be there. Errors: `kCorrupt`: an entry without words, or words without one.
[[nodiscard]] Status check_integrity(Transaction& transaction);

}  // namespace mnema::text_index_store
