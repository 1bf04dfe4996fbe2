// memory/entry_filter_store.hpp
//
// Which entries a question is about, as one condition of SQL, so that whoever counts rows counts only those. Every way
// that leads to an entry (words, time, a vector's row) goes through it: nothing that the asker may not see, and nothing
// that the question does not want, comes out of the rows.
//
// Threads: plain values; `bind` with the statement's transaction.
#pragma once

#include <optional>
#include <string>
#include <unordered_set>

#include "memory/record.hpp"
#include "memory/scope_store.hpp"
#include "runtime/store/database.hpp"

namespace mnema {

class EntryFilter {
 public:
  /// Of `query` counts what narrows it: kind, times, collection and what is excluded.
  EntryFilter(VisibleScopes visible, const RecallQuery& query);

  [[nodiscard]] const VisibleScopes& visible() const { return visible_; }
  /// The question wants not all that its asker may see.
  [[nodiscard]] bool narrows() const;

  /// The same without what excludes a thread, for who looks at many rows and knows the thread's entries
  /// (entries_of_thread): asking each row which thread it is of costs more than all the rest.
  [[nodiscard]] EntryFilter in_all_threads() const;

  /// To stand behind WHERE in a query over `memory_entries e`. Its parameters are those before ?16.
  static const std::string kCondition;
  void bind(Statement& statement) const;

 private:
  VisibleScopes visible_;
  std::optional<std::int64_t> kind_;
  std::int64_t from_us_;
  std::int64_t to_us_;
  std::string collection_;
  std::string thread_excluded_;
  std::string uris_excluded_;     // a JSON array
  std::string entries_excluded_;  // likewise
};

/// Those of a thread of this tenant, or none. A thread may have as many turns as a tenant.
[[nodiscard]] Result<std::unordered_set<EntryId>> entries_of_thread(Transaction& transaction, TenantId tenant,
                                                                    const std::string& thread);

}  // namespace mnema
