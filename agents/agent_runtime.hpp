// agents/agent_runtime.hpp
//
// Everything between an event and its effects, put together: data file, memory, agents, turns, outbox. No sockets and
// no threads of its own: the host gives it real executors and a real engine, the simulation one thread, a scripted
// engine and a disk that loses what was not synced. Both run the same code.
//
// Threads:   `open`, `close` on the thread that sets up; the parts say themselves.
// Ownership: owns its parts; borrows executors, engine, embedder, clock, random and limits, which outlive it. The
//            agents are fixed when it is opened.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "agents/agent.hpp"
#include "agents/turn/dispatcher.hpp"
#include "agents/turn/event_prestage.hpp"
#include "agents/turn/prefix_watch.hpp"
#include "agents/turn/session_cleaner.hpp"
#include "agents/turn/turn_services.hpp"
#include "connectors/connector.hpp"
#include "inference/engine.hpp"
#include "memory/store.hpp"
#include "runtime/runtime.hpp"

namespace mnema {

class AgentRuntime {
 public:
  struct Executors {
    Executor& loop;        // home of mailbox, outbox and dispatch
    Executor& store;       // one thread: all writes
    Executor& turns;       // handlers and tools
    Executor& queries;     // what a turn reads before it can run
    Executor& background;  // ingest, embedding, index upkeep
    Executor& blocking;    // calls that wait
    Executor& recall;      // recall and prestaging: computes for long, so it is not `queries`
  };
  struct Options {
    Database::Options database;
    std::vector<Migration> migrations;  // of components that only the host has
    std::string index_folder;           // "" = none is kept
    std::string default_model;
    std::map<std::string, AgentSpec> agents;
    TurnObserver* observer = nullptr;
    std::vector<std::string> task_headers = {"### Task:"};  // agents/turn/client_task.hpp
  };

  /// Opens the file, recovers mailbox, outbox, timers and memory. Nothing runs yet.
  /// Errors: a tool's parameters that are no schema (agents/tool_arguments.hpp), those of Database::open and
  /// MemoryStore::open.
  [[nodiscard]] static Result<std::unique_ptr<AgentRuntime>> open(Options options, Executors executors, Engine& engine,
                                                                  Embedder& embedder, const Clock& clock,
                                                                  Random& random, const Limits& limits);
  ~AgentRuntime();

  /// Where outbox messages go and which connectors tools may call. Set before `start`.
  using FindSink = std::function<Sink*(const std::string& destination)>;
  using FindClient = std::function<HttpClient*(const std::string& connector)>;
  /// A name that nobody has is logged when it is first asked for.
  void connect(FindSink sinks, FindClient clients);

  /// Begins to take events and to deliver messages.
  void start();

  /// What sources hand their events to.
  [[nodiscard]] Accept acceptor();

  /// Takes nothing more, lets turns end within `grace`, then begins no delivery and answers on the loop. Then `close`.
  void stop(Duration grace, std::function<void()> stopped);
  /// Begins no delivery, and answers on the loop when none is in flight. Who calls it cancels those that are.
  void stop_deliveries(std::function<void()> stopped);
  /// Destinations of the deliveries in flight.
  [[nodiscard]] std::vector<std::string> deliveries() const;
  /// Commits what is queued and closes. Not on an executor that the store needs.
  void close();

  [[nodiscard]] const std::map<std::string, AgentSpec>& agents() const { return agents_; }
  [[nodiscard]] Runtime& runtime() { return *runtime_; }
  [[nodiscard]] MemoryStore& memory() { return *memory_; }
  [[nodiscard]] Dispatcher& dispatcher() { return *dispatcher_; }
  [[nodiscard]] const TurnServices& services() const { return *services_; }
  /// With nothing in flight.
  void check_integrity();

 private:
  AgentRuntime(Executors executors, std::map<std::string, AgentSpec> agents)
      : executors_(executors), agents_(std::move(agents)) {}

  Executors executors_;
  const std::map<std::string, AgentSpec> agents_;
  struct Deliveries;  // in flight
  FindSink sinks_;
  std::shared_ptr<Deliveries> deliveries_;
  const std::shared_ptr<PrefixWatch> prefixes_ = std::make_shared<PrefixWatch>();  // the engine may outlive it
  std::unique_ptr<Runtime> runtime_;
  std::unique_ptr<MemoryStore> memory_;
  std::unique_ptr<EventPrestage> prestage_;
  std::unique_ptr<TurnServices> services_;
  std::unique_ptr<SessionCleaner> session_cleaner_;
  std::unique_ptr<Dispatcher> dispatcher_;
};

}  // namespace mnema
