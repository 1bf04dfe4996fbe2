// cli/bench/event_load.hpp
//
// Events sent to a counting runtime, and when each was due, acknowledged, in its handler and done.
//
// Threads:   `burst` and `paced` block the caller; several threads may send at once, each for events of its own.
//            `on_turn_begin` and `on_turn_end` are for the runtime's listeners.
// Ownership: borrows the runtime and the clock. Must outlive the turns of its events: call `wait_for_turns`.
// Invariant: acknowledged <= sent, done <= sent   (waiting gives up after two minutes)
#pragma once

#include <condition_variable>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "cli/bench/counting_runtime.hpp"
#include "cli/bench/latency.hpp"

namespace mnema {

class EventLoad {
 public:
  struct Target {
    std::string tenant = "local";
    std::string prefix;  // of the ids, so that no two loads on one file send the same event
    int keys = 1000;
    std::string agent = CountingRuntime::kCounter;
  };
  EventLoad(CountingRuntime& runtime, const Clock& clock, Target target, int events);

  /// Sends all events as fast as they are acknowledged, with at most `in_flight` unacknowledged.
  void burst(int in_flight);
  /// Sends all events at `per_second`, whether or not the last ones have been acknowledged: an event that leaves late
  /// counts from the time at which it was due.
  void paced(double per_second);
  /// Sends the next event now.
  void send_one();

  /// Tells the load that a handler was entered.
  void on_turn_begin(const Event& event);
  /// Tells the load that a turn ended. Ignores events of other loads. False: not ours.
  bool on_turn_end(const Event& event, TurnEnd end);

  /// Errors: `kUnavailable` (two minutes were not enough, an event was refused, or a turn did not end well).
  [[nodiscard]] Status wait_for_turns();
  /// The same for acknowledgements alone.
  [[nodiscard]] Status wait_until_acknowledged();
  /// Whether the counters in the file say as many as there were events. Errors: `kInternal`, and those of reading.
  [[nodiscard]] Status check_counted() const;
  /// All events are sent and done.
  [[nodiscard]] bool is_done();

  [[nodiscard]] std::vector<std::string> keys() const;
  [[nodiscard]] Duration sending_took() const { return last_acknowledged_ - begun_; }
  [[nodiscard]] Duration all_took() const { return last_done_ - begun_; }
  [[nodiscard]] Latency accept_latency() const;              // due -> acknowledged
  [[nodiscard]] Latency handler_latency() const;             // due -> in the handler
  [[nodiscard]] Latency turn_latency() const;                // in the handler -> the turn's commit
  [[nodiscard]] Latency commit_latency() const;              // due -> the turn's commit
  [[nodiscard]] std::vector<Duration> commit_waits() const;  // likewise, each

 private:
  struct Times {
    MonotonicTime due{};
    MonotonicTime acknowledged{};
    MonotonicTime begun{};
    MonotonicTime done{};
  };
  [[nodiscard]] std::optional<std::size_t> number_of(const Event& event) const;
  [[nodiscard]] std::vector<Duration> waits(MonotonicTime Times::* from, MonotonicTime Times::* to) const;
  void send(int number, MonotonicTime due);
  Status wait(bool for_turns);

  CountingRuntime& runtime_;
  const Clock& clock_;
  const Target target_;
  std::mutex mutex_;  // guards the rest until wait_for_turns has returned
  std::condition_variable changed_;
  std::vector<Times> events_;
  int sent_ = 0;
  int acknowledged_ = 0;
  int done_ = 0;
  int failed_ = 0;
  MonotonicTime begun_{};
  MonotonicTime last_acknowledged_{};
  MonotonicTime last_done_{};
};

}  // namespace mnema
