// inference/tokenizer/tokenizer.hpp
//
// Text to token ids and back, exactly as the model was trained: gpt2-BPE, SentencePiece (SPM) and WordPiece behind one
// face. `tokenizer_from_gguf` (gguf_tokenizer.hpp) makes one from a model file.
//
// Threads: immutable after construction; any thread.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "inference/request.hpp"
#include "inference/token_vectors.hpp"
#include "inference/tokenizer/piece_memo.hpp"
#include "runtime/base/result.hpp"

namespace mnema {

class Tokenizer {
 public:
  virtual ~Tokenizer() = default;

  /// `add_special`: put the model's beginning (and end) tokens where its file says so. `parse_special`: control tokens
  /// written out in `text` ("<|im_end|>") become their ids; otherwise they are ordinary text.
  /// Errors: `kInvalidArgument` for invalid UTF-8 (says at which byte).
  [[nodiscard]] virtual Result<std::vector<TokenId>> encode(std::string_view text, bool add_special,
                                                            bool parse_special) const = 0;

  /// The same ids, with the pieces that `memo` knows taken from there and the others left in it.
  [[nodiscard]] virtual Result<std::vector<TokenId>> encode_with(PieceMemo& memo, std::string_view text,
                                                                 bool add_special, bool parse_special) const;

  /// The ids without special tokens, each with the bytes of `text` that it was made of. Errors: as `encode`; here:
  /// `kUnsupported`, for the models that make text.
  [[nodiscard]] virtual Result<LocatedTokens> locate(std::string_view text) const;

  /// The bytes of one token; a byte token gives one byte, a control token gives "" unless `render_special`.
  /// Errors: `kInvalidArgument` for an id out of range.
  [[nodiscard]] virtual Result<std::string> decode_token(TokenId id, bool render_special) const = 0;

  /// All tokens' bytes, concatenated. May end in half a UTF-8 character.
  [[nodiscard]] Result<std::string> decode(const std::vector<TokenId>& ids, bool render_special) const;

  [[nodiscard]] virtual int vocabulary_size() const = 0;
  [[nodiscard]] virtual bool is_control(TokenId id) const = 0;
  /// -1 where the model has none.
  [[nodiscard]] virtual TokenId beginning_of_sequence() const = 0;
  [[nodiscard]] virtual TokenId end_of_sequence() const = 0;
  /// Every token after which a chat turn is over (eos, eot, <|im_end|>, <end_of_turn> ...).
  [[nodiscard]] virtual const std::vector<TokenId>& end_of_generation() const = 0;
  /// The id of a token by its exact text, or -1.
  [[nodiscard]] virtual TokenId find(std::string_view token_text) const = 0;

 protected:
  /// Errors: `kInvalidArgument`, saying at which byte `text` stops being UTF-8.
  [[nodiscard]] static Status check_utf8(std::string_view text);
  /// Errors: `kInvalidArgument` for an id outside the vocabulary.
  [[nodiscard]] Status check_id(TokenId id) const;
};

/// Bytes that end inside a UTF-8 character: how many at the end of `text` must wait for the next token (0..3).
[[nodiscard]] int incomplete_utf8_suffix(std::string_view text);

}  // namespace mnema
