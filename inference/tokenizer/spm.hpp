// inference/tokenizer/spm.hpp
//
// SentencePiece as llama and gemma files have it: blanks become U+2581, a text is cut into characters, and the two
// neighbours whose joined token has the best score are merged until none is a token (ties go to the left). What has no
// token is written as byte tokens. Source: T. Kudo, J. Richardson, "SentencePiece" (2018), BPE mode.
//
// Threads: immutable after construction; any thread.
#pragma once

#include <array>

#include "inference/tokenizer/special_tokens.hpp"
#include "inference/tokenizer/tokenizer.hpp"
#include "inference/tokenizer/vocabulary.hpp"

namespace mnema {

class SpmTokenizer final : public Tokenizer {
 public:
  /// Errors: `kCorrupt` (scores missing).
  [[nodiscard]] static Result<std::shared_ptr<const Tokenizer>> from_gguf(const GgufFile& file);

  [[nodiscard]] Result<std::vector<TokenId>> encode(std::string_view text, bool add_special,
                                                    bool parse_special) const override;
  [[nodiscard]] Result<std::vector<TokenId>> encode_with(PieceMemo& memo, std::string_view text, bool add_special,
                                                         bool parse_special) const override;
  [[nodiscard]] Result<std::string> decode_token(TokenId id, bool render_special) const override;
  [[nodiscard]] int vocabulary_size() const override { return vocabulary_.size(); }
  [[nodiscard]] bool is_control(TokenId id) const override;
  [[nodiscard]] TokenId beginning_of_sequence() const override { return vocabulary_.beginning; }
  [[nodiscard]] TokenId end_of_sequence() const override { return vocabulary_.end; }
  [[nodiscard]] const std::vector<TokenId>& end_of_generation() const override { return vocabulary_.end_of_generation; }
  [[nodiscard]] TokenId find(std::string_view text) const override { return vocabulary_.find(text); }

 private:
  explicit SpmTokenizer(Vocabulary vocabulary);
  [[nodiscard]] Result<std::vector<TokenId>> encode_pieces(PieceMemo* memo, std::string_view text, bool add_special,
                                                           bool parse_special) const;
  void append_text(std::string_view text, std::vector<TokenId>& ids) const;

  const Vocabulary vocabulary_;
  const SpecialTokens special_;
  std::array<TokenId, 256> byte_ids_{};  // "<0x41>", or -1
};

}  // namespace mnema
