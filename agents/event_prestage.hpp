// agents/event_prestage.hpp
//
// What happens between an event's arrival and its turn: memory makes the vector of its text, and the engine warms the
// prefix that every turn of its agent begins with. When the turn starts, it finds both.
//
// Threads:   called on the loop; the work goes to `workers`.
// Ownership: borrows all its parts.
#pragma once

#include <map>
#include <string>

#include "agents/agent.hpp"
#include "inference/engine.hpp"
#include "memory/store.hpp"
#include "runtime/executor.hpp"
#include "runtime/prestage.hpp"

namespace mnema {

class EventPrestage final : public PrestageObserver {
 public:
  EventPrestage(const std::map<std::string, AgentSpec>& agents, Engine& engine, MemoryStore& memory, Executor& workers,
                std::string default_model)
      : agents_(agents),
        engine_(engine),
        memory_(memory),
        workers_(workers),
        default_model_(std::move(default_model)) {}

  void on_event_accepted(Sequence sequence, const std::shared_ptr<const Event>& event) override;

 private:
  const std::map<std::string, AgentSpec>& agents_;
  Engine& engine_;
  MemoryStore& memory_;
  Executor& workers_;
  const std::string default_model_;
};

}  // namespace mnema
