// inference/grammar/vocabulary_trie.hpp
//
// All tokens of a vocabulary as one byte trie in preorder, so that tokens with a common beginning are tried together
// and a dead end skips its whole subtree. Built once per tokenizer.
//
// Threads: immutable after construction.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "inference/tokenizer/tokenizer.hpp"

namespace mnema::grammar {

class VocabularyTrie {
 public:
  explicit VocabularyTrie(const Tokenizer& tokenizer);

  struct TrieNode {
    std::uint8_t byte;
    std::uint16_t depth;   // 1 for a token's first byte
    std::uint32_t next;    // the node after this one's subtree
    std::uint32_t tokens;  // first of this node's tokens in `tokens()`
    std::uint32_t tokens_end;
  };
  /// Preorder.
  [[nodiscard]] const std::vector<TrieNode>& nodes() const { return nodes_; }
  [[nodiscard]] const std::vector<TokenId>& tokens() const { return tokens_; }
  [[nodiscard]] int depth_max() const { return depth_max_; }
  [[nodiscard]] int vocabulary_size() const { return static_cast<int>(bytes_begin_.size()) - 1; }
  /// The bytes of a token; empty for control tokens.
  [[nodiscard]] std::string_view bytes_of(TokenId token) const;
  [[nodiscard]] const std::vector<TokenId>& end_of_generation() const { return end_of_generation_; }

 private:
  std::vector<TrieNode> nodes_;
  std::vector<TokenId> tokens_;
  std::string bytes_;                       // all tokens' bytes, one after the other
  std::vector<std::uint32_t> bytes_begin_;  // [vocabulary + 1]
  std::vector<TokenId> end_of_generation_;
  int depth_max_ = 0;
};

}  // namespace mnema::grammar
