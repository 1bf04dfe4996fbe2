// agents/tool_arguments.hpp
//
// The arguments of a model's tool call, held to the schema of the tool before it runs. What does not fit is told to the
// model, with the place (a JSON pointer) and what was expected there, so that it can call again.
//
// Threads: pure functions; a compiled tool is immutable.
#pragma once

#include <boost/json/value.hpp>
#include <string_view>

#include "agents/agent.hpp"
#include "runtime/base/result.hpp"

namespace mnema {

/// Compiles the schemas of the agent's tools. Errors: `kInvalidArgument`, `kUnsupported`: names the tool, and the place
/// in its schema.
[[nodiscard]] Status compile_tools(AgentSpec& agent);

/// The arguments that a model wrote. Integers keep their digits (JsonBounds::exact_integers). A member that is null
/// where its schema takes no null counts as left out, as models write it so.
/// Precondition: the tool is compiled. Errors: `kInvalidArgument`, no JSON or all that does not fit.
[[nodiscard]] Result<boost::json::value> read_arguments(const ToolSpec& tool, std::string_view arguments);

}  // namespace mnema
