// connectors/http/timed_queue.hpp
//
// The executor of a thread that also waits for something else (sockets, for curl_transport.hpp): work to run soon or
// at a time. The thread calls `run_due` and may sleep for `patience`; `wake` is called when it sleeps too long by then.
//
// Threads:   `post`, `post_after`, `offer` from any thread; the others on the thread that runs the work.
// Ownership: owns posted work until it has run, or has been dropped by `close_if_idle`.
// Invariant: after it is closed nothing is queued   (check_integrity)
#pragma once

#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <vector>

#include "runtime/base/clock.hpp"
#include "runtime/exec/executor.hpp"

namespace mnema {

class TimedQueue final : public Executor {
 public:
  /// `wake` may be called from any thread, also from inside `run_due`; it must not block.
  TimedQueue(const Clock& clock, std::function<void()> wake) : clock_(clock), wake_(std::move(wake)) {}

  /// Dropped if it is closed, as `post_after`.
  void post(std::function<void()> work) override;
  void post_after(Duration delay, std::function<void()> work) override;
  /// As `post`; false: it is closed, the work will not run.
  [[nodiscard]] bool offer(std::function<void()> work);

  /// Runs what is posted and due by now, but not what that posts in turn.
  void run_due();
  /// How long until something is due; zero: now; none: nothing waits.
  [[nodiscard]] std::optional<Duration> patience() const;
  /// Nothing is posted: takes nothing more, drops what waits for its time, and returns true.
  [[nodiscard]] bool close_if_idle();

  void check_integrity() const;

 private:
  const Clock& clock_;
  const std::function<void()> wake_;
  mutable std::mutex mutex_;  // guards the rest
  std::vector<std::function<void()>> ready_;
  std::multimap<MonotonicTime, std::function<void()>> delayed_;
  bool closed_ = false;
};

}  // namespace mnema
