// memory/text_index_store.hpp
//
// Words of entries, searchable: one FTS5 table per tenant over the terms of memory/text_terms.hpp, so that no query can
// touch another tenant's words, not even through their statistics.
//
// Threads: each function inside a unit of work; `search` also inside Database::read.
#pragma once

#include <string>
#include <vector>

#include "memory/entry_filter_store.hpp"
#include "memory/record.hpp"
#include "memory/scope_store.hpp"
#include "memory/text_terms.hpp"
#include "runtime/database.hpp"

namespace mnema::text_index_store {

struct TextMatch {
  EntryId entry = 0;
  double score = 0;  // BM25, the larger the better
};

/// Adds the words of an entry; makes the tenant's table when it has none.
[[nodiscard]] Status add(Transaction& transaction, TenantId tenant, EntryId entry, const std::string& text,
                         const TermMaker& terms);
[[nodiscard]] Status remove(Transaction& transaction, TenantId tenant, EntryId entry);

/// Best first, only what `filter` admits. Any of the terms may match.
[[nodiscard]] Result<std::vector<TextMatch>> search(Transaction& transaction, const EntryFilter& filter,
                                                    const std::vector<std::string>& terms, int count_max);

/// Tenants whose words were made by another `format` than this.
[[nodiscard]] Result<std::vector<TenantId>> outdated(Transaction& transaction, const std::string& format);
/// Makes the words of all entries of a tenant again.
[[nodiscard]] Status rebuild(Transaction& transaction, TenantId tenant, const TermMaker& terms);

/// Errors: `kCorrupt`: an entry without words, or words without an entry.
[[nodiscard]] Status check_integrity(Transaction& transaction);

}  // namespace mnema::text_index_store
