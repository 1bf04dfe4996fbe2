// connectors/upstream.hpp
//
// One external API, as all agents together use it: its limits, breaker, retry budget and the number of calls it may
// have at once (bulkhead). There is one object per upstream in the process, so that ten agents cannot make ten times
// the calls that one may. It decides; http/client.hpp acts.
//
// With two limits a permit of the window is stamped for the moment the call leaves, after the bucket's wait, and the
// log counts it there: any window holds at most its number of departures.
//
// Threads:   every method from any thread; one mutex guards the state and is held for microseconds.
// Ownership: the host owns upstreams; they outlive the clients that use them.
// Invariant: admitted == finished + in flight, in flight <= calls_in_flight_max   (check_integrity)
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "connectors/breaker.hpp"
#include "connectors/rate_limit.hpp"
#include "connectors/retry.hpp"
#include "runtime/base/clock.hpp"
#include "runtime/base/result.hpp"
#include "runtime/exec/executor.hpp"

namespace mnema {

/// Where permits of hourly limits are kept. permit_store.hpp keeps them in the database.
class PermitLog {
 public:
  virtual ~PermitLog() = default;
  /// Makes the permit durable, then calls `done` on `reply_to`. Only then may the call leave.
  virtual void append(const std::string& upstream, Time permitted_at, Executor& reply_to,
                      std::function<void(Status)> done) = 0;
};

struct UpstreamOptions {
  std::string name;                        // "stripe"; shown in errors and metrics
  std::optional<double> calls_per_second;  // token bucket
  double burst = 1;
  std::optional<int> calls_per_window;  // sliding log
  Duration window = std::chrono::hours(1);
  Duration permit_grace = std::chrono::seconds(6);  // a call leaves at most this long after its permit, connecting
                                                    // included; the window is kept that much longer, so that the
                                                    // bound holds for departures
  int calls_in_flight_max = 8;                      // bulkhead
  int calls_waiting_max = 256;                      // more are refused: kResourceExhausted
  RetryPolicy retry;
  BreakerPolicy breaker;
};

struct UpstreamCounts {
  long long calls_total = 0;     // attempts that had leave, retries and redirects among them
  long long failures_total = 0;  // of these, where the upstream was at fault
  long long retries_total = 0;
  Breaker::State breaker = Breaker::State::kClosed;
  int in_flight = 0;
  int waiting = 0;  // for leave
};

class Upstream {
 public:
  /// `permits` may be null where there is no windowed limit. `restored` are the permits the store still knows.
  Upstream(UpstreamOptions options, const Clock& clock, PermitLog* permits = nullptr,
           const std::vector<Time>& restored = {});
  Upstream(const Upstream&) = delete;
  Upstream& operator=(const Upstream&) = delete;

  /// Leave to make one attempt. Must be finished with exactly one `finish`.
  struct Ticket {
    Duration wait{};             // not before this much time has passed
    std::optional<Time> permit;  // windowed limit: must be durable before the call leaves
    Breaker::Epoch epoch = 0;
  };
  enum class Outcome { kSuccess, kUpstreamFailure, kOurFailure };

  /// Asks for leave. `granted` runs at once, or later from the `finish` of another call when the bulkhead is full, or
  /// with an error, always retryable because the call has not left: `kUnavailable` (breaker open) and
  /// `kResourceExhausted` (limit or queue full past the deadline), both with the time; `kDeadlineExceeded` (the
  /// deadline passed while it waited for leave).
  /// Returns what `leave_queue` takes; 0: `granted` has run.
  std::uint64_t admit(std::optional<MonotonicTime> deadline, std::function<void(Result<Ticket>)> granted);
  /// The caller waits no longer; false: `granted` runs or has run.
  bool leave_queue(std::uint64_t waiting);

  /// The attempt ended. Lets the next waiting caller in.
  void finish(const Ticket& ticket, Outcome outcome);

  /// Makes a ticket's permit durable; one without a permit, or an upstream without a store, is answered at once, on the
  /// calling thread.
  void commit_permit(const Ticket& ticket, Executor& reply_to, std::function<void(Status)> done);
  /// A call that needs up to `connecting` until it leaves would do so too late for its permit: finish it as kOurFailure
  /// and ask for leave again.
  [[nodiscard]] bool is_stale(const Ticket& ticket, Duration connecting) const;
  /// The last moment at which the ticket's call may leave; none: any.
  [[nodiscard]] std::optional<MonotonicTime> leave_by(const Ticket& ticket) const;

  [[nodiscard]] const UpstreamOptions& options() const { return options_; }
  [[nodiscard]] RetryBudget& retry_budget() { return retry_budget_; }
  [[nodiscard]] Breaker::State breaker_state() const;
  [[nodiscard]] UpstreamCounts counts() const;
  void check_integrity() const;

 private:
  struct Waiting {
    std::uint64_t id;
    std::optional<MonotonicTime> deadline;
    std::function<void(Result<Ticket>)> granted;
  };
  [[nodiscard]] Result<Ticket> try_admit(std::optional<MonotonicTime> deadline);  // requires mutex_
  [[nodiscard]] Error limit_error(Duration wait) const;

  const UpstreamOptions options_;
  const Clock& clock_;
  PermitLog* const permits_;
  RetryBudget retry_budget_;
  mutable std::mutex mutex_;  // guards all below
  Breaker breaker_;
  std::optional<TokenBucket> bucket_;
  std::optional<SlidingLog> log_;
  std::deque<Waiting> waiting_;
  int in_flight_ = 0;
  long long admitted_ = 0;
  long long finished_ = 0;
  long long failures_ = 0;
  std::uint64_t last_waiting_ = 0;
};

}  // namespace mnema
