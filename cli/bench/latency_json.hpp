// cli/bench/latency_json.hpp
//
// Waiting times as the benchmarks' --json has them.
//
// Threads: pure function.
#pragma once

#include <boost/json/object.hpp>

#include "cli/bench/latency.hpp"

namespace mnema {

[[nodiscard]] inline boost::json::object json_of(const Latency& latency) {
  return {{"n", latency.n}, {"p50_ms", latency.p50_ms}, {"p99_ms", latency.p99_ms}, {"max_ms", latency.max_ms}};
}

}  // namespace mnema
