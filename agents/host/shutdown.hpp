// agents/host/shutdown.hpp
//
// The end of a program around agents, in stages. Whatever hangs is waited for so long, named, and left behind; the
// database is closed all the same.
//
//   1 sources are drained and the server accepts nothing, the mailbox leases nothing, background work of memory ends
//   2 running turns and answers have the grace time
//   3 those left are cancelled, with what they wait for; their events go back to the mailbox uncounted
//   4 the outbox begins no delivery, sources and sinks stop: what came of the turns is acknowledged by then, and the
//     deliveries and calls in flight are cancelled
//   5 memory saves its indexes; meanwhile sources leave their brokers' groups
//   6 the loop and the pools end
//   7 the database commits what is queued and closes, and the data folder is free
//
// All of it takes `grace` + 1 s at most, and no time that is not needed.
//
// Threads:   called on the thread that serves, once, while the loop runs on its own; not on the loop.
// Ownership: borrows all; while anything is left behind, all that is borrowed must stay.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "runtime/base/clock.hpp"

namespace mnema {

class AgentRuntime;
class ConnectorRegistry;
class Engine;
class HttpServer;
class Loop;
class ThreadPoolExecutor;

struct ShutdownParts {
  Loop& loop;
  Engine& engine;
  AgentRuntime* runtime = nullptr;  // null: it was never opened; the same below
  HttpServer* server = nullptr;
  ConnectorRegistry* connectors = nullptr;  // its sources and sinks
  std::function<void()> cancel_calls;       // of tools; may be empty
  std::vector<ThreadPoolExecutor*> pools;   // in the order in which they end
  bool serving = true;                      // false: the loop never ran, and there is nothing to wait for in it
};

/// Returns what was left behind, a sentence each; empty: nothing, and everything may be destroyed.
[[nodiscard]] std::vector<std::string> shut_down(const ShutdownParts& parts, Duration grace);

}  // namespace mnema
