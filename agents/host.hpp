// agents/host.hpp                                                                        START HERE
//
// The program around agents: reads the configuration, opens data, engine, memory, connectors and sources, serves the
// doors, and stops in order on SIGINT or SIGTERM.
//
//   int main(int argc, char** argv) {
//     mnema::Host host;
//     host.agent("support", support).key("{/customer}").on_type("orders.failed");
//     if (auto failed = host.open(mnema::load_config("mnema.toml").value())) return 1;
//     host.run();
//   }
//
// Threads:   everything on one thread, which becomes the I/O loop in `run`.
// Ownership: owns all it opens.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "agents/agent.hpp"
#include "agents/context.hpp"
#include "runtime/config.hpp"

namespace mnema {

class AgentRuntime;

class Host {
 public:
  Host();
  ~Host();
  Host(const Host&) = delete;
  Host& operator=(const Host&) = delete;

  /// Declares an agent. Before `open`.
  AgentBuilder agent(const std::string& name, Handler handler);

  /// What went wrong, and where: so that a program can choose its exit code.
  enum class Part { kConfig, kData, kModel, kConnectors, kAddress };
  struct Failed {
    Part part = Part::kConfig;
    Error error;
  };
  /// Opens everything; the doors are open after it, though nothing is answered before `run`. None: it went well.
  [[nodiscard]] std::optional<Failed> open(Config config);

  [[nodiscard]] const std::string& address() const;  // "127.0.0.1:7070", with the port that was bound
  [[nodiscard]] AgentRuntime& runtime();

  /// Serves until a signal; then takes nothing more, lets turns end for limits.shutdown_grace_ms, and closes.
  void run();

 private:
  struct Parts;
  std::map<std::string, AgentSpec> agents_;
  std::unique_ptr<Parts> parts_;
};

}  // namespace mnema
