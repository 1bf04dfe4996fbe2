// agents/rest/rest_api_state.hpp
//
// What the routes of the REST API share, and the routes themselves: one function each, in a file of its own.
//
// Threads: routes run on one of `strands`, which are kept as long as the API, so that an engine may still be inside
//          `post` when an answer is already gone. The methods of RestApiState from any thread.
#pragma once

#include <atomic>
#include <boost/json/object.hpp>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "agents/rest/json_fields.hpp"
#include "agents/rest/rest_api.hpp"
#include "runtime/exec/strand.hpp"

namespace mnema {

struct RestApiState {
  explicit RestApiState(RestApi::Parts parts);

  [[nodiscard]] Executor& next_strand();
  /// Where probes and scrapers are answered, one after the other: many at once take no more than one thread.
  [[nodiscard]] Executor& status_strand() { return status_strand_; }
  /// "chatcmpl-4f0c..."
  [[nodiscard]] std::string new_id(std::string_view prefix);
  [[nodiscard]] long long unix_seconds() const;

  struct Found {
    ChatBackend* backend = nullptr;
    ServedModel model;
  };
  /// Who answers chats for `name`; "" and "default" are the default model.
  [[nodiscard]] std::optional<Found> find_model(const std::string& name) const;
  /// The engine's own model that `name` asks for; "" and "default" are its default. An engine opens any file that it is
  /// asked for by path, so only names that are listed get through: others are `model_not_found`.
  [[nodiscard]] Parsed<std::string> engine_model(const std::string& name) const;
  /// Every name that may be asked for: those of the backends, then the engine's encoders.
  [[nodiscard]] std::vector<ServedModel> all_models() const;

  const RestApi::Parts parts;

 private:
  std::vector<std::unique_ptr<Strand>> strands_;
  Strand status_strand_;
  std::atomic<std::size_t> turn_{0};
  std::mutex random_mutex_;  // guards parts.random
};

/// A request whose sender is known, on the strand where it is answered.
struct RestRequest {
  std::shared_ptr<RestApiState> api;
  HttpRequest http;
  Identity identity;
  std::shared_ptr<HttpExchange> exchange;
  Executor& strand;
};

void chat_route(RestRequest request);                              // chat_route.cpp
void completions_route(RestRequest request);                       // completions_route.cpp
void embeddings_route(RestRequest request);                        // embeddings_route.cpp
void models_route(RestRequest request);                            // models_route.cpp
void model_route(RestRequest request);                             // models_route.cpp
void tokenize_route(RestRequest request);                          // tokens_route.cpp
void detokenize_route(RestRequest request);                        // tokens_route.cpp
void apply_template_route(RestRequest request);                    // tokens_route.cpp
HttpHandler health_handler(std::shared_ptr<RestApiState> state);   // status_route.cpp
HttpHandler metrics_handler(std::shared_ptr<RestApiState> state);  // status_route.cpp

}  // namespace mnema
