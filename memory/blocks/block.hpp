// memory/blocks/block.hpp
//
// The noun of working memory: a small named text that stands in every prompt of an agent, or of an agent and one user.
// Of one name both may be there: none takes the place of the other. What it says of how things are to be done is
// guidance: it counts more than what was learned.
//
// Threads: plain values.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "memory/record.hpp"
#include "runtime/base/limits.hpp"
#include "runtime/base/result.hpp"

namespace mnema {

struct Block {
  Scope scope;       // {tenant, agent} or {tenant, agent, user}; of events without a user their key's
  std::string name;  // letters, digits, "_" and "-"
  std::string text;
  std::int64_t version = 0;  // counted from 1, on where it was removed and made again; 0: it does not exist
  Trust trust = Trust::kExternal;
  Time changed{};
  std::string changed_by;  // "agent clerk", "operator"

  bool operator==(const Block&) const = default;
};

enum class BlockEditKind : int { kSet = 0, kAppend = 1, kReplace = 2 };

struct BlockEdit {
  Scope scope;  // whose
  std::string name;
  BlockEditKind kind = BlockEditKind::kSet;
  std::string text;      // the whole text; what is put behind it on a line of its own; or what takes the place of
  std::string replaced;  // this part, which must stand there exactly once
  /// The version that the edit was made from: where the block has another one meanwhile, it is a conflict. None: it is
  /// made to what stands there then.
  std::optional<std::int64_t> version;
  Trust trust = Trust::kExternal;  // of whoever edits; the block's is the weakest of its parts
  std::string by;
};

/// The fields of Limits that bound working memory.
struct BlockLimits {
  BlockLimits() : BlockLimits(Limits()) {}
  explicit BlockLimits(const Limits& limits)
      : bytes_max(limits.block_bytes_max), blocks_max(limits.blocks_max), versions_max(limits.block_versions_max) {}

  int bytes_max;
  int blocks_max;
  int versions_max;
};

/// The text that the edit makes of `before`. Errors: `kInvalidArgument` (the part to be replaced is not there, or
/// several times), `kResourceExhausted` (longer than limits.block_bytes_max), each with what to do.
[[nodiscard]] Result<std::string> edited(const std::string& before, const BlockEdit& edit, const BlockLimits& limits);
/// Errors: `kInvalidArgument`.
[[nodiscard]] Status check_block_name(const std::string& name);

/// Blocks as a prompt has them: the same blocks give the same bytes. Empty: there are none with a text.
[[nodiscard]] std::string text_of(const std::vector<Block>& blocks);

}  // namespace mnema
