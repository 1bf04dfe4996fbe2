#include "inference/engine.hpp"

#include <iterator>

namespace mnema {

Result<std::shared_ptr<const PreparedPrompt>> Engine::prepare(const std::string& model, const Prompt& prompt,
                                                              const Scope& /*scope*/) {
  auto prepared = std::make_shared<PreparedPrompt>();
  prepared->model = model;
  if (prompt.raw_tokens) {
    prepared->tokens = *prompt.raw_tokens;
  } else if (prompt.raw_text) {
    ASSIGN_OR_RETURN(prepared->tokens, tokenize(model, *prompt.raw_text, true, true));
  } else {
    ASSIGN_OR_RETURN(prepared->text, apply_template(model, prompt));
    ASSIGN_OR_RETURN(prepared->tokens, tokenize(model, prepared->text, false, true));
    std::size_t end = 0;
    for (const TokenId id : prepared->tokens) {
      ASSIGN_OR_RETURN(const std::string piece, detokenize(model, {id}));
      prepared->token_ends.push_back(static_cast<std::uint32_t>(end += piece.size()));
    }
  }
  if (prepared->tokens.empty()) return fail(ErrorCode::kInvalidArgument, "the prompt is empty", "send some text");
  return std::shared_ptr<const PreparedPrompt>(std::move(prepared));
}

void Engine::embed(std::string model, std::vector<std::string> texts, Priority priority, Executor& reply_to,
                   std::function<void(Result<Embeddings>)> on_done) {
  EmbeddingRequest request;
  request.model = std::move(model);
  request.inputs.assign(std::make_move_iterator(texts.begin()), std::make_move_iterator(texts.end()));
  request.priority = priority;
  embed(std::move(request), reply_to, std::move(on_done));
}

void Engine::load(std::string /*model*/, Executor& reply_to, std::function<void(Status)> on_done) {
  reply_to.post([on_done = std::move(on_done)] { on_done({}); });
}

void Engine::erase(Scope /*scope*/, Executor& reply_to, std::function<void()> on_done) {
  reply_to.post(std::move(on_done));
}

}  // namespace mnema
