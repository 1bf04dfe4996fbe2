// GET /v1/models and /v1/models/{id}: bare models and agents, side by side.
#include <boost/json/array.hpp>

#include "agents/rest/json_fields.hpp"
#include "agents/rest/rest_api_state.hpp"

namespace mnema {
namespace json = boost::json;
namespace {

json::object model_json(const ServedModel& model) {
  return {
      {"id", model.name}, {"object", "model"}, {"created", model.created_unix_seconds}, {"owned_by", model.owned_by}};
}

}  // namespace

void models_route(RestRequest request) {
  json::array data;
  for (const ServedModel& model : request.api->all_models()) data.push_back(model_json(model));
  request.exchange->respond(json_response(200, json::object{{"object", "list"}, {"data", std::move(data)}}));
}

void model_route(RestRequest request) {
  const std::string& id = request.http.parameters["id"];
  for (const ServedModel& model : request.api->all_models()) {
    if (model.name == id) return request.exchange->respond(json_response(200, model_json(model)));
  }
  request.exchange->respond(refusal_of(model_not_found(id)));
}

}  // namespace mnema
