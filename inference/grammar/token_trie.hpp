// inference/grammar/token_trie.hpp
//
// Tokens as one byte trie in preorder, so that tokens with a common beginning are tried together and a dead end skips
// its whole subtree.
//
// Threads: immutable after construction.
#pragma once

#include <cstdint>
#include <string_view>
#include <utility>
#include <vector>

#include "inference/request.hpp"

namespace mnema::grammar {

class TokenTrie {
 public:
  TokenTrie() = default;
  /// Tokens with their bytes, in any order; those without bytes are left out.
  explicit TokenTrie(std::vector<std::pair<std::string_view, TokenId>> tokens);

  /// Whether some token goes on with a comma, with one behind a quotation mark, with one behind an opening bracket:
  /// where a JSON string or value ends and the next one begins within the token.
  enum Commas : std::uint8_t { kComma = 1, kQuoteThenComma = 2, kBracketThenComma = 4 };
  struct Node {
    std::uint8_t byte;
    std::uint8_t commas;   // Commas: of this node's byte and those of its subtree
    std::uint16_t depth;   // 1 for a token's first byte
    std::uint32_t next;    // the node after this one's subtree
    std::uint32_t tokens;  // first of this node's tokens in `tokens()`
    std::uint32_t tokens_end;
  };
  /// Preorder.
  [[nodiscard]] const std::vector<Node>& nodes() const { return nodes_; }
  [[nodiscard]] const std::vector<TokenId>& tokens() const { return tokens_; }
  [[nodiscard]] int depth_max() const { return depth_max_; }

 private:
  void mark_commas();

  std::vector<Node> nodes_;
  std::vector<TokenId> tokens_;
  int depth_max_ = 0;
};

}  // namespace mnema::grammar
