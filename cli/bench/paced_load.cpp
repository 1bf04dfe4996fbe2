#include "cli/bench/paced_load.hpp"

#include <algorithm>

#include "cli/bench/event_load.hpp"

namespace mnema {

Result<PacedWaits> measure_pace(const PacedLoad& load, const Clock& clock, Random& random) {
  const int events = std::max(1, static_cast<int>(load.rate * load.seconds));
  ASSIGN_OR_RETURN(const auto runtime, CountingRuntime::open({load.folder, {"local"}, load.embedding}, clock, random));
  EventLoad sent(*runtime, clock, {"local", "paced-", load.keys, load.agent}, events);
  runtime->on_turn_begin([&sent](const Event& event) { sent.on_turn_begin(event); });
  runtime->on_turn_end([&sent](const Event& event, TurnEnd end) { sent.on_turn_end(event, end); });
  runtime->start();
  sent.paced(load.rate);
  RETURN_IF_ERROR(sent.wait_for_turns());
  RETURN_IF_ERROR(sent.check_counted());
  return PacedWaits{load.rate, sent.accept_latency(), sent.handler_latency(), sent.turn_latency(),
                    sent.commit_latency()};
}

}  // namespace mnema
