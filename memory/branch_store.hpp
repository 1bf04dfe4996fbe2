// memory/branch_store.hpp
//
// Branches of a chat. A client that edits a message, or has an answer made again, goes on from an earlier turn: what
// was said behind it is no longer part of the talk, and no longer recalled. Each chat turn knows the turn it follows;
// the ones from the newest to the first are the talk, the others are abandoned, until somebody goes on from one of
// them. Their rows stay in the log.
//
// Threads: each function inside a unit of work.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "memory/record.hpp"
#include "runtime/store/database.hpp"

namespace mnema::branch_store {

/// The number of the last episode of a thread; 0: there is none.
[[nodiscard]] Result<std::int64_t> last_sequence(Transaction& transaction, const std::string& tenant,
                                                 const std::string& thread);

/// A turn follows the one that ended with episode `parent`; none: nobody knows, and it follows the newest. Abandons and
/// takes up episodes accordingly; returns those whose standing changed.
[[nodiscard]] Result<std::vector<EpisodeId>> follow(Transaction& transaction, const std::string& tenant,
                                                    const std::string& thread, std::optional<std::int64_t> parent);

/// The turn that followed `parent` wrote the episodes from `first` to `last`.
[[nodiscard]] Status add_turn(Transaction& transaction, const std::string& tenant, const std::string& thread,
                              std::optional<std::int64_t> parent, std::int64_t first, std::int64_t last);

}  // namespace mnema::branch_store
