// agents/host/engine_metrics.hpp
//
// The engine counts for itself; here its counts get their names in /metrics.
//
// Threads: any.
#pragma once

#include "inference/engine_stats.hpp"
#include "runtime/base/metrics.hpp"

namespace mnema {

void report(MetricsReport& metrics, const EngineStats& stats);

}  // namespace mnema
