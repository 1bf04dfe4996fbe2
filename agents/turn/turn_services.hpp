// agents/turn/turn_services.hpp
//
// What the host lends to every turn.
//
// Threads:   what is borrowed may be used from any thread, each part by its own rules.
// Ownership: everything but what it learns itself is borrowed and outlives all turns.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "agents/turn/calling_functions.hpp"
#include "runtime/base/clock.hpp"
#include "runtime/base/limits.hpp"
#include "runtime/base/random.hpp"
#include "runtime/exec/executor.hpp"

namespace mnema {

class Engine;
class HttpClient;
class MemoryStore;
class PrefixWatch;
class Runtime;
class TurnObserver;

struct TurnServices {
  Runtime& runtime;
  MemoryStore& memory;
  Engine& engine;
  PrefixWatch& prefixes;
  Executor& turns;     // the pool that handlers run on; each turn takes a strand of it
  Executor& queries;   // reads of the database
  Executor& blocking;  // calls that wait, long computations
  const Clock& clock;
  Random& random;  // any thread
  const Limits& limits;
  std::string default_model;
  std::function<HttpClient*(const std::string& connector)> http;  // null: no such connector
  TurnObserver* observer = nullptr;
  std::vector<std::string> task_headers = {};  // of requests that clients make for themselves (client_task.hpp)
  std::shared_ptr<CallingFunctions> calling = std::make_shared<CallingFunctions>();
};

}  // namespace mnema
