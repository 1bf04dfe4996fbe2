// connectors/retry.hpp
//
// Whether, and when, a failed call is made again. Pure: it is told what happened and what time it is, and answers what
// to do next; nothing here waits or sends.
//
// A call is repeated only if that is safe: the method is idempotent, the caller says that a repeat does no harm, or the
// failure proves that the other side never worked on it (no connection; 408, 425, 429; 503 with Retry-After). Any other
// failure of an unsafe call leaves its effect unknown: `kInDoubt`, for a person or a reconcile hook. The delay is
// exponential with full jitter (uniform in [0, min(cap, base * 2^n)]), never shorter than the other side asked for, and
// never past the deadline. A retry budget per upstream keeps a broken upstream from being hit by retries of everybody.
//
// Threads: `RetryState` is confined to its call; `RetryBudget` is guarded by its own mutex.
#pragma once

#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "connectors/http/message.hpp"
#include "runtime/base/clock.hpp"
#include "runtime/base/random.hpp"
#include "runtime/base/result.hpp"

namespace mnema {

struct RetryPolicy {
  int attempts_max = 4;  // the first one counts
  Duration base = std::chrono::milliseconds(200);
  Duration cap = std::chrono::seconds(20);
  Duration retry_after_max = std::chrono::seconds(120);  // asked to wait longer: give up and report
};

/// What became of one attempt.
struct AttemptFailure {
  enum class Kind {
    kNotSent,  // refused, unresolved, timed out while connecting: the other side never saw it
    kBroken,   // sent, but the answer did not come or came in part: the effect is unknown
    kStatus,   // an answer with an error status
  };
  Kind kind = Kind::kBroken;
  int status = 0;                       // with kStatus
  std::optional<Duration> retry_after;  // what the answer asked for
  std::string what;                     // for the person who reads the error: "connection refused", "HTTP 503"
};

/// GET, HEAD, OPTIONS, PUT, DELETE, TRACE (RFC 9110 §9.2.2).
[[nodiscard]] bool is_idempotent(std::string_view method);

/// `retry-after-ms`, else `retry-after` in seconds or as an HTTP date, read against `now`. None if absent or malformed.
[[nodiscard]] std::optional<Duration> retry_after_of(const HttpHeaders& headers, Time now);

/// Retries may be at most `ratio` of the calls, with a floor so that a quiet upstream can still be retried.
class RetryBudget {
 public:
  explicit RetryBudget(double ratio = 0.2, double reserve = 10) : ratio_(ratio), reserve_(reserve), balance_(reserve) {}

  void on_call();
  /// Takes one retry from the budget, or false.
  [[nodiscard]] bool withdraw();
  /// Retries granted so far.
  [[nodiscard]] long long withdrawn() const;

 private:
  const double ratio_;
  const double reserve_;  // also the most that can be saved up
  mutable std::mutex mutex_;
  double balance_;           // guarded by mutex_
  long long withdrawn_ = 0;  // guarded by mutex_
};

/// One call's way through its attempts.
class RetryState {
 public:
  RetryState(RetryPolicy policy, bool safe_to_repeat, std::optional<MonotonicTime> deadline)
      : policy_(policy), safe_to_repeat_(safe_to_repeat), deadline_(deadline) {}

  struct Wait {
    Duration delay;
  };
  /// What to do after `failure` at `now`: wait and try again, or give up with this error. The error is retryable for
  /// the caller (the outbox, say) if the same call may succeed later and may be repeated.
  [[nodiscard]] std::variant<Wait, Error> after(const AttemptFailure& failure, MonotonicTime now, Random& random,
                                                RetryBudget& budget);

  [[nodiscard]] int attempts() const { return attempts_; }

 private:
  RetryPolicy policy_;
  bool safe_to_repeat_;
  std::optional<MonotonicTime> deadline_;
  int attempts_ = 0;  // finished ones
};

}  // namespace mnema
