// agents/host/health_report.hpp
//
// What /health?full says beside "ok": what waits, what is dead, what is broken off. A server with a broken connector or
// a full mailbox still serves, so all this is `"degraded": true` in the body and never a status code: a load balancer
// must not take it out, or a restart loop begins.
//
// Threads: pure function.
#pragma once

#include <boost/json/object.hpp>
#include <string>
#include <vector>

#include "inference/engine_stats.hpp"
#include "runtime/events/runtime_counts.hpp"

namespace mnema {

struct HealthFacts {
  RuntimeCounts runtime;
  std::vector<std::string> open_breakers;       // connectors
  std::vector<std::string> paused_sources;      // of the tenant that asks
  std::vector<std::string> connector_problems;  // of sources and sinks
  EngineStats engine;
  std::int64_t vectors_refused = 0;  // entries that stay without one
};

/// The members that are added to {"status": "ok"}.
[[nodiscard]] boost::json::object health_report(const HealthFacts& facts);

}  // namespace mnema
