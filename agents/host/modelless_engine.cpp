#include "agents/host/modelless_engine.hpp"

namespace mnema {
namespace {

Error no_model() {
  return fail(ErrorCode::kFailedPrecondition, "this program runs without a language model",
              "set [inference] model, or declare the agent with thinks()");
}

/// One that is over before it began.
class Refused final : public Generation {
 public:
  void cancel() override {}
  void set_turn_state(TurnState) override {}
};

}  // namespace

std::shared_ptr<Generation> ModellessEngine::generate(GenerateRequest, Executor& reply_to,
                                                      GenerationCallbacks callbacks) {
  reply_to.post([on_done = std::move(callbacks.on_done)] { on_done(no_model()); });
  return std::make_shared<Refused>();
}

Result<std::vector<TokenId>> ModellessEngine::tokenize(const std::string&, const std::string&, bool, bool) {
  return no_model();
}

Result<std::string> ModellessEngine::detokenize(const std::string&, const std::vector<TokenId>&) { return no_model(); }

Result<std::string> ModellessEngine::apply_template(const std::string&, const Prompt&) { return no_model(); }

void ModellessEngine::embed(EmbeddingRequest request, Executor& reply_to,
                            std::function<void(Result<Embeddings>)> on_done) {
  if (encoder_ != nullptr) return encoder_->embed(std::move(request), reply_to, std::move(on_done));
  reply_to.post([on_done = std::move(on_done)] {
    on_done(fail(ErrorCode::kFailedPrecondition, "this program runs without an embedding model",
                 "set [inference] embedding_model, or declare an agent with recalls()"));
  });
}

std::vector<ModelInfo> ModellessEngine::models() const {
  std::vector<ModelInfo> encoders;
  if (encoder_ == nullptr) return encoders;
  for (ModelInfo& info : encoder_->models()) {
    if (info.is_encoder) encoders.push_back(std::move(info));
  }
  return encoders;
}

void ModellessEngine::load(std::string model, Executor& reply_to, std::function<void(Status)> on_done) {
  if (encoder_ != nullptr) return encoder_->load(std::move(model), reply_to, std::move(on_done));
  Engine::load(std::move(model), reply_to, std::move(on_done));
}

void ModellessEngine::erase(Scope scope, Executor& reply_to, std::function<void()> on_done) {
  if (encoder_ != nullptr) return encoder_->erase(std::move(scope), reply_to, std::move(on_done));
  Engine::erase(std::move(scope), reply_to, std::move(on_done));
}

EngineStats ModellessEngine::stats() const { return encoder_ != nullptr ? encoder_->stats() : EngineStats{}; }

void ModellessEngine::on_violation(std::function<void(const std::string& report)> report) {
  if (encoder_ != nullptr) encoder_->on_violation(std::move(report));
}

void ModellessEngine::stop() {
  if (encoder_ != nullptr) encoder_->stop();
}

}  // namespace mnema
