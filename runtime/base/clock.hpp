// runtime/base/clock.hpp
//
// Time as a dependency that is passed in. Production code asks a `Clock`; tests and simulation pass in one they move.
//
// Threads: `now` and `monotonic_now` from any thread.
#pragma once

#include <chrono>

namespace mnema {

/// Wall-clock time: microseconds since 1970-01-01T00:00:00Z. What is stored and shown.
using Time = std::chrono::sys_time<std::chrono::microseconds>;
using Duration = std::chrono::microseconds;
/// A point on a clock that never jumps; only differences mean something. What is waited for and measured.
using MonotonicTime = std::chrono::time_point<std::chrono::steady_clock, std::chrono::microseconds>;

class Clock {
 public:
  virtual ~Clock() = default;
  [[nodiscard]] virtual Time now() const = 0;
  [[nodiscard]] virtual MonotonicTime monotonic_now() const = 0;
};

/// The machine's clocks.
class SystemClock final : public Clock {
 public:
  [[nodiscard]] Time now() const override;
  [[nodiscard]] MonotonicTime monotonic_now() const override;
};

[[nodiscard]] inline long long to_micros(Time time) { return time.time_since_epoch().count(); }
[[nodiscard]] inline Time from_micros(long long micros) { return Time{Duration{micros}}; }

}  // namespace mnema
