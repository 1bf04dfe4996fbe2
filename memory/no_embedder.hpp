// memory/no_embedder.hpp
//
// The embedder of a program that has none: memory goes by words and time. What is written meanwhile waits for its
// vector, and gets it from the first embedder that a later start has.
//
// Threads: any.
#pragma once

#include "memory/embedder.hpp"

namespace mnema {

class NoEmbedder final : public Embedder {
 public:
  [[nodiscard]] std::string id() const override { return "none"; }
  [[nodiscard]] int dimensions() const override { return 0; }
  void embed(std::vector<std::string>, Kind, bool, Executor& reply_to,
             std::function<void(Result<std::vector<std::vector<float>>>)> on_done) override {
    reply_to.post([on_done = std::move(on_done)] {
      on_done(fail(ErrorCode::kFailedPrecondition, "there is no embedding model", "set [inference] embedding_model"));
    });
  }
};

}  // namespace mnema
