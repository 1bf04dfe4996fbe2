// runtime/config/event_flow_config.hpp
//
// The keys of [agents.NAME] that say what happens to its events before a turn (runtime/events/event_flow.hpp). What the
// file does not say is left as the program says it.
//
// Threads: plain values, pure functions.
#pragma once

#include <optional>
#include <string>

#include "runtime/events/event_flow.hpp"

namespace mnema {

class TomlReader;

struct EventFlowConfig {
  std::optional<std::string> where;
  std::optional<OnFailure> on_failure;
  std::optional<EventPriority> priority;
  std::optional<double> sample_per_second;
  std::optional<int> deadline_ms;
  std::optional<int> sample_one_in;
  std::optional<int> coalesce_window_ms;
  std::optional<int> coalesce_max;
  std::optional<int> debounce_window_ms;
  std::optional<int> debounce_wait_max_ms;
  std::optional<int> batch_max;
  std::optional<int> batch_window_ms;
};

/// Reads the keys of the table; what is wrong in it goes to the reader's problems.
void read_event_flow(TomlReader& table, EventFlowConfig& flow);

/// Lays what the file says over what the program says. One way of gathering takes the place of another.
void lay_over(const EventFlowConfig& said, EventFlow& flow);

}  // namespace mnema
