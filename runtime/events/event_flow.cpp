#include "runtime/events/event_flow.hpp"

namespace mnema {
namespace {

Duration milliseconds(int count) { return std::chrono::milliseconds(count); }

Result<AgentFlow> ready(const EventFlow& flow, const Limits& limits) {
  AgentFlow made;
  made.said = flow;
  if (!flow.where.empty()) {
    ASSIGN_OR_RETURN(made.filter, EventFilter::parse(flow.where));
  }
  const auto wrong = [](const char* problem) { return fail(ErrorCode::kInvalidArgument, problem); };
  const bool negative = flow.sample_one_in < 0 || flow.sample_per_second < 0 || flow.coalesce_window_ms < 0 ||
                        flow.debounce_window_ms < 0 || flow.debounce_wait_max_ms < 0 || flow.batch_max < 0 ||
                        flow.batch_window_ms < 0 || flow.deadline_ms.value_or(1) < 1;
  if (negative) return wrong("a number of its event flow is negative, or its deadline is 0");
  if (flow.sample_one_in > 0 && flow.sample_per_second > 0) {
    return wrong("it samples by number and by rate; say one of sample_one_in and sample_per_second");
  }
  const int ways =
      (flow.coalesce_window_ms > 0 ? 1 : 0) + (flow.debounce_window_ms > 0 ? 1 : 0) + (flow.batch_max > 0 ? 1 : 0);
  if (ways > 1) return wrong("it gathers events in more than one way; say one of coalesce, debounce and batch");
  Gather& gather = made.gather;
  if (flow.coalesce_window_ms > 0) {
    if (flow.coalesce_max < 2 || flow.coalesce_max > limits.gather_rows_max) {
      return wrong("coalesce_max must be between 2 and gather_rows_max of the limits");
    }
    gather.kind = Gather::Kind::kNewest;
    gather.window = milliseconds(flow.coalesce_window_ms);
    gather.rows_max = static_cast<std::size_t>(flow.coalesce_max);
    gather.rows_kept_max = gather.rows_max;
  } else if (flow.debounce_window_ms > 0) {
    gather.kind = Gather::Kind::kNewest;
    gather.sliding = true;
    gather.window = milliseconds(flow.debounce_window_ms);
    gather.wait_max = flow.debounce_wait_max_ms > 0 ? milliseconds(flow.debounce_wait_max_ms) : 10 * gather.window;
    gather.rows_kept_max = static_cast<std::size_t>(limits.gather_rows_max);
  } else if (flow.batch_max > 0) {
    if (flow.batch_max > limits.gather_rows_max) return wrong("batch_max is more than gather_rows_max of the limits");
    gather.kind = Gather::Kind::kAll;
    gather.window = milliseconds(flow.batch_window_ms);
    gather.rows_max = static_cast<std::size_t>(flow.batch_max);
  }
  return made;
}

}  // namespace

std::optional<OnFailure> on_failure_of(std::string_view name) {
  if (name == "queue") return OnFailure::kQueue;
  if (name == "overtake") return OnFailure::kOvertake;
  if (name == "dead_letter") return OnFailure::kDeadLetter;
  return std::nullopt;
}

std::optional<EventPriority> priority_of(std::string_view name) {
  if (name == "interactive") return EventPriority::kInteractive;
  if (name == "event") return EventPriority::kEvent;
  if (name == "background") return EventPriority::kBackground;
  return std::nullopt;
}

Result<EventFlows> EventFlows::make(const std::map<std::string, EventFlow>& flows, const Limits& limits) {
  EventFlows made;
  for (const auto& [agent, flow] : flows) {
    Result<AgentFlow> one = ready(flow, limits);
    if (!one.ok()) {
      Error error = one.error();
      error.message = "agent '" + agent + "': " + error.message;
      return error;
    }
    made.flows_.emplace(agent, std::move(*one));
  }
  return made;
}

const AgentFlow& EventFlows::of(const std::string& agent) const {
  static const AgentFlow kNothingSaid;
  const auto found = flows_.find(agent);
  return found == flows_.end() ? kNothingSaid : found->second;
}

}  // namespace mnema
