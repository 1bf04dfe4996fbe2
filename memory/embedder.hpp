// memory/embedder.hpp
//
// The seam between memory and whatever turns text into vectors. `agents` joins it to the engine's encoder; tests use a
// deterministic one. One that tells the tokens of a text lets recall compare a question word by word (late interaction;
// O. Khattab, M. Zaharia, "ColBERT", 2020).
//
// Threads: `embed` from any thread; `on_done` on `reply_to`.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "runtime/base/result.hpp"
#include "runtime/exec/executor.hpp"

namespace mnema {

/// Where a token stands in its text: bytes begin..end-1.
struct TokenPlace {
  std::uint32_t begin = 0;
  std::uint32_t end = 0;
};

/// A text as an encoder reads it.
struct EmbeddedText {
  std::vector<float> vector;         // [dimensions], L2-normalised
  std::vector<TokenPlace> tokens;    // in order, without the encoder's own marks; empty: the embedder does not tell
  std::vector<float> token_vectors;  // [tokens, dimensions], each L2-normalised, as it is read where it stands
};

class Embedder {
 public:
  /// What the texts are in a search: encoders may be trained to read a question in another way than what answers it.
  enum class Kind { kQuestion, kPassage };

  virtual ~Embedder() = default;
  /// Names model, version and pooling; stored with every vector. Vectors of different ids are never compared.
  [[nodiscard]] virtual std::string id() const = 0;
  /// 0: there are no vectors, `embed` only fails, and memory goes by words and time.
  [[nodiscard]] virtual int dimensions() const = 0;
  /// One L2-normalised vector per text, in order. Errors blame a text where they are not retryable and
  /// `kInvalidArgument`, `kContextLengthExceeded`, `kResourceExhausted` or `kInternal`; all others are about the
  /// embedder. Their messages are logged, so they quote no text.
  virtual void embed(std::vector<std::string> texts, Kind kind, bool interactive, Executor& reply_to,
                     std::function<void(Result<std::vector<std::vector<float>>>)> on_done) = 0;

  /// `embed_with_tokens` gives the vectors of tokens.
  [[nodiscard]] virtual bool tells_tokens() const { return false; }
  /// As `embed`, with the tokens where the embedder tells them. Each takes `dimensions` floats: for few short texts.
  virtual void embed_with_tokens(std::vector<std::string> texts, Kind kind, bool interactive, Executor& reply_to,
                                 std::function<void(Result<std::vector<EmbeddedText>>)> on_done) {
    embed_without_tokens(std::move(texts), kind, interactive, reply_to, std::move(on_done));
  }
  /// `embed`, answered as `embed_with_tokens` is.
  void embed_without_tokens(std::vector<std::string> texts, Kind kind, bool interactive, Executor& reply_to,
                            std::function<void(Result<std::vector<EmbeddedText>>)> on_done) {
    embed(std::move(texts), kind, interactive, reply_to, [on_done = std::move(on_done)](auto vectors) {
      if (!vectors.ok()) return on_done(vectors.error());
      std::vector<EmbeddedText> embedded;
      for (std::vector<float>& vector : *vectors) embedded.push_back({std::move(vector), {}, {}});
      on_done(std::move(embedded));
    });
  }
};

}  // namespace mnema
