// cli/bench/batch_load.hpp
//
// What it costs to take events in with the offset of their source: batches, each with its offset in one transaction, as
// a source does that pulls, beside the same events one by one, as a webhook does. No turn runs.
//
// Threads: blocks the caller.
#pragma once

#include <string>

#include "runtime/base/clock.hpp"
#include "runtime/base/random.hpp"
#include "runtime/base/result.hpp"

namespace mnema {

struct BatchLoad {
  std::string folder;  // exists; data files are made in it
  int events = 50'000;
  int keys = 1'000;
  int batch_events = 500;
  int event_bytes = 400;  // of the payload
  int in_flight = 2'000;  // events sent and not yet acknowledged, at most
};

struct BatchRates {
  double batched_per_s = 0;  // events
  double single_per_s = 0;
};

/// Errors: those of CountingRuntime::open, `kUnavailable` (an event was refused), `kInternal` (the offset on disk is
/// not the number of events).
[[nodiscard]] Result<BatchRates> measure_batches(const BatchLoad& load, const Clock& clock, Random& random);

}  // namespace mnema
