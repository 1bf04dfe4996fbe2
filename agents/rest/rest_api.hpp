// agents/rest/rest_api.hpp                                                              START HERE
//
// The OpenAI-compatible REST API: which routes there are and what they share. One file per route beside this one; each
// reads its request by a pure function (chat_request.hpp, ...), calls a backend or the engine, and writes its answer by
// another (chat_response.hpp, ...).
//
//   POST /v1/chat/completions   POST /v1/completions   POST /v1/embeddings   GET /v1/models[/{id}]
//   POST /tokenize   POST /detokenize   POST /apply-template   GET /health[?full]   GET /metrics
//
// Once there are keys every route requires one, except plain /health, which says {"status": "ok"} and no more;
// /health?full and /metrics, which speak of all tenants, require one with the role "read" (identity.hpp). Without keys
// the server is bound to loopback only. The routes of administration are in admin_api.hpp.
//
// Threads:   requests arrive on the loop thread and are at once posted to a strand over `workers`, where bodies are
//            parsed and answers are written. Callbacks of one answer never run two at a time, whatever `workers` is.
//            /health is answered on the loop thread; /health?full and /metrics on `status`, so that probes and scrapers
//            do not wait for the workers.
// Ownership: borrows everything in `RestApi::Parts`; must be outlived by all of it. Running requests keep what they
//            need alive, except the borrowed parts.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "agents/rest/chat_backend.hpp"
#include "agents/rest/identity.hpp"
#include "agents/rest/sampling_fields.hpp"
#include "connectors/http/routes.hpp"
#include "inference/engine.hpp"
#include "runtime/base/clock.hpp"
#include "runtime/base/limits.hpp"
#include "runtime/base/random.hpp"
#include "runtime/exec/executor.hpp"

namespace mnema {

class RestApi {
 public:
  struct Parts {
    Engine& engine;                      // completions, embeddings, tokens, templates
    std::vector<ChatBackend*> backends;  // chat, in order of precedence: agents before bare models
    std::string default_model;           // what "default" and an absent model mean; "" = the first listed
    Executor& workers;
    const Clock& clock;
    Random& random;  // any thread
    const Limits& limits;
    ApiKeys keys;                                                // none: everybody is the tenant "local"
    SamplingOptions sampling_default = default_sampling();       // what a request that names nothing gets
    std::function<std::string()> metrics_text;                   // may be empty: /metrics is 404
    std::function<boost::json::object(const Identity&)> health;  // may be empty; added to {"status"} in /health?full
    Duration stream_keepalive = std::chrono::seconds(15);        // ": ping" while a stream is silent
    Executor* status = nullptr;                                  // null: `workers`
  };

  explicit RestApi(Parts parts);
  ~RestApi();

  /// Adds the routes above.
  void mount(HttpRoutes& routes);

 private:
  std::shared_ptr<struct RestApiState> state_;
};

}  // namespace mnema
