// inference/tokenizer/special_tokens.hpp
//
// Cuts a text at the tokens that are taken as a whole. Where several could be taken, the longer token goes first, then
// the one that stands further left.
//
// Time is text x lengths that tokens with the same first byte have, memory a few words for each byte of it: 8 MiB
// of line breaks from a stranger must not cost gigabytes where a vocabulary has a token for every run of them.
//
// Threads: immutable after construction; any thread.
#pragma once

#include <string_view>
#include <vector>

#include "inference/tokenizer/text_lengths.hpp"
#include "inference/tokenizer/vocabulary.hpp"

namespace mnema {

/// A piece of a text: a token taken as a whole (`id` ≥ 0), or text for the tokenizer proper (`id` = -1).
struct TextPiece {
  std::string_view text;
  TokenId id = -1;
};

class SpecialTokens {
 public:
  /// Borrows `vocabulary`, which must outlive it.
  explicit SpecialTokens(const Vocabulary& vocabulary);

  /// `parse_special`: control tokens count too, not only user-defined ones. Pieces in order; none is empty.
  [[nodiscard]] std::vector<TextPiece> split(std::string_view text, bool parse_special) const;

 private:
  const Vocabulary& vocabulary_;
  TextLengths user_defined_;
  TextLengths all_;  // control tokens too
  Lengths lengths_;  // of all tokens
};

}  // namespace mnema
