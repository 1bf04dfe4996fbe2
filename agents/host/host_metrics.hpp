// agents/host/host_metrics.hpp
//
// The parts of a host count for themselves; here their counts get their names in /metrics (sources name their own,
// connectors/connector.hpp). Sums over all tenants: no name of a tenant, user, key or webhook path is a label, because
// every tenant's key may scrape.
//
// Threads: any.
#pragma once

#include <string>

#include "connectors/http/server.hpp"
#include "connectors/response_watch.hpp"
#include "connectors/upstream.hpp"
#include "memory/store.hpp"
#include "runtime/base/metrics.hpp"
#include "runtime/events/runtime_counts.hpp"

namespace mnema {

void report(MetricsReport& metrics, const RuntimeCounts& counts);
void report(MetricsReport& metrics, const MemoryStatistics& statistics);
void report(MetricsReport& metrics, const HttpServer::Counts& counts);
void report(MetricsReport& metrics, const std::string& connector, const UpstreamCounts& counts);
void report(MetricsReport& metrics, const std::string& connector, const ResponseWatch::Counts& counts);

}  // namespace mnema
