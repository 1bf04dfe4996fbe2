// tests/agents/sim/process.hpp
//
// A whole process on one thread, and what outlives its crashes: the disk, the folder of its indexes, and the network.
// What the host puts together is put together here from the same parts: engine, runtime, connectors, webhooks, REST API
// and HTTP connections; only the models, the transport, the sockets and the threads are simulated.
//
// Threads:   the simulation's one.
// Ownership: owns the parts; they go in `crash` and `stop`, and come in `boot`.
#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "agents/agent_chat.hpp"
#include "agents/agent_runtime.hpp"
#include "agents/connectors.hpp"
#include "agents/host/engine_embedder.hpp"
#include "agents/rest/rest_api.hpp"
#include "connectors/http/connection.hpp"
#include "connectors/webhook.hpp"
#include "inference/local_engine.hpp"
#include "runtime/sim/fault_vfs.hpp"
#include "runtime/sim/simulation_executor.hpp"
#include "tests/agents/sim/http_client.hpp"
#include "tests/agents/sim/model.hpp"
#include "tests/agents/sim/network.hpp"
#include "tests/support/sometimes.hpp"

namespace mnema::testing {

/// Every tenant has an API key "key-TENANT" and a webhook for each agent at /hooks/TENANT/AGENT.
inline constexpr std::array<const char*, 2> kTenants = {"acme", "blue"};

struct ProcessOptions {
  Limits limits;
  int kv_pages = 62;
  std::map<std::string, AgentSpec> agents;
  ModelScript script;
};

class Process {
 public:
  static constexpr const char* kDatabase = "/mnema.db";

  Process(std::uint64_t seed, ProcessOptions options, SometimesTable& sometimes);
  ~Process();

  /// Starts over the disk as it is. Errors: those of AgentRuntime::open.
  [[nodiscard]] Status boot(TurnObserver* observer = nullptr);
  /// kill -9 and a power cut.
  void crash();
  /// An orderly end.
  void stop();
  [[nodiscard]] bool runs() const { return runtime != nullptr; }

  /// One request on a connection of its own. `on_answer` may never come.
  std::shared_ptr<HttpTestClient> request(const std::string& method, const std::string& path,
                                          const std::string& headers, const std::string& body,
                                          std::function<void(const ClientAnswer&)> on_answer);

  /// Nothing is in hand and nothing waits.
  [[nodiscard]] bool is_idle();
  void check_integrity();

  Simulation simulation;
  FaultVfs disk;
  Network network;
  const std::string index_folder;
  bool encoder_refuses_some = false;

  std::unique_ptr<LocalEngine> engine;
  std::unique_ptr<AgentRuntime> runtime;
  std::unique_ptr<Connectors> connectors;

 private:
  class Chats;
  void open_engine();
  void open_apis();
  void drop_clients();
  void drop_parts();

  const ProcessOptions options_;
  SometimesTable& sometimes_;
  SecretsStore secrets_{simulation.clock()};
  std::unique_ptr<EngineEmbedder> embedder_;
  std::map<std::string, std::unique_ptr<Sink>> sinks_;
  std::vector<std::unique_ptr<WebhookSource>> webhooks_;
  std::unique_ptr<AgentChat> chat_;
  std::unique_ptr<Chats> chats_;
  std::unique_ptr<RestApi> rest_;
  HttpRoutes routes_;
  std::shared_ptr<HttpConnectionContext> http_;
  std::vector<std::weak_ptr<HttpConnection>> connections_;
  std::vector<std::shared_ptr<HttpTestClient>> clients_;
};

}  // namespace mnema::testing
