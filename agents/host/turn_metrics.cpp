#include "agents/host/turn_metrics.hpp"

#include <chrono>

namespace mnema {

void TurnMetrics::on_turn_end(const Event& event, TurnEnd end, const TurnReport& report) {
  const MetricLabels labels{{"agent", event.agent}};
  metrics_
      .counter("mnema_turns_total", "Turns by their end", {{"agent", event.agent}, {"end", std::string(name_of(end))}})
      .Increment();
  metrics_
      .histogram("mnema_turn_wake_seconds", "From acceptance to the handler's first line", latency_buckets_seconds(),
                 labels)
      .Observe(std::chrono::duration<double>(report.wake).count());
}

}  // namespace mnema
