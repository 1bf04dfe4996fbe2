#include "agents/rest/rest_api.hpp"

#include <algorithm>

#include "agents/rest/rest_api_state.hpp"
#include "connectors/http/error_body.hpp"
#include "runtime/base/log.hpp"

namespace mnema {
namespace {

constexpr int kStrands = 16;

using Route = void (*)(RestRequest);

void run(Route route, RestRequest request) {
  auto exchange = request.exchange;
  const std::string what = request.http.method + " " + request.http.path;
  const std::string id = request.http.id;
  try {
    route(std::move(request));
  } catch (const std::exception& exception) {
    log_error("rest", "a route threw", {{"request", what}, {"request_id", id}, {"error", exception.what()}});
    exchange->respond(
        error_response(fail(ErrorCode::kInternal, "the request failed inside the server", "see its log")));
  }
}

HttpHandler handler(std::shared_ptr<RestApiState> state, Route route) {
  return [state = std::move(state), route](HttpRequest http, std::shared_ptr<HttpExchange> exchange) {
    Result<Identity> identity = state->parts.keys.identify(http.headers);
    if (!identity.ok()) return exchange->respond(error_response(identity.error()));
    if (const Status may = require_tenant(*identity); !may.ok()) return exchange->respond(error_response(may.error()));
    Executor& strand = state->next_strand();
    strand.post([state, route, http = std::move(http), identity = std::move(*identity), exchange = std::move(exchange),
                 &strand]() mutable {
      run(route, RestRequest{state, std::move(http), std::move(identity), std::move(exchange), strand});
    });
  };
}

}  // namespace

RestApiState::RestApiState(RestApi::Parts parts_in)
    : parts(std::move(parts_in)), status_strand_(parts.status ? *parts.status : parts.workers) {
  for (int i = 0; i < kStrands; ++i) strands_.push_back(std::make_unique<Strand>(parts.workers));
}

Executor& RestApiState::next_strand() {
  return *strands_[turn_.fetch_add(1, std::memory_order_relaxed) % strands_.size()];
}

std::string RestApiState::new_id(std::string_view prefix) {
  std::lock_guard lock(random_mutex_);
  std::string uuid = parts.random.uuid();
  std::erase(uuid, '-');
  return std::string(prefix) + uuid;
}

long long RestApiState::unix_seconds() const { return to_micros(parts.clock.now()) / 1'000'000; }

std::optional<RestApiState::Found> RestApiState::find_model(const std::string& name) const {
  bool is_default = name.empty() || name == "default";
  const std::string& wanted = is_default ? parts.default_model : name;
  for (ChatBackend* backend : parts.backends) {
    for (ServedModel& model : backend->models()) {
      if (wanted.empty() || model.name == wanted) return Found{backend, std::move(model)};
    }
  }
  return std::nullopt;
}

Parsed<std::string> RestApiState::engine_model(const std::string& name) const {
  if (name.empty() || name == "default") return "default";
  for (const ModelInfo& info : parts.engine.models()) {
    if (info.name == name) return name;
  }
  return model_not_found(name);
}

std::vector<ServedModel> RestApiState::all_models() const {
  std::vector<ServedModel> all;
  auto add = [&](ServedModel model) {
    bool known =
        std::any_of(all.begin(), all.end(), [&](const ServedModel& other) { return other.name == model.name; });
    if (!known) all.push_back(std::move(model));
  };
  for (ChatBackend* backend : parts.backends) {
    for (ServedModel& model : backend->models()) add(std::move(model));
  }
  for (const ModelInfo& info : parts.engine.models()) {
    ServedModel model;
    model.name = info.name;
    model.created_unix_seconds = info.created_unix_seconds;
    add(std::move(model));
  }
  return all;
}

RestApi::RestApi(Parts parts) : state_(std::make_shared<RestApiState>(std::move(parts))) {}
RestApi::~RestApi() = default;

void RestApi::mount(HttpRoutes& routes) {
  routes.add("POST", "/v1/chat/completions", handler(state_, chat_route))
      .add("POST", "/v1/completions", handler(state_, completions_route))
      .add("POST", "/v1/embeddings", handler(state_, embeddings_route))
      .add("GET", "/v1/models", handler(state_, models_route))
      .add("GET", "/v1/models/{id...}", handler(state_, model_route))
      .add("POST", "/tokenize", handler(state_, tokenize_route))
      .add("POST", "/detokenize", handler(state_, detokenize_route))
      .add("POST", "/apply-template", handler(state_, apply_template_route))
      .add("GET", "/health", health_handler(state_));
  if (state_->parts.metrics_text) routes.add("GET", "/metrics", metrics_handler(state_));
}

}  // namespace mnema
