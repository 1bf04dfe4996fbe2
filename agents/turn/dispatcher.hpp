// agents/turn/dispatcher.hpp
//
// Starts a turn for every event that is ready, as many at a time as `limits.turns_running_max`, and the turns of
// foreground chats. The mailbox sees to it that one key has one turn at a time; among chats the dispatcher does. Where
// a chat and an event meet on one key, the state's revision decides (session_store.hpp).
//
// Threads:   every method from any thread (they post home); turns run on the turn pool.
// Ownership: borrows services and agents, which outlive it. Owns the running turns. `stop` must have answered before it
//            is destroyed, except after a crash in simulation.
// Invariant: started == ended + running   (check_integrity)
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "agents/agent.hpp"
#include "agents/turn/turn.hpp"

namespace mnema {

class Dispatcher {
 public:
  /// Sees each turn end, on the home executor. `sequence` is 0 for a chat's.
  using Listener = std::function<void(const Event& event, Sequence sequence, TurnEnd end, const TurnReport& report)>;
  /// Sees each turn begin, on the home executor.
  using StartListener = std::function<void(const Event& event)>;

  Dispatcher(const TurnServices& services, const std::map<std::string, AgentSpec>& agents, Executor& home);
  ~Dispatcher();
  Dispatcher(const Dispatcher&) = delete;
  Dispatcher& operator=(const Dispatcher&) = delete;

  /// Adds a listener; they are called in the order in which they were added. All before `start`.
  void on_turn_end(Listener listener);
  void on_turn_start(StartListener listener);

  /// Begins to take events.
  void start();

  /// Starts a chat's turn, behind those of the same (tenant, agent, key). `request.agent` is one of ours. The handle is
  /// for `Turn::cancel`; null when stopping, and `on_end` says so.
  std::shared_ptr<Turn> start_chat(TurnRequest request, Turn::OnEnd on_end);

  /// Takes no more: no event is leased and no chat begins from now on. Running turns may end within `grace`; then they
  /// are cancelled, and their events go back to the mailbox uncounted. `stopped` runs on the home executor when none is
  /// left. A second call only waits too.
  void stop(Duration grace, std::function<void()> stopped);
  /// Ends the grace time of `stop` at once.
  void cancel_running();

  [[nodiscard]] int running() const;
  /// "agent/key" of the turns that run, at most `count_max` of them.
  [[nodiscard]] std::vector<std::string> running_names(int count_max) const;
  void check_integrity() const;

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace mnema
