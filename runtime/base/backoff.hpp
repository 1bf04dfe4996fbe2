// runtime/base/backoff.hpp
//
// How long to wait before something is tried again: the one formula of calls, messages and turns.
//
// Threads: pure functions.
#pragma once

#include <cstdint>

#include "runtime/base/clock.hpp"
#include "runtime/base/random.hpp"

namespace mnema {

/// Exponential with full jitter: uniform between 0 and base, 2·base, 4·base, ... (`attempt` counts from 1), at most
/// `cap`.
[[nodiscard]] Duration jittered_backoff(Duration base, Duration cap, int attempt, Random& random);

/// Not before the other side wants to be asked again (`retry_after_ms`, 0 = it did not say), within reason.
[[nodiscard]] Duration at_least_as_asked(Duration wait, std::int64_t retry_after_ms, std::int64_t retry_after_max_ms);

}  // namespace mnema
