// inference/grammar/grammar_mask.hpp
//
// A grammar as a TokenMask. The expensive part, the walk over the vocabulary, happens at most once per position of the
// matcher and is remembered; a candidate token that is tried alone costs its own bytes only. What must differ from
// earlier elements of this text (grammar_text.hpp) is taken out of the remembered mask each time.
//
// A mask whose matcher is full goes on with one of its own, begun anew at its place. Where even that does not do for
// one operation, or no token of the vocabulary can go on and the text is not complete, `status` says so.
//
// Threads:   a mask is confined to its sequence; what masks of one grammar share (`SharedMatcher`) guards itself.
// Ownership: masks keep their grammar's matcher and the vocabulary's trie alive.
#pragma once

#include <memory>
#include <mutex>
#include <unordered_map>
#include <vector>

#include "inference/grammar/grammar_text.hpp"
#include "inference/grammar/matcher.hpp"
#include "inference/grammar/vocabulary_trie.hpp"
#include "inference/token_mask.hpp"

namespace mnema::grammar {

/// One grammar over one vocabulary, with everything learned about it so far.
struct SharedMatcher {
  SharedMatcher(Matcher begun, std::shared_ptr<const VocabularyTrie> vocabulary)
      : trie(std::move(vocabulary)), matcher(std::move(begun)) {}

  const std::shared_ptr<const VocabularyTrie> trie;
  std::mutex mutex;
  Matcher matcher;                                                       // guarded by mutex
  std::unordered_map<Position, std::vector<std::uint64_t>> known_masks;  // guarded by mutex; bounded
};

class GrammarMask final : public TokenMask {
 public:
  explicit GrammarMask(std::shared_ptr<SharedMatcher> shared);

  void fill(std::span<std::uint64_t> allowed) override;
  [[nodiscard]] bool allows(TokenId token) override;
  void accept(TokenId token) override;
  [[nodiscard]] bool finished() const override;
  [[nodiscard]] Status status() const override { return status_; }
  [[nodiscard]] std::unique_ptr<TokenMask> clone() const override;

 private:
  /// Runs `operation` with the matcher locked, a second time with a new matcher where the old one is full.
  template <class Operation>
  void run(const Operation& operation);
  /// Whether any token may come next.
  bool fill_known_or_walk(SharedMatcher& shared, std::span<std::uint64_t> allowed) const;

  std::shared_ptr<SharedMatcher> shared_;
  GrammarText text_;
  bool ended_ = false;  // an end-of-generation token was accepted
  Status status_;
};

}  // namespace mnema::grammar
