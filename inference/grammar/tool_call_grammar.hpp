// inference/grammar/tool_call_grammar.hpp
//
// Tool calls as a grammar: what chat/tool_calls.hpp reads, written the way the models' templates show it.
//
//   <tool_call>
//   {"name": "weather", "arguments": {...}}
//   </tool_call>
//
// A tool without parameters is called with {}.
//
// Threads: pure.
#pragma once

#include "inference/grammar/expression.hpp"
#include "inference/request.hpp"
#include "runtime/base/result.hpp"

namespace mnema::grammar {

/// A tool without parameters gets {}. Errors: `kInvalidArgument` (no tools, or parameters that are no object's schema),
/// `kUnsupported` (a keyword that cannot be honoured); both name the tool, and are about the part "tools" of a request.
/// Also those of the shape that an answer may have instead.
[[nodiscard]] Result<Rules> rules_of_tool_calls(const ToolCallConstraint& constraint);

}  // namespace mnema::grammar
