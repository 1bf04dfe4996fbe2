// agents/host/health_report.hpp
//
// What /health?full reports in addition to "ok": queue depths, dead letters, open circuit breakers, paused sources. A
// full mailbox, an open breaker, a paused source or a connector with a problem is `"degraded": true` in the body and
// never a status code: the server still serves, and a load balancer that took it out of rotation would restart it.
//
// Threads: pure function.
#pragma once

#include <boost/json/object.hpp>
#include <cstdint>
#include <string>
#include <vector>

#include "inference/engine_stats.hpp"
#include "runtime/events/runtime_counts.hpp"

namespace mnema {

struct HealthFacts {
  RuntimeCounts runtime;
  std::vector<std::string> open_breakers;       // names of connectors
  std::vector<std::string> paused_sources;      // of the requesting tenant
  std::vector<std::string> connector_problems;  // one message each, of sources and sinks
  EngineStats engine;
  std::int64_t vectors_refused = 0;  // entries of memory that the embedder rejected
};

/// The members that are added to {"status": "ok"}.
[[nodiscard]] boost::json::object health_report(const HealthFacts& facts);

}  // namespace mnema
