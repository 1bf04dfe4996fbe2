// agents/host/declared_agent.hpp
//
// Agents without C++: what [agents.NAME] of the configuration says, as a handler. Recall what bears on the event, ask
// the model, remember both, and send the answer where `reply_to` says. An agent with documents of its own answers from
// the passages alone: what they do not support is marked (agents/turn/citations.hpp).
//
// Threads: pure; before the host opens.
#pragma once

#include "agents/agent.hpp"
#include "runtime/config/config.hpp"

namespace mnema {

/// Lays what the file says over what the code says; an agent that the code does not know becomes a declared one.
void apply(const AgentConfig& config, AgentSpec& spec);

}  // namespace mnema
