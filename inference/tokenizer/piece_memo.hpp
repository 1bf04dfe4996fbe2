// inference/tokenizer/piece_memo.hpp
//
// Ids of pieces of text that were tokenized before. A tokenizer cuts a text at its special tokens; the ids of what lies
// between two of them depend on nothing outside, so a chat whose first messages are known is tokenized from there on.
//
// Threads: confined to one `encode` at a time.
#pragma once

#include <span>
#include <string_view>
#include <vector>

#include "inference/request.hpp"

namespace mnema {

class PieceMemo {
 public:
  virtual ~PieceMemo() = default;
  /// Appends the ids of `piece` and returns true if they are known. `variant`: what else they depend on.
  [[nodiscard]] virtual bool append(std::string_view piece, unsigned variant, std::vector<TokenId>& ids) = 0;
  /// The piece was tokenized to `ids`.
  virtual void keep(std::string_view piece, unsigned variant, std::span<const TokenId> ids) = 0;
};

}  // namespace mnema
