// memory/vector_store.hpp
//
// Vectors as rows, the log of their changes, and the queue of entries that have none yet. The rows are the truth; the
// index in memory follows them. A turn is embedded behind the turns before it: an answer often means nothing without
// what was asked. (Who erases an episode must have the next two embedded again.) Beside its vector a row keeps those of
// its own tokens, as they were read there (memory/vector/token_codec.hpp): of turns that are no longer than a page, by
// an embedder that tells them. Without them, null, a row is ranked by the rest.
//
// Threads: writing functions inside a unit of work; reading ones also inside Database::read.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "memory/entry_filter_store.hpp"
#include "memory/record.hpp"
#include "memory/scope_store.hpp"
#include "memory/vector/codec.hpp"
#include "runtime/store/database.hpp"

namespace mnema::vector_store {

/// Persisted: never renumber.
enum class ChangeKind : int { kAdd = 1, kRemove = 2 };

struct VectorRow {
  VectorLabel label = 0;
  EntryId entry = 0;
  TenantId tenant = 0;
  ScopeId scope = 0;
  std::vector<float> vector;  // [dimensions]
};

/// The log tells one history of the rows from another: a restored file may use the same numbers for other changes.
struct Change {
  std::int64_t id = 0;
  std::int64_t tag = 0;  // drawn when the change was made
};

struct PendingEntry {
  EntryId entry = 0;
  std::string text;  // as it is embedded: headings, speaker or the turns of its context before the text
  int attempts = 0;  // in which the embedder refused it
  std::optional<std::size_t> tokens_from;  // tokens from this byte on are to be kept; none: no tokens of it are
};

[[nodiscard]] Result<std::string> database_id(Transaction& transaction);
/// The number of an embedder, made on first use. Errors: `kFailedPrecondition` (known with other dimensions).
[[nodiscard]] Result<std::int64_t> intern_embedder(Transaction& transaction, const std::string& name, int dimensions);
/// Also to read with; none: it never wrote a vector. Errors: as `intern_embedder`.
[[nodiscard]] Result<std::optional<std::int64_t>> find_embedder(Transaction& transaction, const std::string& name,
                                                                int dimensions);

/// Puts an entry into the queue.
[[nodiscard]] Status enqueue(Transaction& transaction, EntryId entry);
/// The embedder that new entries are given vectors of; empty: there was none yet.
[[nodiscard]] Result<std::string> present_embedder(Transaction& transaction);
/// Puts the entries among the first `count_max` above `after` that have no vector of `embedder`, or with `tokens` no
/// tokens beside it that they should have, into the queue, and forgets how often another embedder refused them.
/// Returns the last of those entries; none: there are no more.
[[nodiscard]] Result<std::optional<EntryId>> enqueue_without_vector(Transaction& transaction, std::int64_t embedder,
                                                                    bool tokens, EntryId after, int count_max);
[[nodiscard]] Status set_present_embedder(Transaction& transaction, const std::string& name);
/// Whose tokens every row has that should have some, and their format; empty: some lack them.
[[nodiscard]] Result<std::string> present_tokens(Transaction& transaction);
[[nodiscard]] Status set_present_tokens(Transaction& transaction, const std::string& name);
/// Of those refused fewer than `attempts_below` times the least refused, the newest first: what was just said is asked
/// for sooner than what a folder has brought.
[[nodiscard]] Result<std::vector<PendingEntry>> pending(Transaction& transaction, int attempts_below, int count_max);
/// Counts one more attempt in which the embedder refused the entry; nothing, when the entry has gone.
[[nodiscard]] Status count_refusal(Transaction& transaction, EntryId entry);
struct PendingCounts {
  std::int64_t waiting = 0;
  std::int64_t refused = 0;  // `attempts_max` times: they stay without a vector
};
[[nodiscard]] Result<PendingCounts> pending_counts(Transaction& transaction, int attempts_max);

/// Stores the vector of an entry that is still there, and the record of its tokens where it is given one, and takes it
/// out of the queue. None: the entry has gone, or had its vector, which stays as it is.
[[nodiscard]] Result<std::optional<VectorRow>> add(Transaction& transaction, EntryId entry, std::int64_t embedder,
                                                   std::vector<float> vector, const std::optional<std::string>& tokens,
                                                   std::int64_t tag);
/// Removes the vectors of an entry, of all embedders, and its place in the queue. Returns the labels that went.
[[nodiscard]] Result<std::vector<VectorLabel>> remove(Transaction& transaction, TenantId tenant, EntryId entry,
                                                      std::int64_t tag);

/// Every vector of a tenant, in no order: sorting would carry every one of them through a temporary file.
[[nodiscard]] Status each_vector(Transaction& transaction, TenantId tenant, std::int64_t embedder,
                                 const std::function<void(const VectorRow&)>& each);
[[nodiscard]] Result<std::optional<VectorRow>> find(Transaction& transaction, VectorLabel label);
/// Whose vector a label is.
struct LabelledEntry {
  VectorLabel label = 0;
  EntryId entry = 0;
};
/// Of these labels those whose entry `filter` admits.
[[nodiscard]] Result<std::vector<LabelledEntry>> entries_of(Transaction& transaction,
                                                            const std::vector<VectorLabel>& labels,
                                                            const EntryFilter& filter);
/// The vectors of these entries by the embedder of that name.
[[nodiscard]] Result<std::vector<LabelledEntry>> labels_of(Transaction& transaction,
                                                           const std::vector<EntryId>& entries,
                                                           const std::string& embedder);
/// Calls `each` with the record of tokens of those of these entries that have one by the embedder of that name. The
/// view is valid during the call.
[[nodiscard]] Status each_tokens(Transaction& transaction, const std::vector<EntryId>& entries,
                                 const std::string& embedder,
                                 const std::function<void(EntryId entry, std::string_view record)>& each);
/// Over all tenants.
[[nodiscard]] Result<std::int64_t> vector_count(Transaction& transaction, std::int64_t embedder);
/// Labels of a tenant, sorted.
[[nodiscard]] Result<std::vector<VectorLabel>> labels(Transaction& transaction, TenantId tenant, std::int64_t embedder);
[[nodiscard]] Result<std::vector<TenantId>> tenants(Transaction& transaction);

/// The last change of a tenant at or before `at_most`; id 0: there is none.
[[nodiscard]] Result<Change> last_change(Transaction& transaction, TenantId tenant, std::int64_t embedder,
                                         std::int64_t at_most);

/// Deletes, oldest first, up to `count_max` changes of the tenant that no snapshot is compared with any more: those of
/// `embedder` before `snapshot_change`, and those of other embedders before their last. Returns how many.
[[nodiscard]] Result<int> trim_changes(Transaction& transaction, TenantId tenant, std::int64_t embedder,
                                       std::int64_t snapshot_change, int count_max);

/// Every entry has a vector of this embedder or a place in the queue. Errors: `kCorrupt`.
[[nodiscard]] Status check_integrity(Transaction& transaction, const std::string& embedder);

}  // namespace mnema::vector_store
