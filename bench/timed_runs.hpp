// bench/timed_runs.hpp
//
// What runs that alternate are measured by.
//
// Threads: pure functions.
#pragma once

#include <algorithm>
#include <chrono>
#include <vector>

namespace mnema::bench {

using Clock = std::chrono::steady_clock;

inline double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

/// Of an even count the larger of the two in the middle. Precondition: there are some.
inline double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

}  // namespace mnema::bench
