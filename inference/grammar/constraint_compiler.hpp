// inference/grammar/constraint_compiler.hpp
//
// From what a request asks (a schema, a grammar, choices) to the mask that enforces it. Fails closed: what cannot be
// enforced is an error here, before any compute. Grammars that were compiled before are found again, with the masks
// they have learned.
//
// Threads:   any thread; guarded by a mutex of its own.
// Ownership: one per tokenizer; masks keep alive what they need.
#pragma once

#include <list>
#include <memory>
#include <mutex>
#include <string>

#include "inference/grammar/grammar_mask.hpp"
#include "inference/request.hpp"
#include "inference/token_mask.hpp"
#include "inference/tokenizer/tokenizer.hpp"
#include "runtime/base/limits.hpp"

namespace mnema::grammar {

class ConstraintCompiler {
 public:
  ConstraintCompiler(std::shared_ptr<const Tokenizer> tokenizer, const Limits& limits);

  /// A mask at the beginning of the text, or nullptr for `NoConstraint`.
  /// Errors: `kInvalidArgument`, `kUnsupported`, with line and column (GBNF) or JSON pointer (schema).
  [[nodiscard]] Result<std::unique_ptr<TokenMask>> compile(const Constraint& constraint);

 private:
  [[nodiscard]] Result<std::shared_ptr<SharedMatcher>> matcher_for(const std::string& key,
                                                                   const Constraint& constraint);
  /// What was compiled before under `key` and may learn more, or null.
  [[nodiscard]] std::shared_ptr<SharedMatcher> recent(const std::string& key);
  std::shared_ptr<const VocabularyTrie> trie();

  const std::shared_ptr<const Tokenizer> tokenizer_;
  const Limits limits_;
  std::mutex mutex_;
  std::shared_ptr<const VocabularyTrie> trie_;  // guarded by mutex_; built at the first constraint
  struct Entry {
    std::string key;
    std::shared_ptr<SharedMatcher> matcher;
  };
  std::list<Entry> recent_;  // guarded by mutex_; most recently used first
};

}  // namespace mnema::grammar
