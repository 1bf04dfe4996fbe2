// agents/turn/used_connectors.hpp
//
// Whether the configuration has the connectors that agents say they use (`AgentBuilder::uses`): found when the program
// starts, not when the first event needs one.
//
// Threads: pure function.
#pragma once

#include <functional>
#include <map>
#include <string>

#include "agents/agent.hpp"
#include "runtime/base/result.hpp"
#include "runtime/config/config.hpp"

namespace mnema {

/// `is_own`: whether the program itself brings a connector of that name; may be empty.
/// Errors: `kInvalidArgument`, with every connector that is missing and who uses it.
[[nodiscard]] Status check_used_connectors(const std::map<std::string, AgentSpec>& agents, const Config& config,
                                           const std::function<bool(const std::string& name)>& is_own);

}  // namespace mnema
