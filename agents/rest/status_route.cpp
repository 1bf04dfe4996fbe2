// GET /health and /metrics: for probes and scrapers. They never wait for the workers of the other routes, which may be
// busy with long prompts: whether the server lives is answered on the loop itself, the rest on an executor of its own.
#include "agents/rest/rest_api_state.hpp"
#include "connectors/http/error_body.hpp"
#include "runtime/base/log.hpp"

namespace mnema {
namespace json = boost::json;
namespace {

/// Answers with what `make` gives, away from the loop, if the request has a key that may read it or none is needed.
template <class Make>
void answer_with_key(const std::shared_ptr<RestApiState>& state, const HttpRequest& http,
                     std::shared_ptr<HttpExchange> exchange, Make make) {
  Result<Identity> known = state->parts.keys.identify(http.headers);
  if (!known.ok()) return exchange->respond(error_response(known.error()));
  if (const Status may = require_role(*known, KeyRole::kRead); !may.ok()) {
    return exchange->respond(error_response(may.error()));
  }
  state->status_strand().post([identity = std::move(*known), exchange = std::move(exchange), make = std::move(make)] {
    try {
      exchange->respond(make(identity));
    } catch (const std::exception& exception) {
      log_error("rest", "the status could not be made", {{"error", exception.what()}});
      exchange->respond(
          error_response(fail(ErrorCode::kInternal, "the request failed inside the server", "see its log")));
    }
  });
}

}  // namespace

HttpHandler health_handler(std::shared_ptr<RestApiState> state) {
  return [state = std::move(state)](const HttpRequest& http, std::shared_ptr<HttpExchange> exchange) {
    if (!http.query_parameter("full")) return exchange->respond(json_response(200, json::object{{"status", "ok"}}));
    answer_with_key(state, http, std::move(exchange), [state](const Identity& identity) {
      json::object body{{"status", "ok"}};
      if (state->parts.health) {
        for (auto& member : state->parts.health(identity)) body[member.key()] = std::move(member.value());
      }
      return json_response(200, body);
    });
  };
}

HttpHandler metrics_handler(std::shared_ptr<RestApiState> state) {
  return [state = std::move(state)](const HttpRequest& http, std::shared_ptr<HttpExchange> exchange) {
    answer_with_key(state, http, std::move(exchange), [state](const Identity&) {
      return text_response(200, state->parts.metrics_text(), "text/plain; version=0.0.4; charset=utf-8");
    });
  };
}

}  // namespace mnema
