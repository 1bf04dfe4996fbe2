// cli/bench/coalesce_load.hpp
//
// Events at a steady rate, many of each key, to an agent that coalesces them: how many turns become of them, and how
// old what a key's last turn knows may be. An event is covered by the commit of the first turn that had it or a newer
// one of its key; its staleness is from when it was due until then.
//
// Threads: blocks the caller.
#pragma once

#include <string>

#include "cli/bench/latency.hpp"
#include "runtime/base/clock.hpp"
#include "runtime/base/random.hpp"
#include "runtime/base/result.hpp"

namespace mnema {

struct CoalesceLoad {
  std::string folder;
  double rate = 10'000;  // events a second, in batches of a hundredth of it
  double seconds = 5;
  int keys = 1'000;
  int window_ms = 500;
};

struct CoalesceRates {
  int events = 0;
  double accepted_per_s = 0;
  double turns_per_s = 0;
  double events_per_turn = 0;
  Latency staleness;
};

/// Errors: those of CountingRuntime::open; `kUnavailable` (events were refused, or not covered within two minutes);
/// `kInternal` (turns and coalesced events do not add up to what was sent).
[[nodiscard]] Result<CoalesceRates> measure_coalescing(const CoalesceLoad& load, const Clock& clock, Random& random);

}  // namespace mnema
