// connectors/breaker.hpp
//
// Stops calling an upstream that is down, so that it can recover and callers learn at once. Closed: calls pass and
// their outcomes are counted over a sliding window. Too many failures: open for a while, every call refused. Then
// half-open: one probe at a time may pass; enough good ones close it, a bad one opens it again, for twice as long up to
// a maximum.
//
// Only failures of the upstream count (no connection, no answer, 5xx, 429 not): our own 4xx does not open it. An
// outcome counts only for the state in which its call was let through: a late answer of an old call neither opens nor
// closes it, nor does it end the probe that is out.
//
// Threads: confined to its upstream, which guards it. Pure: told the time.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "runtime/base/clock.hpp"
#include "runtime/base/result.hpp"

namespace mnema {

struct BreakerPolicy {
  double failure_ratio = 0.5;
  int calls_min = 10;  // fewer in the window say nothing
  Duration window = std::chrono::seconds(30);
  Duration open_for = std::chrono::seconds(5);
  Duration open_for_max = std::chrono::seconds(60);
  int probes_to_close = 2;
};

class Breaker {
 public:
  enum class State { kClosed, kOpen, kHalfOpen };

  Breaker(BreakerPolicy policy, MonotonicTime now) : policy_(policy), open_for_(policy.open_for), slot_started_(now) {}

  /// What its outcome is told with: the period between two changes of state in which the call was let through.
  using Epoch = std::uint64_t;

  /// May a call leave now? If so, exactly one of `on_success`, `on_failure`, `on_abandoned` must follow.
  /// Errors: `kUnavailable`, retryable, with the time until the next probe.
  [[nodiscard]] Result<Epoch> admit(MonotonicTime now, std::string_view upstream);
  void on_success(MonotonicTime now, Epoch epoch);
  void on_failure(MonotonicTime now, Epoch epoch);
  /// The call said nothing about the upstream (cancelled by us before an answer).
  void on_abandoned(MonotonicTime now, Epoch epoch);

  [[nodiscard]] State state(MonotonicTime now) const;

 private:
  static constexpr int kSlots = 10;
  struct Slot {
    int successes = 0;
    int failures = 0;
  };
  void advance(MonotonicTime now);
  void open(MonotonicTime now);
  void enter(State state);

  BreakerPolicy policy_;
  State state_ = State::kClosed;
  Epoch epoch_ = 1;
  Duration open_for_;
  MonotonicTime open_until_{};
  bool probing_ = false;
  int probes_passed_ = 0;
  std::array<Slot, kSlots> slots_{};  // ring over the window
  int slot_ = 0;
  MonotonicTime slot_started_;
};

[[nodiscard]] std::string_view name_of(Breaker::State state);  // "closed" | "open" | "half_open"

}  // namespace mnema
