// GET /health and /metrics: for probes and scrapers, without a key and without work.
#include "agents/rest/door_state.hpp"

namespace mnema {
namespace json = boost::json;

void health_route(DoorRequest request) {
  json::object body{{"status", "ok"}};
  if (request.door->parts.health) {
    for (auto& member : request.door->parts.health()) body[member.key()] = std::move(member.value());
  }
  bool well = body["status"] == "ok";
  request.exchange->respond(json_response(well ? 200 : 503, body));
}

void metrics_route(DoorRequest request) {
  request.exchange->respond(
      text_response(200, request.door->parts.metrics_text(), "text/plain; version=0.0.4; charset=utf-8"));
}

}  // namespace mnema
