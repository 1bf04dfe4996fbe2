// cli/memory/owned_folder.hpp
//
// A data folder for this process alone, with memory open and no turns: nothing is delivered, and no event is taken.
// Erasures that a server has left unfinished go on while it is open.
//
// Threads:   confined to one; what it does runs on its own.
// Ownership: owns everything; the destructor closes the folder.
#pragma once

#include <memory>
#include <string>

#include "agents/agent_runtime.hpp"
#include "cli/memory/memory_routes.hpp"
#include "connectors/http/routes.hpp"
#include "inference/local_engine.hpp"
#include "runtime/exec/thread_pool_executor.hpp"

namespace mnema {

class OwnedFolder final : public MemoryRoutes {
 public:
  [[nodiscard]] static Result<std::unique_ptr<OwnedFolder>> open(const MemoryRoutesNeed& need);
  ~OwnedFolder() override;
  bool is_server() const override { return false; }

 protected:
  Result<std::string> exchange(const std::string& method, const std::string& target, const std::string& body,
                               const std::string& what) override;

 private:
  explicit OwnedFolder(const MemoryRoutesNeed& need) : need_(need), limits_(need.config.limits) {}
  [[nodiscard]] Status open_runtime();
  void open_encoder();

  const MemoryRoutesNeed need_;
  const Limits limits_;
  SystemClock clock_;
  SystemRandom random_;
  ThreadPoolExecutor loop_{"loop", 1};
  ThreadPoolExecutor store_{"store", 1};
  ThreadPoolExecutor background_{"background", 1};
  ThreadPoolExecutor queries_{"queries", 2};
  ThreadPoolExecutor compute_{"compute", 1};
  ThreadPoolExecutor prepare_{"prepare", 1};
  std::unique_ptr<LocalEngine> encoder_;  // null: there is none on this disk
  std::unique_ptr<Engine> engine_;
  std::unique_ptr<Embedder> embedder_;
  std::unique_ptr<AgentRuntime> runtime_;
  HttpRoutes routes_;
};

}  // namespace mnema
