// cli/bench/latency.hpp
//
// Waiting times of one kind, and what is said of them.
//
// Threads: plain value.
#pragma once

#include <algorithm>
#include <cmath>
#include <vector>

#include "runtime/base/clock.hpp"

namespace mnema {

struct Latency {
  std::size_t n = 0;
  double p50_ms = 0;
  double p99_ms = 0;
  double max_ms = 0;
};

/// Percentiles by nearest rank: a value that occurred.
[[nodiscard]] inline Latency latency_of(std::vector<Duration> waits) {
  if (waits.empty()) return {};
  std::sort(waits.begin(), waits.end());
  const auto at = [&](double share) {
    const auto rank = static_cast<std::size_t>(std::ceil(share * static_cast<double>(waits.size())));
    return static_cast<double>(waits[std::max<std::size_t>(rank, 1) - 1].count()) / 1000.0;
  };
  return {waits.size(), at(0.5), at(0.99), at(1.0)};
}

}  // namespace mnema
