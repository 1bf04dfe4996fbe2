// agents/host/model_server.hpp
//
// One model behind the OpenAI-compatible API, without agents, memory or keys: `mnema serve --model NAME`.
//
// Threads:   `open`, `listen` and `run` on one thread, which becomes the I/O loop in `run` until SIGINT or SIGTERM.
// Ownership: owns engine, executors, loop and server.
#pragma once

#include <memory>
#include <string>

#include "inference/engine_options.hpp"
#include "runtime/base/limits.hpp"
#include "runtime/base/result.hpp"

namespace mnema {

struct ModelServerOptions {
  EngineOptions engine;
  std::string host = "127.0.0.1";
  int port = 7070;  // 0 = any free one
  std::string cors_origin;
  Limits limits;
};

class ModelServer {
 public:
  explicit ModelServer(ModelServerOptions options);
  ~ModelServer();
  ModelServer(const ModelServer&) = delete;
  ModelServer& operator=(const ModelServer&) = delete;

  /// Loads the model. Errors: of the model (`kNotFound`, `kCorrupt`, `kUnsupported`, `kResourceExhausted`).
  [[nodiscard]] Status open();
  /// Binds the address. Errors: `kUnavailable` (in use), `kInvalidArgument`, `kPermissionDenied`.
  [[nodiscard]] Status listen();
  [[nodiscard]] int port() const;
  /// Serves until a signal, then lets answers in flight finish for limits.shutdown_grace_ms.
  void run();

 private:
  struct Parts;
  std::unique_ptr<Parts> parts_;
};

}  // namespace mnema
