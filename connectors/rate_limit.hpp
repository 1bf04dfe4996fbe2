// connectors/rate_limit.hpp
//
// How often an upstream may be called. Two forms, because they promise different things:
//   TokenBucket    per second, with a burst; in memory; forgets itself at a restart, which costs a burst at most.
//   SlidingLog     "100 per hour" meaning 100 in any hour, also across a crash: every permit is a row, committed before
//                  the call leaves (permit_store.hpp). A lost call wastes a permit; a lost permit never happens.
// Both are pure: told the time, they answer "now" or "not before".
//
// Threads: confined to their upstream, which guards them.
#pragma once

#include <deque>
#include <optional>

#include "runtime/base/clock.hpp"

namespace mnema {

class TokenBucket {
 public:
  /// Precondition: per_second > 0, burst >= 1. Starts full.
  TokenBucket(double per_second, double burst, MonotonicTime now)
      : per_second_(per_second), burst_(burst), tokens_(burst), updated_(now) {}

  /// Takes a token and returns zero, or reserves the next free one and returns how long its holder must wait. Waiting
  /// callers are thereby served in order, each at its own time. Takes nothing and returns none if the wait would be
  /// longer than `patience`.
  [[nodiscard]] std::optional<Duration> take(MonotonicTime now, Duration patience) { return take(now, {}, patience); }
  /// As above, for a caller that cannot leave before `delay` has passed (another limit holds it): the token is the one
  /// that is free then. What is returned is at least `delay`. Later callers are served after this one.
  [[nodiscard]] std::optional<Duration> take(MonotonicTime now, Duration delay, Duration patience);

 private:
  double per_second_;
  double burst_;
  double tokens_;          // below zero: that many are promised to waiting callers
  MonotonicTime updated_;  // may lie in the future, where a caller has reserved
};

/// At most `calls_max` permits inside any window of length `window`.
class SlidingLog {
 public:
  /// Preconditions: calls_max >= 1, window > 0.
  SlidingLog(int calls_max, Duration window) : calls_max_(calls_max), window_(window) {}

  /// Takes a permit for `at`, the moment its call leaves. Precondition: at >= now + wait(now), for every now since
  /// then.
  void take(Time at);
  /// How long until the next permit would hold (zero: now), so that waiting callers are served in order.
  [[nodiscard]] Duration wait(Time now) const;
  /// A permit found in the store at start, oldest first.
  void restore(Time permitted_at) { permits_.push_back(permitted_at); }

 private:
  int calls_max_;
  Duration window_;
  std::deque<Time> permits_;  // ascending; may lie in the future
};

}  // namespace mnema
