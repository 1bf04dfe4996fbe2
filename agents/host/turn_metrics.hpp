// agents/host/turn_metrics.hpp
//
// Turns by agent and end, and how long their wake took, in /metrics. A listener of the dispatcher.
//
// Threads:   any.
// Ownership: borrows the metrics, which outlive it.
#pragma once

#include "agents/turn/dispatcher.hpp"
#include "runtime/base/metrics.hpp"

namespace mnema {

class TurnMetrics {
 public:
  explicit TurnMetrics(Metrics& metrics) : metrics_(metrics) {}
  void on_turn_end(const Event& event, TurnEnd end, const TurnReport& report);

 private:
  Metrics& metrics_;
};

}  // namespace mnema
