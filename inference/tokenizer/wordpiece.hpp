// inference/tokenizer/wordpiece.hpp
//
// WordPiece as uncased BERT models have it: text is cleaned, lower-cased and stripped of accents, cut at blanks,
// punctuation and Chinese characters; each word is then taken apart into the longest known pieces from its beginning.
// Source: J. Devlin et al., "BERT" (2018), and the tokenizer published with it.
//
// Threads: immutable after construction; any thread.
#pragma once

#include <string>
#include <unordered_map>
#include <vector>

#include "inference/tokenizer/tokenizer.hpp"

namespace mnema {

class WordPieceTokenizer final : public Tokenizer {
 public:
  /// `vocab.txt`: one token a line, its id the line's number. Errors: `kNotFound`, `kCorrupt` (no [CLS], [SEP], [UNK]).
  [[nodiscard]] static Result<std::shared_ptr<const Tokenizer>> open(const std::string& path);
  [[nodiscard]] static Result<std::shared_ptr<const Tokenizer>> from_text(std::string_view text,
                                                                          const std::string& name);
  /// `tokenizer.json`, the other form in which the same vocabulary is published. Errors: as above; `kUnsupported`: it
  /// is of another kind of tokenizer, or of a cased model.
  [[nodiscard]] static Result<std::shared_ptr<const Tokenizer>> open_json(const std::string& path);
  [[nodiscard]] static Result<std::shared_ptr<const Tokenizer>> from_json(std::string_view json,
                                                                          const std::string& name);

  /// `add_special`: [CLS] before and [SEP] after. Control tokens in a text are always text.
  [[nodiscard]] Result<std::vector<TokenId>> encode(std::string_view text, bool add_special,
                                                    bool parse_special) const override;
  [[nodiscard]] Result<LocatedTokens> locate(std::string_view text) const override;
  [[nodiscard]] Result<std::string> decode_token(TokenId id, bool render_special) const override;
  [[nodiscard]] int vocabulary_size() const override { return static_cast<int>(tokens_.size()); }
  [[nodiscard]] bool is_control(TokenId id) const override;
  [[nodiscard]] TokenId beginning_of_sequence() const override { return classify_; }
  [[nodiscard]] TokenId end_of_sequence() const override { return separate_; }
  [[nodiscard]] const std::vector<TokenId>& end_of_generation() const override { return none_; }
  [[nodiscard]] TokenId find(std::string_view text) const override;

 private:
  [[nodiscard]] static Result<std::shared_ptr<const Tokenizer>> from_tokens(std::vector<std::string> tokens,
                                                                            const std::string& name);
  template <class OnPiece>
  void cut_word(const std::string& word, const OnPiece& on_piece) const;

  std::vector<std::string> tokens_;
  std::unordered_map<std::string, TokenId> ids_;
  TokenId classify_ = -1, separate_ = -1, unknown_ = -1;
  std::vector<TokenId> none_;
};

}  // namespace mnema
