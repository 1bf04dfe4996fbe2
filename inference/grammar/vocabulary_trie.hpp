// inference/grammar/vocabulary_trie.hpp
//
// A vocabulary as masks need it: all tokens as one trie, and, for sets of characters that a grammar treats alike (the
// inside of a string), the tokens made of nothing else, ready to be copied. Built once per tokenizer.
//
// Threads: any thread; the tables of character sets are guarded by a mutex, all else is immutable after construction.
#pragma once

#include <bitset>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "inference/grammar/token_trie.hpp"
#include "inference/tokenizer/tokenizer.hpp"

namespace mnema::grammar {

/// Some ASCII characters and, if `others`, every character beyond ASCII.
struct CharacterSet {
  std::bitset<128> ascii;
  bool others = false;
  bool operator==(const CharacterSet&) const = default;
};

/// The tokens that are whole characters of one set, and the trie of the rest.
struct PlainTokens {
  static constexpr int kLengthMax = 32;  // longer ones are among the rest

  CharacterSet characters;
  std::vector<std::vector<std::uint64_t>> up_to;  // [length in characters]: a mask of those that are no longer
  TokenTrie rest;
};

class VocabularyTrie {
 public:
  explicit VocabularyTrie(const Tokenizer& tokenizer);

  [[nodiscard]] const TokenTrie& all() const { return all_; }
  [[nodiscard]] int vocabulary_size() const { return static_cast<int>(bytes_begin_.size()) - 1; }
  /// The bytes of a token; empty for control tokens.
  [[nodiscard]] std::string_view bytes_of(TokenId token) const;
  [[nodiscard]] const std::vector<TokenId>& end_of_generation() const { return end_of_generation_; }

  /// The table of `characters`; takes some milliseconds at the first time. nullptr once there are too many tables.
  [[nodiscard]] std::shared_ptr<const PlainTokens> plain_tokens(const CharacterSet& characters) const;

 private:
  std::string bytes_;                       // all tokens' bytes, one after the other
  std::vector<std::uint32_t> bytes_begin_;  // [vocabulary + 1]
  std::vector<TokenId> end_of_generation_;
  TokenTrie all_;
  mutable std::mutex mutex_;
  mutable std::vector<std::shared_ptr<const PlainTokens>> plain_;  // guarded by mutex_; bounded
};

}  // namespace mnema::grammar
