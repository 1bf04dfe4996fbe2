// tests/agents/sim/trace.hpp
//
// Writes down every passage of every step, with the time: two scenarios are the same if these are.
//
// Threads:   the simulation's one.
// Ownership: borrows the clock.
#pragma once

#include <string>

#include "agents/turn/turn_observer.hpp"
#include "runtime/base/clock.hpp"

namespace mnema::testing {

class Trace final : public TurnObserver {
 public:
  explicit Trace(const Clock& clock) : clock_(clock) {}
  void on_step(const StepPassage& step) override {
    write(std::string(step.agent) + "/" + std::string(step.key) + " " + std::to_string(step.sequence) + " " +
          std::string(step.path) + " " + std::string(step.name) + " " + std::to_string(static_cast<int>(step.phase)));
  }
  void write(const std::string& line) { text += std::to_string(to_micros(clock_.now())) + " " + line + "\n"; }
  std::string text;

 private:
  const Clock& clock_;
};

}  // namespace mnema::testing
