// inference/tokenizer/special_tokens.hpp
//
// Cuts a text at the tokens that are taken as a whole. Where several could be taken, the longer token goes first, then
// the one that stands further left.
//
// Threads: immutable after construction; any thread.
#pragma once

#include <array>
#include <string_view>
#include <vector>

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
  struct Entry {
    std::string_view text;
    TokenId id;
    bool control;
  };
  std::array<std::vector<Entry>, 256> by_first_byte_;
};

}  // namespace mnema
