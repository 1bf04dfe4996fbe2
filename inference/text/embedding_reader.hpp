// inference/text/embedding_reader.hpp
//
// Inputs of an encoder as token ids with the marks that it was trained with, and none longer than it takes.
//
// Threads:   immutable; any thread.
// Ownership: borrows the tokenizer.
#pragma once

#include "inference/engine.hpp"
#include "inference/tokenizer/tokenizer.hpp"
#include "runtime/base/result.hpp"

namespace mnema {

class EmbeddingReader {
 public:
  /// `encoder_tokens_max`: what the encoder takes. `longer`: kCut or kRefuse; `tokens_max` as in EmbeddingRequest.
  EmbeddingReader(const Tokenizer& tokenizer, int encoder_tokens_max, EmbeddingRequest::Longer longer, int tokens_max);

  /// Makes ids of the input number `index`. Returns how many tokens it has if it was cut, else 0. Errors:
  /// `kContextLengthExceeded`, `kInvalidArgument` (an id that is none, no UTF-8), naming the input.
  [[nodiscard]] Result<int> read(EmbeddingInput& input, std::size_t index) const;

 private:
  [[nodiscard]] Status check(const std::vector<TokenId>& ids, std::size_t index) const;

  const Tokenizer& tokenizer_;
  const EmbeddingRequest::Longer longer_;
  const std::size_t tokens_max_;
};

}  // namespace mnema
