// inference/tokenizer/bpe.hpp
//
// Byte-level byte-pair encoding as GPT-2 has it: a text is cut into words, a word into bytes, and neighbours are merged
// by rank until no merge applies (ties go to the left). Source: R. Sennrich et al., "Neural Machine Translation of Rare
// Words with Subword Units" (2016); the byte alphabet is GPT-2's.
//
// Threads: immutable after construction; any thread.
#pragma once

#include <array>
#include <string>
#include <unordered_map>

#include "inference/tokenizer/pre_tokenizer.hpp"
#include "inference/tokenizer/special_tokens.hpp"
#include "inference/tokenizer/tokenizer.hpp"
#include "inference/tokenizer/vocabulary.hpp"

namespace mnema {

class BpeTokenizer final : public Tokenizer {
 public:
  /// Errors: `kCorrupt` (merges missing or malformed), `kUnsupported` pre-tokenizer.
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
  struct Merge {
    int rank;
    TokenId merged;
  };
  BpeTokenizer(Vocabulary vocabulary, PreTokenizer words);
  Status read_merges(const GgufFile& file);
  [[nodiscard]] Result<std::vector<TokenId>> encode_pieces(PieceMemo* memo, std::string_view text, bool add_special,
                                                           bool parse_special) const;
  Status append_piece(std::string_view piece, std::vector<TokenId>& ids) const;
  void append_word(std::string_view word, std::vector<TokenId>& ids) const;
  [[nodiscard]] const Merge* merge_of(TokenId left, TokenId right) const;

  const Vocabulary vocabulary_;
  const SpecialTokens special_;
  const PreTokenizer words_;
  std::array<TokenId, 256> byte_ids_{};              // token of each lone byte, or -1
  std::unordered_map<std::uint64_t, Merge> merges_;  // by left id << 32 | right id
};

}  // namespace mnema
