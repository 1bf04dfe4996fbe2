// agents/host/declared_sources.hpp
//
// Webhooks, topics, queues and schedules that agents declare in code become sources like configured ones.
//
// Threads: pure function.
#pragma once

#include <map>
#include <string>

#include "agents/agent.hpp"
#include "runtime/base/result.hpp"
#include "runtime/config/config.hpp"

namespace mnema {

/// Adds a source for each declared webhook that says where its secret is, for each topic and queue that says where its
/// brokers are, and for each schedule ("agent NAME cron", "agent NAME cron 2"). Where the configuration has a source of
/// the same path, of a topic or queue, or a schedule's name, that one stands: who operates a program may say otherwise
/// than who wrote it. Errors: `kInvalidArgument` (a topic or queue that nobody says where to find, or how to log in).
[[nodiscard]] Status add_declared_sources(const std::map<std::string, AgentSpec>& agents, Config& config);

}  // namespace mnema
