// cli/bench/paced_load.hpp
//
// How long an event takes at a steady rate: from when it was due to when it is acknowledged, in its handler, and done
// for good. An event that the sender is late with counts from when it was due.
//
// Threads: blocks the caller.
#pragma once

#include <string>

#include "cli/bench/latency.hpp"
#include "runtime/base/random.hpp"
#include "runtime/base/result.hpp"

namespace mnema {

struct PacedLoad {
  std::string folder;  // exists; the data file is made in it
  double rate = 1'000;
  double seconds = 5;
  int keys = 1'000;
  std::string agent;  // CountingRuntime::kCounter or kStepper
  Duration embedding{};
};

struct PacedWaits {
  double rate = 0;
  Latency accept;   // due -> acknowledged
  Latency handler;  // due -> in the handler
  Latency turn;     // in the handler -> committed
  Latency commit;   // due -> committed
};

/// Errors: those of CountingRuntime::open, `kUnavailable` (an event was refused or not handled), `kInternal` (counted
/// otherwise than sent).
[[nodiscard]] Result<PacedWaits> measure_pace(const PacedLoad& load, const Clock& clock, Random& random);

}  // namespace mnema
