// agents/turn/event_prestage.hpp
//
// What happens between an event's arrival and its turn: memory makes the vector of its text, and the engine warms the
// prefix that every turn of its agent begins with. When the turn starts, it finds both.
//
// Only where it pays. An agent is prestaged for as long as its recent turns recalled or decoded; before its first turn,
// what it was declared with decides. One event per session (tenant, agent, user, key) waits, in all at most
// `limits.prestage_waiting_max`; two are worked on at a time; one whose turn has begun is dropped. Everything beyond
// that is not prestaged: its turn makes its own vector.
//
// Threads:   the loop thread; the work itself goes to `workers`.
// Ownership: borrows all its parts. Work in flight holds what it needs.
// Invariant: waiting <= prestage_waiting_max, one per session   (check_integrity)
#pragma once

#include <list>
#include <map>
#include <memory>
#include <string>
#include <unordered_map>

#include "agents/agent.hpp"
#include "inference/engine.hpp"
#include "memory/store.hpp"
#include "runtime/base/limits.hpp"
#include "runtime/events/prestage.hpp"
#include "runtime/exec/executor.hpp"

namespace mnema {

class EventPrestage final : public PrestageObserver {
 public:
  struct Parts {
    Engine& engine;
    MemoryStore& memory;
    Executor& home;     // the loop
    Executor& workers;  // not one that turns need
    const Limits& limits;
    std::string default_model;
  };
  EventPrestage(const std::map<std::string, AgentSpec>& agents, Parts parts);
  ~EventPrestage() override;

  void on_event_accepted(Sequence sequence, const std::shared_ptr<const Event>& event) override;
  /// The turn of this event begins: what waits for it comes too late.
  void on_turn_start(const Event& event);
  /// A turn of `agent` has ended, and did this.
  void on_turn_end(const std::string& agent, bool recalled, bool decoded);

  [[nodiscard]] int waiting() const;
  void check_integrity() const;

 private:
  struct State;
  const std::shared_ptr<State> state_;
};

}  // namespace mnema
