// POST /v1/embeddings: texts to vectors, by the engine's encoder.
#include <algorithm>

#include "agents/rest/embeddings_request.hpp"
#include "agents/rest/rest_api_state.hpp"

namespace mnema {
namespace {

/// Somebody waits for the vectors of so few texts, a search for instance; more are a job.
constexpr std::size_t kQueryTexts = 8;

/// The encoder that shall answer: the one named, else the engine's first. None: `error` says why.
std::optional<std::string> choose_encoder(const Engine& engine, const std::string& wanted, RequestError& error) {
  std::vector<ModelInfo> models = engine.models();
  bool any = wanted.empty() || wanted == "default";
  auto encoder = std::find_if(models.begin(), models.end(), [&](const ModelInfo& model) {
    return model.is_encoder && (any || model.name == wanted);
  });
  if (encoder != models.end()) return encoder->name;
  bool is_known =
      std::any_of(models.begin(), models.end(), [&](const ModelInfo& model) { return model.name == wanted; });
  if (is_known) {
    error = {fail(ErrorCode::kInvalidArgument, "the model '" + wanted + "' writes text and makes no embeddings",
                  "name an encoder; GET /v1/models lists the models"),
             "model", ""};
  } else if (any) {
    error = {fail(ErrorCode::kFailedPrecondition, "this server has no embedding model", "start it with one"), "model",
             ""};
  } else {
    error = model_not_found(wanted);
  }
  return std::nullopt;
}

}  // namespace

void embeddings_route(RestRequest request) {
  Parsed<ParsedEmbeddings> parsed = parse_embeddings_request(request.http.body, request.api->parts.limits);
  if (auto* error = std::get_if<RequestError>(&parsed)) return request.exchange->respond(refusal_of(*error));
  auto& wanted = std::get<ParsedEmbeddings>(parsed);
  RequestError error;
  auto model = choose_encoder(request.api->parts.engine, wanted.model, error);
  if (!model) return request.exchange->respond(refusal_of(error));

  EmbeddingRequest job;
  job.model = *model;
  job.inputs = std::move(wanted.inputs);
  job.priority = job.inputs.size() <= kQueryTexts ? Priority::kInteractive : Priority::kEvent;
  job.longer = wanted.truncate ? EmbeddingRequest::Longer::kCut : EmbeddingRequest::Longer::kRefuse;
  job.tokens_max = wanted.tokens_max;
  auto on_done = [exchange = request.exchange, wanted = std::move(wanted), model = *model](Result<Embeddings> made) {
    if (!made.ok()) return exchange->respond(refusal_of({made.error(), "input", ""}));
    auto own = static_cast<int>(made->vectors.empty() ? 0 : made->vectors.front().size());
    if (wanted.dimensions && *wanted.dimensions != own) {
      return exchange->respond(refusal_of(
          {fail(ErrorCode::kUnsupported, "'" + model + "' makes vectors of " + std::to_string(own) + " dimensions only",
                "leave out dimensions"),
           "dimensions", ""}));
    }
    exchange->respond(json_response(200, embeddings_json(*made, wanted, model)));
  };
  request.api->parts.engine.embed(std::move(job), request.strand, std::move(on_done));
}

}  // namespace mnema
