// inference/token_vectors.hpp
//
// The vectors of a text's single tokens, for late interaction: a question's tokens are compared with a passage's, each
// with its best (O. Khattab, M. Zaharia, "ColBERT", 2020).
//
// Threads: plain values.
#pragma once

#include <cstdint>
#include <vector>

#include "inference/request.hpp"

namespace mnema {

/// Bytes begin..end-1 of a text.
struct TokenSpan {
  std::uint32_t begin = 0;
  std::uint32_t end = 0;
  bool operator==(const TokenSpan&) const = default;
};

/// A text's tokens in their order, without the marks that the model wants around a text, each with the bytes that it
/// stands for. Bytes between two tokens (blanks) belong to none.
struct LocatedTokens {
  std::vector<TokenId> ids;
  std::vector<TokenSpan> spans;  // one per id
};

/// The same with a vector for each. A token of a long text was read within its part of the text.
struct TokenVectors {
  LocatedTokens tokens;        // spans: empty where ids were sent instead of a text
  std::vector<float> vectors;  // f32 [tokens, dimensions], each L2-normalised: the encoder's final hidden states
};

}  // namespace mnema
