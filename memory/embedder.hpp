// memory/embedder.hpp
//
// The seam between memory and whatever turns text into vectors. `agents` joins it to the engine's encoder; tests use a
// deterministic one.
//
// Threads: `embed` from any thread; `on_done` on `reply_to`.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "runtime/base/result.hpp"
#include "runtime/exec/executor.hpp"

namespace mnema {

class Embedder {
 public:
  virtual ~Embedder() = default;
  /// Names model, version and pooling; stored with every vector. Vectors of different ids are never compared.
  [[nodiscard]] virtual std::string id() const = 0;
  /// 0: there are no vectors, `embed` only fails, and memory goes by words and time.
  [[nodiscard]] virtual int dimensions() const = 0;
  /// One L2-normalised vector per text, in order. Errors blame a text where they are not retryable and
  /// `kInvalidArgument`, `kContextLengthExceeded`, `kResourceExhausted` or `kInternal`; all others are about the
  /// embedder. Their messages are logged, so they quote no text.
  virtual void embed(std::vector<std::string> texts, bool interactive, Executor& reply_to,
                     std::function<void(Result<std::vector<std::vector<float>>>)> on_done) = 0;
};

}  // namespace mnema
