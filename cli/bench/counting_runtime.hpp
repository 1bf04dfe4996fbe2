// cli/bench/counting_runtime.hpp
//
// The real runtime (agents/agent_runtime.hpp) on real threads and a real disk, with an agent that counts its events per
// key and does nothing else, and one that makes three durable steps. No model, no sockets: what is left is what every
// event costs. In the encoder's place stands one thread that takes its time for each text, as a real one does: an agent
// that recalls nothing must not feel it.
//
// Threads:   confined to one thread, except `accept` and what `acceptor` gives, from any; `on_turn_end` listens on the
//            loop, `on_turn_begin` on the threads of turns.
// Ownership: owns the runtime and its threads; borrows clock and random, which outlive it. Ends in order when it goes.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "agents/agent_runtime.hpp"
#include "agents/testing.hpp"
#include "runtime/exec/loop.hpp"
#include "runtime/exec/thread_pool_executor.hpp"

namespace mnema {

class CountingRuntime {
 public:
  struct Options {
    std::string folder;  // the data file is made in it
    std::vector<std::string> tenants;
    Duration embedding{};                    // of one text
    std::vector<Migration> migrations = {};  // of tables beside the runtime's
    EventFlow flow = {};                     // of the counting agent's events
  };
  /// Opens a data file; events can be accepted. Turns begin with `start`. Errors: those of AgentRuntime::open.
  [[nodiscard]] static Result<std::unique_ptr<CountingRuntime>> open(const Options& options, const Clock& clock,
                                                                     Random& random);
  ~CountingRuntime();
  CountingRuntime(const CountingRuntime&) = delete;
  CountingRuntime& operator=(const CountingRuntime&) = delete;

  /// The agents that events can be for. Both count; `kStepper` after three steps, each durable before the next.
  static constexpr const char* kCounter = "counter";
  static constexpr const char* kStepper = "stepper";

  /// Runs first in every handler. Set before `start`.
  void on_turn_begin(std::function<void(const Event& event)> listener) { on_turn_begin_ = std::move(listener); }
  /// Runs for every turn that ends. Set before `start`.
  using Listener = std::function<void(const Event& event, TurnEnd end)>;
  void on_turn_end(Listener listener);
  void start();
  /// For an agent under `key`, as a source would make it.
  [[nodiscard]] Event event_of(const std::string& tenant, const std::string& key, const std::string& id,
                               const std::string& agent = kCounter) const;
  [[nodiscard]] Accept acceptor() { return runtime_->acceptor(); }
  /// Hands in such an event.
  void accept(const std::string& tenant, const std::string& key, const std::string& id, AcceptDone done,
              const std::string& agent = kCounter);

  [[nodiscard]] Database::Statistics statistics() const;
  [[nodiscard]] RuntimeCounts counts() const;
  /// The sum of an agent's counters under `keys`, as they stand in the file.
  [[nodiscard]] Result<std::int64_t> counted(const std::string& tenant, const std::vector<std::string>& keys,
                                             const std::string& agent = kCounter) const;
  /// The first column of the first row of a query.
  [[nodiscard]] Result<std::int64_t> number_of(const std::string& sql) const;

 private:
  CountingRuntime(const Clock& clock, Random& random);
  Status open_runtime(const Options& options);

  class SlowEmbedder;

  [[nodiscard]] std::function<task<Outcome>(Ctx&, Event)> told(task<Outcome> (*handler)(Ctx&, Event)) const;

  std::function<void(const Event& event)> on_turn_begin_;
  const Clock& clock_;
  Random& random_;
  const Limits limits_;
  Loop loop_;
  ThreadPoolExecutor store_{"store", 1};
  ThreadPoolExecutor turns_;
  ThreadPoolExecutor queries_{"queries", 2};
  ThreadPoolExecutor recall_{"recall", 2};
  ThreadPoolExecutor background_{"background", 1};
  ThreadPoolExecutor blocking_{"blocking", 1};
  std::unique_ptr<testing::ScriptedEngine> engine_;
  std::unique_ptr<SlowEmbedder> embedder_;
  std::unique_ptr<AgentRuntime> runtime_;
};

}  // namespace mnema
