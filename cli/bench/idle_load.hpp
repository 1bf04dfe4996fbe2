// cli/bench/idle_load.hpp
//
// What agents cost that have nothing to do: each has handled one event and keeps its state; then nothing happens.
//
// Threads: blocks the caller.
#pragma once

#include <map>
#include <string>

#include "runtime/base/clock.hpp"
#include "runtime/base/random.hpp"
#include "runtime/base/result.hpp"

namespace mnema {

struct IdleLoad {
  std::string folder;  // exists; the data file is made in it
  int agents = 10'000;
  double seconds = 10;
};

struct IdleCost {
  int agents = 0;
  double resident_bytes_each = 0;              // more than before the first event of as many that are gone
  double cpu_percent = 0;                      // of one core
  std::map<std::string, double> cpu_us_per_s;  // by thread
};

/// Errors: as measure_pace.
[[nodiscard]] Result<IdleCost> measure_idle(const IdleLoad& load, const Clock& clock, Random& random);

}  // namespace mnema
