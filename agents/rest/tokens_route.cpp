// POST /tokenize, /detokenize and /apply-template, as llama.cpp's server has them, so that one script can check both.
#include <boost/json/array.hpp>

#include "agents/rest/chat_request.hpp"
#include "agents/rest/completion_request.hpp"
#include "agents/rest/json_fields.hpp"
#include "agents/rest/rest_api_state.hpp"
#include "runtime/base/utf8.hpp"

namespace mnema {
namespace json = boost::json;
namespace {

/// The engine's model that is asked for; one that is not listed is noted as the first error.
std::string model_of(JsonFields& fields, const RestApiState& api, std::optional<RequestError>& first_error) {
  Parsed<std::string> model = api.engine_model(fields.text("model").value_or("default"));
  if (auto* name = std::get_if<std::string>(&model)) return std::move(*name);
  if (!first_error) first_error = std::get<RequestError>(model);
  return "";
}

/// An error of the engine about the request's text or ids.
RequestError engine_error(const Error& error, const std::string& model, std::string_view param) {
  if (error.code == ErrorCode::kNotFound) return model_not_found(model);
  return {error, std::string(param), ""};
}

/// A piece that is no whole text is given as its bytes, as llama.cpp's server does.
json::value piece_json(const std::string& bytes) {
  if (is_valid_utf8(bytes)) return json::value(bytes);
  json::array out;
  for (unsigned char c : bytes) out.emplace_back(static_cast<int>(c));
  return out;
}

/// Reads the body, calls `answer` with its fields, and sends what comes of it.
void answer_body(const RestRequest& request,
                 const std::function<Parsed<json::object>(JsonFields&, std::optional<RequestError>&)>& answer) {
  Parsed<json::object> body = parse_body(request.http.body, request.api->parts.limits, true);
  if (auto* error = std::get_if<RequestError>(&body)) return request.exchange->respond(refusal_of(*error));
  std::optional<RequestError> first_error;
  JsonFields fields(std::get<json::object>(body), "", first_error);
  Parsed<json::object> result = answer(fields, first_error);
  if (first_error) return request.exchange->respond(refusal_of(*first_error));
  if (auto* error = std::get_if<RequestError>(&result)) return request.exchange->respond(refusal_of(*error));
  request.exchange->respond(json_response(200, std::get<json::object>(result)));
}

}  // namespace

void tokenize_route(RestRequest request) {
  Engine& engine = request.api->parts.engine;
  answer_body(request, [&](JsonFields& fields, std::optional<RequestError>& first_error) -> Parsed<json::object> {
    std::string model = model_of(fields, *request.api, first_error);
    auto content = fields.text("content");
    if (!content) fields.refuse("content", "must be the text to tokenize");
    bool add_special = fields.boolean("add_special").value_or(false);
    bool parse_special = fields.boolean("parse_special").value_or(true);
    bool with_pieces = fields.boolean("with_pieces").value_or(false);
    if (first_error) return *first_error;
    auto tokens = engine.tokenize(model, *content, add_special, parse_special);
    if (!tokens.ok()) return engine_error(tokens.error(), model, "content");
    json::array out;
    for (TokenId id : *tokens) {
      if (!with_pieces) {
        out.emplace_back(id);
        continue;
      }
      auto piece = engine.detokenize(model, {id});
      if (!piece.ok()) return engine_error(piece.error(), model, "content");
      out.push_back(json::object{{"id", id}, {"piece", piece_json(*piece)}});
    }
    return json::object{{"tokens", std::move(out)}};
  });
}

void detokenize_route(RestRequest request) {
  Engine& engine = request.api->parts.engine;
  answer_body(request, [&](JsonFields& fields, std::optional<RequestError>& first_error) -> Parsed<json::object> {
    std::string model = model_of(fields, *request.api, first_error);
    const json::array* array = fields.array("tokens");
    if (array == nullptr) fields.refuse("tokens", "must be an array of token ids");
    std::vector<TokenId> ids;
    if (array != nullptr && !array->empty()) ids = read_token_ids(fields, "tokens", *array);
    if (first_error) return *first_error;
    auto text = engine.detokenize(model, ids);
    if (!text.ok()) return engine_error(text.error(), model, "tokens");
    return json::object{{"content", to_utf8(*text)}};
  });
}

void apply_template_route(RestRequest request) {
  Engine& engine = request.api->parts.engine;
  answer_body(request, [&](JsonFields& fields, std::optional<RequestError>& first_error) -> Parsed<json::object> {
    std::string model = model_of(fields, *request.api, first_error);
    Prompt prompt = read_prompt(fields, first_error);
    prompt.add_generation_prompt = fields.boolean("add_generation_prompt").value_or(true);
    if (first_error) return *first_error;
    auto text = engine.apply_template(model, prompt);
    if (!text.ok()) return engine_error(text.error(), model, "messages");
    return json::object{{"prompt", to_utf8(*text)}};
  });
}

}  // namespace mnema
