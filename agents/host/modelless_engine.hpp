// agents/host/modelless_engine.hpp
//
// The engine of a program without a language model: whoever asks for text is told so, and what to do about it. Vectors
// come from another engine, if there is one; what is said or asked about that one goes to it too.
//
// Threads:   as the seam says: any.
// Ownership: borrows the encoder's engine (may be null), which outlives it.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "inference/engine.hpp"

namespace mnema {

class ModellessEngine final : public Engine {
 public:
  explicit ModellessEngine(Engine* encoder) : encoder_(encoder) {}

  std::shared_ptr<Generation> generate(GenerateRequest request, Executor& reply_to,
                                       GenerationCallbacks callbacks) override;
  void prestage(std::string, Scope, Prompt) override {}
  [[nodiscard]] Result<std::vector<TokenId>> tokenize(const std::string& model, const std::string& text,
                                                      bool add_special, bool parse_special) override;
  [[nodiscard]] Result<std::string> detokenize(const std::string& model, const std::vector<TokenId>& ids) override;
  [[nodiscard]] Result<std::string> apply_template(const std::string& model, const Prompt& prompt) override;
  using Engine::embed;
  void embed(EmbeddingRequest request, Executor& reply_to, std::function<void(Result<Embeddings>)> on_done) override;
  /// Encoders only.
  [[nodiscard]] std::vector<ModelInfo> models() const override;
  [[nodiscard]] double prefill_tokens_per_second(const std::string&) const override { return 0; }
  void load(std::string model, Executor& reply_to, std::function<void(Status)> on_done) override;
  void erase(Scope scope, Executor& reply_to, std::function<void()> on_done) override;
  [[nodiscard]] EngineStats stats() const override;
  void on_violation(std::function<void(const std::string& report)> report) override;
  void stop() override;

 private:
  Engine* const encoder_;
};

}  // namespace mnema
