// agents/host.hpp                                                                        START HERE
//
// The program around agents: reads the configuration, opens data, engine, memory, connectors and sources, serves the
// API, and stops in order on SIGINT, SIGTERM or `stop` (agents/host/shutdown.hpp).
//
//   int main(int argc, char** argv) {
//     mnema::Host host;
//     host.agent("support", support).key("{/customer}").on_type("orders.failed");
//     if (auto failed = host.open(mnema::load_config("mnema.toml").value())) return 1;
//     host.run();
//   }
//
// Signals: from the beginning of `open` to the end of `run` they are the host's. The first one stops it: within
//   limits.shutdown_grace_ms and a second, whatever hangs. One that comes while `open` still loads models ends the
//   process with exit code 0: nothing had begun. After the first, if some work still hangs in a thread (a blocking
//   function, a write to a dead disk), it is named in the log, and `run` ends the process with exit code 0 itself,
//   because nothing that such a thread uses may be destroyed. A second signal ends the process at once, with 128 +
//   signal.
//
// Threads:   `open` and `run` on one thread, one after the other; `stop` from any thread.
// Ownership: owns all it opens. What is left behind in a thread that hangs is never destroyed.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "agents/agent.hpp"
#include "agents/context.hpp"
#include "runtime/config/config.hpp"

namespace mnema {

class AgentRuntime;
class Clock;
class Engine;    // mnema/inference.hpp
class Executor;  // runtime/exec/executor.hpp
class Sink;      // mnema/connectors.hpp
class StopRequest;

/// What is otherwise than in a program of its own: for tests (agents/host_harness.hpp) and for hosts inside others.
struct HostOptions {
  /// Makes the engine, instead of the models of [inference]. `compute` is a thread for it and outlives it.
  std::function<std::unique_ptr<Engine>(Executor& compute)> engine = {};
  const Clock* clock = nullptr;  // null: the system's. Outlives the host
  /// Wraps the loop's executor, where mailbox, outbox and timers wait for their time: a clock that is moved by hand
  /// needs delays that follow it. What it makes is used from any thread.
  std::function<std::unique_ptr<Executor>(Executor& loop)> delays = {};
  /// Sinks of the program's own, by name, before those of [connectors]; null: there is none. On the loop thread; what
  /// it gives outlives the host.
  std::function<Sink*(const std::string& name)> sinks = {};
  bool signals = true;  // false: SIGINT and SIGTERM are not the host's
  bool log = true;      // false: [log] is ignored; the program has configured the log
};

class Host {
 public:
  explicit Host(HostOptions options = {});
  ~Host();
  Host(const Host&) = delete;
  Host& operator=(const Host&) = delete;

  /// Declares an agent. Before `open`.
  AgentBuilder agent(const std::string& name, Handler handler);

  /// What went wrong, and where: so that a program can choose its exit code.
  enum class Part { kConfig, kData, kModel, kConnectors, kAddress, kStopped };
  struct Failed {
    Part part = Part::kConfig;
    Error error;
  };
  /// Opens everything, once; the address is bound after it, though nothing is answered before `run`. Configures the log
  /// first. Models are opened only if an agent needs one (agents/host/model_needs.hpp). None: it went well. `kStopped`:
  /// `stop` was called meanwhile.
  [[nodiscard]] std::optional<Failed> open(Config config);

  [[nodiscard]] const std::string& address() const;  // "127.0.0.1:7070", with the port that was bound
  [[nodiscard]] AgentRuntime& runtime();

  /// How serving ended.
  struct Ended {
    int signal = 0;                        // 0: by `stop`
    std::vector<std::string> left_behind;  // what still hangs, a sentence each; empty: an orderly end
  };
  /// Serves until a signal or `stop`; then takes nothing more, lets turns end for limits.shutdown_grace_ms, and closes.
  /// The data folder is free afterwards. Once.
  Ended run();

  /// Ends `run`, or `open`, as the first signal does. Idempotent.
  void stop();

 private:
  struct Parts;
  [[nodiscard]] std::optional<Failed> open_parts();

  const HostOptions options_;
  std::map<std::string, AgentSpec> agents_;
  const std::shared_ptr<StopRequest> stop_;
  std::unique_ptr<Parts> parts_;
};

}  // namespace mnema
