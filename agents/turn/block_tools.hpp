// agents/turn/block_tools.hpp
//
// The tools by which a model changes the blocks of working memory, where its agent lets it
// (AgentBuilder::edits_blocks). They are the runtime's own: no tool of the agent may have their names.
//
// Threads: pure functions.
#pragma once

#include <string>
#include <vector>

#include "inference/request.hpp"
#include "memory/blocks/block.hpp"

namespace mnema {

inline constexpr const char* kBlockAppend = "memory_append";
inline constexpr const char* kBlockReplace = "memory_replace";

[[nodiscard]] std::vector<ToolDefinition> block_tools();
[[nodiscard]] bool is_block_tool(const std::string& name);

/// What a call asks for: `name`, `kind`, `text`, `replaced` of an edit. Errors: `kInvalidArgument`, for the model to
/// read.
[[nodiscard]] Result<BlockEdit> block_edit_of(const ToolCall& call);

}  // namespace mnema
