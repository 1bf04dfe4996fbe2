// memory/episodic_store.hpp
//
// The log of what happened: immutable, in order within a thread, and chained by hashes, so that a missing or altered
// episode shows.
//
//   payload_hash = SHA-256(salt, kind, role, text, time, trust, attributes)      the salt keeps an erased text
//   unpredictable chain_hash   = SHA-256(chain_hash before, sequence, payload_hash)
//
// Threads: writing functions inside a unit of work; reading ones also inside Database::read.
#pragma once

#include <string>
#include <vector>

#include "memory/record.hpp"
#include "memory/scope_store.hpp"
#include "memory/text_terms.hpp"
#include "runtime/store/database.hpp"

namespace mnema::episodic_store {

/// `salt`: 16 random bytes. Errors: `kInvalidArgument` (no thread and no session), `kStorage`.
[[nodiscard]] Result<EpisodeId> append(Transaction& transaction, const Episode& episode, const std::string& salt,
                                       const TermMaker& terms);

/// The last `count_max`, oldest first, as far as `asker` may see them.
[[nodiscard]] Result<std::vector<StoredEpisode>> thread(Transaction& transaction, const Scope& asker,
                                                        const std::string& thread, int count_max);

/// An episode by its place alone.
struct TurnText {
  EntryId entry = 0;
  std::int64_t sequence = 0;
  std::string text;
};
/// Of a thread those from `first` to `last` that are visible, in order.
[[nodiscard]] Result<std::vector<TurnText>> turns(Transaction& transaction, const VisibleScopes& visible,
                                                  const std::string& thread, std::int64_t first, std::int64_t last);

/// Errors: `kCorrupt` naming the first episode that does not fit, `kNotFound`.
[[nodiscard]] Status verify_chain(Transaction& transaction, const std::string& tenant, const std::string& thread);

}  // namespace mnema::episodic_store
