// runtime/events/event_flow.hpp
//
// What happens to an agent's events between the mailbox and a turn, as its declaration or the configuration says. The
// defaults are one turn for each event, in order.
//
//   where        events that it does not fit are acknowledged and settled: no row, no turn
//   sample       per key, one event in so many, or so many a second; the others are acknowledged and settled
//   coalesce     a key's events wait for a window, or until so many have come; the newest has a turn, the earlier ones
//                are settled
//   debounce     likewise, after a pause of that length in the key's events, or the longest wait
//   batch        a key's events wait for a window, or until so many have come; one turn has all of them
//   on_failure   what a failed event's key does while the event waits for its next attempt
//   deadline     of events that bring none, from their acceptance on
//   priority     of events that bring none
//
// Threads: `EventFlow` a plain value; `EventFlows` immutable.
#pragma once

#include <map>
#include <optional>
#include <string>

#include "runtime/base/limits.hpp"
#include "runtime/base/result.hpp"
#include "runtime/events/event_filter.hpp"
#include "runtime/events/gather.hpp"

namespace mnema {

enum class OnFailure {
  kQueue,      // the failed event holds its key until it is done or dead
  kOvertake,   // those behind it go on; it comes again at its time
  kDeadLetter  // the first counted failure is final
};
/// "queue", "overtake", "dead_letter". None: there is no such name.
[[nodiscard]] std::optional<OnFailure> on_failure_of(std::string_view name);
/// "interactive", "event", "background".
[[nodiscard]] std::optional<EventPriority> priority_of(std::string_view name);

struct EventFlow {
  std::string where = {};        // runtime/events/event_filter.hpp; "" = all events
  int sample_one_in = 0;         // of a key; 0 = all of them
  double sample_per_second = 0;  // of a key at most; 0 = all of them
  int coalesce_window_ms = 0;    // 0 = off
  int coalesce_max = 100;        // events that end the window at once
  int debounce_window_ms = 0;    // 0 = off
  int debounce_wait_max_ms = 0;  // of the first event; 0 = ten windows
  int batch_max = 0;             // events of one turn; 0 = off
  int batch_window_ms = 0;       // 0 = what waits when the key is free
  OnFailure on_failure = OnFailure::kQueue;
  std::optional<int> deadline_ms = {};
  std::optional<EventPriority> priority = {};
};

/// An agent's flow, ready to be used.
struct AgentFlow {
  EventFlow said;
  std::optional<EventFilter> filter;
  Gather gather;
  [[nodiscard]] bool samples() const { return said.sample_one_in > 1 || said.sample_per_second > 0; }
};

/// By agent.
class EventFlows {
 public:
  EventFlows() = default;
  /// Errors: `kInvalidArgument`, naming the agent (the condition cannot be read; more than one of coalesce, debounce
  /// and batch; a number below 0, or above its bound in `limits`).
  [[nodiscard]] static Result<EventFlows> make(const std::map<std::string, EventFlow>& flows, const Limits& limits);

  /// The default flow for an agent of which nothing is said.
  [[nodiscard]] const AgentFlow& of(const std::string& agent) const;

 private:
  std::map<std::string, AgentFlow> flows_;
};

}  // namespace mnema
