// inference/tokenizer/pre_tokenizer.hpp
//
// Cuts a text into the words that byte-pair merges never cross, by the regular expressions a model was trained with.
//
// Threads: immutable after construction; any thread.
#pragma once

#include <memory>
#include <string_view>
#include <vector>

#include "runtime/base/result.hpp"

namespace mnema {

class PreTokenizer {
 public:
  /// `name`: `tokenizer.ggml.pre` of a file: "smollm", "qwen2", "llama-bpe" and those that equal one of them.
  /// Errors: `kUnsupported`.
  [[nodiscard]] static Result<PreTokenizer> create(std::string_view name);
  ~PreTokenizer();
  PreTokenizer(PreTokenizer&&) noexcept;
  PreTokenizer& operator=(PreTokenizer&&) noexcept;

  /// Words in order, without gaps. Precondition: valid UTF-8. Errors: `kResourceExhausted` for a text on which an
  /// expression takes too many steps.
  [[nodiscard]] Result<std::vector<std::string_view>> words(std::string_view text) const;

  /// Whether a whole word that is a token is taken without merging.
  [[nodiscard]] bool ignores_merges() const { return ignores_merges_; }

 private:
  struct Expression;
  PreTokenizer();
  std::vector<std::unique_ptr<Expression>> expressions_;  // each cuts what the one before it left
  bool ignores_merges_ = false;
};

}  // namespace mnema
