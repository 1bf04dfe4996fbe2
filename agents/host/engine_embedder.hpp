// agents/host/engine_embedder.hpp
//
// Memory's embedder over the engine's encoder: vectors are jobs of the engine's own scheduler, so that embedding never
// starves a conversation.
//
// Threads:   as the seam says: any.
// Ownership: borrows the engine.
#pragma once

#include <string>

#include "inference/engine.hpp"
#include "memory/embedder.hpp"

namespace mnema {

class EngineEmbedder final : public Embedder {
 public:
  /// `model` is the encoder's name in the engine. `id` is stored with each vector: another model or pooling, another
  /// id.
  EngineEmbedder(Engine& engine, std::string model, std::string id, int dimensions)
      : engine_(engine), model_(std::move(model)), id_(std::move(id)), dimensions_(dimensions) {}

  [[nodiscard]] std::string id() const override { return id_; }
  [[nodiscard]] int dimensions() const override { return dimensions_; }
  void embed(std::vector<std::string> texts, Kind kind, bool interactive, Executor& reply_to,
             std::function<void(Result<std::vector<std::vector<float>>>)> on_done) override {
    engine_.embed(request_of(std::move(texts), kind, interactive), reply_to,
                  [on_done = std::move(on_done)](Result<Embeddings> made) {
                    if (!made.ok()) return on_done(made.error());
                    on_done(std::move(made->vectors));
                  });
  }
  [[nodiscard]] bool tells_tokens() const override { return true; }
  void embed_with_tokens(std::vector<std::string> texts, Kind kind, bool interactive, Executor& reply_to,
                         std::function<void(Result<std::vector<EmbeddedText>>)> on_done) override {
    EmbeddingRequest request = request_of(std::move(texts), kind, interactive);
    request.token_vectors = true;
    engine_.embed(std::move(request), reply_to, [on_done = std::move(on_done)](Result<Embeddings> made) {
      if (!made.ok()) return on_done(made.error());
      std::vector<EmbeddedText> embedded(made->vectors.size());
      for (std::size_t i = 0; i < embedded.size(); ++i) {
        embedded[i].vector = std::move(made->vectors[i]);
        if (i >= made->token_vectors.size()) continue;
        for (const TokenSpan& span : made->token_vectors[i].tokens.spans) {
          embedded[i].tokens.push_back({span.begin, span.end});
        }
        embedded[i].token_vectors = std::move(made->token_vectors[i].vectors);
      }
      on_done(std::move(embedded));
    });
  }

 private:
  [[nodiscard]] EmbeddingRequest request_of(std::vector<std::string> texts, Kind kind, bool interactive) const {
    EmbeddingRequest request;
    request.model = model_;
    for (std::string& text : texts) request.inputs.emplace_back(std::move(text));
    request.kind = kind == Kind::kQuestion ? EmbeddingRequest::Kind::kQuestion : EmbeddingRequest::Kind::kPassage;
    request.priority = interactive ? Priority::kInteractive : Priority::kBackground;
    return request;
  }

  Engine& engine_;
  const std::string model_;
  const std::string id_;
  const int dimensions_;
};

}  // namespace mnema
