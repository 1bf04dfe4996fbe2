// inference/grammar/grammar_text.hpp
//
// A text under a grammar: where it stands in the matcher, and what stood in its open arrays and objects whose elements
// must differ. The matcher is shared by all texts of a grammar; this is what one text has for itself.
//
// Threads: plain values; the matcher that is passed is guarded by the caller.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "inference/grammar/distinct_elements.hpp"
#include "inference/grammar/matcher.hpp"
#include "inference/grammar/token_trie.hpp"

namespace mnema::grammar {

class GrammarText {
 public:
  /// Bytes tried to find out whether an element can become different from all before it, of one token and of all
  /// tokens of a mask. Beyond them it is taken for granted; should it not be so, no token is left at some later place.
  static constexpr int kLookAheadMax = 4'000;
  static constexpr int kLookAheadsMax = 40'000;

  explicit GrammarText(Position start) : position_(start) {}

  [[nodiscard]] Position position() const { return position_; }
  /// The same place in a matcher that began there.
  void move_to(Position position) { position_ = position; }

  /// The text with `bytes` behind it; none: the grammar does not allow them, or elements are equal that must not be.
  [[nodiscard]] std::optional<GrammarText> with(Matcher& matcher, std::string_view bytes) const;
  /// Whether it can be completed, as far as that depends on what must differ.
  [[nodiscard]] bool can_go_on(Matcher& matcher) const;
  /// Clears the bits of the tokens that make elements equal, or leave only such: `allowed` is what the matcher allows.
  void forbid_repetitions(const TokenTrie& trie, Matcher& matcher, std::span<std::uint64_t> allowed) const;

  void check_integrity() const { elements_.check_integrity(); }

 private:
  Position position_;
  DistinctElements elements_;
  std::string text_;  // from where `elements_` needs it
};

}  // namespace mnema::grammar
