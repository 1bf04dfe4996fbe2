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
  void embed(std::vector<std::string> texts, bool interactive, Executor& reply_to,
             std::function<void(Result<std::vector<std::vector<float>>>)> on_done) override {
    const Priority priority = interactive ? Priority::kInteractive : Priority::kBackground;
    engine_.embed(model_, std::move(texts), priority, reply_to,
                  [on_done = std::move(on_done)](Result<Embeddings> made) {
                    if (!made.ok()) return on_done(made.error());
                    on_done(std::move(made->vectors));
                  });
  }

 private:
  Engine& engine_;
  const std::string model_;
  const std::string id_;
  const int dimensions_;
};

}  // namespace mnema
