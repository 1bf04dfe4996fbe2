// memory/blocks/block_store.hpp
//
// Blocks as rows, with the texts they had. Whoever changes one, a turn, a tool of the model, an operator or an import,
// comes through `edit` or `import_block`, where its bounds are.
//
// Threads: writing functions inside a unit of work; reading ones also inside Database::read.
#pragma once

#include <string>
#include <vector>

#include "memory/blocks/block.hpp"
#include "memory/scope_store.hpp"
#include "runtime/store/database.hpp"

namespace mnema::block_store {

/// More changes than anybody makes; what is above it is no version.
inline constexpr std::int64_t kVersionMax = std::int64_t{1} << 53;

/// Makes the block if there is none. Returns it as it is then. Errors: those of `edited`; `kAborted` (a conflict: the
/// version is not the block's), `kResourceExhausted` (limits.blocks_max), `kInvalidArgument` (the name).
[[nodiscard]] Result<Block> edit(Transaction& transaction, const BlockEdit& edit, const BlockLimits& limits, Time now);
/// Gives the block (`edit`'s scope and name) the text that it had in version `to`, as a new version. Errors: as `edit`;
/// `kNotFound`, naming the versions there are.
[[nodiscard]] Result<Block> restore(Transaction& transaction, const BlockEdit& edit, std::int64_t to,
                                    const BlockLimits& limits, Time now);
/// With its history; `edit` says which, and may say from which version. Errors: `kNotFound`, `kAborted`.
[[nodiscard]] Status remove(Transaction& transaction, const BlockEdit& edit);
/// Stores a block with the texts it had, oldest first. False: it is here. Errors: `kInvalidArgument` (no versions, or
/// not in their order; the name), `kResourceExhausted`, `kFailedPrecondition` (it is here with another text).
[[nodiscard]] Result<bool> import_block(Transaction& transaction, std::vector<Block> versions,
                                        const BlockLimits& limits);
/// Blocks of exactly this scope, at most `count_max`, with their history and what is kept of removed ones. Returns how
/// many went.
[[nodiscard]] Result<int> erase(Transaction& transaction, ScopeId scope, int count_max);

/// The block of exactly this scope; one of version 0 if there is none.
[[nodiscard]] Result<Block> find(Transaction& transaction, const Scope& scope, const std::string& name);
/// Those of exactly this scope, by name.
[[nodiscard]] Result<std::vector<Block>> of_scope(Transaction& transaction, const Scope& scope);
/// Those that `asker` sees, by name; of one name that of the most first.
[[nodiscard]] Result<std::vector<Block>> seen_by(Transaction& transaction, const Scope& asker);
/// For who administers a tenant: all of it, with `agent` that agent's, with `user` that user's. By agent, user, name.
[[nodiscard]] Result<std::vector<Block>> list(Transaction& transaction, const std::string& tenant,
                                              const std::optional<std::string>& agent,
                                              const std::optional<std::string>& user, int count_max);
/// Newest first, the present one included.
[[nodiscard]] Result<std::vector<Block>> history(Transaction& transaction, const Scope& scope, const std::string& name);
[[nodiscard]] Result<std::int64_t> count(Transaction& transaction);

/// Every block is the newest of its versions. Errors: `kCorrupt`.
[[nodiscard]] Status check_integrity(Transaction& transaction);

}  // namespace mnema::block_store
