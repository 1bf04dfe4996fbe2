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
#include "memory/vector/codec.hpp"
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

/// An episode with its place in a chain, as an export has it.
struct ChainedEpisode {
  EntryId id = 0;
  std::int64_t sequence = 0;
  Episode episode;  // its thread is named
  std::string salt, payload_hash, chain_hash;
};
/// Puts an episode where it was in its thread, under its id where that is free. 0: it is there, or was erased here.
/// Errors: `kInvalidArgument` (its hash is not that of its words), `kFailedPrecondition` (another stands there, or
/// none before it).
[[nodiscard]] Result<EntryId> restore(Transaction& transaction, const ChainedEpisode& episode, const TermMaker& terms);
/// Likewise only the place: of one that was erased, or that is not exported.
[[nodiscard]] Result<bool> restore_place(Transaction& transaction, const ChainedEpisode& place);
/// `wanted`, unless an entry or a place has it; then the next one that none ever had.
[[nodiscard]] Result<EntryId> free_id(Transaction& transaction, EntryId wanted);

struct Erased {
  TenantId tenant = 0;
  std::vector<VectorLabel> removed;  // labels of vectors that went
};
/// Erases an episode: its row, words, vectors and payload. Its place in the chain stays, with the hash of what is gone.
/// The two turns after it, which were embedded behind it, are put into the embedding queue again. `tag`: random, for
/// the log of vectors. `tenant`: whose it must be; empty: anybody's. Errors: `kNotFound`.
[[nodiscard]] Result<Erased> erase(Transaction& transaction, EpisodeId episode, const std::string& tenant,
                                   std::int64_t tag);

/// Errors: `kCorrupt` naming the first episode that does not fit, `kNotFound`. What was erased fits by its hash.
[[nodiscard]] Status verify_chain(Transaction& transaction, const std::string& tenant, const std::string& thread);

}  // namespace mnema::episodic_store
