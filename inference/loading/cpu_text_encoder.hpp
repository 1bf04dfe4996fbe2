// inference/loading/cpu_text_encoder.hpp
//
// Texts to vectors by a tokenizer and an encoder of this machine's cores. A text that is longer than the encoder takes
// is read in parts of one length, and its vector is the mean of theirs. What the model wants before a question or a
// passage stands before each part.
//
// Threads:   confined to the thread that computes.
// Ownership: owns both; what `begin` gives borrows the encoder.
#pragma once

#include <memory>

#include "inference/loading/catalogue.hpp"
#include "inference/loading/model_loader.hpp"
#include "inference/model/encoder.hpp"
#include "inference/tokenizer/tokenizer.hpp"

namespace mnema {

class CpuTextEncoder final : public TextEncoder {
 public:
  /// Errors: `kInvalidArgument`: the prefixes leave no place for a text.
  [[nodiscard]] static Result<std::unique_ptr<CpuTextEncoder>> make(std::shared_ptr<const Tokenizer> tokenizer,
                                                                    std::unique_ptr<Encoder> encoder,
                                                                    const EncoderProfile& profile);

  [[nodiscard]] Result<std::unique_ptr<Encoding>> begin(std::span<const EmbeddingInput> inputs,
                                                        EncodingOptions options) override;

 private:
  CpuTextEncoder(std::shared_ptr<const Tokenizer> tokenizer, std::unique_ptr<Encoder> encoder)
      : tokenizer_(std::move(tokenizer)), encoder_(std::move(encoder)) {}
  [[nodiscard]] const std::vector<TokenId>& prefix_of(EmbeddingRequest::Kind kind) const;

  const std::shared_ptr<const Tokenizer> tokenizer_;
  const std::unique_ptr<Encoder> encoder_;
  std::vector<TokenId> question_, passage_, none_;  // prefixes
};

}  // namespace mnema
